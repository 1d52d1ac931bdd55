//! Supervises a running server: handles signals, feeds the system's watchdog, reports stuck cores and losses, and ends the
//! server.

use crate::ops::handle::ServerHandle;
use crate::ops::losses::{self, Loss};
use crate::ops::overload::OverloadLog;
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

/// Time between two checks of the server.
const CHECK_INTERVAL: Duration = Duration::from_millis(100);
const _: () = assert!(CHECK_INTERVAL.as_nanos() < STUCK_AFTER.as_nanos(), "every check would seem held up");
/// Longest time between two notifications of the watchdog.
const WATCHDOG_INTERVAL_MAX: Duration = Duration::from_secs(5);
/// Time between two log lines about the same kind of loss.
const LOSSES_INTERVAL: Duration = Duration::from_secs(10);
/// Time between two log lines about the same stuck core.
const STUCK_INTERVAL: Duration = Duration::from_secs(10);
/// How long a server that ends waits for stuck cores. The others need some seconds to tell their clients.
const STUCK_GRACE_PERIOD: Duration = Duration::from_secs(10);
/// Reloads and dumps that may wait.
const TASKS_MAX: usize = 4;

/// Receives the signals that a server handles.
#[derive(Debug)]
pub struct SignalReceiver(Receiver<i32>);

impl SignalReceiver {
    /// Handles the signals from now on.
    ///
    /// # Errors
    /// What the system reports.
    pub fn install() -> io::Result<Self> {
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP, SIGUSR2])?;
        let (sender, receiver) = channel();
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            for signal in signals.forever() {
                if sender.send(signal).is_err() {
                    return;
                }
            }
        })?;
        Ok(SignalReceiver(receiver))
    }
}

/// A server that did not end in order: some clients were not told.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Abandoned {
    /// A stop request arrived while the server disconnected its clients because of another one.
    #[error("one more stop request arrived: the server exits without notifying the rest of its clients")]
    StoppedAgain,
    /// Cores are stuck, so it would never end.
    #[error("core {0:?} is stuck and does not end: the server exits without notifying the clients of that core")]
    Stuck(Vec<usize>),
}

/// Supervises the server until it has ended, and returns its last report. It never waits for long, because it must always be
/// free to handle signals and feed the watchdog.
///
/// # Errors
/// The server does not end in order. End the process: cores may still run.
pub fn supervise(
    server: Server,
    handle: &Arc<ServerHandle>,
    signals: &SignalReceiver,
) -> Result<ServerReport, Abandoned> {
    notify(NotifyState::Ready);
    let tasks = SlowTasks::start(handle.clone());
    let mut supervisor = Supervisor::new();
    while !server.has_ended() {
        let lifecycle = server.lifecycle();
        match signals.0.recv_timeout(CHECK_INTERVAL) {
            Ok(signal @ (SIGHUP | SIGUSR2)) => tasks.queue(signal),
            Ok(_) if lifecycle.is_stopping_at_once() => return Err(Abandoned::StoppedAgain),
            Ok(_) if lifecycle.is_stopping() => lifecycle.stop_at_once(),
            Ok(_) if lifecycle.is_draining() => lifecycle.stop(),
            Ok(_) => handle.drain(),
            Err(RecvTimeoutError::Timeout) => {}
            // Without signals, the admin port can still end the server.
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(CHECK_INTERVAL),
        }
        supervisor.check_drain(lifecycle, handle);
        supervisor.check_cores(lifecycle, handle)?;
        supervisor.overload.check(&handle.overloads());
        supervisor.check_losses(handle);
    }
    notify(NotifyState::Stopping);
    let report = ServerReport::from(server.join());
    supervisor.log_losses(&report);
    Ok(report)
}

/// Notifies systemd. Does nothing if systemd did not start the process.
fn notify(state: NotifyState<'_>) {
    let _ = sd_notify::notify(&[state]);
}

/// Reloads and dumps, on a thread of their own, because a disk may be slow.
struct SlowTasks(SyncSender<i32>);

impl SlowTasks {
    fn start(handle: Arc<ServerHandle>) -> Self {
        let (sender, tasks) = sync_channel(TASKS_MAX);
        let work = move || {
            for signal in tasks {
                if signal == SIGHUP { reload(&handle) } else { dump(&handle) }
            }
        };
        if let Err(error) = std::thread::Builder::new().name("slow-tasks".into()).spawn(work) {
            tracing::error!(%error, "no thread for SIGHUP and SIGUSR2, so they do nothing: restart the server to reload");
        }
        SlowTasks(sender)
    }

    fn queue(&self, signal: i32) {
        assert!(signal == SIGHUP || signal == SIGUSR2, "signal {signal} is not a slow task");
        if self.0.try_send(signal).is_err() {
            tracing::warn!(signal, "signal ignored: earlier reloads or dumps are still running");
        }
    }
}

fn reload(handle: &ServerHandle) {
    if let Err(error) = handle.reload() {
        tracing::error!("{error}");
    }
}

fn dump(handle: &ServerHandle) {
    match handle.dump() {
        Ok(path) => tracing::info!(path = %path.display(), "dumped histograms and connections"),
        Err(error) => tracing::error!(%error, "cannot dump histograms and connections"),
    }
}

/// What is known from the checks so far.
struct Supervisor {
    checked_at: Instant,
    draining_since: Option<Instant>,
    stopping_since: Option<Instant>,
    watchdog_interval: Duration,
    /// When the watchdog is due.
    watchdog_at: Instant,
    /// Stuck cores, and when each was last logged.
    stuck: BTreeMap<usize, Instant>,
    /// When losses are due.
    losses_at: Instant,
    /// The report whose losses were logged last.
    reported: Option<ServerReport>,
    log_lines_dropped: u64,
    overload: OverloadLog,
}

impl Supervisor {
    fn new() -> Self {
        // Five notifications per timeout of the watchdog: a late one does not end the server.
        let watchdog_interval = sd_notify::watchdog_enabled()
            .map_or(WATCHDOG_INTERVAL_MAX, |timeout| (timeout / 5).min(WATCHDOG_INTERVAL_MAX));
        let now = Instant::now();
        Supervisor {
            checked_at: now,
            draining_since: None,
            stopping_since: None,
            watchdog_interval,
            watchdog_at: now,
            stuck: BTreeMap::new(),
            losses_at: now + LOSSES_INTERVAL,
            reported: None,
            log_lines_dropped: 0,
            overload: OverloadLog::default(),
        }
    }

    /// Stops a draining server once all clients have left or their time is over.
    fn check_drain(&mut self, lifecycle: &Lifecycle, handle: &ServerHandle) {
        assert!(
            self.draining_since.is_none() || lifecycle.is_draining(),
            "a draining server never admits clients again"
        );
        if !lifecycle.is_draining() || lifecycle.is_stopping() {
            return;
        }
        let since = *self.draining_since.get_or_insert_with(|| {
            notify(NotifyState::Stopping);
            Instant::now()
        });
        // systemd must not end the server while clients may stay.
        notify(NotifyState::ExtendTimeoutUsec(WATCHDOG_INTERVAL_MAX.as_micros() as u32));
        let time_is_over = since.elapsed() >= handle.drain_time();
        let is_empty = || {
            let has_left = handle.report().cores.iter().all(|core| core.connections == 0);
            has_left && !handle.is_handing_over()
        };
        if time_is_over || is_empty() {
            lifecycle.stop();
        }
    }

    /// Feeds the watchdog while every core turns, and logs the cores that do not.
    fn check_cores(&mut self, lifecycle: &Lifecycle, handle: &ServerHandle) -> Result<(), Abandoned> {
        let now = Instant::now();
        // If this thread did not run for a while, neither did the cores. They have until the next check to turn.
        let was_held_up = now.duration_since(self.checked_at) >= STUCK_AFTER;
        assert!(now >= self.checked_at, "the supervisor's clock went back");
        self.checked_at = now;
        if was_held_up {
            return Ok(());
        }
        let stuck = handle.stuck();
        self.log_stuck(now, &stuck);
        if stuck.is_empty() && now >= self.watchdog_at {
            self.watchdog_at = now + self.watchdog_interval;
            notify(NotifyState::Watchdog);
        }
        assert!(self.stopping_since.is_none() || lifecycle.is_stopping(), "a stopping server never serves again");
        if lifecycle.is_stopping() {
            let since = *self.stopping_since.get_or_insert(now);
            if !stuck.is_empty() && now.duration_since(since) >= STUCK_GRACE_PERIOD {
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
            if logged_at.is_none_or(|at| now.duration_since(*at) >= STUCK_INTERVAL) {
                self.stuck.insert(core, now);
                tracing::error!(
                    core,
                    for_s = silence.as_secs(),
                    "this core is stuck, and its clients get nothing: the game's code does not return, or the thread does \
                     not get the CPU (`ringshard doctor`). Run `ringshard report` now; systemd restarts the server soon"
                );
            }
        }
        assert_eq!(self.stuck.len(), stuck.len(), "the list of logged stuck cores differs from the stuck cores");
    }

    /// Every ten seconds, logs what was lost.
    fn check_losses(&mut self, handle: &ServerHandle) {
        if Instant::now() < self.losses_at {
            return;
        }
        self.losses_at = Instant::now() + LOSSES_INTERVAL;
        self.log_losses(&handle.report());
        let lines = handle.log_lines_dropped();
        assert!(lines >= self.log_lines_dropped, "the count of dropped log lines fell");
        if lines > self.log_lines_dropped {
            let count = lines - self.log_lines_dropped;
            self.log_lines_dropped = lines;
            tracing::warn!(count, "log lines were dropped: the reader of standard error does not keep up");
        }
    }

    /// One line for each kind of loss that has occurred since the last time, with the last address; never one per datagram.
    fn log_losses(&mut self, report: &ServerReport) {
        for lost in losses::since(self.reported.as_ref(), report) {
            let Loss { warn_from, advice, .. } = lost.kind();
            let (reason, count, last_from) = (&lost.name, lost.count, lost.last_from.map(tracing::field::display));
            if count < warn_from {
                tracing::debug!(%reason, count, last_from, "{advice}");
            } else {
                tracing::warn!(%reason, count, last_from, "{advice}");
            }
        }
        self.reported = Some(report.clone());
    }
}
