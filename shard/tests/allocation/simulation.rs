//! The tick, the replication, the exchange, and what players send do not allocate.

use crate::cores::*;
use ringshard::game::simulation::{Simulation, WorldConfig};
use ringshard::runtime::service::Service;
use ringshard::runtime::stages::Stages;
use ringshard_protocol::Endpoint;
use ringshard_protocol::endpoint::Event;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{ConnectionId, Message};
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

/// Measured once the number of players has peaked and every buffer has seen its largest tick.
#[test]
fn a_running_world_does_not_allocate() {
    let counts = Rc::new(Cell::new(false));
    let config = WorldConfig { entities_max: 1024, visible_max: 32, ..WorldConfig::default() };
    let mut world =
        Cores::new(2, "delay=20ms", config, |service| Counted { service, counts: counts.clone(), calls: 0 });
    world.join(40, Habits { by: 10, talks: true, shows: 9, ..Habits::default() });
    world.run_for(Duration::from_secs(1));
    let now = world.network.now();
    // Two of them aim, and send commands to the other core.
    for player in [0, 1] {
        world.players[player].ask(now, Ask::Aim);
    }
    world.run_for(Duration::from_secs(9));
    let total = |world: &Cores<Counted<Simulation<Row>>>| {
        let stats = world.cores.iter().map(|core| core.service().service.stats());
        stats.fold([0; 6], |[entries, taken, asks, heard, changes, rewinds], stats| {
            [
                entries + stats.entries,
                taken + stats.inputs_taken,
                asks + stats.asks,
                heard + stats.events_out,
                changes + stats.changes_received,
                rewinds + stats.rewinds,
            ]
        })
    };
    let before = total(&world);
    counts.set(true);
    for _ in 0..50 {
        let (now, to) = (world.network.now(), world.players[1].body().expect("it has a body"));
        world.players[0].ask(now, Ask::Command { to, count: 3 });
        world.run_for(Duration::from_millis(100));
    }
    let after = total(&world);
    let least = [100_000, 40 * 290, 40 * 70, 40 * 70 * 31, 40 * 290, 500];
    for ((before, after), least) in before.into_iter().zip(after).zip(least) {
        assert!(after - before >= least, "{} of {least}: there must be something to measure", after - before);
    }
    let calls: u64 = world.cores.iter().map(|core| core.service().calls).sum();
    assert_eq!(calls, 0);
}

#[test]
fn the_service_counts_allocations() {
    let mut counted = Counted { service: (), counts: Rc::new(Cell::new(true)), calls: 0 };
    counted.count(|()| drop(std::hint::black_box(Box::new(7))));
    assert_eq!(counted.calls, 1);
}
