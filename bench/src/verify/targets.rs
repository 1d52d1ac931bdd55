//! The targets of `verify`.

use crate::report::Report;
use crate::report::verdict::Missed;
use crate::scenario;
use crate::terminal::grouped;

/// The real loss of a simulated network varies: allow this share of it on top.
const NETWORK_SLACK: f64 = 0.1;

/// Targets. They adapt to a simulated network.
#[derive(clap::Args, Clone, Copy, Debug)]
pub struct Targets {
    /// Minimum packets per second, in and out.
    #[arg(long = "target-pps", value_name = "N", default_value_t = 600_000.0, value_parser = non_negative)]
    pub packets_per_second: f64,
    /// Maximum loss of messages, in percent.
    #[arg(long = "target-loss", value_name = "PERCENT", default_value_t = 0.1, value_parser = non_negative)]
    pub loss_percent: f64,
    /// 99 % of the round trips must take less than this many milliseconds.
    #[arg(long = "target-p99-ms", value_name = "MS", default_value_t = 50.0, value_parser = non_negative)]
    p99_ms: f64,
}

impl Targets {
    /// The targets that the run missed.
    pub fn judge(&self, report: &Report) -> Missed {
        let allowance = &report.allowance;
        let mut missed = Vec::new();
        let packets = self.packets_per_second * allowance.passed_out;
        for (way, seen) in [("in", report.server.in_pps), ("out", report.server.out_pps)] {
            if seen < packets {
                missed.push(format!("{} packets/s {way}, below {}", grouped(seen), grouped(packets)));
            }
        }
        let loss_percent = self.loss_percent + allowance.loss() * 100.0 * (1.0 + NETWORK_SLACK);
        if report.client.loss * 100.0 > loss_percent {
            missed.push(format!("loss {:.3} %, above {loss_percent:.3} %", report.client.loss * 100.0));
        }
        let (p99_us, p99_max_us) = (report.client.rtt.p99_us, self.p99_ms * 1000.0 + allowance.round_trip_us());
        if p99_us.is_nan() || p99_us >= p99_max_us {
            missed.push(format!("p99 round trip {:.1} ms, limit {:.1} ms", p99_us / 1e3, p99_max_us / 1e3));
        }
        Missed { clients: missed, ..Missed::default() }
    }

    /// The targets as text, with what the simulated network adds.
    pub fn text(&self, report: &Report) -> String {
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

fn non_negative(text: &str) -> Result<f64, String> {
    scenario::number_in(text, 0.0..=1e9)
}
