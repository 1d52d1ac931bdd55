//! One player's side, on average.

use crate::bots::observations::{Observations, SnapshotCounts};
use crate::report::CpuTime;
use crate::scenario::Scenario;
use hdrhistogram::Histogram;
use ringshard::ops::report::Percentiles;
use ringshard_world::limits::TICKS_PER_SECOND;
use serde::Serialize;

/// Bytes of a complete entity: name, 9 floats, animation, states, buffs, health, mana.
pub const FULL_STATE_BYTES: f64 = 4.0 + 36.0 + 2.0 + 1.0 + 1.0 + 4.0 + 4.0;

#[derive(Clone, Debug, Serialize)]
pub struct Player {
    pub snapshots_per_s: f64,
    pub kilobytes_per_s: f64,
    pub visible: f64,
    pub updates_per_s: f64,
    /// Bits of entries per update.
    pub bits_per_update: f64,
    /// Traffic saved, compared with all visible entities in every tick.
    pub saved_share: f64,
    /// Updates per second of near moving, far moving and still entities other than the own body; null if there were none.
    pub update_hz: [Option<f64>; 3],
    /// Share of the ticks whose state a player predicted otherwise than the server decided.
    pub mispredicted_share: f64,
    /// Share of the snapshots whose tick the server stepped without the player's input.
    pub inputs_missed_share: f64,
    pub near_staleness_ticks: Ticks,
    pub far_staleness_ticks: Ticks,
    pub round_trip: Percentiles,
    pub faulty: u64,
    pub chats: u64,
    pub client_cpu_share: f64,
    /// CPU time of the load generator per bot and tick, followers and observers together, in microseconds.
    pub client_us_per_tick: f64,
}

impl Player {
    pub fn new(
        counts: &SnapshotCounts,
        observations: &Observations,
        observers: usize,
        load: &CpuTime,
        scenario: &Scenario,
    ) -> Self {
        let each = scenario.clients as f64 * load.elapsed.as_secs_f64();
        let received = (counts.updates + counts.entered + counts.left) as f64;
        let visible = counts.visible as f64 / counts.looked.max(1) as f64;
        let full = visible * FULL_STATE_BYTES * 60.0;
        let bytes = counts.snapshot_bytes as f64 / each;
        let header = ringshard_world::messages::SnapshotHeader::BYTES as f64;
        Player {
            snapshots_per_s: counts.snapshots as f64 / each,
            kilobytes_per_s: bytes / 1000.0,
            visible,
            updates_per_s: counts.updates as f64 / (observers as f64 * load.elapsed.as_secs_f64()),
            bits_per_update: (counts.looked_bytes as f64 - header * counts.looked as f64) * 8.0 / received.max(1.0),
            saved_share: 1.0 - bytes / full.max(1.0),
            update_hz: observations
                .classes
                .map(|class| (class.seen > 0).then(|| 60.0 * class.fresh as f64 / class.seen as f64)),
            mispredicted_share: counts.mispredicted as f64 / counts.predicted.max(1) as f64,
            inputs_missed_share: counts.inputs_missed as f64 / counts.snapshots.max(1) as f64,
            near_staleness_ticks: Ticks::of(&observations.near_staleness),
            far_staleness_ticks: Ticks::of(&observations.far_staleness),
            round_trip: Percentiles::of(&observations.round_trip),
            faulty: counts.faulty,
            chats: counts.chats,
            client_cpu_share: load.client_cpu.as_secs_f64()
                / load.elapsed.as_secs_f64()
                / scenario.client_cpus.len() as f64,
            client_us_per_tick: load.client_cpu.as_secs_f64() * 1e6 / (each * f64::from(TICKS_PER_SECOND)),
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Ticks {
    pub p50: u64,
    pub p99: u64,
    pub max: u64,
}

impl Ticks {
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Ticks { p50: at(0.5), p99: at(0.99), max: histogram.max() }
    }
}
