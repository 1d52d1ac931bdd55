//! Asks the server on a thread of its own, so that a slow answer does not delay keys.

use crate::admin::order_name;
use ringshard::ops::admin::{AdminClient, AdminClientError, SortOrder};
use ringshard::ops::report::{ConnectionSnapshot, ServerReport};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Tolerance for the difference between the server's clock and ours, as a share of the time.
const CLOCK_TOLERANCE: f64 = 0.01;
/// Tolerance for the time that an answer is in transit, in seconds.
const TRANSIT_TOLERANCE_S: f64 = 0.1;

/// Which connections to ask for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Query {
    /// Their order.
    pub sort: SortOrder,
    /// Their highest number.
    pub limit: u16,
}

/// An answer of the server.
#[derive(Clone, Debug)]
pub struct Answer {
    asked: Instant,
    answered: Instant,
    /// Its report.
    pub report: ServerReport,
    /// The requested connections.
    pub connections: Vec<ConnectionSnapshot>,
}

impl Answer {
    /// Asks the server.
    ///
    /// # Errors
    /// [`AdminClientError`].
    pub fn get(client: &AdminClient, query: Query) -> Result<Self, AdminClientError> {
        let asked = Instant::now();
        let report = client.get("/stats")?;
        let answered = Instant::now();
        let path = format!("/sessions?sort={}&limit={}", order_name(query.sort), query.limit);
        Ok(Answer { asked, answered, report, connections: client.connections(&path)?.given })
    }

    /// An answer at `at`, for tests.
    #[cfg(test)]
    pub fn at(at: Instant, report: ServerReport, connections: Vec<ConnectionSnapshot>) -> Self {
        Answer { asked: at, answered: at, report, connections }
    }

    /// Whether the same server, without a restart, gave both answers. Then the differences of its counters are what it did.
    pub fn continues(&self, before: &Answer) -> bool {
        let (now, then) = (&self.report, &before.report);
        // Its uptime must have grown by the time between the answers. The process id is always the same in a container.
        let elapsed = self.asked.saturating_duration_since(before.answered).as_secs_f64();
        let grown = now.uptime_s - then.uptime_s;
        let counters = |report: &ServerReport| (report.total("datagrams_in"), report.total("datagrams_out"));
        let ((ins, outs), (ins_then, outs_then)) = (counters(now), counters(then));
        now.pid == then.pid
            && now.cores.len() == then.cores.len()
            && grown > 0.0
            && grown > elapsed * (1.0 - CLOCK_TOLERANCE) - TRANSIT_TOLERANCE_S
            && ins >= ins_then
            && outs >= outs_then
    }
}

/// The thread that asks.
pub struct Poller {
    queries: Sender<Query>,
    /// The answers, or why there was none.
    pub answers: Receiver<Result<Answer, AdminClientError>>,
}

impl Poller {
    /// Asks every `interval`, until it is dropped.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn start(client: AdminClient, query: Query, interval: Duration) -> std::io::Result<Self> {
        let (queries, queried) = channel();
        let (sender, answers) = channel();
        let ask = move || {
            let (mut query, mut due) = (query, Instant::now() + interval);
            loop {
                match queried.recv_timeout(due.saturating_duration_since(Instant::now())) {
                    // The next request is due as before: rates over a shorter time say little.
                    Ok(other) => query = other,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
                        due = (due + interval).max(Instant::now());
                        if sender.send(Answer::get(&client, query)).is_err() {
                            return;
                        }
                    }
                }
            }
        };
        std::thread::Builder::new().name("poll".into()).spawn(ask)?;
        Ok(Poller { queries, answers })
    }

    /// Changes the query.
    pub fn ask(&self, query: Query) {
        // If the thread has ended, so have the answers, which reports it.
        let _ = self.queries.send(query);
    }
}
