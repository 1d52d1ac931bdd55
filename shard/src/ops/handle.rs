//! The handle of a running server: every question it answers and every command it accepts, from the admin port or by a
//! signal.

use crate::config::{Configuration, Reloaded, SettingErrors};
#[cfg(feature = "ops")]
use crate::ops::capture::{self, Capture, CaptureError, CaptureRequest};
use crate::ops::fleet::Fleet;
use crate::ops::host::{HostProbe, HostStatus};
use crate::ops::log::{Log, LogError};
use crate::ops::private_file::write_private;
use crate::ops::report::{ConnectionSnapshot, ServerReport};
use crate::ops::services::Services;
use crate::runtime::control::kick::{Kicked, Target};
use crate::runtime::control::liveness::{Liveness, Overload};
use crate::runtime::control::quality::Quality;
use crate::runtime::control::{Control, Gathered, Lifecycle, Unresponsive};
use crate::runtime::path_record::PathRecord;
use crate::runtime::player_list::PlayerRow;
use crate::runtime::server::Server;
use crate::runtime::service::LiveSettings;
use ringshard_protocol::endpoint::ConnectionInfo;
use ringshard_protocol::wire::ConnectionId;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, SystemTime};
#[cfg(feature = "ops")]
use tokio::sync::Semaphore;

/// A reload that failed.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The settings are wrong. Nothing has changed.
    #[error("nothing was reloaded: {0}")]
    Settings(#[from] SettingErrors),
    /// Some cores did not apply them.
    #[error(
        "{0}, so it may keep its former limits, networks and settings of the world; all else was reloaded: reload again once it answers"
    )]
    Unresponsive(#[from] Unresponsive),
    /// The game could not be loaded again. The settings were.
    #[error("the settings were reloaded, and the game goes on as it was: {0}")]
    Game(String),
    /// The services did not apply them. All else was reloaded.
    #[error("the settings were reloaded, but not by the services: {0}")]
    Services(String),
    /// The log did not apply its level.
    #[error("the log keeps its former level, and limits and networks were not applied: {0}")]
    Log(#[from] LogError),
}

/// Makes the settings that each core's game gets ([`Game::reload`](crate::game::Game::reload)).
pub type GameSettings = Box<dyn Fn() -> LiveSettings>;

/// Loads again what a game can load while the server runs. It may block, and runs on no core. Fails with what is wrong.
pub type ReloadGame = Box<dyn Fn() -> Result<GameSettings, String> + Send + Sync>;

/// How the latest reload went.
#[derive(Clone, Copy, Debug)]
pub struct ReloadStatus {
    /// When settings were last applied; the start counts.
    pub succeeded_at: SystemTime,
    /// Whether the latest reload applied them.
    pub is_latest: bool,
}

/// Everything in a scrape of the metrics.
#[derive(Clone, Debug)]
pub struct MetricsSnapshot {
    /// The report.
    pub report: ServerReport,
    /// The quality of the connections of each core, summed over all scrapes: each looks at every connection once, except
    /// on cores that do not answer.
    pub qualities: Vec<Quality>,
    /// Seconds since each core began its last turn.
    pub silences_s: Vec<f64>,
    /// When the server started.
    pub started_at: SystemTime,
    /// How the latest reload went.
    pub reload: ReloadStatus,
    /// The counters of the services.
    pub services: Vec<(&'static str, u64)>,
    /// The counts of the server's place in a fleet.
    pub fleet: Vec<(&'static str, f64)>,
    /// Log lines that were dropped.
    pub log_lines_dropped: u64,
}

/// A running server, for questions and commands.
pub struct ServerHandle {
    control: Arc<Mutex<Control>>,
    lifecycle: Arc<Lifecycle>,
    livenesses: Vec<Arc<Liveness>>,
    host: HostProbe,
    /// None if a program configures the server in its own way.
    configuration: Option<Mutex<Configuration>>,
    game: Option<ReloadGame>,
    services: Option<Arc<dyn Services>>,
    fleet: Option<Arc<dyn Fleet>>,
    log: Log,
    qualities: Mutex<Vec<Quality>>,
    started_at: SystemTime,
    reload: Mutex<ReloadStatus>,
    dumps: AtomicU32,
    /// Locked while a path is recorded.
    path: Mutex<()>,
    /// Its only permit belongs to the running capture.
    #[cfg(feature = "ops")]
    capture_permit: Arc<Semaphore>,
}

fn drain_time(configuration: &Configuration) -> Duration {
    Duration::from_millis(configuration.settings().drain_ms)
}

impl ServerHandle {
    /// The handle of a server that was started with `configuration`, if any, and that logs to `log`.
    pub fn new(server: &Server, configuration: Option<Configuration>, log: Log) -> Self {
        let control = server.control().clone();
        let livenesses = lock(&control).livenesses();
        assert!(!livenesses.is_empty(), "a server has at least one core");
        let now = SystemTime::now();
        if let Some(configuration) = &configuration {
            server.lifecycle().set_drain_time(drain_time(configuration));
        }
        ServerHandle {
            qualities: Mutex::new(vec![Quality::default(); livenesses.len()]),
            livenesses,
            control,
            host: HostProbe::new(server),
            lifecycle: server.lifecycle().clone(),
            configuration: configuration.map(Mutex::new),
            game: None,
            services: None,
            fleet: None,
            log,
            started_at: now,
            reload: Mutex::new(ReloadStatus { succeeded_at: now, is_latest: true }),
            dumps: AtomicU32::new(0),
            path: Mutex::default(),
            #[cfg(feature = "ops")]
            capture_permit: Arc::new(Semaphore::new(1)),
        }
    }

    /// The same, for a game that can be loaded again.
    pub fn with_game(self, game: Option<ReloadGame>) -> Self {
        ServerHandle { game, ..self }
    }

    /// The same, for a server with services beside it.
    pub fn with_services(self, services: Option<Arc<dyn Services>>) -> Self {
        ServerHandle { services, ..self }
    }

    /// The same, for a server that belongs to a fleet.
    pub fn with_fleet(self, fleet: Option<Arc<dyn Fleet>>) -> Self {
        ServerHandle { fleet, ..self }
    }

    /// Whether players of this server are on their way to other hosts of its fleet.
    pub fn is_handing_over(&self) -> bool {
        self.fleet.as_ref().is_some_and(|fleet| fleet.is_handing_over())
    }

    /// The counts of the server's place in a fleet; none without a fleet.
    pub fn fleet_counters(&self) -> Vec<(&'static str, f64)> {
        let mut counters = Vec::new();
        if let Some(fleet) = &self.fleet {
            fleet.counters(&mut |name, count| counters.push((name, count)));
        }
        counters
    }

    /// The server's place in a fleet, for the dashboard: what it is, and its counts. Null without a fleet.
    pub fn fleet(&self) -> Value {
        let Some(fleet) = &self.fleet else { return Value::Null };
        let counters: serde_json::Map<String, Value> =
            self.fleet_counters().into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
        json!({ "about": fleet.describe(), "counters": counters })
    }

    /// What is wrong with the server's place in a fleet. The server goes on serving.
    pub fn fleet_trouble(&self) -> Option<String> {
        self.fleet.as_ref()?.trouble()
    }

    /// The counters of the services; none without services.
    pub fn service_counters(&self) -> Vec<(&'static str, u64)> {
        let mut counters = Vec::new();
        if let Some(services) = &self.services {
            services.counters(&mut |name, count| counters.push((name, count)));
        }
        counters
    }

    /// The services, for the dashboard: what they are, and their counters. Null without services.
    pub fn services(&self) -> Value {
        let Some(services) = &self.services else { return Value::Null };
        let counters: serde_json::Map<String, Value> =
            self.service_counters().into_iter().map(|(name, count)| (name.to_owned(), count.into())).collect();
        json!({ "about": services.describe(), "counters": counters })
    }

    /// The report on all cores; of a stuck core, its last figures.
    pub fn report(&self) -> ServerReport {
        lock(&self.control).status().into()
    }

    /// All connections, and the cores that did not answer.
    pub fn connections(&self) -> Gathered<ConnectionSnapshot> {
        let (Gathered { given, missing }, players) = {
            let mut control = lock(&self.control);
            (control.connections(), control.players().given)
        };
        let of_connection = |(_, row): &(usize, PlayerRow)| Some((row.connection?, *row));
        let players: HashMap<ConnectionId, PlayerRow> = players.iter().filter_map(of_connection).collect();
        let snapshot = |(info, at): &(ConnectionInfo, _)| {
            let snapshot = ConnectionSnapshot::new(info, *at);
            match players.get(&info.id) {
                Some(row) => snapshot.with_player(row),
                None => snapshot,
            }
        };
        Gathered { given: given.iter().map(snapshot).collect(), missing }
    }

    /// The permit to record a path; None while another one is recorded.
    pub(super) fn path_permit(&self) -> Option<MutexGuard<'_, ()>> {
        match self.path.try_lock() {
            Ok(permit) => Some(permit),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Makes all cores record a path, or none. Gives the former records, each with the number of its core.
    pub(super) fn follow(&self, make: impl Fn() -> Option<Box<PathRecord>>) -> Vec<(usize, PathRecord)> {
        lock(&self.control).follow(make)
    }

    /// Everything in a scrape of the metrics.
    pub fn metrics(&self) -> MetricsSnapshot {
        let (report, found) = {
            let mut control = lock(&self.control);
            (ServerReport::from(control.status()), control.qualities())
        };
        let mut qualities = lock(&self.qualities);
        assert_eq!(qualities.len(), found.len(), "a core came or went while the server ran");
        for (sum, found) in qualities.iter_mut().zip(found) {
            sum.add(&found.unwrap_or_default());
        }
        MetricsSnapshot {
            report,
            qualities: qualities.clone(),
            silences_s: self.livenesses.iter().map(|core| core.silence().as_secs_f64()).collect(),
            started_at: self.started_at,
            reload: *lock(&self.reload),
            services: self.service_counters(),
            fleet: self.fleet_counters(),
            log_lines_dropped: self.log.dropped_lines(),
        }
    }

    /// The stuck cores, and for how long each has been stuck. It asks no core and waits for none.
    pub fn stuck(&self) -> Vec<(usize, Duration)> {
        let cores = self.livenesses.iter().enumerate();
        cores.filter_map(|(number, core)| Some((number, core.stuck()?))).collect()
    }

    /// What the cores shed because they are overloaded. It asks no core and waits for none.
    pub fn overloads(&self) -> Vec<Overload> {
        self.livenesses.iter().map(|core| core.overload()).collect()
    }

    /// Whether the server drains: it admits no new clients.
    pub fn is_draining(&self) -> bool {
        self.lifecycle.is_draining()
    }

    /// What the server says about itself to a fleet. It asks no core and waits for none.
    pub fn host(&self) -> HostStatus {
        self.host.status()
    }

    /// Log lines that were dropped because the reader of the log did not keep up.
    pub fn log_lines_dropped(&self) -> u64 {
        self.log.dropped_lines()
    }

    /// Begins a capture. Only one can run at a time.
    ///
    /// # Errors
    /// [`CaptureError`].
    #[cfg(feature = "ops")]
    pub fn capture(&self, request: &CaptureRequest) -> Result<Capture, CaptureError> {
        Capture::begin(&self.control, &self.capture_permit, request)
    }

    /// The traffic secrets of all connections of the cores that answer, as a key log; None if the settings do not allow it.
    #[cfg(feature = "ops")]
    pub fn key_log(&self) -> Option<String> {
        self.configuration.as_ref().filter(|configuration| lock(configuration).settings().key_log)?;
        Some(capture::key_log::write(&lock(&self.control).secrets().given))
    }

    /// Every setting and its source; null if there is no configuration.
    pub fn describe(&self) -> Value {
        self.configuration.as_ref().map_or(Value::Null, |configuration| lock(configuration).describe())
    }

    /// How long clients may stay once the server drains.
    pub fn drain_time(&self) -> Duration {
        self.lifecycle.drain_time()
    }

    /// Reads the settings again and applies those that can change while the server runs. Then it loads the game again, if that
    /// can be.
    ///
    /// # Errors
    /// [`ReloadError`].
    pub fn reload(&self) -> Result<Reloaded, ReloadError> {
        let outcome = self.apply_settings().and_then(|reloaded| self.reload_game().map(|()| reloaded));
        let mut status = lock(&self.reload);
        status.is_latest = outcome.is_ok();
        if outcome.is_ok() {
            status.succeeded_at = SystemTime::now();
        }
        outcome
    }

    fn apply_settings(&self) -> Result<Reloaded, ReloadError> {
        let Some(configuration) = &self.configuration else { return Ok(Reloaded::default()) };
        let mut configuration = lock(configuration);
        let reloaded = configuration.reload()?;
        self.lifecycle.set_drain_time(drain_time(&configuration));
        self.log.set_filter(&configuration.settings().log)?;
        let policy = configuration.policy()?;
        {
            let mut control = lock(&self.control);
            let limits = control.apply(&policy);
            // A core that has not taken the one may still take the other.
            let services = control.reload_services(|| LiveSettings::new(configuration.live_world()));
            limits.and(services)?;
        }
        if let Some(services) = &self.services {
            services.reload(configuration.settings()).map_err(ReloadError::Services)?;
        }
        if !reloaded.refused.is_empty() {
            let refused = reloaded.refused.join(", ");
            tracing::warn!(%refused, "these settings need a restart of the server");
        }
        tracing::info!(changed = %reloaded.changed.join(", "), "settings reloaded");
        Ok(reloaded)
    }

    fn reload_game(&self) -> Result<(), ReloadError> {
        let Some(load) = &self.game else { return Ok(()) };
        let settings = load().map_err(ReloadError::Game)?;
        Ok(lock(&self.control).reload_services(settings)?)
    }

    /// Ends connections and tells their clients.
    pub fn kick(&self, target: Target) -> Kicked {
        let Gathered { given, missing } = lock(&self.control).kick(target);
        let connections = given.iter().sum();
        tracing::info!(%target, connections, ?missing, "connections ended by kick");
        Kicked { connections, missing }
    }

    /// Admits no new clients. The supervisor ends the server when all have left or their time is over.
    pub fn drain(&self) {
        if !self.lifecycle.is_draining() {
            tracing::info!(may_stay = ?self.drain_time(), "draining: the server admits no new clients");
        }
        self.lifecycle.drain();
    }

    /// Writes histograms, counters and connections into a file and returns its path; of a stuck core, its last figures.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn dump(&self) -> io::Result<PathBuf> {
        let Gathered { given, missing } = self.connections();
        let dump = json!({
            "report": self.report(),
            "sessions": given,
            "sessions_missing_of_cores": missing,
            "config": self.describe(),
        });
        let number = self.dumps.fetch_add(1, Ordering::Relaxed);
        let path = self.dump_folder().join(format!("ringshard-dump-{}-{number}.json", std::process::id()));
        write_private(&path, serde_json::to_string(&dump)?.as_bytes())?;
        Ok(path)
    }

    fn dump_folder(&self) -> PathBuf {
        let configured = |configuration: &Mutex<Configuration>| lock(configuration).settings().dump_dir.clone();
        self.configuration.as_ref().and_then(configured).unwrap_or_else(|| PathBuf::from("."))
    }
}

/// A poisoned lock is no concern: a panic ends the process.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
