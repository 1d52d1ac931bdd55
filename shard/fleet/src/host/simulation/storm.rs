//! Faults, drawn one after the other. Each ends after a while, and all end with the storm.

use super::audit::Audit;
use super::balance::BALANCERS;
use super::fleet::{Fleet, Place};
use super::server::Running;
use crate::bus::memory::{BusFaults, MIDDLE};
use crate::checkpoints::BucketFault;
use crate::model::{Cut, Name, RunId};
use crate::store::memory::Fault;
use std::time::Duration;
use tokio::time::Instant;

const S: fn(u64) -> Duration = Duration::from_secs;
const MS: fn(u64) -> Duration = Duration::from_millis;
/// Zones of a fleet are split up to this number per host.
const ZONES_PER_HOST: usize = 6;

/// What ends a fault.
#[derive(Clone, Copy, PartialEq, Debug)]
enum End {
    StoreOf(RunId),
    StoreOfBalancer(usize),
    Store,
    Bus,
    BusOf(RunId),
    BucketOf(RunId),
    Split,
    Partial,
    Refusals(RunId),
    Strays,
}

pub(super) struct Storm {
    next_at: Instant,
    ends: Vec<(Instant, End)>,
}

impl Storm {
    pub(super) fn new() -> Self {
        Storm { next_at: Instant::now(), ends: Vec::new() }
    }

    pub(super) async fn step(&mut self, fleet: &mut Fleet) {
        let now = Instant::now();
        let over: Vec<_> = self.ends.extract_if(.., |(at, _)| *at <= now).collect();
        over.into_iter().for_each(|(_, end)| carry_out(fleet, end));
        if now >= self.next_at {
            self.next_at = now + fleet.dice.between(MS(200), S(12));
            self.strike(fleet).await;
        }
    }

    /// Ends all faults.
    pub(super) fn end(self, fleet: &mut Fleet) {
        self.ends.into_iter().for_each(|(_, end)| carry_out(fleet, end));
    }

    fn lasts(&mut self, fleet: &mut Fleet, most: Duration, end: End) {
        // The later of two ends both.
        let time = fleet.dice.between(S(1), most);
        fleet.fault((end, time));
        let until = Instant::now() + time;
        self.ends.retain(|(_, other)| *other != end);
        self.ends.push((until, end));
    }

    /// Whether one of these is wrong now.
    fn has(&self, is_it: impl Fn(&End) -> bool) -> bool {
        self.ends.iter().any(|(_, end)| is_it(end))
    }

    async fn strike(&mut self, fleet: &mut Fleet) {
        fleet.audit.faults += 1;
        let at = fleet.dice.below(fleet.places.len() as u64) as usize;
        let run = match &fleet.places[at] {
            Place::Up(host) if !host.is_over() => Some(host.peer.run),
            _ => None,
        };
        // While only some hosts hear all, these are spared: who hears only a part asks them.
        let run = run.filter(|run| fleet.base.hub.part(*run) != Some(MIDDLE));
        // A host that neither the registry nor all others hear, but some do, cannot be told from one that serves: its zones
        // and players are at two hosts then. That is a known limit of a bus in two parts (ZONES.md).
        let is_split = self.has(|end| *end == End::Split);
        let is_partial = self.has(|end| *end == End::Partial);
        match (fleet.dice.below(25), run) {
            (0 | 1, Some(_)) if fleet.running().count() > 2 => {
                fleet.audit.kills += 1;
                let pause = fleet.dice.between(S(1), S(60));
                fleet.fault(("killed", run, pause));
                fleet.end_host(at, pause);
            }
            (2, Some(run)) => {
                let name = name_of(fleet, run);
                fleet.fault(("drain", &name, run));
                let occasion = fleet.occasion();
                // It fails while the store is stopped.
                let _ = fleet.operator.drain(&name, &occasion).await;
            }
            (3, Some(run)) if !is_split => self.cut_store(fleet, run, Fault::Cut, S(40)),
            (4, Some(run)) if !is_split => self.cut_store(fleet, run, Fault::AnswersLost, S(20)),
            (5, Some(run)) if !is_split => {
                let delay = MS(fleet.dice.below(3_000));
                self.cut_store(fleet, run, Fault::Slow(delay), S(40));
            }
            (6, _) => {
                fleet.base.store.set_running(false);
                self.lasts(fleet, S(60), End::Store);
            }
            (7, _) => {
                fleet.fault("the store forgets");
                fleet.base.store.compact(u64::MAX);
            }
            (8 | 9, _) => {
                // A host that only some hear is known by their answers, which must come in time (ZONES.md).
                let delay_max = if is_partial { 300 } else { 2_000 };
                let faults = BusFaults {
                    lost: fleet.dice.below(400),
                    repeated: fleet.dice.below(300),
                    delay: MS(fleet.dice.below(delay_max)),
                };
                fleet.fault(faults);
                fleet.base.hub.set_faults(faults);
                self.lasts(fleet, S(60), End::Bus);
            }
            (10, Some(run)) if !is_split && !is_partial => self.cut_bus(fleet, run),
            (11, _) if !is_split && !is_partial => {
                let all: Vec<RunId> = fleet.running().map(|host| host.peer.run).collect();
                all.into_iter().for_each(|run| self.cut_bus(fleet, run));
            }
            (12, _)
                if !is_partial
                    && !self.has(|end| matches!(end, End::StoreOf(_) | End::BusOf(_)))
                    && fleet.running().all(Running::is_registered) =>
            {
                let parts: Vec<_> = fleet.running().map(|host| host.peer.run).collect();
                for run in parts {
                    let part = fleet.dice.below(2) as u8;
                    fleet.base.hub.set_part(run, Some(part));
                }
                self.lasts(fleet, S(60), End::Split);
            }
            (13, Some(run)) => {
                let to = name_of(fleet, run);
                order_move(fleet, &to).await;
            }
            (14, _) => cut_or_join(fleet).await,
            (15, Some(run)) => {
                if let Some(host) = host_of(fleet, run) {
                    host.refuses = true;
                }
                self.lasts(fleet, S(30), End::Refusals(run));
                fleet.strays = fleet.dice.below(60);
                self.lasts(fleet, S(60), End::Strays);
            }
            (16, Some(run)) if !is_split && !is_partial => {
                self.cut_store(fleet, run, Fault::Cut, S(40));
                self.cut_bus(fleet, run);
            }
            (17, Some(run)) => {
                let fault = match fleet.dice.below(5) {
                    0 => BucketFault::Away,
                    1 => BucketFault::AnswersLost,
                    2 => BucketFault::Leaderless,
                    3 => BucketFault::Lagging(MS(fleet.dice.below(500))),
                    _ => BucketFault::Slow(MS(fleet.dice.below(3_000))),
                };
                self.cut_bucket(fleet, run, fault);
            }
            (18, _) => {
                let all: Vec<RunId> = fleet.running().map(|host| host.peer.run).collect();
                all.into_iter().for_each(|run| self.cut_bucket(fleet, run, BucketFault::Away));
            }
            (19, _) => {
                let count = 1 + fleet.dice.below(4);
                fleet.fault(("clients enter elsewhere", count));
                (0..count).for_each(|_| fleet.restart_client());
            }
            (20, _) => {
                let at = fleet.dice.below(BALANCERS as u64) as usize;
                fleet.fault(("a balancer is replaced", at));
                fleet.replace_balancer(at);
            }
            (21, _) => {
                let at = fleet.dice.below(BALANCERS as u64) as usize;
                fleet.fault(("a balancer is cut off", at));
                fleet.balancers[at].store.set_fault(Fault::Cut);
                self.lasts(fleet, S(40), End::StoreOfBalancer(at));
            }
            (22, Some(run)) if fleet.running().count() > 2 => {
                fleet.fault(("ended in order", run));
                fleet.end_in_order(at);
            }
            (24, _)
                if !is_split
                    && fleet.running().count() > 7
                    && !self.has(|end| matches!(end, End::BusOf(_) | End::Bus)) =>
            {
                let runs: Vec<_> = fleet.running().map(|host| host.peer.run).collect();
                for (at, run) in runs.into_iter().enumerate() {
                    let part = if at < 3 { MIDDLE } else { fleet.dice.below(2) as u8 };
                    fleet.base.hub.set_part(run, Some(part));
                }
                self.lasts(fleet, S(60), End::Partial);
            }
            // Rarely: what is lost with it is excused.
            (23, _) if fleet.dice.below(8) == 0 => {
                fleet.fault("the bucket is removed");
                fleet.base.bucket.remove();
                Audit::bucket_is_removed(fleet);
            }
            _ => {}
        }
    }

    fn cut_bucket(&mut self, fleet: &mut Fleet, run: RunId, fault: BucketFault) {
        fleet.fault((fault, run));
        if let Some(host) = host_of(fleet, run) {
            host.bucket.set_fault(fault);
        }
        self.lasts(fleet, S(40), End::BucketOf(run));
    }

    fn cut_store(&mut self, fleet: &mut Fleet, run: RunId, fault: Fault, most: Duration) {
        fleet.fault((fault, run));
        if let Some(host) = host_of(fleet, run) {
            host.store.set_fault(fault);
        }
        self.lasts(fleet, most, End::StoreOf(run));
    }

    fn cut_bus(&mut self, fleet: &mut Fleet, run: RunId) {
        fleet.base.hub.set_part(run, None);
        // Both are in NATS.
        self.cut_bucket(fleet, run, BucketFault::Away);
        self.lasts(fleet, S(40), End::BusOf(run));
    }
}

fn carry_out(fleet: &mut Fleet, end: End) {
    match end {
        End::StoreOf(run) => {
            if let Some(host) = host_of(fleet, run) {
                host.store.set_fault(Fault::None);
            }
        }
        End::StoreOfBalancer(at) => fleet.balancers[at].store.set_fault(Fault::None),
        End::Store => fleet.base.store.set_running(true),
        End::Bus => fleet.base.hub.set_faults(BusFaults::default()),
        End::BusOf(run) => fleet.base.hub.set_part(run, Some(0)),
        End::BucketOf(run) => {
            if let Some(host) = host_of(fleet, run) {
                host.bucket.set_fault(BucketFault::None);
            }
        }
        End::Split | End::Partial => {
            let all: Vec<_> = fleet.running().map(|host| host.peer.run).collect();
            all.into_iter().for_each(|run| fleet.base.hub.set_part(run, Some(0)));
        }
        End::Refusals(run) => {
            if let Some(host) = host_of(fleet, run) {
                host.refuses = false;
            }
        }
        End::Strays => fleet.strays = 0,
    }
}

fn host_of(fleet: &mut Fleet, run: RunId) -> Option<&mut Running> {
    fleet.places.iter_mut().find_map(|place| match place {
        Place::Up(host) if host.peer.run == run => Some(&mut **host),
        _ => None,
    })
}

fn name_of(fleet: &Fleet, run: RunId) -> Name {
    fleet.running().find(|host| host.peer.run == run).expect("it runs").peer.name.clone()
}

async fn order_move(fleet: &mut Fleet, to: &Name) {
    let zones: Vec<Name> = fleet.zones.latest().zones.zones.keys().cloned().collect();
    let Some(zone) = fleet.dice.one_of(&zones).cloned() else { return };
    let occasion = fleet.occasion();
    fleet.fault(("move", &zone, to));
    let is_done = match fleet.dice.below(4) {
        0 => fleet.operator.keep_zone(&zone, &occasion).await,
        _ => {
            fleet.audit.ordered(&zone, to);
            fleet.operator.move_zone(&zone, to, &occasion).await
        }
    };
    // The store may be stopped, and the zone may move already.
    let _ = is_done;
}

/// Splits a zone, or merges two.
async fn cut_or_join(fleet: &mut Fleet) {
    let directory = fleet.zones.latest();
    let zones: Vec<_> = directory.zones.zones.iter().map(|(name, zone)| (name.clone(), zone.clone())).collect();
    let Some((name, zone)) = fleet.dice.one_of(&zones).cloned() else { return };
    let occasion = fleet.occasion();
    if zones.len() < ZONES_PER_HOST * fleet.plan.hosts && fleet.dice.below(2) == 0 {
        let axis = usize::from(zone.area.max[1] - zone.area.min[1] > zone.area.max[0] - zone.area.min[0]);
        let middle = (zone.area.min[axis] + zone.area.max[axis]) / 2.0;
        let cut = if axis == 0 { Cut::X(middle) } else { Cut::Y(middle) };
        fleet.fault(("split", &name, cut));
        let new: Name = format!("part-{}", occasion.random).parse().unwrap();
        let _ = fleet.operator.split_zone(&name, cut, &new, &occasion).await;
    } else {
        let joins = |(_, other): &&(Name, crate::model::Zone)| other.area.joined(&zone.area).is_ok();
        if let Some((with, _)) = zones.iter().filter(|(other, _)| *other != name).find(joins) {
            fleet.fault(("merge", &name, with));
            let _ = fleet.operator.merge_zones(&name, with, &occasion).await;
        }
    }
}
