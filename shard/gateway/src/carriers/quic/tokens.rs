//! Tokens that prove the address of a client that returns (RFC 9000, section 8.1.3). Early data is taken with one only: without
//! proof, the gateway would vouch for a source that may be forged.

use quinn::{TokenLog, TokenReuseError};
use std::collections::HashSet;
use std::mem;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// How long a token is valid.
pub(super) const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// Tokens that a client gets per connection, as a token is valid once.
pub(super) const PER_CONNECTION: u32 = 2;
/// Tokens that are remembered per generation.
const USED_MAX: usize = 65_536;

/// Tokens that have been used, so that none is used twice.
#[derive(Debug)]
pub(super) struct UsedTokens {
    generations: Mutex<Generations>,
}

#[derive(Debug)]
struct Generations {
    now: HashSet<u128>,
    before: HashSet<u128>,
    since: Instant,
}

impl UsedTokens {
    pub(super) fn new() -> UsedTokens {
        let generations = Generations { now: HashSet::new(), before: HashSet::new(), since: Instant::now() };
        UsedTokens { generations: Mutex::new(generations) }
    }
}

impl TokenLog for UsedTokens {
    fn check_and_insert(&self, nonce: u128, _issued: SystemTime, lifetime: Duration) -> Result<(), TokenReuseError> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let Generations { now, before, since } = &mut *generations;
        if now.len() >= USED_MAX || since.elapsed() >= lifetime {
            *before = mem::take(now);
            *since = Instant::now();
        }
        if before.contains(&nonce) || !now.insert(nonce) { Err(TokenReuseError) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_valid_once_and_what_is_remembered_is_bounded() {
        let tokens = UsedTokens::new();
        let is_fresh = |nonce| tokens.check_and_insert(nonce, SystemTime::now(), LIFETIME).is_ok();
        assert!((0..100_000).all(is_fresh));
        assert!(!(50_000..100_000).any(is_fresh));
        let generations = tokens.generations.lock().unwrap();
        assert!(generations.now.len() <= USED_MAX && generations.before.len() <= USED_MAX);
    }
}
