//! Who may do what.
//!
//! With a file of tokens, requests of readers and writers carry `Authorization: Bearer TOKEN`. Without one, requests of this
//! host may read, and nobody may write. There are no cookies, so no page of another origin can use an operator's token.

use super::Client;
use super::answer::Refusal;
use crate::balance::state::State;
use crate::balance::tokens::{Holder, Role};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use std::net::IpAddr;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

impl State {
    /// Who makes a request, if it may be made.
    ///
    /// # Errors
    /// It needs a token, or one that may write.
    pub(super) fn authorize(&self, client: Client, headers: &HeaderMap, role: Role) -> Result<Holder, Refusal> {
        if self.tokens().is_none() {
            return without_tokens(client, headers, role);
        }
        let holder = self.holder(headers).ok_or_else(|| {
            Refusal::new(
                401,
                "this needs a token of the balancer's `tokens`: send the header `Authorization: Bearer TOKEN`",
            )
        })?;
        if holder.role < role {
            return Err(Refusal::new(403, format!("the token of {} may read, but not write", holder.name)));
        }
        Ok(holder)
    }

    /// Who holds the token of a request, whatever it allows.
    pub(super) fn holder(&self, headers: &HeaderMap) -> Option<Holder> {
        self.tokens()?.holder(bearer(headers)?).cloned()
    }
}

fn without_tokens(client: Client, headers: &HeaderMap, role: Role) -> Result<Holder, Refusal> {
    if role == Role::Write {
        return Err(Refusal::new(403, "this balancer takes no changes: set `tokens`, and send a token that may write"));
    }
    if client.is_local && is_for_this_host(headers) {
        return Ok(Holder { name: "this host".to_owned(), role: Role::Read });
    }
    Err(Refusal::new(
        401,
        "without `tokens`, only requests of the balancer's host to an address of loopback are answered",
    ))
}

/// The token, if there is exactly one `Authorization`.
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.as_bytes();
    if values.next().is_some() {
        return None;
    }
    value.strip_prefix(b"Bearer ")
}

/// Whether a request names this host by an address or as localhost, and does not come from a page of another site. Such
/// pages make browsers ask with a host name that resolves to this host.
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
    let origin = text(header::ORIGIN).map(|origin| origin.trim_start_matches("http://").trim_start_matches("https://"));
    let same_site = text(SEC_FETCH_SITE).is_none_or(|site| site == "same-origin" || site == "none");
    is_this_host(host) && same_site && origin.is_none_or(|origin| origin == host)
}
