//! `verify`: does this machine carry 600,000 packets/s through the whole encrypted path?

mod targets;

use self::targets::Targets;
use crate::report::Report;
use crate::report::verdict::Verdict;
use crate::scenario::{Flows, Placement, Rate, Scenario};
use crate::system::interrupt;
use crate::terminal::grouped;
use crate::{echo, scenario};

#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// Seconds to measure.
    #[arg(long, value_name = "S", default_value_t = 10.0)]
    secs: f64,
    /// Clients, behind relay sockets.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    clients: usize,
    /// Messages per second and client. The default is slightly above 60, so that the total exceeds 600,000. `max`: as
    /// fast as possible.
    #[arg(long, value_name = "HZ|max", default_value = "61")]
    rate: Rate,
    /// Bytes per message.
    #[arg(long, value_name = "BYTES", default_value_t = 64)]
    size: usize,
    /// Skip the additional runs: one socket per client, and the kernel alone.
    #[arg(long)]
    only: bool,
    #[command(flatten)]
    between: scenario::NetworkOptions,
    #[command(flatten)]
    targets: Targets,
    #[command(flatten)]
    run: scenario::RunOptions,
}

pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let scenario = |flows, clients, rate, secs| {
        let Arguments { size, run, between, .. } = arguments;
        // --relays applies to relay flows only.
        let place = Placement { relays: run.place.relays.filter(|_| flows == Flows::Relay), ..run.place.clone() };
        Scenario::new(
            scenario::Load { flows, clients, rate, size: *size, secs },
            &place,
            &run.serving,
            &run.settings,
            between.network,
        )
    };
    let relay = scenario(Flows::Relay, arguments.clients, arguments.rate, arguments.secs)?;
    let mut beside = None;
    let mut verified = if arguments.only {
        echo::measure("verify", &relay)?
    } else {
        let verified = echo::measure_beside_floor("verify", &relay)?;
        // A failure of this additional run must not fail the verification.
        if !interrupt::is_requested() {
            let distinct = scenario(Flows::Distinct, arguments.clients.min(1_000), Rate::Max, 3.0)?;
            beside = echo::measure_beside_floor("distinct", &distinct).inspect_err(note_missing).ok();
        }
        verified
    };
    let verdict = verified.judge(arguments.targets.judge(&verified));
    verified.verdict = Some(verdict.clone());
    print(arguments.targets, &verified, beside.as_ref());
    if let Some(path) = &arguments.run.json {
        verified.write_json(path)?;
    }
    Ok(verdict)
}

fn note_missing(error: &String) {
    eprintln!("verify: distinct flows were not measured: {error}");
}

fn print(targets: Targets, verified: &Report, beside: Option<&Report>) {
    let packets = grouped(targets.packets_per_second);
    println!("verify: {packets} packets/s through the whole encrypted path\n{}", verified.page());
    println!("  {:<12} {}", "targets", targets.text(verified));
    if let Some(histograms) = &verified.histograms {
        println!("  the server's histograms, per core:\n{histograms}\n");
    }
    if let Some(report) = beside {
        println!("additional run: {}\n{}", report.scenario, report.page());
    }
    if let Some(verdict) = &verified.verdict {
        println!("verdict: {verdict}");
    }
}
