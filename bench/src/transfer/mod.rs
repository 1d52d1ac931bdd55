//! `transfer`: reliable messages from a server to its clients, as fast as they go, every one of them checked.

mod process;
mod receiver;
mod report;
pub mod server;

use self::process::SendingServer;
use self::receiver::{Counts, Receiver};
use self::report::TransferReport;
use self::server::{HEAD_BYTES, Load};
use crate::echo::raise_file_limit;
use crate::fleet::{Crew, Fleet};
use crate::interrupt;
use crate::process::{Usage, usage};
use crate::report::grouped;
use crate::scenario::{self, Flows, PAYLOAD_BYTES_MIN, Place, Rate, Scenario, Settings};
use crate::verdict::Verdict;
use ringshard::ops::report::ServerReport;
use ringshard_protocol::client::ClientConfig;
use ringshard_protocol::limits::{MESSAGE_BYTES_MAX, SEND_QUEUE_BYTES_MAX};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Sending before measuring: congestion control has found its rate by then.
const WARM_UP: Duration = Duration::from_secs(2);
/// How long the last messages may take.
const DRAIN: Duration = Duration::from_secs(20);

/// What it takes.
#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// distinct: a socket per client. relay: many clients behind each socket, as behind an edge or relay server.
    #[arg(long, value_enum, default_value = "distinct")]
    flows: Flows,
    /// Clients.
    #[arg(long, value_name = "N", default_value_t = 64)]
    clients: usize,
    /// Seconds measured, after two seconds of warm-up.
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    secs: f64,
    #[command(flatten)]
    load: Load,
    #[command(flatten)]
    between: scenario::Network,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    serving: scenario::Serving,
    /// Write the result to this file as one JSON object.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let scenario = scenario(arguments)?;
    raise_file_limit();
    let (measured, crew) = measure(&scenario, &arguments.load)?;
    let report = TransferReport::new(&scenario, &arguments.load, measured, crew);
    print!("transfer: reliable messages from the server to its clients\n{}", report.page());
    if let Some(path) = &arguments.json {
        crate::report::write_json(path, &report)?;
    }
    Ok(report.verdict)
}

fn scenario(arguments: &Arguments) -> Result<Scenario, String> {
    let Load { size, queue, .. } = arguments.load;
    if !(HEAD_BYTES..=MESSAGE_BYTES_MAX).contains(&size) {
        return Err(format!("--size is {size}; it is {HEAD_BYTES} to {MESSAGE_BYTES_MAX}"));
    }
    let most = (SEND_QUEUE_BYTES_MAX >> 10) - 96;
    if !(128..=most).contains(&queue) {
        return Err(format!("--queue is {queue}; it is 128 to {most}"));
    }
    let Arguments { flows, clients, secs, place, serving, between, .. } = arguments;
    let load =
        scenario::Load { flows: *flows, clients: *clients, rate: Rate::Max, size: PAYLOAD_BYTES_MIN, secs: *secs };
    let scenario = Scenario::new(load, place, serving, &Settings::default(), between.network)?;
    Ok(Scenario { payload_bytes: size, ..scenario })
}

/// What was seen at one moment.
struct Sight {
    at: Instant,
    messages: u64,
    datagrams: u64,
    server: ServerReport,
    server_usage: Usage,
    client_usage: Usage,
}

/// What was seen at both ends of the measured time, and when all had come.
struct Measured {
    before: Sight,
    after: Sight,
    end: Sight,
}

/// Has a server of its own send for the measured time, then end; gives what was seen and what is left of the clients.
fn measure(scenario: &Scenario, load: &Load) -> Result<(Measured, Crew<Receiver>), String> {
    let mut server = SendingServer::start(scenario, load)?;
    let (bodies, counts) = (Arc::new(load.bodies()), Arc::new(Counts::default()));
    let receivers = (0..scenario.clients).map(|_| Receiver::new(load, bodies.clone(), counts.clone())).collect();
    let config = ClientConfig { transport: load.transport(), ..ClientConfig::new(server.key) };
    let fleet = Fleet::start("transfer", scenario, server.address, config, receivers).connect()?;
    server.order("send")?;
    fleet.wait("warming up", WARM_UP, interrupt::is_requested, |_| String::new());
    if interrupt::is_requested() {
        return Err(interrupt::too_early("the server warmed up"));
    }
    fleet.measure(true);
    let before = look(&server, &fleet, &counts)?;
    let mut last = (before.at, before.messages);
    fleet.wait("measuring", scenario.measure, interrupt::is_requested, |_| {
        let seen = (Instant::now(), counts.messages.load(Ordering::Relaxed));
        let rate = (seen.1 - last.1) as f64 / (seen.0 - last.0).as_secs_f64();
        last = seen;
        format!("{} messages/s", grouped(rate))
    });
    let after = look(&server, &fleet, &counts)?;
    fleet.measure(false);
    server.order("end")?;
    let complete = || counts.complete.load(Ordering::Relaxed) == scenario.clients as u64;
    fleet.wait("draining", DRAIN, complete, |_| String::new());
    let end = look(&server, &fleet, &counts)?;
    let mut crew = fleet.stop()?;
    crew.talks.iter_mut().for_each(Receiver::close);
    Ok((Measured { before, after, end }, crew))
}

fn look(server: &SendingServer, fleet: &Fleet<Receiver>, counts: &Counts) -> Result<Sight, String> {
    let (report, server_usage) = server.look()?;
    Ok(Sight {
        at: Instant::now(),
        messages: counts.messages.load(Ordering::Relaxed),
        datagrams: fleet.shared.datagrams.load(Ordering::Relaxed),
        server: report,
        server_usage,
        client_usage: usage(std::process::id()),
    })
}
