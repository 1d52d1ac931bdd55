//! A small internet: hosts, NATs of every kind, firewalls for IPv6, a STUN server, a relay, losses, and a clock that jumps.

use crate::players::RELAY_KEY;
use ringshard_peer::relay::{Relay, RelayLimits};
use ringshard_protocol::gateway::GatewayKey;
use ringshard_protocol::time::Instant;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Delay of a datagram from one end to the other.
const DELAY: Duration = Duration::from_millis(20);

/// How a NAT chooses ports, and whom it lets in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NatKind {
    /// One port for a host's port; lets everybody in.
    FullCone,
    /// One port for a host's port; lets in who was written to.
    PortRestricted,
    /// Another port for each destination; lets in who was written to.
    Symmetric,
}

#[derive(Debug)]
struct Nat {
    kind: NatKind,
    outside: IpAddr,
    /// The network that it leads to.
    uplink: usize,
    /// Whether hosts behind it reach each other through its outer address.
    hairpin: bool,
    ports: HashMap<(SocketAddr, Option<SocketAddr>), u16>,
    inside: HashMap<u16, SocketAddr>,
    let_in: HashSet<(u16, SocketAddr)>,
    next_port: u16,
}

impl Nat {
    fn outbound(&mut self, from: SocketAddr, to: SocketAddr) -> SocketAddr {
        let key = (from, (self.kind == NatKind::Symmetric).then_some(to));
        let port = *self.ports.entry(key).or_insert_with(|| {
            self.next_port += 7;
            self.next_port
        });
        self.inside.insert(port, from);
        self.let_in.insert((port, to));
        SocketAddr::new(self.outside, port)
    }

    fn inbound(&self, from: SocketAddr, port: u16) -> Option<SocketAddr> {
        let inside = self.inside.get(&port)?;
        (self.kind == NatKind::FullCone || self.let_in.contains(&(port, from))).then_some(*inside)
    }
}

/// A datagram on its way.
pub struct Flying {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
    /// The network that it is in at the end.
    network: usize,
}

/// All networks. Network 0 is the internet; network n is behind NAT n - 1.
pub struct Internet {
    pub now: Duration,
    pub loss_per_mille: u64,
    /// Datagrams of which a bit is flipped.
    pub corruption_per_mille: u64,
    /// Every datagram that was sent, once there is a list: from, to, bytes.
    pub sent_datagrams: Option<Vec<(SocketAddr, SocketAddr, Vec<u8>)>>,
    nats: Vec<Nat>,
    hosts: HashMap<SocketAddr, usize>,
    /// Addresses to which only those send who were sent to from there.
    firewalled: HashSet<SocketAddr>,
    let_in: HashSet<(SocketAddr, SocketAddr)>,
    flying: BTreeMap<(Duration, u64), Flying>,
    /// Pairs of addresses, from and to, between which nothing passes directly.
    pub cut_pairs: HashSet<(SocketAddr, SocketAddr)>,
    /// Addresses from and to which nothing passes.
    pub cut: HashSet<SocketAddr>,
    sent: u64,
    random: u64,
    pub stun: SocketAddr,
    pub stun6: SocketAddr,
    pub relay_address: SocketAddr,
    pub relay_address6: SocketAddr,
    pub relay: Relay,
    /// Of so many datagrams that the relay sends, one has a flipped bit, or is sent twice.
    pub relay_flips_one_in: u64,
    pub relay_repeats_one_in: u64,
}

impl Internet {
    pub fn new(seed: u64) -> Self {
        Internet {
            now: Duration::ZERO,
            loss_per_mille: 0,
            corruption_per_mille: 0,
            sent_datagrams: None,
            nats: Vec::new(),
            hosts: HashMap::new(),
            firewalled: HashSet::new(),
            let_in: HashSet::new(),
            flying: BTreeMap::new(),
            cut_pairs: HashSet::new(),
            cut: HashSet::new(),
            sent: 0,
            random: seed.wrapping_mul(2) + 1,
            stun: "198.51.100.1:3478".parse().unwrap(),
            stun6: "[2001:db8:5::1]:3478".parse().unwrap(),
            relay_address: "198.51.100.2:3478".parse().unwrap(),
            relay_address6: "[2001:db8:5::2]:3478".parse().unwrap(),
            relay: Relay::new(vec![GatewayKey::from_bytes(RELAY_KEY)], RelayLimits::default(), [1; 32]),
            relay_flips_one_in: u64::MAX,
            relay_repeats_one_in: u64::MAX,
        }
    }

    /// A network behind a NAT in the network `uplink`. Returns its number.
    pub fn nat(&mut self, kind: NatKind, uplink: usize, hairpin: bool) -> usize {
        let number = self.nats.len() as u8 + 1;
        let outside = if uplink == 0 { [203, 0, 113, number] } else { [10, uplink as u8, 0, 200 + number] };
        self.nats.push(Nat {
            kind,
            outside: IpAddr::from(outside),
            uplink,
            hairpin,
            ports: HashMap::new(),
            inside: HashMap::new(),
            let_in: HashSet::new(),
            next_port: 20_000,
        });
        self.nats.len()
    }

    /// Lets a NAT forget all its flows.
    pub fn forget_flows(&mut self, network: usize) {
        let nat = &mut self.nats[network - 1];
        nat.ports.clear();
        nat.inside.clear();
        nat.let_in.clear();
    }

    /// A host with this number in a network. Returns its address.
    pub fn host(&mut self, network: usize, number: u8) -> SocketAddr {
        let ip = if network == 0 { [192, 0, 2, number] } else { [10, network as u8, 0, number] };
        let address = SocketAddr::from((ip, 4_000));
        self.hosts.insert(address, network);
        address
    }

    /// An IPv6 address of the host with this number, which needs no NAT. Behind a firewall, only those reach it who it sent to.
    pub fn host6(&mut self, number: u8, firewalled: bool) -> SocketAddr {
        let address = SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, number.into()], 4_000));
        self.hosts.insert(address, 0);
        if firewalled {
            self.firewalled.insert(address);
        }
        address
    }

    pub fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        if let Some(sent) = &mut self.sent_datagrams {
            sent.push((from, to, bytes.to_vec()));
        }
        let Some(&network) = self.hosts.get(&from) else { return };
        if self.cut.contains(&from) || self.cut.contains(&to) || self.draw() % 1_000 < self.loss_per_mille {
            return;
        }
        if let Some((network, from, to)) = self.route(network, from, to) {
            self.sent += 1;
            let jitter = Duration::from_micros(self.draw() % 2_000);
            let mut bytes = bytes.to_vec();
            if self.draw() % 1_000 < self.corruption_per_mille {
                let (at, bit) = (self.draw() as usize % bytes.len(), self.draw() % 8);
                bytes[at] ^= 1 << bit;
            }
            let flying = Flying { from, to, bytes, network };
            self.flying.insert((self.now + DELAY + jitter, self.sent), flying);
        }
    }

    /// Lets nothing pass between two hosts of one network.
    pub fn cut_between(&mut self, one: SocketAddr, other: SocketAddr) {
        self.cut_pairs.extend([(one, other), (other, one)]);
    }

    /// Translates the addresses of a datagram all the way; None if it is lost on it.
    fn route(&mut self, network: usize, from: SocketAddr, to: SocketAddr) -> Option<(usize, SocketAddr, SocketAddr)> {
        let (mut network, mut from, mut to) = (network, from, to);
        self.let_in.insert((from, to));
        for _ in 0..8 {
            if (self.is_server(to) && network == 0) || self.hosts.get(&to) == Some(&network) {
                let is_closed = self.firewalled.contains(&to) && !self.let_in.contains(&(to, from));
                let passes = !is_closed && !self.cut_pairs.contains(&(from, to));
                return passes.then_some((network, from, to));
            }
            let inner =
                (0..self.nats.len()).find(|&nat| self.nats[nat].uplink == network && self.nats[nat].outside == to.ip());
            if let Some(nat) = inner {
                to = self.nats[nat].inbound(from, to.port())?;
                network = nat + 1;
                continue;
            }
            let nat = self.nats.get_mut(network.checked_sub(1)?)?;
            let hairpins = nat.outside == to.ip();
            from = nat.outbound(from, to);
            if hairpins {
                if !nat.hairpin {
                    return None;
                }
                to = nat.inbound(from, to.port())?;
            } else {
                network = nat.uplink;
            }
        }
        None
    }

    fn is_server(&self, address: SocketAddr) -> bool {
        [self.stun, self.stun6, self.relay_address, self.relay_address6].contains(&address)
    }

    /// The next datagram that arrives by `until`. The clock goes on to its arrival.
    pub fn arrive(&mut self, until: Duration) -> Option<Flying> {
        let (&(at, number), _) = self.flying.first_key_value()?;
        if at > until {
            return None;
        }
        let mut flying = self.flying.remove(&(at, number))?;
        self.now = self.now.max(at);
        if flying.to == self.relay_address || flying.to == self.relay_address6 {
            self.relay_datagram(&flying);
            return self.arrive(until);
        }
        if flying.to != self.stun && flying.to != self.stun6 {
            return Some(flying);
        }
        let mut answer = [0; ringshard_peer::stun::ANSWER_BYTES_MAX];
        let Some(len) = ringshard_peer::stun::answer(&flying.bytes, flying.from, &mut answer) else {
            // A corrupt one.
            return self.arrive(until);
        };
        // It comes back the way that it went: from the internet inwards.
        std::mem::swap(&mut flying.from, &mut flying.to);
        if let Some((network, from, to)) = self.route(flying.network, flying.from, flying.to) {
            self.sent += 1;
            let back = Flying { from, to, bytes: answer[..len].to_vec(), network };
            self.flying.insert((self.now + DELAY, self.sent), back);
        }
        self.arrive(until)
    }

    /// What the relay makes of a datagram.
    fn relay_datagram(&mut self, flying: &Flying) {
        let mut out = [0; 2_048];
        let now = Instant::ZERO + self.now;
        let Some((to, len)) = self.relay.receive(now, 1, flying.from, &flying.bytes, &mut out) else { return };
        if self.draw().is_multiple_of(self.relay_flips_one_in) {
            let at = self.draw() as usize % len;
            out[at] ^= 0x10;
        }
        let copies = 1 + u64::from(self.draw().is_multiple_of(self.relay_repeats_one_in));
        let relay = if to.is_ipv6() { self.relay_address6 } else { self.relay_address };
        for copy in 0..copies {
            if let Some((network, from, to)) = self.route(0, relay, to) {
                self.sent += 1;
                let bytes = out[..len].to_vec();
                let at = self.now + DELAY * (1 + copy as u32);
                self.flying.insert((at, self.sent), Flying { from, to, bytes, network });
            }
        }
    }

    fn draw(&mut self) -> u64 {
        // xorshift64
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 8
    }
}
