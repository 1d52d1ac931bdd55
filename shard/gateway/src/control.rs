//! The gateway as the admin port and signals see it: all threads together.

use crate::counters::Counters;
use crate::limits::Limits;
use crate::settings::Settings;
use crate::thread::{ConnectionRow, Order, Orders};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The gateway's threads.
#[derive(Debug)]
pub struct Control {
    orders: Vec<Orders>,
    counters: Vec<Arc<Counters>>,
    limits: Arc<Limits>,
    settings: Mutex<Arc<Settings>>,
    drains: AtomicBool,
    started: Instant,
}

impl Control {
    pub(crate) fn new(
        settings: Arc<Settings>,
        limits: Arc<Limits>,
        orders: Vec<Orders>,
        counters: Vec<Arc<Counters>>,
    ) -> Control {
        Control {
            orders,
            counters,
            limits,
            settings: Mutex::new(settings),
            drains: AtomicBool::new(false),
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
        Arc::clone(&self.settings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Time since the start.
    pub fn uptime(&self) -> Duration {
        self.started.elapsed()
    }

    /// Takes new settings, as far as they can change while the gateway runs. Returns the names of changed settings that
    /// need a restart.
    pub fn reload(&self, fresh: Settings) -> Vec<&'static str> {
        let mut settings = self.settings.lock().unwrap_or_else(PoisonError::into_inner);
        let (next, need_restart) = settings.reloaded(fresh);
        *settings = Arc::new(next);
        self.limits.reload(&settings);
        for orders in &self.orders {
            // A thread that is gone needs no settings.
            let _ = orders.send(Order::Reload(Arc::clone(&settings)));
        }
        need_restart
    }

    /// Admits nobody, and closes all clients within this time.
    pub fn drain(&self, within: Duration) {
        self.drains.store(true, Ordering::Relaxed);
        self.order_all(|| Order::Drain(within));
    }

    /// Whether the gateway shuts down.
    pub fn drains(&self) -> bool {
        self.drains.load(Ordering::Relaxed)
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

    fn order_all(&self, order: impl Fn() -> Order) {
        for orders in &self.orders {
            let _ = orders.send(order());
        }
    }
}
