//! Asking the server, on a thread of its own: it may take its time, and keys are to be answered at once.

use crate::admin::order_name;
use ringshard::ops::admin::{AdminClient, AdminClientError, Order};
use ringshard::ops::report::{ConnectionSnapshot, ServerReport};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Server's clock against ours, and the time that an answer is under way: less than this share, and less than this.
const CLOCKS_APART: f64 = 0.01;
const CLOCKS_APART_S: f64 = 0.1;

/// Which connections are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Question {
    /// Most of what first.
    pub sort: Order,
    /// How many at most.
    pub limit: u16,
}

/// What the server said.
#[derive(Clone, Debug)]
pub struct Answer {
    asked: Instant,
    answered: Instant,
    /// The server.
    pub report: ServerReport,
    /// Its connections, as far as they were asked for.
    pub sessions: Vec<ConnectionSnapshot>,
}

impl Answer {
    /// Asks.
    ///
    /// # Errors
    /// [`AdminClientError`].
    pub fn get(asker: &AdminClient, question: Question) -> Result<Self, AdminClientError> {
        let asked = Instant::now();
        let report = asker.get("/stats")?;
        let answered = Instant::now();
        let path = format!("/sessions?sort={}&limit={}", order_name(question.sort), question.limit);
        Ok(Answer { asked, answered, report, sessions: asker.sessions(&path)?.given })
    }

    /// An answer for tests, given at `at`.
    #[cfg(test)]
    pub fn at(at: Instant, report: ServerReport, sessions: Vec<ConnectionSnapshot>) -> Self {
        Answer { asked: at, answered: at, report, sessions }
    }

    /// Whether the same server gave both, and was not started again in between: then its counts go on, and what they have
    /// become more by is what it did.
    pub fn goes_on_from(&self, before: &Answer) -> bool {
        let (now, then) = (&self.report, &before.report);
        // At least this much time has passed for it, too; the process id alone is always the same in a container.
        let passed = self.asked.saturating_duration_since(before.answered).as_secs_f64();
        let lived = now.uptime_s - then.uptime_s;
        let in_and_out = |report: &ServerReport| (report.total("datagrams_in"), report.total("datagrams_out"));
        let ((ins, outs), (ins_then, outs_then)) = (in_and_out(now), in_and_out(then));
        now.pid == then.pid
            && now.cores.len() == then.cores.len()
            && lived > 0.0
            && lived > passed * (1.0 - CLOCKS_APART) - CLOCKS_APART_S
            && ins >= ins_then
            && outs >= outs_then
    }
}

/// The thread that asks.
pub struct Poller {
    questions: Sender<Question>,
    /// What the server said, or why it said nothing.
    pub answers: Receiver<Result<Answer, AdminClientError>>,
}

impl Poller {
    /// Asks every `interval`, until it is dropped.
    ///
    /// # Errors
    /// What the system said: no thread.
    pub fn start(asker: AdminClient, question: Question, interval: Duration) -> std::io::Result<Self> {
        let (questions, asked) = channel();
        let (tell, answers) = channel();
        let ask = move || {
            let (mut question, mut due) = (question, Instant::now() + interval);
            loop {
                match asked.recv_timeout(due.saturating_duration_since(Instant::now())) {
                    // The next look is due when it was: rates over less than that say little.
                    Ok(other) => question = other,
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => {
                        due = (due + interval).max(Instant::now());
                        if tell.send(Answer::get(&asker, question)).is_err() {
                            return;
                        }
                    }
                }
            }
        };
        std::thread::Builder::new().name("poll".into()).spawn(ask)?;
        Ok(Poller { questions, answers })
    }

    /// Asks this from now on.
    pub fn ask(&self, question: Question) {
        // Nobody there: that the answers have ended says so.
        let _ = self.questions.send(question);
    }
}
