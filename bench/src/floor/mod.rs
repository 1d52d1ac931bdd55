//! `floor`: the same load without the protocol, on plain sockets or on a bare sketch of the relay path.

mod counts;
pub mod relay;
pub mod server;
mod socket;

use self::counts::Counts;
use crate::load::generator;
use crate::load::generator::{Outcome, Shared};
use crate::load::run::Run;
use crate::report::verdict::{Missed, Verdict};
use crate::report::{ClientFigures, CpuTime, Report, ServerFigures};
use crate::scenario;
use crate::scenario::{Cipher, Scenario, ServerOptions, Settings};
use crate::server_process::{ServerProcess, free_ports};
use crate::system::raise_file_limit;
use crate::system::usage::usage;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    #[command(flatten)]
    load: scenario::Arguments,
    /// Open and seal relay flows over io_uring: the least that an encrypted echo can do.
    #[arg(long)]
    relay: bool,
    /// The cipher of --relay.
    #[arg(long, value_enum, default_value = "chacha", requires = "relay")]
    cipher: Cipher,
}

pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let Arguments { load, relay, cipher } = arguments;
    if load.place.server_cpus.len() > 1 {
        return Err("--server-cpus has several CPUs; the floor's server runs on one".to_owned());
    }
    let (serving, settings) = (ServerOptions { cipher: *cipher, ..ServerOptions::default() }, Settings::default());
    let scenario = Scenario::new(load.load(), &load.place, &serving, &settings, None)?;
    let report = if *relay { relay::measure(&scenario)? } else { measure(&scenario)? };
    let what = if *relay { "a sketch of the relay path" } else { "plain recvmmsg and sendmmsg" };
    println!("floor: {what}, no protocol\n{}", report.page());
    let verdict = report.judge(Missed::default());
    if verdict != Verdict::Pass {
        println!("verdict: {verdict}");
    }
    if let Some(path) = &load.json {
        report.write_json(path)?;
    }
    Ok(verdict)
}

/// Runs the scenario against a plain server of its own, on one CPU.
pub fn measure(scenario: &Scenario) -> Result<Report, String> {
    raise_file_limit();
    let server = FloorServer::start("floor-server", &[], scenario)?;
    let shared = Arc::new(Shared::default());
    let generators = generator::start(scenario, server.address, None, &shared);
    judge(&server, generators, &shared, scenario)
}

/// Measures a floor's server under the load of these generators.
fn judge(
    server: &FloorServer,
    generators: Vec<JoinHandle<Result<Outcome, String>>>,
    shared: &Arc<Shared>,
    scenario: &Scenario,
) -> Result<Report, String> {
    let mut run = Run { name: "floor", scenario, shared, generators };
    run.connect()?;
    let measured = run.measure(|| Ok((server.counts()?, usage(server.process.id()))))?;
    let load = CpuTime::between(measured.elapsed, (measured.before.1, measured.after.1), measured.client_usage);
    let counts = measured.after.0.since(measured.before.0);
    let figures = ServerFigures {
        datagrams_per_arrival: counts.received as f64 / counts.arrivals.max(1) as f64,
        datagrams_per_send: counts.sent as f64 / counts.sends.max(1) as f64,
        ..ServerFigures::plain(counts.received, counts.sent, &load, measured.after.1, 1)
    };
    let client = ClientFigures::new(&measured.outcome, &load, scenario.client_cpus.len());
    Ok(Report::new("floor", scenario, figures, client, &measured.outcome, &load))
}

struct FloorServer {
    process: ServerProcess,
    address: std::net::SocketAddr,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl FloorServer {
    /// Starts this program with a hidden command that serves, and waits until it answers.
    fn start(command: &str, arguments: &[&str], scenario: &Scenario) -> Result<Self, String> {
        let (address, _) = free_ports()?;
        let own = std::env::current_exe().map_err(|error| format!("cannot find this program's path: {error}"))?;
        let mut process = ServerProcess::start(
            Command::new(own)
                .args([command, "--listen", &address.to_string(), "--cpu", &scenario.server_cpus[0].to_string()])
                .args(arguments)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped()),
        )?;
        let pipes = process.take_pipes().ok_or("the floor server has no pipes")?;
        let server = FloorServer { process, address, pipes: Mutex::new((pipes.0, BufReader::new(pipes.1))) };
        server.counts()?;
        Ok(server)
    }

    /// What it has counted since its start.
    fn counts(&self) -> Result<Counts, String> {
        let gone = |_| "the floor server ended early".to_owned();
        let mut pipes = self.pipes.lock().map_err(|_| "an earlier query of the floor server failed")?;
        writeln!(pipes.0).map_err(gone)?;
        let mut line = String::new();
        pipes.1.read_line(&mut line).map_err(gone)?;
        Counts::parse(&line).ok_or_else(|| format!("the floor server answered `{}`", line.trim()))
    }
}
