//! Accounts elsewhere, asked over HTTP.
//!
//! Request: `POST URL` with JSON `{"email", "password", "address"}`, and `Authorization: Bearer SECRET` if there is a secret.
//!
//! | answer | means |
//! |---|---|
//! | 200 with JSON `{"subject", "name", "email"?}` | right; other fields are ignored |
//! | 401 or 404 | email or password are wrong |
//! | 403 | the account is disabled |
//! | 429, perhaps with `Retry-After` in seconds | too many attempts |
//! | anything else, or none in time | the service is down |

use super::super::pool::{Full, Pool};
use super::super::secrets::Secret;
use super::breaker::Breaker;
use super::{Directory, DirectoryError, ExternalAccount, Verifying};
use rustls::crypto::ring::default_provider;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use ureq::Agent;
use ureq::http::{Response, Uri, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// Requests that wait for a thread.
const QUEUE: usize = 64;
/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 16_384;
/// Longest subject, in bytes.
const SUBJECT_BYTES_MAX: usize = 128;
/// How long to wait if the service does not say.
const WAIT: Duration = Duration::from_secs(5);
/// Longest wait that is passed on to players.
const WAIT_MAX: Duration = Duration::from_secs(3600);

/// Where the service is, and how to ask it.
#[derive(Clone)]
pub struct HttpDirectorySettings {
    /// Names the directory in the database. Accounts of another name are other accounts.
    pub name: String,
    /// `https://...`, or `http://...` on a network that nobody else reads: passwords pass through it.
    pub url: String,
    /// The secret that the request carries.
    pub secret: Option<Secret>,
    /// How long one request may take.
    pub timeout: Duration,
    /// Requests at the same time, one thread each.
    pub parallel: usize,
    /// Certificates (PEM) of the authorities that an `https` service is checked with, such as `/etc/ssl/certs/ca-
    /// certificates.crt`.
    pub certificates: Option<PathBuf>,
}

/// Why the service cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum HttpDirectoryError {
    /// The address.
    #[error("{0} is no http:// or https:// address")]
    Url(String),
    /// The certificates.
    #[error("an https:// address needs a file with certificates (PEM), such as /etc/ssl/certs/ca-certificates.crt")]
    NoCertificates,
    /// The file of certificates.
    #[error("cannot read certificates from {0}: {1}")]
    Certificates(PathBuf, String),
    /// A thread.
    #[error("cannot start a thread for accounts elsewhere: {0}")]
    Thread(std::io::Error),
}

/// Accounts elsewhere, asked over HTTP.
pub struct HttpDirectory {
    name: String,
    request: Arc<Request>,
    pool: Pool<Agent>,
}

struct Request {
    url: String,
    authorization: Option<String>,
    breaker: Mutex<Breaker>,
}

#[derive(serde::Serialize)]
struct Question<'a> {
    email: &'a str,
    password: &'a str,
    address: IpAddr,
}

#[derive(serde::Deserialize)]
struct Answer {
    subject: String,
    name: String,
    #[serde(default)]
    email: Option<String>,
}

impl HttpDirectory {
    /// Prepares to ask a service; asks nothing yet.
    ///
    /// # Errors
    /// [`HttpDirectoryError`].
    pub fn new(settings: HttpDirectorySettings) -> Result<Self, HttpDirectoryError> {
        let HttpDirectorySettings { name, url, secret, timeout, parallel, certificates } = settings;
        let uri: Option<Uri> = url.parse().ok();
        let tls = match uri.as_ref().filter(|uri| uri.host().is_some()).and_then(Uri::scheme_str) {
            Some("http") => TlsConfig::default(),
            Some("https") => trust(certificates.ok_or(HttpDirectoryError::NoCertificates)?)?,
            _ => return Err(HttpDirectoryError::Url(url)),
        };
        let agent: Agent = Agent::config_builder()
            .timeout_global(Some(timeout))
            // A password goes to no other address than the one in the settings.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .http_status_as_error(false)
            .tls_config(tls)
            .build()
            .into();
        let agents = vec![agent; parallel.max(1)];
        let authorization = secret.map(|Secret(secret)| format!("Bearer {secret}"));
        let request = Request { url, authorization, breaker: Mutex::default() };
        let pool = Pool::start("directory", QUEUE, agents).map_err(HttpDirectoryError::Thread)?;
        Ok(HttpDirectory { name, request: Arc::new(request), pool })
    }
}

fn trust(path: PathBuf) -> Result<TlsConfig, HttpDirectoryError> {
    let pem =
        std::fs::read(&path).map_err(|error| HttpDirectoryError::Certificates(path.clone(), error.to_string()))?;
    let certificates = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<_> = certificates.collect();
    if certificates.is_empty() {
        return Err(HttpDirectoryError::Certificates(path, "it has none".into()));
    }
    let provider = Arc::new(default_provider());
    let roots = RootCerts::new_with_certs(&certificates);
    Ok(TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider).build())
}

impl Directory for HttpDirectory {
    fn name(&self) -> &str {
        &self.name
    }

    fn verify<'a>(&'a self, email: &'a str, password: &'a Secret, from: IpAddr) -> Verifying<'a> {
        let (email, password) = (email.to_owned(), password.clone());
        Box::pin(async move {
            // While the service is down, nobody waits behind others who wait for it.
            if let Some(wait) = self.request.breaker().wait(Instant::now()) {
                return Err(DirectoryError::Down(wait));
            }
            let request = Arc::clone(&self.request);
            let asked = self.pool.run(move |agent| request.send(agent, &email, &password, from)).await;
            asked.unwrap_or_else(|Full(wait)| Err(DirectoryError::Down(wait)))
        })
    }
}

impl Request {
    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(
        &self,
        agent: &Agent,
        email: &str,
        password: &Secret,
        from: IpAddr,
    ) -> Result<ExternalAccount, DirectoryError> {
        self.breaker().admit(Instant::now()).map_err(DirectoryError::Down)?;
        let mut request = agent.post(&self.url);
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let question = Question { email, password: &password.0, address: from.to_canonical() };
        let answer = match request.send_json(question) {
            Ok(response) => read(response),
            Err(error) => Err(Wrong::Down(error.to_string())),
        };
        self.breaker().record(!matches!(answer, Err(Wrong::Down(_))), Instant::now());
        answer.map_err(|wrong| match wrong {
            Wrong::Refused(error) => error,
            Wrong::Down(reason) => {
                tracing::warn!(url = self.url, reason, "accounts elsewhere do not answer");
                DirectoryError::Down(WAIT)
            }
        })
    }
}

/// Why there is no account.
enum Wrong {
    /// The service says so.
    Refused(DirectoryError),
    /// The service is down.
    Down(String),
}

fn read(mut response: Response<ureq::Body>) -> Result<ExternalAccount, Wrong> {
    match response.status().as_u16() {
        200 => {}
        401 | 404 => return Err(Wrong::Refused(DirectoryError::Wrong)),
        403 => return Err(Wrong::Refused(DirectoryError::Disabled)),
        429 => return Err(Wrong::Refused(DirectoryError::TooMany(retry_after(&response)))),
        status => return Err(Wrong::Down(format!("status {status}"))),
    }
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_json();
    let Answer { subject, name, email } = body.map_err(|error| Wrong::Down(error.to_string()))?;
    if subject.is_empty() || subject.len() > SUBJECT_BYTES_MAX {
        return Err(Wrong::Down("subject must have 1 to 128 bytes".into()));
    }
    Ok(ExternalAccount { subject, name, email })
}

fn retry_after(response: &Response<ureq::Body>) -> Duration {
    let seconds = response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.map_or(WAIT, Duration::from_secs).min(WAIT_MAX)
}
