//! The way of a datagram in. STUN and sessions share the socket: byte 4 of a Ringshard datagram is 0, that of a STUN message
//! is the first of its magic cookie.

use super::{AddressOwner, Mesh, MeshEvent};
use crate::address::is_of_a_host;
use crate::id::PeerId;
use crate::limits::ADDRESSES_PER_PEER_MAX;
use crate::outbox::{Arriving, Via};
use crate::peer::Check;
use crate::relay::{Carried, ChannelAt, RelayNews, is_relayed, read_carried};
use crate::stun::MAGIC_COOKIE;
use ringshard_protocol::time::Instant;
use std::net::SocketAddr;

impl Mesh {
    /// Takes a datagram that came to the socket from `from`.
    pub fn receive(&mut self, now: Instant, from: SocketAddr, datagram: &mut [u8]) {
        if is_relayed(datagram) {
            self.receive_relayed(now, from, datagram);
        } else if is_of_a_host(from) {
            self.receive_via(now, Via::Socket, from, datagram);
        }
    }

    /// Takes what a relay says, or has carried.
    fn receive_relayed(&mut self, now: Instant, from: SocketAddr, datagram: &mut [u8]) {
        if self.registered(now, from, datagram) {
            return;
        }
        let Some((carried, start)) = read_carried(datagram) else { return };
        let way = match carried {
            Carried::FromGuest(name, guest) => {
                let is_own = self.local.channel == Some(ChannelAt { relay: from, name }) && is_of_a_host(guest);
                is_own.then_some((Via::OwnRelay, guest))
            }
            Carried::FromOwner(name) => {
                let channel = ChannelAt { relay: from, name };
                let owner = self.peers.iter().find(|(_, peer)| peer.relays().contains(&channel));
                owner.map(|(&id, _)| (Via::TheirRelay(id), from))
            }
        };
        match way {
            Some((via, address)) => self.receive_via(now, via, address, &mut datagram[start..]),
            None => self.stats.datagrams_of_strangers += 1,
        }
    }

    /// Takes an answer of the own relay; false if it is something else.
    fn registered(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) -> bool {
        let Some(relay) = &mut self.relay else { return false };
        let Some(news) = relay.receive(now, from, datagram) else { return false };
        (self.local.channel, self.local.relays) = (relay.channel(), relay.channels());
        if news == RelayNews::Opened {
            let Mesh { peers, local, .. } = self;
            peers.values_mut().for_each(|peer| peer.add_local(now, local));
        }
        self.note_gathered(now);
        true
    }

    /// Descriptions need wait no longer once everything is there.
    fn note_gathered(&mut self, now: Instant) {
        let has_relay = self.relay.as_ref().is_none_or(|relay| relay.channel().is_some());
        if self.gathering.is_complete() && has_relay && self.gathered_at > now {
            self.gathered_at = now;
        }
    }

    fn receive_via(&mut self, now: Instant, via: Via, from: SocketAddr, datagram: &mut [u8]) {
        if datagram.get(4..8) == Some(&MAGIC_COOKIE) {
            self.receive_check(now, via, from, datagram);
        } else {
            self.receive_of_session(now, via, from, datagram);
        }
        self.take_events(now);
    }

    fn receive_check(&mut self, now: Instant, via: Via, from: SocketAddr, datagram: &[u8]) {
        if via == Via::Socket && self.gathered(now, from, datagram) {
            return;
        }
        let clock = self.clock(now);
        let Mesh { peers, local, .. } = self;
        let of_one_peer = |id| !matches!(via, Via::TheirRelay(owner) if owner != id);
        let accepted = peers.iter_mut().filter(|(id, _)| of_one_peer(**id)).find_map(|(&id, peer)| {
            let check = peer.receive_check(now, clock, via, from, datagram, local);
            (check != Check::Refused).then_some((id, check))
        });
        let Some((peer, check)) = accepted else {
            self.stats.checks_refused += 1;
            return;
        };
        self.stats.checks_in += 1;
        self.heard_from(via, from, peer, check == Check::Answer);
        // What a check has shown takes effect at once.
        let Mesh { peers, identity, local, random, stats, .. } = self;
        if let Some(peer) = peers.get_mut(&peer) {
            peer.advance(now, clock, identity, local, random, stats);
        }
    }

    /// Takes what a STUN server says; false if it is something else.
    fn gathered(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) -> bool {
        let Some(news) = self.gathering.receive(now, from, datagram, &mut self.random) else { return false };
        if news {
            self.local.reflexive = self.gathering.seen();
            let Mesh { peers, local, .. } = self;
            peers.values_mut().for_each(|peer| peer.add_local(now, local));
        }
        self.note_gathered(now);
        true
    }

    /// Notes which peer has this address. The peer that has answered there keeps it until another one does.
    fn heard_from(&mut self, via: Via, from: SocketAddr, peer: PeerId, proven: bool) {
        let known = self.addresses.get(&(via, from));
        if known.is_some_and(|owner| owner.proven && !proven) {
            return;
        }
        if known.is_none_or(|owner| owner.peer != peer) {
            self.make_room_for_address(peer);
        }
        self.addresses.insert((via, from), AddressOwner { peer, proven });
    }

    fn make_room_for_address(&mut self, peer: PeerId) {
        let route = self.peers.get(&peer).and_then(|peer| peer.route()).map(|route| (route.via, route.to));
        let of_peer = || self.addresses.iter().filter(|(_, owner)| owner.peer == peer);
        if of_peer().count() < ADDRESSES_PER_PEER_MAX {
            return;
        }
        let spare = of_peer().filter(|(address, _)| Some(**address) != route).min_by_key(|(_, owner)| owner.proven);
        if let Some(address) = spare.map(|(&address, _)| address) {
            self.addresses.remove(&address);
        }
    }

    fn receive_of_session(&mut self, now: Instant, via: Via, from: SocketAddr, datagram: &mut [u8]) {
        let Some(&AddressOwner { peer: id, .. }) = self.addresses.get(&(via, from)) else {
            self.stats.datagrams_of_strangers += 1;
            return;
        };
        if !self.waiting.has_room(id) {
            self.stats.datagrams_without_room += 1;
            return;
        }
        self.stats.datagrams_in += 1;
        let Mesh { peers, arrived, scratch, .. } = self;
        let Some(peer) = peers.get_mut(&id) else { return };
        let arriving = Arriving { via, from, bytes: datagram };
        peer.receive(now, arriving, scratch, &mut |message| {
            arrived.push((message.channel, message.bytes.to_vec()));
        });
        // What happened to the session comes before the messages: they may be its first.
        self.take_events(now);
        for (channel, bytes) in self.arrived.drain(..) {
            self.waiting.push(MeshEvent::Message(id, channel, bytes));
        }
    }
}
