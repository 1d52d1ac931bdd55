//! Limits against guessing: lock-out by account, rates by network. All in memory of fixed size; a restart forgets them.
//!
//! What attackers can fill never locks honest players out: a full table forgets, it does not refuse.

mod lockout;
mod network;
mod rate;
mod table;

use super::settings::LoginLimits;
use crate::AccountId;
use lockout::LockOut;
pub(super) use network::Network;
use rate::RateLimit;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Networks and accounts that each limit remembers.
const KEYS_MAX: usize = 65_536;
/// A site (IPv6 /48) may do as much as this many networks.
const SITE_NETWORKS: u32 = 16;
/// Unknown tokens and challenges of a network at once, and per second.
const TOKENS_BURST: u32 = 100;
const TOKENS_PER_SECOND: f64 = 2.0;

/// Whose failures count together.
///
/// Strangers share the failures of an account. A network from which the account is logged in has failures of its own, so
/// strangers cannot lock a player out at home.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Suspect {
    pub(super) email: String,
    pub(super) home: Option<Network>,
}

/// The limits of the login door.
#[derive(Debug)]
pub(super) struct Limits {
    began: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    accounts: LockOut,
    attempts: NetworkLimit,
    registrations: NetworkLimit,
    tokens: RateLimit,
    tickets: RateLimit,
}

impl Limits {
    pub(super) fn new(limits: &LoginLimits) -> Self {
        let LoginLimits { failures, first_wait, longest_wait, .. } = *limits;
        let state = State {
            accounts: LockOut::new(failures, first_wait, longest_wait, KEYS_MAX),
            attempts: NetworkLimit::new(limits.attempts_burst, limits.attempts_per_minute / 60.0),
            registrations: NetworkLimit::new(limits.registrations_burst, limits.registrations_per_hour / 3600.0),
            tokens: RateLimit::new(TOKENS_BURST, TOKENS_PER_SECOND, KEYS_MAX),
            tickets: RateLimit::new(limits.tickets_burst, limits.tickets_per_minute / 60.0, KEYS_MAX),
        };
        Limits { began: Instant::now(), state: Mutex::new(state) }
    }

    /// Counts an attempt of a network to log in.
    pub(super) fn attempt(&self, from: Network) -> Result<(), Duration> {
        self.state().attempts.take(self.now(), from)
    }

    /// An attempt that was refused because the server is busy does not count.
    pub(super) fn take_back_attempt(&self, from: Network) {
        self.state().attempts.give_back(from);
    }

    /// Counts a registration of a network.
    pub(super) fn registration(&self, from: Network) -> Result<(), Duration> {
        self.state().registrations.take(self.now(), from)
    }

    /// A registration that did not happen does not count.
    pub(super) fn take_back_registration(&self, from: Network) {
        self.state().registrations.give_back(from);
    }

    /// Counts an unknown token, or a challenge for a device.
    pub(super) fn token_or_challenge(&self, from: Network) -> Result<(), Duration> {
        self.state().tokens.take(self.now(), from)
    }

    /// Counts a ticket, or a new device.
    pub(super) fn ticket_or_device(&self, account: AccountId) -> Result<(), Duration> {
        self.state().tickets.take(self.now(), account)
    }

    /// Begins to check a password; it counts as a failure until [`Limits::succeed`].
    pub(super) fn begin(&self, suspect: &Suspect) -> Result<(), Duration> {
        self.state().accounts.begin(self.now(), suspect)
    }

    /// The password was right.
    pub(super) fn succeed(&self, suspect: &Suspect) {
        self.state().accounts.succeed(suspect);
    }

    /// The password was not checked.
    pub(super) fn take_back(&self, suspect: &Suspect) {
        self.state().accounts.take_back(suspect);
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_micros() as u64
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic while it is locked leaves numbers, which are sound each by itself.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A rate of each network, and a larger one of each site.
#[derive(Debug)]
struct NetworkLimit {
    networks: RateLimit,
    sites: RateLimit,
}

impl NetworkLimit {
    fn new(burst: u32, per_second: f64) -> Self {
        let sites =
            RateLimit::new(burst.saturating_mul(SITE_NETWORKS), per_second * f64::from(SITE_NETWORKS), KEYS_MAX);
        NetworkLimit { networks: RateLimit::new(burst, per_second, KEYS_MAX), sites }
    }

    fn take(&mut self, now: u64, from: Network) -> Result<(), Duration> {
        self.networks.take(now, from)?;
        let Some(site) = from.site() else { return Ok(()) };
        self.sites.take(now, site).inspect_err(|_| self.networks.give_back(from))
    }

    fn give_back(&mut self, from: Network) {
        self.networks.give_back(from);
        if let Some(site) = from.site() {
            self.sites.give_back(site);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_networks_of_one_site_are_limited_together() {
        let mut limit = NetworkLimit::new(2, 0.001);
        let from = |host: u16| Network::of(format!("2001:db8:7:{host:x}::1").parse().unwrap());
        let allowed = (0..1000).filter(|host| limit.take(0, from(*host)).is_ok()).count();
        assert_eq!(allowed, 32);
        let elsewhere = Network::of("2001:db8:8::1".parse().unwrap());
        assert_eq!(limit.take(0, elsewhere), Ok(()));
    }
}
