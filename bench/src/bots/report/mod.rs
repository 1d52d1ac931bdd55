//! The result of `bots`.

mod measured;
mod player;
mod text;
mod world;

pub use self::measured::Measured;

use self::measured::RATE_MIN;
use self::player::{Player, Ticks};
use self::text::{percent, times};
use self::world::{FULL, World};
use super::bot::Bot;
use super::observations::{Observations, SnapshotCounts};
use super::options::Arguments;
use crate::load::fleet::FleetResult;
use crate::report::network::{Allowance, NetworkFigures};
use crate::report::verdict::{Missed, Verdict};
use crate::scenario::{Flows, Scenario, option_name};
use crate::terminal::{Page, grouped};
use serde::Serialize;

/// Target: 99 % of the updates of near moving entities are at most this many ticks old.
pub const STALENESS_MAX: u64 = 3;
/// Target: 99 % of the inputs are answered within this many microseconds. An input waits for its tick, one to two ticks
/// ahead, so that jitter does not cost it; the player's prediction hides that.
pub const ROUND_TRIP_MAX_US: f64 = 50_000.0;

#[derive(Clone, Debug, Serialize)]
pub struct BotsReport {
    scenario: &'static str,
    flows: Flows,
    /// Layout and NPCs are unknown for a running server.
    layout: Option<String>,
    npcs: Option<usize>,
    clients: usize,
    /// Of these, the ones that keep and check a full view. The others open, check and acknowledge every datagram, and
    /// predict their own state.
    observers: usize,
    moving: f64,
    secs: f64,
    /// None if the server could not be queried.
    server: Option<World>,
    player: Player,
    network: Option<NetworkFigures>,
    closed: Option<String>,
    /// Whether the load generator kept up.
    generator: String,
    /// Why other programs distort the result, if they do.
    interference: Option<String>,
    pub verdict: Verdict,
}

impl BotsReport {
    pub fn new(arguments: &Arguments, scenario: &Scenario, measured: Measured, result: &FleetResult<Bot>) -> Self {
        let load = measured.load;
        let is_own = arguments.running.server().is_none();
        let secs = load.elapsed.as_secs_f64();
        let mut counts = SnapshotCounts::default();
        let (mut observations, mut observers) = (Observations::new(), 0);
        for bot in &result.members {
            bot.counts().into_iter().for_each(|its| counts.add(its));
            if let Some(its) = bot.observations() {
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
            observers,
            moving: arguments.moving,
            secs,
            server: measured.server.as_ref().map(|report| World::new(&measured, report, scenario.clients)),
            player: Player::new(&counts, &observations, observers, &load, scenario),
            network: NetworkFigures::new(scenario.network, &result.network),
            closed: result.closed.clone(),
            generator: result.health.text(),
            interference: measured.server.as_ref().and_then(|report| load.interference(report.cores.len())),
            verdict: Verdict::Pass,
        };
        let allowance = Allowance::new(scenario.network, &result.network);
        report.verdict = Verdict::of(report.judge(&allowance), result.health.overload(), report.interference.clone());
        report
    }

    /// The missed targets, after allowing for the simulated network.
    fn judge(&self, allowance: &Allowance) -> Missed {
        let mut missed = match &self.server {
            Some(server) => server.judge(self.clients, allowance),
            None => Missed::default(),
        };
        let (player, missed_by_clients) = (&self.player, &mut missed.clients);
        let [near_moving, ..] = player.update_hz;
        if let Some(near_moving) = near_moving.filter(|&near_moving| near_moving < RATE_MIN) {
            missed_by_clients
                .push(format!("near moving entities were updated at {near_moving:.1} Hz, below {RATE_MIN} Hz"));
        }
        let (p99_us, p99_max_us) = (player.round_trip.p99_us, ROUND_TRIP_MAX_US + allowance.round_trip_us());
        if p99_us.is_nan() || p99_us >= p99_max_us {
            missed_by_clients.push(format!(
                "p99 round trip {:.1} ms, limit {:.1} ms",
                p99_us / 1000.0,
                p99_max_us / 1000.0
            ));
        }
        if player.near_staleness_ticks.p99 > STALENESS_MAX {
            missed_by_clients
                .push(format!("p99 staleness of near moving entities is {} ticks", player.near_staleness_ticks.p99));
        }
        missed_by_clients.extend(self.closed.iter().map(|reason| format!("a client lost its connection: {reason}")));
        if player.faulty > 0 {
            missed.guarantees.push(format!("{} malformed snapshots", player.faulty));
        }
        missed
    }

    /// How many players the server can hold, as far as this run can tell.
    fn capacity_note(&self) -> Option<String> {
        let server = self.server.as_ref()?;
        match self.verdict {
            Verdict::Pass => {
                let (players, percent) = (grouped(server.would_hold? as f64), FULL * 100.0);
                Some(format!(
                    "about {players} such players fit into {percent:.0} % of the server's CPU time (estimate)"
                ))
            }
            Verdict::Fail(_) => Some(
                "fewer players than this run had; scripts/verify-world.sh --find searches for the number".to_owned(),
            ),
            // Skipped ticks and shed updates save CPU time, so an estimate would be too high.
            _ => None,
        }
    }

    /// The report as text.
    pub fn page(&self) -> String {
        let BotsReport { server, player, .. } = self;
        let mut page = Page::default();
        let place = match (&self.layout, self.npcs) {
            (Some(layout), Some(npcs)) => format!("{} NPCs, {layout}", grouped(npcs as f64)),
            _ => "all others connected to the server".to_owned(),
        };
        page.line(
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
            page.line(
                "network",
                format!("{spec}: {lost} of {entered} datagrams lost, {queue_full} dropped by full queues"),
            );
        }
        match server {
            Some(server) => server.write(&mut page),
            None => {
                page.line("server", "not queried (give its admin address with --admin); only the client side is judged")
            }
        }
        page.line(
            "player",
            format!(
                "{:.1} snapshots/s, {:.2} KB/s, {:.1} entities in view, {:.0} updates/s of {:.0} bits",
                player.snapshots_per_s,
                player.kilobytes_per_s,
                player.visible,
                player.updates_per_s,
                player.bits_per_update
            ),
        );
        page.line(
            "saved",
            format!("{:.1} % less than all visible entities in every tick", percent(player.saved_share)),
        );
        let [near, far, still] = player.update_hz.map(|hz| hz.map_or("none".to_owned(), |hz| format!("{hz:.0} Hz")));
        page.line("update rate", format!("near and moving {near}, far and moving {far}, still {still}"));
        let share = |share: f64| format!("{:.2} %", share * 100.0);
        let (mispredicted, missed) = (share(player.mispredicted_share), share(player.inputs_missed_share));
        page.line("prediction", format!("{mispredicted} of the ticks wrong, {missed} of the inputs too late"));
        let Ticks { p50, p99, max } = player.near_staleness_ticks;
        page.line("staleness", format!("near and moving: p50 {p50}, p99 {p99}, max {max} ticks"));
        page.line("round trip", format!("input to snapshot: {}", times(&player.round_trip)));
        page.line(
            "bots",
            format!(
                "{} observers with a full view, {} followers; {:.0} % of their CPU, {:.2} us per bot and tick",
                grouped(self.observers as f64),
                grouped((self.clients - self.observers) as f64),
                percent(player.client_cpu_share),
                player.client_us_per_tick
            ),
        );
        page.line("generator", &self.generator);
        if let Some(interference) = &self.interference {
            page.line("note", interference);
        }
        if let Some(capacity_note) = self.capacity_note() {
            page.line("capacity", capacity_note);
        }
        page.with_verdict(&self.verdict)
    }
}
