//! A player's end: it keeps a channel open at a relay.

use super::*;
use crate::address::{are_of_one_family, one_of_each_family};
use crate::limits::{REGISTERS_PER_ADDRESS, STUN_PERIOD, STUN_RETRY_FIRST, STUN_RETRY_MAX};
use crate::outbox::{Outbox, Via};
use rand_chacha::rand_core::Rng;
use ringshard_protocol::crypto::Csprng;
use ringshard_protocol::gateway::RelayTicket;
use ringshard_protocol::time::{Duration, Instant};

/// How long a channel is believed to live without an answer.
const BELIEVED: Duration = Duration::from_secs(50);

/// A relay that this host may use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RelayConfig {
    /// Addresses of the relay. The first of each family is used, the earlier one preferred. Peers learn both: with both,
    /// a player that has IPv4 alone reaches one that has IPv6 alone.
    pub addresses: Vec<SocketAddr>,
    /// The right to use it, which the game's server has given.
    pub ticket: RelayTicket,
}

/// A channel at a relay, or the wish for one.
#[derive(Debug)]
pub(crate) struct RelayClient {
    /// Of the relay, at most one per family. The channel is the same at both.
    addresses: Vec<SocketAddr>,
    /// The index of the address that is sent to.
    at: usize,
    /// Registers sent there since its last answer.
    unanswered: u32,
    ticket: RelayTicket,
    instance: [u8; 8],
    cookie: [u8; 16],
    /// The channel, at the address that answered last. The relay sends from there.
    channel: Option<ChannelAt>,
    answered_at: Instant,
    next_at: Instant,
    wait: Duration,
}

/// What an answer of the relay means.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RelayNews {
    /// The channel is open, under the name as before.
    Same,
    /// The channel is open, and was not before.
    Opened,
}

impl RelayClient {
    pub(crate) fn new(now: Instant, config: &RelayConfig, random: &mut Csprng) -> Self {
        let mut instance = [0; 8];
        random.fill_bytes(&mut instance);
        RelayClient {
            addresses: one_of_each_family(&config.addresses),
            at: 0,
            unanswered: 0,
            ticket: config.ticket,
            instance,
            cookie: [0; 16],
            channel: None,
            answered_at: now,
            next_at: now,
            wait: STUN_RETRY_FIRST,
        }
    }

    /// The channel, at the address of the relay that sends to this host.
    pub(crate) fn channel(&self) -> Option<ChannelAt> {
        self.channel
    }

    /// The channel at each address of the relay, for peers of either family.
    pub(crate) fn channels(&self) -> Vec<ChannelAt> {
        let name = self.channel.map(|channel| channel.name);
        let at = |name| self.addresses.iter().map(move |&relay| ChannelAt { relay, name });
        name.into_iter().flat_map(at).collect()
    }

    /// The own address has changed: the relay learns it at once.
    pub(crate) fn address_changed(&mut self, now: Instant) {
        (self.next_at, self.wait, self.unanswered) = (now, STUN_RETRY_FIRST, 0);
    }

    /// Takes an answer of the relay; None if it is none.
    pub(crate) fn receive(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) -> Option<RelayNews> {
        if !self.addresses.contains(&from) {
            return None;
        }
        let (kind, name, rest) = read_header(datagram)?;
        match kind {
            COOKIE if datagram.len() == COOKIE_BYTES && name == self.instance && rest != self.cookie => {
                self.cookie.copy_from_slice(rest);
                (self.next_at, self.unanswered) = (now, 0);
                None
            }
            REGISTERED if datagram.len() == REGISTERED_BYTES && rest[..8] == self.instance => {
                let (signed, mac) = datagram.split_at(REGISTERED_BYTES - 16);
                if !self.ticket.verifies(signed, mac) {
                    return None;
                }
                (self.answered_at, self.next_at, self.wait) = (now, now + STUN_PERIOD, STUN_RETRY_FIRST);
                self.unanswered = 0;
                let former = self.channel.replace(ChannelAt { relay: from, name });
                let is_same = former.is_some_and(|former| former.name == name);
                Some(if is_same { RelayNews::Same } else { RelayNews::Opened })
            }
            _ => None,
        }
    }

    /// Hands a Register to the outbox, if one is due. `host` are the addresses of this host.
    pub(crate) fn transmit(&mut self, now: Instant, host: &[SocketAddr], outbox: &mut Outbox) {
        if self.next_at > now {
            return;
        }
        if let Some(relay) = self.reachable(host) {
            let Some(room) = outbox.room(Via::Socket, relay, REGISTER_BYTES) else { return };
            write_header(room, REGISTER, &self.instance);
            room[16..32].copy_from_slice(self.ticket.public());
            room[32..48].copy_from_slice(&self.cookie);
            let mac = self.ticket.mac(&room[..48]);
            room[48..].copy_from_slice(&mac);
            self.unanswered += 1;
        }
        self.next_at = now + self.wait;
        self.wait = (self.wait * 2).min(STUN_RETRY_MAX);
        if self.answered_at + BELIEVED <= now {
            self.channel = None;
        }
    }

    /// The address to send to: the present one, or the next of a family that this host has if the present one is silent.
    fn reachable(&mut self, host: &[SocketAddr]) -> Option<SocketAddr> {
        if self.unanswered >= REGISTERS_PER_ADDRESS {
            (self.at, self.unanswered) = (self.at + 1, 0);
        }
        let count = self.addresses.len();
        let mut order = (0..count).map(|step| (self.at + step) % count);
        self.at = order.find(|&at| host.iter().any(|&host| are_of_one_family(host, self.addresses[at])))?;
        Some(self.addresses[self.at])
    }

    /// When a Register is due.
    pub(crate) fn deadline(&self) -> Instant {
        self.next_at
    }
}

#[cfg(test)]
pub(crate) mod vectors {
    use super::*;
    use rand_chacha::rand_core::SeedableRng;

    const RELAY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(198, 51, 100, 1)), 3478);

    fn client(ticket: RelayTicket, instance: [u8; 8]) -> RelayClient {
        let config = RelayConfig { addresses: vec![RELAY], ticket };
        let client = RelayClient::new(Instant::ZERO, &config, &mut Csprng::from_seed([0; 32]));
        RelayClient { instance, ..client }
    }

    /// The Register of a client that has this cookie.
    pub(crate) fn register_of(ticket: RelayTicket, instance: [u8; 8], cookie: [u8; 16]) -> Vec<u8> {
        let mut outbox = Outbox::new(Instant::ZERO);
        RelayClient { cookie, ..client(ticket, instance) }.transmit(Instant::ZERO, &[RELAY], &mut outbox);
        outbox.pop().expect("a Register").bytes.to_vec()
    }

    /// The channel that a client has after this datagram.
    pub(crate) fn take_registered(ticket: RelayTicket, instance: [u8; 8], datagram: &[u8]) -> Option<ChannelName> {
        let mut client = client(ticket, instance);
        client.receive(Instant::ZERO, RELAY, datagram);
        client.channel().map(|channel| channel.name)
    }
}
