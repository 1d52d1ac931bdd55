//! The result of a simulation.

use crate::report::verdict::Verdict;
use crate::terminal::{Page, grouped};
use serde::Serialize;

#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    pub scenario: &'static str,
    pub seed: u64,
    pub network: String,
    pub cores: u8,
    pub clients: usize,
    pub npcs: usize,
    pub simulated_s: f64,
    pub took_s: f64,
    pub joined: u64,
    pub digests_agreed: u64,
    pub digests_differ: u64,
    pub digests_unknown: u64,
    pub snapshots: u64,
    pub entries: u64,
    pub changes_overflowed: u64,
    pub ticks_skipped: u64,
    pub sheds: u64,
    /// Maximum ticks until an entity is known on all cores. Only measured if no core stalls.
    pub hop_ticks_max: u64,
    /// Entities in the clients' views at the end, and those that differ from the server's.
    pub compared: usize,
    pub differing: usize,
    pub resident_mib_early: f64,
    pub resident_mib_end: f64,
    pub verdict: Verdict,
}

impl Outcome {
    pub fn judge(&self, faulty: u64) -> Vec<String> {
        let mut missed = Vec::new();
        let compared = self.digests_agreed + self.digests_differ;
        if self.digests_differ > 0 || compared == 0 {
            missed.push(format!("{} of {compared} digests differ", self.digests_differ));
        }
        if self.differing > 0 || self.compared == 0 {
            missed.push(format!("{} of {} entities differ at the end", self.differing, self.compared));
        }
        if faulty > 0 {
            missed.push(format!("{faulty} malformed snapshots"));
        }
        missed
    }

    pub fn page(&self) -> String {
        let mut page = Page::default();
        let Outcome { cores, clients, npcs, simulated_s, took_s, .. } = self;
        page.line("world", format!("{clients} players and {npcs} NPCs on {cores} core(s), {}", self.network));
        page.line("time", format!("{simulated_s:.0} s in {took_s:.1} s: {:.0} times real time", simulated_s / took_s));
        page.line("players", format!("{} joined, {} left", self.joined, self.joined - self.clients as u64));
        page.line(
            "snapshots",
            format!("{} with {} entries", grouped(self.snapshots as f64), grouped(self.entries as f64)),
        );
        page.line(
            "agreement",
            format!(
                "{} digests agree, {} differ, {} not comparable",
                grouped(self.digests_agreed as f64),
                self.digests_differ,
                self.digests_unknown
            ),
        );
        page.line("at the end", format!("{} of {} entities in view differ", self.differing, self.compared));
        if self.hop_ticks_max > 0 {
            page.line(
                "exchange",
                format!("new entities are known on every core within {} tick(s)", self.hop_ticks_max),
            );
        }
        page.line(
            "overload",
            format!(
                "{} ticks skipped, {} sheds, {} changes overflowed",
                self.ticks_skipped, self.sheds, self.changes_overflowed
            ),
        );
        page.line(
            "memory",
            format!("{:.1} MiB early, {:.1} MiB at the end", self.resident_mib_early, self.resident_mib_end),
        );
        page.with_verdict(&self.verdict)
    }
}
