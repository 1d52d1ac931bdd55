//! The server's side.

use super::measured::{Measured, RATE_MIN};
use super::text::{percent, times};
use crate::report::network::Allowance;
use crate::report::verdict::Missed;
use crate::terminal::{Page, grouped};
use ringshard::ops::report::{Percentiles, ServerReport};
use ringshard::runtime::tick::TICK;
use serde::Serialize;
use std::collections::BTreeMap;

/// Share of the comparable digests that must agree.
pub const AGREEMENT_MIN: f64 = 1.0;
/// Share of its CPUs that a server uses before it misses targets. The rest absorbs stalls.
pub const FULL: f64 = 0.7;

#[derive(Clone, Debug, Serialize)]
pub struct World {
    pub cores: usize,
    /// None if the server runs on another machine.
    pub cpu_share: Option<f64>,
    pub resident_mib: f64,
    /// Players that the server has CPU for, extrapolated from this run. None if unknown.
    pub would_hold: Option<usize>,
    pub inputs_per_s: f64,
    pub snapshots_per_s: f64,
    pub entries_per_s: f64,
    /// Share of the entries that had to be encoded.
    pub encoded_share: f64,
    pub tick: Percentiles,
    pub tick_start_jitter: Percentiles,
    pub slice: Percentiles,
    pub exchange_lag: Percentiles,
    pub ticks: u64,
    pub late_ticks: u64,
    pub ticks_skipped: u64,
    pub shed_level: u64,
    pub digests_agreed: u64,
    pub digests_differ: u64,
    pub digests_unknown: u64,
    pub drops: BTreeMap<String, u64>,
}

impl World {
    /// The targets that the server missed by its own figures.
    pub fn judge(&self, clients: usize, allowance: &Allowance) -> Missed {
        let mut missed = Missed::default();
        let tick_ms = TICK.as_nanos() as f64 / 1e6;
        if self.tick.p99_us / 1000.0 >= tick_ms {
            let took = self.tick.p99_us / 1000.0;
            missed.server.push(format!("p99 tick {took:.1} ms, limit {tick_ms:.2} ms"));
        }
        let (inputs, inputs_min) = (self.inputs_per_s / clients as f64, RATE_MIN * allowance.passed_out);
        if inputs < inputs_min {
            missed.clients.push(format!("the server took {inputs:.1} inputs/s per player, below {inputs_min:.1}"));
        }
        let compared = self.digests_agreed + self.digests_differ;
        if (self.digests_agreed as f64) < AGREEMENT_MIN * compared as f64 {
            missed.guarantees.push(format!("{} of {compared} digests differ", self.digests_differ));
        }
        if compared == 0 {
            missed.clients.push("no digest could be compared".to_owned());
        }
        if self.ticks_skipped > 0 || self.shed_level > 0 {
            let World { ticks_skipped, shed_level, .. } = self;
            missed.server.push(format!("{ticks_skipped} ticks skipped, shedding level {shed_level}"));
        }
        missed
    }

    pub fn write(&self, page: &mut Page) {
        let cpu =
            self.cpu_share.map_or("CPU unknown".to_owned(), |share| format!("{:.0} % of its CPU", percent(share)));
        page.line(
            "server",
            format!(
                "{} core(s), {cpu}, {:.0} MiB; {} inputs/s in, {} snapshots/s out",
                self.cores,
                self.resident_mib,
                grouped(self.inputs_per_s),
                grouped(self.snapshots_per_s)
            ),
        );
        let encoded = percent(self.encoded_share);
        page.line("entries", format!("{}/s, {encoded:.1} % of them encoded", grouped(self.entries_per_s)));
        page.line("tick", times(&self.tick));
        page.line("tick start", format!("{} late", times(&self.tick_start_jitter)));
        page.line("slice", times(&self.slice));
        if self.cores > 1 {
            page.line("exchange", format!("{} behind", times(&self.exchange_lag)));
        }
        page.line(
            "overload",
            format!(
                "{} of {} ticks late, {} skipped, shedding level {}",
                self.late_ticks, self.ticks, self.ticks_skipped, self.shed_level
            ),
        );
        page.line(
            "agreement",
            format!(
                "{} digests agree, {} differ, {} not comparable",
                self.digests_agreed, self.digests_differ, self.digests_unknown
            ),
        );
        if !self.drops.is_empty() {
            page.line("drops", format!("{:?}", self.drops));
        }
    }

    pub fn new(measured: &Measured, report: &ServerReport, clients: usize) -> Self {
        let Measured { load, resident_bytes, shed_level, .. } = measured;
        let cores = report.cores.len();
        let total = |name: &str| report.total(&format!("world_{name}"));
        let rate = |name: &str| total(name) as f64 / report.uptime_s;
        let stage = |name: &str| Percentiles::of(&report.stage(name));
        let cpu_share = load.server_cpu.as_secs_f64() / load.elapsed.as_secs_f64() / cores.max(1) as f64;
        let cpu_share = (*resident_bytes > 0).then_some(cpu_share);
        World {
            cores,
            cpu_share,
            would_hold: cpu_share.filter(|&share| share > 0.01).map(|share| capacity(clients, share)),
            resident_mib: *resident_bytes as f64 / f64::from(1 << 20),
            inputs_per_s: rate("inputs_taken"),
            snapshots_per_s: rate("snapshots"),
            entries_per_s: rate("entries"),
            encoded_share: total("encoded") as f64 / total("entries").max(1) as f64,
            tick: stage("tick"),
            tick_start_jitter: stage("tick_start_jitter"),
            slice: stage("slice"),
            exchange_lag: stage("exchange_lag"),
            ticks: total("ticks"),
            late_ticks: total("late_ticks"),
            ticks_skipped: report.total("ticks_skipped"),
            shed_level: *shed_level,
            digests_agreed: total("digests_agreed"),
            digests_differ: total("digests_differ"),
            digests_unknown: total("digests_unknown"),
            drops: report.drops(),
        }
    }
}

/// Players that the server has CPU for, rounded down to the precision of the estimate.
pub fn capacity(clients: usize, cpu_share: f64) -> usize {
    let players = clients as f64 * FULL / cpu_share;
    let step = if players < 1_000.0 { 10.0 } else { 100.0 };
    ((players / step).floor() * step) as usize
}
