//! `ringshard serve`

use ringshard::admin::Admin;
use ringshard::config::{Configuration, Served, Sources};
use ringshard::exchange::Exchange;
use ringshard::game::Demo;
use ringshard::log::Log;
use ringshard::operation::Operation;
use ringshard::overseer::{Orders, oversee};
use ringshard::process::write_briefly;
use ringshard::server::{Server, ServerConfig, StartError};
use ringshard::service::Echo;
use ringshard::simulation::Simulation;
use ringshard::vitals::end_process_on_panic;
use ringshard_engine::link::socket::SocketError;
use std::error::Error;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// How long the last figures may take to be read before the process ends.
const LAST_FIGURES: Duration = Duration::from_secs(2);

/// Serves until told to stop.
pub fn run(sources: &Sources) -> Result<(), Box<dyn Error>> {
    let configuration = Configuration::load(sources.clone())?;
    let (log, flush) = Log::start(&configuration.settings().log)?;
    let mut config = configuration.server()?;
    let admin = configuration.admin()?.map(|(address, token)| Admin::bind(address, token)).transpose()?;
    let admin_socket = configuration.admin_socket()?.map(Admin::bind_socket).transpose()?;
    let orders = Orders::by_signal()?;
    end_process_on_panic(configuration.dump_folder()?);
    if configuration.settings().key.is_none() {
        tracing::warn!("no key is set: one is made up for this run; clients must pin the public key printed below");
    }
    let server = match start(&configuration, &config) {
        // A host without IPv6: the default address still serves everybody it can.
        Err(error) if lacks_ipv6(&*error) && config.listen.is_ipv6() => {
            config.listen = SocketAddr::from((Ipv4Addr::UNSPECIFIED, config.listen.port()));
            tracing::warn!(listen = %config.listen, "this host has no IPv6; listening on IPv4 alone");
            start(&configuration, &config)?
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
    let operation = Arc::new(Operation::new(&server, Some(configuration), log));
    for admin in [admin, admin_socket].into_iter().flatten() {
        admin.serve(operation.clone())?;
    }
    let report = oversee(server, &operation, &orders).unwrap_or_else(|abandoned| {
        tracing::error!("{abandoned}");
        drop(flush);
        std::process::exit(1);
    });
    tracing::info!(
        datagrams_in = report.total("datagrams_in"),
        datagrams_out = report.total("datagrams_out"),
        drops = ?report.drops(),
        "stopped"
    );
    write_briefly(std::io::stdout(), crate::histograms::table(&report), LAST_FIGURES);
    Ok(())
}

fn lacks_ipv6(error: &(dyn Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(StartError::Socket(SocketError::Failed { step: "open a socket", .. })))
}

fn start(configuration: &Configuration, config: &ServerConfig) -> Result<Server, Box<dyn Error>> {
    let settings = configuration.settings();
    if settings.game == Served::Echo {
        return Ok(Server::start(config, |_| Echo)?);
    }
    let world = configuration.world()?;
    let (cores, npcs, layout) = (config.cpus.len(), settings.npcs as usize, settings.layout);
    let mut exchanges = Exchange::between(cores, world.entities_max).into_iter();
    let share = |core: usize| npcs * (core + 1) / cores - npcs * core / cores;
    let server = Server::start(config, |core| {
        let exchange = exchanges.next().expect("there is one for each core");
        Simulation::new(world, exchange, Demo::new(layout, share(core)))
    })?;
    Ok(server)
}
