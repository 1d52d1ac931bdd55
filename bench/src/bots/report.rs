//! The result of a run of bots.

use super::Arguments;
use super::bot::{Bot, Observations, Sights};
use crate::fleet::Crew;
use crate::network::{Allowance, NetworkFigures};
use crate::report::{Load, grouped};
use crate::scenario::{Flows, Scenario, option_name};
use crate::verdict::{Missed, Verdict};
use hdrhistogram::Histogram;
use ringshard::ops::report::{Percentiles, ServerReport};
use ringshard::runtime::tick::TICK;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Ticks that what moves nearby may be behind, for 99 in 100.
const STALENESS_MAX: u64 = 3;
/// Share of digests that must agree, of those that something can be said of.
const AGREEMENT_MIN: f64 = 1.0;
/// Inputs a second that must be taken of a player, and updates that it must get of what moves nearby, of 60 each.
const RATE_MIN: f64 = 57.0;
/// From an input to the snapshot that answers it, for 99 in 100, in microseconds.
const ROUND_TRIP_MAX_US: f64 = 50_000.0;
/// Share of its processors that a server fills before it misses targets: the rest is for stalls.
const FULL: f64 = 0.7;
/// Bytes of one entity when all of it is sent: name, 9 floats, animation, states, buffs, health, mana.
const FULL_STATE_BYTES: f64 = 4.0 + 36.0 + 2.0 + 1.0 + 1.0 + 4.0 + 4.0;

/// What was measured.
pub struct Measured {
    pub load: Load,
    /// None of a server that could not be asked.
    pub server: Option<ServerReport>,
    /// 0 of a server that runs elsewhere.
    pub resident_bytes: u64,
    /// Of the last moment.
    pub shed_level: u64,
}

/// The result of a run of bots.
#[derive(Clone, Debug, Serialize)]
pub struct BotsReport {
    scenario: &'static str,
    flows: Flows,
    /// Of a world of our own.
    layout: Option<String>,
    npcs: Option<usize>,
    clients: usize,
    moving: f64,
    secs: f64,
    /// None of a server that could not be asked.
    server: Option<World>,
    player: Player,
    network: Option<NetworkFigures>,
    closed: Option<String>,
    /// How the load generator kept up.
    generator: String,
    /// Why the server could not do what it can.
    interference: Option<String>,
    pub verdict: Verdict,
}

/// The server's side.
#[derive(Clone, Debug, Serialize)]
struct World {
    cores: usize,
    /// None of a server that runs elsewhere.
    cpu_share: Option<f64>,
    resident_mib: f64,
    /// Players that it has processors for, by what each of these costs it; None where that is not known.
    would_hold: Option<usize>,
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
        let is_own = arguments.running.server().is_none();
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
            layout: is_own.then(|| option_name(arguments.layout)),
            npcs: is_own.then_some(arguments.npcs),
            clients: scenario.clients,
            moving: arguments.moving,
            secs,
            server: measured.server.as_ref().map(|report| World::new(&measured, report, scenario.clients)),
            player: Player::new(&sights, &observations, observers, &load, scenario),
            network: NetworkFigures::new(scenario.network, &crew.network),
            closed: crew.closed.clone(),
            generator: crew.health.text(),
            interference: measured.server.as_ref().and_then(|report| load.interference(report.cores.len())),
            verdict: Verdict::Pass,
        };
        let allowance = Allowance::new(scenario.network, &crew.network);
        report.verdict = Verdict::of(report.judge(&allowance), crew.health.overload(), report.interference.clone());
        report
    }

    /// The targets that were missed, what a bad network takes allowed for.
    fn judge(&self, allowance: &Allowance) -> Missed {
        let mut missed = match &self.server {
            Some(server) => server.judge(self.clients, allowance),
            None => Missed::default(),
        };
        let (player, missed_by_clients) = (&self.player, &mut missed.clients);
        let [near_moving, ..] = player.update_hz;
        if near_moving < RATE_MIN {
            missed_by_clients
                .push(format!("nearby moving entities were updated at {near_moving:.1} Hz, not {RATE_MIN}"));
        }
        let (p99_us, p99_max_us) = (player.round_trip.p99_us, ROUND_TRIP_MAX_US + allowance.round_trip_us());
        if p99_us.is_nan() || p99_us >= p99_max_us {
            missed_by_clients.push(format!("p99 round trip {:.1} ms, of {:.1}", p99_us / 1000.0, p99_max_us / 1000.0));
        }
        if player.near_staleness_ticks.p99 > STALENESS_MAX {
            missed_by_clients
                .push(format!("what moves nearby is up to {} ticks behind", player.near_staleness_ticks.p99));
        }
        missed_by_clients.extend(self.closed.iter().map(|reason| format!("a client lost its connection: {reason}")));
        if player.faulty > 0 {
            missed.promises.push(format!("{} snapshots could not be read", player.faulty));
        }
        missed
    }

    /// How many players the server holds, as far as this run can say.
    fn room(&self) -> Option<String> {
        let server = self.server.as_ref()?;
        match self.verdict {
            Verdict::Pass => {
                let (players, percent) = (grouped(server.would_hold? as f64), FULL * 100.0);
                Some(format!("about {players} such players fit into {percent:.0} % of the server's CPU (estimated)"))
            }
            Verdict::Fail(_) => {
                Some("fewer players than these; scripts/verify-world.sh --find searches for how many".to_owned())
            }
            // What it skips and sheds it saves: it costs less than it does where all targets are met.
            _ => None,
        }
    }

    /// The page for people.
    pub fn page(&self) -> String {
        let BotsReport { server, player, .. } = self;
        let mut page = String::new();
        let mut line = |name: &str, text: String| {
            let _ = writeln!(page, "  {name:<12} {text}");
        };
        let place = match (&self.layout, self.npcs) {
            (Some(layout), Some(npcs)) => format!("{} NPCs, {layout}", grouped(npcs as f64)),
            _ => "whoever else is connected".to_owned(),
        };
        line(
            "world",
            format!(
                "{} players and {place}, {:.0} % walk; {} flows, {:.1} s",
                grouped(self.clients as f64),
                percent(self.moving),
                option_name(self.flows),
                self.secs
            ),
        );
        if let Some(network) = &self.network {
            let NetworkFigures { spec, entered, lost, queue_full, .. } = network;
            line("network", format!("{spec}: {lost} of {entered} datagrams lost, {queue_full} at full queues"));
        }
        match server {
            Some(server) => server.lines(&mut line),
            None => line(
                "server",
                "not queried (its admin port is unknown: --admin); only the client side is judged".to_owned(),
            ),
        }
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
        line("bots", format!("{:.0} % of their CPU", percent(player.client_cpu_share)));
        line("generator", self.generator.clone());
        if let Some(interference) = &self.interference {
            line("note", interference.clone());
        }
        if let Some(room) = self.room() {
            line("room", room);
        }
        let _ = writeln!(page, "\nverdict: {}", self.verdict);
        page
    }
}

fn percent(share: f64) -> f64 {
    share * 100.0
}

fn times(it: &Percentiles) -> String {
    let ms = |us: f64| us / 1000.0;
    format!("p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms", ms(it.p50_us), ms(it.p99_us), ms(it.max_us))
}

impl World {
    /// The targets that the server missed by its own account.
    fn judge(&self, clients: usize, allowance: &Allowance) -> Missed {
        let mut missed = Missed::default();
        let tick_ms = TICK.as_nanos() as f64 / 1e6;
        if self.tick.p99_us / 1000.0 >= tick_ms {
            let took = self.tick.p99_us / 1000.0;
            missed.server.push(format!("99 in 100 ticks took up to {took:.1} ms, of {tick_ms:.2}"));
        }
        let (inputs, inputs_min) = (self.inputs_per_s / clients as f64, RATE_MIN * allowance.passed_out);
        if inputs < inputs_min {
            missed.clients.push(format!("{inputs:.1} inputs/s were taken of a player, not {inputs_min:.1}"));
        }
        let told = self.digests_agreed + self.digests_differ;
        if (self.digests_agreed as f64) < AGREEMENT_MIN * told as f64 {
            missed.promises.push(format!("{} of {told} digests differ", self.digests_differ));
        }
        if told == 0 {
            missed.clients.push("no digest of a view could be compared".to_owned());
        }
        if self.ticks_skipped > 0 || self.shed_level > 0 {
            let World { ticks_skipped, shed_level, .. } = self;
            missed.server.push(format!("{ticks_skipped} ticks skipped, shedding level {shed_level}"));
        }
        missed
    }

    fn lines(&self, line: &mut impl FnMut(&str, String)) {
        let cpu =
            self.cpu_share.map_or("CPU unknown".to_owned(), |share| format!("{:.0} % of its CPU", percent(share)));
        line(
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
        line("entries", format!("{}/s, of which {encoded:.1} % had to be encoded", grouped(self.entries_per_s)));
        line("tick", times(&self.tick));
        line("tick start", format!("{} late", times(&self.tick_start_jitter)));
        line("slice", times(&self.slice));
        if self.cores > 1 {
            line("exchange", format!("{} behind", times(&self.exchange_lag)));
        }
        line(
            "overload",
            format!(
                "{} of {} ticks late, {} skipped, shedding level {}",
                self.late_ticks, self.ticks, self.ticks_skipped, self.shed_level
            ),
        );
        line(
            "agreement",
            format!(
                "{} digests agree, {} differ, {} cannot be told",
                self.digests_agreed, self.digests_differ, self.digests_unknown
            ),
        );
        if !self.drops.is_empty() {
            line("drops", format!("{:?}", self.drops));
        }
    }

    fn new(measured: &Measured, report: &ServerReport, clients: usize) -> Self {
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
            would_hold: cpu_share.filter(|&share| share > 0.01).map(|share| would_hold(clients, share)),
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

/// Players that the server has processors for, rounded down to what such an estimate is worth.
fn would_hold(clients: usize, cpu_share: f64) -> usize {
    let players = clients as f64 * FULL / cpu_share;
    let step = if players < 1_000.0 { 10.0 } else { 100.0 };
    ((players / step).floor() * step) as usize
}

impl Player {
    fn new(sights: &Sights, observations: &Observations, observers: usize, load: &Load, scenario: &Scenario) -> Self {
        let each = scenario.clients as f64 * load.elapsed.as_secs_f64();
        let told = (sights.updates + sights.entered + sights.left) as f64;
        let visible = sights.visible as f64 / sights.looked.max(1) as f64;
        let full = visible * FULL_STATE_BYTES * 60.0;
        let bytes = sights.snapshot_bytes as f64 / each;
        let header = ringshard_world::messages::SnapshotHeader::BYTES as f64;
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
