//! How many handshakes run at a time on a thread.
//!
//! Anybody can send a first packet with a forged source address. A thread begins a few handshakes without asking, in all and
//! per network and second, because each costs a signature. Beyond that it answers with a Retry, which costs it no memory and
//! which only the owner of an address can use. A proven address counts in the limits per address ([`crate::limits`]) at once.
//! One that is not proven does not: it may be forged, and then its owner needs one more round trip to connect, nothing else.

use super::counted::{Count, Counted};
use crate::carriers::openings::{Opening, Openings};
use crate::clock::Clock;
use crate::limits::{Limits, Place, Refused, arrivals};
use ringshard_operation::admission::Arrivals;
use std::cell::RefCell;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// A handshake that takes longer, from its first packet to its end, fails.
pub(super) const HANDSHAKE: Duration = Duration::from_secs(10);
/// Handshakes of a thread with addresses that are not proven.
pub(super) const UNPROVEN_MAX: usize = 64;
/// Handshakes that begin without proof per network and second, of which ten times as many may come at once.
const UNPROVEN_PER_SECOND: u32 = 10;
/// Handshakes of a thread with proven addresses.
pub(super) const PROVEN_MAX: usize = 1_024;
/// Of these, handshakes of one network.
const PROVEN_PER_NETWORK_MAX: usize = 32;

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
    /// How fast handshakes without proof begin for a network.
    unproven_arrivals: RefCell<Arrivals>,
    proven: Openings,
    clock: Clock,
}

impl Handshakes {
    pub(super) fn new(limits: Arc<Limits>) -> Handshakes {
        Handshakes {
            limits,
            unproven: Count::default(),
            unproven_arrivals: RefCell::new(arrivals(UNPROVEN_PER_SECOND)),
            proven: Openings::new(PROVEN_MAX, PROVEN_PER_NETWORK_MAX),
            clock: Clock::start(),
        }
    }

    /// Decides about an attempt. `is_proven`: the client has answered a Retry, or has a token of an earlier connection.
    pub(super) fn admit(&self, from: IpAddr, is_proven: bool) -> Admission {
        let Ok(network) = self.limits.network(from) else { return Admission::Ignore };
        if !is_proven {
            if self.unproven.get() >= UNPROVEN_MAX || !self.may_begin(network) {
                return Admission::Prove;
            }
            let counted = Counted::new(&self.unproven);
            return Admission::Begin(Handshake { place: None, _unproven: Some(counted), _proven: None });
        }
        let Ok(opening) = self.proven.begin(network) else { return Admission::Refuse };
        match self.limits.connection(from) {
            Ok(place) => Admission::Begin(Handshake { place: Some(place), _unproven: None, _proven: Some(opening) }),
            Err(_) => Admission::Refuse,
        }
    }

    /// Whether another handshake without proof may begin for this network now.
    fn may_begin(&self, network: Option<IpAddr>) -> bool {
        let mut arrivals = self.unproven_arrivals.borrow_mut();
        network.is_none_or(|network| arrivals.arrive(network, Duration::from_nanos(self.clock.now())))
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
    _unproven: Option<Counted>,
    _proven: Option<Opening>,
}

impl Handshake {
    /// Whether the client had proven its address before the handshake began.
    pub(super) fn is_proven(&self) -> bool {
        self.place.is_some()
    }
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
        assert_eq!((all.unproven.get(), all.proven.count(), all.limits.taken()), (0, 0, (0, 0)), "nothing is left");
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
    fn an_address_that_begins_many_handshakes_must_prove_itself_and_then_counts() {
        let all = Handshakes::new(Limits::new(&Settings::default()));
        let begun = |_: &i32| matches!(all.admit(address(1), false), Admission::Begin(_));
        let at_once = (0..1_000).take_while(begun).count();
        assert!(at_once <= 10 * UNPROVEN_PER_SECOND as usize + 1, "{at_once} signatures for one address");
        assert!(matches!(all.admit(address(1), false), Admission::Prove));
        assert!(matches!(all.admit(address(2), false), Admission::Begin(_)), "others are not concerned");
        let proven = (0..1_000).take_while(|_| matches!(all.admit(address(1), true), Admission::Begin(_))).count();
        assert!(proven <= 510, "{proven} signatures for one address");
    }

    #[test]
    fn an_address_that_completes_no_handshake_leaves_room_for_others() {
        let all = Handshakes::new(Limits::new(&Settings::default()));
        let begins = |_: &i32| all.admit(address(1), true);
        let held: Vec<_> = (0..PROVEN_MAX as i32).map(|number| begins(&number)).collect();
        let begun = held.iter().filter(|admission| matches!(admission, Admission::Begin(_))).count();
        assert_eq!(begun, PROVEN_PER_NETWORK_MAX);
        assert!(matches!(all.admit(address(2), true), Admission::Begin(_)));
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
