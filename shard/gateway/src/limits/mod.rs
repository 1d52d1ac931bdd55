//! Who may connect: how many in all and per address, how fast, and from where. The threads share it; it is asked when a
//! connection begins and when one ends, never for a datagram.
//!
//! An IPv6 address counts as its /64, because one customer has at least that many addresses. A /48 has the limits of 16
//! of these, because one customer may have as many.

mod debts;
mod origin;

pub(crate) use debts::Debt;
pub(crate) use origin::is_allowed;
pub(crate) use ringshard_operation::admission::network_of;

use self::debts::Debts;
use crate::clock::Clock;
use crate::settings::Settings;
use ipnet::IpNet;
use ringshard_operation::admission::{Arrivals, Full, Places};
use ringshard_protocol::endpoint::{Network, Networks};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

/// Connections that may come at once, in seconds of the rate.
const BURST_SECONDS: u32 = 10;

/// Why a client may not connect.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such server behind this gateway.
    #[error("no server of this name: GET /v1/gateway lists them")]
    UnknownServer,
    /// The carrier is off.
    #[error("this gateway does not offer this carrier: GET /v1/gateway lists them")]
    CarrierOff,
    /// The address is on the deny list.
    #[error("this address is denied")]
    Denied,
    /// The gateway shuts down.
    #[error("the gateway shuts down: connect to another one")]
    Draining,
    /// The gateway has as many clients or connections as it may have.
    #[error("the gateway is full: try again later, or connect to another one")]
    Full,
    /// The address has as many clients or connections as it may have.
    #[error("too many connections from this address")]
    AddressFull,
    /// The address connects too fast.
    #[error("this address connects too fast: try again in a second")]
    TooFast,
    /// A carrier's own reason: a status of HTTP and a text for the client.
    #[error("{1}")]
    Other(u16, String),
}

impl Refused {
    /// The status of HTTP that says so.
    pub fn status(&self) -> u16 {
        match self {
            Refused::UnknownServer | Refused::CarrierOff => 404,
            Refused::Denied => 403,
            Refused::Draining | Refused::Full => 503,
            Refused::AddressFull | Refused::TooFast => 429,
            Refused::Other(status, _) => *status,
        }
    }
}

/// The limits that all threads share.
#[derive(Debug)]
pub struct Limits {
    clock: Clock,
    networks: RwLock<Lists>,
    state: Mutex<State>,
}

/// Networks that are refused, and networks that no limit per address applies to.
#[derive(Debug)]
struct Lists {
    deny: Networks,
    allow: Networks,
}

#[derive(Debug)]
struct State {
    connections: Places,
    clients: Places,
    arrivals: Arrivals,
    debts: Debts,
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Connection,
    Client,
}

/// A place that is taken. It is free again once this is dropped.
#[derive(Debug)]
pub struct Place {
    limits: Arc<Limits>,
    kind: Kind,
    network: Option<IpAddr>,
}

impl Limits {
    /// The limits of these settings.
    pub fn new(settings: &Settings) -> Arc<Limits> {
        let state = State {
            connections: Places::new(settings.limits.connections, settings.limits.connections_per_address),
            clients: Places::new(settings.limits.clients, settings.limits.clients_per_address),
            arrivals: arrivals(settings.limits.connects_per_second),
            debts: Debts::default(),
        };
        let networks = RwLock::new(Lists::of(settings));
        Arc::new(Limits { clock: Clock::start(), networks, state: Mutex::new(state) })
    }

    /// Takes new limits. Whoever is connected stays.
    pub fn reload(&self, settings: &Settings) {
        let mut state = self.lock();
        state.connections.limit(settings.limits.connections, settings.limits.connections_per_address);
        state.clients.limit(settings.limits.clients, settings.limits.clients_per_address);
        let (every, burst) = rate(settings.limits.connects_per_second);
        state.arrivals.limit(every, burst);
        *self.networks.write().unwrap_or_else(PoisonError::into_inner) = Lists::of(settings);
    }

    /// A place for a TCP or QUIC connection from this address, to be asked for before anything is spent on it.
    ///
    /// # Errors
    /// The address is denied, has too many connections or connects too fast; or the gateway is full.
    pub fn connection(self: &Arc<Self>, from: IpAddr) -> Result<Place, Refused> {
        let now = Duration::from_nanos(self.clock.now());
        let network = self.network(from)?;
        let mut state = self.lock();
        if let Some(network) = network
            && !state.arrivals.arrive(network, now)
        {
            return Err(Refused::TooFast);
        }
        state.connections.take(network)?;
        Ok(self.place(Kind::Connection, network))
    }

    /// A place for a client from this address.
    ///
    /// # Errors
    /// The address is denied or has too many clients; or the gateway is full.
    pub fn client(self: &Arc<Self>, from: IpAddr) -> Result<Place, Refused> {
        let network = self.network(from)?;
        let mut state = self.lock();
        state.clients.take(network)?;
        Ok(self.place(Kind::Client, network))
    }

    /// What of its budgets a client from this address has used already, because others of its network have left just now.
    pub(crate) fn debt(&self, from: IpAddr) -> Debt {
        let now = self.clock.now();
        self.network(from).ok().flatten().map_or(Debt::default(), |network| self.lock().debts.of(network, now))
    }

    /// A client from this address has left, and had used so much of its budgets.
    pub(crate) fn note_debt(&self, from: IpAddr, debt: Debt) {
        let now = self.clock.now();
        if let Ok(Some(network)) = self.network(from) {
            self.lock().debts.note(network, debt, now);
        }
    }

    /// Whether this address is on the deny list, and not on the allow list.
    pub fn denies(&self, from: IpAddr) -> bool {
        self.network(from).is_err()
    }

    /// Connections and clients that have a place.
    pub fn taken(&self) -> (usize, usize) {
        let state = self.lock();
        (state.connections.taken(), state.clients.taken())
    }

    /// The network that counts for this address; None if no limit per address applies.
    ///
    /// # Errors
    /// The address is denied.
    pub(crate) fn network(&self, from: IpAddr) -> Result<Option<IpAddr>, Refused> {
        let lists = self.networks.read().unwrap_or_else(PoisonError::into_inner);
        if lists.allow.contain(from) {
            return Ok(None);
        }
        if lists.deny.contain(from) {
            return Err(Refused::Denied);
        }
        Ok(Some(network_of(from)))
    }

    fn place(self: &Arc<Self>, kind: Kind, network: Option<IpAddr>) -> Place {
        Place { limits: Arc::clone(self), kind, network }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lists {
    fn of(settings: &Settings) -> Lists {
        let networks = |list: &[IpNet]| list.iter().map(|it| Network::new(it.addr(), it.prefix_len())).collect();
        Lists { deny: networks(&settings.deny), allow: networks(&settings.allow) }
    }
}

impl From<Full> for Refused {
    fn from(full: Full) -> Refused {
        match full {
            Full::All => Refused::Full,
            Full::Network => Refused::AddressFull,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.limits.lock();
        match self.kind {
            Kind::Connection => state.connections.give_back(self.network),
            Kind::Client => state.clients.give_back(self.network),
        }
    }
}

/// A meter for so many arrivals of a network per second. Ten times as many may come at once.
pub(crate) fn arrivals(per_second: u32) -> Arrivals {
    let (every, burst) = rate(per_second);
    Arrivals::new(every, burst)
}

fn rate(per_second: u32) -> (Duration, u32) {
    let per_second = per_second.max(1);
    (Duration::from_secs(1) / per_second, per_second.saturating_mul(BURST_SECONDS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::LimitSettings;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn limits() -> Arc<Limits> {
        let limits = LimitSettings {
            clients: 3,
            clients_per_address: 2,
            connections_per_address: 2,
            connects_per_second: 1,
            ..LimitSettings::default()
        };
        let deny = vec!["203.0.113.0/24".parse().unwrap()];
        Limits::new(&Settings { limits, deny, ..Settings::default() })
    }

    #[test]
    fn an_address_fills_before_the_gateway_does_and_a_dropped_place_is_free_again() {
        let limits = limits();
        let first = limits.client(ip("10.0.0.1")).unwrap();
        let _second = limits.client(ip("10.0.0.1")).unwrap();
        assert_eq!(limits.client(ip("10.0.0.1")).unwrap_err(), Refused::AddressFull);
        let _third = limits.client(ip("10.0.0.2")).unwrap();
        assert_eq!(limits.client(ip("10.0.0.3")).unwrap_err(), Refused::Full);
        drop(first);
        let _fourth = limits.client(ip("10.0.0.1")).unwrap();
        assert_eq!(limits.taken(), (0, 3));
    }

    #[test]
    fn addresses_of_one_ipv6_network_share_their_places_and_mapped_addresses_are_ipv4() {
        let limits = limits();
        let _places = [0, 1].map(|_| limits.client(ip("2001:db8:1:2::1")).unwrap());
        assert_eq!(limits.client(ip("2001:db8:1:2:ffff::9")).unwrap_err(), Refused::AddressFull);
        assert_eq!(limits.client(ip("::ffff:203.0.113.9")).unwrap_err(), Refused::Denied);
        limits.client(ip("2001:db8:1:3::1")).unwrap();
    }

    #[test]
    fn allowed_networks_are_limited_in_all_alone() {
        let limits = limits();
        let _places = [0, 1, 2].map(|_| limits.client(ip("127.0.0.1")).unwrap());
        assert_eq!(limits.client(ip("127.0.0.1")).unwrap_err(), Refused::Full);
        assert!((0..100).all(|_| limits.connection(ip("::1")).is_ok()), "loopback is no customer");
    }

    #[test]
    fn an_address_that_connects_too_fast_is_refused_and_others_are_not() {
        let limits = limits();
        let refused = (0..12).filter(|_| limits.connection(ip("10.0.0.1")).is_err()).count();
        assert!((1..=2).contains(&refused), "ten at once, then one per second: {refused} refused");
        limits.connection(ip("10.0.0.2")).unwrap();
    }

    #[test]
    fn a_reload_denies_newcomers_and_changes_the_numbers() {
        let limits = limits();
        let _stays = limits.client(ip("10.0.0.1")).unwrap();
        let deny = vec!["10.0.0.0/8".parse().unwrap()];
        limits.reload(&Settings { deny, ..Settings::default() });
        assert!(limits.denies(ip("10.0.0.1")));
        assert_eq!(limits.client(ip("10.0.0.1")).unwrap_err(), Refused::Denied);
        assert_eq!(limits.taken(), (0, 1));
        limits.client(ip("203.0.113.1")).unwrap();
    }
}
