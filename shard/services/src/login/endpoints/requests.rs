//! What most endpoints need of a request: its body, and whose session it is.

use super::super::answer::Refusal;
use super::super::bearer;
use super::super::body;
use super::super::connections::Peer;
use super::super::state::State;
use crate::accounts::Profile;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde::de::DeserializeOwned;
use std::sync::Arc;

/// The account of a request, which must have a valid token.
pub(super) struct Player(pub(super) Profile);

impl FromRequestParts<Arc<State>> for Player {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &Arc<State>) -> Result<Player, Refusal> {
        let peer = parts.extensions.get::<Peer>().expect("each request knows its connection");
        Ok(Player(state.profile(peer, &parts.headers).await?))
    }
}

impl State {
    /// The account of the request's token.
    pub(super) async fn profile(&self, peer: &Peer, headers: &HeaderMap) -> Result<Profile, Refusal> {
        let token = bearer::token(headers).ok_or_else(Refusal::unauthorized)?;
        Ok(self.accounts.identify(peer.address, token).await?)
    }

    /// The body as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, body: Body) -> Result<T, Refusal> {
        body::json(body, self.settings.body, &self.counters).await
    }

    /// The body as JSON that may be left out.
    pub(super) async fn optional_json<T: DeserializeOwned + Default>(&self, body: Body) -> Result<T, Refusal> {
        let bytes = body::bytes(body, self.settings.body, &self.counters).await?;
        if bytes.is_empty() { Ok(T::default()) } else { body::parse(&bytes, &self.counters) }
    }
}

/// Exactly `N` bytes from base64url.
pub(super) fn exact<const N: usize>(field: &str, text: &str) -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    let decoded = Base64UrlUnpadded::decode(text, &mut bytes).is_ok_and(|decoded| decoded.len() == N);
    if decoded {
        Ok(bytes)
    } else {
        Err(Refusal::new(400, format!("{field}: expected {N} bytes as base64url without padding")))
    }
}

/// The answer after something of an account was removed, or was not there.
pub(super) fn removed(was_there: bool, what: &str) -> Result<StatusCode, Refusal> {
    if was_there {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Refusal::new(404, format!("this account has no such {what}")))
    }
}

/// A number at the end of a path.
pub(super) fn number(text: &str) -> Result<u64, Refusal> {
    text.parse().map_err(|_| Refusal::new(400, "the path must end with a number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_another_length_are_refused_with_the_name_of_their_field() {
        assert_eq!(exact::<2>("key", "AAE"), Ok([0, 1]));
        for wrong in ["", "AA", "AAEC", "AA=", "A*E"] {
            let refusal = exact::<2>("key", wrong).unwrap_err();
            assert!(refusal.status == 400 && refusal.error.starts_with("key:"), "{wrong}");
        }
    }
}
