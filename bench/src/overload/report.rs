//! The result of `overload`.

use crate::report::verdict::{Missed, Verdict};
use crate::scenario::Flows;
use crate::terminal::{Page, grouped};
use serde::{Deserialize, Serialize};

/// Targets at loads up to [`TARGET_LOAD`].
const ROUND_TRIP_MAX_MS: f64 = 100.0;
const RATE_SHARE_MIN: f64 = 0.7;
const RECOVERY_MAX_S: f64 = 2.0;
const TARGET_LOAD: f64 = 2.0;

/// What happened under one load.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Phase {
    /// Multiple of the capacity.
    pub load: f64,
    pub players: usize,
    /// Inputs per second and player that were there in time; a client makes 60.
    pub inputs_hz: f64,
    /// Input messages per second and player that the server took.
    pub messages_hz: f64,
    /// Snapshots per second that the players got: on average, and the one that got the fewest.
    pub snapshots_hz: f64,
    pub snapshots_hz_least: f64,
    /// Age of datagrams when they had been handled.
    pub age_p50_ms: f64,
    pub age_p99_ms: f64,
    /// From making an input to its snapshot.
    pub round_trip_p50_ms: f64,
    pub round_trip_p99_ms: f64,
    /// Datagrams that were dropped because they had waited too long, and by the kernel, per second.
    pub dropped_hz: f64,
    pub kernel_drops_hz: f64,
    pub ticks_skipped: u64,
    /// Players whose connections ended.
    pub players_dropped: u64,
    /// Highest level of shedding.
    pub shed_level: u64,
}

#[derive(Clone, Debug, Serialize)]
pub struct OverloadReport {
    pub scenario: &'static str,
    pub flows: Flows,
    pub capacity: usize,
    pub phases: Vec<Phase>,
    /// From the end of the load until nothing was shed; None if that took too long.
    pub recovery_s: Option<f64>,
    /// Whether the load generator kept up.
    pub generator: String,
    #[serde(skip)]
    pub overload: Option<String>,
}

impl OverloadReport {
    pub fn verdict(&self) -> Verdict {
        let mut missed = Missed::default();
        for phase in self.phases.iter().filter(|phase| phase.load <= TARGET_LOAD) {
            let Phase { load, round_trip_p99_ms: round_trip, ticks_skipped, players_dropped, .. } = *phase;
            if round_trip > ROUND_TRIP_MAX_MS {
                let text = format!("p99 round trip {round_trip:.0} ms at {load}, limit {ROUND_TRIP_MAX_MS:.0} ms");
                missed.clients.push(text);
            }
            if phase.snapshots_hz_least < RATE_SHARE_MIN * phase.snapshots_hz {
                let (least, mean) = (phase.snapshots_hz_least, phase.snapshots_hz);
                missed.clients.push(format!("a player got {least:.1} snapshots/s at {load}, the average is {mean:.1}"));
            }
            if ticks_skipped > 0 {
                missed.server.push(format!("{ticks_skipped} ticks skipped at {load}"));
            }
            if players_dropped > 0 {
                missed.clients.push(format!("{players_dropped} players lost their connections at {load}"));
            }
        }
        if self.recovery_s.is_none_or(|recovery| recovery > RECOVERY_MAX_S) {
            missed
                .server
                .push(format!("nothing shed {:?} s after the load, limit {RECOVERY_MAX_S} s", self.recovery_s));
        }
        Verdict::of(missed, self.overload.clone(), None)
    }

    pub fn page(&self) -> String {
        let mut page = Page::default();
        page.line("capacity", format!("{} players", grouped(self.capacity as f64)));
        for phase in &self.phases {
            page.line(&format!("{:.1} x", phase.load), phase.text());
        }
        let recovery = self.recovery_s.map_or("more than 10 s".to_owned(), |recovery| format!("{recovery:.1} s"));
        page.line("recovery", format!("{recovery} until nothing was shed"));
        page.line("generator", &self.generator);
        page.with_verdict(self.verdict())
    }
}

impl Phase {
    fn text(&self) -> String {
        format!(
            "{:>6} players: {:.1} inputs/s in time, {:.1} messages/s, {:.1} snapshots/s (least {:.1}), age p50 {:.1} p99 \
             {:.1} ms, round trip p50 {:.0} p99 {:.0} ms, {} too old/s, {} kernel drops/s, {} ticks skipped, {} players \
             dropped, level {}",
            grouped(self.players as f64),
            self.inputs_hz,
            self.messages_hz,
            self.snapshots_hz,
            self.snapshots_hz_least,
            self.age_p50_ms,
            self.age_p99_ms,
            self.round_trip_p50_ms,
            self.round_trip_p99_ms,
            grouped(self.dropped_hz),
            grouped(self.kernel_drops_hz),
            self.ticks_skipped,
            self.players_dropped,
            self.shed_level
        )
    }
}
