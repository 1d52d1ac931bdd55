//! The figures of the server, from its admin port.

use super::archive::Archive;
use crate::admin::AdminArguments;
use crate::histograms::chart;
use jiff::Zoned;
use ringshard::ops::admin::{AdminClient, AdminClientError};
use ringshard::ops::doctor::CpuSet;
use ringshard::ops::report::ServerReport;
use serde_json::json;
use std::net::{SocketAddr, UdpSocket};

/// The server.
pub struct Server {
    address: SocketAddr,
    /// The client, or why there is none.
    client: Result<AdminClient, String>,
    /// Why the last request found no server. Later requests then fail at once.
    unreachable: Option<String>,
    /// The setting `cpus`, if it is a list.
    cpus: Option<CpuSet>,
    first: Option<ServerReport>,
    second: Option<ServerReport>,
    /// When it was asked first.
    asked_at: Zoned,
}

impl Server {
    /// The server at this address.
    pub fn new(arguments: &AdminArguments) -> Self {
        let client = arguments.client().map_err(|error| error.to_string());
        Server {
            address: arguments.address(),
            client,
            unreachable: None,
            cpus: None,
            first: None,
            second: None,
            asked_at: Zoned::now(),
        }
    }

    /// The address of its admin port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it runs on this host: then its address can be bound.
    pub fn is_here(&self) -> bool {
        UdpSocket::bind((self.address.ip(), 0)).is_ok()
    }

    /// The CPUs in its settings; None if they do not name any, or it has not answered.
    pub fn cpus(&self) -> Option<CpuSet> {
        self.cpus.clone()
    }

    /// The first report that it gave.
    pub fn report(&self) -> Option<&ServerReport> {
        self.first.as_ref().or(self.second.as_ref())
    }

    /// Adds everything that it reports.
    pub fn first_sample(&mut self, archive: &mut Archive) {
        self.first = self.stats("stats.json", "every counter, drop and histogram since the start", archive);
        for (path, name, about) in [
            ("/sessions", "sessions.json", "the connections: addresses, bytes, round trips, losses"),
            ("/config", "config.json", "every setting and its source; of keys, only the names of their files"),
            ("/metrics", "metrics.txt", "the metrics for Prometheus"),
        ] {
            let text = self.ask(path);
            if path == "/config" {
                self.cpus = text.as_deref().ok().and_then(cpus);
            }
            archive.add(name, about, text);
        }
        if let Some(report) = &self.first {
            let ServerReport { version, listen, datapath, pid, uptime_s, .. } = report;
            archive.remark(format!(
                "The server: ringshard {version} at {listen} over {datapath}, process {pid}, up for {uptime_s:.0} s, \
                 asked at {}.",
                self.address
            ));
        }
    }

    /// Adds the counters again.
    pub fn second_sample(&mut self, archive: &mut Archive) {
        self.unreachable = None;
        self.second = self.stats("stats-later.json", "the same, in the second sample", archive);
        let (Some(first), Some(second)) = (&self.first, &self.second) else { return };
        if first.pid != second.pid || second.uptime_s < first.uptime_s {
            archive.remark("The server restarted between the two samples.".into());
            return;
        }
        let change = second.since(first);
        archive.add("change.json", "what the server did between the two samples", pretty(&change));
        archive.add("change.txt", "the latencies between the two samples, as a table", Ok(change.table()));
    }

    /// Adds the latencies as numbers and as a chart.
    pub fn histograms(&self, archive: &mut Archive) {
        let Some(report) = self.report() else { return };
        let between = self.first.as_ref().zip(self.second.as_ref()).map(|(first, second)| second.since(first));
        let percentiles = json!({
            "since_start": report.percentiles(),
            "between_looks": between.map(|between| between.percentiles()),
        });
        archive.add(
            "histograms.json",
            "latencies by core and stage: percentiles, in microseconds",
            pretty(&percentiles),
        );
        let chart = chart(report, &self.asked_at).map_err(|error| format!("cannot draw it: {error}"));
        archive.add("histograms.svg", "latencies since the start, as a chart", chart);
    }

    fn stats(&mut self, name: &'static str, about: &'static str, archive: &mut Archive) -> Option<ServerReport> {
        if self.report().is_none() {
            self.asked_at = Zoned::now();
        }
        let text = self.ask("/stats");
        let report = text.as_ref().ok().map(|text| serde_json::from_str(text));
        archive.add(name, about, text);
        match report? {
            Ok(report) => Some(report),
            Err(error) => {
                archive
                    .miss(name, format!("the file has the server's answer, which this version cannot read: {error}"));
                None
            }
        }
    }

    fn ask(&mut self, path: &str) -> Result<String, String> {
        if let Some(error) = &self.unreachable {
            return Err(error.clone());
        }
        let client = self.client.as_ref().map_err(String::clone)?;
        client.text(path).map_err(|error| {
            let text = error.to_string();
            if matches!(error, AdminClientError::Unreachable(..)) {
                self.unreachable = Some(text.clone());
            }
            text
        })
    }
}

/// The CPUs in the settings of a server.
fn cpus(config: &str) -> Option<CpuSet> {
    let config: serde_json::Value = serde_json::from_str(config).ok()?;
    let setting = config.as_array()?.iter().find(|setting| setting["name"] == "cpus")?;
    CpuSet::from_list(setting["value"].as_str()?)
}

fn pretty(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(value).map_err(|error| error.to_string())
}
