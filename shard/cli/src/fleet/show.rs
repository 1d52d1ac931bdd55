//! `ringshard fleet show`

use super::connect::{FleetArguments, uptime_s};
use crate::output::{self, PrintError};
use crate::units::{age, percent, whole};
use jiff::Timestamp;
use ringshard_fleet::model::{Host, Name, Order, Orders};
use serde_json::json;
use std::error::Error;
use std::fmt::Display;

/// Arguments of `fleet show`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    fleet: FleetArguments,
    /// Name of the host.
    name: Name,
    /// Print JSON instead of lines.
    #[arg(long)]
    json: bool,
}

/// Runs `ringshard fleet show`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let fleet = arguments.fleet.open()?;
    let name = &arguments.name;
    let directory = fleet.run(async { Ok(fleet.reader().await?.1) })?;
    let (host, orders) = (directory.hosts.get(name), directory.orders.get(name).cloned().unwrap_or_default());
    let owned = |run| directory.zones.owned_by(name, run).map(|(zone, _)| zone.as_str()).collect();
    let zones: Vec<&str> = host.and_then(|host| host.run).map(owned).unwrap_or_default();
    if arguments.json {
        output::print_line(serde_json::to_string_pretty(&json!({ "host": host, "zones": zones, "orders": orders }))?)?;
    } else {
        if let Some(host) = host {
            print_host(host, &zones)?;
        }
        print_orders(&orders)?;
    }
    match host {
        Some(_) => Ok(()),
        None => Err(format!("no live host is named {name}: `ringshard fleet list` shows those that are").into()),
    }
}

fn line(what: &str, value: impl Display) -> Result<(), PrintError> {
    output::print_line(format_args!("{what:<12} {value}"))
}

fn print_host(host: &Host, zones: &[&str]) -> Result<(), PrintError> {
    line("name", &host.name)?;
    line("region", &host.region)?;
    line("state", host.state)?;
    line("players", format_args!("{} of {}", whole(host.players.into()), whole(host.capacity.into())))?;
    line("load", percent(host.load.into()))?;
    line("zones", if zones.is_empty() { "-".to_owned() } else { zones.join(" ") })?;
    line("weight", host.weight)?;
    line("address", &host.address)?;
    line("key", &host.key)?;
    line("gateway", host.gateway.as_deref().unwrap_or("-"))?;
    line("version", &host.version)?;
    line("contract", if host.contract.is_empty() { "any" } else { &host.contract })?;
    if let Some(drain_ms) = host.drain_ms {
        line("drain-ms", whole(drain_ms))?;
    }
    if let Some(run) = host.run {
        line("run", run)?;
    }
    uptime_s(host).map_or(Ok(()), |seconds| line("up", age(seconds)))
}

fn print_orders(orders: &Orders) -> Result<(), PrintError> {
    if let Some(order) = &orders.maintenance {
        line("maintenance", told(order))?;
    }
    if let Some(drain) = &orders.drain {
        line("drain", format_args!("run {}, {}", drain.run, told(&drain.order)))?;
    }
    Ok(())
}

fn told(order: &Order) -> String {
    let reason = if order.reason.is_empty() { String::new() } else { format!(": {}", order.reason) };
    format!("by {} at {}{reason}", order.by, moment(order.at_ms))
}

/// A time in milliseconds since 1970, in UTC.
pub fn moment(at_ms: u64) -> String {
    let at = Timestamp::from_millisecond(at_ms.try_into().unwrap_or(i64::MAX)).unwrap_or(Timestamp::MAX);
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}
