//! The result of a transfer.

use super::measure::{Measured, Observation};
use super::receiver::Receiver;
use super::server::{Congestion, SendOptions};
use crate::delivery_check::Faults;
use crate::load::fleet::{Connected, FleetResult};
use crate::report::network::NetworkFigures;
use crate::report::verdict::{Missed, Verdict};
use crate::report::{CpuTime, ServerFigures};
use crate::scenario::{Flows, Scenario, option_name};
use crate::system::usage::Usage;
use crate::terminal::{Page, grouped};
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Clone, Debug, Serialize)]
pub struct TransferReport {
    scenario: &'static str,
    flows: Flows,
    clients: usize,
    payload_bytes: usize,
    channel: u8,
    congestion: Congestion,
    queue_kib: usize,
    compression: bool,
    secs: f64,
    datapath: String,
    cipher: String,
    /// Messages that the clients received, and their bytes.
    messages_per_s: f64,
    megabytes_per_s: f64,
    server_cpu_ns_per_message: f64,
    server: ServerFigures,
    client_cpu_share: f64,
    client_drops: BTreeMap<String, u64>,
    /// Over the whole run: share of the server's datagrams that the clients did not receive, and datagrams that the
    /// server declared lost.
    datagram_loss: f64,
    packets_lost: u64,
    /// Messages or fragments that the clients received twice.
    duplicates: u64,
    network: Option<NetworkFigures>,
    faults: Faults,
    closed: Option<String>,
    /// How the load generator kept up.
    generator: String,
    pub verdict: Verdict,
}

impl TransferReport {
    pub fn new(
        scenario: &Scenario,
        load: &SendOptions,
        measured: Measured,
        result: FleetResult<Connected<Receiver>>,
    ) -> Self {
        let Measured { before, after, end } = measured;
        let elapsed = after.at - before.at;
        let secs = elapsed.as_secs_f64();
        let messages = after.messages - before.messages;
        let usages = |of: fn(&Observation) -> Usage| (of(&before), of(&after));
        let spent = CpuTime::between(
            elapsed,
            usages(|observation| observation.server_usage),
            usages(|observation| observation.client_usage),
        );
        let seen = after.server.since(&before.server);
        let server = ServerFigures::new(&seen, &spent, after.server_usage, scenario.server_cpus.len());
        let sent = end.server.total("datagrams_out").max(1) as f64;
        let mut faults = Faults::default();
        result.members.iter().for_each(|member| faults.add(&member.workload.delivery.faults));
        let interference = spent.interference(scenario.server_cpus.len());
        let verdict = Verdict::of(judge(&faults, result.closed.as_deref()), result.health.overload(), interference);
        TransferReport {
            scenario: "transfer",
            flows: scenario.flows,
            clients: scenario.clients,
            payload_bytes: load.size,
            channel: load.channel,
            congestion: load.congestion,
            queue_kib: load.queue,
            compression: !load.no_compression,
            secs,
            datapath: seen.datapath.to_string(),
            cipher: option_name(scenario.cipher),
            messages_per_s: messages as f64 / secs,
            megabytes_per_s: messages as f64 * load.size as f64 / secs / 1e6,
            server_cpu_ns_per_message: spent.server_cpu.as_nanos() as f64 / messages.max(1) as f64,
            server,
            client_cpu_share: spent.client_cpu.as_secs_f64() / secs / scenario.client_cpus.len() as f64,
            // Duplicates are not a fault: they are reported on their own.
            duplicates: result.drops.get("duplicate").copied().unwrap_or(0),
            client_drops: result.drops.into_iter().filter(|(reason, _)| reason != "duplicate").collect(),
            datagram_loss: (1.0 - end.datagrams as f64 / sent).max(0.0),
            packets_lost: end.server.total("packets_lost"),
            network: NetworkFigures::new(scenario.network, &result.network),
            faults,
            closed: result.closed,
            generator: result.health.text(),
            verdict,
        }
    }

    /// The report as text.
    pub fn page(&self) -> String {
        let TransferReport { server, .. } = self;
        let mut page = Page::default();
        let flows = option_name(self.flows);
        let ordering = if self.channel == 1 { "ordered" } else { "unordered" };
        page.line(
            "load",
            format!(
                "{} clients, {flows} flows, {} bytes, {ordering}, {:.1} s",
                self.clients, self.payload_bytes, self.secs
            ),
        );
        page.line(
            "server",
            format!(
                "{}, {}, {}, queue of {} KiB each",
                self.datapath,
                self.cipher,
                option_name(self.congestion),
                self.queue_kib
            ),
        );
        if let Some(network) = &self.network {
            page.line(
                "network",
                format!("{}: {} lost, {} dropped by full queues", network.spec, network.lost, network.queue_full),
            );
        }
        page.line("messages", format!("{}/s, {:.1} MB/s", grouped(self.messages_per_s), self.megabytes_per_s));
        page.line("datagrams", format!("{}/s out, {}/s in", grouped(server.out_pps), grouped(server.in_pps)));
        page.line(
            "runs",
            format!(
                "{:.1} datagrams per send, {:.1} per arrival",
                server.datagrams_per_send, server.datagrams_per_arrival
            ),
        );
        page.line(
            "server CPU",
            format!("{:.0} ns per message, {:.0} % busy", self.server_cpu_ns_per_message, server.cpu_share * 100.0),
        );
        page.line("client CPU", format!("{:.0} % busy", self.client_cpu_share * 100.0));
        page.line("server RSS", format!("{:.1} MiB", server.rss_bytes as f64 / (1 << 20) as f64));
        page.line(
            "loss",
            format!(
                "{:.4} % of datagrams, {} declared lost, {} duplicates received (whole run)",
                self.datagram_loss * 100.0,
                self.packets_lost,
                self.duplicates
            ),
        );
        for (whose, drops) in [("server", &server.drops), ("clients", &self.client_drops)] {
            if !drops.is_empty() {
                page.line("drops", format!("{whose}: {drops:?}"));
            }
        }
        page.line("generator", &self.generator);
        page.line("checked", format!("{} (whole run)", self.faults.text()));
        if let Some(reason) = &self.closed {
            page.line("closed", format!("a client lost its connection: {reason}"));
        }
        page.with_verdict(&self.verdict)
    }
}

/// Broken guarantees: every message arrives once and unaltered.
fn judge(faults: &Faults, closed: Option<&str>) -> Missed {
    let mut missed = Missed::default();
    if !faults.is_none() {
        missed.guarantees.push(faults.text());
    }
    if let Some(reason) = closed {
        missed.clients.push(format!("a client lost its connection: {reason}"));
    }
    missed
}
