//! A link that checks every datagram that leaves, sometimes has no room, and captures datagrams for the attacker.

use super::addresses::is_attackers;
use crate::random::Random;
use crate::simulate::model::sequence_numbers::SequenceNumbers;
use crate::simulate::model::session::connection_name;
use ringshard_link::sim::{Network, SimLink};
use ringshard_protocol::limits::{DATAGRAM_BYTES_MAX, HEADER_BYTES};
use ringshard_protocol::link::{Arrival, Link, LinkStats, Path, Wait};
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{Header, flags};
use std::collections::HashMap;
use std::net::SocketAddr;

/// Captured datagrams.
const CAPTURES_MAX: usize = 128;

/// A captured datagram.
#[derive(Clone, Debug)]
pub struct Capture {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub bytes: Vec<u8>,
}

/// How often room is refused, and until when.
#[derive(Clone, Copy, Debug)]
struct RoomLimit {
    until: Instant,
    per_mille: u64,
}

/// A [`SimLink`] that is observed.
#[derive(Debug)]
pub struct ObservedLink {
    sim: SimLink,
    network: Network,
    random: Random,
    room_limit: RoomLimit,
    reserved: Vec<(SocketAddr, usize)>,
    memory: Vec<u8>,
    /// Sequence numbers used, by slot of the connection.
    numbers: HashMap<u16, SequenceNumbers>,
    captures: Vec<Capture>,
    captured: usize,
    /// What was wrong with a datagram that left.
    fault: Option<String>,
    /// Datagrams sent.
    pub datagrams: u64,
    /// Bytes sent to the attacker.
    pub bytes_to_attackers: u64,
}

impl ObservedLink {
    pub fn new(network: Network, local: SocketAddr, random: Random) -> Self {
        ObservedLink {
            sim: SimLink::new(network.clone(), local),
            network,
            random,
            room_limit: RoomLimit { until: Instant::ZERO, per_mille: 0 },
            reserved: Vec::new(),
            memory: Vec::new(),
            numbers: HashMap::new(),
            captures: Vec::new(),
            captured: 0,
            fault: None,
            datagrams: 0,
            bytes_to_attackers: 0,
        }
    }

    pub fn local(&self) -> SocketAddr {
        self.sim.local()
    }

    /// Moves this end to another address.
    pub fn rebind(&mut self, local: SocketAddr) {
        self.sim.rebind(local);
    }

    /// Refuses room with a probability of `per_mille` / 1000 until then.
    pub fn limit_room(&mut self, until: Instant, per_mille: u64) {
        self.room_limit = RoomLimit { until, per_mille };
    }

    /// The slot has a new connection or key: its numbers start again.
    pub fn forget_numbers(&mut self, slot: u16) {
        self.numbers.remove(&slot);
    }

    /// The same for all slots.
    pub fn forget_all_numbers(&mut self) {
        self.numbers.clear();
    }

    /// What was wrong, once.
    pub fn take_fault(&mut self) -> Option<String> {
        self.fault.take()
    }

    /// Datagrams sent lately, as an on-path attacker sees them.
    pub fn captures(&self) -> &[Capture] {
        &self.captures
    }

    fn look(&mut self, to: SocketAddr, bytes: &[u8]) {
        self.datagrams += 1;
        if is_attackers(&to) {
            self.bytes_to_attackers += bytes.len() as u64;
        }
        let header = Header::decode(bytes).ok().filter(|header| header.flags & flags::ENCRYPTED != 0);
        if let Some(Header { connection, sequence, .. }) = header
            && let Err(what) = self.numbers.entry(connection.slot()).or_default().used(sequence)
        {
            self.fault = Some(format!("{}: number {sequence} {what}", connection_name(connection)));
        }
        if self.random.chance(30) {
            self.capture(to, bytes);
        }
    }

    fn capture(&mut self, to: SocketAddr, bytes: &[u8]) {
        let capture = Capture { from: self.local(), to, bytes: bytes.to_vec() };
        match self.captures.len() {
            CAPTURES_MAX => self.captures[self.captured % CAPTURES_MAX] = capture,
            _ => self.captures.push(capture),
        }
        self.captured += 1;
    }
}

impl Link for ObservedLink {
    fn now(&mut self) -> Instant {
        self.network.now()
    }

    fn receive(&mut self, budget: usize, deliver: impl FnMut(Arrival<'_>)) -> usize {
        self.sim.receive(budget, deliver)
    }

    fn reserve(&mut self, path: Path, len: usize) -> Option<&mut [u8]> {
        assert!((1..=DATAGRAM_BYTES_MAX).contains(&len) && len >= HEADER_BYTES, "no datagram has {len} bytes");
        if self.room_limit.per_mille > 0
            && self.network.now() < self.room_limit.until
            && self.random.chance(self.room_limit.per_mille)
        {
            return None;
        }
        self.reserved.push((path.peer, len));
        let start = self.memory.len();
        self.memory.resize(start + len, 0xEE);
        Some(&mut self.memory[start..])
    }

    fn submit(&mut self) {
        let memory = std::mem::take(&mut self.memory);
        let mut rest = &memory[..];
        for (to, len) in std::mem::take(&mut self.reserved) {
            let (bytes, behind) = rest.split_at(len);
            rest = behind;
            self.look(to, bytes);
            self.network.send(self.sim.local(), to, bytes);
        }
        self.memory = memory;
        self.memory.clear();
    }

    fn park(&mut self, _wait: Wait) {
        self.submit();
    }

    fn stats(&self) -> LinkStats {
        self.sim.stats()
    }
}
