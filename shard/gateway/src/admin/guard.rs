//! Which requests are allowed.

use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Request, StatusCode};
use ring::digest;
use std::net::IpAddr;

/// Paths that need no token: the dashboard itself, which holds no figures, and the check of load balancers, which cannot
/// send a token.
const PUBLIC_PATHS: [&str; 2] = ["/", "/ready"];
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Which requests the port allows.
#[derive(Debug)]
pub(super) enum Guard {
    /// Questions from this host; no commands.
    Local,
    /// Requests with the token whose digest this is.
    Token(digest::Digest),
}

impl Guard {
    pub(super) fn new(token: Option<&str>) -> Guard {
        token.map_or(Guard::Local, |token| Guard::Token(digest_of(token.as_bytes())))
    }

    /// Why a request is refused, if it is.
    pub(super) fn refusal<T>(&self, request: &Request<T>) -> Option<(StatusCode, &'static str)> {
        let is_question = request.method() == Method::GET;
        if is_question && PUBLIC_PATHS.contains(&request.uri().path()) {
            return None;
        }
        match self {
            Guard::Token(token) if has_token(request.headers(), token) => None,
            Guard::Token(_) => {
                let why = "this request needs the token in admin-token-file: send it as `Authorization: Bearer TOKEN`";
                Some((StatusCode::UNAUTHORIZED, why))
            }
            Guard::Local if !is_for_this_host(request.headers()) => {
                let why = "use this host's address or localhost in the URL; pages of other sites may not send requests";
                Some((StatusCode::FORBIDDEN, why))
            }
            Guard::Local if !is_question => {
                let why = "this port accepts no commands: set admin-token-file and send its token, or send a signal \
                           (SIGHUP reloads, SIGTERM drains)";
                Some((StatusCode::FORBIDDEN, why))
            }
            Guard::Local => None,
        }
    }
}

fn has_token(headers: &HeaderMap, token: &digest::Digest) -> bool {
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    sent.is_some_and(|sent| digest_of(sent).as_ref() == token.as_ref())
}

/// Digests are compared in place of tokens, so that the time of the comparison says nothing about the token.
fn digest_of(token: &[u8]) -> digest::Digest {
    digest::digest(&digest::SHA256, token)
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
