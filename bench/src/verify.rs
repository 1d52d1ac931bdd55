//! `verify`: does this machine do 600,000 packets/s through the whole encrypted path?

use crate::echo;
use crate::report::{Report, grouped};
use crate::scenario::{self, Flows, Place, Rate, Scenario};
use std::path::PathBuf;

/// Packets a second, each way, that must be crossed (F1).
const PACKETS_PER_SECOND: f64 = 600_000.0;
/// Share of messages that may be lost.
const LOSS_MAX: f64 = 0.001;
/// Round trip that 99 in 100 must keep, in microseconds (F3).
const P99_MAX_US: f64 = 50_000.0;

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
    place: Place,
    /// Write the result to this file as one JSON object.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<bool, String> {
    let scenario = |flows, clients, rate, secs| {
        let load = scenario::Arguments {
            flows,
            clients,
            rate,
            size: arguments.size,
            secs,
            place: arguments.place.clone(),
            json: None,
        };
        Scenario::new(&load, arguments.between.network)
    };
    let relay = scenario(Flows::Relay, arguments.clients, arguments.rate, arguments.secs)?;
    let mut beside = Vec::new();
    let mut verified = if arguments.only {
        echo::measure("verify", &relay)?
    } else {
        let verified = echo::measure_beside_floor("verify", &relay)?;
        let distinct = scenario(Flows::Distinct, arguments.clients.min(1_000), Rate::Max, 3.0)?;
        beside.push(echo::measure_beside_floor("distinct", &distinct)?);
        verified
    };
    let missed = judge(&verified);
    verified.verdict = match missed.is_empty() {
        true => "pass".into(),
        false => format!("fail: {}", missed.join("; ")),
    };
    print(&verified, &beside);
    if let Some(path) = &arguments.json {
        verified.write_json(path)?;
    }
    Ok(missed.is_empty())
}

/// What was missed, in words; nothing when all holds.
fn judge(report: &Report) -> Vec<String> {
    let mut missed = Vec::new();
    let at_least = |missed: &mut Vec<String>, what: &str, packets: f64| {
        if packets < PACKETS_PER_SECOND {
            missed.push(format!("{} packets/s {what}, {} wanted", grouped(packets), grouped(PACKETS_PER_SECOND)));
        }
    };
    at_least(&mut missed, "in", report.server.in_pps);
    at_least(&mut missed, "out", report.server.out_pps);
    if report.client.loss > LOSS_MAX {
        missed.push(format!("loss {:.3} %, at most {} % wanted", report.client.loss * 100.0, LOSS_MAX * 100.0));
    }
    let p99 = report.client.rtt.p99_us;
    if p99.is_nan() || p99 >= P99_MAX_US {
        missed.push(format!("p99 round trip {:.1} ms, under {} ms wanted", p99 / 1000.0, P99_MAX_US / 1000.0));
    }
    missed
}

fn print(verified: &Report, beside: &[Report]) {
    println!("verify: {} packets/s through the whole encrypted path\n{}", grouped(PACKETS_PER_SECOND), verified.page());
    if let Some(histograms) = &verified.histograms {
        println!("  the server's histograms, per core:\n{histograms}\n");
    }
    for report in beside {
        println!("beside it: {}\n{}", report.scenario, report.page());
    }
    println!("verdict: {}", verified.verdict);
}
