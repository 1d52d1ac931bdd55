//! Watches over a running server: signals, the system's watchdog, a log of what is dropped, and its end.

use crate::control::Lifecycle;
use crate::operation::Operation;
use crate::report::ServerReport;
use crate::server::Server;
use sd_notify::NotifyState;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR2};
use signal_hook::iterator::Signals;
use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// Time between two looks at the server.
const LOOK: Duration = Duration::from_millis(100);
/// Time between two signs of life to the system, unless it wants them more often.
const PULSE: Duration = Duration::from_secs(5);
/// Time between two lines in the log about the same kind of drop.
const DROPS_LOGGED: Duration = Duration::from_secs(10);

/// Drops that networks and leaving players make every day: copies, late arrivals, last words said thrice.
const ORDINARY: [&str; 6] =
    ["duplicate", "fragments_abandoned", "outdated", "replayed", "unexpected", "unknown_connection"];
/// As many of them between two lines in the log are worth one.
const UNUSUAL: u64 = 10_000;

/// The signals that a server obeys, from the moment this is made.
#[derive(Debug)]
pub struct Orders(Receiver<i32>);

impl Orders {
    /// Takes the signals over.
    ///
    /// # Errors
    /// What the system said.
    pub fn by_signal() -> io::Result<Self> {
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR2])?;
        let (orders, received) = channel();
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in signals.forever() {
                if orders.send(signal).is_err() {
                    return;
                }
            }
        })?;
        Ok(Orders(received))
    }
}

/// Watches over the server until it has ended; gives its last report.
pub fn oversee(server: Server, operation: &Operation, orders: &Orders) -> ServerReport {
    // Nobody listens where the system did not start us, and then there is nobody to tell.
    let tell = |state| drop(sd_notify::notify(&[state]));
    tell(NotifyState::Ready);
    let mut watch = Watch::new();
    while !server.has_ended() {
        match orders.0.recv_timeout(LOOK) {
            Ok(SIGHUP) => reload(operation),
            Ok(SIGUSR2) => dump(operation),
            Ok(_) if server.lifecycle().is_stopping() => {
                tracing::warn!("told to stop for the third time: gone without a word to clients");
                std::process::exit(1);
            }
            Ok(_) if server.lifecycle().is_draining() => server.lifecycle().stop(),
            Ok(_) => operation.drain(),
            Err(RecvTimeoutError::Timeout) => {}
            // Without signals the admin port may still end it.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK),
        }
        watch.drain(server.lifecycle(), operation);
        watch.pulse(operation);
        watch.log_drops(server.lifecycle(), operation);
    }
    tell(NotifyState::Stopping);
    server.join()
}

fn reload(operation: &Operation) {
    if let Err(error) = operation.reload() {
        tracing::error!("{error}");
    }
}

fn dump(operation: &Operation) {
    match operation.dump() {
        Ok(path) => tracing::info!(path = %path.display(), "dumped histograms and connections"),
        Err(error) => tracing::error!(%error, "cannot dump histograms and connections"),
    }
}

/// What is looked at now and then.
struct Watch {
    draining_since: Option<Instant>,
    pulse_every: Duration,
    pulse_at: Instant,
    drops_at: Instant,
    drops: Option<ServerReport>,
}

impl Watch {
    fn new() -> Self {
        // Often in the time after which the system would take us for dead: one sign that does not come is not the end.
        let pulse_every = sd_notify::watchdog_enabled().map_or(PULSE, |patience| (patience / 5).min(PULSE));
        let now = Instant::now();
        Watch { draining_since: None, pulse_every, pulse_at: now, drops_at: now + DROPS_LOGGED, drops: None }
    }

    /// Ends a server that is drained when all have left, or have had their time.
    fn drain(&mut self, lifecycle: &Lifecycle, operation: &Operation) {
        if !lifecycle.is_draining() || lifecycle.is_stopping() {
            return;
        }
        let since = *self.draining_since.get_or_insert_with(|| {
            drop(sd_notify::notify(&[NotifyState::Stopping]));
            Instant::now()
        });
        // However long players may stay: the system is not to end us meanwhile.
        drop(sd_notify::notify(&[NotifyState::ExtendTimeoutUsec(PULSE.as_micros() as u32)]));
        let time_is_up = since.elapsed() >= operation.drain_time();
        let is_empty = || operation.report().is_ok_and(|it| it.cores.iter().all(|core| core.connections == 0));
        if time_is_up || is_empty() {
            lifecycle.stop();
        }
    }

    /// Tells the system that we live, if every core does.
    fn pulse(&mut self, operation: &Operation) {
        if Instant::now() < self.pulse_at {
            return;
        }
        self.pulse_at = Instant::now() + self.pulse_every;
        match operation.pulse() {
            Ok(()) => drop(sd_notify::notify(&[NotifyState::Watchdog])),
            Err(silent) => {
                tracing::error!("{silent}: it is stuck; if it stays so, a watchdog ends this server");
                self.pulse_at = Instant::now();
            }
        }
    }

    /// A line for each kind of drop that there were more of, with one of those whose datagrams they were; never one a
    /// datagram.
    fn log_drops(&mut self, lifecycle: &Lifecycle, operation: &Operation) {
        if Instant::now() < self.drops_at || lifecycle.is_stopping() {
            return;
        }
        self.drops_at = Instant::now() + DROPS_LOGGED;
        let Ok(report) = operation.report() else { return };
        let since = self.drops.as_ref().map_or_else(|| report.clone(), |before| report.since(before));
        for (reason, count) in since.drops() {
            let guilty = report.cores.iter().zip(&since.cores).filter(|(_, since)| since.drops[&reason] > 0);
            let peer = guilty.filter_map(|(core, _)| core.offenders.get(&reason)).next();
            let last_from = peer.map(ToString::to_string).unwrap_or_default();
            if ORDINARY.contains(&reason.as_str()) && count < UNUSUAL {
                tracing::debug!(%reason, count, %last_from, "dropped");
            } else {
                tracing::warn!(%reason, count, %last_from, "dropped");
            }
        }
        self.drops = Some(report);
    }
}
