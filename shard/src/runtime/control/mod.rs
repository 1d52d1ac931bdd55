//! Requests to the cores of a running server.
//!
//! | module | for |
//! |---|---|
//! | [`request`] | what a core can be asked |
//! | [`mod@mailbox`] | the rings that carry requests and responses |
//! | [`lifecycle`] | running, draining, stopping |
//! | [`liveness`] | whether a core still turns, and whether it is overloaded |
//! | [`kick`], [`quality`] | requests that visit every connection |
//!
//! [`Control`] sends a request to every core and waits for the responses. A core never waits, and neither allocates nor
//! frees for a request.

pub mod kick;
pub mod lifecycle;
pub mod liveness;
pub mod mailbox;
pub mod quality;
pub mod request;

pub use lifecycle::Lifecycle;
pub use mailbox::{ControlEnd, CoreEnd, mailbox};

use crate::runtime::control::kick::{Kick, Target};
use crate::runtime::control::liveness::Liveness;
use crate::runtime::control::quality::Quality;
use crate::runtime::control::request::{ConnectionList, Request, SecretList};
use crate::runtime::core_report::CoreReport;
use crate::runtime::path_record::PathRecord;
use crate::runtime::player_list::{PlayerList, PlayerRow};
use crate::runtime::service::LiveSettings;
use crate::runtime::status::{CoreStatus, Identity, ServerStatus};
use ringshard_protocol::endpoint::{ConnectionInfo, Observer, Policy, TrafficSecrets};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a core that turns may take to respond.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The cores that do not respond, by number.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{} does not answer", names(.0))]
pub struct Unresponsive(pub Vec<usize>);

/// The names of cores in messages.
fn names(cores: &[usize]) -> String {
    let numbers: Vec<String> = cores.iter().map(usize::to_string).collect();
    format!("core {}", numbers.join(", core "))
}

/// The responses of all cores that responded, joined.
#[derive(Clone, Debug, Default)]
pub struct Gathered<T> {
    /// What those cores gave.
    pub given: Vec<T>,
    /// The cores that did not respond: their part is missing.
    pub missing: Vec<usize>,
}

/// Sends requests to all cores of a server.
#[derive(Debug)]
pub struct Control {
    identity: Identity,
    lifecycle: Arc<Lifecycle>,
    cores: Vec<ControlEnd>,
    /// The last report of each core, if it ever made one.
    reports: Vec<Option<Box<CoreReport>>>,
}

impl Control {
    /// Over these cores, in order.
    ///
    /// # Panics
    /// When there is no core.
    pub fn new(identity: Identity, lifecycle: Arc<Lifecycle>, cores: Vec<ControlEnd>) -> Self {
        assert!(!cores.is_empty(), "a server has at least one core");
        let reports = vec![None; cores.len()];
        Control { identity, lifecycle, cores, reports }
    }

    /// The constant facts of the server.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The stage of the server's life.
    pub fn lifecycle(&self) -> &Arc<Lifecycle> {
        &self.lifecycle
    }

    /// Whether each core still turns, in the order of the cores. Reading it needs no response from the core.
    pub fn livenesses(&self) -> Vec<Arc<Liveness>> {
        self.cores.iter().map(|core| core.liveness().clone()).collect()
    }

    /// The status of the server. For a core that does not respond it contains the core's last report, and how long the core
    /// has been stuck.
    pub fn status(&mut self) -> ServerStatus {
        let responses = self.request_all(|_| Request::Report(Box::default()));
        assert_eq!(responses.len(), self.reports.len(), "each core has one report");
        for (latest, response) in self.reports.iter_mut().zip(responses) {
            if let Some(Request::Report(report)) = response {
                *latest = Some(report);
            }
        }
        let status = |(core, latest): (&ControlEnd, &Option<Box<CoreReport>>)| CoreStatus {
            report: latest.clone().unwrap_or_default(),
            stuck: core.liveness().stuck(),
        };
        ServerStatus {
            identity: self.identity.clone(),
            draining: self.lifecycle.is_draining(),
            cores: self.cores.iter().zip(&self.reports).map(status).collect(),
        }
    }

    /// The quality of each core's connections; None for a core that does not respond.
    pub fn qualities(&mut self) -> Vec<Option<Quality>> {
        let quality = |response| match response {
            Some(Request::Quality(quality)) => Some(*quality),
            _ => None,
        };
        self.request_all(|_| Request::Quality(Box::default())).into_iter().map(quality).collect()
    }

    /// All connections of the cores that respond, each with the time on its core's clock at which the list was complete.
    pub fn connections(&mut self) -> Gathered<(ConnectionInfo, ringshard_protocol::time::Instant)> {
        let room = self.identity.connections_per_core_max;
        let list = || ConnectionList { connections: Vec::with_capacity(room), ..ConnectionList::default() };
        self.gather(
            |_| Request::Connections(Box::new(list())),
            |response, connections| {
                let Request::Connections(list) = response else { return };
                connections.extend(list.connections.into_iter().map(|info| (info, list.finished_at)));
            },
        )
    }

    /// All players of the cores that respond, each with the number of its core.
    pub fn players(&mut self) -> Gathered<(usize, PlayerRow)> {
        // Half of a core's sessions may be suspended.
        let room = 2 * self.identity.connections_per_core_max;
        let list = || PlayerList { players: Vec::with_capacity(room), next_slot: 0 };
        let responses = self.request_all(|_| Request::Players(Box::new(list())));
        let missing = missing(&responses);
        let mut given = Vec::new();
        for (core, response) in responses.into_iter().enumerate() {
            if let Some(Request::Players(list)) = response {
                given.extend(list.players.into_iter().map(|row| (core, row)));
            }
        }
        Gathered { given, missing }
    }

    /// Makes every core record the path of a player in what `make` returns, or in nothing. Gives the former records, each with
    /// the number of its core.
    pub fn follow(&mut self, make: impl Fn() -> Option<Box<PathRecord>>) -> Vec<(usize, PathRecord)> {
        let responses = self.request_all(|_| Request::Follow(make())).into_iter().enumerate();
        let record = |(core, response)| match response {
            Some(Request::Follow(Some(record))) => Some((core, *record)),
            _ => None,
        };
        responses.filter_map(record).collect()
    }

    /// Makes all cores use another policy.
    ///
    /// # Errors
    /// The cores that do not respond. All others have taken it.
    pub fn apply(&mut self, policy: &Policy) -> Result<(), Unresponsive> {
        let responses = self.request_all(|_| Request::Policy(Box::new(policy.clone())));
        let missing = missing(&responses);
        if missing.is_empty() { Ok(()) } else { Err(Unresponsive(missing)) }
    }

    /// Hands settings to the services of all cores; `make` makes a copy for each.
    ///
    /// # Errors
    /// The cores that do not respond. All others have taken them.
    pub fn reload_services(&mut self, make: impl Fn() -> LiveSettings) -> Result<(), Unresponsive> {
        let missing = missing(&self.request_all(|_| Request::Service(make())));
        if missing.is_empty() { Ok(()) } else { Err(Unresponsive(missing)) }
    }

    /// Ends connections; returns the number for each core that responds.
    pub fn kick(&mut self, target: Target) -> Gathered<usize> {
        self.gather(
            |_| Request::Kick(Box::new(Kick::new(target))),
            |response, ended| {
                let Request::Kick(kick) = response else { return };
                ended.push(kick.connections);
            },
        )
    }

    /// Makes every core show its datagrams to the observer that `make` returns for it, or to none.
    ///
    /// # Errors
    /// All cores, if none responds. If only some do not respond, those are not observed.
    pub fn observe(&mut self, mut make: impl FnMut(usize) -> Option<Observer>) -> Result<(), Unresponsive> {
        let responses = self.request_all(|core| Request::Observe(make(core)));
        let missing = missing(&responses);
        if missing.len() < responses.len() { Ok(()) } else { Err(Unresponsive(missing)) }
    }

    /// The traffic secrets of all connections of the cores that respond.
    pub fn secrets(&mut self) -> Gathered<TrafficSecrets> {
        let room = self.identity.connections_per_core_max;
        let list = || SecretList { secrets: Vec::with_capacity(room), next_slot: 0 };
        self.gather(
            |_| Request::Secrets(Box::new(list())),
            |response, secrets| {
                let Request::Secrets(list) = response else { return };
                secrets.extend(list.secrets);
            },
        )
    }

    /// Sends a request to all cores and joins what the responses contain.
    fn gather<T>(
        &mut self,
        request: impl FnMut(usize) -> Request,
        mut take: impl FnMut(Request, &mut Vec<T>),
    ) -> Gathered<T> {
        let responses = self.request_all(request);
        let missing = missing(&responses);
        let mut given = Vec::new();
        responses.into_iter().flatten().for_each(|response| take(response, &mut given));
        Gathered { given, missing }
    }

    /// Sends a request to all cores at once and returns their responses in order; None for a core that does not respond. A
    /// core that is known to be stuck causes no delay.
    fn request_all(&mut self, mut request: impl FnMut(usize) -> Request) -> Vec<Option<Request>> {
        let deadline = Instant::now() + RESPONSE_TIMEOUT;
        let mut sent = Vec::with_capacity(self.cores.len());
        for (number, core) in self.cores.iter_mut().enumerate() {
            sent.push(!core.is_unresponsive());
            if sent[number] {
                core.send(request(number));
            }
        }
        self.cores.iter_mut().zip(sent).map(|(core, sent)| if sent { core.wait(deadline) } else { None }).collect()
    }
}

/// The cores that have not responded.
fn missing(responses: &[Option<Request>]) -> Vec<usize> {
    responses.iter().enumerate().filter(|(_, response)| response.is_none()).map(|(number, _)| number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::control::liveness::STUCK_AFTER;
    use crate::runtime::datapath::Backend;
    use ringshard_protocol::time::Instant as Time;

    fn control(cores: usize) -> (Control, Vec<CoreEnd>) {
        let (control_ends, core_ends) = (0..cores).map(|_| mailbox()).unzip();
        let identity = Identity {
            listen: ([127, 0, 0, 1], 1).into(),
            datapath: Backend::Mmsg,
            started: Instant::now(),
            connections_per_core_max: 4,
        };
        (Control::new(identity, Arc::default(), control_ends), core_ends)
    }

    #[test]
    fn every_core_responds_for_itself_and_an_unresponsive_one_is_named() {
        let (mut control, ends) = control(2);
        let began = Instant::now();
        let threads: Vec<_> = ends
            .into_iter()
            .zip([7, 9])
            .map(|(mut core, connections)| {
                std::thread::spawn(move || {
                    loop {
                        core.begin_turn(Time::ZERO + began.elapsed());
                        let Some(mut envelope) = core.receive() else { continue };
                        if let Request::Report(report) = &mut envelope.request {
                            report.connections = connections;
                            report.stages.turn.record(Duration::from_micros(3), 5);
                            return core.respond(envelope);
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
        threads.into_iter().for_each(|core| core.join().unwrap());
        // The cores are gone: their last reports stay, with the time since.
        std::thread::sleep(STUCK_AFTER);
        let sent = Instant::now();
        let status = control.status();
        assert!(sent.elapsed() < STUCK_AFTER, "a core that is known to be stuck causes no delay");
        assert_eq!(connections(&status), [7, 9]);
        assert!(status.cores.iter().all(|core| core.stuck.is_some_and(|since| since >= STUCK_AFTER)));
        assert_eq!(control.connections().missing, [0, 1]);
        assert_eq!(control.apply(&Policy::default()), Err(Unresponsive(vec![0, 1])));
    }
}
