//! An instance from its settings to its end.

use super::fleet::Registry;
use super::server::{self, Server};
use super::settings::{Settings, Sources};
use crate::end_signal::end_signal;
use crate::registry::{FleetSettings, Keys, RegistrySettings, open_directory, open_store};
use std::error::Error;
use tokio::runtime::Builder;

/// Runs until SIGTERM or SIGINT, and then until all requests are answered or `drain-secs` have passed.
///
/// # Errors
/// The settings are wrong, or the balancer does not start.
pub fn run(sources: &Sources) -> Result<(), Box<dyn Error>> {
    let settings = sources.load()?;
    let runtime = Builder::new_multi_thread()
        .worker_threads(settings.threads)
        .thread_name("balance")
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start {} threads: {error}", settings.threads))?;
    runtime.block_on(serve(settings))
}

/// Checks the settings and the files that they name, and starts nothing.
///
/// # Errors
/// What is wrong.
pub fn check(sources: &Sources) -> Result<(), Box<dyn Error>> {
    let settings = sources.load()?;
    FleetSettings::load(&settings.fleet)?;
    Ok(server::check(&settings)?)
}

async fn serve(settings: Settings) -> Result<(), Box<dyn Error>> {
    let mut ends = end_signal()?;
    let fleet = FleetSettings::load(&settings.fleet)?;
    let mut seed = [0; 8];
    getrandom::fill(&mut seed)?;
    let seed = u64::from_be_bytes(seed);
    let directory = open_directory(&fleet, seed)?;
    let registry = match &fleet.registry {
        RegistrySettings::Hosts(_) => None,
        RegistrySettings::Etcd(etcd) => {
            Some(Registry { store: open_store(etcd, seed)?, keys: Keys::new(etcd.prefix.as_str()) })
        }
    };
    let scheme = if settings.certificate.is_some() { "https" } else { "http" };
    let server = Server::start(settings, directory, registry).await?;
    let address = server.address();
    tracing::info!(%address, "the balancer serves; dashboard: {scheme}://{address}");
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Ready]);
    // The thread of the signals is there until one comes.
    let _ = ends.wait_for(|ends| *ends).await;
    let _ = sd_notify::notify(&[sd_notify::NotifyState::Stopping]);
    let cut = server.drain().await;
    tracing::info!(cut, "the balancer ends");
    Ok(())
}
