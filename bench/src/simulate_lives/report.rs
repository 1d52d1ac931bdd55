//! The result of a campaign, as text and as JSON.

use super::simulator::{Count, Simulator};
use crate::report::verdict::Verdict;
use crate::terminal::{Page, grouped};
use ringshard_protocol::time::Instant;
use serde::Serialize;
use std::collections::BTreeMap;

/// Maximum growth of memory from the first quarter of a campaign to its end, in bytes. Allocators keep some.
const RESIDENT_GROWTH_MAX: u64 = 16 << 20;
/// Memory is judged from this many steps on. Before, it still warms up.
const JUDGED_STEPS_MIN: u64 = 100_000;

/// Counts by name.
type Counts = BTreeMap<&'static str, u64>;

fn add(counts: &mut Counts, more: impl IntoIterator<Item = Count>) {
    more.into_iter().for_each(|(name, count)| *counts.entry(name).or_default() += count);
}

/// A violation of a guarantee.
#[derive(Clone, Debug, Serialize)]
pub struct Violation {
    pub seed: u64,
    pub step: u64,
    pub cores: u8,
    pub what: String,
    pub replay: String,
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Violation { seed, step, cores, what, replay } = self;
        write!(f, "seed {seed}, step {step}, {cores} core(s): {what}\n  replay: {replay}")
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    pub scenario: &'static str,
    pub seed: u64,
    pub cores: Vec<u8>,
    pub steps: u64,
    pub runs: u64,
    pub took_s: f64,
    /// CPU time, independent of other programs.
    pub cpu_s: f64,
    pub simulated_s: f64,
    #[serde(rename = "deeds")]
    pub action_counts: Counts,
    /// What became of players.
    pub lives: Counts,
    /// Counters of the worlds.
    pub server: Counts,
    /// Resident memory at each quarter of the campaign, after a run has been dropped.
    pub resident_mib: Vec<f64>,
    pub violation: Option<Violation>,
    /// How memory grew, if it did.
    pub growth: Option<String>,
    pub verdict: Verdict,
}

impl Outcome {
    pub fn new(seed: u64, cores: Vec<u8>) -> Self {
        Outcome {
            scenario: "simulate-lives",
            seed,
            cores,
            steps: 0,
            runs: 0,
            took_s: 0.0,
            cpu_s: 0.0,
            simulated_s: 0.0,
            action_counts: Counts::new(),
            lives: Counts::new(),
            server: Counts::new(),
            resident_mib: Vec::new(),
            violation: None,
            growth: None,
            verdict: Verdict::Pass,
        }
    }

    /// Adds a run.
    pub fn add(&mut self, steps: u64, simulator: &Simulator) {
        self.steps += steps;
        self.runs += 1;
        self.simulated_s += simulator.now().since(Instant::ZERO).as_secs_f64();
        add(&mut self.action_counts, simulator.action_counts.entries());
        let (lives, server) = simulator.counts();
        add(&mut self.lives, lives);
        add(&mut self.server, server);
    }

    /// Records the resident memory at each quarter of all steps.
    pub fn note_memory(&mut self, steps: u64, resident_bytes: u64) {
        if self.steps * 4 >= steps * (self.resident_mib.len() as u64 + 1) {
            self.resident_mib.push(mebibytes(resident_bytes));
        }
    }

    /// Judges the campaign as a whole.
    pub fn judge(&mut self) {
        let (first, last) = (self.resident_mib.first().copied(), self.resident_mib.last().copied());
        if let (Some(first), Some(last)) = (first, last)
            && self.steps >= JUDGED_STEPS_MIN
            && last > first + mebibytes(RESIDENT_GROWTH_MAX)
        {
            self.growth = Some(format!("memory grew: {first:.1} MiB after a quarter, {last:.1} MiB at the end"));
        }
        self.verdict = match self.failure() {
            Some(_) => Verdict::Violated,
            None => Verdict::of_computed(Vec::new()),
        };
    }

    /// What is wrong, if anything.
    pub fn failure(&self) -> Option<String> {
        let violation = self.violation.as_ref().map(Violation::to_string);
        violation.or_else(|| self.growth.clone())
    }

    pub fn page(&self) -> String {
        let mut page = Page::default();
        self.write_steps(&mut page);
        self.write_lives(&mut page);
        self.write_server(&mut page);
        page.line(
            "all gone",
            format!("everybody left {} times, and nothing remained", of(&self.action_counts, "rests")),
        );
        let resident: Vec<_> = self.resident_mib.iter().map(|mib| format!("{mib:.1}")).collect();
        page.line("memory", format!("{} MiB resident at each quarter", resident.join(", ")));
        page.with_verdict(&self.verdict)
    }

    fn write_steps(&self, page: &mut Page) {
        let Outcome { runs, steps, took_s, cpu_s, simulated_s, .. } = self;
        let cores: Vec<_> = self.cores.iter().map(u8::to_string).collect();
        page.line("runs", format!("{runs} from seed {}, on {} core(s)", self.seed, cores.join(", ")));
        let rates = (grouped(*steps as f64 / took_s), grouped(*steps as f64 / cpu_s.max(0.01)));
        page.line(
            "steps",
            format!(
                "{} in {took_s:.1} s: {}/s, {} per second of CPU time; {:.1} simulated hours",
                grouped(*steps as f64),
                rates.0,
                rates.1,
                simulated_s / 3600.0
            ),
        );
    }

    fn write_lives(&self, page: &mut Page) {
        let life = |name: &str| of(&self.lives, name);
        page.line(
            "players",
            format!(
                "{} asked to enter, {} entered; {} suspended, {} resumed; {} bodies taken over",
                life("asked"),
                life("entered"),
                life("suspended"),
                life("resumed"),
                life("bodies_taken_over")
            ),
        );
        page.line(
            "ends",
            format!(
                "{} left, {} timed out, {} put out, {} with too much waiting, {} disconnected, {} with the server",
                life("left"),
                life("timed_out"),
                life("put_out"),
                life("backlogs_overflowed"),
                life("disconnected"),
                life("shut_down")
            ),
        );
        page.line(
            "messages",
            format!(
                "{} steps, {} with a repeated input; {} asks, {} events of clients, {} commands",
                life("steps"),
                life("inputs_repeated"),
                life("asks"),
                life("events_in"),
                life("commands")
            ),
        );
    }

    fn write_server(&self, page: &mut Page) {
        let seen = |name: &str| of(&self.server, name);
        page.line(
            "server",
            format!(
                "{} snapshots, {} digests agree; {} invalid messages, {} wrong contracts, {} entities found no room",
                seen("snapshots"),
                seen("digests_agreed"),
                seen("invalid_messages"),
                seen("wrong_schemas"),
                of(&self.lives, "entities_full")
            ),
        );
    }
}

/// A count as text.
fn of(counts: &Counts, name: &str) -> String {
    grouped(counts.get(name).copied().unwrap_or(0) as f64)
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
