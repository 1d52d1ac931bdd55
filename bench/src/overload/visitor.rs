//! A player that enters the world when the load rises, and leaves when it falls.

use super::gate::Gate;
use crate::bots::{Brain, Follower, Shared};
use crate::load::fleet::Workload;
use ringshard_protocol::client::{Client, ClientEvent};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;
use ringshard_world::codec::Reader;
use ringshard_world::messages::{SnapshotHeader, kinds};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How often a player outside looks whether it may enter.
const LOOK: Duration = Duration::from_millis(20);
/// Inputs whose sending is remembered.
const KEPT: usize = 256;
/// One player in so many measures round trips.
const MEASURES: usize = 8;

pub struct Visitor {
    number: usize,
    follower: Follower,
    gate: Arc<Gate>,
    now: Instant,
    has_left: bool,
    /// The tick of the newest input.
    newest: Option<u32>,
    /// When each input was made, by its tick.
    made: Box<[(u32, Instant); KEPT]>,
    /// A tick that a snapshot has shown with its input.
    answered: Option<u32>,
}

impl Visitor {
    pub fn new(number: usize, brain: Brain, relay: f64, shared: Arc<Shared>, gate: Arc<Gate>) -> Self {
        Visitor {
            number,
            follower: Follower::new(brain, relay, shared),
            gate,
            now: Instant::ZERO,
            has_left: false,
            newest: None,
            made: Box::new([(0, Instant::ZERO); KEPT]),
            answered: None,
        }
    }

    fn is_active(&self) -> bool {
        self.number < self.gate.active.load(Ordering::Relaxed)
    }

    fn measure(&mut self, now: Instant) {
        if let Some(tick) = self.answered.take()
            && let (made_for, made) = self.made[tick as usize % KEPT]
            && made_for == tick
        {
            self.gate.record(now.since(made).as_nanos() as u64);
        }
        let newest = self.follower.tick();
        if newest != self.newest
            && let Some(tick) = newest
        {
            self.newest = newest;
            self.made[tick as usize % KEPT] = (tick, now);
        }
    }
}

impl Workload for Visitor {
    fn on_message(&mut self, channel: Channel, message: &[u8]) {
        if message.first() == Some(&kinds::DELTA_SYNC)
            && let Ok(header) = SnapshotHeader::read(&mut Reader::new(message))
        {
            self.gate.snapshots[self.number].fetch_add(1, Ordering::Relaxed);
            self.answered = (header.input_age == 0).then_some(header.tick).or(self.answered);
        }
        self.follower.on_message(channel, message);
    }

    fn advance(&mut self, now: Instant, client: &mut Client) {
        self.now = now;
        if self.is_active() {
            self.follower.advance(now, client);
            if self.number.is_multiple_of(MEASURES) {
                self.measure(now);
            }
        } else if self.newest.is_some() || self.follower.tick().is_some() {
            self.has_left = true;
            client.disconnect();
        }
    }

    fn deadline(&self) -> Instant {
        match (self.is_active(), self.has_left) {
            (true, _) => self.follower.deadline().min(self.now + LOOK),
            (false, true) => Instant::NEVER,
            (false, false) => self.now + LOOK,
        }
    }

    fn on_event(&mut self, event: ClientEvent) {
        if matches!(event, ClientEvent::Closed(_)) && !self.has_left {
            self.gate.dropped.fetch_add(1, Ordering::Relaxed);
        }
        self.follower.on_event(event);
    }
}
