//! Replaces the script of a running server under its players, and says whether a tick was dropped:
//! `cargo run --release -p ringshard-scripts --example reload [PLAYERS]`. The server has one core, on CPU 0; the players are
//! real clients over loopback sockets, in one thread. Exit code 1 if a tick was skipped, or a player was lost.

use ringshard::config::{Configuration, Sources};
use ringshard::ops::report::ServerReport;
use ringshard::runtime::jobs::Jobs;
use ringshard::runtime::server::Server;
use ringshard::runtime::service::LiveSettings;
use ringshard::serve::start_world;
use ringshard_client::{ClientConfig, PublicKey, Udp};
use ringshard_scripts::{Budget, Script, ScriptGame};
use ringshard_scripts_rules::{Input, ScriptRules};
use ringshard_terrain::Terrain;
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const PLAYERS: usize = 500;
const RELOADS: u64 = 20;
/// How long the players may take to enter.
const ENTER_TIME: Duration = Duration::from_secs(60);

/// What the thread of the players and the main thread tell each other.
#[derive(Default)]
struct Shared {
    inside: AtomicUsize,
    is_over: AtomicBool,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let players = std::env::args().nth(1).map_or(Ok(PLAYERS), |count| count.parse())?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../games/coins/coins.luau");
    let script = Script::read(&path)?;
    let server = start(&script)?;
    let shared = Arc::new(Shared::default());
    let (address, key, theirs) = (server.listen(), server.public_key(), shared.clone());
    let thread = std::thread::spawn(move || play(address, key, players, &theirs));
    let from = Instant::now();
    while shared.inside.load(Ordering::Relaxed) < players && from.elapsed() < ENTER_TIME {
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("{} of {players} players are in the world", shared.inside.load(Ordering::Relaxed));
    std::thread::sleep(Duration::from_secs(2));
    let before = report(&server);
    let mut longest = Duration::ZERO;
    for _ in 0..RELOADS {
        let from = Instant::now();
        // The script is read and compiled here, on no core, as a reload of the server does it.
        let script = Script::read(&path)?;
        server.control().lock().expect("no panic").reload_services(|| LiveSettings::new(script.clone()))?;
        longest = longest.max(from.elapsed());
        std::thread::sleep(Duration::from_millis(250));
    }
    let after = report(&server);
    let since = |counter: &str| after.total(counter) - before.total(counter);
    let (skipped, reloads, inside) =
        (since("ticks_skipped"), since("world_script_reloads"), after.total("world_players") as usize);
    println!(
        "{reloads} reloads, the longest in {longest:?}; {} ticks, {skipped} skipped, {} late; {} errors of the script, {} over \
         its budget; {inside} players",
        since("world_ticks"),
        since("world_late_ticks"),
        since("world_script_errors"),
        since("world_script_over_budget"),
    );
    shared.is_over.store(true, Ordering::Relaxed);
    thread.join().expect("no panic");
    server.lifecycle().stop();
    server.join();
    let is_right = skipped == 0 && reloads == RELOADS && inside == players;
    Ok(if is_right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn start(script: &Script) -> Result<Server, Box<dyn Error>> {
    let flags = [("listen", "127.0.0.1:0"), ("cpus", "0"), ("admin", "off"), ("log", "warn")];
    let flags = flags.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let (_, prepared) = Configuration::prepared(Sources { flags, ..Sources::default() })?;
    let game = |start| ScriptGame::new(&start, script, Budget::default()).expect("the script loads");
    Ok(start_world(&prepared, Jobs::none(prepared.server.cpus.len()), Vec::new(), Vec::new(), game)?)
}

fn report(server: &Server) -> ServerReport {
    server.control().lock().expect("no panic").status().into()
}

fn play(server: SocketAddr, key: PublicKey, players: usize, shared: &Shared) {
    let rules = ScriptRules::new(Arc::new(Terrain::flat()));
    let mut clients: Vec<_> = (0..players)
        .map(|number| {
            let name = format!("player {number}");
            Udp::connect(server, rules.clone(), ClientConfig::new(key), name.as_bytes()).expect("a socket")
        })
        .collect();
    let mut frame = 0_u64;
    while !shared.is_over.load(Ordering::Relaxed) {
        let from = Instant::now();
        frame += 1;
        for (number, client) in clients.iter_mut().enumerate() {
            client.poll(|_| {
                let mut input = Input::default();
                input.steering.forward = 127;
                input.steering.yaw = ((frame / 60 + number as u64) * 7_919) as u16;
                input
            });
            while client.news().is_some() {}
        }
        let inside = clients.iter().filter(|client| client.client().is_in_world()).count();
        shared.inside.store(inside, Ordering::Relaxed);
        std::thread::sleep(Duration::from_millis(16).saturating_sub(from.elapsed()));
    }
}
