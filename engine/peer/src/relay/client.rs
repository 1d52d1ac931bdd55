//! A player's end: it keeps a channel open at a relay.

use super::*;
use crate::limits::{STUN_PERIOD, STUN_RETRY_FIRST, STUN_RETRY_MAX};
use crate::outbox::{Outbox, Via};
use rand_chacha::rand_core::Rng;
use ringshard_protocol::crypto::Csprng;
use ringshard_protocol::gateway::RelayTicket;
use ringshard_protocol::time::{Duration, Instant};

/// How long a channel is believed to live without an answer.
const BELIEVED: Duration = Duration::from_secs(50);

/// A channel at a relay, or the wish for one.
#[derive(Debug)]
pub(crate) struct RelayClient {
    relay: SocketAddr,
    ticket: RelayTicket,
    instance: [u8; 8],
    cookie: [u8; 16],
    channel: Option<ChannelName>,
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
    pub(crate) fn new(now: Instant, relay: SocketAddr, ticket: RelayTicket, random: &mut Csprng) -> Self {
        let mut instance = [0; 8];
        random.fill_bytes(&mut instance);
        RelayClient {
            relay,
            ticket,
            instance,
            cookie: [0; 16],
            channel: None,
            answered_at: now,
            next_at: now,
            wait: STUN_RETRY_FIRST,
        }
    }

    pub(crate) fn relay(&self) -> SocketAddr {
        self.relay
    }

    pub(crate) fn channel(&self) -> Option<ChannelName> {
        self.channel
    }

    /// The own address has changed: the relay learns it at once.
    pub(crate) fn address_changed(&mut self, now: Instant) {
        (self.next_at, self.wait) = (now, STUN_RETRY_FIRST);
    }

    /// Takes an answer of the relay; None if it is none.
    pub(crate) fn receive(&mut self, now: Instant, datagram: &[u8]) -> Option<RelayNews> {
        let (kind, channel, rest) = read_header(datagram)?;
        match kind {
            COOKIE if datagram.len() == COOKIE_BYTES && channel == self.instance && rest != self.cookie => {
                self.cookie.copy_from_slice(rest);
                self.next_at = now;
                None
            }
            REGISTERED if datagram.len() == REGISTERED_BYTES && rest[..8] == self.instance => {
                let (signed, mac) = datagram.split_at(REGISTERED_BYTES - 16);
                if !self.ticket.verifies(signed, mac) {
                    return None;
                }
                (self.answered_at, self.next_at, self.wait) = (now, now + STUN_PERIOD, STUN_RETRY_FIRST);
                let former = self.channel.replace(channel);
                Some(if former == Some(channel) { RelayNews::Same } else { RelayNews::Opened })
            }
            _ => None,
        }
    }

    /// Hands a Register to the outbox, if one is due.
    pub(crate) fn transmit(&mut self, now: Instant, outbox: &mut Outbox) {
        if self.next_at > now {
            return;
        }
        let Some(room) = outbox.room(Via::Socket, self.relay, REGISTER_BYTES) else { return };
        write_header(room, REGISTER, &self.instance);
        room[16..32].copy_from_slice(self.ticket.public());
        room[32..48].copy_from_slice(&self.cookie);
        let mac = self.ticket.mac(&room[..48]);
        room[48..].copy_from_slice(&mac);
        self.next_at = now + self.wait;
        self.wait = (self.wait * 2).min(STUN_RETRY_MAX);
        if self.answered_at + BELIEVED <= now {
            self.channel = None;
        }
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

    fn client(ticket: RelayTicket, instance: [u8; 8]) -> RelayClient {
        let relay = "198.51.100.1:3478".parse().unwrap();
        let client = RelayClient::new(Instant::ZERO, relay, ticket, &mut Csprng::from_seed([0; 32]));
        RelayClient { instance, ..client }
    }

    /// The Register of a client that has this cookie.
    pub(crate) fn register_of(ticket: RelayTicket, instance: [u8; 8], cookie: [u8; 16]) -> Vec<u8> {
        let mut outbox = Outbox::new(Instant::ZERO);
        RelayClient { cookie, ..client(ticket, instance) }.transmit(Instant::ZERO, &mut outbox);
        outbox.pop().expect("a Register").bytes.to_vec()
    }

    /// The channel that a client has after this datagram.
    pub(crate) fn take_registered(ticket: RelayTicket, instance: [u8; 8], datagram: &[u8]) -> Option<ChannelName> {
        let mut client = client(ticket, instance);
        client.receive(Instant::ZERO, datagram);
        client.channel()
    }
}
