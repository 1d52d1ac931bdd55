//! What a player of a mesh receives on its socket: STUN, what a relay carries, datagrams of a session, and anything else.

use crate::input::Input;
use ringshard_peer::limits::{ENTRIES_PER_PLAYER_MAX, PEER_DATAGRAM_BYTES_MAX, PLAYERS_MAX};
use ringshard_peer::relay::{Relay, RelayLimits};
use ringshard_peer::{Mesh, MeshConfig, MeshEvent, PeerId, RelayConfig, stun};
use ringshard_protocol::gateway::{GatewayKey, RelayTicket};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;
use ringshard_world::EntityId;
use std::collections::VecDeque;
use std::net::SocketAddr;

const KEY: [u8; 32] = [0x33; 32];
/// Datagrams of the other player that the network can still deliver.
const PENDING_MAX: usize = 64;
/// Datagrams that a player sends at most to an address because of one that came from there: an answer, and the tries of a check.
const ANSWERS_MAX: usize = 12;

/// The player under test, the other player, and who else is in the network.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Addresses {
    one: SocketAddr,
    other: SocketAddr,
    stranger: SocketAddr,
    stun: SocketAddr,
    relay: SocketAddr,
}

impl Addresses {
    fn new() -> Self {
        let at = |text: &str| text.parse().expect("it is an address");
        Addresses {
            one: at("192.0.2.1:4000"),
            other: at("192.0.2.2:4000"),
            stranger: at("[2001:db8::66]:6"),
            stun: at("198.51.100.1:3478"),
            relay: at("198.51.100.2:3478"),
        }
    }

    fn choose(&self, number: u8) -> SocketAddr {
        [self.other, self.stranger, self.stun, self.relay][usize::from(number) % 4]
    }
}

struct Lab {
    at: Addresses,
    now: Instant,
    one: Mesh,
    other: Mesh,
    /// The player under test, as the other one knows it.
    of_other: PeerId,
    relay: Relay,
    channel: [u8; 8],
    /// Datagrams of the other player.
    pending: VecDeque<Vec<u8>>,
    sent: u32,
    received: u32,
    from_stranger: usize,
    to_stranger: usize,
    ended: bool,
}

/// Two players who talk, while anybody sends the one of them anything, and the network does what it likes with what the other
/// one sends. What arrives is what was sent, once and in order; an unproven address gets few bytes; what is kept is bounded.
pub fn mesh_receive(data: &[u8]) {
    let mut input = Input::new(data);
    let mut lab = Lab::connected();
    while !input.is_empty() && !lab.ended {
        let [order, number] = input.array();
        match order / 32 {
            0 | 1 => lab.pass(Duration::from_millis(u64::from(number))),
            2 | 3 => lab.deliver(order % 8, number, &mut input),
            4 => lab.give(lab.at.choose(number), input.piece(PEER_DATAGRAM_BYTES_MAX).to_vec()),
            5 => lab.give(lab.at.choose(number), stun_message(order, input.piece(200))),
            6 => {
                let datagram = lab.relayed(order, number, &mut input);
                lab.give(lab.at.choose(number / 16), datagram);
            }
            _ => lab.say(),
        }
        lab.turn();
    }
}

impl Lab {
    /// Both players, in the state after a second in a network that does nothing wrong.
    fn connected() -> Self {
        let at = Addresses::new();
        let now = Instant::ZERO;
        let mesh = |seed: u8, host: &[SocketAddr]| {
            let mut config = MeshConfig::new(*b"a mesh for fuzz.", host.to_vec());
            let ticket = RelayTicket::issue(&GatewayKey::from_bytes(KEY), 100, [seed; 8]);
            (config.stun, config.relay) = (vec![at.stun], Some(RelayConfig { addresses: vec![at.relay], ticket }));
            Mesh::new(config, now, [seed; 32])
        };
        let (mut one, mut other) =
            (mesh(1, &[at.one, "[2001:db8::1]:4000".parse().expect("an address")]), mesh(2, &[at.other]));
        one.join(now, entity(2)).expect("there is room");
        let of_other = other.join(now, entity(1)).expect("there is room");
        let relay = Relay::new(vec![GatewayKey::from_bytes(KEY)], RelayLimits::default(), [1; 32]);
        let mut lab = Lab {
            at,
            now,
            one,
            other,
            of_other,
            relay,
            channel: [0; 8],
            pending: VecDeque::new(),
            sent: 0,
            received: 0,
            from_stranger: 0,
            to_stranger: 0,
            ended: false,
        };
        for _ in 0..40 {
            lab.pass(Duration::from_millis(25));
            lab.turn();
            while let Some(datagram) = lab.pending.pop_front() {
                lab.one.receive(lab.now, at.other, &mut datagram.clone());
            }
        }
        lab.say();
        assert_eq!(lab.sent, 1, "they are connected");
        lab
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
    }

    fn say(&mut self) {
        let said = self.other.send(self.now, self.of_other, Channel::RELIABLE_ORDERED, &self.sent.to_le_bytes());
        self.sent += u32::from(said.is_ok());
    }

    /// Hands the player under test a datagram.
    fn give(&mut self, from: SocketAddr, mut datagram: Vec<u8>) {
        self.from_stranger += usize::from(from == self.at.stranger);
        self.one.receive(self.now, from, &mut datagram);
    }

    /// Delivers a datagram of the other player, in some order, whole or not, once or again, from its address or another.
    fn deliver(&mut self, how: u8, number: u8, input: &mut Input) {
        if self.pending.is_empty() {
            return;
        }
        let at = usize::from(number) % self.pending.len();
        let mut datagram =
            if how == 1 { self.pending[at].clone() } else { self.pending.remove(at).expect("it is there") };
        match how {
            2 => {
                let bit = usize::from(input.word()) % (datagram.len() * 8);
                datagram[bit / 8] ^= 1 << (bit % 8);
            }
            3 => datagram.truncate(usize::from(input.word()) % (datagram.len() + 1)),
            _ => {}
        }
        let from = if how == 4 { self.at.choose(input.byte()) } else { self.at.other };
        self.give(from, datagram);
    }

    /// A datagram as a relay sends it, of a guest or of an owner, with anything inside.
    fn relayed(&mut self, order: u8, number: u8, input: &mut Input) -> Vec<u8> {
        let channel = if number % 4 == 0 { [9; 8] } else { self.channel };
        let mut datagram = [&[order % 9, 0, 0, 0][..], b"Rlay", &channel].concat();
        if order % 9 == 5 {
            datagram.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 192, 0, 2, number, 7, 7]);
        }
        match self.pending.pop_front().filter(|_| order % 2 == 0) {
            Some(inner) => datagram.extend_from_slice(&inner),
            None => datagram.extend_from_slice(input.piece(300)),
        }
        datagram
    }

    /// Everybody does what is due. What the player under test sends arrives.
    fn turn(&mut self) {
        self.one.advance(self.now);
        self.other.advance(self.now);
        let mut datagram = [0; PEER_DATAGRAM_BYTES_MAX];
        while let Some((to, len)) = self.one.poll_transmit(self.now, &mut datagram) {
            self.arrive(to, &mut datagram[..len]);
        }
        while let Some((to, len)) = self.other.poll_transmit(self.now, &mut datagram) {
            self.sent_by_other(to, &datagram[..len]);
        }
        while let Some((_, bytes)) = self.one.poll_introduction(self.now) {
            self.other.introduced(self.now, entity(1), &bytes);
        }
        while let Some((_, bytes)) = self.other.poll_introduction(self.now) {
            self.one.introduced(self.now, entity(2), &bytes);
        }
        while self.other.poll_event().is_some() {}
        while let Some(event) = self.one.poll_event() {
            self.check(event);
        }
        assert!(
            self.to_stranger <= ANSWERS_MAX * self.from_stranger,
            "{} for {}",
            self.to_stranger,
            self.from_stranger
        );
        assert!(self.one.entries() <= ENTRIES_PER_PLAYER_MAX * PLAYERS_MAX, "{} entries", self.one.entries());
    }

    fn sent_by_other(&mut self, to: SocketAddr, datagram: &[u8]) {
        if to == self.at.one && self.pending.len() < PENDING_MAX {
            self.pending.push_back(datagram.to_vec());
        }
    }

    /// What the player under test sends arrives, and is answered.
    fn arrive(&mut self, to: SocketAddr, datagram: &mut [u8]) {
        let (one, now) = (self.at.one, self.now);
        if to == self.at.other {
            self.other.receive(now, one, datagram);
        } else if to == self.at.stranger {
            self.to_stranger += 1;
        } else if to == self.at.stun {
            let mut answer = [0; stun::ANSWER_BYTES_MAX];
            if let Some(len) = stun::answer(datagram, one, &mut answer) {
                self.one.receive(now, to, &mut answer[..len]);
            }
        } else if to == self.at.relay {
            let mut out = [0; 2 * PEER_DATAGRAM_BYTES_MAX];
            if let Some((back, len)) = self.relay.receive(now, 50, one, datagram, &mut out)
                && back == one
            {
                if out[0] == 3 {
                    self.channel.copy_from_slice(&out[8..16]);
                }
                self.one.receive(now, to, &mut out[..len]);
            }
        }
    }

    fn check(&mut self, event: MeshEvent) {
        match event {
            MeshEvent::Message(_, channel, bytes) => {
                assert_eq!(channel, Channel::RELIABLE_ORDERED);
                assert_eq!(bytes, self.received.to_le_bytes(), "what arrives is what was sent, in order");
                self.received += 1;
                assert!(self.received <= self.sent);
            }
            MeshEvent::BeganAnew(_) => panic!("the other player is the same"),
            MeshEvent::Left(..) => self.ended = true,
            _ => {}
        }
    }
}

fn entity(index: u16) -> EntityId {
    EntityId { index, generation: 1 }
}

/// A STUN message of some kind, with these attributes.
fn stun_message(order: u8, attributes: &[u8]) -> Vec<u8> {
    let kind = [[0, 1], [1, 1], [1, 0x11], [0, 0x11]][usize::from(order) % 4];
    let attributes = &attributes[..attributes.len() & !3];
    let mut message = [&kind[..], &(attributes.len() as u16).to_be_bytes(), &[0x21, 0x12, 0xA4, 0x42]].concat();
    message.extend_from_slice(&[order; 12]);
    message.extend_from_slice(attributes);
    message
}
