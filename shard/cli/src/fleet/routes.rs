//! `ringshard fleet routes`

use super::connect::FleetArguments;
use crate::output;
use crate::table::{Column, Table};
use ratatui::text::Line;
use ringshard::ops::admin::AdminClient;
use ringshard_fleet::model::{Name, Node, Quality};
use ringshard_fleet::topology::{NamedRoute, StaticNode, overview};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeMap;
use std::error::Error;
use std::time::Duration;

/// How long a node may take to answer.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Arguments of `fleet routes`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    fleet: FleetArguments,
    /// Show what each node measured of its links, too.
    #[arg(long)]
    links: bool,
    /// Print a JSON object with all nodes and routes.
    #[arg(long)]
    json: bool,
}

/// What a node's admin port says, as far as it is needed here.
#[derive(Deserialize)]
struct State {
    node: Node,
}

/// Runs `ringshard fleet routes`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let fleet = arguments.fleet.open()?;
    let nodes = match fleet.has_registry() {
        true => fleet.run(async { Ok(fleet.reader().await?.1) })?.nodes.clone(),
        false => ask(fleet.nodes()),
    };
    let routes = overview(&nodes);
    if arguments.json {
        return Ok(output::print_line(serde_json::to_string_pretty(&json!({ "nodes": nodes, "routes": routes }))?)?);
    }
    output::print(table(&routes, &nodes).page())?;
    if arguments.links {
        output::print(links(&nodes).page())?;
    }
    Ok(())
}

/// Asks the nodes of a file. One that does not answer is reported and left out.
fn ask(nodes: &[StaticNode]) -> BTreeMap<Name, Node> {
    let mut found = BTreeMap::new();
    for node in nodes {
        let Some(admin) = node.admin else {
            output::remark(format_args!("{} is left out: its entry [[nodes]] has no `admin`", node.name));
            continue;
        };
        match AdminClient::new(admin).within(TIMEOUT).get::<State>("/node") {
            Ok(state) => drop(found.insert(node.name.clone(), state.node)),
            Err(error) => output::remark(format_args!("{} is left out: {error}", node.name)),
        }
    }
    found
}

fn table(routes: &[NamedRoute], nodes: &BTreeMap<Name, Node>) -> Table {
    let columns = vec![
        Column::text("edge", 0),
        Column::text("host", 0),
        Column::new("rank", 0),
        Column::new("cost ms", 0),
        Column::text("way", 0),
    ];
    let row = |route: &NamedRoute| {
        let way: Vec<_> = route.nodes.iter().map(Name::as_str).collect();
        let way = format!("{} > {}", way.join(" > "), route.host);
        let figures = [route.rank.to_string(), format!("{:.1}", route.cost_ms)];
        let [rank, cost] = figures;
        [route.edge.to_string(), route.host.to_string(), rank, cost, way].map(Line::from).to_vec()
    };
    let edges = nodes.values().filter(|node| !node.doors.is_empty()).count();
    Table {
        title: Line::from(format!("routes: {}", routes.len())),
        aside: Line::from(format!("edges: {edges}, relays: {}", nodes.len() - edges)),
        columns,
        rows: routes.iter().map(row).collect(),
        empty: "there is no route: no edge is alive, or no node reaches the hosts behind its doors",
    }
}

fn links(nodes: &BTreeMap<Name, Node>) -> Table {
    let columns = vec![
        Column::text("node", 0),
        Column::text("to", 0),
        Column::text("state", 0),
        Column::new("round trip ms", 0),
        Column::new("loss %", 0),
    ];
    let row = |node: &Name, to: String, quality: &Quality| {
        let figures = match quality.up {
            true => ["up".to_owned(), quality.round_trip_ms.to_string(), quality.loss_percent.to_string()],
            false => ["down", "-", "-"].map(str::to_owned),
        };
        let [state, round_trip, loss] = figures;
        [node.to_string(), to, state, round_trip, loss].map(Line::from).to_vec()
    };
    let rows = nodes.values().flat_map(|node| {
        let nodes = node.links.nodes.iter().map(|(to, quality)| row(&node.name, to.to_string(), quality));
        let hosts = node.links.hosts.iter().map(|(to, quality)| row(&node.name, format!("host {to}"), quality));
        nodes.chain(hosts).collect::<Vec<_>>()
    });
    let rows: Vec<_> = rows.collect();
    Table {
        title: Line::from(format!("links: {}", rows.len())),
        aside: Line::default(),
        columns,
        rows,
        empty: "no node has measured a link",
    }
}
