//! `bots`: players in a world, over real sockets.

pub mod bot;
mod report;

use self::bot::{Bot, Crowd, INPUT_HZ, Temper};
use self::report::{BotsReport, Measured};
use crate::echo::{bar, raise_file_limit};
use crate::fleet::Fleet;
use crate::process::{Server, usage};
use crate::report::Load;
use crate::scenario::{self, Flows, PAYLOAD_BYTES_MIN, Place, Rate, Scenario, option_name};
use ringshard::game::Layout;
use ringshard_engine::client::ClientConfig;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long all players together may take to get into the world.
const ENTER: Duration = Duration::from_secs(60);

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
    #[arg(long, value_enum, default_value = "uniform")]
    layout: Layout,
    /// NPCs beside them.
    #[arg(long, value_name = "N", default_value_t = 0)]
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
    #[arg(long, value_name = "N", default_value_t = 50)]
    visible: usize,
    /// Units up to which an entity is near, and told of at the full rate.
    #[arg(long, value_name = "UNITS", default_value_t = 5_000.0)]
    near: f32,
    /// Bytes that a player is told at most per tick.
    #[arg(long, value_name = "BYTES", default_value_t = 500)]
    snapshot_bytes: usize,
    /// Of the players, those that keep a view of the world and check it, evenly spread; the others acknowledge what comes
    /// without a look, so that one machine can be many players.
    #[arg(long, value_name = "N", default_value_t = 500)]
    observers: usize,
    /// Seconds measured, after all are in the world.
    #[arg(long, value_name = "S", default_value_t = 10.0)]
    secs: f64,
    #[command(flatten)]
    between: scenario::Network,
    #[command(flatten)]
    place: Place,
    /// Write the result to this file as one JSON object.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<bool, String> {
    let scenario = scenario(arguments)?;
    raise_file_limit();
    let server = Server::start_with(&scenario, &server_options(arguments))?;
    let config = ClientConfig::new(server.key);
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
    enter(&crowd, clients)?;
    fleet.wait("warming up", Duration::from_secs(2), || false, |_| String::new());

    let before = server.report()?;
    let (server_before, client_before) = (server.usage(), usage(std::process::id()));
    crowd.measure.store(true, Ordering::Relaxed);
    let began = Instant::now();
    fleet.wait("measuring", scenario.measure, || false, |_| String::new());
    crowd.measure.store(false, Ordering::Relaxed);
    let usages = ((server_before, server.usage()), (client_before, usage(std::process::id())));
    let load = Load::between(began.elapsed(), usages.0, usages.1);
    let after = server.report()?;
    let measured = Measured {
        shed_level: after.total("world_shed_level"),
        server: after.since(&before),
        load,
        resident_bytes: server.usage().resident_bytes,
    };
    let crew = fleet.stop()?;
    server.stop()?;

    let report = BotsReport::new(arguments, &scenario, measured, &crew);
    print!("bots: players in a world\n{}", report.page());
    if let Some(path) = &arguments.json {
        crate::report::write_json(path, &report)?;
    }
    Ok(report.passes())
}

fn scenario(arguments: &Arguments) -> Result<Scenario, String> {
    if arguments.observers == 0 {
        return Err("--observers is 0; without one nothing can be said of what players see".to_owned());
    }
    for (option, value, most) in
        [("--moving", arguments.moving, 1.0), ("--fight", arguments.fight, 60.0), ("--chat", arguments.chat, 2.0)]
    {
        if !(0.0..=most).contains(&value) {
            return Err(format!("{option} is {value}; it is 0 to {most}"));
        }
    }
    let load = scenario::Arguments {
        flows: arguments.flows,
        clients: arguments.clients,
        rate: Rate::Hz(INPUT_HZ.into()),
        size: PAYLOAD_BYTES_MIN,
        secs: arguments.secs,
        place: arguments.place.clone(),
        json: None,
    };
    Scenario::new(&load, arguments.between.network)
}

fn server_options(arguments: &Arguments) -> Vec<String> {
    // Shots take places, too; and players fall on cores by address hash, unevenly.
    let entities = ((arguments.clients + arguments.npcs) * 2 + 1_000).min(65_536);
    let options = [
        ("--game", "demo".to_owned()),
        ("--layout", option_name(arguments.layout)),
        ("--npcs", arguments.npcs.to_string()),
        ("--entities", entities.to_string()),
        ("--visible", arguments.visible.to_string()),
        ("--near", arguments.near.to_string()),
        ("--snapshot-bytes", arguments.snapshot_bytes.to_string()),
    ];
    options.into_iter().flat_map(|(option, value)| [option.to_owned(), value]).collect()
}

/// Waits until every player is in the world.
fn enter(crowd: &Crowd, clients: usize) -> Result<(), String> {
    let bar = bar("bots", "entering", clients as u64);
    let began = Instant::now();
    loop {
        let entered = crowd.entered.load(Ordering::Relaxed);
        bar.set_position(entered);
        if entered == clients as u64 {
            bar.finish_and_clear();
            return Ok(());
        }
        if began.elapsed() > ENTER {
            bar.finish_and_clear();
            return Err(format!("{entered} of {clients} players came into the world within {} s", ENTER.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
