//! Lets the clients send for the given time, then waits for their last echoes.

use super::client::{DRAIN, SEND, Shared, SoakClient};
use super::memory::{MemoryFigures, MemoryWatch};
use super::options::Arguments;
use crate::load::fleet::{Connected, Fleet, FleetResult};
use crate::report::CpuTime;
use crate::report::network::round_trip_max;
use crate::scenario::Scenario;
use crate::server_process::Server;
use crate::system::interrupt;
use crate::system::usage::{Usage, usage};
use crate::terminal::grouped;
use ringshard::ops::report::ServerReport;
use ringshard_protocol::client::ClientConfig;
use ringshard_protocol::crypto::PublicKey;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long the last echoes may take.
const DRAINED_WITHIN: Duration = Duration::from_secs(60);
/// How long the first echo may take without a simulated network. If none arrives, the server does not echo.
const FIRST_ECHO_WITHIN: Duration = Duration::from_secs(5);

/// The server under test.
pub struct Target<'a> {
    pub address: SocketAddr,
    pub key: PublicKey,
    pub pid: Option<u32>,
    pub own: Option<&'a Server>,
}

/// What a soak leaves.
pub struct SoakOutcome {
    pub elapsed: Duration,
    pub shared: Arc<Shared>,
    pub result: FleetResult<Connected<SoakClient>>,
    pub memory: Option<MemoryFigures>,
    /// The report of a server of our own, before the clients disconnect.
    pub server: Option<ServerReport>,
    /// Why other programs distort the result, if they do.
    pub interference: Option<String>,
}

pub fn soak(arguments: &Arguments, scenario: &Scenario, target: Target<'_>) -> Result<SoakOutcome, String> {
    let period = Duration::from_secs_f64(1.0 / arguments.rate);
    let shared = Arc::new(Shared::new(scenario.clients, period));
    let clients =
        (0..scenario.clients as u32).map(|number| Connected::new(SoakClient::new(number, shared.clone()))).collect();
    let config = ClientConfig { reconnect: arguments.reconnect, ..arguments.running.client_config(target.key)? };
    let fleet = Fleet::start("soak", scenario, target.address, config, clients).connect()?;
    let usages = || (target.own.map_or(Usage::default(), Server::usage), usage(std::process::id()));
    let before = usages();
    let mut memory_watch = target.pid.map(|pid| MemoryWatch::new(pid, arguments.warm_up));
    shared.phase.store(SEND, Ordering::Relaxed);
    let began = Instant::now();
    let echo_within = FIRST_ECHO_WITHIN + round_trip_max(scenario.network);
    let hears_nothing = || began.elapsed() > echo_within && shared.echoed.load(Ordering::Relaxed) == 0;
    fleet.measure(true);
    let done = || interrupt::is_requested() || hears_nothing();
    fleet.wait("sending", scenario.measure, done, |elapsed| look(elapsed, &shared, memory_watch.as_mut()));
    fleet.measure(false);
    let elapsed = began.elapsed();
    let after = usages();
    let load = CpuTime::between(elapsed, (before.0, after.0), (before.1, after.1));
    if hears_nothing() {
        let closed = fleet.stop()?.closed.map_or(String::new(), |reason| format!(" ({reason})"));
        return Err(format!(
            "the server at {} accepts clients but echoes nothing{closed}. Start it with `ringshard serve --game echo`, \
             or use `ringshard-bench bots` for a server with the demonstration world",
            target.address
        ));
    }
    shared.phase.store(DRAIN, Ordering::Relaxed);
    let complete = || shared.complete.load(Ordering::Relaxed) == scenario.clients as u64;
    fleet.wait("draining", DRAINED_WITHIN, complete, |_| look(began.elapsed(), &shared, None));
    let server = target.own.map(Server::report).transpose()?;
    let result = fleet.stop()?;
    let memory = memory_watch.and_then(|memory_watch| memory_watch.figures());
    let interference = load.interference(scenario.server_cpus.len());
    Ok(SoakOutcome { elapsed, shared, result, memory, server, interference })
}

/// Samples the memory. Returns the text of the progress bar.
fn look(elapsed: Duration, shared: &Shared, memory_watch: Option<&mut MemoryWatch>) -> String {
    let (sent, echoed) = (shared.sent.load(Ordering::Relaxed), shared.echoed.load(Ordering::Relaxed));
    let owed = sent.saturating_sub(echoed);
    let echoes = format!("{} echoes, {owed} on their way", grouped(echoed as f64));
    match memory_watch {
        Some(memory_watch) => {
            memory_watch.look(elapsed);
            format!("{echoes}, server {:.1} MiB", memory_watch.mebibytes())
        }
        None => echoes,
    }
}
