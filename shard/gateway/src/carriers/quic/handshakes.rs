//! How many handshakes run at a time on a thread.
//!
//! Anybody can send a first packet with a forged source address. A thread begins a few handshakes without asking. Beyond
//! that it answers with a Retry, which costs it no memory and which only the owner of an address can use. An address that is
//! proven counts in the limits per address ([`crate::limits`]) at once; one that is not proven never does, because it may be
//! somebody else's.

use super::counted::{Count, Counted};
use crate::limits::{Limits, Place, Refused};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A handshake that takes longer ends.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes of a thread with addresses that are not proven.
pub(super) const UNPROVEN_MAX: usize = 64;
/// Handshakes of a thread with proven addresses.
pub(super) const PROVEN_MAX: usize = 1_024;

/// What happens to an attempt to connect.
#[derive(Debug)]
pub(super) enum Admission {
    /// The handshake begins.
    Begin(Handshake),
    /// The client must prove its address.
    Prove,
    /// There are too many, in all or of this address. The client gets an answer that says so.
    Refuse,
    /// The address is denied. It gets no answer.
    Ignore,
}

/// The handshakes of a thread.
#[derive(Debug)]
pub(super) struct Handshakes {
    limits: Arc<Limits>,
    unproven: Count,
    proven: Count,
}

impl Handshakes {
    pub(super) fn new(limits: Arc<Limits>) -> Handshakes {
        Handshakes { limits, unproven: Count::default(), proven: Count::default() }
    }

    /// Decides about an attempt. `is_proven`: the client has answered a Retry.
    pub(super) fn admit(&self, from: IpAddr, is_proven: bool) -> Admission {
        if self.limits.denies(from) {
            return Admission::Ignore;
        }
        if !is_proven {
            if self.unproven.get() >= UNPROVEN_MAX {
                return Admission::Prove;
            }
            return Admission::Begin(Handshake { place: None, _counted: Counted::new(&self.unproven) });
        }
        if self.proven.get() >= PROVEN_MAX {
            return Admission::Refuse;
        }
        match self.limits.connection(from) {
            Ok(place) => Admission::Begin(Handshake { place: Some(place), _counted: Counted::new(&self.proven) }),
            Err(_) => Admission::Refuse,
        }
    }

    /// Ends a handshake whose client has proven its address by completing it. The place is kept as long as the connection.
    pub(super) fn complete(&self, handshake: Handshake, from: IpAddr) -> Result<Place, Refused> {
        match handshake.place {
            Some(place) => Ok(place),
            None => self.limits.connection(from),
        }
    }
}

/// A handshake that runs. It counts until it is dropped.
#[derive(Debug)]
pub(super) struct Handshake {
    /// None: the address is not proven.
    place: Option<Place>,
    _counted: Counted,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{LimitSettings, Settings};
    use std::net::Ipv4Addr;

    const PER_ADDRESS: usize = 3;

    fn handshakes() -> Handshakes {
        let limits = LimitSettings { connections_per_address: PER_ADDRESS, ..LimitSettings::default() };
        let deny = vec!["203.0.113.0/24".parse().unwrap()];
        Handshakes::new(Limits::new(&Settings { limits, deny, ..Settings::default() }))
    }

    fn address(host: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + host))
    }

    fn begun(admission: Admission) -> Handshake {
        match admission {
            Admission::Begin(handshake) => handshake,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn forged_addresses_must_prove_themselves_and_take_nothing_from_the_owner_of_the_address() {
        let all = handshakes();
        let forged: Vec<_> = (0..UNPROVEN_MAX).map(|_| begun(all.admit(address(1), false))).collect();
        assert!(matches!(all.admit(address(1), false), Admission::Prove));
        let own: Vec<_> = (0..PER_ADDRESS).map(|_| begun(all.admit(address(1), true))).collect();
        assert!(matches!(all.admit(address(1), true), Admission::Refuse));
        drop(begun(all.admit(address(2), true)));
        drop((forged, own));
        assert_eq!((all.unproven.get(), all.proven.get(), all.limits.taken()), (0, 0, (0, 0)), "nothing is left");
    }

    #[test]
    fn a_handshake_without_proof_counts_for_its_address_once_it_is_complete() {
        let all = handshakes();
        let complete = || all.complete(begun(all.admit(address(1), false)), address(1));
        let places: Vec<_> = (0..PER_ADDRESS).map(|_| complete().unwrap()).collect();
        assert_eq!(complete().unwrap_err(), Refused::AddressFull);
        drop(places);
        complete().unwrap();
    }

    #[test]
    fn many_addresses_together_are_bounded_and_denied_ones_get_no_answer() {
        let all = handshakes();
        let held: Vec<_> = (0..PROVEN_MAX as u32).map(|host| begun(all.admit(address(host), true))).collect();
        assert!(matches!(all.admit(address(1 << 16), true), Admission::Refuse));
        assert!(matches!(all.admit("203.0.113.7".parse().unwrap(), true), Admission::Ignore));
        drop(held);
    }
}
