//! A world whose every event is checked against the model.

use super::game::{Fickle, Heard, SharedDiary};
use super::model::Books;
use ringshard::game::Gone;
use ringshard::game::simulation::Simulation;
use ringshard::runtime::service::{Service, ServiceCounters};
use ringshard::runtime::stages::Stages;
use ringshard_protocol::Endpoint;
use ringshard_protocol::endpoint::Event;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{ConnectionId, Message};
use std::cell::RefCell;
use std::rc::Rc;

/// A world whose every event is held against the books.
pub struct Watched {
    world: Simulation<Fickle>,
    diary: SharedDiary,
    books: Rc<RefCell<Books>>,
}

impl Watched {
    pub fn new(world: Simulation<Fickle>, diary: SharedDiary, books: Rc<RefCell<Books>>) -> Self {
        Watched { world, diary, books }
    }

    pub fn world(&self) -> &Simulation<Fickle> {
        &self.world
    }

    /// Nothing of what happened may have been news of anybody's life.
    fn expect_no_news(&self, what: &str) {
        let heard = std::mem::take(&mut self.diary.open().heard);
        if !heard.is_empty() {
            self.books.borrow_mut().blame(format!("in {what}, the game is told {heard:?}"));
        }
    }
}

impl Service for Watched {
    fn happened(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        let expected = self.books.borrow_mut().follow(now, event);
        self.world.happened(now, endpoint, event);
        let mut diary = self.diary.open();
        let mut books = self.books.borrow_mut();
        match expected {
            Err(what) => books.blame(format!("{event:?}: {what}")),
            Ok(expected) if diary.heard.iter().copied().eq(expected) => {}
            Ok(expected) => {
                books.blame(format!("{event:?}: the game is told {:?} instead of {expected:?}", diary.heard));
            }
        }
        diary.heard.clear();
    }

    fn draining(&mut self, now: Instant, endpoint: &mut Endpoint) {
        self.world.draining(now, endpoint);
        self.expect_no_news("draining");
    }

    fn message(&mut self, now: Instant, endpoint: &mut Endpoint, from: ConnectionId, message: Message<'_>) {
        self.world.message(now, endpoint, from, message);
        let mut diary = self.diary.open();
        let mut books = self.books.borrow_mut();
        if !books.has_session_on(from) {
            books.blame(format!("a message comes from {from}, which carries no session"));
        }
        for &heard in &diary.heard {
            let is_alive = |body| self.world.shard().entities.contains(body);
            let followed = match heard {
                Heard::Joined(body) => books.enter(from, body, is_alive),
                Heard::Gone(body, Gone::Silent) => books.displace(body),
                heard => Err(format!("the game is told {heard:?}")),
            };
            followed.unwrap_or_else(|what| books.blame(format!("{from} enters: {what}")));
        }
        if diary.heard.len() > 2 {
            books.blame(format!("one message has {:?} come of it", diary.heard));
        }
        diary.heard.clear();
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
        for (id, reason) in self.books.borrow_mut().kicks.drain(..) {
            endpoint.disconnect(id, reason);
        }
        self.world.replicate(now, endpoint)
    }

    fn deadline(&self) -> Instant {
        if self.books.borrow().kicks.is_empty() { self.world.deadline() } else { Instant::ZERO }
    }

    fn count(&self, counters: &mut ServiceCounters) {
        self.world.count(counters);
    }
}
