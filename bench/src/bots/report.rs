//! The result of a run of bots.

use super::Arguments;
use super::bot::{Bot, Observations, Sights};
use crate::fleet::Crew;
use crate::report::{Load, grouped};
use crate::scenario::{Flows, Scenario, option_name};
use hdrhistogram::Histogram;
use ringshard::core::TICK;
use ringshard::report::{Percentiles, ServerReport};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Ticks that what moves nearby may be behind, for 99 in 100 (F2).
const STALENESS_MAX: u64 = 3;
/// Share of digests that must agree, of those that something can be said of.
const AGREEMENT_MIN: f64 = 1.0;
/// Inputs a second that must be taken of a player, and updates that it must get of what moves nearby, of 60 each.
const RATE_MIN: f64 = 57.0;
/// From an input to the snapshot that answers it, for 99 in 100, in microseconds (F3).
const ROUND_TRIP_MAX_US: f64 = 50_000.0;
/// Bytes of one entity when all of it is sent: name, 9 floats, animation, states, buffs, health, mana.
const FULL_STATE_BYTES: f64 = 4.0 + 36.0 + 2.0 + 1.0 + 1.0 + 4.0 + 4.0;

/// What was measured.
pub struct Measured {
    pub load: Load,
    pub server: ServerReport,
    pub resident_bytes: u64,
    /// Of the last moment.
    pub shed_level: u64,
}

/// The result of a run of bots.
#[derive(Clone, Debug, Serialize)]
pub struct BotsReport {
    scenario: &'static str,
    flows: Flows,
    layout: String,
    clients: usize,
    npcs: usize,
    moving: f64,
    secs: f64,
    server_cores: usize,
    server: World,
    player: Player,
    closed: Option<String>,
    /// What was wanted and did not hold.
    missed: Vec<String>,
}

/// The server's side.
#[derive(Clone, Debug, Serialize)]
struct World {
    cpu_share: f64,
    resident_mib: f64,
    inputs_per_s: f64,
    snapshots_per_s: f64,
    entries_per_s: f64,
    /// Share of the entries that had to be encoded.
    encoded_share: f64,
    tick: Percentiles,
    tick_start_jitter: Percentiles,
    slice: Percentiles,
    exchange_lag: Percentiles,
    ticks: u64,
    late_ticks: u64,
    ticks_skipped: u64,
    shed_level: u64,
    digests_agreed: u64,
    digests_differ: u64,
    digests_unknown: u64,
    drops: BTreeMap<String, u64>,
}

/// One player's side, on average.
#[derive(Clone, Debug, Serialize)]
struct Player {
    snapshots_per_s: f64,
    kilobytes_per_s: f64,
    visible: f64,
    updates_per_s: f64,
    /// Bytes of entries for each update, times eight.
    bits_per_update: f64,
    /// Against all of every visible entity in every tick.
    saved_share: f64,
    /// Updates a second of near moving, far moving and still entities.
    update_hz: [f64; 3],
    near_staleness_ticks: Ticks,
    far_staleness_ticks: Ticks,
    round_trip: Percentiles,
    faulty: u64,
    chats: u64,
    client_cpu_share: f64,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct Ticks {
    p50: u64,
    p99: u64,
    max: u64,
}

impl Ticks {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Ticks { p50: at(0.5), p99: at(0.99), max: histogram.max() }
    }
}

impl BotsReport {
    pub fn new(arguments: &Arguments, scenario: &Scenario, measured: Measured, crew: &Crew<Bot>) -> Self {
        let load = measured.load;
        let secs = load.elapsed.as_secs_f64();
        let mut sights = Sights::default();
        let (mut observations, mut observers) = (Observations::new(), 0);
        for bot in &crew.talks {
            sights.add(&bot.sights);
            if let Some(its) = &bot.observations {
                observations.add(its);
                observers += 1;
            }
        }
        let mut report = BotsReport {
            scenario: "bots",
            flows: scenario.flows,
            layout: option_name(arguments.layout),
            clients: scenario.clients,
            npcs: arguments.npcs,
            moving: arguments.moving,
            secs,
            server_cores: scenario.server_cpus.len(),
            server: World::new(&measured, scenario.server_cpus.len()),
            player: Player::new(&sights, &observations, observers, &load, scenario),
            closed: crew.closed.clone(),
            missed: Vec::new(),
        };
        report.missed = report.judge();
        report
    }

    fn judge(&self) -> Vec<String> {
        let BotsReport { server, player, .. } = self;
        let mut missed = Vec::new();
        let tick_ms = TICK.as_nanos() as f64 / 1e6;
        if server.tick.p99_us / 1000.0 >= tick_ms {
            missed.push(format!("99 in 100 ticks took up to {:.1} ms, of {tick_ms:.2}", server.tick.p99_us / 1000.0));
        }
        let inputs = server.inputs_per_s / self.clients as f64;
        if inputs < RATE_MIN {
            missed.push(format!("{inputs:.1} inputs/s were taken of a player, not {RATE_MIN}"));
        }
        let [near_moving, ..] = player.update_hz;
        if near_moving < RATE_MIN {
            missed.push(format!("what moves nearby was told of at {near_moving:.1} Hz, not {RATE_MIN}"));
        }
        if player.round_trip.p99_us >= ROUND_TRIP_MAX_US {
            missed.push(format!("p99 round trip {:.1} ms", player.round_trip.p99_us / 1000.0));
        }
        if player.near_staleness_ticks.p99 > STALENESS_MAX {
            missed.push(format!("what moves nearby is up to {} ticks behind", player.near_staleness_ticks.p99));
        }
        let told = server.digests_agreed + server.digests_differ;
        if (server.digests_agreed as f64) < AGREEMENT_MIN * told as f64 || told == 0 {
            missed.push(format!("{} of {told} digests differ", server.digests_differ));
        }
        if player.faulty > 0 {
            missed.push(format!("{} snapshots could not be read", player.faulty));
        }
        if server.ticks_skipped > 0 || server.shed_level > 0 {
            missed.push(format!("{} ticks skipped, shedding level {}", server.ticks_skipped, server.shed_level));
        }
        missed.extend(self.closed.iter().map(|reason| format!("a client lost its connection: {reason}")));
        missed
    }

    /// Whether all that was wanted holds.
    pub fn passes(&self) -> bool {
        self.missed.is_empty()
    }

    /// The page for people.
    pub fn page(&self) -> String {
        let BotsReport { server, player, .. } = self;
        let mut page = String::new();
        let mut line = |name: &str, text: String| {
            let _ = writeln!(page, "  {name:<12} {text}");
        };
        let percent = |share: f64| share * 100.0;
        let times = |it: &Percentiles| {
            let ms = |us: f64| us / 1000.0;
            format!("p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms", ms(it.p50_us), ms(it.p99_us), ms(it.max_us))
        };
        line(
            "world",
            format!(
                "{} players and {} NPCs, {}, {:.0} % walk; {} flows, {} server core(s), {:.0} s",
                grouped(self.clients as f64),
                grouped(self.npcs as f64),
                self.layout,
                percent(self.moving),
                option_name(self.flows),
                self.server_cores,
                self.secs
            ),
        );
        line(
            "server",
            format!(
                "{:.0} % of its CPU, {:.0} MiB; {} inputs/s in, {} snapshots/s out",
                percent(server.cpu_share),
                server.resident_mib,
                grouped(server.inputs_per_s),
                grouped(server.snapshots_per_s)
            ),
        );
        line(
            "entries",
            format!(
                "{}/s, of which {:.1} % had to be encoded",
                grouped(server.entries_per_s),
                percent(server.encoded_share)
            ),
        );
        line("tick", times(&server.tick));
        line("tick start", format!("{} late", times(&server.tick_start_jitter)));
        line("slice", times(&server.slice));
        if self.server_cores > 1 {
            line("exchange", format!("{} behind", times(&server.exchange_lag)));
        }
        line(
            "overload",
            format!(
                "{} of {} ticks late, {} skipped, shedding level {}",
                server.late_ticks, server.ticks, server.ticks_skipped, server.shed_level
            ),
        );
        line(
            "player",
            format!(
                "{:.1} snapshots/s, {:.2} KB/s, {:.1} entities in sight, {:.0} updates/s of {:.0} bits",
                player.snapshots_per_s,
                player.kilobytes_per_s,
                player.visible,
                player.updates_per_s,
                player.bits_per_update
            ),
        );
        line("saved", format!("{:.1} % against all of it in every tick", percent(player.saved_share)));
        let [near, far, still] = player.update_hz;
        line("update rate", format!("near and moving {near:.0} Hz, far and moving {far:.0} Hz, still {still:.1} Hz"));
        let Ticks { p50, p99, max } = player.near_staleness_ticks;
        line("staleness", format!("near and moving: p50 {p50}, p99 {p99}, max {max} ticks"));
        line("round trip", format!("input to snapshot: {}", times(&player.round_trip)));
        line(
            "agreement",
            format!(
                "{} digests agree, {} differ, {} cannot be told",
                server.digests_agreed, server.digests_differ, server.digests_unknown
            ),
        );
        line("bots", format!("{:.0} % of their CPU", percent(player.client_cpu_share)));
        if !server.drops.is_empty() {
            line("drops", format!("{:?}", server.drops));
        }
        let verdict = if self.passes() { "pass".to_owned() } else { format!("fail: {}", self.missed.join("; ")) };
        let _ = writeln!(page, "\nverdict: {verdict}");
        page
    }
}

impl World {
    fn new(measured: &Measured, cores: usize) -> Self {
        let Measured { load, server: report, resident_bytes, shed_level } = measured;
        let total = |name: &str| report.total(&format!("world_{name}"));
        let rate = |name: &str| total(name) as f64 / report.uptime_s;
        let stage = |name: &str| Percentiles::of(&report.stage(name));
        World {
            cpu_share: load.server_cpu.as_secs_f64() / load.elapsed.as_secs_f64() / cores as f64,
            resident_mib: *resident_bytes as f64 / f64::from(1 << 20),
            inputs_per_s: rate("inputs"),
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

impl Player {
    fn new(sights: &Sights, observations: &Observations, observers: usize, load: &Load, scenario: &Scenario) -> Self {
        let each = scenario.clients as f64 * load.elapsed.as_secs_f64();
        let told = (sights.updates + sights.entered + sights.left) as f64;
        let visible = sights.visible as f64 / sights.looked.max(1) as f64;
        let full = visible * FULL_STATE_BYTES * 60.0;
        let bytes = sights.snapshot_bytes as f64 / each;
        let header = ringshard_engine::world::snapshot::SnapshotHeader::BYTES as f64;
        Player {
            snapshots_per_s: sights.snapshots as f64 / each,
            kilobytes_per_s: bytes / 1000.0,
            visible,
            updates_per_s: sights.updates as f64 / (observers as f64 * load.elapsed.as_secs_f64()),
            bits_per_update: (sights.looked_bytes as f64 - header * sights.looked as f64) * 8.0 / told.max(1.0),
            saved_share: 1.0 - bytes / full.max(1.0),
            update_hz: observations.classes.map(|class| 60.0 * class.fresh as f64 / class.seen.max(1) as f64),
            near_staleness_ticks: Ticks::of(&observations.near_staleness),
            far_staleness_ticks: Ticks::of(&observations.far_staleness),
            round_trip: Percentiles::of(&observations.round_trip),
            faulty: sights.faulty,
            chats: sights.chats,
            client_cpu_share: load.client_cpu.as_secs_f64()
                / load.elapsed.as_secs_f64()
                / scenario.client_cpus.len() as f64,
        }
    }
}
