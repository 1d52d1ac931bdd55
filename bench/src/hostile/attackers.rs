//! Peers with valid keys, and what they send.

use ringshard::runtime::entropy::random_bytes;
use ringshard_protocol::connection::{Connection, Resources, sealed_len};
use ringshard_protocol::crypto::PublicKey;
use ringshard_protocol::limits::*;
use ringshard_protocol::wire::{Channel, Fragment, FrameWriter, Header};
use ringshard_protocol::{Client, ClientConfig, time};
use std::collections::HashMap;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

/// Maximum number of attackers in the handshake.
const CONNECTING_MAX: usize = 64;
/// An attacker connects again after this time, whether it was accepted or not.
const LIFE: Duration = Duration::from_secs(2);

#[allow(clippy::large_enum_variant, reason = "attackers spend nearly all their time in this state")]
pub enum State {
    Out,
    Connecting(Client),
    Attacking(Connection, Resources),
}

pub struct Attacker {
    pub state: State,
    /// When it began to connect, or connected.
    pub since: Instant,
    pub number: u16,
}

pub struct Attackers {
    pub socket: UdpSocket,
    pub key: PublicKey,
    pub began: Instant,
    pub attackers: Vec<Attacker>,
    pub connecting: Vec<usize>,
    pub by_tag: HashMap<u64, usize>,
    pub by_id: HashMap<u32, usize>,
    pub next: usize,
    /// Turns that attackers have had.
    pub turns: u64,
    pub sent: u64,
    pub put_out: u64,
}

impl Attackers {
    pub fn new(socket: UdpSocket, key: PublicKey, peers: usize) -> Self {
        let now = Instant::now();
        let attackers = (0..peers).map(|_| Attacker { state: State::Out, since: now, number: 0 }).collect();
        Attackers {
            socket,
            key,
            began: now,
            attackers,
            connecting: Vec::new(),
            by_tag: HashMap::new(),
            by_id: HashMap::new(),
            next: 0,
            turns: 0,
            sent: 0,
            put_out: 0,
        }
    }

    pub fn now(&self) -> time::Instant {
        time::Instant::ZERO + self.began.elapsed()
    }

    /// Drives handshakes, a few at a time.
    pub fn connect(&mut self) {
        let now = self.now();
        let mut from = 0;
        while self.connecting.len() < CONNECTING_MAX
            && let Some(index) = (from..self.attackers.len()).find(|&at| matches!(self.attackers[at].state, State::Out))
        {
            from = index + 1;
            let client =
                Client::new(ClientConfig::new(self.key), now, random_bytes()).expect("the server's key is valid");
            self.by_tag.insert(client.handshake_tag(), index);
            self.attackers[index] = Attacker { state: State::Connecting(client), since: Instant::now(), number: 0 };
            self.connecting.push(index);
        }
        let Attackers { attackers, connecting, socket, by_id, .. } = self;
        connecting.retain(|&index| {
            let attacker = &mut attackers[index];
            let State::Connecting(client) = &mut attacker.state else { return false };
            client.advance(now);
            let mut datagram = [0; DATAGRAM_BYTES_MAX];
            while let Some(len) = client.poll_transmit(now, &mut datagram) {
                let _ = socket.send(&datagram[..len]);
            }
            if client.is_closed() || attacker.since.elapsed() > LIFE {
                attacker.state = State::Out;
                return false;
            }
            let Some(id) = client.id() else { return true };
            by_id.insert(id.bits(), index);
            if let State::Connecting(client) = std::mem::replace(&mut attacker.state, State::Out)
                && let Some((session, resources)) = client.into_connection()
            {
                attacker.state = State::Attacking(session, resources);
                attacker.since = Instant::now();
            }
            false
        });
    }

    pub fn receive(&mut self) {
        let now = self.now();
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        while let Ok(len) = self.socket.recv(&mut datagram) {
            let Ok(header) = Header::decode(&datagram[..len]) else { continue };
            let index = match header.flags {
                0 => self.by_tag.get(&header.sequence),
                _ => self.by_id.get(&header.connection.bits()),
            };
            if let Some(&index) = index
                && let State::Connecting(client) = &mut self.attackers[index].state
            {
                client.receive(now, &mut datagram[..len]);
            }
        }
    }

    /// Lets attackers send in turn until `due` turns are used. Disconnected ones skip theirs.
    pub fn attack_until(&mut self, due: u64) {
        let most = due.saturating_sub(self.turns).min(2_000);
        self.turns = due;
        for _ in 0..most {
            self.next = (self.next + 1) % self.attackers.len();
            let attacker = &mut self.attackers[self.next];
            if let State::Attacking(session, resources) = &mut attacker.state {
                let mut plaintext = [0; FRAMES_BYTES_BASE];
                let mut frames = FrameWriter::new(&mut plaintext, 0);
                write_attack(self.next % 5, attacker.number, &mut frames);
                attacker.number = attacker.number.wrapping_add(1);
                let used = frames.used();
                let mut datagram = [0; DATAGRAM_BYTES_MAX];
                let datagram = &mut datagram[..sealed_len(used)];
                let sequence = session.begin_datagram(&mut resources.random);
                if session.seal(sequence, &plaintext[..used], datagram).is_ok() {
                    self.sent += u64::from(self.socket.send(datagram).is_ok());
                }
                // The server disconnects most attackers at their first datagram. They do not notice; they reconnect
                // after a while.
                if attacker.since.elapsed() > LIFE {
                    self.by_id.remove(&session.id().bits());
                    attacker.state = State::Out;
                    self.put_out += 1;
                }
            }
        }
    }
}

/// One datagram of each kind of attack.
fn write_attack(kind: usize, number: u16, frames: &mut FrameWriter<'_>) {
    let channel = Channel::RELIABLE_ORDERED;
    match kind {
        0 => frames.ack(1 << 40, time::Duration::ZERO, std::iter::empty()),
        1 => {
            let bytes = [7; FRAGMENT_GRAIN_BYTES];
            let number = number % 4;
            frames.fragment(&Fragment {
                channel,
                number,
                offset: 0,
                total: MESSAGE_BYTES_MAX,
                compressed: false,
                bytes: &bytes,
            })
        }
        2 => frames.numbered(channel, number, true, &[0xFF; 900]),
        3 => frames.ack(u64::MAX, time::Duration::ZERO, [250; 2].into_iter()),
        _ => {
            // Number 0 never comes, so the server would have to keep all later ones.
            let mut tiny = number.wrapping_mul(180);
            while frames.room() > 4 {
                tiny = tiny.wrapping_add(1).max(1);
                frames.numbered(channel, tiny, false, &[]);
            }
            true
        }
    };
}
