//! What most endpoints need of a request: its body, and whose session it is.

use super::super::answer::Refusal;
use super::super::bearer;
use super::super::body;
use super::super::connections::Peer;
use super::super::state::State;
use crate::accounts::Profile;
use axum::body::Body;
use axum::http::HeaderMap;
use base64ct::{Base64UrlUnpadded, Encoding};
use serde::de::DeserializeOwned;

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
