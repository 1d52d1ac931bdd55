//! One measured run against a server, between two runs of its floor.

use crate::load::generator;
use crate::load::generator::Shared;
use crate::load::run::Run;
use crate::report::{ClientFigures, Connecting, CpuTime, Report, ServerFigures};
use crate::scenario::{Rate, Scenario};
use crate::server_process::Server;
use crate::system::{interrupt, raise_file_limit};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Measures the scenario between two runs of its floor: the same load on plain sockets, as fast as possible, for at
/// most three seconds each. A virtual machine's speed drifts; the mean of both floors drifts with it. With a simulated
/// network there is no floor.
pub fn measure_beside_floor(name: &'static str, scenario: &Scenario) -> Result<Report, String> {
    if scenario.network.is_some() {
        return measure(name, scenario);
    }
    let floor = Scenario { rate: Rate::Max, measure: scenario.measure.min(Duration::from_secs(3)), ..scenario.clone() };
    let mut floors = vec![crate::floor::measure(&floor)?];
    if interrupt::is_requested() {
        return Err(interrupt::too_early("measuring the floor"));
    }
    let report = measure(name, scenario)?;
    if !interrupt::is_requested() {
        floors.push(crate::floor::measure(&floor)?);
    }
    Ok(report.beside(&floors))
}

/// Runs the scenario against a server of its own.
pub fn measure(name: &'static str, scenario: &Scenario) -> Result<Report, String> {
    raise_file_limit();
    let server = Server::start(scenario)?;
    let shared = Arc::new(Shared::default());
    let (began, idle) = (Instant::now(), server.usage());
    let generators = generator::start(scenario, server.address, Some(server.key), &shared);
    let mut run = Run { name, scenario, shared: &shared, generators };
    run.connect()?;
    let connecting = Connecting::new(scenario.clients, began.elapsed(), idle, server.usage());
    let measured = run.measure(|| Ok((server.report()?, server.usage())))?;
    let (before, after) = (&measured.before.0, &measured.after.0);
    let load = CpuTime::between(measured.elapsed, (measured.before.1, measured.after.1), measured.client_usage);
    let seen = after.since(before);
    let figures = ServerFigures::new(&seen, &load, measured.after.1, scenario.server_cpus.len());
    let client = ClientFigures::new(&measured.outcome, &load, scenario.client_cpus.len());
    server.stop()?;
    let mut report = Report::new(name, scenario, figures, client, &measured.outcome, &load);
    report.datapath = seen.datapath.to_string();
    report.cipher = scenario.cipher.suite().name().into();
    report.connecting = Some(connecting);
    report.histograms = Some(seen.table());
    Ok(report)
}
