//! A player that enters the world when the load rises, and leaves when it falls.

use super::gate::Gate;
use crate::bots::{Brain, Follower, Shared};
use crate::load::fleet::Member;
use ringshard_protocol::client::{Client, ClientConfig, CloseReason};
use ringshard_protocol::time::{Duration, Instant};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How often a player outside looks whether it may enter.
const LOOK: Duration = Duration::from_millis(20);
/// Inputs whose sending is remembered.
const KEPT: usize = 256;
/// One player in so many measures round trips.
const MEASURES: usize = 8;

/// What a visitor begins with.
pub struct Start {
    pub number: usize,
    pub brain: Brain,
    /// When the turns of its relay begin within the tick, from 0 to 1.
    pub relay: f64,
    pub shared: Arc<Shared>,
    pub gate: Arc<Gate>,
}

pub struct Visitor {
    start: Start,
    follower: Option<Follower>,
    now: Instant,
    has_left: bool,
    /// The tick of the newest input.
    newest: Option<u32>,
    /// When each input was made, by its tick.
    made: Box<[(u32, Instant); KEPT]>,
    /// The newest tick that a snapshot has shown with its input.
    answered: Option<u32>,
}

impl Visitor {
    /// Not connected yet.
    pub fn new(start: Start) -> Self {
        Visitor {
            start,
            follower: None,
            now: Instant::ZERO,
            has_left: false,
            newest: None,
            made: Box::new([(0, Instant::ZERO); KEPT]),
            answered: None,
        }
    }

    fn is_active(&self) -> bool {
        self.start.number < self.start.gate.active.load(Ordering::Relaxed)
    }

    fn follower(&self) -> &Follower {
        self.follower.as_ref().expect("a member begins first")
    }

    fn follower_mut(&mut self) -> &mut Follower {
        self.follower.as_mut().expect("a member begins first")
    }

    /// Notes the time of a new input.
    fn note_input(&mut self, now: Instant) {
        let newest = self.follower().newest_input();
        if newest != self.newest
            && let Some(tick) = newest
        {
            self.newest = newest;
            self.made[tick as usize % KEPT] = (tick, now);
        }
    }

    /// Measures the round trip of the input that the newest snapshot shows.
    fn note_answer(&mut self, now: Instant) {
        let Some(newest) = self.follower().newest_snapshot().filter(|newest| newest.input_age == 0) else { return };
        if self.answered.replace(newest.tick) == Some(newest.tick) {
            return;
        }
        let (made_for, made) = self.made[newest.tick as usize % KEPT];
        if made_for == newest.tick {
            self.start.gate.record(now.since(made).as_nanos() as u64);
        }
    }
}

impl Member for Visitor {
    fn begin(&mut self, config: ClientConfig, now: Instant, seed: [u8; 32]) {
        let client = Client::new(config, now, seed).expect("the server's key is valid");
        let Start { brain, relay, shared, .. } = &self.start;
        self.follower = Some(Follower::new(client, brain.clone(), *relay, shared.clone()));
    }

    fn connection(&self) -> &Client {
        self.follower().connection()
    }

    fn connection_mut(&mut self) -> &mut Client {
        self.follower_mut().connection_mut()
    }

    fn receive(&mut self, now: Instant, datagram: &mut [u8], buffer: &mut Vec<u8>) -> bool {
        let follower = self.follower_mut();
        let before = follower.counts.snapshots;
        let serves = follower.receive(now, datagram, buffer);
        let taken = follower.counts.snapshots - before;
        let Start { number, gate, .. } = &self.start;
        gate.snapshots[*number].fetch_add(taken as u32, Ordering::Relaxed);
        if number.is_multiple_of(MEASURES) {
            self.note_answer(now);
        }
        serves
    }

    fn serve(&mut self, now: Instant) -> Option<CloseReason> {
        self.now = now;
        let is_active = self.is_active();
        let follower = self.follower_mut();
        let closed = if is_active { follower.serve(now) } else { follower.keep_alive(now) };
        if is_active {
            self.note_input(now);
        } else if self.follower().newest_input().is_some() && !self.has_left {
            self.has_left = true;
            self.connection_mut().disconnect_spread();
        }
        if closed.is_some() && !self.has_left {
            self.start.gate.dropped.fetch_add(1, Ordering::Relaxed);
        }
        closed
    }

    fn deadline(&self) -> Instant {
        match (self.is_active(), self.has_left) {
            (true, _) => self.follower().deadline().min(self.now + LOOK),
            (false, true) => self.connection().deadline(),
            (false, false) => self.now + LOOK,
        }
    }
}
