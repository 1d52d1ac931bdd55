//! Clients whose timers are served on time, on one thread per client CPU.
//!
//! The generator of `echo` checks each client's timers a few times per second, which is enough for unreliable messages.
//! Reliable ones depend on timers for acknowledgments, probes and pacing, so here every client runs at its own
//! deadline. A [`Member`] is such a client: a connection with a [`Workload`], or a client of a game.

mod driver;
mod member;
mod result;
mod shared;
mod workload;

pub use self::member::{Connected, Member};
pub use self::result::FleetResult;
pub use self::workload::Workload;

use self::shared::Shared;
use crate::scenario::Scenario;
use crate::system::interrupt;
use crate::terminal::bar;
use ringshard_link::conditions::NetworkSpec;
use ringshard_protocol::client::ClientConfig;
use ringshard_protocol::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

/// How long all clients together may take to connect.
const CONNECT: Duration = Duration::from_secs(60);
/// How often the main thread checks the fleet.
const STOP_CHECK: Duration = Duration::from_millis(200);

/// A running fleet.
pub struct Fleet<T> {
    name: &'static str,
    clients: u64,
    pub shared: Arc<Shared>,
    threads: Vec<JoinHandle<Result<FleetResult<T>, String>>>,
}

impl<T: Member> Fleet<T> {
    /// Starts all members. Sockets and clients are divided among the scenario's client CPUs.
    pub fn start(
        name: &'static str,
        scenario: &Scenario,
        server: SocketAddr,
        config: ClientConfig,
        members: Vec<T>,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let clients = members.len() as u64;
        let per_socket = members.len().div_ceil(scenario.sockets);
        let sockets = members.len().div_ceil(per_socket);
        let threads = scenario.client_cpus.len().min(sockets);
        let mut members = members.into_iter();
        let start = |thread: usize| {
            let sockets = sockets * (thread + 1) / threads - sockets * thread / threads;
            let share = driver::Share {
                cpu: scenario.client_cpus[thread],
                server,
                config: config.clone(),
                network: scenario.network.map(|network| NetworkSpec {
                    // Threads draw different losses.
                    seed: network.seed.wrapping_add(thread as u64),
                    ..network
                }),
                sockets,
                per_socket,
                shared: shared.clone(),
            };
            let members: Vec<T> = members.by_ref().take(sockets * per_socket).collect();
            std::thread::spawn(move || driver::drive(share, members))
        };
        let threads = (0..threads).map(start).collect();
        Fleet { name, clients, shared, threads }
    }

    /// Waits until every client is connected.
    pub fn connect(self) -> Result<Self, String> {
        let bar = bar(self.name, "connecting", self.clients);
        let began = std::time::Instant::now();
        loop {
            let connected = self.shared.connected.load(Ordering::Relaxed);
            bar.set_position(connected);
            if connected == self.clients {
                bar.finish_and_clear();
                return Ok(self);
            }
            if interrupt::is_requested() {
                bar.finish_and_clear();
                self.stop()?;
                return Err(interrupt::too_early("clients were connecting"));
            }
            if self.is_failing() || began.elapsed() > CONNECT {
                bar.finish_and_clear();
                let why = self.stop()?.closed.unwrap_or_else(|| "timed out".into());
                return Err(format!("only {connected} clients connected: {why}"));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Starts or stops measuring whether the fleet keeps up.
    pub fn measure(&self, measuring: bool) {
        self.shared.measuring.store(measuring, Ordering::Relaxed);
    }

    /// Waits for at most `time`, until `done` or until a client fails. `look` returns the text of the progress bar.
    pub fn wait(&self, step: &str, time: Duration, done: impl Fn() -> bool, mut look: impl FnMut(Duration) -> String) {
        let bar = bar(self.name, step, time.as_millis() as u64);
        let began = std::time::Instant::now();
        while began.elapsed() < time && !done() && !self.is_failing() {
            std::thread::sleep(STOP_CHECK.min(time - began.elapsed().min(time)));
            bar.set_position(began.elapsed().as_millis() as u64);
            bar.set_message(look(began.elapsed()));
        }
        bar.finish_and_clear();
    }

    /// Whether a client has lost its connection, or a thread has ended.
    pub fn is_failing(&self) -> bool {
        self.shared.closed.load(Ordering::Relaxed) > 0 || self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Disconnects all clients.
    pub fn stop(self) -> Result<FleetResult<T>, String> {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut all = FleetResult::new();
        for thread in self.threads {
            all.add(thread.join().map_err(|_| "a client thread panicked")??);
        }
        Ok(all)
    }
}
