//! `ringshard serve`

use ringshard::admin::Admin;
use ringshard::config::{Configuration, LogFormat, Prepared, Served, Settings, Sources};
use ringshard::exchange::Exchange;
use ringshard::game::Demo;
use ringshard::operation::{Operation, SetLog};
use ringshard::overseer::{Orders, oversee};
use ringshard::server::{Server, ServerConfig, StartError};
use ringshard::service::Echo;
use ringshard::simulation::{Simulation, WorldConfig};
use ringshard::vitals::end_process_on_panic;
use ringshard_engine::link::socket::SocketError;
use std::error::Error;
use std::io::{IsTerminal, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// Serves until told to stop.
pub fn run(sources: &Sources) -> Result<(), Box<dyn Error>> {
    let (configuration, prepared) = Configuration::prepared(sources.clone())?;
    let set_log = start_log(configuration.settings())?;
    let is_json = configuration.settings().log_format == LogFormat::Json;
    serve(configuration, prepared, set_log).inspect_err(|error| {
        // Whoever reads the log by machine would not see what is said beside it.
        if is_json {
            tracing::error!(%error, "the server did not start");
        }
    })
}

fn serve(configuration: Configuration, prepared: Prepared, set_log: SetLog) -> Result<(), Box<dyn Error>> {
    let Prepared { server: mut config, world, admin, dump_folder } = prepared;
    let admin = admin.map(|(address, token)| Admin::bind(address).map(|admin| (admin, token))).transpose()?;
    let orders = Orders::by_signal()?;
    end_process_on_panic(dump_folder);
    let admin_url = match &admin {
        Some((admin, _)) => format!("http://{}/", admin.address()?),
        None => "off".into(),
    };
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        pid = std::process::id(),
        admin = %admin_url,
        public_key = %config.secret.public(),
        "starting"
    );
    if configuration.settings().key.is_none() {
        tracing::warn!(
            "no key is set: one was made for this run alone, so clients must pin the public key of the line above"
        );
    }
    for line in configuration.without_effect() {
        tracing::warn!("{line}");
    }
    let server = match start(configuration.settings(), &config, world) {
        // A host without IPv6: the default address still serves everybody it can.
        Err(error) if lacks_ipv6(&*error) && config.listen.is_ipv6() => {
            config.listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, config.listen.port()));
            tracing::warn!(listen = %config.listen, "this host has no IPv6; listening on IPv4 alone");
            start(configuration.settings(), &config, world)?
        }
        outcome => outcome?,
    };
    let (game, _) = configuration.texts().get("game");
    tracing::info!(
        listen = %server.listen(),
        cores = config.cpus.len(),
        datapath = %server.datapath(),
        public_key = %server.public_key(),
        "serving {game}",
    );
    let operation = Arc::new(Operation::new(&server, Some(configuration), set_log));
    if let Some((admin, token)) = admin {
        admin.serve(operation.clone(), token)?;
    }
    let report = oversee(server, &operation, &orders);
    tracing::info!(
        datagrams_in = report.total("datagrams_in"),
        datagrams_out = report.total("datagrams_out"),
        drops = ?report.drops(),
        "stopped"
    );
    // Whoever started it may not read on.
    let _ = writeln!(std::io::stdout(), "{}", report.table());
    Ok(())
}

fn lacks_ipv6(error: &(dyn Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(StartError::Socket(SocketError::Failed { step: "open a socket", .. })))
}

/// Logs to standard error from here on; what is logged can be changed through what it gives.
fn start_log(settings: &Settings) -> Result<SetLog, Box<dyn Error>> {
    let filter = EnvFilter::try_new(&settings.log)?;
    let (filter, handle) = reload::Layer::<EnvFilter, Registry>::new(filter);
    let lines = fmt::layer().with_writer(std::io::stderr).with_target(false);
    let lines = match settings.log_format {
        LogFormat::Text => lines.with_ansi(std::io::stderr().is_terminal()).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(lines).init();
    Ok(Box::new(move |filter| {
        let filter = EnvFilter::try_new(filter).map_err(|error| error.to_string())?;
        handle.reload(filter).map_err(|error| error.to_string())
    }))
}

fn start(settings: &Settings, config: &ServerConfig, world: WorldConfig) -> Result<Server, Box<dyn Error>> {
    if settings.game == Served::Echo {
        return Ok(Server::start(config, |_| Echo)?);
    }
    let (cores, npcs, layout) = (config.cpus.len(), settings.npcs as usize, settings.layout);
    let mut exchanges = Exchange::between(cores, world.entities_max).into_iter();
    let share = |core: usize| npcs * (core + 1) / cores - npcs * core / cores;
    let server = Server::start(config, |core| {
        let exchange = exchanges.next().expect("there is one for each core");
        Simulation::new(world, exchange, Demo::new(layout, share(core)))
    })?;
    Ok(server)
}
