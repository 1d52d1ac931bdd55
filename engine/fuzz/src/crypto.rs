//! The replay window and cookies.

use crate::input::Input;
use rand_chacha::rand_core::SeedableRng;
use ringshard_protocol::crypto::{CookieSigner, CookieVerdict, Csprng, ReplayWindow};
use ringshard_protocol::limits::*;
use ringshard_protocol::time::{Duration, Instant};
use std::collections::HashSet;
use std::net::SocketAddr;

/// The replay window agrees with a set of all sequence numbers.
pub fn replay_window(data: &[u8]) {
    let mut input = Input::new(data);
    let mut window = ReplayWindow::default();
    let mut seen = HashSet::new();
    let mut highest = 0u64;
    let positions = data.last().map_or(0, |&byte| 8 * u64::from(byte));
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
    // The runs for acknowledgments agree with the set.
    let mut at = highest;
    for (index, run) in window.runs(positions).enumerate() {
        assert!(run < at && (run > 0 || index == 0), "{run} below {at}");
        assert!((at - run..at).all(|sequence| seen.contains(&sequence) == (index % 2 == 0)));
        at -= run;
    }
    assert_eq!(highest - at, positions.min(REPLAY_WINDOW - 1).min(highest.saturating_sub(1)));
}

/// A cookie is valid for its address, its key and its lifetime, whatever else was signed, and for nothing else.
pub fn cookie(data: &[u8]) {
    let mut input = Input::new(data);
    let mut random = Csprng::from_seed([1; 32]);
    let mut now = Instant::from_nanos(u64::from_le_bytes(input.array()) >> 8);
    let mut signer = CookieSigner::new(now, &mut random);
    let path = SocketAddr::from(([10, 0, 0, 1], 1));
    let address = [path, SocketAddr::from((input.array::<4>(), input.word()))];
    let client_key: [u8; 32] = input.array();
    now = now + Duration::from_millis(input.word().into()) * 4;
    let cookie = signer.sign(now, address, &client_key, &mut random);
    let mut age = Duration::ZERO;
    for _ in 0..input.byte() % 4 {
        age += Duration::from_millis(input.word().into());
        signer.sign(now + age, [path, SocketAddr::from((input.array::<4>(), 1))], &client_key, &mut random);
    }
    let verdict = |address, key: &[u8; 32], cookie| signer.verify(now + age, address, key, cookie);
    let expected = if age <= COOKIE_LIFETIME { CookieVerdict::Valid } else { CookieVerdict::Expired };
    assert_eq!(verdict(address, &client_key, &cookie), expected);

    let (mut other_cookie, mut other_key) = (cookie, client_key);
    let other_address = [path, SocketAddr::from((input.array::<4>(), input.word()))];
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
