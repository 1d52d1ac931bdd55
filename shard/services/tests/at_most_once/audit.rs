//! Counts what was executed and compares it with what the clients were told.

use ringshard_requests::caller::End;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Names a call: client, and which of the client's.
pub type CallId = (u32, u32);

/// How often each call was executed. Handlers of all servers share it.
#[derive(Clone, Default)]
pub struct Executions(Arc<Mutex<HashMap<CallId, u32>>>);

impl Executions {
    pub fn count(&self, call: CallId) {
        *self.0.lock().unwrap().entry(call).or_default() += 1;
    }

    fn of(&self, call: CallId) -> u32 {
        self.0.lock().unwrap().get(&call).copied().unwrap_or(0)
    }
}

#[derive(Default)]
pub struct Audit {
    pub executions: Executions,
    pub ends: HashMap<CallId, End>,
    pub calls: usize,
    pub messages: u64,
    pub lost: u64,
    pub duplicated: u64,
    pub reconnects: u64,
    pub kills: u64,
    /// Messages to a process that had ended which reached the next one.
    pub late: u64,
    /// Repeated calls that servers recognised.
    pub repeated: u64,
    pub time: Duration,
}

impl Audit {
    pub fn end(&mut self, call: CallId, end: End) {
        let former = self.ends.insert(call, end);
        assert!(former.is_none(), "call {call:?} ends twice");
    }

    /// Checks each call, when nothing can happen any more.
    pub fn check(&self) {
        assert_eq!(self.ends.len(), self.calls, "each call has an end");
        for (call, end) in &self.ends {
            let executed = self.executions.of(*call);
            let right = match end {
                End::Answered(_) => executed == 1,
                End::Unknown => executed <= 1,
                End::Refused { .. } | End::Cancelled | End::Expired => executed == 0,
            };
            assert!(right, "call {call:?} was executed {executed} times and ended as {end:?}");
        }
    }

    /// A simulation in which nothing goes wrong would show nothing.
    pub fn assert_something_happened(&self) {
        let unknown_executed = self.unknown(|executed| executed == 1);
        let [answered, unknown, ..] = self.counts();
        assert!(self.kills > 1 && self.late > 0 && self.reconnects > 10 && self.repeated > 100, "{self}");
        assert!(unknown_executed > 0 && unknown_executed < unknown, "kills hit before and after executions: {self}");
        assert!(answered * 2 > self.calls, "most calls are answered: {self}");
    }

    fn unknown(&self, executed: impl Fn(u32) -> bool) -> usize {
        let unknown = self.ends.iter().filter(|(_, end)| **end == End::Unknown);
        unknown.filter(|(call, _)| executed(self.executions.of(**call))).count()
    }

    /// Answered, unknown, refused, cancelled, expired.
    fn counts(&self) -> [usize; 5] {
        let mut counts = [0; 5];
        for end in self.ends.values() {
            counts[match end {
                End::Answered(_) => 0,
                End::Unknown => 1,
                End::Refused { .. } => 2,
                End::Cancelled => 3,
                End::Expired => 4,
            }] += 1;
        }
        counts
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [answered, unknown, refused, cancelled, expired] = self.counts();
        let executed = self.unknown(|executed| executed == 1);
        write!(
            f,
            "{} calls in {:.0} s: {answered} answered, {unknown} unknown ({executed} of them executed once), {refused} \
             refused, {cancelled} cancelled, {expired} expired; {} messages, {} lost, {} duplicated; {} reconnects, {} \
             kills, {} messages after them; {} repeated calls recognised",
            self.calls,
            self.time.as_secs_f64(),
            self.messages,
            self.lost,
            self.duplicated,
            self.reconnects,
            self.kills,
            self.late,
            self.repeated,
        )
    }
}
