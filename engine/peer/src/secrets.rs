//! What two players derive from their introductions (PROTOCOL.md#keys-between-players).

use ringshard_protocol::crypto::{PublicKey, hkdf_sha256};

/// One end's share in the pre-shared key of a pair.
pub(crate) type Half = [u8; 32];

/// What one end of a pair contributes.
#[derive(Clone, Copy)]
pub(crate) struct Share<'a> {
    pub(crate) key: &'a PublicKey,
    pub(crate) half: &'a Half,
}

/// The pre-shared key of a pair in a session. Only the two and the server know it: both halves came in introductions. The
/// public keys are part of it, so the handshake also proves which key the connecting end has.
pub(crate) fn pre_shared_key(session: &[u8; 16], one: Share<'_>, other: Share<'_>) -> [u8; 32] {
    let (low, high) = if one.key.as_bytes() < other.key.as_bytes() { (one, other) } else { (other, one) };
    let mut halves = [0; 64];
    halves[..32].copy_from_slice(low.half);
    halves[32..].copy_from_slice(high.half);
    let info = [b"ringshard 1 peers ".as_slice(), low.key.as_bytes(), high.key.as_bytes()].concat();
    let mut key = [0; 32];
    hkdf_sha256(session, &halves, &info, &mut key);
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringshard_protocol::crypto::SecretKey;

    #[test]
    fn both_ends_derive_one_key_and_everything_in_it_counts() {
        let derive = |session: u8, halves: [u8; 2], keys: [u8; 2]| {
            let [one, other] = keys.map(|key| SecretKey::from_bytes([key; 32]).public());
            let [left, right] = halves.map(|half| [half; 32]);
            let (one, other) = (Share { key: &one, half: &left }, Share { key: &other, half: &right });
            [pre_shared_key(&[session; 16], one, other), pre_shared_key(&[session; 16], other, one)]
        };
        let [here, there] = derive(1, [2, 3], [4, 5]);
        assert_eq!(here, there);
        for changed in [derive(9, [2, 3], [4, 5]), derive(1, [9, 3], [4, 5]), derive(1, [2, 9], [4, 5])] {
            assert_ne!(changed[0], here);
        }
        assert_ne!(derive(1, [2, 3], [4, 9])[0], here, "a key cannot be exchanged");
    }
}
