//! `bots`: players in a world, over real sockets: in one of their own, or in that of a server that runs already.

pub mod bot;
mod report;
mod server;

use self::bot::{Bot, Crowd, INPUT_HZ, Temper};
use self::report::{BotsReport, Measured};
use self::server::WorldServer;
use crate::echo::{bar, raise_file_limit};
use crate::fleet::Fleet;
use crate::interrupt;
use crate::process::usage;
use crate::report::Load;
use crate::scenario::{self, Flows, PAYLOAD_BYTES_MIN, Place, Rate, Scenario};
use crate::verdict::Verdict;
use ringshard_demo::Layout;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long all players together may take to get into the world.
const ENTER: Duration = Duration::from_secs(60);
/// How long the first may take. Without one, the server has no such world.
const FIRST_ENTERS_WITHIN: Duration = Duration::from_secs(10);

/// What it takes.
#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// distinct: a socket per client. relay: many clients behind each socket, as behind an edge or relay server.
    #[arg(long, value_enum, default_value = "relay")]
    flows: Flows,
    /// Players, each with input at 60 Hz.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    clients: usize,
    /// Where they are.
    #[arg(long, value_enum, default_value = "uniform", conflicts_with = "server")]
    layout: Layout,
    /// NPCs beside them.
    #[arg(long, value_name = "N", default_value_t = 0, conflicts_with = "server")]
    npcs: usize,
    /// Share of the players that walks at a time.
    #[arg(long, value_name = "SHARE", default_value_t = 0.33)]
    moving: f64,
    /// Shots a second of each player; the demonstration lets nobody shoot more than twice.
    #[arg(long, value_name = "HZ", default_value_t = 0.0)]
    fight: f64,
    /// Chat messages a second of each player; the demonstration lets nobody talk more than twice.
    #[arg(long, value_name = "HZ", default_value_t = 0.0)]
    chat: f64,
    /// Entities that a player sees at most.
    #[arg(long, value_name = "N", default_value_t = 50, conflicts_with = "server")]
    visible: usize,
    /// Distance in units up to which an entity is near and is updated at the full rate. With --server, give the server's value.
    #[arg(long, value_name = "UNITS", default_value_t = 5_000.0)]
    near: f32,
    /// Bytes that a player is told at most per tick.
    #[arg(long, value_name = "BYTES", default_value_t = 500, conflicts_with = "server")]
    snapshot_bytes: usize,
    /// Of the players, those that keep a view of the world and check it, evenly spread; the others acknowledge what comes
    /// without a look, so that one machine can be many players.
    #[arg(long, value_name = "N", default_value_t = 500)]
    observers: usize,
    /// Seconds measured, after all are in the world.
    #[arg(long, value_name = "S", default_value_t = 10.0)]
    secs: f64,
    #[command(flatten)]
    running: scenario::Running,
    /// Admin address of --server, for the server's own figures; without it, only what players see is judged.
    #[arg(long, value_name = "ADDRESS:PORT", requires = "server")]
    admin: Option<SocketAddr>,
    /// File with the secret that --admin requires, if it requires one: the server's admin-token-file.
    #[arg(long, value_name = "FILE", requires = "admin")]
    admin_token_file: Option<PathBuf>,
    #[command(flatten)]
    between: scenario::Network,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    serving: scenario::Serving,
    #[command(flatten)]
    settings: scenario::Settings,
    /// Write the result to this file as one JSON object.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let scenario = scenario(arguments)?;
    raise_file_limit();
    let server = WorldServer::new(arguments, &scenario)?;
    let config = arguments.running.client_config(server.key)?;
    let crowd = Arc::new(Crowd::default());
    let Arguments { clients, moving, fight, chat, near, .. } = *arguments;
    let temper = Temper { moving, fight, chat, near };
    let spacing = clients.div_ceil(arguments.observers);
    let per_socket = clients.div_ceil(scenario.sockets);
    let relay = |number: usize| (number / per_socket) as f64 / scenario.sockets as f64;
    let bot = |number| Bot::new(number, relay(number), temper, crowd.clone(), number % spacing == 0);
    let bots = (0..clients).map(bot).collect();
    let fleet = Fleet::start("bots", &scenario, server.address, config, bots).connect()?;
    crowd.open.store(true, Ordering::Relaxed);
    if let Err(error) = enter(&crowd, &fleet, clients) {
        let closed = fleet.stop()?.closed.map_or(String::new(), |reason| format!(": {reason}"));
        return Err(error + &closed);
    }
    fleet.wait("warming up", Duration::from_secs(2), interrupt::is_requested, |_| String::new());
    if interrupt::is_requested() {
        return Err(interrupt::too_early("players warmed up"));
    }

    let (before, own_before) = (server.look()?, usage(std::process::id()));
    crowd.measure.store(true, Ordering::Relaxed);
    fleet.measure(true);
    let began = Instant::now();
    fleet.wait("measuring", scenario.measure, interrupt::is_requested, |_| String::new());
    crowd.measure.store(false, Ordering::Relaxed);
    fleet.measure(false);
    let elapsed = began.elapsed();
    let (after, own_after) = (server.look()?, usage(std::process::id()));
    let usages = ((before.usage, after.usage), (own_before, own_after));
    let measured = Measured {
        load: Load::between(elapsed, usages.0, usages.1),
        resident_bytes: after.usage.resident_bytes,
        shed_level: after.report.as_ref().map_or(0, |report| report.total("world_shed_level")),
        server: after.report.zip(before.report).map(|(after, before)| after.since(&before)),
    };
    let crew = fleet.stop()?;
    server.stop()?;

    let report = BotsReport::new(arguments, &scenario, measured, &crew);
    print!("bots: players in a world\n{}", report.page());
    if let Some(path) = &arguments.json {
        crate::report::write_json(path, &report)?;
    }
    Ok(report.verdict)
}

fn scenario(arguments: &Arguments) -> Result<Scenario, String> {
    if arguments.observers == 0 {
        return Err("--observers is 0; without one nothing can be said of what players see".to_owned());
    }
    for (option, value, most) in [
        ("--moving", arguments.moving, 1.0),
        ("--fight", arguments.fight, 60.0),
        ("--chat", arguments.chat, 2.0),
        ("--near", arguments.near.into(), 1e6),
    ] {
        if !(0.0..=most).contains(&value) {
            return Err(format!("{option} is {value}; it is 0 to {most}"));
        }
    }
    let Arguments { flows, clients, secs, place, serving, settings, between, .. } = arguments;
    let load = scenario::Load {
        flows: *flows,
        clients: *clients,
        rate: Rate::Hz(INPUT_HZ.into()),
        size: PAYLOAD_BYTES_MIN,
        secs: *secs,
    };
    Scenario::new(load, place, serving, settings, between.network)
}

/// Waits until every player is in the world.
fn enter(crowd: &Crowd, fleet: &Fleet<Bot>, clients: usize) -> Result<(), String> {
    let bar = bar("bots", "entering", clients as u64);
    let began = Instant::now();
    loop {
        let entered = crowd.entered.load(Ordering::Relaxed);
        bar.set_position(entered);
        if entered == clients as u64 {
            bar.finish_and_clear();
            return Ok(());
        }
        if let Some(error) = why_not(crowd, fleet, entered, clients, began.elapsed()) {
            bar.finish_and_clear();
            return Err(error);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Why it is of no use to wait any longer for players to enter.
fn why_not(crowd: &Crowd, fleet: &Fleet<Bot>, entered: u64, clients: usize, waited: Duration) -> Option<String> {
    if interrupt::is_requested() {
        return Some(interrupt::too_early("players entered the world"));
    }
    if crowd.echoed.load(Ordering::Relaxed) || entered == 0 && waited > FIRST_ENTERS_WITHIN {
        return Some(
            "the server accepts clients but has no world: start it with `ringshard serve --game demo`, or use \
             `ringshard-bench soak` for a server that echoes"
                .to_owned(),
        );
    }
    (fleet.is_failing() || waited > ENTER)
        .then(|| format!("{entered} of {clients} players came into the world within {:.0} s", waited.as_secs_f64()))
}
