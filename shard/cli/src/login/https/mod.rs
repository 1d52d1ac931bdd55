//! The login door, over HTTPS.

mod connector;
mod trust;

use super::arguments::LoginArguments;
use crate::failure::Failure;
use crate::output::plain;
use connector::TlsConnector;
use serde_json::Value as Json;
use std::time::Duration;
use ureq::config::Config;
use ureq::http::{Response, StatusCode};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{Connector, TcpConnector};
use ureq::{Agent, Body};

/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: u64 = 16 << 20;
/// As much of an answer without JSON is printed, in characters.
const EXCERPT: usize = 200;

/// A login door.
pub struct Https {
    agent: Agent,
    url: String,
    /// Sent with each request, if there is one.
    pub token: Option<String>,
}

impl Https {
    /// A door that is known by what the command line says. Nothing is sent yet.
    ///
    /// # Errors
    /// [`Failure::Usage`]: the certificates cannot be read.
    pub fn new(url: String, login: &LoginArguments, timeout: Duration) -> Result<Https, Failure> {
        let tls = trust::tls(login.fingerprint, login.certificate.as_deref())?;
        // A redirection would take the token elsewhere.
        let config = Config::builder()
            .timeout_global(Some(timeout))
            .http_status_as_error(false)
            .max_redirects(0)
            .proxy(None)
            .user_agent(concat!("ringshard/", env!("CARGO_PKG_VERSION")))
            .build();
        let connector = ().chain(TcpConnector::default()).chain(TlsConnector::new(tls));
        let agent = Agent::with_parts(config, connector, DefaultResolver::default());
        Ok(Https { agent, url: url.trim_end_matches('/').to_owned(), token: None })
    }

    /// Sends JSON to a path, and gives the JSON of the answer.
    ///
    /// # Errors
    /// [`Failure`].
    pub fn post(&self, path: &str, body: &Json) -> Result<Json, Failure> {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let sent = if body.is_null() { request.send_empty() } else { request.send_json(body) };
        self.answer(sent.map_err(|error| self.no_answer(&error))?)
    }

    fn answer(&self, mut response: Response<Body>) -> Result<Json, Failure> {
        let status = response.status();
        let read = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string();
        let text = read.map_err(|error| self.no_answer(&error))?;
        if status == StatusCode::NO_CONTENT {
            return Ok(Json::Null);
        }
        let json: Option<Json> = serde_json::from_str(&text).ok();
        match json {
            Some(json) if status.is_success() => Ok(json),
            None if status.is_success() => Err(Failure::Wrong(format!("{} does not answer with JSON", self.url))),
            json => Err(refusal(status, json.as_ref(), &text)),
        }
    }

    fn no_answer(&self, error: &ureq::Error) -> Failure {
        match error {
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
                Failure::Usage(format!("{} is no https:// address: {error}", self.url))
            }
            ureq::Error::Timeout(_) => Failure::Unreachable(format!("no answer from {} in time", self.url)),
            error => {
                let text = error.to_string();
                let advice = if text.contains("certificate") { trust::ADVICE } else { "" };
                Failure::Unreachable(format!("cannot reach {}: {text}{advice}", self.url))
            }
        }
    }
}

fn refusal(status: StatusCode, json: Option<&Json>, text: &str) -> Failure {
    let said = json.and_then(|json| json["error"].as_str()).map(plain);
    let excerpt = || plain(&text.chars().take(EXCERPT).collect::<String>());
    let wait = json.and_then(|json| json["wait_ms"].as_u64()).filter(|wait| *wait > 0).map(Duration::from_millis);
    Failure::Refused { status: status.as_u16(), message: said.unwrap_or_else(excerpt), wait }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_refusal_is_read_from_its_json_and_text_loses_its_control_characters() {
        let json = json!({"status": 429, "error": "too many", "wait_ms": 1500});
        let text = refusal(StatusCode::TOO_MANY_REQUESTS, Some(&json), "").to_string();
        assert_eq!(text, "refused with status 429: too many (try again in 1.5 s)");
        let text = refusal(StatusCode::BAD_GATEWAY, None, "\u{1b}[2Jno").to_string();
        assert_eq!(text, "refused with status 502: \\u{1b}[2Jno");
    }
}
