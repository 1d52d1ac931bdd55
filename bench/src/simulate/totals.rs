//! What runs came to, in numbers.

use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::Delivery;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Default, Serialize)]
pub struct Totals {
    /// Completed runs.
    pub runs: u64,
    /// Time simulated, in seconds.
    pub simulated_s: f64,
    /// CPU time spent on it, in seconds.
    pub worked_s: f64,
    /// Time simulated times players, in seconds.
    pub player_s: f64,
    /// Datagrams sent.
    pub datagrams: u64,
    /// Messages sent and arrived, by delivery.
    pub messages: BTreeMap<&'static str, (u64, u64)>,
    /// Bytes of messages that arrived.
    pub bytes: u64,
    /// Messages refused by a full queue, by lack of memory or by a rate.
    pub refused: u64,
    /// Injected faults, by kind.
    pub faults: BTreeMap<&'static str, u64>,
    /// Sessions that ended or were suspended, by reason.
    pub ends: BTreeMap<String, u64>,
    /// Sessions begun.
    pub sessions: u64,
    /// Sessions resumed over another connection.
    pub resumed: u64,
    /// Key changes.
    pub key_changes: u64,
    /// The longest recovery of each kind, in seconds.
    pub worst_s: BTreeMap<&'static str, f64>,
    /// The slowest drain of at least 64 KiB after all faults, in bytes per second.
    pub slowest_drain: Option<u64>,
    /// Deadlines that were in the past when they were returned.
    pub late_deadlines: u64,
}

impl Totals {
    /// Simulated time over CPU time.
    pub fn speed(&self) -> f64 {
        self.simulated_s / self.worked_s.max(1e-9)
    }

    /// Counts a fault.
    pub fn fault(&mut self, kind: &'static str) {
        *self.faults.entry(kind).or_default() += 1;
    }

    /// Counts the end of a session.
    pub fn end(&mut self, reason: impl Into<String>) {
        *self.ends.entry(reason.into()).or_default() += 1;
    }

    /// Counts an accepted message.
    pub fn sent(&mut self, delivery: Delivery) {
        self.messages.entry(delivery.name()).or_default().0 += 1;
    }

    /// Counts a message that arrived.
    pub fn arrived(&mut self, delivery: Delivery, bytes: usize) {
        self.messages.entry(delivery.name()).or_default().1 += 1;
        self.bytes += bytes as u64;
    }

    /// Records how long a recovery took.
    pub fn recovered(&mut self, what: &'static str, took: Duration) {
        let worst = self.worst_s.entry(what).or_default();
        *worst = worst.max(took.as_secs_f64());
    }

    /// Records how long the backlog of a recovery took to arrive.
    pub fn drained(&mut self, bytes: usize, took: Duration) {
        if bytes >= 64 << 10 {
            self.slower((bytes as f64 / took.as_secs_f64()) as u64);
        }
    }

    fn slower(&mut self, rate: u64) {
        self.slowest_drain = Some(self.slowest_drain.map_or(rate, |slowest| slowest.min(rate)));
    }

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
