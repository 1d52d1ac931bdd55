//! What carrying a datagram costs the nodes: clients, an edge, a relay, a last node and a host that echoes, each a process or a
//! thread of its own on this machine.
//!
//! ```text
//! cargo run --release -p ringshard-fleet --example relay-load -- --clients 200 --rate 60 --bytes 200 --secs 10
//! ```

mod nodes;
mod traffic;

use clap::{Parser, Subcommand};
use nodes::{Cost, Nodes};
use ringshard_fleet::relay::Options;
use std::error::Error;
use std::time::{Duration, Instant};
use traffic::{Clients, echo};

/// Time for the nodes to find the route.
const ROUTE_TIMEOUT: Duration = Duration::from_secs(20);

/// Measures what carrying a datagram costs the nodes.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    node: Option<Node>,
    /// Clients. An edge takes 256 of one address.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u16).range(1..=256))]
    clients: u16,
    /// Datagrams of each client per second.
    #[arg(long, default_value_t = 60)]
    rate: u32,
    /// Bytes of a datagram.
    #[arg(long, default_value_t = 200)]
    bytes: usize,
    /// Seconds that are measured.
    #[arg(long, default_value_t = 10)]
    secs: u64,
}

#[derive(Subcommand)]
enum Node {
    /// Runs a node, as `ringshard relay` does. The measurement starts its nodes so.
    Node(Box<Options>),
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if let Some(Node::Node(options)) = &arguments.node {
        return ringshard_fleet::relay::run(options);
    }
    let host = echo()?;
    let nodes = Nodes::start(host)?;
    let mut clients = Clients::new(arguments.clients, arguments.bytes, nodes.door)?;
    let give_up = Instant::now() + ROUTE_TIMEOUT;
    while clients.received() == 0 {
        if Instant::now() > give_up {
            return Err("no echo came: the nodes found no route".into());
        }
        clients.play(arguments.rate, Duration::from_millis(200));
    }
    // The first datagrams open sockets.
    clients.play(arguments.rate, Duration::from_secs(1));
    let before = (nodes.costs()?, clients.sent(), clients.received());
    clients.play(arguments.rate, Duration::from_secs(arguments.secs));
    let after = (nodes.costs()?, clients.sent(), clients.received());
    let secs = arguments.secs as f64;
    let (sent, received) = (after.1 - before.1, after.2 - before.2);
    println!(
        "{} clients: {:.0} datagrams/s of {} bytes to the host, {:.0} echoes/s back; {:.2} % lost",
        arguments.clients,
        sent as f64 / secs,
        arguments.bytes,
        received as f64 / secs,
        100.0 * (1.0 - received as f64 / sent as f64)
    );
    for (Cost { name, cpu_us, datagrams }, earlier) in after.0.iter().zip(&before.0) {
        let (cpu, count) = (cpu_us - earlier.cpu_us, datagrams - earlier.datagrams);
        println!(
            "{name:<6} {:>8.0} datagrams/s  {:>5.2} us of CPU each  {:>4.0} % of a core",
            count as f64 / secs,
            cpu as f64 / count.max(1) as f64,
            cpu as f64 / secs / 1e4
        );
    }
    Ok(())
}
