//! `ringshard relay`

use ringshard::config::LogFormat;
use ringshard::ops::log::Log;
use ringshard_fleet::relay::Options;
use std::error::Error;

/// The end of `ringshard relay --help`.
pub const EXAMPLES: &str = "\
Examples:
  # The file of the fleet, the same on all nodes
  cat >> fleet.toml <<< '[relays]
  key-file = \"relay.key\"                       # ringshard fleet keygen --out relay.key
  [[nodes]]
  name = \"edge-sydney\"
  region = \"au\"
  address = \"203.0.113.7:3600\"
  [[nodes]]
  name = \"relay-eu\"
  region = \"eu\"
  address = \"198.51.100.9:3600\"'

  # A relay near the host eu-1. With etcd, a node without an entry [[nodes]] needs --address HOST:PORT
  ringshard relay --fleet fleet.toml --name relay-eu --listen 0.0.0.0:3600

  # An edge near the players: they connect to port 3565 of this machine as if it were the host eu-1
  ringshard relay --fleet fleet.toml --name edge-sydney --listen 0.0.0.0:3600 --door eu-1=0.0.0.0:3565 \\
    --gateway-key gateway.key

  curl -s 127.0.0.1:3590/node              # links and routes; /metrics is for Prometheus

Signals: SIGTERM or Ctrl-C ends the node. Clients of other nodes go on over other routes.";

/// Arguments of `relay`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    options: Options,
    /// Check the options and the files that they name, and start nothing.
    #[arg(long)]
    check: bool,
    /// What is logged to standard error: off, error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", default_value = "info", env = "RINGSHARD_RELAY_LOG", hide_env = true)]
    log: String,
    /// Log lines in JSON.
    #[arg(long)]
    log_json: bool,
}

/// Runs `ringshard relay`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    if arguments.check {
        ringshard_fleet::relay::check(&arguments.options)?;
        crate::output::remark("the options are sound");
        return Ok(());
    }
    let format = if arguments.log_json { LogFormat::Json } else { LogFormat::Text };
    let (_log, _flushed_at_the_end) = Log::start(&arguments.log, format)?;
    ringshard_fleet::relay::run(&arguments.options)
}
