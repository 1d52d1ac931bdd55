//! Checks the signatures of downloads.

use ring::signature::{ED25519, UnparsedPublicKey};
use ringshard_requests::download::Verify;
use ringshard_requests::message::download::UNSIGNED;

/// What `Services::new` and `Downloads::new` need to check downloads that are signed with one key. `public_key` is the Ed25519
/// key that `ringshard resources keygen` prints; [`Verify`] says what is checked. A client that knows several keys combines
/// several checks with `||`.
pub fn signed_by(public_key: [u8; 32]) -> Verify {
    let key = UnparsedPublicKey::new(&ED25519, public_key);
    Box::new(move |message, signature| *signature != UNSIGNED && key.verify(message, signature).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{Ed25519KeyPair, KeyPair};

    #[test]
    fn only_the_right_key_has_signed_the_message() {
        let [own, other] = [1, 2].map(|seed| Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap());
        let verify = signed_by(own.public_key().as_ref().try_into().unwrap());
        let sign = |key: &Ed25519KeyPair, message: &[u8]| key.sign(message).as_ref().try_into().unwrap();
        assert!(verify(b"message", &sign(&own, b"message")));
        assert!(!verify(b"message", &sign(&other, b"message")));
        assert!(!verify(b"messagf", &sign(&own, b"message")));
        assert!(!verify(b"message", &UNSIGNED));
        let mut flipped: [u8; 64] = sign(&own, b"message");
        flipped[63] ^= 1;
        assert!(!verify(b"message", &flipped));
        // With this key, which has a small order, all zeros would be a signature of everything.
        assert!(!signed_by([0; 32])(b"message", &UNSIGNED));
    }
}
