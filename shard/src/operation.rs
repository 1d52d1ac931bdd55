//! A running server as who runs it sees it: what can be asked of it, and what it can be told, whether over the admin port
//! or by a signal.

use crate::capture::{self, Capture, CaptureError};
use crate::config::{Configuration, Reloaded, Wrong};
use crate::control::{Control, Lifecycle, Silent};
use crate::report::{ServerReport, SessionSnapshot};
use crate::server::Server;
use crate::vitals::write_private;
use serde_json::{Value, json};
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// How the log is told what to log.
pub type SetLog = Box<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// Settings that were not taken over.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// They are wrong; nothing has changed.
    #[error("nothing was reloaded: {0}")]
    Wrong(#[from] Wrong),
    /// A core did not take them.
    #[error("{0}, and may go by the former limits")]
    Silent(#[from] Silent),
    /// The log did not.
    #[error("the log goes on as it was: {0}")]
    Log(String),
}

/// What can be asked of a running server, and what it can be told.
pub struct Operation {
    control: Arc<Mutex<Control>>,
    lifecycle: Arc<Lifecycle>,
    /// None where a server is run by a program that configures it in its own way.
    configuration: Option<Mutex<Configuration>>,
    set_log: SetLog,
    dumps: AtomicU32,
    /// Where a capture is made; there is one place.
    capturing: Arc<Semaphore>,
}

impl Operation {
    /// Of a server that was started with `configuration`, if it was.
    pub fn new(server: &Server, configuration: Option<Configuration>, set_log: SetLog) -> Self {
        Operation {
            control: server.control().clone(),
            lifecycle: server.lifecycle().clone(),
            configuration: configuration.map(Mutex::new),
            set_log,
            dumps: AtomicU32::new(0),
            capturing: Arc::new(Semaphore::new(1)),
        }
    }

    /// What it has done so far.
    ///
    /// # Errors
    /// The first core that does not answer.
    pub fn report(&self) -> Result<ServerReport, Silent> {
        lock(&self.control).report()
    }

    /// Its connections.
    ///
    /// # Errors
    /// The first core that does not answer.
    pub fn sessions(&self) -> Result<Vec<SessionSnapshot>, Silent> {
        lock(&self.control).sessions()
    }

    /// Begins a capture; one can be made at a time.
    ///
    /// # Errors
    /// [`CaptureError`].
    pub fn capture(&self, wanted: &capture::Wanted) -> Result<Capture, CaptureError> {
        Capture::begin(&self.control, &self.capturing, wanted)
    }

    /// The traffic secrets of all connections, as a key log; None where the settings do not allow it.
    ///
    /// # Errors
    /// The first core that does not answer.
    pub fn key_log(&self) -> Option<Result<String, Silent>> {
        self.configuration.as_ref().filter(|configuration| lock(configuration).settings().key_log)?;
        Some(lock(&self.control).secrets().map(|secrets| capture::key_log::write(&secrets)))
    }

    /// Asks every core for a sign of life.
    ///
    /// # Errors
    /// The first core that does not answer.
    pub fn pulse(&self) -> Result<(), Silent> {
        lock(&self.control).pulse()
    }

    /// Every setting, and where it comes from; null where it was configured otherwise.
    pub fn describe(&self) -> Value {
        self.configuration.as_ref().map_or(Value::Null, |configuration| lock(configuration).describe())
    }

    /// How long players may stay once it is drained.
    pub fn drain_time(&self) -> std::time::Duration {
        let millis = self.configuration.as_ref().map_or(0, |configuration| lock(configuration).settings().drain_ms);
        std::time::Duration::from_millis(millis)
    }

    /// Reads the settings anew, and goes by those that can change while it runs.
    ///
    /// # Errors
    /// [`ReloadError`].
    pub fn reload(&self) -> Result<Reloaded, ReloadError> {
        let Some(configuration) = &self.configuration else { return Ok(Reloaded::default()) };
        let mut configuration = lock(configuration);
        let reloaded = configuration.reload()?;
        lock(&self.control).apply(&configuration.policy())?;
        (self.set_log)(&configuration.settings().log).map_err(ReloadError::Log)?;
        if !reloaded.refused.is_empty() {
            let refused = reloaded.refused.join(", ");
            tracing::warn!(%refused, "these settings cannot change while the server runs: restart it for them");
        }
        tracing::info!(changed = %reloaded.changed.join(", "), "settings reloaded");
        Ok(reloaded)
    }

    /// Lets nobody in any more. Who oversees the server ends it when all have left, or have had their time.
    pub fn drain(&self) {
        if !self.lifecycle.is_draining() {
            tracing::info!(may_stay = ?self.drain_time(), "draining: nobody new is let in");
        }
        self.lifecycle.drain();
    }

    /// Writes histograms, counters and connections into a file, whose path it gives.
    ///
    /// # Errors
    /// A core that does not answer; a file that cannot be written.
    pub fn dump(&self) -> io::Result<PathBuf> {
        let silent = |silent: Silent| io::Error::other(silent);
        let dump = json!({
            "report": self.report().map_err(silent)?,
            "sessions": self.sessions().map_err(silent)?,
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
