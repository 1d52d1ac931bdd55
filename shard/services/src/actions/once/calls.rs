//! The calls of each client program by their numbers.

use super::super::caller::Cancelled;
use super::super::outcome::Outcome;
use super::{Done, Running, Waiter};
use crate::AccountId;
use ringshard_requests::limits::{CALLS_OPEN_MAX, OUTCOME_LIFETIME};
use ringshard_requests::message::Instance;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

/// Client programs that are remembered.
const CLIENTS_MAX: usize = 65_536;
/// Bytes of outcomes that are kept for one client program, and for all.
const CLIENT_BYTES_MAX: usize = 1 << 20;
const BYTES_MAX: usize = 256 << 20;
/// What an outcome takes beside its value.
const OUTCOME_BYTES: usize = 128;

/// Names a client program: nobody else knows the instance, and an account's calls are its own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(in super::super) struct ClientKey {
    pub account: Option<AccountId>,
    pub instance: Instance,
}

/// All calls that are remembered.
#[derive(Debug, Default)]
pub(in super::super) struct Calls {
    clients: HashMap<ClientKey, Memory>,
    /// All client programs, in the order in which they are looked at for what can be forgotten.
    round: VecDeque<ClientKey>,
    /// Bytes of all outcomes.
    bytes: usize,
    /// Client programs that were forgotten, since the start.
    pub clients_forgotten: u64,
    /// Outcomes that were forgotten before their time for want of room, since the start.
    pub outcomes_forgotten_early: u64,
}

/// What is remembered of a client program.
#[derive(Debug)]
struct Memory {
    epoch: u64,
    /// Calls below this number are not known any more, unless they run.
    forgotten: u32,
    calls: BTreeMap<u32, Entry>,
    running: usize,
    bytes: usize,
    touched: Duration,
}

#[derive(Debug)]
enum Entry {
    Running(Running),
    /// Forgotten then, or later.
    Answered(Outcome, Duration),
}

/// What to do with a call.
pub(in super::super) enum Begin {
    /// Execute it. `Done` and [`Calls::end`] take the outcome.
    Execute(Waiter, Done, Cancelled),
    /// It runs: wait for it.
    Wait(Waiter),
    /// It runs, and somebody waits already.
    Waiting,
    /// This is its outcome.
    Answered(Outcome),
    /// Whether it was executed is not known, or the client is not: it is not executed now.
    Unknown,
    /// There is no room: the client repeats it later.
    Full,
}

impl Calls {
    /// The epoch of the memory of a client's calls. The memory begins, with the epoch `fresh`, if there is none. None: there is
    /// no room.
    pub fn hello(&mut self, key: ClientKey, fresh: u64, now: Duration) -> Option<u64> {
        if let Some(memory) = self.clients.get_mut(&key) {
            memory.touched = now;
            return Some(memory.epoch);
        }
        if self.clients.len() >= CLIENTS_MAX && !self.forget_idle(now) {
            return None;
        }
        let memory = Memory { epoch: fresh, forgotten: 1, calls: BTreeMap::new(), running: 0, bytes: 0, touched: now };
        self.clients.insert(key, memory);
        self.round.push_back(key);
        Some(fresh)
    }

    /// A call arrives on `connection`, which is not 0.
    pub fn begin(&mut self, key: ClientKey, call: &CallNumbers, connection: u64, now: Duration) -> Begin {
        self.look_at_next(now);
        let Some(memory) = self.clients.get_mut(&key).filter(|memory| memory.epoch == call.epoch) else {
            return Begin::Unknown;
        };
        memory.touched = now;
        self.bytes -= memory.forget_before(call.oldest) + memory.forget_outdated(now);
        if let Some(entry) = memory.calls.get(&call.number) {
            return entry.again(connection);
        }
        if call.number < memory.forgotten {
            return Begin::Unknown;
        }
        if memory.running >= CALLS_OPEN_MAX {
            return Begin::Full;
        }
        let (running, done, cancelled) = Running::new();
        let waiter = running.wait(connection).expect("nobody waits yet");
        memory.running += 1;
        memory.calls.insert(call.number, Entry::Running(running));
        Begin::Execute(waiter, done, cancelled)
    }

    /// A client takes a call back. If it has not arrived yet, it gets the outcome `cancelled` and is never executed.
    pub fn cancel(&mut self, key: ClientKey, number: u32, cancelled: Outcome, connection: u64, now: Duration) -> Begin {
        self.look_at_next(now);
        let Some(memory) = self.clients.get_mut(&key) else { return Begin::Unknown };
        memory.touched = now;
        self.bytes -= memory.forget_outdated(now);
        match memory.calls.get(&number) {
            Some(entry) => {
                if let Entry::Running(running) = entry {
                    running.cancel();
                }
                entry.again(connection)
            }
            None if number < memory.forgotten => Begin::Unknown,
            None => {
                self.keep(key, number, &cancelled, now);
                Begin::Answered(cancelled)
            }
        }
    }

    /// A call that was to be executed has ended.
    pub fn end(&mut self, key: ClientKey, number: u32, outcome: &Outcome, now: Duration) {
        let memory = self.clients.get_mut(&key).expect("a client with running calls is not forgotten");
        memory.calls.remove(&number);
        memory.running -= 1;
        if number >= memory.forgotten {
            self.keep(key, number, outcome, now);
        }
    }

    /// Client programs that are remembered.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Bytes of the outcomes that are kept.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn keep(&mut self, key: ClientKey, number: u32, outcome: &Outcome, now: Duration) {
        let memory = self.clients.get_mut(&key).expect("the client is known");
        memory.calls.insert(number, Entry::Answered(outcome.clone(), now + OUTCOME_LIFETIME));
        memory.bytes += bytes(outcome);
        self.bytes += bytes(outcome);
        while memory.bytes > CLIENT_BYTES_MAX {
            self.bytes -= memory.forget_lowest();
            self.outcomes_forgotten_early += 1;
        }
        while self.bytes > BYTES_MAX {
            let memory = self.next_in_round();
            let (before, kept) = (memory.calls.len(), memory.running);
            let bytes = std::iter::from_fn(|| (memory.bytes > 0).then(|| memory.forget_lowest())).sum::<usize>();
            self.bytes -= bytes;
            self.outcomes_forgotten_early += (before - kept) as u64;
        }
    }

    /// Forgets the outdated outcomes of one client program. Each call does this, so that none is left out for long.
    fn look_at_next(&mut self, now: Duration) {
        if !self.round.is_empty() {
            self.bytes -= self.next_in_round().forget_outdated(now);
        }
    }

    fn next_in_round(&mut self) -> &mut Memory {
        let key = self.round.pop_front().expect("there is a client");
        self.round.push_back(key);
        self.clients.get_mut(&key).expect("a client that is listed is remembered")
    }

    /// Makes room for a client program: forgets one that is idle for so long that it waits for no outcome. Returns whether
    /// there is one.
    fn forget_idle(&mut self, now: Duration) -> bool {
        for _ in 0..self.round.len().min(64) {
            let key = self.round.pop_front().expect("the number was counted");
            let memory = self.clients.get(&key).expect("a client that is listed is remembered");
            if memory.running == 0 && now.saturating_sub(memory.touched) >= OUTCOME_LIFETIME {
                self.bytes -= memory.bytes;
                self.clients.remove(&key);
                self.clients_forgotten += 1;
                return true;
            }
            self.round.push_back(key);
        }
        false
    }
}

/// The numbers of a call that decide what is done with it.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct CallNumbers {
    pub number: u32,
    pub epoch: u64,
    pub oldest: u32,
}

impl Memory {
    /// Forgets outcomes below `oldest`: the client has them. Returns their bytes.
    fn forget_before(&mut self, oldest: u32) -> usize {
        if oldest <= self.forgotten {
            return 0;
        }
        self.forgotten = oldest;
        let before = self.calls.range(..oldest).filter(|(_, entry)| entry.until().is_some());
        let before: Vec<u32> = before.map(|(number, _)| *number).collect();
        before.into_iter().map(|number| self.remove(number)).sum()
    }

    /// Forgets outcomes whose time is over. Returns their bytes. Higher numbers are usually younger: it stops at the first
    /// that is not outdated.
    fn forget_outdated(&mut self, now: Duration) -> usize {
        let mut forgotten = 0;
        while self.calls.values().find_map(Entry::until).is_some_and(|until| until <= now) {
            forgotten += self.forget_lowest();
        }
        forgotten
    }

    /// Forgets the outcome of the lowest number. Returns its bytes.
    fn forget_lowest(&mut self) -> usize {
        let mut answered = self.calls.iter().filter(|(_, entry)| entry.until().is_some());
        let number = *answered.next().expect("there is an outcome").0;
        self.forgotten = self.forgotten.max(number + 1);
        self.remove(number)
    }

    /// Removes an outcome. Returns its bytes.
    fn remove(&mut self, number: u32) -> usize {
        let Some(Entry::Answered(outcome, _)) = self.calls.remove(&number) else {
            panic!("call {number} has no outcome")
        };
        self.bytes -= bytes(&outcome);
        bytes(&outcome)
    }
}

impl Entry {
    /// When an outcome is outdated. None: the call runs.
    fn until(&self) -> Option<Duration> {
        if let Entry::Answered(_, until) = self { Some(*until) } else { None }
    }

    /// The call is there again.
    fn again(&self, connection: u64) -> Begin {
        match self {
            Entry::Running(running) => running.wait(connection).map_or(Begin::Waiting, Begin::Wait),
            Entry::Answered(outcome, _) => Begin::Answered(outcome.clone()),
        }
    }
}

fn bytes(outcome: &Outcome) -> usize {
    OUTCOME_BYTES + outcome.value.len()
}
