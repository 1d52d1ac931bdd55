//! The result of a run: one object for machines, one page for people.

use crate::generator::Outcome;
use crate::health::Health;
use crate::network::{Allowance, NetworkFigures};
use crate::process::Usage;
use crate::scenario::{Flows, Scenario};
use crate::verdict::{Missed, Verdict};
use ringshard::ops::report::{Percentiles, ServerReport};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// A side counts as saturated from this share of its processors on.
const SATURATED: f64 = 0.95;
/// Share of the time that a server may wait for its processors.
const WAITED_MAX: f64 = 0.05;

/// The result of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub scenario: &'static str,
    pub flows: Flows,
    pub clients: usize,
    pub payload_bytes: usize,
    /// Seconds measured.
    pub secs: f64,
    pub datapath: String,
    pub cipher: String,
    pub server: ServerFigures,
    pub client: ClientFigures,
    /// The bad network that the clients were behind.
    pub network: Option<NetworkFigures>,
    pub connecting: Option<Connecting>,
    pub floor: Option<FloorFigures>,
    /// Packets/s in of this run over those of the floor.
    pub ratio_to_floor: Option<f64>,
    pub saturated: &'static str,
    /// How the load generator kept up.
    pub generator: String,
    pub verdict: Option<Verdict>,
    #[serde(skip)]
    pub health: Health,
    /// Why the server could not do what it can.
    #[serde(skip)]
    pub interference: Option<String>,
    /// What a bad network took.
    #[serde(skip)]
    pub allowance: Allowance,
    #[serde(skip)]
    pub histograms: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub struct ServerFigures {
    pub in_pps: f64,
    pub out_pps: f64,
    pub cpu_ns_per_packet: f64,
    pub cpu_share: f64,
    pub rss_bytes: u64,
    /// Datagrams that the kernel handed over together, and took together, on average.
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

/// What it cost the server to let all clients in.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Connecting {
    /// Handshakes completed per second, both sides at work.
    pub handshakes_per_s: f64,
    /// Server CPU time of each, in microseconds.
    pub cpu_us_per_handshake: f64,
    /// Memory that became resident in the server, for each connection, before any message.
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
pub struct Load {
    pub elapsed: Duration,
    pub server_cpu: Duration,
    /// Time that the server's threads were ready to run and waited for a processor.
    pub server_waited: Duration,
    pub client_cpu: Duration,
}

impl Load {
    pub fn between(elapsed: Duration, server: (Usage, Usage), client: (Usage, Usage)) -> Self {
        Load {
            elapsed,
            server_cpu: server.1.cpu.saturating_sub(server.0.cpu),
            server_waited: server.1.waited.saturating_sub(server.0.waited),
            client_cpu: client.1.cpu.saturating_sub(client.0.cpu),
        }
    }

    /// Why the server could not do what it can, if other programs held its processors.
    pub fn interference(&self, server_processors: usize) -> Option<String> {
        let share = Self::share(self.server_waited, self.elapsed, server_processors);
        (share > WAITED_MAX).then(|| {
            format!(
                "other programs used the server's processors: it waited for them {:.0} % of the time",
                share * 100.0
            )
        })
    }

    fn share(cpu: Duration, elapsed: Duration, processors: usize) -> f64 {
        cpu.as_secs_f64() / elapsed.as_secs_f64() / processors.max(1) as f64
    }
}

impl ClientFigures {
    pub fn new(outcome: &Outcome, load: &Load, processors: usize) -> Self {
        let per_second = |count: u64| count as f64 / load.elapsed.as_secs_f64();
        ClientFigures {
            sent_pps: per_second(outcome.sent),
            received_pps: per_second(outcome.received),
            // A message given up and answered late counts twice: never less than nothing.
            loss: (1.0 - outcome.received as f64 / (outcome.sent as f64).max(1.0)).max(0.0),
            cpu_share: Load::share(load.client_cpu, load.elapsed, processors),
            rtt: Percentiles::of(&outcome.round_trip),
        }
    }
}

impl ServerFigures {
    /// From what the server said of the measured time.
    pub fn new(report: &ServerReport, load: &Load, usage: Usage, processors: usize) -> Self {
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
            cpu_share: Load::share(load.server_cpu, load.elapsed, processors),
            rss_bytes: usage.resident_bytes,
            datagrams_per_arrival: mean("link_datagrams_in", "link_arrivals"),
            datagrams_per_send: mean("link_datagrams_out", "link_sends"),
            drops,
            cores,
        }
    }

    /// From plain counts.
    pub fn plain(datagrams_in: u64, datagrams_out: u64, load: &Load, usage: Usage, processors: usize) -> Self {
        let rate = |count: u64| count as f64 / load.elapsed.as_secs_f64();
        ServerFigures {
            in_pps: rate(datagrams_in),
            out_pps: rate(datagrams_out),
            cpu_ns_per_packet: load.server_cpu.as_nanos() as f64 / datagrams_in.max(1) as f64,
            cpu_share: Load::share(load.server_cpu, load.elapsed, processors),
            rss_bytes: usage.resident_bytes,
            datagrams_per_arrival: 1.0,
            datagrams_per_send: 1.0,
            drops: BTreeMap::new(),
            cores: Vec::new(),
        }
    }
}

/// Which side had no processor time left.
pub fn saturated(server: &ServerFigures, client: &ClientFigures) -> &'static str {
    match (server.cpu_share >= SATURATED, client.cpu_share >= SATURATED) {
        (true, true) => "both",
        (true, false) => "server",
        (false, true) => "client",
        (false, false) => "neither",
    }
}

impl Report {
    pub fn new(
        name: &'static str,
        scenario: &Scenario,
        server: ServerFigures,
        client: ClientFigures,
        outcome: &Outcome,
        load: &Load,
    ) -> Self {
        Report {
            scenario: name,
            flows: scenario.flows,
            clients: scenario.clients,
            payload_bytes: scenario.payload_bytes,
            secs: load.elapsed.as_secs_f64(),
            datapath: String::new(),
            cipher: String::new(),
            saturated: saturated(&server, &client),
            server,
            client,
            network: NetworkFigures::new(scenario.network, &outcome.network),
            connecting: None,
            floor: None,
            ratio_to_floor: None,
            generator: outcome.health.text(),
            verdict: None,
            health: outcome.health.clone(),
            interference: load.interference(scenario.server_cpus.len()),
            allowance: Allowance::new(scenario.network, &outcome.network),
            histograms: None,
        }
    }

    /// Sets it beside the floors of the same load, one or more.
    pub fn beside(mut self, floors: &[Report]) -> Self {
        let mean = |figure: fn(&ServerFigures) -> f64| {
            floors.iter().map(|floor| figure(&floor.server)).sum::<f64>() / floors.len() as f64
        };
        let floor = FloorFigures {
            in_pps: mean(|server| server.in_pps),
            out_pps: mean(|server| server.out_pps),
            cpu_ns_per_packet: mean(|server| server.cpu_ns_per_packet),
        };
        self.floor = Some(floor);
        self.ratio_to_floor = Some(self.server.in_pps / floor.in_pps.max(1.0));
        self
    }

    /// What it comes to, given the targets that it missed.
    pub fn judge(&self, missed: Missed) -> Verdict {
        Verdict::of(missed, self.health.overload(), self.interference.clone())
    }

    /// Writes the object for machines.
    pub fn write_json(&self, path: &Path) -> Result<(), String> {
        write_json(path, self)
    }

    /// The page for people.
    pub fn page(&self) -> String {
        let Report { server, client, .. } = self;
        let mut page = String::new();
        let mut line = |name: &str, text: String| {
            let _ = writeln!(page, "  {name:<12} {text}");
        };
        let flows = match self.flows {
            Flows::Distinct => "distinct flows (a socket per client)",
            Flows::Relay => "relay flows (many clients per socket)",
        };
        line("load", format!("{} clients, {flows}, {} bytes, {:.1} s", self.clients, self.payload_bytes, self.secs));
        if !self.datapath.is_empty() {
            line("server", format!("{}, {}", self.datapath, self.cipher));
        }
        if let Some(network) = &self.network {
            let NetworkFigures { spec, entered, lost, queue_full, duplicated, held_back, corrupted, not_held } =
                network;
            line("network", spec.clone());
            line(
                "",
                format!(
                    "of {} datagrams both ways: {lost} lost, {queue_full} at full queues, {duplicated} duplicated, \
                     {held_back} held back, {corrupted} corrupted",
                    grouped(*entered as f64)
                ),
            );
            if *not_held > 0 {
                line("", format!("{not_held} lost because the generator held as many as it can: figures are off"));
            }
        }
        line("in", format!("{} packets/s", grouped(server.in_pps)));
        line("out", format!("{} packets/s", grouped(server.out_pps)));
        line(
            "server CPU",
            format!("{:.0} ns per packet in and out, {:.0} % busy", server.cpu_ns_per_packet, server.cpu_share * 100.0),
        );
        line(
            "runs",
            format!(
                "{:.1} datagrams per arrival, {:.1} per send",
                server.datagrams_per_arrival, server.datagrams_per_send
            ),
        );
        line("server RSS", format!("{:.1} MiB", server.rss_bytes as f64 / (1 << 20) as f64));
        line(
            "messages",
            format!(
                "{}/s sent, {}/s came back, loss {:.4} %",
                grouped(client.sent_pps),
                grouped(client.received_pps),
                client.loss * 100.0
            ),
        );
        let rtt = &client.rtt;
        line(
            "round trip",
            format!(
                "p50 {:.0} us, p99 {:.0} us, p99.9 {:.0} us, max {:.0} us, from the intended send time",
                rtt.p50_us, rtt.p99_us, rtt.p999_us, rtt.max_us
            ),
        );
        if let Some(connecting) = self.connecting {
            line(
                "connecting",
                format!(
                    "{} handshakes/s, {:.0} us of server CPU and {:.0} bytes resident each",
                    grouped(connecting.handshakes_per_s),
                    connecting.cpu_us_per_handshake,
                    connecting.rss_bytes_per_connection
                ),
            );
        }
        line("generator", self.generator.clone());
        line("saturated", format!("{} (client {:.0} % busy)", self.saturated, client.cpu_share * 100.0));
        if let Some(interference) = &self.interference {
            line("note", interference.clone());
        }
        if !server.drops.is_empty() {
            line("drops", format!("{:?}", server.drops));
        }
        if let (Some(floor), Some(ratio)) = (self.floor, self.ratio_to_floor) {
            line(
                "floor",
                format!(
                    "{} packets/s in on plain sockets, {:.0} ns each; this is {ratio:.2} of it",
                    grouped(floor.in_pps),
                    floor.cpu_ns_per_packet
                ),
            );
        }
        page
    }
}

/// Writes a result as one JSON object.
pub fn write_json(path: &Path, result: &impl Serialize) -> Result<(), String> {
    let json = serde_json::to_string_pretty(result).map_err(|error| error.to_string())?;
    std::fs::write(path, json + "\n").map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// A whole number with its thousands apart.
pub fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.max(0.0));
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::grouped;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(
            ["0", "999", "1,000", "1,234,567"],
            [0.0, 999.0, 1000.0, 1_234_567.4].map(grouped).map(|s| s).each_ref().map(|s| s.as_str())
        );
    }
}
