//! The thread that floods the server at a fixed rate.

mod bad_tags;
mod connects;
mod garbage;
mod handshakes;

pub use self::bad_tags::BadTags;
pub use self::connects::Connects;
pub use self::garbage::Garbage;
pub use self::handshakes::Handshakes;

use super::send_batch::{BATCH, Sent};
use core_affinity::CoreId;
use rustix::process::setpriority_process;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// The longest that a flood lasts if it is not stopped.
const LIFE_MAX: Duration = Duration::from_secs(4000);
/// What is later than this is skipped: a flood keeps its rate but does not catch up.
const LATE_MAX: Duration = Duration::from_millis(20);
/// How long the thread sleeps when nothing is due.
const REST: Duration = Duration::from_micros(200);
/// Nice value of its thread: a tenth of the usual CPU share.
const NICE: i32 = 10;

/// A kind of flood.
pub trait Attack: Send {
    /// Sends at most [`BATCH`] datagrams.
    fn send(&mut self) -> io::Result<Sent>;

    /// What it has sent and received so far, by type. Empty if there is only one type.
    fn counts(&self) -> BTreeMap<&'static str, u64> {
        BTreeMap::new()
    }
}

/// A running flood.
pub struct Flood {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<FloodResult>,
}

/// What a flood has sent in the end.
pub struct FloodResult {
    pub sent: Sent,
    pub elapsed: Duration,
    pub counts: BTreeMap<&'static str, u64>,
    /// The last error of a send.
    pub refused: Option<io::Error>,
}

impl Flood {
    /// Starts to send `per_second` datagrams per second on this CPU.
    pub fn start(mut attack: Box<dyn Attack>, per_second: u64, cpu: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let end = stop.clone();
        let thread = std::thread::spawn(move || {
            core_affinity::set_for_current(CoreId { id: cpu });
            // Players share this CPU and go first: the server's delay is measured, not theirs.
            let _ = setpriority_process(None, NICE);
            let began = Instant::now();
            let mut pace = Pace::new(per_second);
            let (mut sent, mut refused) = (Sent::default(), None);
            while !end.load(Ordering::Relaxed) && began.elapsed() < LIFE_MAX {
                if !pace.is_due(began.elapsed(), sent.datagrams) {
                    std::thread::sleep(REST);
                    continue;
                }
                match attack.send() {
                    Ok(result) if result.datagrams > 0 => sent.add(result),
                    Ok(_) => std::thread::sleep(REST),
                    Err(error) => {
                        refused = Some(error);
                        std::thread::sleep(REST);
                    }
                }
            }
            FloodResult { sent, elapsed: began.elapsed(), counts: attack.counts(), refused }
        });
        Flood { stop, thread }
    }

    pub fn stop(self) -> Result<FloodResult, String> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the flood's thread panicked".into())
    }
}

/// Decides when a batch is due.
struct Pace {
    per_second: u64,
    /// Datagrams that were skipped because they were late.
    forgone: u64,
}

impl Pace {
    fn new(per_second: u64) -> Self {
        Pace { per_second, forgone: 0 }
    }

    /// Whether a batch is due after `elapsed`, when `sent` datagrams have been sent.
    fn is_due(&mut self, elapsed: Duration, sent: u64) -> bool {
        let wanted = (elapsed.as_secs_f64() * self.per_second as f64) as u64;
        let late_max = (LATE_MAX.as_secs_f64() * self.per_second as f64) as u64 + BATCH as u64;
        let owed = wanted.saturating_sub(sent + self.forgone);
        self.forgone += owed.saturating_sub(late_max);
        owed >= BATCH as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_keeps_its_rate_and_does_not_catch_up() {
        let mut pace = Pace::new(64_000);
        let millis = Duration::from_millis;
        assert!(!pace.is_due(millis(0), 0));
        assert!(pace.is_due(millis(1), 0) && !pace.is_due(millis(1), 64));
        // A second late: of 64,000 due datagrams, those of the last 20 ms and one batch are sent.
        let mut sent = 0;
        while pace.is_due(millis(1000), sent) {
            sent += BATCH as u64;
        }
        assert_eq!(sent, 1280 + 64);
        assert!(!pace.is_due(millis(1000), sent) && pace.is_due(millis(1002), sent));
    }
}
