//! What a floor's server counts, and how the benchmark asks for it: each line on the server's standard input is answered
//! with the counts.

use std::io::{BufRead, Write};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Datagrams, and the batches that they arrived and left in.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub received: u64,
    pub arrivals: u64,
    pub sent: u64,
    pub sends: u64,
}

impl Counts {
    /// The counts since an earlier look.
    pub fn since(self, before: Counts) -> Counts {
        Counts {
            received: self.received.saturating_sub(before.received),
            arrivals: self.arrivals.saturating_sub(before.arrivals),
            sent: self.sent.saturating_sub(before.sent),
            sends: self.sends.saturating_sub(before.sends),
        }
    }

    /// Reads a server's answer; None if it is none.
    pub fn parse(line: &str) -> Option<Counts> {
        let mut numbers = line.split_whitespace().map(|text| text.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(Counts { received: next()?, arrivals: next()?, sent: next()?, sends: next()? })
    }
}

static RECEIVED: AtomicU64 = AtomicU64::new(0);
static ARRIVALS: AtomicU64 = AtomicU64::new(0);
static SENT: AtomicU64 = AtomicU64::new(0);
static SENDS: AtomicU64 = AtomicU64::new(0);

/// Counts datagrams that arrived in that many batches.
pub fn count_received(datagrams: u64, arrivals: u64) {
    RECEIVED.fetch_add(datagrams, Relaxed);
    ARRIVALS.fetch_add(arrivals, Relaxed);
}

/// Counts datagrams that left in that many batches.
pub fn count_sent(datagrams: u64, sends: u64) {
    SENT.fetch_add(datagrams, Relaxed);
    SENDS.fetch_add(sends, Relaxed);
}

/// Answers in a thread of its own until standard input ends, which ends the process.
pub fn answer_queries() {
    std::thread::spawn(|| {
        for _ in std::io::stdin().lock().lines() {
            let [received, arrivals, sent, sends] =
                [&RECEIVED, &ARRIVALS, &SENT, &SENDS].map(|count| count.load(Relaxed));
            let mut out = std::io::stdout().lock();
            if writeln!(out, "{received} {arrivals} {sent} {sends}").and_then(|()| out.flush()).is_err() {
                break;
            }
        }
        // The parent has exited.
        std::process::exit(0);
    });
}
