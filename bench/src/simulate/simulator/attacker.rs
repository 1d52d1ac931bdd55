//! An on-path attacker without keys: it replays datagrams from any address, and sends garbage.

use super::Simulator;
use crate::random::Random;
use crate::simulate::nodes::addresses::{NET, is_attackers};
use crate::simulate::nodes::link::Capture;
use ringshard_protocol::limits::{DATAGRAM_BYTES_MAX, HEADER_BYTES};
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{ConnectionId, Header};
use std::net::SocketAddr;

/// Bytes that an unvalidated address may get per byte it sent.
const AMPLIFICATION_MAX: u64 = 3;

impl Simulator {
    /// Sends a burst of captured and made-up datagrams.
    pub(super) fn attack(&mut self, now: Instant) {
        let mut captures = Vec::new();
        captures.extend_from_slice(self.server.running.as_ref().map_or(&[], |(_, link)| link.captures()));
        for player in &self.players {
            captures.extend_from_slice(player.running.as_ref().map_or(&[], |(_, link)| link.captures()));
        }
        let count = self.random.magnitude(1, 300);
        self.audit.log_event(now, || format!("attack: {count} datagrams, {} captured", captures.len()));
        for _ in 0..count {
            let own = SocketAddr::from(([NET[0], NET[1], 0, self.random.between(1, 9) as u8], 666));
            match self.random.chance(600) && !captures.is_empty() {
                true => {
                    let capture = &captures[self.random.next() as usize % captures.len()];
                    let from = if self.random.chance(500) { capture.from } else { own };
                    self.inject(from, capture.to, &capture.bytes);
                }
                false => self.inject_garbage(own, &captures),
            }
        }
    }

    fn inject(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        if is_attackers(&from) && to == self.server.address() {
            self.attackers_bytes += bytes.len() as u64;
        }
        self.network.send(from, to, bytes);
    }

    /// Sends garbage to an address in use; some of it looks plausible.
    fn inject_garbage(&mut self, own: SocketAddr, captures: &[Capture]) {
        let seen = match captures.is_empty() {
            true => None,
            false => Some(&captures[self.random.next() as usize % captures.len()]),
        };
        let to = seen.map_or(self.server.address(), |capture| capture.to);
        let from = seen.filter(|_| self.random.chance(500)).map_or(own, |capture| capture.from);
        let mut bytes = match self.random.between(0, 3) {
            0 => noise(&mut self.random, DATAGRAM_BYTES_MAX as u64 + 100),
            1 => noise(&mut self.random, 40),
            2 => seen.map(|capture| altered(&mut self.random, &capture.bytes)).unwrap_or_default(),
            _ => seen.map(|capture| forged(&mut self.random, &capture.bytes)).unwrap_or_default(),
        };
        if bytes.is_empty() && self.random.chance(900) {
            bytes = noise(&mut self.random, 200);
        }
        self.inject(from, to, &bytes);
    }

    /// Checks that the server never sends unvalidated addresses more than [`AMPLIFICATION_MAX`] times what they sent.
    pub(super) fn check_amplification(&mut self, now: Instant) {
        let Some((_, link)) = &self.server.running else { return };
        let (out, most) = (link.bytes_to_attackers, AMPLIFICATION_MAX * self.attackers_bytes);
        if out > most {
            self.audit.report_violation(
                now,
                format!("{out} bytes were sent to addresses that sent only {}", self.attackers_bytes),
            );
        }
    }
}

fn noise(random: &mut Random, most: u64) -> Vec<u8> {
    (0..random.between(0, most)).map(|_| random.next() as u8).collect()
}

/// Flips some bits of a datagram.
fn altered(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..random.between(1, 4) {
        let bit = random.next() as usize % (bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    bytes
}

/// A plausible header with a sequence number far ahead or behind, then noise.
fn forged(random: &mut Random, bytes: &[u8]) -> Vec<u8> {
    let Ok(mut header) = Header::decode(bytes) else { return Vec::new() };
    header.sequence = match random.between(0, 2) {
        0 => header.sequence.wrapping_add(random.between(1, 2_000)),
        1 => header.sequence.wrapping_sub(random.between(1, 2_000)),
        _ => random.next(),
    };
    if random.chance(300) {
        header.connection = ConnectionId::from_bits(random.next() as u32);
    }
    let mut forged = header.encode().to_vec();
    forged.extend(noise(random, (DATAGRAM_BYTES_MAX - HEADER_BYTES) as u64));
    forged
}
