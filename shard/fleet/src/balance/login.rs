//! Tickets of the login door. The balancer passes a client's token on, and keeps nothing of it.

use super::settings::LoginSettings;
use axum::http::HeaderValue;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use ureq::Agent;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// For the door to answer.
const ANSWER: Duration = Duration::from_secs(5);
/// Questions to the door at a time. Beyond them, the answer to clients is to try again.
const QUESTIONS_MAX: usize = 64;
/// Bytes of the door's answer.
const ANSWER_BYTES_MAX: u64 = 16 << 10;

/// The login door.
#[derive(Debug)]
pub(super) struct Login {
    agent: Agent,
    url: String,
    places: Arc<Semaphore>,
}

/// A ticket for one server.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub(super) struct JoinTicket {
    pub(super) ticket: String,
    /// In milliseconds since 1970.
    pub(super) expires: u64,
}

/// Why there is no ticket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct NoTicket {
    /// Of HTTP.
    pub(super) status: u16,
    pub(super) error: String,
    pub(super) wait_s: Option<u64>,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
    #[serde(default)]
    wait_ms: u64,
}

impl Login {
    /// Prepares to ask; asks nothing yet.
    ///
    /// # Errors
    /// The file of certificates, and what is wrong with it.
    pub(super) fn new(settings: &LoginSettings) -> Result<Login, String> {
        let agent = Agent::config_builder()
            .timeout_global(Some(ANSWER))
            // A token goes to no other address than the one in the settings.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .http_status_as_error(false)
            .tls_config(tls(settings)?)
            .build()
            .into();
        let url = format!("{}/v1/ticket", settings.url);
        Ok(Login { agent, url, places: Arc::new(Semaphore::new(QUESTIONS_MAX)) })
    }

    /// A ticket for the server with this key, for the client of this `Authorization`.
    pub(super) async fn ticket(&self, authorization: HeaderValue, server_key: &str) -> Result<JoinTicket, NoTicket> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Err(NoTicket::later("too many clients ask for tickets".to_owned()));
        };
        let (agent, url, body) = (self.agent.clone(), self.url.clone(), json!({ "server": server_key }));
        let asked = spawn_blocking(move || {
            let _place = place;
            let answer = agent.post(&url).header("authorization", authorization).send_json(body);
            let mut answer =
                answer.map_err(|error| NoTicket::later(format!("the login door does not answer: {error}")))?;
            let status = answer.status().as_u16();
            let body = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
            read(status, &body.map_err(|error| NoTicket::later(format!("the login door does not answer: {error}")))?)
        });
        asked.await.unwrap_or_else(|_| Err(NoTicket::later("the question to the login door was dropped".to_owned())))
    }
}

impl NoTicket {
    fn later(error: String) -> NoTicket {
        NoTicket { status: 503, error, wait_s: Some(2) }
    }
}

fn read(status: u16, body: &[u8]) -> Result<JoinTicket, NoTicket> {
    if status == 200 {
        let parsed = serde_json::from_slice(body);
        return parsed.map_err(|error| NoTicket::later(format!("the login door's answer cannot be read: {error}")));
    }
    let refusal = serde_json::from_slice(body).unwrap_or(Refusal { error: format!("status {status}"), wait_ms: 0 });
    let wait_s = (refusal.wait_ms > 0).then(|| refusal.wait_ms.div_ceil(1_000));
    // What is wrong with the door or with the settings is no fault of the client.
    let status = if matches!(status, 401 | 403 | 429) { status } else { 503 };
    Err(NoTicket { status, error: format!("the login door refuses a ticket: {}", refusal.error), wait_s })
}

fn tls(settings: &LoginSettings) -> Result<TlsConfig, String> {
    let Some(path) = &settings.certificate else { return Ok(TlsConfig::default()) };
    let pem = std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let certificates = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    let certificates: Vec<_> = certificates.collect();
    if certificates.is_empty() {
        return Err(format!("{} holds no certificate: login-certificate must be a PEM file", path.display()));
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let roots = RootCerts::new_with_certs(&certificates);
    Ok(TlsConfig::builder().root_certs(roots).unversioned_rustls_crypto_provider(provider).build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_doors_answer_is_passed_on_and_its_faults_are_not_the_clients() {
        let ticket = read(200, br#"{"address":"a:1","server_key":"00","ticket":"T","expires":5}"#);
        assert_eq!(ticket, Ok(JoinTicket { ticket: "T".to_owned(), expires: 5 }));
        let refused = read(429, br#"{"status":429,"error":"too many","wait_ms":1500}"#).unwrap_err();
        assert_eq!((refused.status, refused.wait_s), (429, Some(2)));
        assert!(refused.error.ends_with("too many"));
        assert_eq!(read(401, b"").unwrap_err().status, 401);
        for (status, body) in [(404, &b"{}"[..]), (500, b""), (302, b""), (200, b"<html>")] {
            assert_eq!(read(status, body).unwrap_err().status, 503, "{status}");
        }
    }
}
