//! The result of a run, as text and as JSON.

mod figures;
pub mod network;
mod text;
pub mod verdict;

pub use self::figures::{ClientFigures, Connecting, CpuTime, FloorFigures, ServerFigures, saturated};

use self::network::{Allowance, NetworkFigures};
use self::verdict::{Missed, Verdict};
use crate::load::generator::Outcome;
use crate::load::health::Health;
use crate::scenario::{Flows, Scenario};
use serde::Serialize;
use std::path::Path;

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
    /// The simulated network of the clients.
    pub network: Option<NetworkFigures>,
    pub connecting: Option<Connecting>,
    pub floor: Option<FloorFigures>,
    /// Packets/s in, relative to the floor.
    pub ratio_to_floor: Option<f64>,
    /// The same for every piece of the run, from the least to the greatest.
    pub ratios: Vec<f64>,
    pub saturated: &'static str,
    /// How the load generator kept up.
    pub generator: String,
    pub verdict: Option<Verdict>,
    #[serde(skip)]
    pub health: Health,
    /// Why other programs distort the result, if they do.
    #[serde(skip)]
    pub interference: Option<String>,
    /// What the simulated network took.
    #[serde(skip)]
    pub allowance: Allowance,
    #[serde(skip)]
    pub histograms: Option<String>,
}

impl Report {
    pub fn new(
        name: &'static str,
        scenario: &Scenario,
        server: ServerFigures,
        client: ClientFigures,
        outcome: &Outcome,
        load: &CpuTime,
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
            ratios: Vec::new(),
            generator: outcome.health.text(),
            verdict: None,
            health: outcome.health.clone(),
            interference: load.interference(scenario.server_cpus.len()),
            allowance: Allowance::new(scenario.network, &outcome.network),
            histograms: None,
        }
    }

    /// Compares it with the mean of the floors of the same load.
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

    /// The verdict, given the missed targets.
    pub fn judge(&self, missed: Missed) -> Verdict {
        Verdict::of(missed, self.health.overload(), self.interference.clone())
    }

    pub fn write_json(&self, path: &Path) -> Result<(), String> {
        write_json(path, self)
    }
}

/// Writes a result as one JSON object.
pub fn write_json(path: &Path, result: &impl Serialize) -> Result<(), String> {
    let json = serde_json::to_string_pretty(result).map_err(|error| error.to_string())?;
    std::fs::write(path, json + "\n").map_err(|error| format!("cannot write {}: {error}", path.display()))
}
