//! Which requests an admin port allows.

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use ringshard_protocol::crypto::hmac_sha256;
use std::net::IpAddr;

/// Paths that need no token: the dashboard itself, which holds no figures, and the health checks of service supervisors and
/// load balancers, which cannot send a token.
const PUBLIC_PATHS: [&str; 3] = ["/", "/live", "/ready"];
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Which requests a port or socket allows.
#[derive(Debug)]
pub enum Guard {
    /// All: the file system decides who may open the socket.
    Socket,
    /// Questions from this host; no commands. The text says how to give commands.
    Local(&'static str),
    /// Requests with the token whose digest this is.
    Token([u8; 32]),
}

impl Guard {
    /// The guard of a TCP port, with its token, if it has one. Without one, it refuses commands with the text `no_commands`.
    pub fn of_port(token: Option<&str>, no_commands: &'static str) -> Self {
        token.map_or(Guard::Local(no_commands), |token| Guard::Token(digest(token.as_bytes())))
    }

    /// The status and the reason with which a request is refused; None if it is allowed.
    pub fn refusal<T>(&self, request: &Request<T>) -> Option<(StatusCode, &'static str)> {
        let is_question = matches!(*request.method(), Method::GET | Method::HEAD);
        if is_question && PUBLIC_PATHS.contains(&request.uri().path()) {
            return None;
        }
        match self {
            Guard::Socket => None,
            Guard::Token(token) if has_token(request.headers(), token) => None,
            Guard::Token(_) => {
                let why = "this request needs the token in admin-token-file: send it as `Authorization: Bearer TOKEN`";
                Some((StatusCode::UNAUTHORIZED, why))
            }
            Guard::Local(_) if !is_for_this_host(request.headers()) => {
                let why = "use this host's address or localhost in the URL; pages of other sites may not send requests";
                Some((StatusCode::FORBIDDEN, why))
            }
            Guard::Local(why) if !is_question => Some((StatusCode::FORBIDDEN, why)),
            Guard::Local(_) => None,
        }
    }
}

fn has_token(headers: &HeaderMap, token: &[u8; 32]) -> bool {
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    sent.is_some_and(|sent| digest(sent) == *token)
}

/// Digests are compared in place of tokens, so that the time of the comparison says nothing about the token.
fn digest(token: &[u8]) -> [u8; 32] {
    hmac_sha256(b"ringshard admin", &[token])
}

/// Whether a request names this host by an address or as localhost, and does not come from a page of another site. Such
/// pages make browsers ask with a host name that resolves to this host, or with a form.
fn is_for_this_host(headers: &HeaderMap) -> bool {
    let is_this_host = |name: &str| {
        let host = match name.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => name.rsplit_once(':').map_or(name, |(host, _)| host),
        };
        host == "localhost" || host.parse::<IpAddr>().is_ok()
    };
    let text = |name: HeaderName| headers.get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
    let host = text(header::HOST).unwrap_or_default();
    let origin = text(header::ORIGIN).map(|origin| origin.trim_start_matches("http://"));
    // If a page only fetches, browsers leave out the origin but say whose page it is.
    let same_site = text(SEC_FETCH_SITE).is_none_or(|site| site == "same-origin" || site == "none");
    is_this_host(host) && same_site && origin.is_none_or(|origin| origin == host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(entries: &[(HeaderName, &str)]) -> HeaderMap {
        entries.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn no_page_of_another_site_can_ask() {
        let asks = |host: &str, origin: Option<&str>| {
            let mut entries = vec![(header::HOST, host)];
            entries.extend(origin.map(|origin| (header::ORIGIN, origin)));
            is_for_this_host(&headers(&entries))
        };
        for host in ["127.0.0.1:3566", "localhost:3566", "[::1]:3566", "10.0.0.7"] {
            assert!(asks(host, None), "{host}");
            assert!(asks(host, Some(&format!("http://{host}"))), "{host}");
            assert!(!asks(host, Some("http://evil.example")), "{host}");
        }
        assert!(!asks("rebound.example:3566", None));
        assert!(!asks("127.0.0.1.example", None));
        assert!(!asks("localhost:3566", Some("null")));
        assert!(!is_for_this_host(&headers(&[])));
        let fetched = |site| is_for_this_host(&headers(&[(header::HOST, "localhost:3566"), (SEC_FETCH_SITE, site)]));
        assert!(fetched("same-origin") && fetched("none") && !fetched("cross-site") && !fetched("same-site"));
    }

    fn refused(guard: &Guard, method: &str, path: &str, entries: &[(HeaderName, &str)]) -> Option<u16> {
        let mut request = Request::builder().method(method).uri(path).body(()).unwrap();
        *request.headers_mut() = headers(entries);
        guard.refusal(&request).map(|(status, _)| status.as_u16())
    }

    #[test]
    fn only_the_token_opens() {
        let guard = Guard::of_port(Some("0123456789abcdef"), "");
        let bears = |text: &str| refused(&guard, "GET", "/stats", &[(header::AUTHORIZATION, text)]).is_none();
        assert!(bears("Bearer 0123456789abcdef"));
        for wrong in ["Bearer 0123456789abcde", "Bearer 0123456789abcdef ", "0123456789abcdef", "Bearer ", "Basic x"] {
            assert!(!bears(wrong), "{wrong}");
        }
        assert_eq!(refused(&guard, "GET", "/stats", &[]), Some(401));
        assert_eq!(refused(&guard, "POST", "/drain", &[]), Some(401));
        assert_eq!(refused(&guard, "POST", "/live", &[]), Some(401));
        for open in ["/", "/live", "/ready"] {
            assert_eq!(refused(&guard, "GET", open, &[]), None, "{open}");
        }
    }

    #[test]
    fn without_a_token_a_port_refuses_commands_and_a_socket_accepts_them() {
        let here = [(header::HOST, "127.0.0.1:3566")];
        let port = Guard::of_port(None, "");
        assert_eq!(refused(&port, "GET", "/stats", &here), None);
        assert_eq!(refused(&port, "HEAD", "/stats", &here), None);
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            assert_eq!(refused(&port, method, "/drain", &here), Some(403), "{method}");
        }
        assert_eq!(refused(&port, "GET", "/stats", &[(header::HOST, "rebound.example")]), Some(403));
        assert_eq!(refused(&port, "GET", "/live", &[(header::HOST, "probe.example")]), None);
        assert_eq!(refused(&Guard::Socket, "POST", "/drain", &[]), None);
    }
}
