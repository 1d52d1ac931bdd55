//! `floor`: the same load on plain sockets, without the protocol.

pub mod server;

use crate::load::generator;
use crate::load::generator::Shared;
use crate::load::run::Run;
use crate::report::verdict::{Missed, Verdict};
use crate::report::{ClientFigures, CpuTime, Report, ServerFigures};
use crate::scenario::{Arguments, Scenario, ServerOptions, Settings};
use crate::server_process::{ServerProcess, free_ports};
use crate::system::raise_file_limit;
use crate::system::usage::usage;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    if arguments.place.server_cpus.len() > 1 {
        return Err("--server-cpus has several CPUs; the floor's server runs on one".to_owned());
    }
    let (serving, settings) = (ServerOptions::default(), Settings::default());
    let scenario = Scenario::new(arguments.load(), &arguments.place, &serving, &settings, None)?;
    let report = measure(&scenario)?;
    println!("floor: plain recvmmsg and sendmmsg, no protocol\n{}", report.page());
    let verdict = report.judge(Missed::default());
    if verdict != Verdict::Pass {
        println!("verdict: {verdict}");
    }
    if let Some(path) = &arguments.json {
        report.write_json(path)?;
    }
    Ok(verdict)
}

/// Runs the scenario against a plain server of its own, on one CPU.
pub fn measure(scenario: &Scenario) -> Result<Report, String> {
    raise_file_limit();
    let server = FloorServer::start(scenario)?;
    let shared = Arc::new(Shared::default());
    let generators = generator::start(scenario, server.address, None, &shared);
    let mut run = Run { name: "floor", scenario, shared: &shared, generators };
    run.connect()?;
    let measured = run.measure(|| Ok((server.counts()?, usage(server.process.id()))))?;
    let load = CpuTime::between(measured.elapsed, (measured.before.1, measured.after.1), measured.client_usage);
    let count = |after: u64, before: u64| after.saturating_sub(before);
    let (before, after) = (measured.before.0, measured.after.0);
    let figures = ServerFigures::plain(count(after.0, before.0), count(after.1, before.1), &load, measured.after.1, 1);
    let client = ClientFigures::new(&measured.outcome, &load, scenario.client_cpus.len());
    Ok(Report::new("floor", scenario, figures, client, &measured.outcome, &load))
}

struct FloorServer {
    process: ServerProcess,
    address: std::net::SocketAddr,
    pipes: Mutex<(ChildStdin, BufReader<ChildStdout>)>,
}

impl FloorServer {
    fn start(scenario: &Scenario) -> Result<Self, String> {
        let (address, _) = free_ports()?;
        let own = std::env::current_exe().map_err(|error| format!("cannot find this program's path: {error}"))?;
        let mut command = Command::new(own);
        command
            .args(["floor-server", "--listen", &address.to_string(), "--cpu", &scenario.server_cpus[0].to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = ServerProcess::start(&mut command)?;
        let pipes = process.take_pipes().ok_or("the floor server has no pipes")?;
        let server = FloorServer { process, address, pipes: Mutex::new((pipes.0, BufReader::new(pipes.1))) };
        server.counts()?;
        Ok(server)
    }

    /// Datagrams in and out since its start.
    fn counts(&self) -> Result<(u64, u64), String> {
        let gone = |_| "the floor server ended early".to_owned();
        let mut pipes = self.pipes.lock().map_err(|_| "an earlier query of the floor server failed")?;
        writeln!(pipes.0).map_err(gone)?;
        let mut line = String::new();
        pipes.1.read_line(&mut line).map_err(gone)?;
        let (received, sent) = line.trim().split_once(' ').ok_or("the floor server ended early")?;
        let number = |text: &str| text.parse().map_err(|_| format!("the floor server answered `{}`", line.trim()));
        Ok((number(received)?, number(sent)?))
    }
}
