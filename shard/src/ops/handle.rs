//! A running server as who runs it sees it: what can be asked of it, and what it can be told, whether over the admin port
//! or by a signal.

use crate::config::{Configuration, Reloaded, SettingErrors};
use crate::ops::capture::{self, Capture, CaptureError};
use crate::ops::log::{Log, LogError};
use crate::ops::panic_report::write_private;
use crate::ops::report::{ServerReport, SessionSnapshot};
use crate::runtime::control::kick::{Kicked, Target};
use crate::runtime::control::liveness::Liveness;
use crate::runtime::control::quality::Quality;
use crate::runtime::control::{Control, Gathered, Lifecycle, Silent};
use crate::runtime::server::Server;
use serde_json::{Value, json};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};
use tokio::sync::Semaphore;

/// Settings that were not taken over.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// They are wrong; nothing has changed.
    #[error("nothing was reloaded: {0}")]
    SettingErrors(#[from] SettingErrors),
    /// Some cores did not take them.
    #[error(
        "all settings but limits and networks were reloaded; {0} and keeps its former ones: reload again once it does"
    )]
    Silent(#[from] Silent),
    /// The log did not.
    #[error("the log goes on as it was: {0}")]
    Log(#[from] LogError),
}

/// What came of reading the settings so far.
#[derive(Clone, Copy, Debug)]
pub struct ReloadStatus {
    /// When settings were taken over last; at first, the start.
    pub succeeded_at: SystemTime,
    /// Whether that was the last time that they were read.
    pub is_last: bool,
}

/// Everything that a scrape tells.
#[derive(Clone, Debug)]
pub struct Figures {
    /// What the server has done.
    pub report: ServerReport,
    /// How good the connections of each core were, over all scrapes so far: each looks at every connection once. A core that
    /// does not answer is left out.
    pub qualities: Vec<Quality>,
    /// Seconds since each core began its last turn.
    pub silences_s: Vec<f64>,
    /// When the server was started.
    pub started_at: SystemTime,
    /// Reading the settings.
    pub reload: ReloadStatus,
    /// Lines of the log that were dropped.
    pub log_lines_dropped: u64,
}

/// What can be asked of a running server, and what it can be told.
pub struct ServerHandle {
    control: Arc<Mutex<Control>>,
    lifecycle: Arc<Lifecycle>,
    livenesses: Vec<Arc<Liveness>>,
    /// None where a server is run by a program that configures it in its own way.
    configuration: Option<Mutex<Configuration>>,
    log: Log,
    qualities: Mutex<Vec<Quality>>,
    started_at: SystemTime,
    reload: Mutex<ReloadStatus>,
    dumps: AtomicU32,
    /// Where a capture is made; there is one place.
    capturing: Arc<Semaphore>,
}

impl ServerHandle {
    /// Of a server that was started with `configuration`, if it was, and that logs to `log`.
    pub fn new(server: &Server, configuration: Option<Configuration>, log: Log) -> Self {
        let control = server.control().clone();
        let livenesses = lock(&control).livenesses();
        let now = SystemTime::now();
        ServerHandle {
            qualities: Mutex::new(vec![Quality::default(); livenesses.len()]),
            livenesses,
            control,
            lifecycle: server.lifecycle().clone(),
            configuration: configuration.map(Mutex::new),
            log,
            started_at: now,
            reload: Mutex::new(ReloadStatus { succeeded_at: now, is_last: true }),
            dumps: AtomicU32::new(0),
            capturing: Arc::new(Semaphore::new(1)),
        }
    }

    /// What it has done so far; of a core that is stuck, what is known of it.
    pub fn report(&self) -> ServerReport {
        lock(&self.control).status().into()
    }

    /// Its connections, and the cores that did not tell theirs.
    pub fn sessions(&self) -> Gathered<SessionSnapshot> {
        let Gathered { given, missing } = lock(&self.control).connections();
        let snapshot = |(info, at): &_| SessionSnapshot::new(info, *at);
        Gathered { given: given.iter().map(snapshot).collect(), missing }
    }

    /// Everything that a scrape tells.
    pub fn figures(&self) -> Figures {
        let (report, found) = {
            let mut control = lock(&self.control);
            (ServerReport::from(control.status()), control.qualities())
        };
        let mut qualities = lock(&self.qualities);
        for (sum, found) in qualities.iter_mut().zip(found) {
            sum.add(&found.unwrap_or_default());
        }
        Figures {
            report,
            qualities: qualities.clone(),
            silences_s: self.livenesses.iter().map(|core| core.silence().as_secs_f64()).collect(),
            started_at: self.started_at,
            reload: *lock(&self.reload),
            log_lines_dropped: self.log.dropped_lines(),
        }
    }

    /// The cores that are stuck, with for how long each has been. Nobody is asked, and nobody is waited for.
    pub fn stuck(&self) -> Vec<(usize, Duration)> {
        let cores = self.livenesses.iter().enumerate();
        cores.filter_map(|(number, core)| Some((number, core.stuck()?))).collect()
    }

    /// Whether nobody new is let in.
    pub fn is_draining(&self) -> bool {
        self.lifecycle.is_draining()
    }

    /// Lines of the log that were dropped because nobody read those before them.
    pub fn log_lines_dropped(&self) -> u64 {
        self.log.dropped_lines()
    }

    /// Begins a capture; one can be made at a time.
    ///
    /// # Errors
    /// [`CaptureError`].
    pub fn capture(&self, wanted: &capture::Wanted) -> Result<Capture, CaptureError> {
        Capture::begin(&self.control, &self.capturing, wanted)
    }

    /// The traffic secrets of all connections of the cores that answer, as a key log; None where the settings do not allow
    /// it.
    pub fn key_log(&self) -> Option<String> {
        self.configuration.as_ref().filter(|configuration| lock(configuration).settings().key_log)?;
        Some(capture::key_log::write(&lock(&self.control).secrets().given))
    }

    /// Every setting, and where it comes from; null where it was configured otherwise.
    pub fn describe(&self) -> Value {
        self.configuration.as_ref().map_or(Value::Null, |configuration| lock(configuration).describe())
    }

    /// How long players may stay once it is drained.
    pub fn drain_time(&self) -> Duration {
        let millis = self.configuration.as_ref().map_or(0, |configuration| lock(configuration).settings().drain_ms);
        Duration::from_millis(millis)
    }

    /// Reads the settings anew, and goes by those that can change while it runs.
    ///
    /// # Errors
    /// [`ReloadError`].
    pub fn reload(&self) -> Result<Reloaded, ReloadError> {
        let outcome = self.take_over_settings();
        let mut status = lock(&self.reload);
        status.is_last = outcome.is_ok();
        if outcome.is_ok() {
            status.succeeded_at = SystemTime::now();
        }
        outcome
    }

    fn take_over_settings(&self) -> Result<Reloaded, ReloadError> {
        let Some(configuration) = &self.configuration else { return Ok(Reloaded::default()) };
        let mut configuration = lock(configuration);
        let reloaded = configuration.reload()?;
        self.log.set_filter(&configuration.settings().log)?;
        lock(&self.control).apply(&configuration.policy())?;
        if !reloaded.refused.is_empty() {
            let refused = reloaded.refused.join(", ");
            tracing::warn!(%refused, "these settings cannot change while the server runs: restart it for them");
        }
        tracing::info!(changed = %reloaded.changed.join(", "), "settings reloaded");
        Ok(reloaded)
    }

    /// Ends connections; their clients are told.
    pub fn kick(&self, target: Target) -> Kicked {
        let Gathered { given, missing } = lock(&self.control).kick(target);
        let connections = given.iter().sum();
        tracing::info!(%target, connections, ?missing, "connections ended by order");
        Kicked { connections, missing }
    }

    /// Lets nobody in any more. Who oversees the server ends it when all have left, or have had their time.
    pub fn drain(&self) {
        if !self.lifecycle.is_draining() {
            tracing::info!(may_stay = ?self.drain_time(), "draining: nobody new is let in");
        }
        self.lifecycle.drain();
    }

    /// Writes histograms, counters and connections into a file, whose path it gives. Of a core that is stuck it has what is
    /// known.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn dump(&self) -> io::Result<PathBuf> {
        let Gathered { given, missing } = self.sessions();
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

/// What is behind the lock is never left half done: a panic ends the process.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
