//! The state machine of a node. It does no I/O and reads no clock: datagrams and the time since the start of the process come in,
//! and an [`Outbox`] says what is to be done.
//!
//! ```text
//! client -> door -> edge ---- carry ---> relay ---- carry ---> last node -> socket of the client -> host
//! ```
//! The edge chooses the route and writes it into each datagram, so nodes in the middle keep nothing. The last node answers over
//! the way that the newest datagram came: when the edge takes another route, both directions do.

use super::RelayKey;
use super::counters::Counters;
use super::datagram::{ClientDatagram, is_of_session};
use super::exits::Exits;
use super::flows::{Flow, Flows};
use super::hosts::Hosts;
use super::links::{Link, Target};
use super::outbox::{Act, ExitId, Outbox, To};
use super::own::Own;
use super::peers::Peers;
use super::router::{Rerouted, Router, Source};
use super::shown::{MeasuredLink, Shown, ShownRoute};
use super::wire::{self, Answer, CARRIED_BYTES_MAX, Carry, Direction, LinkReport, Message, Refused};
use crate::model::Links;
use crate::topology::PlaceId;
use ringshard_protocol::gateway::{Forwarded, GatewayKey};
use ringshard_protocol::limits::FORWARDED_BYTES;
use std::net::SocketAddr;
use std::time::Duration;

/// Time between two searches for clients that are silent.
const EXPIRE_INTERVAL: Duration = Duration::from_secs(1);
/// Answers to probes tell what was known of links at most this long ago.
const TELL_INTERVAL: Duration = Duration::from_millis(50);

/// A node.
#[derive(Debug)]
pub struct Relay {
    own: Own,
    key: RelayKey,
    /// Vouches for the addresses of clients. None: hosts see the last node's address.
    gateway: Option<GatewayKey>,
    peers: Peers,
    hosts: Hosts,
    router: Router,
    flows: Flows,
    exits: Exits,
    counters: Counters,
    expire_at: Duration,
    tell_at: Duration,
    /// What answers to probes tell: the links of this node, and what it heard of others. Both are sorted by the links' ends.
    told: [Vec<LinkReport>; 2],
}

impl Relay {
    /// A node. `seed` must be random.
    pub fn new(own: Own, key: RelayKey, gateway: Option<GatewayKey>, seed: u64) -> Self {
        let mut router = Router::default();
        router.set_goals(&own.doors);
        Relay {
            flows: Flows::new(own.clients_max, seed),
            exits: Exits::new(own.clients_max),
            own,
            key,
            gateway,
            peers: Peers::default(),
            hosts: Hosts::default(),
            router,
            counters: Counters::default(),
            expire_at: Duration::ZERO,
            tell_at: Duration::ZERO,
            told: [Vec::new(), Vec::new()],
        }
    }

    /// Takes over which other nodes and which hosts there are.
    pub fn set_places(&mut self, now: Duration, nodes: Vec<Target>, hosts: Vec<Target>) {
        let others = nodes.into_iter().filter(|node| PlaceId::of_node(&node.name) != self.own.id).collect();
        let (nodes, hosts) = (self.peers.set(now, others), self.hosts.set(now, hosts));
        let is_over = |flow: &Flow| hosts.contains(&flow.host) || flow.last.is_some_and(|last| nodes.contains(&last));
        self.flows.announce(now, is_over);
        // Also those with another address: that address has yet to answer.
        nodes.iter().chain(&hosts).for_each(|place| self.router.forget(*place));
        // Sockets of clients may lead to a host's former address.
        self.expire_at = now;
    }

    /// What it has counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The same, to count what the driver does.
    pub fn counters_mut(&mut self) -> &mut Counters {
        &mut self.counters
    }

    /// Does what is due. To be called every 20 ms or more often.
    pub fn advance(&mut self, now: Duration, outbox: &mut Outbox) {
        let Relay { own, key, peers, hosts, counters, .. } = self;
        let mut links = peers.advance(now, own, key, counters, outbox);
        if own.exits {
            links.extend(hosts.advance(now, own, key, counters, outbox));
        }
        let has_changed = !links.is_empty();
        for link in links {
            self.router.report(Source::Own, link);
        }
        if has_changed || self.tell_at <= now {
            self.tell_at = now + TELL_INTERVAL;
            self.gather(now);
        }
        if self.expire_at <= now {
            self.expire_at = now + EXPIRE_INTERVAL;
            self.router.expire(now);
            self.counters.flows_expired += self.flows.expire(now);
            let gone = self.exits.expire(now, |host| self.hosts.links.address(host));
            outbox.acts.extend(gone.into_iter().map(Act::Close));
        }
        let hosts = &self.hosts;
        let changes = self.router.refresh(self.own.id, |place| hosts.links.contains(place));
        changes.iter().for_each(|change| self.rerouted(change));
    }

    /// A datagram of a client came to a door.
    pub fn from_client(&mut self, now: Duration, door: u16, address: SocketAddr, datagram: &[u8], outbox: &mut Outbox) {
        let Some(kind) = ClientDatagram::of(datagram) else {
            self.counters.malformed += 1;
            return;
        };
        if datagram.len() > CARRIED_BYTES_MAX {
            self.counters.too_long += 1;
            return;
        }
        let host = PlaceId::of_host(&self.own.doors[usize::from(door)]);
        let Some(hops) = self.router.route(host) else {
            self.counters.no_route += 1;
            return;
        };
        let Some((id, flow, is_new)) = self.flows.heard((door, address), host, now, &mut self.counters) else {
            self.counters.flows_refused += 1;
            return;
        };
        self.counters.client_datagrams += 1;
        self.counters.flows_opened += u64::from(is_new);
        flow.leaves_by(hops.last(), now);
        let announces = flow.announces() || kind == ClientDatagram::Connect;
        let gateway = self.gateway.as_ref().filter(|_| announces);
        let front_bytes = if gateway.is_some() { FORWARDED_BYTES } else { 0 };
        if front_bytes + datagram.len() > CARRIED_BYTES_MAX {
            self.counters.too_long_to_forward += 1;
            return;
        }
        let head = gateway.and_then(|key| Forwarded::head(key, address, datagram));
        let front = head.as_ref().map_or(&[][..], |head| head);
        self.counters.forwarded += u64::from(head.is_some());
        flow.sent += 1;
        let number = flow.sent;
        let carry = Carry { direction: Direction::ToHost, run: self.own.run, number, flow: id, host, hops, datagram };
        match hops.after(self.own.id) {
            Some(next) => self.send_carry(next, &carry, front, outbox),
            None => self.exit(now, &carry, front, outbox),
        }
    }

    /// A datagram came to the socket of the nodes.
    pub fn from_node(&mut self, now: Duration, datagram: &[u8], outbox: &mut Outbox) {
        match wire::read(&self.key, datagram) {
            Ok(Message::Carry(carry)) => self.carried(now, &carry, datagram, outbox),
            Ok(Message::Probe(probe)) => {
                let Relay { peers, own, told: [of_this, of_others], key, counters, .. } = self;
                peers.probed(&probe, own, [of_this, of_others], key, counters, outbox);
                self.notice_restarts(now);
            }
            Ok(Message::Answer(answer)) => self.answered(now, &answer),
            Err(Refused::Forged) => self.counters.forged += 1,
            Err(Refused::Malformed) => self.counters.malformed_node += 1,
        }
    }

    /// A datagram came to the socket of a client from its host.
    pub fn from_host(&mut self, now: Duration, exit: ExitId, datagram: &[u8], outbox: &mut Outbox) {
        if datagram.is_empty() {
            self.counters.malformed += 1;
            return;
        }
        if datagram.len() > CARRIED_BYTES_MAX {
            self.counters.too_long += 1;
            return;
        }
        let Some(exit) = self.exits.answered(exit, is_of_session(datagram), now) else {
            self.counters.unknown_flow += 1;
            return;
        };
        self.counters.from_hosts += 1;
        let (edge, flow) = exit.client;
        let (number, host, hops) = (exit.sent, exit.host, exit.back);
        let carry = Carry { direction: Direction::ToClient, run: self.own.run, number, flow, host, hops, datagram };
        match hops.after(self.own.id) {
            Some(next) => self.send_carry(next, &carry, &[], outbox),
            None => {
                assert_eq!(edge, self.own.id, "a way back of one node ends here");
                self.deliver(now, &carry, outbox);
            }
        }
    }

    /// A datagram came to the socket that probes a host.
    pub fn from_host_probe(&mut self, now: Duration, host: PlaceId, datagram: &[u8]) {
        self.hosts.answered(now, host, datagram, &mut self.counters);
    }

    /// How it stands.
    pub fn shown(&self) -> Shown {
        let routes = self.router.shown().flat_map(|(host, routes, chosen)| {
            routes.iter().map(move |route| ShownRoute {
                host: host.clone(),
                nodes: route.nodes.iter().map(|node| self.name_of(*node)).collect(),
                cost_ms: route.cost_us as f64 / 1e3,
                used: chosen.is_some_and(|chosen| chosen.nodes() == route.nodes),
            })
        });
        Shown { links: self.links(), routes: routes.collect(), clients: self.flows.len(), exits: self.exits.len() }
    }

    /// What it measured of its links.
    pub fn links(&self) -> Links {
        let hosts = self.hosts.links.iter().filter(|_| self.own.exits);
        Links {
            nodes: self.peers.links.iter().map(|(_, peer)| (peer.target.name.clone(), peer.quality)).collect(),
            hosts: hosts.map(|(_, host)| (host.target.name.clone(), host.quality)).collect(),
        }
    }

    /// What it measured of its links, exactly.
    pub fn measured(&self) -> Vec<MeasuredLink> {
        let link = |kind, link: &Link| MeasuredLink {
            kind,
            to: link.target.name.clone(),
            up: link.quality.up,
            best: link.meter.best(),
            round_trip: link.meter.round_trip(),
            loss: link.meter.loss(),
        };
        let nodes = self.peers.links.iter().map(|(_, peer)| link("node", peer));
        let hosts = self.hosts.links.iter().filter(|_| self.own.exits);
        let hosts = hosts.map(|(_, host)| link("host", host));
        nodes.chain(hosts).collect()
    }

    /// An authentic datagram on its way: this node passes it on, or is its end.
    fn carried(&mut self, now: Duration, carry: &Carry<'_>, bytes: &[u8], outbox: &mut Outbox) {
        let is_here = carry.hops.nodes()[1..].contains(&self.own.id);
        if !is_here || !self.peers.accepts(carry.hops.first(), carry.run, &mut self.counters) {
            self.counters.unknown_node += u64::from(!is_here);
            return;
        }
        self.notice_restarts(now);
        if let Some(next) = carry.hops.after(self.own.id) {
            let Some(address) = self.peers.links.address(next) else {
                self.counters.unknown_node += 1;
                return;
            };
            self.counters.passed_on += 1;
            outbox.send_parts(To::Node(address), &[], bytes);
            return;
        }
        match carry.direction {
            Direction::ToHost => self.exit(now, carry, &[], outbox),
            Direction::ToClient => self.deliver(now, carry, outbox),
        }
    }

    /// A last node that has started again has new sockets: its hosts must learn the addresses of the clients once more.
    fn notice_restarts(&mut self, now: Duration) {
        for node in self.peers.take_restarted() {
            self.flows.announce(now, |flow| flow.last == Some(node));
        }
    }

    /// This is the last node: the host gets `front` and the datagram from the socket of the client.
    fn exit(&mut self, now: Duration, carry: &Carry<'_>, front: &[u8], outbox: &mut Outbox) {
        let Some(address) = self.hosts.links.address(carry.host).filter(|_| self.own.exits) else {
            self.counters.unknown_host += 1;
            return;
        };
        let (client, back) = ((carry.hops.first(), carry.flow), carry.hops.reversed());
        let exit = match self.exits.id(client) {
            Some(exit) => exit,
            None => {
                if !self.exits.is_new(client, carry.number) {
                    self.counters.replayed += 1;
                    return;
                }
                if let Some(former) = self.exits.make_room() {
                    self.counters.exits_displaced += 1;
                    outbox.acts.push(Act::Close(former));
                }
                let Some(exit) = self.exits.open(client, (carry.host, address), back, now) else {
                    self.counters.exits_refused += 1;
                    return;
                };
                outbox.acts.push(Act::Open(exit, address));
                exit
            }
        };
        if !self.exits.heard(exit, carry.number, back, now) {
            self.counters.replayed += 1;
            return;
        }
        self.counters.to_hosts += 1;
        outbox.send_parts(To::Host(exit), front, carry.datagram);
    }

    /// This is the edge: the client gets the datagram.
    fn deliver(&mut self, now: Duration, carry: &Carry<'_>, outbox: &mut Outbox) {
        let last = carry.hops.first();
        let Some(flow) = self.flows.get(carry.flow) else {
            self.counters.unknown_flow += 1;
            return;
        };
        if !flow.is_fresh(last, carry.run, carry.number) {
            self.counters.replayed += 1;
            return;
        }
        if is_of_session(carry.datagram) {
            flow.answered_by(last, now);
        }
        let (door, address) = flow.origin;
        self.counters.delivered += 1;
        outbox.send_parts(To::Client { door, address }, &[], carry.datagram);
    }

    /// Gathers what answers to probes tell.
    fn gather(&mut self, now: Duration) {
        let Relay { peers, hosts, own, router, told: [of_this, of_others], .. } = self;
        of_this.clear();
        of_this.extend(peers.links.reports(own.id).chain(hosts.links.reports(own.id).filter(|_| own.exits)));
        of_this.sort_unstable_by_key(|link| link.to);
        of_others.clear();
        of_others.extend(router.heard(now));
    }

    fn rerouted(&mut self, change: &Rerouted) {
        let Rerouted { host, before, after } = change;
        self.counters.reroutes += u64::from(before.is_some());
        let way = after.map(|hops| hops.nodes().iter().map(|node| self.name_of(*node)).collect::<Vec<_>>().join(" > "));
        match way {
            Some(way) => tracing::info!(%host, way, "the route has changed"),
            None => tracing::warn!(%host, "no route is up: clients of this host are cut off"),
        }
    }

    fn name_of(&self, node: PlaceId) -> String {
        match self.peers.links.iter().find(|(peer, _)| *peer == node) {
            Some((_, peer)) => peer.target.name.to_string(),
            None if node == self.own.id => "this node".to_owned(),
            None => node.to_string(),
        }
    }

    fn answered(&mut self, now: Duration, answer: &Answer) {
        if !self.peers.answered(now, answer, &self.own, &mut self.counters) {
            return;
        }
        self.notice_restarts(now);
        // Of its own links, this node knows best.
        for link in answer.links.iter().filter(|link| link.from != self.own.id) {
            let source = if link.from == answer.from { Source::Measurer(now) } else { Source::Other(now) };
            self.router.report(source, *link);
        }
    }

    fn send_carry(&mut self, next: PlaceId, carry: &Carry<'_>, front: &[u8], outbox: &mut Outbox) {
        let Some(address) = self.peers.links.address(next) else {
            self.counters.unknown_node += 1;
            return;
        };
        outbox.send(To::Node(address), |bytes| carry.write(&self.key, front, bytes));
    }
}
