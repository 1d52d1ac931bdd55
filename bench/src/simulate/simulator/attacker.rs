//! Somebody who can read everything and say anything, and knows no key: old datagrams again, from anywhere, and garbage.

use super::World;
use crate::random::Dice;
use crate::simulate::nodes::addresses::{NET, is_attackers};
use crate::simulate::nodes::link::Capture;
use ringshard_protocol::limits::{DATAGRAM_BYTES_MAX, HEADER_BYTES};
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{ConnectionId, Header};
use std::net::SocketAddr;

/// Bytes to an address that has not proved itself, for each byte that came from it.
const AMPLIFICATION_MAX: u64 = 3;

impl World {
    /// A burst of what was recorded and of what was made up.
    pub(super) fn attack(&mut self, now: Instant) {
        let mut captures = Vec::new();
        captures.extend_from_slice(self.host.running.as_ref().map_or(&[], |(_, link)| link.captures()));
        for player in &self.players {
            captures.extend_from_slice(player.running.as_ref().map_or(&[], |(_, link)| link.captures()));
        }
        let count = self.dice.magnitude(1, 300);
        self.audit.note(now, || format!("attack: {count} datagrams, {} known", captures.len()));
        for _ in 0..count {
            let own = SocketAddr::from(([NET[0], NET[1], 0, self.dice.between(1, 9) as u8], 666));
            match self.dice.chance(600) && !captures.is_empty() {
                true => {
                    let capture = &captures[self.dice.next() as usize % captures.len()];
                    let from = if self.dice.chance(500) { capture.from } else { own };
                    self.inject(from, capture.to, &capture.bytes);
                }
                false => self.inject_garbage(own, &captures),
            }
        }
    }

    fn inject(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        if is_attackers(&from) && to == self.host.address() {
            self.attackers_bytes += bytes.len() as u64;
        }
        self.network.send(from, to, bytes);
    }

    /// Bytes that mean nothing, at an address that somebody listens at; some look like the real thing from outside.
    fn inject_garbage(&mut self, own: SocketAddr, captures: &[Capture]) {
        let seen = match captures.is_empty() {
            true => None,
            false => Some(&captures[self.dice.next() as usize % captures.len()]),
        };
        let to = seen.map_or(self.host.address(), |capture| capture.to);
        let from = seen.filter(|_| self.dice.chance(500)).map_or(own, |capture| capture.from);
        let mut bytes = match self.dice.between(0, 3) {
            0 => noise(&mut self.dice, DATAGRAM_BYTES_MAX as u64 + 100),
            1 => noise(&mut self.dice, 40),
            2 => seen.map(|capture| altered(&mut self.dice, &capture.bytes)).unwrap_or_default(),
            _ => seen.map(|capture| forged(&mut self.dice, &capture.bytes)).unwrap_or_default(),
        };
        if bytes.is_empty() && self.dice.chance(900) {
            bytes = noise(&mut self.dice, 200);
        }
        self.inject(from, to, &bytes);
    }

    /// What the server sent to addresses that never were a client's is bounded by what came from them.
    pub(super) fn check_amplification(&mut self, now: Instant) {
        let Some((_, link)) = &self.host.running else { return };
        let (out, most) = (link.bytes_to_attackers, AMPLIFICATION_MAX * self.attackers_bytes);
        if out > most {
            self.audit
                .blame(now, format!("{out} bytes went to addresses that only {} came from", self.attackers_bytes));
        }
    }
}

fn noise(dice: &mut Dice, most: u64) -> Vec<u8> {
    (0..dice.between(0, most)).map(|_| dice.next() as u8).collect()
}

/// A datagram with some bits inverted.
fn altered(dice: &mut Dice, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..dice.between(1, 4) {
        let bit = dice.next() as usize % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    bytes
}

/// A header that fits a connection, with a number far ahead or behind, and noise.
fn forged(dice: &mut Dice, bytes: &[u8]) -> Vec<u8> {
    let Ok(mut header) = Header::decode(bytes) else { return Vec::new() };
    header.sequence = match dice.between(0, 2) {
        0 => header.sequence.wrapping_add(dice.between(1, 2_000)),
        1 => header.sequence.wrapping_sub(dice.between(1, 2_000)),
        _ => dice.next(),
    };
    if dice.chance(300) {
        header.connection = ConnectionId::from_bits(dice.next() as u32);
    }
    let mut forged = header.encode().to_vec();
    forged.extend(noise(dice, (DATAGRAM_BYTES_MAX - HEADER_BYTES) as u64));
    forged
}
