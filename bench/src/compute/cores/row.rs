//! The result of one run.

use super::parts::{PARTS, Times};
use super::world_core::Totals;
use crate::scenario::option_name;
use ringshard_demo::Layout;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Serialize)]
pub struct CoresRow {
    pub clients: usize,
    pub layout: String,
    pub cores: usize,
    /// CPU time of the busiest core per tick: median and 99th percentile.
    pub tick_ms: f64,
    pub tick_p99_ms: f64,
    /// CPU time of all cores per tick.
    pub sum_ms: f64,
    /// The time of one core for the whole world, divided by the time of all cores if each took as long as the busiest.
    pub efficiency: Option<f64>,
    /// Mean CPU time of each part per core and tick.
    pub parts_ms: BTreeMap<&'static str, f64>,
    /// Changes that a core receives per tick.
    pub received_per_tick: f64,
    pub entries_per_client: f64,
    pub encoded_share: f64,
    /// Memory per core. What cores share counts in parts.
    pub mebibytes: f64,
}

impl CoresRow {
    pub fn new(clients: usize, layout: Layout, times: &Times, totals: &[Totals], bytes: f64) -> CoresRow {
        let sum = |field: fn(&Totals) -> u64| totals.iter().map(field).sum::<u64>() as f64;
        let ticks = times.ticks().max(1) as f64;
        let entries = sum(|totals| totals.entries);
        CoresRow {
            clients,
            layout: option_name(layout),
            cores: times.cores(),
            tick_ms: times.busiest_ms(0.5),
            tick_p99_ms: times.busiest_ms(0.99),
            sum_ms: times.sum_ms(),
            efficiency: None,
            parts_ms: PARTS.into_iter().zip(times.parts_ms()).collect(),
            received_per_tick: sum(|totals| totals.received) / ticks / times.cores() as f64,
            entries_per_client: entries / ticks / clients as f64,
            encoded_share: sum(|totals| totals.encoded) / entries.max(1.0),
            mebibytes: bytes / f64::from(1 << 20),
        }
    }

    pub fn line(&self) -> String {
        let parts = PARTS.map(|part| format!(" {:>7.3}", self.parts_ms[part])).concat();
        let efficiency = self.efficiency.map_or("-".into(), |efficiency| format!("{efficiency:.2}"));
        format!(
            "  {:>7} {:<8} {:>5} {:>8.3} {:>8.3} {:>9.2} {:>6}{parts} {:>8.0} {:>7.1}% {:>7.0}",
            self.clients,
            self.layout,
            self.cores,
            self.tick_ms,
            self.tick_p99_ms,
            self.sum_ms,
            efficiency,
            self.received_per_tick,
            self.encoded_share * 100.0,
            self.mebibytes
        )
    }
}

pub fn table_head() -> String {
    let parts = PARTS.map(|part| format!(" {part:>7}")).concat();
    format!(
        "  {:>31} {:^24} {:^56}\n  {:>7} {:<8} {:>5} {:>8} {:>8} {:>9} {:>6}{parts} {:>8} {:>8} {:>7}",
        "",
        "busiest core, all cores",
        "parts of a core's tick, ms",
        "players",
        "layout",
        "cores",
        "tick ms",
        "p99 ms",
        "sum ms",
        "effic.",
        "received",
        "encoded",
        "MiB"
    )
}
