//! An end's link, tapped: it looks at every datagram that leaves, refuses room now and then, and remembers some of them
//! for the attacker.

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

/// Datagrams that are remembered.
const CAPTURES_MAX: usize = 128;

/// A datagram as it was sent.
#[derive(Clone, Debug)]
pub struct Capture {
    /// By whom.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
    /// What.
    pub bytes: Vec<u8>,
}

/// How much room is refused, and until when.
#[derive(Clone, Copy, Debug)]
struct RoomLimit {
    until: Instant,
    per_mille: u64,
}

/// A [`SimLink`] with somebody listening.
#[derive(Debug)]
pub struct ObservedLink {
    sim: SimLink,
    network: Network,
    random: Random,
    room_limit: RoomLimit,
    reserved: Vec<(SocketAddr, usize)>,
    memory: Vec<u8>,
    /// SequenceNumbers used, by the slot of the connection.
    numbers: HashMap<u16, SequenceNumbers>,
    captures: Vec<Capture>,
    captured: usize,
    /// What was wrong with a datagram that left.
    fault: Option<String>,
    /// Datagrams that left.
    pub datagrams: u64,
    /// Bytes that left for the attacker.
    pub bytes_to_attackers: u64,
}

impl ObservedLink {
    /// The link of the end at `local`.
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

    /// The address of this end.
    pub fn local(&self) -> SocketAddr {
        self.sim.local()
    }

    /// Moves this end to another address.
    pub fn rebind(&mut self, local: SocketAddr) {
        self.sim.rebind(local);
    }

    /// Refuses room so many times in a thousand, for a while.
    pub fn limit_room(&mut self, until: Instant, per_mille: u64) {
        self.room_limit = RoomLimit { until, per_mille };
    }

    /// Another connection has the slot, or another key: its numbers begin anew.
    pub fn forget_numbers(&mut self, slot: u16) {
        self.numbers.remove(&slot);
    }

    /// The same for all.
    pub fn forget_all_numbers(&mut self) {
        self.numbers.clear();
    }

    /// What was wrong, once.
    pub fn take_fault(&mut self) -> Option<String> {
        self.fault.take()
    }

    /// What was sent lately, as somebody on the way would know it.
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
        assert!((1..=DATAGRAM_BYTES_MAX).contains(&len) && len >= HEADER_BYTES, "nobody sends {len} bytes");
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
