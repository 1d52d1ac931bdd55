//! `transfer`: reliable messages from a server to its clients, as fast as possible. Every message is checked.

mod measure;
mod process;
mod receiver;
mod report;
pub mod server;

use self::measure::measure;
use self::report::TransferReport;
use self::server::{HEADER_BYTES, SendOptions};
use crate::report::verdict::Verdict;
use crate::scenario;
use crate::scenario::{Flows, PAYLOAD_BYTES_MIN, Placement, Rate, Scenario, Settings};
use crate::system::raise_file_limit;
use ringshard_protocol::limits::{MESSAGE_BYTES_MAX, SEND_QUEUE_BYTES_MAX};
use std::path::PathBuf;

#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// distinct: one socket per client. relay: many clients per socket, as behind an edge or relay server.
    #[arg(long, value_enum, default_value = "distinct")]
    flows: Flows,
    /// Clients.
    #[arg(long, value_name = "N", default_value_t = 64)]
    clients: usize,
    /// Seconds to measure, after two seconds of warm-up.
    #[arg(long, value_name = "S", default_value_t = 5.0)]
    secs: f64,
    #[command(flatten)]
    load: SendOptions,
    #[command(flatten)]
    between: scenario::NetworkOptions,
    #[command(flatten)]
    place: Placement,
    #[command(flatten)]
    serving: scenario::ServerOptions,
    /// Write the result to this file as one JSON object.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub fn run(arguments: &Arguments) -> Result<Verdict, String> {
    let scenario = scenario(arguments)?;
    raise_file_limit();
    let (measured, result) = measure(&scenario, &arguments.load)?;
    let report = TransferReport::new(&scenario, &arguments.load, measured, result);
    print!("transfer: reliable messages from the server to its clients\n{}", report.page());
    if let Some(path) = &arguments.json {
        crate::report::write_json(path, &report)?;
    }
    Ok(report.verdict)
}

fn scenario(arguments: &Arguments) -> Result<Scenario, String> {
    let SendOptions { size, queue, .. } = arguments.load;
    if !(HEADER_BYTES..=MESSAGE_BYTES_MAX).contains(&size) {
        return Err(format!("--size is {size}; it must be {HEADER_BYTES} to {MESSAGE_BYTES_MAX}"));
    }
    let most = (SEND_QUEUE_BYTES_MAX >> 10) - 96;
    if !(128..=most).contains(&queue) {
        return Err(format!("--queue is {queue}; it must be 128 to {most}"));
    }
    let Arguments { flows, clients, secs, place, serving, between, .. } = arguments;
    let load =
        scenario::Load { flows: *flows, clients: *clients, rate: Rate::Max, size: PAYLOAD_BYTES_MIN, secs: *secs };
    let scenario = Scenario::new(load, place, serving, &Settings::default(), between.network)?;
    Ok(Scenario { payload_bytes: size, ..scenario })
}
