//! A client's changes of address, as far as they are proven.
//!
//! quinn follows a client to another address at once, and tries for a while whether the client receives there. Until then the
//! source may be forged, and the gateway must not vouch for it. quinn does not say what came of its trial, but what it does
//! shows: if nobody answers, it goes back to the former address. It can come to the new one again only by another trial,
//! which sends another PATH_CHALLENGE. So an address is proven if, for longer than a trial takes, the connection stays there,
//! sends no PATH_CHALLENGE, and has measured a round trip there.
//!
//! Another port of the same IP address counts at once: limits and deny lists are about IP addresses.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Longer than a trial: three times the longer probe timeout of both paths. It is above this for a client with a round trip of
/// ten seconds only.
const TRIAL: Duration = Duration::from_secs(60);
/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The round trip that quinn assumes on a new path before it has measured one (RFC 9002, section 6.2.2).
const ROUND_TRIP_ASSUMED: Duration = Duration::from_millis(333);

/// What quinn shows of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Look {
    /// PATH_CHALLENGE frames that the connection has sent.
    pub(super) challenges: u64,
    pub(super) round_trip: Duration,
}

/// The changes of a connection.
#[derive(Debug, Default)]
pub(super) struct Migrations {
    proven: Cell<u64>,
    trial: Cell<Option<Trial>>,
}

#[derive(Clone, Copy, Debug)]
struct Trial {
    address: SocketAddr,
    challenges: u64,
    since: Instant,
    looked: Instant,
}

impl Migrations {
    /// How often the client has moved.
    pub(super) fn get(&self) -> u64 {
        self.proven.get()
    }

    /// The connection is at the address that counts.
    pub(super) fn stays(&self) {
        if self.trial.get().is_some() {
            self.trial.set(None);
        }
    }

    /// The connection is at another address than `before`. Whether that one counts from now on.
    pub(super) fn moves(&self, before: SocketAddr, to: SocketAddr, now: Instant, look: impl Fn() -> Look) -> bool {
        let is_proven = before.ip() == to.ip() || self.has_lasted(to, now, look);
        if is_proven {
            self.trial.set(None);
            self.proven.set(self.proven.get() + 1);
        }
        is_proven
    }

    fn has_lasted(&self, address: SocketAddr, now: Instant, look: impl Fn() -> Look) -> bool {
        let trial = self.trial.get().filter(|trial| trial.address == address);
        if trial.is_some_and(|trial| now < trial.looked + LOOK_EVERY) {
            return false;
        }
        let Look { challenges, round_trip } = look();
        let mut trial = trial.filter(|trial| trial.challenges == challenges).unwrap_or(Trial {
            address,
            challenges,
            since: now,
            looked: now,
        });
        trial.looked = now;
        self.trial.set(Some(trial));
        now >= trial.since + TRIAL && round_trip != ROUND_TRIP_ASSUMED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: ([u8; 4], u16) = ([192, 0, 2, 1], 4_000);
    const THERE: ([u8; 4], u16) = ([203, 0, 113, 7], 4_000);
    const MEASURED: Duration = Duration::from_millis(40);

    /// After how many seconds the address there counts, if this is what quinn shows after so many seconds.
    fn proven_after(look: impl Fn(u64) -> (bool, u64, Duration)) -> Option<u64> {
        let migrations = Migrations::default();
        let start = Instant::now();
        (0..600).find(|second| {
            let (is_there, challenges, round_trip) = look(*second);
            let now = start + Duration::from_secs(*second);
            if !is_there {
                migrations.stays();
            }
            is_there && migrations.moves(HERE.into(), THERE.into(), now, || Look { challenges, round_trip })
        })
    }

    #[test]
    fn an_address_counts_once_the_connection_has_stayed_there_longer_than_a_trial() {
        assert_eq!(proven_after(|_| (true, 2, MEASURED)), Some(60));
        assert_eq!(proven_after(|second| (true, if second < 3 { 1 } else { 2 }, MEASURED)), Some(63));
    }

    #[test]
    fn an_address_that_quinn_goes_back_from_or_tries_again_never_counts() {
        assert_eq!(proven_after(|second| (second % 3 != 0, 2, MEASURED)), None);
        assert_eq!(proven_after(|second| (true, second / 3, MEASURED)), None);
        assert_eq!(proven_after(|_| (true, 2, ROUND_TRIP_ASSUMED)), None, "nothing has been sent there");
    }

    #[test]
    fn another_port_of_the_same_address_counts_at_once() {
        let migrations = Migrations::default();
        let port = (HERE.0, 4_001).into();
        assert!(migrations.moves(HERE.into(), port, Instant::now(), || unreachable!("nothing else matters")));
        assert_eq!(migrations.get(), 1);
    }
}
