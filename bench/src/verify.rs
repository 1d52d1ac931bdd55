//! `verify`: does this machine do 600,000 packets/s through the whole encrypted path?

use crate::echo;
use crate::interrupt;
use crate::report::{Report, grouped};
use crate::scenario::{self, Flows, Place, Rate, Scenario};
use crate::verdict::{Missed, Verdict};
use std::path::PathBuf;

/// Draws of a bad network differ from their mean: so much of what it lost may be lost on top.
const NETWORK_SLACK: f64 = 0.1;

/// What must hold. A bad network that was asked for is allowed for.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct Targets {
    /// Packets a second that must come in and go out.
    #[arg(long = "target-pps", value_name = "N", default_value_t = 600_000.0, value_parser = at_least_0)]
    packets_per_second: f64,
    /// Per cent of the messages that may be lost.
    #[arg(long = "target-loss", value_name = "PERCENT", default_value_t = 0.1, value_parser = at_least_0)]
    loss_percent: f64,
    /// Milliseconds within which 99 of 100 round trips must end.
    #[arg(long = "target-p99-ms", value_name = "MS", default_value_t = 50.0, value_parser = at_least_0)]
    p99_ms: f64,
}

fn at_least_0(text: &str) -> Result<f64, String> {
    scenario::number_in(text, 0.0..=1e9)
}

/// What it takes.
#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// Seconds measured.
    #[arg(long, value_name = "S", default_value_t = 10.0)]
    secs: f64,
    /// Clients, behind relay sockets.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    clients: usize,
    /// Messages per second and client; a little above 60 so that 600,000 is really crossed. `max`: as fast as it goes.
    #[arg(long, value_name = "HZ|max", default_value = "61")]
    rate: Rate,
    /// Bytes in a message.
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    size: usize,
    /// Skip the runs beside the verified one: distinct flows and floors.
    #[arg(long)]
    only: bool,
    #[command(flatten)]
    between: scenario::Network,
    #[command(flatten)]
    targets: Targets,
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

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let scenario = |flows, clients, rate, secs| {
        let Arguments { size, place, serving, settings, between, .. } = arguments;
        // How many sockets relay flows have says nothing about distinct ones.
        let place = Place { relays: place.relays.filter(|_| flows == Flows::Relay), ..place.clone() };
        Scenario::new(
            scenario::Load { flows, clients, rate, size: *size, secs },
            &place,
            serving,
            settings,
            between.network,
        )
    };
    let relay = scenario(Flows::Relay, arguments.clients, arguments.rate, arguments.secs)?;
    let mut beside = None;
    let mut verified = if arguments.only {
        echo::measure("verify", &relay)?
    } else {
        let verified = echo::measure_beside_floor("verify", &relay)?;
        // What is beside it is worth less than what was verified: it must not take that down with it.
        if !interrupt::is_requested() {
            let distinct = scenario(Flows::Distinct, arguments.clients.min(1_000), Rate::Max, 3.0)?;
            beside = echo::measure_beside_floor("distinct", &distinct).inspect_err(note_missing).ok();
        }
        verified
    };
    let verdict = verified.judge(arguments.targets.judge(&verified));
    verified.verdict = Some(verdict.clone());
    print(arguments.targets, &verified, beside.as_ref());
    if let Some(path) = &arguments.json {
        verified.write_json(path)?;
    }
    Ok(verdict)
}

fn note_missing(error: &String) {
    eprintln!("verify: distinct flows were not measured: {error}");
}

impl Targets {
    /// Those that the run missed.
    fn judge(&self, report: &Report) -> Missed {
        let allowance = &report.allowance;
        let mut missed = Vec::new();
        let packets = self.packets_per_second * allowance.passed_out;
        for (way, seen) in [("in", report.server.in_pps), ("out", report.server.out_pps)] {
            if seen < packets {
                missed.push(format!("{} packets/s {way}, {} wanted", grouped(seen), grouped(packets)));
            }
        }
        let loss_percent = self.loss_percent + allowance.loss() * 100.0 * (1.0 + NETWORK_SLACK);
        if report.client.loss * 100.0 > loss_percent {
            missed.push(format!("loss {:.3} %, at most {loss_percent:.3} % wanted", report.client.loss * 100.0));
        }
        let (p99_us, p99_max_us) = (report.client.rtt.p99_us, self.p99_ms * 1000.0 + allowance.round_trip_us());
        if p99_us.is_nan() || p99_us >= p99_max_us {
            missed.push(format!("p99 round trip {:.1} ms, under {:.1} ms wanted", p99_us / 1e3, p99_max_us / 1e3));
        }
        Missed { clients: missed, ..Missed::default() }
    }

    /// For people, with what a bad network adds to them.
    fn text(&self, report: &Report) -> String {
        let Targets { packets_per_second, loss_percent, p99_ms } = self;
        let targets =
            format!("{} packets/s in and out, loss {loss_percent} %, p99 {p99_ms} ms", grouped(*packets_per_second));
        match report.network {
            Some(_) => format!(
                "{targets}; the network may take {:.2} % of the packets each way and {:.0} ms of a round trip",
                (1.0 - report.allowance.passed_out) * 100.0,
                report.allowance.round_trip_us() / 1e3
            ),
            None => targets,
        }
    }
}

fn print(targets: Targets, verified: &Report, beside: Option<&Report>) {
    let packets = grouped(targets.packets_per_second);
    println!("verify: {packets} packets/s through the whole encrypted path\n{}", verified.page());
    println!("  {:<12} {}", "targets", targets.text(verified));
    if let Some(histograms) = &verified.histograms {
        println!("  the server's histograms, per core:\n{histograms}\n");
    }
    if let Some(report) = beside {
        println!("beside it: {}\n{}", report.scenario, report.page());
    }
    if let Some(verdict) = &verified.verdict {
        println!("verdict: {verdict}");
    }
}
