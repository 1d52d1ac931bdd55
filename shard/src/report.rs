//! What a running server says of itself: the form it has on the wire and in files.

use crate::datapath::Backend;
use crate::simulation::WorldStats;
use crate::stages::{CoreReport, Stage};
use hdrhistogram::Histogram;
use ringshard_engine::time::Duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A server at one moment; all counts since its start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerReport {
    /// Process id.
    pub pid: u32,
    /// Seconds since the start.
    pub uptime_s: f64,
    /// Where it listens.
    pub listen: std::net::SocketAddr,
    /// Which link carries the datagrams.
    pub datapath: Backend,
    /// Its cores, in order.
    pub cores: Vec<CoreSnapshot>,
}

/// One core at one moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CoreSnapshot {
    /// Number of the core in the server.
    pub core: usize,
    /// Connections now.
    pub connections: usize,
    /// Every counter of endpoint and link.
    pub counters: BTreeMap<String, u64>,
    /// Every drop reason.
    pub drops: BTreeMap<String, u64>,
    /// Every stage.
    pub stages: Vec<StageSnapshot>,
}

/// A histogram as the buckets that are not empty.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StageSnapshot {
    /// Name of the stage.
    pub name: String,
    /// Upper value of the bucket in nanoseconds, and how many are in it.
    pub buckets: Vec<(u64, u64)>,
}

/// The figures that a histogram is read by, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// Half are at most this.
    pub p50_us: f64,
    /// 99 in 100 are at most this.
    pub p99_us: f64,
    /// 999 in 1000 are at most this.
    pub p999_us: f64,
    /// The largest.
    pub max_us: f64,
}

impl Percentiles {
    /// Reads them off a histogram in nanoseconds.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        Percentiles { p50_us: at(0.5), p99_us: at(0.99), p999_us: at(0.999), max_us: histogram.max() as f64 / 1000.0 }
    }
}

impl CoreSnapshot {
    /// The snapshot of core `core` from what it reported.
    pub fn new(core: usize, report: &CoreReport) -> Self {
        let owned = |(name, count): (&str, u64)| (name.to_owned(), count);
        let link = report.link.entries().map(|(name, count)| (format!("link_{name}"), count));
        let mut counters: BTreeMap<String, u64> = report.endpoint.entries().map(owned).chain(link).collect();
        counters.insert("ticks_skipped".into(), report.ticks_skipped);
        let world = report.world.iter().flat_map(WorldStats::entries);
        counters.extend(world.map(|(name, count)| (format!("world_{name}"), count)));
        CoreSnapshot {
            core,
            connections: report.connections,
            counters,
            drops: report.drops.entries().map(owned).collect(),
            stages: report.stages.entries().map(|(name, stage)| StageSnapshot::new(name, stage)).into(),
        }
    }

    /// A counter by name; 0 when a server of another version does not have it.
    pub fn counter(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or(0)
    }
}

impl StageSnapshot {
    fn new(name: &str, stage: &Stage) -> Self {
        let buckets =
            stage.histogram().iter_recorded().map(|step| (step.value_iterated_to(), step.count_at_value())).collect();
        StageSnapshot { name: name.to_owned(), buckets }
    }

    /// The histogram, in nanoseconds.
    pub fn histogram(&self) -> Histogram<u64> {
        let mut stage = Stage::new();
        for &(nanos, count) in &self.buckets {
            stage.record(Duration::from_nanos(nanos), count);
        }
        stage.histogram().clone()
    }

    /// What was counted after `earlier`.
    pub fn since(&self, earlier: &StageSnapshot) -> StageSnapshot {
        let before: BTreeMap<u64, u64> = earlier.buckets.iter().copied().collect();
        let buckets = self
            .buckets
            .iter()
            .map(|&(nanos, count)| (nanos, count - before.get(&nanos).copied().unwrap_or(0).min(count)))
            .filter(|&(_, count)| count > 0)
            .collect();
        StageSnapshot { name: self.name.clone(), buckets }
    }
}

impl ServerReport {
    /// What happened after `earlier`.
    pub fn since(&self, earlier: &ServerReport) -> ServerReport {
        let difference = |now: &BTreeMap<String, u64>, before: &BTreeMap<String, u64>| {
            now.iter()
                .map(|(name, count)| (name.clone(), count - before.get(name).copied().unwrap_or(0).min(*count)))
                .collect()
        };
        let mut report = self.clone();
        report.uptime_s -= earlier.uptime_s;
        for (core, before) in report.cores.iter_mut().zip(&earlier.cores) {
            core.counters = difference(&core.counters, &before.counters);
            core.drops = difference(&core.drops, &before.drops);
            for (stage, before) in core.stages.iter_mut().zip(&before.stages) {
                *stage = stage.since(before);
            }
        }
        report
    }

    /// A counter, summed over the cores.
    pub fn total(&self, counter: &str) -> u64 {
        self.cores.iter().map(|core| core.counter(counter)).sum()
    }

    /// A stage's histogram over all cores, in nanoseconds; empty when there is no such stage.
    pub fn stage(&self, name: &str) -> Histogram<u64> {
        let mut sum = Stage::new().histogram().clone();
        for stage in self.cores.iter().flat_map(|core| &core.stages).filter(|stage| stage.name == name) {
            sum.add(stage.histogram()).expect("all stages have the same bounds");
        }
        sum
    }

    /// Drops by reason, summed over the cores; reasons that never struck are left out.
    pub fn drops(&self) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for (reason, &count) in self.cores.iter().flat_map(|core| &core.drops) {
            if count > 0 {
                *sums.entry(reason.clone()).or_insert(0) += count;
            }
        }
        sums
    }

    /// The table that people read: a row per core and stage; stages in which nothing happened are left out.
    pub fn table(&self) -> String {
        let mut table = comfy_table::Table::new();
        table.load_style(comfy_table::presets::UTF8_BORDERS_ONLY);
        table.set_header(["core", "stage", "count", "p50 us", "p90 us", "p99 us", "p99.9 us", "max us"]);
        for column in 2..8 {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(comfy_table::CellAlignment::Right);
            }
        }
        for core in &self.cores {
            for stage in core.stages.iter().filter(|stage| !stage.buckets.is_empty()) {
                let histogram = stage.histogram();
                let micros = |nanos: u64| format!("{:.1}", nanos as f64 / 1000.0);
                let mut row = vec![core.core.to_string(), stage.name.clone(), histogram.len().to_string()];
                row.extend([0.5, 0.9, 0.99, 0.999].map(|quantile| micros(histogram.value_at_quantile(quantile))));
                row.push(micros(histogram.max()));
                table.add_row(row);
            }
        }
        table.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_survives_the_way_through_json_and_differences_are_exact() {
        let mut stage = Stage::new();
        for nanos in [1, 130, 5_000, 5_001, 70_000_000] {
            stage.record(Duration::from_nanos(nanos), 3);
        }
        let before = StageSnapshot::new("turn", &stage);
        stage.record(Duration::from_nanos(5_000), 2);
        stage.record(Duration::from_nanos(9), 1);
        let after = StageSnapshot::new("turn", &stage);
        let json = serde_json::to_string(&after).unwrap();
        let read: StageSnapshot = serde_json::from_str(&json).unwrap();
        assert_eq!(read.histogram(), *stage.histogram());
        assert_eq!(after.since(&before).histogram().len(), 3);
    }
}
