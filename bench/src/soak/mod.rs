//! `soak`: reliable messages both ways for a long time, over real sockets, every echo checked.

mod memory;
mod report;
mod speaker;
mod speech;

use self::memory::{MemoryFigures, Watch};
use self::report::SoakReport;
use self::speaker::{Chorus, DRAIN, SPEAK, Speaker};
use crate::echo::raise_file_limit;
use crate::fleet::{Crew, Fleet};
use crate::interrupt;
use crate::network::round_trip_max;
use crate::process::{Server, Usage, usage};
use crate::report::{Load, grouped};
use crate::scenario::{self, Flows, PAYLOAD_BYTES_MIN, Place, Rate, Scenario};
use crate::verdict::Verdict;
use ringshard::ops::report::ServerReport;
use ringshard_protocol::client::ClientConfig;
use ringshard_protocol::crypto::PublicKey;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long the last echoes may take.
const DRAINED_WITHIN: Duration = Duration::from_secs(60);
/// How long the first echo may take on a network that takes no time. Without one, the server does not echo.
const FIRST_ECHO_WITHIN: Duration = Duration::from_secs(5);
/// The deadline of echoes on a network that takes no time.
const DEADLINE: Duration = Duration::from_secs(1);

/// What it takes.
#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// distinct: a socket per client. relay: many clients behind each socket, as behind an edge or relay server.
    #[arg(long, value_enum, default_value = "distinct")]
    flows: Flows,
    /// Clients.
    #[arg(long, value_name = "N", default_value_t = 200)]
    clients: usize,
    /// Messages per second and client each way, of 16 to 4,000 bytes, ordered and unordered in turn.
    #[arg(long, value_name = "HZ", default_value_t = 20.0)]
    rate: f64,
    /// Minutes.
    #[arg(long, value_name = "M", default_value_t = 10.0)]
    mins: f64,
    /// 99.9 % of the echoes must arrive within so many milliseconds; default: 1000, plus the longest round trip of
    /// --network.
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..=86_400_000))]
    deadline_ms: Option<u64>,
    /// Clients connect again when the server falls silent, and must be let on with their sessions.
    #[arg(long)]
    reconnect: bool,
    #[command(flatten)]
    running: scenario::Running,
    /// The process of --server, where it runs on this machine: its memory is watched.
    #[arg(long, value_name = "PID", requires = "server")]
    server_pid: Option<u32>,
    /// Seconds after which the server's memory must be flat; default: a fifth of the run, at most 60.
    #[arg(long, value_name = "S", value_parser = seconds)]
    warm_up: Option<f64>,
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

fn seconds(text: &str) -> Result<f64, String> {
    scenario::number_in(text, 0.0..=1e7)
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let scenario = scenario(arguments)?;
    raise_file_limit();
    let soaked = match arguments.running.server() {
        Some((address, key)) => {
            soak(arguments, &scenario, Target { address, key, pid: arguments.server_pid, own: None })?
        }
        None => {
            let own = Server::start(&scenario)?;
            let Server { address, key, .. } = own;
            let pid = Some(own.report()?.pid);
            let soaked = soak(arguments, &scenario, Target { address, key, pid, own: Some(&own) })?;
            own.stop()?;
            soaked
        }
    };
    let report = SoakReport::new(arguments, &scenario, soaked);
    print!("soak: reliable messages to a server and back\n{}", report.page());
    if let Some(path) = &arguments.json {
        crate::report::write_json(path, &report)?;
    }
    Ok(report.verdict)
}

fn scenario(arguments: &Arguments) -> Result<Scenario, String> {
    let Arguments { rate, mins, .. } = *arguments;
    if !(0.1..=1_000.0).contains(&rate) {
        return Err(format!("--rate is {rate}; it is 0.1 to 1000"));
    }
    if !(0.05..=100_000.0).contains(&mins) {
        return Err(format!("--mins is {mins}; it is 0.05 to 100000"));
    }
    if arguments.warm_up.is_some() && arguments.running.server().is_some() && arguments.server_pid.is_none() {
        return Err("--warm-up is about the server's memory; give its process with --server-pid".to_owned());
    }
    let Arguments { flows, clients, place, serving, settings, between, .. } = arguments;
    let (flows, clients) = (*flows, *clients);
    let load = scenario::Load { flows, clients, rate: Rate::Hz(rate), size: PAYLOAD_BYTES_MIN, secs: 1.0 };
    let scenario = Scenario::new(load, place, serving, settings, between.network)?;
    Ok(Scenario { measure: Duration::from_secs_f64(mins * 60.0), ..scenario })
}

/// The server that is spoken to.
struct Target<'a> {
    address: SocketAddr,
    key: PublicKey,
    pid: Option<u32>,
    own: Option<&'a Server>,
}

/// What a soak leaves.
struct Soaked {
    elapsed: Duration,
    chorus: Arc<Chorus>,
    crew: Crew<Speaker>,
    memory: Option<MemoryFigures>,
    /// What a server of our own said before the clients hung up.
    server: Option<ServerReport>,
    /// Why a server of our own could not do what it can.
    interference: Option<String>,
}

impl Arguments {
    /// Within which 99.9 % of the echoes must be there.
    pub fn deadline(&self) -> Duration {
        let default = DEADLINE + round_trip_max(self.between.network);
        self.deadline_ms.map_or(default, Duration::from_millis)
    }
}

/// Has the clients speak for the time, then waits for their last echoes.
fn soak(arguments: &Arguments, scenario: &Scenario, target: Target<'_>) -> Result<Soaked, String> {
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
    let load = Load::between(elapsed, (before.0, after.0), (before.1, after.1));
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
