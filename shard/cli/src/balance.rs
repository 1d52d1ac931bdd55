//! `ringshard balance`

use ringshard::config::LogFormat;
use ringshard::ops::log::Log;
use ringshard_fleet::balance::Sources;
use std::error::Error;

/// The end of `ringshard balance --help`.
pub const EXAMPLES: &str = "\
Examples:
  # On this host; the dashboard is at http://127.0.0.1:3580
  ringshard balance --fleet fleet.toml
  curl -s '127.0.0.1:3580/v1/route?rtt=eu:12,us:98'

  # On the internet: as many as you like, with the same key
  ringshard keygen --out balance.key
  echo \"anna write $(openssl rand -hex 32)\" > tokens && chmod 600 tokens
  ringshard balance --fleet fleet.toml --listen '[::]:443' --certificate chain.pem --certificate-key key.pem \\
    --key balance.key --policy policy.toml --location dbip-city-lite.mmdb --tokens tokens --audit audit.jsonl

A client asks GET /v1/route and gets the host to play on; GET /v1/regions has addresses to measure. Operators see why with
GET /v1/explain.

Signals: SIGTERM or Ctrl-C ends the balancer once its requests are answered. The policy, the tokens, the locations, the
certificate and its key are read again when they change, and so is the file of the fleet if it lists the hosts. All else needs
a restart: the settings, the file of a fleet with [etcd], the key of the balancers, the certificate of the login door.";

/// Arguments of `balance`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    sources: Sources,
    /// Check the settings, and start nothing.
    #[arg(long)]
    check: bool,
    /// What is logged to standard error: off, error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", default_value = "info", env = "RINGSHARD_BALANCE_LOG", hide_env = true)]
    log: String,
    /// Log lines in JSON.
    #[arg(long)]
    log_json: bool,
}

/// Runs `ringshard balance`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    if arguments.check {
        ringshard_fleet::balance::check(&arguments.sources)?;
        crate::output::remark("the settings are sound");
        return Ok(());
    }
    let format = if arguments.log_json { LogFormat::Json } else { LogFormat::Text };
    let (_log, _flushed_at_the_end) = Log::start(&arguments.log, format)?;
    ringshard_fleet::balance::run(&arguments.sources)
}
