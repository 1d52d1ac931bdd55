//! Watches over a running server: signals, the system's watchdog, cores that are stuck, a log of what is lost, and its end.

use crate::ops::handle::ServerHandle;
use crate::ops::losses::{self, Loss};
use crate::ops::report::ServerReport;
use crate::runtime::control::Lifecycle;
use crate::runtime::control::liveness::STUCK_AFTER;
use crate::runtime::server::Server;
use sd_notify::NotifyState;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR2};
use signal_hook::iterator::Signals;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::time::{Duration, Instant};

/// Time between two looks at the server.
const LOOK: Duration = Duration::from_millis(100);
/// Time between two signs of life to the system, unless it wants them more often.
const PULSE: Duration = Duration::from_secs(5);
/// Time between two lines in the log about the same kind of loss.
const LOSSES_LOGGED: Duration = Duration::from_secs(10);

/// How long a server that ends waits for cores that are stuck: the others need some seconds to tell their clients.
const END_PATIENCE: Duration = Duration::from_secs(10);
/// Time between two lines in the log about the same stuck core.
const STUCK_LOGGED: Duration = Duration::from_secs(10);

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

/// A server that was given up before it had ended: its clients were not told.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Abandoned {
    /// It was told to stop once more while it was ending.
    #[error("told to stop once more while it was ending: the server ends without telling its clients")]
    Impatience,
    /// Cores are stuck, so it would never end.
    #[error("core {0:?} is stuck and does not end: the server ends without telling that core's clients")]
    Stuck(Vec<usize>),
}

/// Watches over the server until it has ended; gives its last report. Nothing here waits for anybody for long: who feeds
/// the watchdog and hears signals must always be free.
///
/// # Errors
/// The server is to be given up. End the process: its cores may still run.
pub fn supervise(server: Server, operation: &Arc<ServerHandle>, orders: &Orders) -> Result<ServerReport, Abandoned> {
    // Nobody listens where the system did not start us, and then there is nobody to tell.
    let tell = |state| drop(sd_notify::notify(&[state]));
    tell(NotifyState::Ready);
    let chores = Chores::start(operation.clone());
    let mut watch = Watch::new();
    while !server.has_ended() {
        match orders.0.recv_timeout(LOOK) {
            Ok(signal @ (SIGHUP | SIGUSR2)) => chores.put(signal),
            Ok(_) if server.lifecycle().is_stopping() => return Err(Abandoned::Impatience),
            Ok(_) if server.lifecycle().is_draining() => server.lifecycle().stop(),
            Ok(_) => operation.drain(),
            Err(RecvTimeoutError::Timeout) => {}
            // Without signals the admin port may still end it.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK),
        }
        watch.drain(server.lifecycle(), operation);
        watch.cores(server.lifecycle(), operation)?;
        watch.losses(operation);
    }
    tell(NotifyState::Stopping);
    let report = ServerReport::from(server.join());
    watch.log_losses(&report);
    Ok(report)
}

/// What takes time, on a thread of its own: reading settings, and writing dumps. A disk may take its time.
struct Chores(SyncSender<i32>);

impl Chores {
    fn start(operation: Arc<ServerHandle>) -> Self {
        let (put, chores) = sync_channel(4);
        let work = move || {
            for signal in chores {
                if signal == SIGHUP { reload(&operation) } else { dump(&operation) }
            }
        };
        if let Err(error) = std::thread::Builder::new().name("chores".into()).spawn(work) {
            tracing::error!(%error, "no thread for SIGHUP and SIGUSR2: they do nothing; restart the server to reload");
        }
        Chores(put)
    }

    fn put(&self, signal: i32) {
        if self.0.try_send(signal).is_err() {
            tracing::warn!(
                signal,
                "this signal does nothing: reloads or dumps that were asked for before are not done yet"
            );
        }
    }
}

fn reload(operation: &ServerHandle) {
    if let Err(error) = operation.reload() {
        tracing::error!("{error}");
    }
}

fn dump(operation: &ServerHandle) {
    match operation.dump() {
        Ok(path) => tracing::info!(path = %path.display(), "dumped histograms and connections"),
        Err(error) => tracing::error!(%error, "cannot dump histograms and connections"),
    }
}

/// What is looked at now and then.
struct Watch {
    looked_at: Instant,
    draining_since: Option<Instant>,
    stopping_since: Option<Instant>,
    pulse_every: Duration,
    pulse_at: Instant,
    /// Cores that are stuck, and when that was logged last.
    stuck: BTreeMap<usize, Instant>,
    losses_at: Instant,
    losses: Option<ServerReport>,
    lines_dropped: u64,
}

impl Watch {
    fn new() -> Self {
        // Often in the time after which the system would take us for dead: one sign that does not come is not the end.
        let pulse_every = sd_notify::watchdog_enabled().map_or(PULSE, |patience| (patience / 5).min(PULSE));
        let now = Instant::now();
        Watch {
            looked_at: now,
            draining_since: None,
            stopping_since: None,
            pulse_every,
            pulse_at: now,
            stuck: BTreeMap::new(),
            losses_at: now + LOSSES_LOGGED,
            losses: None,
            lines_dropped: 0,
        }
    }

    /// Ends a server that is drained when all have left, or have had their time.
    fn drain(&mut self, lifecycle: &Lifecycle, operation: &ServerHandle) {
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
        let is_empty = || operation.report().cores.iter().all(|core| core.connections == 0);
        if time_is_up || is_empty() {
            lifecycle.stop();
        }
    }

    /// Tells the system that we live if every core turns, and the log of cores that do not.
    fn cores(&mut self, lifecycle: &Lifecycle, operation: &ServerHandle) -> Result<(), Abandoned> {
        let now = Instant::now();
        // When this thread itself was kept from running, so were the cores: they get until the next look to show that they
        // turn.
        let was_held_up = now.duration_since(self.looked_at) >= STUCK_AFTER;
        self.looked_at = now;
        if was_held_up {
            return Ok(());
        }
        let stuck = operation.stuck();
        self.log_stuck(now, &stuck);
        if stuck.is_empty() && now >= self.pulse_at {
            self.pulse_at = now + self.pulse_every;
            drop(sd_notify::notify(&[NotifyState::Watchdog]));
        }
        if lifecycle.is_stopping() {
            let since = *self.stopping_since.get_or_insert(now);
            if !stuck.is_empty() && now.duration_since(since) >= END_PATIENCE {
                return Err(Abandoned::Stuck(stuck.iter().map(|&(core, _)| core).collect()));
            }
        }
        Ok(())
    }

    fn log_stuck(&mut self, now: Instant, stuck: &[(usize, Duration)]) {
        self.stuck.retain(|&core, _| {
            let is_stuck = stuck.iter().any(|&(number, _)| number == core);
            if !is_stuck {
                tracing::warn!(core, "this core turns again");
            }
            is_stuck
        });
        for &(core, silence) in stuck {
            let logged_at = self.stuck.get(&core);
            if logged_at.is_none_or(|at| now.duration_since(*at) >= STUCK_LOGGED) {
                self.stuck.insert(core, now);
                tracing::error!(
                    core,
                    for_s = silence.as_secs(),
                    "this core is stuck: its clients get nothing. Either the game's code does not return, or something keeps \
                     the thread from running (`ringshard doctor`). If it stays so, the system's watchdog ends this server; \
                     `ringshard report` gathers what is known"
                );
            }
        }
    }

    /// Every ten seconds, tells the log what was lost.
    fn losses(&mut self, operation: &ServerHandle) {
        if Instant::now() < self.losses_at {
            return;
        }
        self.losses_at = Instant::now() + LOSSES_LOGGED;
        self.log_losses(&operation.report());
        let lines = operation.log_lines_dropped();
        if lines > self.lines_dropped {
            let count = lines - self.lines_dropped;
            self.lines_dropped = lines;
            tracing::warn!(count, "lines of this log were dropped: whoever reads standard error did not keep up");
        }
    }

    /// A line for each kind of loss that there was more of, with the address that the last of it was noted for; never one
    /// a datagram.
    fn log_losses(&mut self, report: &ServerReport) {
        for lost in losses::since(self.losses.as_ref(), report) {
            let Loss { unusual_from, advice, .. } = lost.about();
            let (reason, count, last_from) = (&lost.name, lost.count, lost.last_from.map(tracing::field::display));
            if count < unusual_from {
                tracing::debug!(%reason, count, last_from, "{advice}");
            } else {
                tracing::warn!(%reason, count, last_from, "{advice}");
            }
        }
        self.losses = Some(report.clone());
    }
}
