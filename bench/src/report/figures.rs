//! What was measured on both sides.

use crate::load::generator::Outcome;
use crate::system::usage::Usage;
use ringshard::ops::report::{Percentiles, ServerReport};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// A side counts as saturated from this share of its CPUs on.
const SATURATED: f64 = 0.95;
/// Share of the time that a server may wait for its CPUs before other programs are blamed.
const WAITED_MAX: f64 = 0.05;

#[derive(Clone, Debug, Serialize)]
pub struct ServerFigures {
    pub in_pps: f64,
    pub out_pps: f64,
    pub cpu_ns_per_packet: f64,
    pub cpu_share: f64,
    pub rss_bytes: u64,
    /// Average datagrams per arrival (GRO) and per send (GSO).
    pub datagrams_per_arrival: f64,
    pub datagrams_per_send: f64,
    pub drops: BTreeMap<String, u64>,
    pub cores: Vec<CoreFigures>,
}

#[derive(Clone, Debug, Serialize)]
pub struct CoreFigures {
    pub core: usize,
    pub stages: BTreeMap<String, StageFigures>,
}

#[derive(Clone, Debug, Serialize)]
pub struct StageFigures {
    pub p50_us: f64,
    pub p90_us: f64,
    pub p99_us: f64,
    pub p999_us: f64,
    pub max_us: f64,
}

#[derive(Clone, Debug, Serialize)]
pub struct ClientFigures {
    pub sent_pps: f64,
    pub received_pps: f64,
    pub loss: f64,
    pub cpu_share: f64,
    pub rtt: Percentiles,
}

/// What connecting all clients cost the server.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Connecting {
    /// Handshakes per second, limited by both sides.
    pub handshakes_per_s: f64,
    /// Server CPU time per handshake, in microseconds.
    pub cpu_us_per_handshake: f64,
    /// Growth of the server's resident memory per connection, before any message.
    pub rss_bytes_per_connection: f64,
}

impl Connecting {
    pub fn new(clients: usize, elapsed: Duration, before: Usage, after: Usage) -> Self {
        let clients = clients as f64;
        Connecting {
            handshakes_per_s: clients / elapsed.as_secs_f64(),
            cpu_us_per_handshake: after.cpu.saturating_sub(before.cpu).as_secs_f64() * 1e6 / clients,
            rss_bytes_per_connection: after.resident_bytes.saturating_sub(before.resident_bytes) as f64 / clients,
        }
    }
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct FloorFigures {
    pub in_pps: f64,
    pub out_pps: f64,
    pub cpu_ns_per_packet: f64,
}

/// CPU time of both sides over the measured time.
#[derive(Clone, Copy, Debug)]
pub struct CpuTime {
    pub elapsed: Duration,
    pub server_cpu: Duration,
    /// Time that the server's threads were runnable and waited for a CPU.
    pub server_waited: Duration,
    pub client_cpu: Duration,
}

impl CpuTime {
    pub fn between(elapsed: Duration, server: (Usage, Usage), client: (Usage, Usage)) -> Self {
        assert!(!elapsed.is_zero(), "rates need a measured time");
        CpuTime {
            elapsed,
            server_cpu: server.1.cpu.saturating_sub(server.0.cpu),
            server_waited: server.1.waited.saturating_sub(server.0.waited),
            client_cpu: client.1.cpu.saturating_sub(client.0.cpu),
        }
    }

    /// Why the result is distorted, if other programs used the server's CPUs.
    pub fn interference(&self, server_cpus: usize) -> Option<String> {
        let share = Self::share(self.server_waited, self.elapsed, server_cpus);
        (share > WAITED_MAX).then(|| {
            format!("other programs used the server's CPUs: it waited for them {:.0} % of the time", share * 100.0)
        })
    }

    pub fn share(cpu: Duration, elapsed: Duration, cpus: usize) -> f64 {
        cpu.as_secs_f64() / elapsed.as_secs_f64() / cpus.max(1) as f64
    }
}

impl ClientFigures {
    pub fn new(outcome: &Outcome, load: &CpuTime, cpus: usize) -> Self {
        let per_second = |count: u64| count as f64 / load.elapsed.as_secs_f64();
        ClientFigures {
            sent_pps: per_second(outcome.sent),
            received_pps: per_second(outcome.received),
            // A message that was given up and answered late counts twice, so this can be below 0.
            loss: (1.0 - outcome.received as f64 / (outcome.sent as f64).max(1.0)).max(0.0),
            cpu_share: CpuTime::share(load.client_cpu, load.elapsed, cpus),
            rtt: Percentiles::of(&outcome.round_trip),
        }
    }
}

impl ServerFigures {
    /// From the server's own report of the measured time.
    pub fn new(report: &ServerReport, load: &CpuTime, usage: Usage, cpus: usize) -> Self {
        let rate = |counter: &str| report.total(counter) as f64 / report.uptime_s;
        let mean = |of: &str, over: &str| report.total(of) as f64 / report.total(over).max(1) as f64;
        let cores = report
            .cores
            .iter()
            .map(|core| CoreFigures {
                core: core.core,
                stages: core
                    .stages
                    .iter()
                    .map(|stage| {
                        let histogram = stage.histogram();
                        let Percentiles { p50_us, p99_us, p999_us, max_us } = Percentiles::of(&histogram);
                        let p90_us = histogram.value_at_quantile(0.9) as f64 / 1000.0;
                        (stage.name.clone(), StageFigures { p50_us, p90_us, p99_us, p999_us, max_us })
                    })
                    .collect(),
            })
            .collect();
        let mut drops = report.drops();
        for loss in ["link_kernel_drops", "link_send_failed", "link_truncated"] {
            if report.total(loss) > 0 {
                drops.insert(loss.to_owned(), report.total(loss));
            }
        }
        ServerFigures {
            in_pps: rate("datagrams_in"),
            out_pps: rate("datagrams_out"),
            cpu_ns_per_packet: load.server_cpu.as_nanos() as f64 / report.total("datagrams_in").max(1) as f64,
            cpu_share: CpuTime::share(load.server_cpu, load.elapsed, cpus),
            rss_bytes: usage.resident_bytes,
            datagrams_per_arrival: mean("link_datagrams_in", "link_arrivals"),
            datagrams_per_send: mean("link_datagrams_out", "link_sends"),
            drops,
            cores,
        }
    }

    /// From plain counts.
    pub fn plain(datagrams_in: u64, datagrams_out: u64, load: &CpuTime, usage: Usage, cpus: usize) -> Self {
        let rate = |count: u64| count as f64 / load.elapsed.as_secs_f64();
        ServerFigures {
            in_pps: rate(datagrams_in),
            out_pps: rate(datagrams_out),
            cpu_ns_per_packet: load.server_cpu.as_nanos() as f64 / datagrams_in.max(1) as f64,
            cpu_share: CpuTime::share(load.server_cpu, load.elapsed, cpus),
            rss_bytes: usage.resident_bytes,
            datagrams_per_arrival: 1.0,
            datagrams_per_send: 1.0,
            drops: BTreeMap::new(),
            cores: Vec::new(),
        }
    }
}

/// Which side had no CPU time left.
pub fn saturated(server: &ServerFigures, client: &ClientFigures) -> &'static str {
    match (server.cpu_share >= SATURATED, client.cpu_share >= SATURATED) {
        (true, true) => "both",
        (true, false) => "server",
        (false, true) => "client",
        (false, false) => "neither",
    }
}
