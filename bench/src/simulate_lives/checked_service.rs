//! A world whose every event is checked against the model.

use super::game::{GameEvent, RandomGame, SharedEventLog};
use super::model::SessionModel;
use ringshard::game::LeaveReason;
use ringshard::game::simulation::Simulation;
use ringshard::runtime::service::{Service, ServiceCounters};
use ringshard::runtime::stages::Stages;
use ringshard_protocol::Endpoint;
use ringshard_protocol::endpoint::Event;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{ConnectionId, Message};
use std::cell::RefCell;
use std::rc::Rc;

pub struct CheckedService {
    world: Simulation<RandomGame>,
    event_log: SharedEventLog,
    model: Rc<RefCell<SessionModel>>,
}

impl CheckedService {
    pub fn new(world: Simulation<RandomGame>, event_log: SharedEventLog, model: Rc<RefCell<SessionModel>>) -> Self {
        CheckedService { world, event_log, model }
    }

    pub fn world(&self) -> &Simulation<RandomGame> {
        &self.world
    }

    /// No callback about a player must have run.
    fn expect_no_news(&self, what: &str) {
        let events = std::mem::take(&mut self.event_log.open().events);
        if !events.is_empty() {
            self.model.borrow_mut().report_violation(format!("in {what}, the game wrongly gets {events:?}"));
        }
    }
}

impl Service for CheckedService {
    fn event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        let expected = self.model.borrow_mut().follow(now, event);
        self.world.event(now, endpoint, event);
        let mut event_log = self.event_log.open();
        let mut model = self.model.borrow_mut();
        match expected {
            Err(what) => model.report_violation(format!("{event:?}: {what}")),
            Ok(expected) if event_log.events.iter().copied().eq(expected) => {}
            Ok(expected) => {
                model.report_violation(format!(
                    "{event:?}: the game gets {:?} instead of {expected:?}",
                    event_log.events
                ));
            }
        }
        event_log.events.clear();
    }

    fn draining(&mut self, now: Instant, endpoint: &mut Endpoint) {
        self.world.draining(now, endpoint);
        self.expect_no_news("draining");
    }

    fn message(&mut self, now: Instant, endpoint: &mut Endpoint, from: ConnectionId, message: Message<'_>) {
        self.world.message(now, endpoint, from, message);
        let mut event_log = self.event_log.open();
        let mut model = self.model.borrow_mut();
        if !model.has_session_on(from) {
            model.report_violation(format!("a message comes from {from}, which has no session"));
        }
        for &events in &event_log.events {
            let is_alive = |body| self.world.shard().entities.contains(body);
            let followed = match events {
                GameEvent::Joined(body) => model.enter(from, body, is_alive),
                GameEvent::Gone(body, LeaveReason::TimedOut) => model.displace(body),
                events => Err(format!("the game wrongly gets {events:?}")),
            };
            followed.unwrap_or_else(|what| model.report_violation(format!("{from} enters: {what}")));
        }
        if event_log.events.len() > 2 {
            model.report_violation(format!("one message caused {:?}", event_log.events));
        }
        event_log.events.clear();
    }

    fn prefetch(&self, from: ConnectionId) {
        self.world.prefetch(from);
    }

    fn exchange(&mut self, now: Instant, stages: &mut Stages) -> usize {
        self.world.exchange(now, stages)
    }

    fn tick(&mut self, now: Instant, endpoint: &mut Endpoint) {
        self.world.tick(now, endpoint);
        self.expect_no_news("a tick");
    }

    fn replicate(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        for (id, reason) in self.model.borrow_mut().kicks.drain(..) {
            endpoint.disconnect(id, reason);
        }
        self.world.replicate(now, endpoint)
    }

    fn deadline(&self) -> Instant {
        if self.model.borrow().kicks.is_empty() { self.world.deadline() } else { Instant::ZERO }
    }

    fn count(&self, counters: &mut ServiceCounters) {
        self.world.count(counters);
    }
}
