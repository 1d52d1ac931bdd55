//! Measured runs against a server, between runs of their floor.

use crate::load::generator;
use crate::load::generator::Shared;
use crate::load::run::Run;
use crate::report::{ClientFigures, Connecting, CpuTime, Report, ServerFigures};
use crate::scenario::{Rate, Scenario};
use crate::server_process::Server;
use crate::system::{interrupt, raise_file_limit};
use std::cmp::Ordering;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Pieces of a run at full speed, at most.
const PIECES_MAX: usize = 9;
/// Length of a piece, about. A virtual machine's speed drifts within seconds.
const PIECE: Duration = Duration::from_millis(500);
/// Length of a floor, at most.
const FLOOR_MAX: Duration = Duration::from_secs(3);

/// Measures the scenario beside its floor: the same load on plain sockets, as fast as possible.
///
/// At full speed, short pieces of both take turns, and each piece is compared with the floors just before and after it. The
/// report is that of the piece with the median ratio. At a steady rate there is one piece, between two floors of at
/// most three seconds. With a simulated network there is no floor.
pub fn measure_beside_floor(name: &'static str, scenario: &Scenario) -> Result<Report, String> {
    if scenario.network.is_some() {
        return measure(name, scenario);
    }
    let pieces = match scenario.rate {
        // Odd, so that one piece has the median.
        Rate::Max => (scenario.measure.div_duration_f64(PIECE) as usize).clamp(1, PIECES_MAX) | 1,
        Rate::Hz(_) => 1,
    };
    let piece = if pieces > 1 { scenario.in_pieces(pieces) } else { scenario.clone() };
    let floor = Scenario { rate: Rate::Max, measure: piece.measure.min(FLOOR_MAX), ..piece.clone() };
    let mut reports: Vec<Report> = Vec::new();
    let mut before = crate::floor::measure(&floor)?;
    for _ in 0..pieces {
        if interrupt::is_requested() {
            break;
        }
        let report = match measure(name, &piece) {
            Err(_) if interrupt::is_requested() && !reports.is_empty() => break,
            report => report?,
        };
        let floors = match interrupt::is_requested() {
            true => vec![before],
            false => vec![before, crate::floor::measure(&floor)?],
        };
        reports.push(report.beside(&floors));
        before = floors.into_iter().next_back().expect("a piece has a floor");
    }
    if reports.is_empty() {
        return Err(interrupt::too_early("measuring the floor"));
    }
    reports.sort_by(|one, other| one.ratio_to_floor.partial_cmp(&other.ratio_to_floor).unwrap_or(Ordering::Equal));
    let ratios: Vec<f64> = reports.iter().filter_map(|report| report.ratio_to_floor).collect();
    let mut median = reports.swap_remove(reports.len() / 2);
    median.ratios = ratios;
    Ok(median)
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
