//! What the server says of itself.

use super::archive::Archive;
use crate::admin::AdminArguments;
use crate::histograms::picture;
use jiff::Zoned;
use ringshard::ops::admin::{AdminClient, AdminClientError};
use ringshard::ops::doctor::CpuSet;
use ringshard::ops::report::ServerReport;
use serde_json::json;
use std::net::{SocketAddr, UdpSocket};

/// The server that is asked.
pub struct Server {
    address: SocketAddr,
    /// Who asks; or why nobody can.
    asker: Result<AdminClient, String>,
    /// Nobody is there, as was found a moment ago: the other questions need not wait for it.
    unreachable: Option<String>,
    /// Processors that it was told to run on.
    cpus: Option<CpuSet>,
    first: Option<ServerReport>,
    second: Option<ServerReport>,
    /// When it said something of itself first.
    looked_at: Zoned,
}

impl Server {
    /// The one that is asked for.
    pub fn new(arguments: &AdminArguments) -> Self {
        let asker = arguments.asker().map_err(|error| error.to_string());
        Server {
            address: arguments.address(),
            asker,
            unreachable: None,
            cpus: None,
            first: None,
            second: None,
            looked_at: Zoned::now(),
        }
    }

    /// Where it is asked.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it runs on this host: what can be bound is an address of it.
    pub fn is_here(&self) -> bool {
        UdpSocket::bind((self.address.ip(), 0)).is_ok()
    }

    /// Processors that it was told to run on; none where it takes those that it finds, or has not said.
    pub fn cpus(&self) -> Option<CpuSet> {
        self.cpus.clone()
    }

    /// What it said of itself first, or at all.
    pub fn report(&self) -> Option<&ServerReport> {
        self.first.as_ref().or(self.second.as_ref())
    }

    /// Everything that it tells.
    pub fn first_look(&mut self, archive: &mut Archive) {
        self.first = self.stats("stats.json", "every counter, drop and histogram, since the start", archive);
        for (path, name, about) in [
            ("/sessions", "sessions.json", "the connections: addresses, rates, round trips, losses"),
            ("/config", "config.json", "every setting, and where it comes from; of keys the names of files"),
            ("/metrics", "metrics.txt", "what Prometheus is told"),
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

    /// The counters again.
    pub fn second_look(&mut self, archive: &mut Archive) {
        self.unreachable = None;
        self.second = self.stats("stats-later.json", "the same, at the second look", archive);
        let (Some(first), Some(second)) = (&self.first, &self.second) else { return };
        if first.pid != second.pid || second.uptime_s < first.uptime_s {
            archive.remark("The server was started again between the two looks.".into());
            return;
        }
        let change = second.since(first);
        archive.add("change.json", "what it did between the two looks", pretty(&change));
        archive.add("change.txt", "the same, latencies as a table", Ok(change.table()));
    }

    /// Latencies as numbers and as a picture.
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
        let picture = picture(report, &self.looked_at).map_err(|error| format!("cannot draw it: {error}"));
        archive.add("histograms.svg", "latencies since the start as a picture", picture);
    }

    fn stats(&mut self, name: &'static str, about: &'static str, archive: &mut Archive) -> Option<ServerReport> {
        if self.report().is_none() {
            self.looked_at = Zoned::now();
        }
        let text = self.ask("/stats");
        let report = text.as_ref().ok().map(|text| serde_json::from_str(text));
        archive.add(name, about, text);
        match report? {
            Ok(report) => Some(report),
            Err(error) => {
                archive.miss(name, format!("it is as the server gave it, and not as this version knows it: {error}"));
                None
            }
        }
    }

    fn ask(&mut self, path: &str) -> Result<String, String> {
        if let Some(error) = &self.unreachable {
            return Err(error.clone());
        }
        let asker = self.asker.as_ref().map_err(String::clone)?;
        asker.text(path).map_err(|error| {
            let text = error.to_string();
            if matches!(error, AdminClientError::Unreachable(..)) {
                self.unreachable = Some(text.clone());
            }
            text
        })
    }
}

/// The processors in the settings of a server.
fn cpus(config: &str) -> Option<CpuSet> {
    let config: serde_json::Value = serde_json::from_str(config).ok()?;
    let setting = config.as_array()?.iter().find(|setting| setting["name"] == "cpus")?;
    CpuSet::from_list(setting["value"].as_str()?)
}

fn pretty(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(value).map_err(|error| error.to_string())
}
