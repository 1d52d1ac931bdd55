//! The result of a soak.

use super::memory::MemoryFigures;
use super::options::Arguments;
use super::run::SoakOutcome;
use crate::delivery_check::Faults;
use crate::report::network::NetworkFigures;
use crate::report::verdict::{Missed, Verdict};
use crate::scenario::{Flows, Scenario, option_name};
use crate::terminal::{Page, grouped};
use hdrhistogram::Histogram;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Share of all messages whose echo must arrive within the deadline.
const IN_TIME_MIN: f64 = 0.999;

#[derive(Clone, Debug, Serialize)]
pub struct SoakReport {
    scenario: &'static str,
    flows: Flows,
    clients: usize,
    secs: f64,
    messages: u64,
    echoes: u64,
    faults: Faults,
    round_trip: RoundTrips,
    deadline_ms: u64,
    /// Share of all messages whose echo arrived within the deadline, counted from the intended send time.
    in_time: f64,
    /// Reconnects, and sessions that were not resumed.
    reconnected: u64,
    sessions_lost: u64,
    closed: Option<String>,
    /// Datagrams that each side declared lost; their contents were sent again. The server's only if it is our own.
    client_packets_lost: u64,
    server_packets_lost: Option<u64>,
    client_drops: BTreeMap<String, u64>,
    server_drops: BTreeMap<String, u64>,
    network: Option<NetworkFigures>,
    /// The server's, if it could be seen.
    memory: Option<MemoryFigures>,
    /// How the load generator kept up.
    generator: String,
    pub verdict: Verdict,
}

#[derive(Clone, Copy, Debug, Serialize)]
struct RoundTrips {
    mean_ms: f64,
    p50_ms: f64,
    p99_ms: f64,
    p999_ms: f64,
    max_ms: f64,
}

impl RoundTrips {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e6;
        RoundTrips {
            mean_ms: histogram.mean() / 1e6,
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: histogram.max() as f64 / 1e6,
        }
    }
}

impl SoakReport {
    pub fn new(arguments: &Arguments, scenario: &Scenario, outcome: SoakOutcome) -> Self {
        let SoakOutcome { elapsed, shared, result, memory, server, interference } = outcome;
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let round_trips = shared.round_trips.lock().expect("no thread panics while it holds the lock");
        let deadline = arguments.deadline();
        let deadline_ns = deadline.as_nanos() as u64;
        let in_time = round_trips.count_between(0, deadline_ns);
        let mut faults = Faults::default();
        result.members.iter().for_each(|member| faults.add(&member.workload.faults()));
        let mut report = SoakReport {
            scenario: "soak",
            flows: scenario.flows,
            clients: scenario.clients,
            secs: elapsed.as_secs_f64(),
            messages: count(&shared.sent),
            echoes: count(&shared.echoed),
            faults,
            round_trip: RoundTrips::of(&round_trips),
            deadline_ms: deadline.as_millis() as u64,
            in_time: in_time as f64 / (count(&shared.sent) as f64).max(1.0),
            reconnected: count(&shared.reconnected),
            sessions_lost: count(&shared.sessions_lost),
            closed: result.closed,
            client_packets_lost: result.packets_lost,
            server_packets_lost: server.as_ref().map(|server| server.total("packets_lost")),
            client_drops: result.drops,
            server_drops: server.map_or(BTreeMap::new(), |server| server.drops()),
            network: NetworkFigures::new(scenario.network, &result.network),
            memory,
            generator: result.health.text(),
            verdict: Verdict::Pass,
        };
        report.verdict = Verdict::of(report.judge(), result.health.overload(), interference);
        report
    }

    fn judge(&self) -> Missed {
        let (mut broken, mut missed) = (Vec::new(), Vec::new());
        if !self.faults.is_none() {
            broken.push(self.faults.text());
        }
        if self.in_time < IN_TIME_MIN {
            missed.push(format!(
                "only {:.3} % of the echoes arrived within {} ms",
                self.in_time * 100.0,
                self.deadline_ms
            ));
        }
        if let Some(reason) = &self.closed {
            missed.push(format!("a client lost its connection: {reason}"));
        }
        if self.sessions_lost > 0 {
            broken.push(format!("{} sessions were not resumed", self.sessions_lost));
        }
        if self.memory.as_ref().is_some_and(|memory| !memory.is_flat) {
            broken.push("the server's memory grew".into());
        }
        Missed { guarantees: broken, clients: missed, ..Missed::default() }
    }

    /// The report as text.
    pub fn page(&self) -> String {
        let mut page = Page::default();
        page.line("load", format!("{} clients, {} flows, {:.1} s", self.clients, option_name(self.flows), self.secs));
        if let Some(network) = &self.network {
            let NetworkFigures { spec, entered, lost, .. } = network;
            page.line("network", format!("{spec}: {lost} of {entered} datagrams lost"));
        }
        let per_second = grouped(self.messages as f64 / self.secs);
        page.line("messages", format!("{} sent ({per_second}/s), {} echoed", self.messages, self.echoes));
        page.line("checked", self.faults.text());
        let RoundTrips { mean_ms, p50_ms, p99_ms, p999_ms, max_ms } = self.round_trip;
        page.line(
            "round trip",
            format!(
                "mean {mean_ms:.2} ms, p50 {p50_ms:.2} ms, p99 {p99_ms:.2} ms, p99.9 {p999_ms:.2} ms, max {max_ms:.1} ms"
            ),
        );
        page.line("in time", format!("{:.4} % within {} ms", self.in_time * 100.0, self.deadline_ms));
        let servers = self.server_packets_lost.map_or(String::new(), |lost| format!(", the server {lost}"));
        page.line("resent", format!("the clients declared {} datagrams lost{servers}", self.client_packets_lost));
        if self.reconnected > 0 {
            page.line("reconnected", format!("{} times, {} sessions lost", self.reconnected, self.sessions_lost));
        }
        for (whose, drops) in [("server", &self.server_drops), ("clients", &self.client_drops)] {
            if !drops.is_empty() {
                page.line("drops", format!("{whose}: {drops:?}"));
            }
        }
        page.line("generator", &self.generator);
        self.write_memory(&mut page);
        page.with_verdict(&self.verdict)
    }

    fn write_memory(&self, page: &mut Page) {
        let Some(memory) = &self.memory else {
            return page.line(
                "server RSS",
                "unknown: the server runs elsewhere, or has ended (--server-pid names its process)",
            );
        };
        let mebibytes = |bytes: f64| bytes / f64::from(1 << 20);
        page.line(
            "server RSS",
            format!(
                "{:.1} MiB after the warm-up, {:.1} MiB at the end, {:+.2} MiB per hour",
                mebibytes(memory.first_bytes as f64),
                mebibytes(memory.last_bytes as f64),
                mebibytes(memory.slope_bytes_per_hour)
            ),
        );
        let samples: Vec<_> =
            memory.samples.iter().map(|&(at, bytes)| format!("{at:.0} s {:.1}", mebibytes(bytes as f64))).collect();
        page.line("", samples.join(", "));
    }
}
