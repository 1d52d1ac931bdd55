//! `bots`: players in a world over real sockets, on a server of its own or a running one.

mod answers;
mod bot;
mod brain;
mod follower;
mod observations;
mod options;
mod player;
mod report;
mod server;
mod shared;

pub use self::brain::Brain;
pub use self::follower::Follower;
pub use self::options::Arguments;
pub use self::player::Player;
pub use self::shared::{Behaviour, Shared};
pub use crate::load::fleet::Member;

use self::bot::{Bot, Start};
use self::report::{BotsReport, Measured};
use self::server::WorldServer;
use crate::load::fleet::Fleet;
use crate::report::CpuTime;
use crate::report::verdict::Verdict;
use crate::scenario;
use crate::scenario::{PAYLOAD_BYTES_MIN, Rate, Scenario};
use crate::system::usage::usage;
use crate::system::{interrupt, raise_file_limit};
use crate::terminal::bar;
use ringshard_world::limits::TICKS_PER_SECOND;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long all players together may take to enter the world.
const ENTER: Duration = Duration::from_secs(60);
/// How long the first player may take. If none enters, the server has no such world.
const FIRST_ENTERS_WITHIN: Duration = Duration::from_secs(10);

pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let scenario = scenario(arguments)?;
    raise_file_limit();
    let server = WorldServer::new(arguments, &scenario)?;
    let config = arguments.running.client_config(server.key)?;
    let shared = Arc::new(Shared::on(arguments.map.terrain()?));
    let Arguments { clients, moving, fight, chat, near, .. } = *arguments;
    let behaviour = Behaviour { moving, fight, chat };
    let spacing = clients.div_ceil(arguments.observers);
    let per_socket = clients.div_ceil(scenario.sockets);
    let relay = |number: usize| (number / per_socket) as f64 / scenario.sockets as f64;
    let bot = |number: usize| {
        let brain = Brain::new(number, behaviour, shared.clone());
        match number % spacing {
            0 => Bot::Player(Box::new(Player::new(brain, near, shared.clone()))),
            _ => Bot::Waiting(Start { brain, relay: relay(number), shared: shared.clone() }),
        }
    };
    let bots = (0..clients).map(bot).collect();
    let fleet = Fleet::start("bots", &scenario, server.address, config, bots).connect()?;
    shared.open.store(true, Ordering::Relaxed);
    if let Err(error) = enter(&shared, &fleet, clients) {
        let closed = fleet.stop()?.closed.map_or(String::new(), |reason| format!(": {reason}"));
        return Err(error + &closed);
    }
    let warm_up = Duration::from_secs_f64(arguments.warm_up);
    fleet.wait("warming up", warm_up, interrupt::is_requested, |_| String::new());
    if interrupt::is_requested() {
        return Err(interrupt::too_early("players were warming up"));
    }

    let (before, own_before) = (server.look()?, usage(std::process::id()));
    shared.measure.store(true, Ordering::Relaxed);
    fleet.measure(true);
    let began = Instant::now();
    fleet.wait("measuring", scenario.measure, interrupt::is_requested, |_| String::new());
    shared.measure.store(false, Ordering::Relaxed);
    fleet.measure(false);
    let elapsed = began.elapsed();
    let (after, own_after) = (server.look()?, usage(std::process::id()));
    let usages = ((before.usage, after.usage), (own_before, own_after));
    let measured = Measured {
        load: CpuTime::between(elapsed, usages.0, usages.1),
        resident_bytes: after.usage.resident_bytes,
        shed_level: after.report.as_ref().map_or(0, |report| report.total("world_shed_level")),
        server: after.report.zip(before.report).map(|(after, before)| after.since(&before)),
    };
    let result = fleet.stop()?;
    server.stop()?;

    let report = BotsReport::new(arguments, &scenario, measured, &result);
    print!("bots: players in a world\n{}", report.page());
    if let Some(path) = &arguments.run.json {
        crate::report::write_json(path, &report)?;
    }
    Ok(report.verdict)
}

fn scenario(arguments: &Arguments) -> Result<Scenario, String> {
    if arguments.observers == 0 {
        return Err("--observers is 0; at least 1 is needed to check what players see".to_owned());
    }
    for (option, value, most) in [
        ("--moving", arguments.moving, 1.0),
        ("--fight", arguments.fight, 60.0),
        ("--chat", arguments.chat, 2.0),
        ("--near", arguments.near.into(), 1e6),
    ] {
        if !(0.0..=most).contains(&value) {
            return Err(format!("{option} is {value}; it must be 0 to {most}"));
        }
    }
    let Arguments { flows, clients, secs, run, between, .. } = arguments;
    let load = scenario::Load {
        flows: *flows,
        clients: *clients,
        rate: Rate::Hz(TICKS_PER_SECOND.into()),
        size: PAYLOAD_BYTES_MIN,
        secs: *secs,
    };
    Scenario::new(load, &run.place, &run.serving, &run.settings, between.network)
}

/// Waits until every player has entered the world.
fn enter(shared: &Shared, fleet: &Fleet<Bot>, clients: usize) -> Result<(), String> {
    let bar = bar("bots", "entering", clients as u64);
    let began = Instant::now();
    loop {
        let entered = shared.entered.load(Ordering::Relaxed);
        bar.set_position(entered);
        if entered == clients as u64 {
            bar.finish_and_clear();
            return Ok(());
        }
        if let Some(error) = join_failure(shared, fleet, entered, clients, began.elapsed()) {
            bar.finish_and_clear();
            return Err(error);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Why waiting for players to enter cannot succeed any more.
fn join_failure(shared: &Shared, fleet: &Fleet<Bot>, entered: u64, clients: usize, waited: Duration) -> Option<String> {
    if interrupt::is_requested() {
        return Some(interrupt::too_early("players were entering the world"));
    }
    if shared.echoed.load(Ordering::Relaxed) || entered == 0 && waited > FIRST_ENTERS_WITHIN {
        return Some(
            "the server accepts clients but has no world: start it with `ringshard serve --game demo`, or use \
             `ringshard-bench soak` for a server that echoes"
                .to_owned(),
        );
    }
    (fleet.is_failing() || waited > ENTER)
        .then(|| format!("only {entered} of {clients} players entered the world within {:.0} s", waited.as_secs_f64()))
}
