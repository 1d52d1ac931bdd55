//! Questions and orders to the cores of a running server.
//!
//! Whoever asks lends a core a box, over a pair of SPSC rings; the core fills it, or takes what is in it, and hands it
//! back. Nothing is shared, no core ever waits, and none allocates or frees for it.

use crate::datapath::Backend;
use crate::kick::{Kick, Target};
use crate::report::{CoreSnapshot, ServerReport, SessionSnapshot};
use crate::stages::CoreReport;
use ringshard_engine::endpoint::{ConnectionInfo, Observer, Policy, TrafficSecrets};
use rtrb::{Consumer, Producer, RingBuffer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// How long a core may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Slots of connections that a core looks at in a turn, for a list of them: some tens of microseconds.
pub const SLOTS_PER_TURN: usize = 128;

/// What a core is asked, or told.
#[derive(Debug)]
pub enum Request {
    /// To say what it has done so far.
    Report(Box<CoreReport>),
    /// To list its connections, some each turn.
    Sessions(Box<SessionList>),
    /// To go by another policy.
    Policy(Box<Policy>),
    /// To show every datagram to an observer, or to nobody; the former one comes back.
    Observe(Option<Observer>),
    /// To give out the secrets of its connections, some each turn.
    Secrets(Box<SecretList>),
    /// To end connections, looking at some each turn.
    Kick(Box<Kick>),
    /// To give a sign of life.
    Pulse,
}

/// The connections of a core.
#[derive(Debug, Default)]
pub struct SessionList {
    /// Those found so far. Room for as many as there can be is reserved by who asks.
    pub connections: Vec<ConnectionInfo>,
    /// The slot to go on at.
    pub next_slot: usize,
    /// When the core was done, by its own clock.
    pub finished_at: ringshard_engine::time::Instant,
}

/// The traffic secrets of a core's connections.
#[derive(Debug, Default)]
pub struct SecretList {
    /// Those found so far. Room for as many as there can be is reserved by who asks.
    pub secrets: Vec<TrafficSecrets>,
    /// The slot to go on at.
    pub next_slot: usize,
}

/// The core's end.
#[derive(Debug)]
pub struct ControlOutlet {
    asked: Consumer<Question>,
    answered: Producer<Question>,
}

/// A request with its number: the answer to one that nobody waits for any more is not taken for that to the next.
#[derive(Debug)]
pub struct Question {
    number: u64,
    /// What is asked.
    pub request: Request,
}

/// The asker's end.
#[derive(Debug)]
pub struct ControlInlet {
    ask: Producer<Question>,
    answers: Consumer<Question>,
    number: u64,
}

/// Both ends for one core.
pub fn control_exchange() -> (ControlInlet, ControlOutlet) {
    let (ask, asked) = RingBuffer::new(1);
    let (answered, answers) = RingBuffer::new(1);
    (ControlInlet { ask, answers, number: 0 }, ControlOutlet { asked, answered })
}

impl ControlOutlet {
    /// What is asked, if anything is.
    #[inline]
    pub fn asked(&mut self) -> Option<Question> {
        self.asked.pop().ok()
    }

    /// Hands it back.
    pub fn answer(&mut self, question: Question) {
        // One question is open at a time, so there is room, unless the asker has given up on the last one.
        let _ = self.answered.push(question);
    }
}

impl ControlInlet {
    /// Puts a question to the core. One that has not even taken the last one gets no other: it will not answer either.
    fn put(&mut self, request: Request) {
        while self.answers.pop().is_ok() {}
        self.number += 1;
        let _ = self.ask.push(Question { number: self.number, request });
    }

    /// Waits for the answer until `deadline`. None when the core does not answer: it is stuck or gone.
    fn wait(&mut self, deadline: Instant) -> Option<Request> {
        loop {
            if let Ok(Question { number, request }) = self.answers.pop()
                && number == self.number
            {
                return Some(request);
            }
            if Instant::now() >= deadline {
                return None;
            }
            std::thread::sleep(Duration::from_micros(500));
        }
    }
}

/// How far a server has come. Every core reads it each turn.
#[derive(Debug, Default)]
pub struct Lifecycle(AtomicU8);

impl Lifecycle {
    /// Nobody new is let in; who is there may stay.
    pub fn drain(&self) {
        self.0.fetch_max(1, Ordering::Relaxed);
    }

    /// Clients are told, and the cores end.
    pub fn stop(&self) {
        self.0.fetch_max(2, Ordering::Relaxed);
    }

    /// Whether nobody new is let in.
    #[inline]
    pub fn is_draining(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= 1
    }

    /// Whether the cores are to end.
    #[inline]
    pub fn is_stopping(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= 2
    }
}

/// A core that does not answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("core {0} does not answer")]
pub struct Silent(pub usize);

/// What a server is, beside its cores.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Which link it uses.
    pub datapath: Backend,
    /// When it started.
    pub started: Instant,
    /// Connections that a core can have.
    pub connections_per_core_max: usize,
}

/// Asks all cores, and tells them.
#[derive(Debug)]
pub struct Control {
    identity: Identity,
    lifecycle: Arc<Lifecycle>,
    cores: Vec<ControlInlet>,
}

impl Control {
    /// Over these cores, in order.
    pub fn new(identity: Identity, lifecycle: Arc<Lifecycle>, cores: Vec<ControlInlet>) -> Self {
        Control { identity, lifecycle, cores }
    }

    /// What the server is.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// How far it has come.
    pub fn lifecycle(&self) -> &Arc<Lifecycle> {
        &self.lifecycle
    }

    /// What the server has done so far.
    ///
    /// # Errors
    /// The first core that does not answer.
    pub fn report(&mut self) -> Result<ServerReport, Silent> {
        let answers = self.ask_all(|_| Request::Report(Box::default()))?;
        let snapshot = |(number, answer)| match answer {
            Request::Report(report) => Ok(CoreSnapshot::new(number, &report)),
            _ => Err(Silent(number)),
        };
        let cores = answers.into_iter().enumerate().map(snapshot).collect::<Result<_, _>>()?;
        Ok(ServerReport::new(&self.identity, self.lifecycle.is_draining(), cores))
    }

    /// All connections.
    ///
    /// # Errors
    /// The first core that does not answer.
    pub fn sessions(&mut self) -> Result<Vec<SessionSnapshot>, Silent> {
        let room = self.identity.connections_per_core_max;
        let question = |_| {
            Request::Sessions(Box::new(SessionList { connections: Vec::with_capacity(room), ..SessionList::default() }))
        };
        let answers = self.ask_all(question)?;
        let mut sessions = Vec::new();
        for (number, answer) in answers.into_iter().enumerate() {
            let Request::Sessions(list) = answer else { return Err(Silent(number)) };
            sessions.extend(list.connections.iter().map(|info| SessionSnapshot::new(info, list.finished_at)));
        }
        Ok(sessions)
    }

    /// Has all cores go by another policy.
    ///
    /// # Errors
    /// The first core that does not answer.
    pub fn apply(&mut self, policy: &Policy) -> Result<(), Silent> {
        self.ask_all(|_| Request::Policy(Box::new(policy.clone()))).map(drop)
    }

    /// Ends connections; gives how many.
    ///
    /// # Errors
    /// The first core that does not answer.
    pub fn kick(&mut self, target: Target) -> Result<usize, Silent> {
        let answers = self.ask_all(|_| Request::Kick(Box::new(Kick::new(target))))?;
        let ended = |(number, answer)| match answer {
            Request::Kick(kick) => Ok(kick.connections),
            _ => Err(Silent(number)),
        };
        answers.into_iter().enumerate().map(ended).sum()
    }

    /// Asks every core for a sign of life.
    ///
    /// # Errors
    /// The first core that does not answer.
    pub fn pulse(&mut self) -> Result<(), Silent> {
        self.ask_all(|_| Request::Pulse).map(drop)
    }

    /// Has every core show its datagrams to the observer that `make` gives for it, or to nobody.
    ///
    /// # Errors
    /// The first core that does not answer.
    pub fn observe(&mut self, mut make: impl FnMut(usize) -> Option<Observer>) -> Result<(), Silent> {
        self.ask_all(|core| Request::Observe(make(core))).map(drop)
    }

    /// The traffic secrets of all connections.
    ///
    /// # Errors
    /// The first core that does not answer.
    pub fn secrets(&mut self) -> Result<Vec<TrafficSecrets>, Silent> {
        let room = self.identity.connections_per_core_max;
        let list = || SecretList { secrets: Vec::with_capacity(room), next_slot: 0 };
        let answers = self.ask_all(|_| Request::Secrets(Box::new(list())))?;
        let mut secrets = Vec::new();
        for (number, answer) in answers.into_iter().enumerate() {
            let Request::Secrets(list) = answer else { return Err(Silent(number)) };
            secrets.extend(list.secrets);
        }
        Ok(secrets)
    }

    /// Asks all cores at once, and gathers their answers in order.
    fn ask_all(&mut self, mut question: impl FnMut(usize) -> Request) -> Result<Vec<Request>, Silent> {
        let deadline = Instant::now() + PATIENCE;
        self.cores.iter_mut().enumerate().for_each(|(number, core)| core.put(question(number)));
        self.cores.iter_mut().enumerate().map(|(number, core)| core.wait(deadline).ok_or(Silent(number))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringshard_engine::time::Duration as Time;

    fn control(cores: usize) -> (Control, Vec<ControlOutlet>) {
        let (inlets, outlets) = (0..cores).map(|_| control_exchange()).unzip();
        let identity = Identity {
            listen: ([127, 0, 0, 1], 1).into(),
            datapath: Backend::Mmsg,
            started: Instant::now(),
            connections_per_core_max: 4,
        };
        (Control::new(identity, Arc::default(), inlets), outlets)
    }

    #[test]
    fn every_core_answers_for_itself_and_a_silent_one_is_named() {
        let (mut control, outlets) = control(2);
        let cores: Vec<_> = outlets
            .into_iter()
            .zip([7, 9])
            .map(|(mut outlet, connections)| {
                std::thread::spawn(move || {
                    loop {
                        let Some(mut question) = outlet.asked() else { continue };
                        if let Request::Report(report) = &mut question.request {
                            report.connections = connections;
                            report.stages.turn.record(Time::from_micros(3), 5);
                            return outlet.answer(question);
                        }
                    }
                })
            })
            .collect();
        let report = control.report().expect("both answer");
        assert_eq!(report.cores.iter().map(|core| core.connections).collect::<Vec<_>>(), [7, 9]);
        assert_eq!(report.stage("turn").len(), 10);
        cores.into_iter().for_each(|core| core.join().unwrap());
        assert_eq!(control.report().unwrap_err(), Silent(0), "nobody is there any more");
    }

    #[test]
    fn a_late_answer_is_not_taken_for_the_next() {
        let (mut control, mut outlets) = control(1);
        control.cores[0].put(Request::Policy(Box::default()));
        assert!(control.cores[0].wait(Instant::now()).is_none());
        let late = outlets[0].asked().expect("the question is there");
        control.cores[0].put(Request::Report(Box::default()));
        outlets[0].answer(late);
        assert!(control.cores[0].wait(Instant::now()).is_none(), "it is not the answer to this");
        let asked = outlets[0].asked().expect("the next question is there");
        outlets[0].answer(asked);
        let answer = control.cores[0].wait(Instant::now() + PATIENCE);
        assert!(matches!(answer, Some(Request::Report(_))), "{answer:?}");
    }

    #[test]
    fn a_server_never_goes_back_to_an_earlier_stage_of_its_life() {
        let lifecycle = Lifecycle::default();
        assert!(!lifecycle.is_draining() && !lifecycle.is_stopping());
        lifecycle.stop();
        lifecycle.drain();
        assert!(lifecycle.is_draining() && lifecycle.is_stopping());
    }
}
