//! `ringshard serve`

use ringshard::config::{Configuration, Layout, LogFormat, Prepared, Served, Settings, Sources};
use ringshard::game::simulation::{Simulation, WorldConfig};
use ringshard::ops::admin::AdminListener;
use ringshard::ops::handle::ServerHandle;
use ringshard::ops::log::{FlushGuard, Log};
use ringshard::ops::panic_report::end_process_on_panic;
use ringshard::ops::process::write_with_timeout;
use ringshard::ops::supervisor::{SignalReceiver, supervise};
use ringshard::runtime::server::{Server, ServerConfig};
use ringshard::runtime::service::Echo;
use ringshard::world::exchange::Exchange;
use ringshard_demo::{self as demo, Demo};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// How long the final table may take to be written before the process ends.
const FINAL_TABLE_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs `ringshard serve`.
pub fn run(sources: &Sources) -> Result<(), Box<dyn Error>> {
    let (configuration, prepared) = Configuration::prepared(sources.clone())?;
    let settings = configuration.settings();
    let (log, flush) = Log::start(&settings.log, settings.log_format)?;
    let is_json = settings.log_format == LogFormat::Json;
    let mut flush = Some(flush);
    serve(configuration, prepared, log, &mut flush).inspect_err(|error| {
        // A program that reads the JSON log does not see the message on standard error.
        if is_json {
            tracing::error!(%error, "the server did not start");
        }
    })
}

fn serve(
    configuration: Configuration,
    prepared: Prepared,
    log: Log,
    flush: &mut Option<FlushGuard>,
) -> Result<(), Box<dyn Error>> {
    let Prepared { server: config, world, admin, admin_socket, dump_folder, .. } = prepared;
    let admin = admin.map(|(address, token)| AdminListener::bind(address, token)).transpose()?;
    let admin_socket = admin_socket.map(|path| AdminListener::bind_socket(&path)).transpose()?;
    let signals = SignalReceiver::install()?;
    end_process_on_panic(dump_folder);
    let admin_url = admin.as_ref().and_then(AdminListener::address).map(|address| format!("http://{address}/"));
    let admin_url = admin_url.unwrap_or_else(|| "off".into());
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        pid = std::process::id(),
        admin = %admin_url,
        public_key = %config.secret.public(),
        "starting"
    );
    if configuration.settings().key.is_none() {
        tracing::warn!(
            "no key is set, so the server made one for this run: clients must pin the public key in the line above"
        );
    }
    for line in configuration.without_effect() {
        tracing::warn!("{line}");
    }
    let server = start(configuration.settings(), &config, world)?;
    let (game, _) = configuration.raw_values().get("game");
    tracing::info!(
        listen = %server.listen(),
        cores = config.cpus.len(),
        datapath = %server.datapath(),
        public_key = %server.public_key(),
        "serving {game}",
    );
    let handle = Arc::new(ServerHandle::new(&server, Some(configuration), log));
    for admin in [admin, admin_socket].into_iter().flatten() {
        admin.serve(handle.clone())?;
    }
    let report = supervise(server, &handle, &signals).unwrap_or_else(|abandoned| {
        tracing::error!("{abandoned}");
        drop(flush.take());
        std::process::exit(1);
    });
    tracing::info!(
        datagrams_in = report.total("datagrams_in"),
        datagrams_out = report.total("datagrams_out"),
        drops = ?report.drops(),
        "stopped"
    );
    write_with_timeout(std::io::stdout(), crate::histograms::table(&report), FINAL_TABLE_TIMEOUT);
    Ok(())
}

fn start(settings: &Settings, config: &ServerConfig, world: WorldConfig) -> Result<Server, Box<dyn Error>> {
    if settings.game == Served::Echo {
        return Ok(Server::start(config, |_| Echo)?);
    }
    let (cores, npcs, layout) = (config.cpus.len(), settings.npcs as usize, demo_layout(settings.layout));
    let mut exchanges = Exchange::between(cores, world.entities_max).into_iter();
    let share = |core: usize| npcs * (core + 1) / cores - npcs * core / cores;
    let server = Server::start(config, |core| {
        let exchange = exchanges.next().expect("there is an exchange for each core");
        Simulation::new(world.clone(), exchange, Demo::new(layout, share(core)))
    })?;
    Ok(server)
}

fn demo_layout(layout: Layout) -> demo::Layout {
    match layout {
        Layout::Uniform => demo::Layout::Uniform,
        Layout::Towns => demo::Layout::Towns,
        Layout::Crowd => demo::Layout::Crowd,
    }
}
