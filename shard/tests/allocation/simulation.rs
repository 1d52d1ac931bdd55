//! The tick, the replication, the inputs and the exchange of a world do not allocate.

use crate::small_world::*;
use ringshard::game::simulation::Simulation;
use ringshard::runtime::service::Service;
use ringshard::runtime::stages::Stages;
use ringshard_protocol::Endpoint;
use ringshard_protocol::endpoint::Event;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{ConnectionId, Message};
use std::borrow::Borrow;
use std::cell::Cell;
use std::rc::Rc;

/// A service that counts its calls to the allocator while `counts` is true.
struct Counted<S> {
    service: S,
    counts: Rc<Cell<bool>>,
    calls: u64,
}

impl<S> Counted<S> {
    fn count<R>(&mut self, work: impl FnOnce(&mut S) -> R) -> R {
        let mut result = None;
        let info = allocation_counter::measure(|| result = Some(work(&mut self.service)));
        self.calls += if self.counts.get() { info.count_total } else { 0 };
        result.expect("the work ran")
    }
}

impl<S: Service> Service for Counted<S> {
    fn event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        self.service.event(now, endpoint, event);
    }

    fn message(&mut self, now: Instant, endpoint: &mut Endpoint, from: ConnectionId, message: Message<'_>) {
        self.count(|service| service.message(now, endpoint, from, message));
    }

    fn exchange(&mut self, now: Instant, stages: &mut Stages) -> usize {
        self.count(|service| service.exchange(now, stages))
    }

    fn tick(&mut self, now: Instant, endpoint: &mut Endpoint) {
        self.count(|service| service.tick(now, endpoint));
    }

    fn replicate(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        self.count(|service| service.replicate(now, endpoint))
    }

    fn deadline(&self) -> Instant {
        self.service.deadline()
    }
}

impl<G> Borrow<Simulation<G>> for Counted<Simulation<G>> {
    fn borrow(&self) -> &Simulation<G> {
        &self.service
    }
}

/// Measured once the number of players has peaked and every buffer has seen its largest tick.
#[test]
fn a_running_world_does_not_allocate() {
    let counts = Rc::new(Cell::new(false));
    let mut world = World::with_services(2, "delay=20ms", small(), |_, exchange| {
        let service = Simulation::new(small(), exchange, Row::default());
        Counted { service, counts: counts.clone(), calls: 0 }
    });
    world.join(40);
    world.players.iter_mut().for_each(|player| player.pace = 255);
    world.run_for(Duration::from_secs(10));
    counts.set(true);
    world.run_for(Duration::from_secs(5));
    let entries: u64 = world.total(|stats| stats.entries);
    assert!(entries > 100_000, "{entries} entries");
    let calls: u64 = world.cores.iter().map(|core| core.service().calls).sum();
    assert_eq!(calls, 0);
}

#[test]
fn the_service_counts_allocations() {
    let mut counted = Counted { service: (), counts: Rc::new(Cell::new(true)), calls: 0 };
    counted.count(|()| drop(std::hint::black_box(Box::new(7))));
    assert_eq!(counted.calls, 1);
}
