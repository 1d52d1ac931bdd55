//! `floor --relay`: the bare sketch of the relay path. It opens and seals the same datagrams as `echo`, under one key per
//! client and direction, without a protocol: GRO in, open, seal in place, GSO out.

mod client;
mod datagram;
pub mod server;

use super::{FloorServer, judge};
use crate::load::generator::Shared;
use crate::report::Report;
use crate::scenario::{Flows, Rate, Scenario, option_name};
use std::sync::Arc;

/// Runs the scenario against a sketch of its own.
pub fn measure(scenario: &Scenario) -> Result<Report, String> {
    if scenario.flows != Flows::Relay || scenario.rate != Rate::Max || scenario.client_cpus.len() > 1 {
        return Err("--relay measures relay flows at --rate max, with one CPU for the clients".to_owned());
    }
    let (clients, cipher) = (scenario.clients.to_string(), option_name(scenario.cipher));
    let server = FloorServer::start("floor-relay-server", &["--clients", &clients, "--cipher", &cipher], scenario)?;
    let shared = Arc::new(Shared::default());
    let generators = vec![client::start(scenario, server.address, &shared)];
    let mut report = judge(&server, generators, &shared, scenario)?;
    report.datapath = "io_uring, no protocol".to_owned();
    report.cipher = scenario.cipher.suite().name().to_owned();
    Ok(report)
}
