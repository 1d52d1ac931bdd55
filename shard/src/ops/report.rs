//! What a server reports about itself, as it is sent and written to files.

use crate::runtime::core_report::CoreReport;
use crate::runtime::datapath::Backend;
use crate::runtime::player_list::PlayerRow;
use crate::runtime::stages::Stage;
use crate::runtime::status::{CoreStatus, ServerStatus};
use hdrhistogram::Histogram;
use ringshard_protocol::endpoint::{ConnectionInfo, Standing};
use ringshard_protocol::time::Duration;
use ringshard_protocol::time::Instant;
use ringshard_world::Refusal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;

/// A server at one moment. All counters count from its start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServerReport {
    /// Version of the server.
    pub version: String,
    /// Process id.
    pub pid: u32,
    /// Seconds since the start.
    pub uptime_s: f64,
    /// The address that it listens on.
    pub listen: SocketAddr,
    /// Which link carries the datagrams.
    pub datapath: Backend,
    /// Whether it drains: it admits no new clients.
    pub draining: bool,
    /// Highest number of connections, over all cores.
    #[serde(default)]
    pub connections_max: usize,
    /// Its cores, in order.
    pub cores: Vec<CoreSnapshot>,
}

/// One core at one moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CoreSnapshot {
    /// Number of the core.
    pub core: usize,
    /// Current connections.
    pub connections: usize,
    /// If the core is stuck, the seconds since its last turn. The other fields are then as old as that.
    #[serde(default)]
    pub stuck_s: Option<f64>,
    /// Every counter except drops.
    pub counters: BTreeMap<String, u64>,
    /// Drops, by reason.
    pub drops: BTreeMap<String, u64>,
    /// The last address whose datagrams were dropped, by reason.
    pub offenders: BTreeMap<String, SocketAddr>,
    /// The latency histograms.
    pub stages: Vec<StageSnapshot>,
    /// The latest ticks, oldest first.
    pub ticks: Vec<TickSnapshot>,
}

/// One tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TickSnapshot {
    /// Its number, from 0 at the start of the core.
    pub number: u64,
    /// How late it began, in microseconds.
    pub late_us: u32,
    /// How long it took, in microseconds.
    pub took_us: u32,
    /// Ticks that were skipped after it.
    pub skipped: u32,
}

/// A connection at one moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConnectionSnapshot {
    /// Its id, as logs and captures show it.
    pub id: String,
    /// The core that owns it.
    pub core: u8,
    /// The address of its client.
    pub address: SocketAddr,
    /// Its state: `half-open`, `established` or `closing`.
    pub standing: String,
    /// Seconds since its handshake.
    pub age_s: f64,
    /// Seconds since the last datagram from the client.
    pub silent_s: f64,
    /// The AEAD in use.
    pub suite: String,
    /// Smoothed round-trip time, in milliseconds.
    pub round_trip_ms: Option<f64>,
    /// Share of the client's datagrams that never arrived, 0 to 1.
    pub loss: f64,
    /// Datagrams from the client.
    pub datagrams_in: u64,
    /// Datagrams to the client.
    pub datagrams_out: u64,
    /// Bytes from the client.
    pub bytes_in: u64,
    /// Bytes to the client.
    pub bytes_out: u64,
    /// Largest datagram to the client, in bytes.
    pub datagram_bytes: usize,
    /// Reliable messages that wait for an acknowledgment, in bytes.
    pub unacknowledged_bytes: usize,
    /// Messages of which only some fragments have arrived.
    pub messages_in_pieces: usize,
    /// Congestion window, in bytes.
    pub window_bytes: Option<u64>,
    /// Bytes in flight.
    pub in_flight_bytes: Option<u64>,
    /// Datagrams to the client that are considered lost.
    pub packets_lost: u64,
    /// Datagrams dropped because the client exceeded its limits.
    pub over_budget: u64,
    /// Number of rekeys.
    pub key_changes: u64,
    /// Its player in the world: slot and generation, with a dot between them. None if it is not in the world.
    #[serde(default)]
    pub player: Option<String>,
    /// The player's score: what it was refused, weighted. It halves every minute.
    #[serde(default)]
    pub score: f64,
    /// How often the player was refused something, by reason. Reasons that never occurred are left out.
    #[serde(default)]
    pub refusals: BTreeMap<String, u32>,
}

impl ConnectionSnapshot {
    /// A connection as it was at `now`, by the clock of its core.
    pub fn new(info: &ConnectionInfo, now: Instant) -> Self {
        ConnectionSnapshot {
            id: info.id.to_string(),
            core: info.id.core(),
            address: info.address,
            standing: match info.standing {
                Standing::HalfOpen => "half-open",
                Standing::Established => "established",
                Standing::Closing => "closing",
            }
            .into(),
            age_s: now.since(info.accepted_at).as_secs_f64(),
            silent_s: now.since(info.heard_at).as_secs_f64(),
            suite: info.suite.name().into(),
            round_trip_ms: info.round_trip.map(|it| it.as_secs_f64() * 1000.0),
            loss: info.loss,
            datagrams_in: info.stats.datagrams_in,
            datagrams_out: info.stats.datagrams_out,
            bytes_in: info.stats.bytes_in,
            bytes_out: info.stats.bytes_out,
            datagram_bytes: info.datagram_bytes,
            unacknowledged_bytes: info.unacknowledged_bytes,
            messages_in_pieces: info.messages_in_pieces,
            window_bytes: info.congestion.map(|(window, _)| window),
            in_flight_bytes: info.congestion.map(|(_, in_flight)| in_flight),
            packets_lost: info.packets_lost,
            over_budget: info.stats.over_budget,
            key_changes: info.key_changes,
            player: None,
            score: 0.0,
            refusals: BTreeMap::new(),
        }
    }

    /// The same connection, with its player.
    #[must_use]
    pub fn with_player(self, row: &PlayerRow) -> Self {
        let (slot, generation) = row.player;
        let counted = Refusal::ALL.into_iter().zip(row.refusals).filter(|&(_, count)| count > 0);
        ConnectionSnapshot {
            player: Some(format!("{slot}.{generation}")),
            score: row.score.into(),
            refusals: counted.map(|(why, count)| (why.name().to_owned(), count)).collect(),
            ..self
        }
    }

    /// How often its player was refused something.
    pub fn refused(&self) -> u64 {
        self.refusals.values().map(|&count| u64::from(count)).sum()
    }

    /// The most frequent reason; of two, the first by name.
    pub fn main_refusal(&self) -> Option<(&str, u32)> {
        let most = self.refusals.iter().rev().max_by_key(|(_, count)| **count);
        most.map(|(why, &count)| (why.as_str(), count))
    }
}

/// A latency histogram, as its buckets that are not empty.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StageSnapshot {
    /// Name of the stage.
    pub name: String,
    /// The upper bound of a bucket in nanoseconds, and its count.
    pub buckets: Vec<(u64, u64)>,
}

/// Percentiles of a histogram, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Percentiles {
    /// 50th percentile.
    pub p50_us: f64,
    /// 99th percentile.
    pub p99_us: f64,
    /// 99.9th percentile.
    pub p999_us: f64,
    /// Maximum.
    pub max_us: f64,
}

impl Percentiles {
    /// The percentiles of a histogram in nanoseconds.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1000.0;
        let (p50_us, p99_us, p999_us) = (at(0.5), at(0.99), at(0.999));
        assert!(p50_us <= p99_us && p99_us <= p999_us, "percentiles out of order: {p50_us}, {p99_us}, {p999_us}");
        Percentiles { p50_us, p99_us, p999_us, max_us: histogram.max() as f64 / 1000.0 }
    }
}

impl CoreSnapshot {
    /// The snapshot of core `core` from its report.
    pub fn new(core: usize, report: &CoreReport) -> Self {
        let owned = |(name, count): (&str, u64)| (name.to_owned(), count);
        let named = report.service.entries().map(|(name, count)| (format!("world_{name}"), count));
        let link = report.link.entries().map(|(name, count)| (format!("link_{name}"), count));
        let mut counters: BTreeMap<String, u64> = report.endpoint.entries().map(owned).chain(link).collect();
        counters.insert("ticks".into(), report.ticks.count());
        counters.insert("ticks_skipped".into(), report.ticks_skipped);
        counters.insert("overload_ms".into(), report.overload.as_millis() as u64);
        counters.insert("overloads".into(), report.overloads);
        counters.insert("message_bytes".into(), report.message_bytes as u64);
        counters.insert("duplicates".into(), report.duplicates);
        counters.extend(named);
        let counted =
            report.endpoint.entries().count() + report.link.entries().count() + report.service.entries().count();
        assert_eq!(counters.len(), counted + 6, "two counters of a core have the same name");
        CoreSnapshot {
            core,
            connections: report.connections,
            stuck_s: None,
            counters,
            drops: report.drops.entries().map(owned).collect(),
            offenders: report.offenders.entries().map(|(reason, peer)| (reason.to_owned(), peer)).collect(),
            stages: report.stages.entries().map(|(name, stage)| StageSnapshot::new(name, stage)).into(),
            ticks: ticks(report),
        }
    }

    /// A counter by name; 0 if the server, of another version, does not have it.
    pub fn counter(&self, name: &str) -> u64 {
        self.counters.get(name).copied().unwrap_or(0)
    }
}

/// The counter of a reason for which players are refused something.
pub fn refusal_counter(why: Refusal) -> String {
    format!("world_refused_{}", why.name().replace('-', "_"))
}

/// The latest ticks, oldest first.
fn ticks(report: &CoreReport) -> Vec<TickSnapshot> {
    let ticks: Vec<_> = report
        .ticks
        .latest()
        .map(|(number, tick)| TickSnapshot {
            number,
            late_us: tick.late_us,
            took_us: tick.took_us,
            skipped: tick.skipped,
        })
        .collect();
    assert!(ticks.is_sorted_by(|left, right| left.number < right.number), "ticks out of order");
    ticks
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

    /// What was recorded after `earlier`.
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

impl From<ServerStatus> for ServerReport {
    fn from(status: ServerStatus) -> Self {
        let ServerStatus { identity, draining, cores } = status;
        let snapshot = |(number, core): (usize, &CoreStatus)| CoreSnapshot {
            stuck_s: core.stuck.map(|silence| silence.as_secs_f64()),
            ..CoreSnapshot::new(number, &core.report)
        };
        ServerReport {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            uptime_s: identity.started.elapsed().as_secs_f64(),
            listen: identity.listen,
            datapath: identity.datapath,
            draining,
            connections_max: identity.connections_per_core_max * cores.len(),
            cores: cores.iter().enumerate().map(snapshot).collect(),
        }
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

    /// A stage's histogram over all cores, in nanoseconds; empty if there is no such stage.
    pub fn stage(&self, name: &str) -> Histogram<u64> {
        let mut sum = Stage::new().histogram().clone();
        for stage in self.cores.iter().flat_map(|core| &core.stages).filter(|stage| stage.name == name) {
            sum.add(stage.histogram()).expect("all stages have the same bounds");
        }
        sum
    }

    /// Refusals of players by reason, summed over the cores. Reasons that never occurred are left out.
    pub fn refusals(&self) -> BTreeMap<&'static str, u64> {
        let count = |why: Refusal| (why.name(), self.total(&refusal_counter(why)));
        Refusal::ALL.into_iter().map(count).filter(|&(_, count)| count > 0).collect()
    }

    /// Percentiles by core and stage.
    pub fn percentiles(&self) -> Vec<BTreeMap<String, Percentiles>> {
        let of_core = |core: &CoreSnapshot| {
            core.stages.iter().map(|stage| (stage.name.clone(), Percentiles::of(&stage.histogram()))).collect()
        };
        self.cores.iter().map(of_core).collect()
    }

    /// Drops by reason, summed over the cores. Reasons without drops are left out.
    pub fn drops(&self) -> BTreeMap<String, u64> {
        let mut sums = BTreeMap::new();
        for (reason, &count) in self.cores.iter().flat_map(|core| &core.drops) {
            if count > 0 {
                *sums.entry(reason.clone()).or_insert(0) += count;
            }
        }
        sums
    }

    /// The histograms as a table: a row per core and stage. Empty stages are left out.
    #[cfg(feature = "ops")]
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
