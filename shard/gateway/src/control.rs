//! The gateway as the admin port and signals see it: all threads together.

use crate::counters::Counters;
use crate::limits::Limits;
use crate::peers;
use crate::settings::{Settings, SettingsError, Sources};
use crate::thread::{ConnectionRow, Order, Orders};
use ringshard_certificates::{CertificateError, Certificates};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The gateway's threads.
#[derive(Debug)]
pub struct Control {
    orders: Vec<Orders>,
    counters: Vec<Arc<Counters>>,
    limits: Arc<Limits>,
    certificates: Option<Arc<Certificates>>,
    peers: Option<Arc<peers::Shared>>,
    settings: Mutex<Arc<Settings>>,
    /// What a reload reads again.
    sources: OnceLock<Sources>,
    drain_until: Mutex<Option<Instant>>,
    /// Held during a reload, so that an older reading never replaces a younger one.
    reload: Mutex<()>,
    started: Instant,
}

/// Why a reload changed nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The settings are wrong.
    #[error("the settings in use stay: {0}")]
    Settings(#[from] SettingsError),
    /// The certificate cannot be used.
    #[error("the settings and the certificate in use stay: {0}")]
    Certificate(#[from] CertificateError),
}

impl Control {
    pub(crate) fn new(
        settings: Arc<Settings>,
        limits: Arc<Limits>,
        certificates: Option<Arc<Certificates>>,
        peers: Option<Arc<peers::Shared>>,
        orders: Vec<Orders>,
        counters: Vec<Arc<Counters>>,
    ) -> Control {
        Control {
            orders,
            counters,
            limits,
            certificates,
            peers,
            settings: Mutex::new(settings),
            sources: OnceLock::new(),
            drain_until: Mutex::new(None),
            reload: Mutex::new(()),
            started: Instant::now(),
        }
    }

    /// Counters, one set per thread.
    pub fn counters(&self) -> &[Arc<Counters>] {
        &self.counters
    }

    /// Connections and clients of the gateway.
    pub fn taken(&self) -> (usize, usize) {
        self.limits.taken()
    }

    /// The settings now.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&lock(&self.settings))
    }

    /// Time since the start.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Where [`Control::reload`] reads the settings. The first call counts.
    pub(crate) fn reload_from(&self, sources: Sources) {
        let _ = self.sources.set(sources);
    }

    /// Reads the settings and the certificate again. Returns the names of changed settings that need a restart. Of two calls
    /// at once, one waits for the other.
    ///
    /// # Errors
    /// The settings are wrong or the certificate cannot be used; nothing has changed.
    pub fn reload(&self) -> Result<Vec<&'static str>, ReloadError> {
        let _one_at_a_time = lock(&self.reload);
        let fresh = match self.sources.get() {
            Some(sources) => sources.load()?,
            None => Settings::clone(&self.settings()),
        };
        if let Some(certificates) = &self.certificates {
            certificates.reload()?;
        }
        Ok(self.apply(fresh))
    }

    /// Reloads, and logs what came of it.
    pub(crate) fn log_reload(&self) {
        match self.reload() {
            Ok(need_restart) if need_restart.is_empty() => tracing::info!("the settings are reloaded"),
            Ok(need_restart) => {
                let need_restart = need_restart.join(", ");
                tracing::warn!(%need_restart, "the settings are reloaded, except those that need a restart");
            }
            Err(error) => tracing::error!("{error}"),
        }
    }

    /// Takes new settings, as far as they can change while the gateway runs. Returns the names of changed settings that
    /// need a restart.
    pub fn apply(&self, fresh: Settings) -> Vec<&'static str> {
        let mut settings = lock(&self.settings);
        let (next, need_restart) = settings.reloaded(fresh);
        *settings = Arc::new(next);
        self.limits.reload(&settings);
        self.order_all(|| Order::Reload(Arc::clone(&settings)));
        need_restart
    }

    /// Reads the certificate again if its files have changed, and makes a development certificate again before it ends.
    pub(crate) fn renew_certificate(&self) {
        let Some(certificates) = self.certificates.as_ref().filter(|certificates| certificates.changed()) else {
            return;
        };
        match certificates.reload() {
            Ok(()) => tracing::info!(fingerprint = %certificates.fingerprint(), "the gateway has a new certificate"),
            Err(error) => tracing::error!(%error, "the certificate in use stays"),
        }
    }

    /// Admits nobody, and closes all clients within this time. A second call changes nothing.
    pub fn drain(&self, within: Duration) {
        let mut until = lock(&self.drain_until);
        if until.is_none() {
            *until = Some(Instant::now() + within);
            tracing::info!(clients = self.taken().1, seconds = within.as_secs(), "the gateway drains");
            self.order_all(|| Order::Drain(within));
            if let Some(peers) = &self.peers {
                peers.drain();
            }
        }
    }

    /// Whether the gateway shuts down.
    pub fn drains(&self) -> bool {
        lock(&self.drain_until).is_some()
    }

    /// Whether a carrier has ended on a thread, although the gateway goes on.
    pub fn has_failed(&self) -> bool {
        self.counters().iter().any(|counters| counters.carriers_ended.get() > 0)
    }

    /// Whether a drain is over: all clients have left and the relay's channels have ended, or its time has passed.
    pub fn has_drained(&self) -> bool {
        let is_empty = || self.taken().1 == 0 && self.peers.as_ref().is_none_or(|peers| peers.channels() == 0);
        lock(&self.drain_until).is_some_and(|until| is_empty() || Instant::now() >= until)
    }

    /// The clients, at most this many per thread, oldest first.
    pub async fn connections(&self, most: usize) -> Vec<ConnectionRow> {
        let mut rows = Vec::new();
        for orders in &self.orders {
            let (answer, answered) = oneshot::channel();
            let _ = orders.send(Order::Connections(most, answer));
            // A thread that is gone has no clients.
            rows.extend(answered.await.unwrap_or_default());
        }
        rows
    }

    /// Closes a client. Returns whether there is such a thread.
    pub fn kick(&self, thread: usize, number: u64) -> bool {
        self.orders.get(thread).is_some_and(|orders| orders.send(Order::Kick(number)).is_ok())
    }

    pub(crate) fn stop(&self) {
        self.order_all(|| Order::Stop);
    }

    /// A thread that is gone takes no orders.
    fn order_all(&self, order: impl Fn() -> Order) {
        for orders in &self.orders {
            let _ = orders.send(order());
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
