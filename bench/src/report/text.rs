//! The report as text.

use super::Report;
use super::network::NetworkFigures;
use crate::scenario::Flows;
use crate::terminal::{Page, grouped};

impl Report {
    pub fn page(&self) -> String {
        let mut page = Page::default();
        self.write_load(&mut page);
        if let Some(network) = &self.network {
            write_network(network, &mut page);
        }
        self.write_server(&mut page);
        self.write_clients(&mut page);
        self.write_remarks(&mut page);
        page.into_text()
    }

    fn write_load(&self, page: &mut Page) {
        let flows = match self.flows {
            Flows::Distinct => "distinct flows (a socket per client)",
            Flows::Relay => "relay flows (many clients per socket)",
        };
        page.line(
            "load",
            format!("{} clients, {flows}, {} bytes, {:.1} s", self.clients, self.payload_bytes, self.secs),
        );
        if !self.datapath.is_empty() {
            page.line("server", format!("{}, {}", self.datapath, self.cipher));
        }
    }

    fn write_server(&self, page: &mut Page) {
        let server = &self.server;
        page.line("in", format!("{} packets/s", grouped(server.in_pps)));
        page.line("out", format!("{} packets/s", grouped(server.out_pps)));
        page.line(
            "server CPU",
            format!("{:.0} ns per packet in and out, {:.0} % busy", server.cpu_ns_per_packet, server.cpu_share * 100.0),
        );
        page.line(
            "runs",
            format!(
                "{:.1} datagrams per arrival (GRO), {:.1} per send (GSO)",
                server.datagrams_per_arrival, server.datagrams_per_send
            ),
        );
        page.line("server RSS", format!("{:.1} MiB", server.rss_bytes as f64 / (1 << 20) as f64));
    }

    fn write_clients(&self, page: &mut Page) {
        let client = &self.client;
        page.line(
            "messages",
            format!(
                "{}/s sent, {}/s echoed, loss {:.4} %",
                grouped(client.sent_pps),
                grouped(client.received_pps),
                client.loss * 100.0
            ),
        );
        let rtt = &client.rtt;
        page.line(
            "round trip",
            format!(
                "p50 {:.0} us, p99 {:.0} us, p99.9 {:.0} us, max {:.0} us, from the intended send time",
                rtt.p50_us, rtt.p99_us, rtt.p999_us, rtt.max_us
            ),
        );
        if let Some(connecting) = self.connecting {
            page.line(
                "connecting",
                format!(
                    "{} handshakes/s, each {:.0} us of server CPU time and {:.0} bytes of memory",
                    grouped(connecting.handshakes_per_s),
                    connecting.cpu_us_per_handshake,
                    connecting.rss_bytes_per_connection
                ),
            );
        }
        page.line("generator", &self.generator);
        page.line("saturated", format!("{} (client {:.0} % busy)", self.saturated, client.cpu_share * 100.0));
    }

    /// What limits the figures, and what they compare with.
    fn write_remarks(&self, page: &mut Page) {
        if let Some(interference) = &self.interference {
            page.line("note", interference);
        }
        if !self.server.drops.is_empty() {
            page.line("drops", format!("{:?}", self.server.drops));
        }
        if let (Some(floor), Some(ratio)) = (self.floor, self.ratio_to_floor) {
            page.line(
                "floor",
                format!(
                    "{} packets/s in on plain sockets, {:.0} ns each; this run reaches {ratio:.2} of it",
                    grouped(floor.in_pps),
                    floor.cpu_ns_per_packet
                ),
            );
            if let [least, .., greatest] = self.ratios[..] {
                let pieces = self.ratios.len();
                page.line("", format!("the median of {pieces} pieces, whose ratios are {least:.2} to {greatest:.2}"));
            }
        }
    }
}

fn write_network(network: &NetworkFigures, page: &mut Page) {
    let NetworkFigures { spec, entered, lost, queue_full, duplicated, held_back, corrupted, not_held } = network;
    page.line("network", spec);
    page.line(
        "",
        format!(
            "of {} datagrams both ways: {lost} lost, {queue_full} dropped by full queues, {duplicated} duplicated, \
             {held_back} reordered, {corrupted} corrupted",
            grouped(*entered as f64)
        ),
    );
    if *not_held > 0 {
        page.line("", format!("{not_held} lost because the generator's queue was full: the figures are wrong"));
    }
}
