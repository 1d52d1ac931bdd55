//! The report as text.

use super::Report;
use super::network::NetworkFigures;
use crate::scenario::Flows;
use crate::terminal::grouped;
use std::fmt::Write as _;

impl Report {
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
                    "of {} datagrams both ways: {lost} lost, {queue_full} dropped by full queues, {duplicated} duplicated, \
                     {held_back} reordered, {corrupted} corrupted",
                    grouped(*entered as f64)
                ),
            );
            if *not_held > 0 {
                line("", format!("{not_held} lost because the generator's queue was full: the figures are wrong"));
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
                "{:.1} datagrams per arrival (GRO), {:.1} per send (GSO)",
                server.datagrams_per_arrival, server.datagrams_per_send
            ),
        );
        line("server RSS", format!("{:.1} MiB", server.rss_bytes as f64 / (1 << 20) as f64));
        line(
            "messages",
            format!(
                "{}/s sent, {}/s echoed, loss {:.4} %",
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
                    "{} handshakes/s, each {:.0} us of server CPU time and {:.0} bytes of memory",
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
                    "{} packets/s in on plain sockets, {:.0} ns each; this run reaches {ratio:.2} of it",
                    grouped(floor.in_pps),
                    floor.cpu_ns_per_packet
                ),
            );
        }
        page
    }
}
