//! `ringshard gateway`

use ringshard::config::LogFormat;
use ringshard::ops::log::Log;
use ringshard_gateway::settings::Sources;
use std::error::Error;

/// The end of `ringshard gateway --help`.
pub const EXAMPLES: &str = "\
Examples:
  # For development, on this host: browsers play at http://127.0.0.1:3568
  ringshard gateway --server demo=127.0.0.1:3565,$(ringshard keygen --public server.key)

  # On the internet, before two servers
  ringshard keygen --out gateway.key      # each server lists it in its setting gateway-keys
  ringshard gateway --listen '[::]:443' --certificate chain.pem --certificate-key key.pem --key gateway.key \\
    --server eu=10.0.0.5:3565,KEY --server us=10.0.1.5:3565,KEY

  curl -s 127.0.0.1:3569/metrics          # metrics; the dashboard is at http://127.0.0.1:3569

Signals: SIGTERM or Ctrl-C drains: nobody is admitted, and clients are closed one after the other within drain-secs, so that
they connect to another gateway. A second one ends the drain. SIGHUP reads the file and the certificate again; settings marked
(reloadable) apply at once.";

/// Arguments of `gateway`.
#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    sources: Sources,
    /// Check the settings, and start nothing.
    #[arg(long)]
    check: bool,
    /// What is logged to standard error: off, error, warn, info, debug or trace.
    #[arg(long, value_name = "LEVEL", default_value = "info", env = "RINGSHARD_GATEWAY_LOG", hide_env = true)]
    log: String,
    /// Log lines in JSON.
    #[arg(long)]
    log_json: bool,
}

/// Runs `ringshard gateway`.
pub fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    if arguments.check {
        let settings = arguments.sources.load()?;
        crate::output::remark(format_args!("the settings are sound: {} server(s)", settings.servers.len()));
        return Ok(());
    }
    let format = if arguments.log_json { LogFormat::Json } else { LogFormat::Text };
    let (_log, _flushed_at_the_end) = Log::start(&arguments.log, format)?;
    ringshard_gateway::run(&arguments.sources)
}
