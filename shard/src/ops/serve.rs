//! Runs a server from its settings to its last report: log, signals, admin port, panic reports, drain, watchdog.

use crate::config::{Configuration, LogFormat, Prepared, Sources};
#[cfg(feature = "ops")]
use crate::ops::admin::AdminListener;
#[cfg(feature = "ops")]
use crate::ops::discovery::Announcement;
use crate::ops::fleet::Fleet;
use crate::ops::handle::{ReloadGame, ServerHandle};
use crate::ops::log::{FlushGuard, Log};
use crate::ops::panic_report::end_process_on_panic;
use crate::ops::process::write_with_timeout;
use crate::ops::report::ServerReport;
use crate::ops::services::Services;
use crate::ops::supervisor::{SignalReceiver, supervise};
use crate::runtime::jobs::{JobWorkers, Stopped};
use crate::runtime::server::Server;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// How long the final table may take to be written before the process ends.
const FINAL_TABLE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long the workers may take for the jobs that the cores have left. systemd's watchdog waits longer.
const JOBS_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the services may take for what clients have asked and not got yet.
const SERVICES_TIMEOUT: Duration = Duration::from_secs(10);

/// How long leaving the registry of a fleet may take. Without it, the host vanishes when its lease ends.
const FLEET_TIMEOUT: Duration = Duration::from_secs(2);

/// A server whose cores turn.
pub struct Started {
    /// The server.
    pub server: Server,
    /// The workers that do its game's jobs, if there are any.
    pub workers: Option<JobWorkers>,
    /// What it serves, for the log.
    pub what: String,
    /// Loads what the game can load again while the server runs, such as a script.
    pub reload: Option<ReloadGame>,
    /// The services beside it, if there are any.
    pub services: Option<Arc<dyn Services>>,
    /// Its place in a fleet, if it belongs to one.
    pub fleet: Option<Arc<dyn Fleet>>,
}

/// Reads the settings, starts a server with `start`, and supervises it until it has ended. Returns its last report.
///
/// Starts the log and handles signals: call it once, from a program that does neither. From then on, a panic of any thread
/// ends the process.
///
/// # Errors
/// Everything that is wrong with the settings, or why the server did not start. If the server starts but does not end in
/// order, the process ends with exit code 1.
pub fn run(
    sources: Sources,
    start: impl FnOnce(&Configuration, &Prepared) -> Result<Started, Box<dyn Error>>,
) -> Result<ServerReport, Box<dyn Error>> {
    let (configuration, prepared) = Configuration::prepared(sources)?;
    let settings = configuration.settings();
    let (log, flush) = Log::start(&settings.log, settings.log_format)?;
    let is_json = settings.log_format == LogFormat::Json;
    let mut flush = Some(flush);
    serve(configuration, &prepared, log, &mut flush, start).inspect_err(|error| {
        // A program that reads the JSON log does not see the message on standard error.
        if is_json {
            tracing::error!(%error, "the server did not start");
        }
    })
}

/// Prints what is to be the last output of the process. Waits for the reader, but not for long.
pub fn print_final_table(table: String) {
    write_with_timeout(std::io::stdout(), table, FINAL_TABLE_TIMEOUT);
}

fn serve(
    configuration: Configuration,
    prepared: &Prepared,
    log: Log,
    flush: &mut Option<FlushGuard>,
    start: impl FnOnce(&Configuration, &Prepared) -> Result<Started, Box<dyn Error>>,
) -> Result<ServerReport, Box<dyn Error>> {
    let admin = Admin::open(prepared)?;
    let signals = SignalReceiver::install()?;
    end_process_on_panic(prepared.dump_folder.clone());
    log_start(&configuration, prepared, &admin);
    let Started { server, workers, what, reload, services, fleet } = start(&configuration, prepared)?;
    tracing::info!(
        listen = %server.listen(),
        cores = prepared.server.cpus.len(),
        datapath = %server.datapath(),
        public_key = %server.public_key(),
        "serving {what}",
    );
    #[cfg(feature = "ops")]
    let announcement = announce(&configuration, &server, &what);
    let handle = Arc::new(
        ServerHandle::new(&server, Some(configuration), log)
            .with_game(reload)
            .with_services(services.clone())
            .with_fleet(fleet.clone()),
    );
    admin.serve(&handle)?;
    let supervised = supervise(server, &handle, &signals);
    if let Some(fleet) = fleet {
        fleet.stop(FLEET_TIMEOUT);
    }
    let report = match supervised {
        Ok(report) => report,
        Err(abandoned) => {
            tracing::error!("{abandoned}");
            drop(flush.take());
            std::process::exit(1);
        }
    };
    #[cfg(feature = "ops")]
    drop(announcement);
    if let Some(services) = services {
        services.stop(SERVICES_TIMEOUT);
    }
    if let Some(workers) = workers {
        stop_workers(workers);
    }
    tracing::info!(
        datagrams_in = report.total("datagrams_in"),
        datagrams_out = report.total("datagrams_out"),
        drops = ?report.drops(),
        "stopped"
    );
    Ok(report)
}

fn log_start(configuration: &Configuration, prepared: &Prepared, admin: &Admin) {
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        pid = std::process::id(),
        admin = %admin.url(),
        public_key = %prepared.server.secret.public(),
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
}

/// Announces the server in the local network, if the settings say so. A server without multicast still serves.
#[cfg(feature = "ops")]
fn announce(configuration: &Configuration, server: &Server, serves: &str) -> Option<Announcement> {
    let name = configuration.settings().announce.as_deref()?;
    match Announcement::start(name, server.listen(), &server.public_key(), serves) {
        Ok(announcement) => {
            tracing::info!(name, "announced in the local network: `ringshard find` lists this server");
            Some(announcement)
        }
        Err(error) => {
            tracing::warn!(%error, "the server is not announced in the local network");
            None
        }
    }
}

/// Lets the workers do what the cores have left. They end before the process does, so that nothing is half done.
fn stop_workers(workers: JobWorkers) {
    let Stopped { dropped, stuck } = workers.stop(JOBS_TIMEOUT);
    if dropped > 0 {
        tracing::warn!(dropped, "jobs were dropped: the workers did not get to them in {JOBS_TIMEOUT:?}");
    }
    if !stuck.is_empty() {
        tracing::error!(workers = %stuck.join(", "), "workers are stuck in a job: the server exits without its result");
    }
}

/// The admin port and the admin socket, open but not served yet.
#[cfg(feature = "ops")]
struct Admin {
    port: Option<AdminListener>,
    socket: Option<AdminListener>,
}

#[cfg(feature = "ops")]
impl Admin {
    fn open(prepared: &Prepared) -> Result<Self, Box<dyn Error>> {
        let port = prepared.admin.clone().map(|(address, token)| AdminListener::bind(address, token)).transpose()?;
        let socket = prepared.admin_socket.as_ref().map(|path| AdminListener::bind_socket(path)).transpose()?;
        Ok(Admin { port, socket })
    }

    fn url(&self) -> String {
        let address = self.port.as_ref().and_then(AdminListener::address);
        address.map_or_else(|| "off".into(), |address| format!("http://{address}/"))
    }

    fn serve(self, handle: &Arc<ServerHandle>) -> std::io::Result<()> {
        [self.port, self.socket].into_iter().flatten().try_for_each(|listener| listener.serve(handle.clone()))
    }
}

/// Without the feature `ops` there is no admin port.
#[cfg(not(feature = "ops"))]
struct Admin;

#[cfg(not(feature = "ops"))]
impl Admin {
    fn open(_: &Prepared) -> Result<Self, Box<dyn Error>> {
        Ok(Admin)
    }

    fn url(&self) -> &'static str {
        "off"
    }

    fn serve(self, _: &Arc<ServerHandle>) -> std::io::Result<()> {
        Ok(())
    }
}
