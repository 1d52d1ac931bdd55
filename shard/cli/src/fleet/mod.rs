//! `ringshard fleet`

mod audit;
mod connect;
pub mod doctor;
mod drain;
mod explain;
mod keygen;
mod list;
mod maintenance;
mod routes;
mod show;
mod update;
mod watch;
mod zones;

use clap::Subcommand;
use std::error::Error;

/// The end of `ringshard fleet --help`.
pub const FIRST_STEPS: &str = "\
First steps:
  cat > fleet.toml <<< '[etcd]
  endpoints = [\"http://127.0.0.1:2379\"]'      # one file for all hosts, balancers and operators
  ringshard serve --fleet fleet.toml --fleet-name eu-1 --fleet-region eu --fleet-address play.example:3565
  export RINGSHARD_FLEET=fleet.toml           # the commands below read it
  ringshard fleet list
  ringshard fleet maintenance eu-1 on --reason 'new disk'
  ringshard fleet drain eu-1";

/// Arguments of `fleet`.
#[derive(Subcommand)]
pub enum Arguments {
    /// List the hosts that are alive.
    List(list::Arguments),
    /// Show everything about one host.
    ///
    /// Exit code 1 if no live host has the name.
    Show(show::Arguments),
    /// Tell a host to admit no newcomers and to end when its players have left, and wait for that.
    ///
    /// With zones, its players go to other hosts. Those who are left when the host's drain-ms is over are disconnected: 30000 are
    /// enough for all, and the default, 0, disconnects everybody at once.
    ///
    /// Ctrl-C ends the waiting, not the drain. The server that is started afterwards under the same name serves again.
    Drain(drain::Arguments),
    /// Keep newcomers away from a host, or let them in again. Players who are there stay.
    ///
    /// The order outlives the host: a server that is started under the name is in maintenance, too.
    Maintenance(maintenance::Arguments),
    /// Print a line for each change: hosts that come, go, and change their state.
    Watch(watch::Arguments),
    /// List who changed what, oldest first.
    Audit(audit::Arguments),
    /// Explain to which host the balancers would send a client, and why.
    ///
    /// It asks no balancer: it decides as one with this policy and location database would, for the hosts that are alive now.
    Explain(explain::Arguments),
    /// Divide the map into zones, each of which one host owns.
    ///
    /// A player who walks into a zone of another host goes on there, in the same session. The fleet's file needs a table
    /// [bus]. Without zones, hosts hand no players over.
    Zones(zones::Arguments),
    /// Show the routes of edges to hosts, as the nodes of `ringshard relay` have measured their links.
    ///
    /// With etcd, it reads the records of the nodes; otherwise it asks the `admin` port of each entry `[[nodes]]`.
    Routes(routes::Arguments),
    /// Replace all hosts of other versions by those of one version that run already.
    ///
    /// It shows the plan; with --yes it carries it out: one host after the other drains, so that its zones and players go to
    /// the others, and ends. Ctrl-C stops before the next host. It refuses a plan by which players would be disconnected: without
    /// zones, with another contract, or with too short a drain-ms. If a host ends with players all the same, it stops there.
    Update(update::Arguments),
    /// Make a key that hosts share for the bus between them, or one that nodes of `ringshard relay` share.
    Keygen(keygen::Arguments),
}

/// Runs `ringshard fleet`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    match arguments {
        Arguments::List(arguments) => list::run(arguments),
        Arguments::Show(arguments) => show::run(arguments),
        Arguments::Drain(arguments) => drain::run(arguments),
        Arguments::Maintenance(arguments) => maintenance::run(arguments),
        Arguments::Watch(arguments) => watch::run(arguments),
        Arguments::Audit(arguments) => audit::run(arguments),
        Arguments::Explain(arguments) => explain::run(arguments),
        Arguments::Zones(arguments) => zones::run(arguments),
        Arguments::Routes(arguments) => routes::run(arguments),
        Arguments::Update(arguments) => update::run(arguments),
        Arguments::Keygen(arguments) => keygen::run(arguments),
    }
}
