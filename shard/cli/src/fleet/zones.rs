//! `ringshard fleet zones`

use super::connect::{Fleet, FleetArguments, occasion};
use crate::output;
use crate::table::{Column, Table};
use clap::Subcommand;
use ratatui::text::Line;
use ringshard_fleet::model::{Area, Cut, Name, Zone, Zones};
use std::error::Error;

/// Arguments of `fleet zones`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// List the zones, and which host owns each.
    List {
        #[command(flatten)]
        fleet: FleetArguments,
        /// Print a JSON object instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Add a zone. A host that is ready, and has heard the others for 3 seconds, takes it after a second.
    Create {
        #[command(flatten)]
        order: Order,
        /// Where it is: the corner with the least x and y, and the one with the greatest, such as 0,0..4096,2048.
        #[arg(allow_hyphen_values = true)]
        area: Area,
    },
    /// Remove a zone that no host owns.
    Remove {
        #[command(flatten)]
        order: Order,
    },
    /// Cut a zone in two. Both parts belong to its host until one is moved.
    Split {
        #[command(flatten)]
        order: Order,
        /// The line: x=NUMBER or y=NUMBER.
        at: Cut,
        /// Name of the part with the greater coordinates.
        new: Name,
    },
    /// Make one zone of two that share a side and belong to one host.
    Merge {
        #[command(flatten)]
        order: Order,
        /// The zone that becomes part of it.
        with: Name,
    },
    /// Move a zone, and the players in it, to another host.
    Move {
        #[command(flatten)]
        order: Order,
        /// Name of the host.
        to: Name,
    },
    /// Take back the order to move a zone.
    Keep {
        #[command(flatten)]
        order: Order,
    },
}

/// What all orders have.
#[derive(clap::Args)]
struct Order {
    #[command(flatten)]
    fleet: FleetArguments,
    /// Name of the zone.
    zone: Name,
    /// Why, for the audit.
    #[arg(long, value_name = "TEXT", default_value = "", global = true)]
    reason: String,
}

/// Runs `ringshard fleet zones`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    match &arguments.what {
        What::List { fleet, json } => list(&fleet.open()?, *json),
        What::Create { order, area } => order.give(async |fleet, order| {
            fleet.operator()?.create_zone(&order.zone, *area, &occasion(&order.reason)).await?;
            Ok(format!("zone {} is there; a host that is ready takes it", order.zone))
        }),
        What::Remove { order } => order.give(async |fleet, order| {
            fleet.operator()?.remove_zone(&order.zone, &occasion(&order.reason)).await?;
            Ok(format!("zone {} is gone", order.zone))
        }),
        What::Split { order, at, new } => order.give(async |fleet, order| {
            fleet.operator()?.split_zone(&order.zone, *at, new, &occasion(&order.reason)).await?;
            Ok(format!("zone {} is cut at {at}; the other part is {new}", order.zone))
        }),
        What::Merge { order, with } => order.give(async |fleet, order| {
            fleet.operator()?.merge_zones(&order.zone, with, &occasion(&order.reason)).await?;
            Ok(format!("zone {with} is part of {}", order.zone))
        }),
        What::Move { order, to } => order.give(async |fleet, order| {
            let (_, directory) = fleet.reader().await?;
            if !directory.hosts.contains_key(to) {
                return Err(format!("no live host is named {to}: `ringshard fleet list` shows those that are").into());
            }
            match fleet.operator()?.move_zone(&order.zone, to, &occasion(&order.reason)).await? {
                true => Ok(format!(
                    "zone {} moves to {to}: `ringshard fleet zones list` shows when it is there",
                    order.zone
                )),
                false => Ok(format!("zone {} is at {to} or moves there already", order.zone)),
            }
        }),
        What::Keep { order } => order.give(async |fleet, order| {
            match fleet.operator()?.keep_zone(&order.zone, &occasion(&order.reason)).await? {
                true => Ok(format!("zone {} stays", order.zone)),
                false => Ok(format!("zone {} was not to move", order.zone)),
            }
        }),
    }
}

impl Order {
    fn give(
        &self,
        give: impl AsyncFnOnce(&Fleet, &Order) -> Result<String, Box<dyn Error>>,
    ) -> Result<(), Box<dyn Error>> {
        let fleet = self.fleet.open()?;
        let done = fleet.run(give(&fleet, self))?;
        Ok(output::print_line(done)?)
    }
}

fn list(fleet: &Fleet, json: bool) -> Result<(), Box<dyn Error>> {
    let zones = fleet.run(async { Ok(fleet.operator()?.zones().await?) })?;
    if json {
        return Ok(output::print_line(serde_json::to_string_pretty(&zones)?)?);
    }
    Ok(output::print(table(&zones).page())?)
}

fn table(zones: &Zones) -> Table {
    let columns = vec![
        Column::text("zone", 0),
        Column::text("area", 0),
        Column::text("host", 0),
        Column::text("moves to", 0),
        Column::new("epoch", 0).rank(1),
    ];
    let row = |(name, zone): (&Name, &Zone)| {
        let or_dash = |name: Option<&Name>| name.map_or_else(|| "-".into(), ToString::to_string);
        [
            name.to_string(),
            zone.area.to_string(),
            or_dash(zone.owner.as_ref()),
            or_dash(zone.moving.as_ref().map(|moving| &moving.to)),
            zone.epoch.to_string(),
        ]
        .map(Line::from)
        .to_vec()
    };
    let without = zones.zones.values().filter(|zone| zone.owner.is_none()).count();
    Table {
        title: Line::from(format!("{} zones", zones.zones.len())),
        aside: Line::from(format!("{} hosts own zones, {without} zones have no host", zones.owners.len())),
        columns,
        rows: zones.zones.iter().map(row).collect(),
        empty: "there are no zones: hosts hand no players over",
    }
}
