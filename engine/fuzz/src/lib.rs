//! What each fuzz target does with its input. The targets themselves only hand it over, so that an ordinary test can
//! replay a corpus.
//!
//! Nothing may panic; beyond that, each function states what must hold.

mod client;
mod endpoint;
mod input;
mod link;

pub use client::client_receive;
pub use endpoint::endpoint_receive;

use input::Input;
use rand_chacha::rand_core::SeedableRng;
use ringshard_engine::crypto::{CookieSigner, CookieVerdict, Csprng, ReplayWindow};
use ringshard_engine::limits::*;
use ringshard_engine::time::{Duration, Instant};
use ringshard_engine::wire::*;
use std::collections::HashSet;
use std::net::SocketAddr;

/// Puts the right checksum at the end, without which no decoder looks at the rest.
fn put_checksum(datagram: &mut [u8]) {
    if let Some((covered, checksum)) = datagram.split_last_chunk_mut::<4>() {
        *checksum = crc32c::crc32c(covered).to_le_bytes();
    }
}

/// A packet outside encryption that is accepted is the one that an encoder writes.
pub fn cleartext(data: &[u8]) {
    check_cleartext(data);
    let mut repaired = data.to_vec();
    put_checksum(&mut repaired);
    check_cleartext(&repaired);
}

fn check_cleartext(datagram: &[u8]) {
    match decode_cleartext(datagram) {
        Ok(Cleartext::Connect(connect)) => assert_eq!(connect.encode(), datagram),
        Ok(Cleartext::Cookie(cookie)) => assert_eq!(cookie.encode(), datagram),
        Ok(Cleartext::Accepted(accepted)) => assert_eq!(accepted.encode(), datagram),
        Ok(Cleartext::Denied(denied)) => assert_eq!(denied.encode(), datagram),
        Ok(Cleartext::ForeignConnect { version, .. }) => {
            assert_ne!(version, PROTOCOL_VERSION);
            // What answers it must not be larger.
            assert!(datagram.len() >= CONNECT_BYTES);
        }
        Err(_) => {}
    }
}

/// Frames end, stay inside the datagram, and those that are understood are the ones that a writer writes.
pub fn frames(data: &[u8]) {
    let mut buffer = vec![0; data.len()];
    let mut writer = FrameWriter::new(&mut buffer, 0);
    let mut same = true;
    for frame in Frames::new(data) {
        let fits = match frame {
            Frame::Ping(value) => writer.ping(value),
            Frame::Pong(value) => writer.pong(value),
            Frame::Message(message) => writer.message(message),
            Frame::Disconnect(reason) => {
                // Reasons that nobody knows yet read as this one.
                same &= reason != DisconnectReason::Closed;
                writer.disconnect(reason)
            }
            Frame::Bad => {
                same = false;
                true
            }
        };
        assert!(fits, "the frames are longer than what they were read from");
    }
    let used = writer.used();
    if same {
        assert_eq!(buffer[..used], data[..used]);
    }
}

/// What decodes encodes to the same bytes.
pub fn session_parameters_and_header(data: &[u8]) {
    if let Ok(header) = Header::decode(data) {
        assert_eq!(header.encode(), data[..HEADER_BYTES]);
    }
    if let Some(bytes) = data.first_chunk()
        && let Ok(parameters) = SessionParameters::decode(bytes)
    {
        assert_eq!(&parameters.encode(), bytes);
    }
}

/// The window agrees with a set that remembers everything.
pub fn replay_window(data: &[u8]) {
    let mut input = Input::new(data);
    let mut window = ReplayWindow::default();
    let mut seen = HashSet::new();
    let mut highest = 0u64;
    while !input.is_empty() {
        let sequence = match input.byte() % 5 {
            0 => highest.saturating_add(input.byte().into()),
            1 => highest.saturating_add(input.word().into()),
            2 => highest.saturating_sub(input.byte().into()),
            3 => highest.saturating_sub((input.word() % 2048).into()),
            _ => u64::from_le_bytes(input.array()),
        };
        let fresh =
            sequence != 0 && !seen.contains(&sequence) && (sequence > highest || highest - sequence < REPLAY_WINDOW);
        assert_eq!(window.is_fresh(sequence), fresh, "{sequence} after {highest}");
        if fresh {
            window.commit(sequence);
            assert!(!window.is_fresh(sequence));
            seen.insert(sequence);
            highest = highest.max(sequence);
        }
        assert_eq!(window.highest(), highest);
    }
}

/// A cookie is good for its sender and its time, whatever else was signed meanwhile, and for nobody and nothing else.
pub fn cookie(data: &[u8]) {
    let mut input = Input::new(data);
    let mut random = Csprng::from_seed([1; 32]);
    let mut now = Instant::from_nanos(u64::from_le_bytes(input.array()) >> 8);
    let mut signer = CookieSigner::new(now, &mut random);
    let address = SocketAddr::from((input.array::<4>(), input.word()));
    let client_key: [u8; 32] = input.array();
    now = now + Duration::from_millis(input.word().into()) * 4;
    let cookie = signer.sign(now, address, &client_key, &mut random);
    let mut age = Duration::ZERO;
    for _ in 0..input.byte() % 4 {
        age += Duration::from_millis(input.word().into());
        signer.sign(now + age, SocketAddr::from((input.array::<4>(), 1)), &client_key, &mut random);
    }
    let verdict = |address, key: &[u8; 32], cookie| signer.verify(now + age, address, key, cookie);
    let expected = if age <= COOKIE_LIFETIME { CookieVerdict::Valid } else { CookieVerdict::Expired };
    assert_eq!(verdict(address, &client_key, &cookie), expected);

    let (mut other_cookie, mut other_key) = (cookie, client_key);
    let other_address = SocketAddr::from((input.array::<4>(), input.word()));
    while !input.is_empty() {
        let (at, by) = (usize::from(input.byte()), input.byte());
        match at.checked_sub(COOKIE_BYTES) {
            None => other_cookie[at] ^= by,
            Some(at) => other_key[at % 32] ^= by,
        }
    }
    if other_cookie != cookie {
        assert_ne!(verdict(address, &client_key, &other_cookie), CookieVerdict::Valid);
    }
    if other_key != client_key {
        assert_ne!(verdict(address, &other_key, &cookie), CookieVerdict::Valid);
    }
    if other_address != address {
        assert_ne!(verdict(other_address, &client_key, &cookie), CookieVerdict::Valid);
    }
}
