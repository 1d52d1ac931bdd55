//! What a run came to, in numbers.

use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::Delivery;
use serde::Serialize;
use std::collections::BTreeMap;

/// Sums over runs.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Totals {
    /// Runs that ended.
    pub runs: u64,
    /// Time simulated, in seconds.
    pub simulated_s: f64,
    /// Time that the processors worked on it, in seconds.
    pub worked_s: f64,
    /// The same, times the players in it.
    pub player_s: f64,
    /// Datagrams that left an end.
    pub datagrams: u64,
    /// By kind of channel: messages sent, messages that arrived.
    pub messages: BTreeMap<&'static str, (u64, u64)>,
    /// Bytes of messages that arrived.
    pub bytes: u64,
    /// Messages that were refused for want of room, of memory or by a rate.
    pub refused: u64,
    /// By kind: faults brought about.
    pub faults: BTreeMap<&'static str, u64>,
    /// By reason: sessions that ended, or were lost for a while.
    pub ends: BTreeMap<String, u64>,
    /// Sessions begun.
    pub sessions: u64,
    /// Sessions that went on over another connection.
    pub resumed: u64,
    /// Changes of keys.
    pub key_changes: u64,
    /// By what had to recover: the longest it took, in seconds.
    pub worst_s: BTreeMap<&'static str, f64>,
    /// The slowest that 64 KiB and more drained after all faults, in bytes per second.
    pub slowest_drain: Option<u64>,
    /// Times an end asked to be woken at a moment that had passed.
    pub late_deadlines: u64,
}

impl Totals {
    /// Simulated over worked time.
    pub fn speed(&self) -> f64 {
        self.simulated_s / self.worked_s.max(1e-9)
    }

    /// A fault of this kind.
    pub fn fault(&mut self, kind: &'static str) {
        *self.faults.entry(kind).or_default() += 1;
    }

    /// An end of a session for this reason.
    pub fn end(&mut self, reason: impl Into<String>) {
        *self.ends.entry(reason.into()).or_default() += 1;
    }

    /// A message was taken.
    pub fn sent(&mut self, delivery: Delivery) {
        self.messages.entry(delivery.name()).or_default().0 += 1;
    }

    /// A message arrived.
    pub fn arrived(&mut self, delivery: Delivery, bytes: usize) {
        self.messages.entry(delivery.name()).or_default().1 += 1;
        self.bytes += bytes as u64;
    }

    /// Something took so long to recover.
    pub fn recovered(&mut self, what: &'static str, took: Duration) {
        let worst = self.worst_s.entry(what).or_default();
        *worst = worst.max(took.as_secs_f64());
    }

    /// So much that was missing when all faults ended arrived in this time.
    pub fn drained(&mut self, bytes: usize, took: Duration) {
        if bytes >= 64 << 10 {
            self.slower((bytes as f64 / took.as_secs_f64()) as u64);
        }
    }

    fn slower(&mut self, rate: u64) {
        self.slowest_drain = Some(self.slowest_drain.map_or(rate, |slowest| slowest.min(rate)));
    }

    /// Adds another.
    pub fn add(&mut self, other: &Totals) {
        self.runs += other.runs;
        self.simulated_s += other.simulated_s;
        self.player_s += other.player_s;
        self.worked_s += other.worked_s;
        self.datagrams += other.datagrams;
        self.bytes += other.bytes;
        self.refused += other.refused;
        self.sessions += other.sessions;
        self.resumed += other.resumed;
        self.key_changes += other.key_changes;
        self.late_deadlines += other.late_deadlines;
        other.slowest_drain.into_iter().for_each(|rate| self.slower(rate));
        for (kind, (sent, arrived)) in &other.messages {
            let sum = self.messages.entry(kind).or_default();
            *sum = (sum.0 + sent, sum.1 + arrived);
        }
        other.faults.iter().for_each(|(kind, count)| *self.faults.entry(kind).or_default() += count);
        other.ends.iter().for_each(|(reason, count)| *self.ends.entry(reason.clone()).or_default() += count);
        for (what, &took) in &other.worst_s {
            let worst = self.worst_s.entry(what).or_default();
            *worst = worst.max(took);
        }
    }
}
