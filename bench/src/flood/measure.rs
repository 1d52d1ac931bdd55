//! One flood: players connect, the flood starts, then clients join.

use super::attack::{Attack, BadTags, Connects, Flood, FloodResult, Garbage, Handshakes};
use super::configured_server::{ConfiguredServer, Target};
use super::joiners::{Joined, Joiners};
use super::kind::Kind;
use super::options::{Arguments, NAME};
use crate::load::generator;
use crate::load::generator::{Outcome, Phase, Shared};
use crate::load::run::Run;
use crate::report::{ClientFigures, CpuTime, Report, ServerFigures};
use crate::scenario::{Scenario, option_name};
use crate::system::interrupt;
use crate::system::usage::{Usage, usage};
use crate::terminal::bar;
use ringshard::ops::report::ServerReport;
use ringshard_protocol::limits::CONNECT_TIMEOUT;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Playing before the measurement.
const WARM_UP: Duration = Duration::from_secs(1);
/// Time for joining clients to make their keys.
const KEYS: Duration = Duration::from_secs(1);
/// How long the flood has lasted when clients join.
const JOIN_AFTER: Duration = Duration::from_secs(1);
/// How long joining may take: the clients' timeout, and the time to notice it.
const JOIN_MAX: Duration = CONNECT_TIMEOUT.saturating_add(Duration::from_secs(1));
/// Time for the last answers to players.
const DRAIN: Duration = Duration::from_millis(700);
/// Time between two checks.
const LOOK: Duration = Duration::from_millis(50);

/// The server and this process at one moment.
struct Observation {
    report: ServerReport,
    server: Usage,
    own: Usage,
}

/// What was measured during a flood.
pub struct Measured {
    pub before: ServerReport,
    pub after: ServerReport,
    pub memory_before: u64,
    pub memory_after: u64,
    pub elapsed: Duration,
    pub players: Outcome,
    /// Clients that noticed the loss of their connection.
    pub players_failed: u64,
    pub joined: Joined,
    pub result: FloodResult,
}

/// Measures one kind of flood against a server of its own.
pub fn measure(kind: Kind, arguments: &Arguments, scenario: &Scenario) -> Result<(Measured, Report), String> {
    let configured = ConfiguredServer::start(scenario)?;
    let server = configured.server();
    let SocketAddr::V4(address) = server.address else { return Err("the server needs an IPv4 address".into()) };
    // Making keys takes seconds, so it is done before the players connect.
    let prepared = match kind {
        Kind::Handshakes => {
            Some(Handshakes::prepare(address, server.key, arguments.burst).map_err(|error| error.to_string())?)
        }
        _ => None,
    };
    let shared = Arc::new(Shared::default());
    let generators = generator::start(scenario, server.address, Some(server.key), &shared);
    let mut run = Run { name: NAME, scenario, shared: &shared, generators };
    run.connect()?;
    let players = configured.apply_default_limits()?;
    let attack = attack(kind, address, prepared, players, arguments.burst)?;
    let cpu = *scenario.client_cpus.last().unwrap_or(&0);
    let begin = Instant::now() + KEYS + WARM_UP;
    let joiners = Joiners::start(server.address, server.key, arguments.joiners, cpu, begin + JOIN_AFTER);
    wait("playing", begin, interrupt::is_requested);
    if interrupt::is_requested() {
        return Err(interrupt::too_early("players were warming up"));
    }

    let look = || Ok::<_, String>(Observation { report: server.report()?, server: server.usage(), own: own_usage() });
    let before = look()?;
    let began = Instant::now();
    shared.set_phase(Phase::Measure);
    let flood = Flood::start(attack, arguments.per_second, cpu);
    let last = began + scenario.measure.max(JOIN_AFTER + JOIN_MAX);
    let settled = || joiners.settled() == arguments.joiners && began.elapsed() >= scenario.measure;
    wait(&kind.name(), last, || settled() || interrupt::is_requested());
    let after = look()?;
    let elapsed = began.elapsed();
    let joined = joiners.dismiss()?;
    let result = flood.stop()?;
    shared.set_phase(Phase::Drain);
    std::thread::sleep(DRAIN);
    let players_failed = shared.failed.load(Ordering::Relaxed);
    let players = stop_players(&mut run)?;
    configured.stop()?;
    if let (0, Some(error)) = (result.sent.datagrams, &result.refused) {
        return Err(format!("the kernel refuses to send from forged addresses: {error}"));
    }

    let load = CpuTime::between(elapsed, (before.server, after.server), (before.own, after.own));
    let seen = after.report.since(&before.report);
    let figures = ServerFigures::new(&seen, &load, after.server, scenario.server_cpus.len());
    let client = ClientFigures::new(&players, &load, scenario.client_cpus.len());
    let mut report = Report::new(NAME, scenario, figures, client, &players, &load);
    report.datapath = seen.datapath.to_string();
    report.cipher = option_name(scenario.cipher);
    let measured = Measured {
        before: before.report,
        after: after.report,
        memory_before: before.server.resident_bytes,
        memory_after: after.server.resident_bytes,
        elapsed,
        players,
        players_failed,
        joined,
        result,
    };
    Ok((measured, report))
}

fn attack(
    kind: Kind,
    server: SocketAddrV4,
    prepared: Option<Handshakes>,
    players: Vec<Target>,
    burst: usize,
) -> Result<Box<dyn Attack>, String> {
    let failed = |error: std::io::Error| format!("cannot open a socket for the flood: {error}");
    Ok(match kind {
        Kind::Connects => Box::new(Connects::new(server, burst).map_err(failed)?),
        Kind::Handshakes => Box::new(prepared.ok_or("handshakes are prepared")?),
        Kind::BadTags => {
            let attack = BadTags::new(server, players, burst).map_err(failed)?;
            if !attack.has_player_sockets() {
                eprintln!("flood: sockets cannot be copied here, so nothing is sent from players' own addresses");
            }
            Box::new(attack)
        }
        Kind::Garbage => Box::new(Garbage::new(server, burst).map_err(failed)?),
    })
}

fn own_usage() -> Usage {
    usage(std::process::id())
}

/// Waits until a time, or until `is_done`.
fn wait(step: &str, until: Instant, is_done: impl Fn() -> bool) {
    let began = Instant::now();
    let bar = bar(NAME, step, (until - began).as_millis() as u64);
    while Instant::now() < until && !is_done() {
        std::thread::sleep(LOOK.min(until - Instant::now().min(until)));
        bar.set_position(began.elapsed().as_millis() as u64);
    }
    bar.finish_and_clear();
}

/// Ends the generators. A player that lost its connection is a result here, not an error.
fn stop_players(run: &mut Run<'_>) -> Result<Outcome, String> {
    run.shared.set_phase(Phase::Stop);
    let mut total = Outcome::new();
    for generator in run.generators.drain(..) {
        total.add(generator.join().map_err(|_| "a generator thread panicked")??);
    }
    Ok(total)
}
