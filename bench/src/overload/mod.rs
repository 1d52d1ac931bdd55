//! `overload`: more players than a server holds, and how it bears them. Then fewer again, and how soon it recovers.

mod gate;
mod options;
mod plot;
mod report;
mod visitor;

pub use self::options::Arguments;

use self::gate::Gate;
use self::report::{OverloadReport, Phase};
use self::visitor::{Start, Visitor};
use crate::bots::{Behaviour, Brain, Shared};
use crate::load::fleet::Fleet;
use crate::report::verdict::Verdict;
use crate::scenario;
use crate::scenario::{PAYLOAD_BYTES_MIN, Rate, Scenario, option_name};
use crate::server_process::Server;
use crate::system::{interrupt, raise_file_limit};
use crate::terminal::bar;
use hdrhistogram::Histogram;
use ringshard::ops::report::ServerReport;
use ringshard_protocol::client::ClientConfig;
use ringshard_terrain::Terrain;
use ringshard_world::limits::TICKS_PER_SECOND;
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Time after a change of the load that is not counted: players enter, and the server adapts.
const SETTLE: Duration = Duration::from_secs(1);
/// Time between two looks at the server.
const LOOK: Duration = Duration::from_millis(100);
/// Within this time, the server ends connections whose clients are silent.
const SILENCE: Duration = Duration::from_secs(25);
/// How long a recovery is waited for.
const RECOVERY: Duration = Duration::from_secs(10);

pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let most = arguments.loads.iter().copied().fold(1.0, f64::max);
    if !(arguments.loads.iter().all(|load| (0.1..=20.0).contains(load)) && arguments.secs > SETTLE.as_secs_f64()) {
        return Err("--loads must be 0.1 to 20, and --secs more than 1".to_owned());
    }
    let players = (arguments.capacity as f64 * most).ceil() as usize;
    let scenario = scenario(arguments, players)?;
    raise_file_limit();
    let server = Server::start_with(&scenario, &options(arguments, players))?;
    let shared = Arc::new(Shared::on(Terrain::shared_flat()));
    shared.open.store(true, Ordering::Relaxed);
    shared.measure.store(true, Ordering::Relaxed);
    let gate = Arc::new(Gate::new(players));
    let behaviour = Behaviour { moving: arguments.moving, fight: 0.0, chat: 0.0 };
    let per_socket = players.div_ceil(scenario.sockets);
    let numbers = deal(players, per_socket);
    let visitor = |at: usize| {
        let relay = (at / per_socket) as f64 / scenario.sockets as f64;
        let number = numbers[at];
        let brain = Brain::new(number, behaviour, shared.clone());
        Visitor::new(Start { number, brain, relay, shared: shared.clone(), gate: gate.clone() })
    };
    let visitors = (0..players).map(visitor).collect();
    let fleet =
        Fleet::start("overload", &scenario, server.address, ClientConfig::new(server.key), visitors).connect()?;
    fleet.measure(true);
    let mut phases = Vec::new();
    for &load in &arguments.loads {
        phases.push(phase(arguments, &server, &gate, load)?);
    }
    let recovery_s = recover(arguments, &server, &gate)?;
    phases.push(phase(arguments, &server, &gate, 1.0)?);
    fleet.measure(false);
    let result = fleet.stop()?;
    server.stop()?;
    let report = OverloadReport {
        scenario: "overload",
        flows: arguments.flows,
        capacity: arguments.capacity,
        phases,
        recovery_s,
        generator: result.health.text(),
        overload: result.health.overload(),
    };
    print!("overload: more players than a server holds\n{}", report.page());
    write(arguments, &report)?;
    Ok(report.verdict())
}

fn write(arguments: &Arguments, report: &OverloadReport) -> Result<(), String> {
    if let Some(path) = &arguments.run.json {
        crate::report::write_json(path, report)?;
    }
    let Some(path) = &arguments.svg else { return Ok(()) };
    let before = arguments.before.as_deref().map(phases_of).transpose()?.unwrap_or_default();
    let svg = plot::draw(&before, &report.phases[..arguments.loads.len()]);
    std::fs::write(path, svg).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// The phases of an earlier result.
fn phases_of(path: &Path) -> Result<Vec<Phase>, String> {
    #[derive(Deserialize)]
    struct Earlier {
        phases: Vec<Phase>,
    }
    let failed = |error: &dyn std::fmt::Display| format!("cannot read {}: {error}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    serde_json::from_str::<Earlier>(&text).map(|earlier| earlier.phases).map_err(|error| failed(&error))
}

fn scenario(arguments: &Arguments, clients: usize) -> Result<Scenario, String> {
    let Arguments { flows, secs, run, .. } = arguments;
    let load = scenario::Load {
        flows: *flows,
        clients,
        rate: Rate::Hz(TICKS_PER_SECOND.into()),
        size: PAYLOAD_BYTES_MIN,
        secs: *secs,
    };
    Scenario::new(load, &run.place, &run.serving, &run.settings, None)
}

fn options(arguments: &Arguments, players: usize) -> Vec<String> {
    let options = [
        ("--game", "demo".to_owned()),
        ("--layout", option_name(arguments.layout)),
        ("--npcs", "0".to_owned()),
        ("--entities", (2 * players + 1_000).min(65_536).to_string()),
        ("--visible", arguments.visible.to_string()),
        ("--near", arguments.near.to_string()),
        ("--admit-when-overloaded", "true".to_owned()),
    ];
    options.into_iter().flat_map(|(option, value)| [option.to_owned(), value]).collect()
}

/// The number of each player. They are dealt to the sockets in turn, so that every load uses all sockets.
fn deal(players: usize, per_socket: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..players).collect();
    order.sort_by_key(|at| (at % per_socket, at / per_socket));
    let mut numbers = vec![0; players];
    for (number, at) in order.into_iter().enumerate() {
        numbers[at] = number;
    }
    numbers
}

/// Applies a load, and measures once it has settled.
fn phase(arguments: &Arguments, server: &Server, gate: &Gate, load: f64) -> Result<Phase, String> {
    let players = (arguments.capacity as f64 * load).round() as usize;
    gate.active.store(players, Ordering::Relaxed);
    let dropped_before = gate.dropped.load(Ordering::Relaxed);
    watch("settling", SETTLE, || Ok(()))?;
    let before = server.report()?;
    drop((gate.take_round_trips(), gate.take_snapshots(players)));
    let began = Instant::now();
    let mut shed_level = 0;
    watch(&format!("load {load}"), Duration::from_secs_f64(arguments.secs) - SETTLE, || {
        shed_level = shed_level.max(server.report()?.total("world_shed_level"));
        Ok(())
    })?;
    let secs = began.elapsed().as_secs_f64();
    let (round_trips, snapshots) = (gate.take_round_trips(), gate.take_snapshots(players));
    let change = server.report()?.since(&before);
    let per_player = |count: u64| count as f64 / secs / players as f64;
    let ms = |histogram: &Histogram<u64>, quantile| histogram.value_at_quantile(quantile) as f64 / 1e6;
    let ages = change.stage("arrival_to_handled");
    let total: u64 = snapshots.iter().map(|&count| u64::from(count)).sum();
    let dropped = |report: &ServerReport| report.drops().get("too_old").copied().unwrap_or(0);
    Ok(Phase {
        load,
        players,
        inputs_hz: per_player(change.total("world_inputs_taken")),
        messages_hz: per_player(change.total("world_input_messages")),
        snapshots_hz: per_player(total),
        snapshots_hz_least: f64::from(snapshots.into_iter().min().unwrap_or(0)) / secs,
        age_p50_ms: ms(&ages, 0.5),
        age_p99_ms: ms(&ages, 0.99),
        round_trip_p50_ms: ms(&round_trips, 0.5),
        round_trip_p99_ms: ms(&round_trips, 0.99),
        dropped_hz: dropped(&change) as f64 / secs,
        kernel_drops_hz: change.total("link_kernel_drops") as f64 / secs,
        ticks_skipped: change.total("ticks_skipped"),
        players_dropped: gate.dropped.load(Ordering::Relaxed) - dropped_before,
        shed_level,
    })
}

/// Ends the load: gives the seconds from its end until nothing is shed.
fn recover(arguments: &Arguments, server: &Server, gate: &Gate) -> Result<Option<f64>, String> {
    gate.active.store(arguments.capacity, Ordering::Relaxed);
    let left = Instant::now();
    let mut began = left;
    while began.elapsed() < RECOVERY {
        std::thread::sleep(LOOK);
        let report = server.report()?;
        // An overloaded server may drop all copies of a player's Disconnect. It serves such a player until its timeout: so long
        // the load lasts.
        if report.total("world_players") > arguments.capacity as u64 && left.elapsed() < SILENCE {
            began = Instant::now();
        }
        if report.total("world_shed_level") == 0 && report.total("overload_ms") == 0 {
            return Ok(Some(began.elapsed().as_secs_f64()));
        }
    }
    Ok(None)
}

/// Waits, and looks at the server meanwhile.
fn watch(step: &str, time: Duration, mut look: impl FnMut() -> Result<(), String>) -> Result<(), String> {
    let bar = bar("overload", step, time.as_millis() as u64);
    let began = Instant::now();
    while began.elapsed() < time {
        if interrupt::is_requested() {
            bar.finish_and_clear();
            return Err(interrupt::too_early("the loads were measured"));
        }
        std::thread::sleep(LOOK.min(time - began.elapsed().min(time)));
        bar.set_position(began.elapsed().as_millis() as u64);
        look()?;
    }
    bar.finish_and_clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_players_are_spread_over_all_sockets() {
        let numbers = deal(10, 4);
        assert_eq!(numbers, [0, 3, 6, 8, 1, 4, 7, 9, 2, 5]);
    }
}
