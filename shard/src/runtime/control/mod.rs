//! Questions and orders to the cores of a running server.
//!
//! Whoever asks lends a core a box, over a pair of SPSC rings; the core fills it, or takes what is in it, and hands it
//! back. Nothing is shared, no core ever waits, and none allocates or frees for it.

pub mod kick;
pub mod liveness;
pub mod quality;

use crate::runtime::control::kick::{Kick, Target};
use crate::runtime::control::liveness::{Beat, Liveness};
use crate::runtime::control::quality::Quality;
use crate::runtime::core_report::CoreReport;
use crate::runtime::status::{CoreStatus, Identity, ServerStatus};
use ringshard_protocol::endpoint::{ConnectionInfo, Observer, Policy, TrafficSecrets};
use rtrb::{Consumer, Producer, RingBuffer};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// How long a core that turns may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// Slots of connections that a core looks at in a turn, for a list of them: some tens of microseconds.
pub const SLOTS_PER_TURN: usize = 128;

/// What a core is asked, or told.
#[derive(Debug)]
pub enum Request {
    /// To say what it has done so far.
    Report(Box<CoreReport>),
    /// To list its connections, some each turn.
    Connections(Box<ConnectionList>),
    /// To go by another policy.
    Policy(Box<Policy>),
    /// To show every datagram to an observer, or to nobody; the former one comes back.
    Observe(Option<Observer>),
    /// To give out the secrets of its connections, some each turn.
    Secrets(Box<SecretList>),
    /// To end connections, looking at some each turn.
    Kick(Box<Kick>),
    /// To say how good its connections are, looking at some each turn.
    Quality(Box<Quality>),
}

/// The connections of a core.
#[derive(Debug, Default)]
pub struct ConnectionList {
    /// Those found so far. Room for as many as there can be is reserved by who asks.
    pub connections: Vec<ConnectionInfo>,
    /// The slot to go on at.
    pub next_slot: usize,
    /// When the core was done, by its own clock.
    pub finished_at: ringshard_protocol::time::Instant,
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
    beat: Beat,
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
    liveness: Arc<Liveness>,
    /// What the core has said last of what it has done.
    latest: Option<Box<CoreReport>>,
}

/// Both ends for one core.
pub fn control_exchange() -> (ControlInlet, ControlOutlet) {
    let (ask, asked) = RingBuffer::new(1);
    let (answered, answers) = RingBuffer::new(1);
    let beat = Beat::new();
    let inlet = ControlInlet { ask, answers, number: 0, liveness: beat.liveness(), latest: None };
    (inlet, ControlOutlet { asked, answered, beat })
}

impl ControlOutlet {
    /// The core begins a turn.
    #[inline]
    pub fn turn(&mut self, now: ringshard_protocol::time::Instant) {
        self.beat.turn(now);
    }

    /// The core has done its last turn.
    pub fn end(&self) {
        self.beat.end();
    }

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
    /// Whether there is no point in waiting for an answer.
    fn is_silent(&self) -> bool {
        self.liveness.has_ended() || self.liveness.stuck().is_some()
    }

    /// Puts a question to the core. A core that has not read the previous question gets no new one.
    fn put(&mut self, request: Request) {
        while self.answers.pop().is_ok() {}
        self.number += 1;
        let _ = self.ask.push(Question { number: self.number, request });
    }

    /// Waits for the answer until `deadline`. None when the core does not answer by then, or has ended, or is stuck.
    fn wait(&mut self, deadline: Instant) -> Option<Request> {
        loop {
            if let Ok(Question { number, request }) = self.answers.pop()
                && number == self.number
            {
                return Some(request);
            }
            if Instant::now() >= deadline || self.is_silent() {
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

/// Cores that do not answer.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{} does not answer", name(.0))]
pub struct Silent(pub Vec<usize>);

/// Some cores, as texts call them.
fn name(cores: &[usize]) -> String {
    let numbers: Vec<String> = cores.iter().map(usize::to_string).collect();
    format!("core {}", numbers.join(", core "))
}

impl Silent {
    /// An error where any core is silent.
    fn unless_none(cores: Vec<usize>) -> Result<(), Silent> {
        if cores.is_empty() { Ok(()) } else { Err(Silent(cores)) }
    }
}

/// What the cores that answered gave, all of it together, and those that did not answer.
#[derive(Clone, Debug, Default)]
pub struct Gathered<T> {
    /// What was given.
    pub given: Vec<T>,
    /// Cores whose part is missing.
    pub missing: Vec<usize>,
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

    /// Whether each core still turns, in the order of the cores. It can be read without asking them.
    pub fn livenesses(&self) -> Vec<Arc<Liveness>> {
        self.cores.iter().map(|core| core.liveness.clone()).collect()
    }

    /// What the server has done so far. Of a core that does not answer it has what that core said last, and says since when
    /// the core is stuck.
    pub fn status(&mut self) -> ServerStatus {
        let answers = self.ask_all(|_| Request::Report(Box::default()));
        for (core, answer) in self.cores.iter_mut().zip(answers) {
            if let Some(Request::Report(report)) = answer {
                core.latest = Some(report);
            }
        }
        let status = |core: &ControlInlet| CoreStatus {
            report: core.latest.clone().unwrap_or_default(),
            stuck: core.liveness.stuck(),
        };
        ServerStatus {
            identity: self.identity.clone(),
            draining: self.lifecycle.is_draining(),
            cores: self.cores.iter().map(status).collect(),
        }
    }

    /// How good the connections of each core are; None for a core that does not answer.
    pub fn qualities(&mut self) -> Vec<Option<Quality>> {
        let quality = |answer| match answer {
            Some(Request::Quality(quality)) => Some(*quality),
            _ => None,
        };
        self.ask_all(|_| Request::Quality(Box::default())).into_iter().map(quality).collect()
    }

    /// All connections of the cores that answer, each with the time on its core's clock at which it was listed.
    pub fn connections(&mut self) -> Gathered<(ConnectionInfo, ringshard_protocol::time::Instant)> {
        let room = self.identity.connections_per_core_max;
        let question = |_| {
            Request::Connections(Box::new(ConnectionList {
                connections: Vec::with_capacity(room),
                ..ConnectionList::default()
            }))
        };
        self.gather(question, |answer, connections| {
            let Request::Connections(list) = answer else { return };
            connections.extend(list.connections.into_iter().map(|info| (info, list.finished_at)));
        })
    }

    /// Has all cores go by another policy.
    ///
    /// # Errors
    /// The cores that do not answer. All others have taken it.
    pub fn apply(&mut self, policy: &Policy) -> Result<(), Silent> {
        let answers = self.ask_all(|_| Request::Policy(Box::new(policy.clone())));
        Silent::unless_none(missing(&answers))
    }

    /// Ends connections; gives how many of each core that answers.
    pub fn kick(&mut self, target: Target) -> Gathered<usize> {
        self.gather(
            |_| Request::Kick(Box::new(Kick::new(target))),
            |answer, ended| {
                let Request::Kick(kick) = answer else { return };
                ended.push(kick.connections);
            },
        )
    }

    /// Has every core show its datagrams to the observer that `make` gives for it, or to nobody.
    ///
    /// # Errors
    /// All cores, where none answers. A core that does not answer while others do is not observed.
    pub fn observe(&mut self, mut make: impl FnMut(usize) -> Option<Observer>) -> Result<(), Silent> {
        let answers = self.ask_all(|core| Request::Observe(make(core)));
        let missing = missing(&answers);
        if missing.len() < answers.len() { Ok(()) } else { Err(Silent(missing)) }
    }

    /// The traffic secrets of all connections of the cores that answer.
    pub fn secrets(&mut self) -> Gathered<TrafficSecrets> {
        let room = self.identity.connections_per_core_max;
        let list = || SecretList { secrets: Vec::with_capacity(room), next_slot: 0 };
        self.gather(
            |_| Request::Secrets(Box::new(list())),
            |answer, secrets| {
                let Request::Secrets(list) = answer else { return };
                secrets.extend(list.secrets);
            },
        )
    }

    /// Asks all cores, and puts together what those that answer give.
    fn gather<T>(
        &mut self,
        question: impl FnMut(usize) -> Request,
        mut take: impl FnMut(Request, &mut Vec<T>),
    ) -> Gathered<T> {
        let answers = self.ask_all(question);
        let missing = missing(&answers);
        let mut given = Vec::new();
        answers.into_iter().flatten().for_each(|answer| take(answer, &mut given));
        Gathered { given, missing }
    }

    /// Asks all cores at once, and gives their answers in order; None for each core that does not answer. A core that is
    /// known to be stuck holds up nobody.
    fn ask_all(&mut self, mut question: impl FnMut(usize) -> Request) -> Vec<Option<Request>> {
        let deadline = Instant::now() + PATIENCE;
        let mut asked = Vec::with_capacity(self.cores.len());
        for (number, core) in self.cores.iter_mut().enumerate() {
            asked.push(!core.is_silent());
            if asked[number] {
                core.put(question(number));
            }
        }
        self.cores.iter_mut().zip(asked).map(|(core, asked)| if asked { core.wait(deadline) } else { None }).collect()
    }
}

/// The cores that have not answered.
fn missing(answers: &[Option<Request>]) -> Vec<usize> {
    answers.iter().enumerate().filter(|(_, answer)| answer.is_none()).map(|(number, _)| number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::control::liveness::STUCK_AFTER;
    use crate::runtime::datapath::Backend;
    use ringshard_protocol::time::Instant as Time;

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
        let began = Instant::now();
        let cores: Vec<_> = outlets
            .into_iter()
            .zip([7, 9])
            .map(|(mut outlet, connections)| {
                std::thread::spawn(move || {
                    loop {
                        outlet.turn(Time::ZERO + began.elapsed());
                        let Some(mut question) = outlet.asked() else { continue };
                        if let Request::Report(report) = &mut question.request {
                            report.connections = connections;
                            report.stages.turn.record(Duration::from_micros(3), 5);
                            return outlet.answer(question);
                        }
                    }
                })
            })
            .collect();
        let connections =
            |status: &ServerStatus| status.cores.iter().map(|core| core.report.connections).collect::<Vec<_>>();
        let status = control.status();
        assert!(status.cores.iter().all(|core| core.stuck.is_none()));
        assert_eq!(connections(&status), [7, 9]);
        assert!(status.cores.iter().all(|core| core.report.stages.turn.histogram().len() == 5));
        cores.into_iter().for_each(|core| core.join().unwrap());
        // Nobody is there any more: what was known stays, and it is said how old that is.
        std::thread::sleep(STUCK_AFTER);
        let asked = Instant::now();
        let status = control.status();
        assert!(asked.elapsed() < STUCK_AFTER, "nobody waits for who is known to be stuck");
        assert_eq!(connections(&status), [7, 9]);
        assert!(status.cores.iter().all(|core| core.stuck.is_some_and(|since| since >= STUCK_AFTER)));
        assert_eq!(control.connections().missing, [0, 1]);
        assert_eq!(control.apply(&Policy::default()), Err(Silent(vec![0, 1])));
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
