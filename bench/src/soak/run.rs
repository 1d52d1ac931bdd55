//! Has the clients send for the time, then waits for their last echoes.

use super::memory::{MemoryFigures, Watch};
use super::options::Arguments;
use super::speaker::{Chorus, DRAIN, SPEAK, Speaker};
use crate::load::fleet::{Crew, Fleet};
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
/// How long the first echo may take on a network that takes no time. Without one, the server does not echo.
const FIRST_ECHO_WITHIN: Duration = Duration::from_secs(5);

/// The server that is spoken to.
pub struct Target<'a> {
    pub address: SocketAddr,
    pub key: PublicKey,
    pub pid: Option<u32>,
    pub own: Option<&'a Server>,
}

/// What a soak leaves.
pub struct Soaked {
    pub elapsed: Duration,
    pub chorus: Arc<Chorus>,
    pub crew: Crew<Speaker>,
    pub memory: Option<MemoryFigures>,
    /// What a server of our own said before the clients hung up.
    pub server: Option<ServerReport>,
    /// Why a server of our own could not do what it can.
    pub interference: Option<String>,
}

/// Has the clients speak for the time, then waits for their last echoes.
pub fn soak(arguments: &Arguments, scenario: &Scenario, target: Target<'_>) -> Result<Soaked, String> {
    let period = Duration::from_secs_f64(1.0 / arguments.rate);
    let chorus = Arc::new(Chorus::new(scenario.clients, period));
    let speakers = (0..scenario.clients as u32).map(|number| Speaker::new(number, chorus.clone())).collect();
    let config = ClientConfig { reconnect: arguments.reconnect, ..arguments.running.client_config(target.key)? };
    let fleet = Fleet::start("soak", scenario, target.address, config, speakers).connect()?;
    let usages = || (target.own.map_or(Usage::default(), Server::usage), usage(std::process::id()));
    let before = usages();
    let mut watch = target.pid.map(|pid| Watch::new(pid, arguments.warm_up));
    chorus.order.store(SPEAK, Ordering::Relaxed);
    let began = Instant::now();
    let echo_within = FIRST_ECHO_WITHIN + round_trip_max(scenario.network);
    let hears_nothing = || began.elapsed() > echo_within && chorus.answered.load(Ordering::Relaxed) == 0;
    fleet.measure(true);
    let done = || interrupt::is_requested() || hears_nothing();
    fleet.wait("speaking", scenario.measure, done, |elapsed| look(elapsed, &chorus, watch.as_mut()));
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
    chorus.order.store(DRAIN, Ordering::Relaxed);
    let complete = || chorus.complete.load(Ordering::Relaxed) == scenario.clients as u64;
    fleet.wait("draining", DRAINED_WITHIN, complete, |_| look(began.elapsed(), &chorus, None));
    let server = target.own.map(Server::report).transpose()?;
    let crew = fleet.stop()?;
    let memory = watch.and_then(|watch| watch.figures());
    let interference = load.interference(scenario.server_cpus.len());
    Ok(Soaked { elapsed, chorus, crew, memory, server, interference })
}

/// Takes a sample of the memory; gives what the bar says.
fn look(elapsed: Duration, chorus: &Chorus, watch: Option<&mut Watch>) -> String {
    let (said, answered) = (chorus.said.load(Ordering::Relaxed), chorus.answered.load(Ordering::Relaxed));
    let owed = said.saturating_sub(answered);
    let echoes = format!("{} echoes, {owed} on their way", grouped(answered as f64));
    match watch {
        Some(watch) => {
            watch.look(elapsed);
            format!("{echoes}, server {:.1} MiB", watch.mebibytes())
        }
        None => echoes,
    }
}
