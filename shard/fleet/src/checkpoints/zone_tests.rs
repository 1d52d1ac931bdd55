//! Zones that hosts get, lose, and get back, with one bucket.

use super::*;
use crate::bus::BusKey;
use crate::clock::Clock;
use crate::model::{Area, Name, RunId, Zone};
use ringshard::runtime::fleet::{FromCore, OwnZone, SavedPart, ToCore};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// A host. Each of its cores has a number for each zone that it has, which a test changes.
struct Host {
    run: RunId,
    keeper: Keeper,
    cores: Vec<BTreeMap<String, Vec<u8>>>,
    /// The zones that its cores save when they end.
    here: Arc<[Arc<OwnZone>]>,
    is_alive: bool,
}

struct Fleet {
    bucket: MemoryBucket,
    hosts: Vec<Host>,
    /// How often the zone has got another host.
    epoch: u64,
    /// Whether the bus is there.
    is_complete: bool,
}

fn name() -> Name {
    "west".parse().unwrap()
}

fn area() -> Area {
    Area { min: [0.0; 2], max: [100.0; 2] }
}

/// A part of the map, from west to east.
fn part(min: f32, max: f32, epoch: u64) -> Zone {
    zone(Area { min: [min, 0.0], max: [max, 100.0] }, epoch)
}

fn zone(area: Area, epoch: u64) -> Zone {
    Zone { area, owner: None, epoch, given_by: None, moving: None }
}

impl Fleet {
    /// Hosts with so many cores each.
    async fn new(cores: &[usize]) -> Self {
        let bucket = MemoryBucket::default();
        let mut fleet = Fleet { bucket, hosts: Vec::new(), epoch: 0, is_complete: true };
        fleet.hosts = cores.iter().enumerate().map(|(at, cores)| fleet.host(at, *cores)).collect();
        fleet.pass(0.1).await;
        fleet
    }

    fn host(&self, at: usize, cores: usize) -> Host {
        let (run, vault) = (RunId(at as u64 + 1), Vault::new(&BusKey::from_bytes([7; 32]), "b"));
        let kept = Bucket::Memory(self.bucket.clone());
        let keeper = Keeper::new(kept, vault, Clock::System, run, cores, Duration::from_secs(10));
        Host { run, keeper, cores: vec![BTreeMap::new(); cores], here: Arc::default(), is_alive: true }
    }

    async fn pass(&mut self, seconds: f64) {
        let until = tokio::time::Instant::now() + Duration::from_secs_f64(seconds);
        while tokio::time::Instant::now() < until {
            let alive: BTreeSet<_> = self.hosts.iter().filter(|host| host.is_alive).map(|host| host.run).collect();
            for host in self.hosts.iter_mut().filter(|host| host.is_alive) {
                host.keeper.tick(&alive, self.is_complete);
                while timeout(Duration::from_micros(10), host.keeper.hear_bucket()).await.is_ok() {}
                host.carry_out();
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn own(&mut self, host: usize, is_owner: bool) {
        self.epoch += u64::from(is_owner);
        let own = if is_owner { vec![(name(), zone(area(), self.epoch))] } else { Vec::new() };
        self.hosts[host].keeper.set_zones(&own);
    }

    /// What the cores of a host have of the zone; None if they do not have it.
    fn parts(&self, host: usize) -> Vec<Option<Vec<u8>>> {
        self.hosts[host].cores.iter().map(|core| core.get("west").cloned()).collect()
    }

    fn set(&mut self, host: usize, parts: &[u8]) {
        for (core, part) in self.hosts[host].cores.iter_mut().zip(parts) {
            core.insert("west".into(), vec![*part]);
        }
    }
}

impl Host {
    /// A core ends in order.
    fn end_core(&mut self, core: usize) {
        let parts = std::mem::take(&mut self.cores[core]);
        let part = |zone: &Arc<OwnZone>| SavedPart { zone: zone.clone(), bytes: parts[&zone.name].clone() };
        let zones = self.here.iter().map(part).collect();
        self.keeper.hear_core(core, FromCore::Ends { zones });
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.keeper.poll() {
            let Output::ToCore(core, letter) = output else { panic!("{output:?}") };
            match letter {
                ToCore::GainZone { zone, saved } => {
                    let former = self.cores[core].insert(zone.name.clone(), saved.concat());
                    assert_eq!(former, None, "a core gets a zone once");
                }
                ToCore::SaveZone { request, zone, is_lost } => {
                    let bytes = self.cores[core][&zone.name].clone();
                    if is_lost {
                        self.cores[core].remove(&zone.name);
                    }
                    self.keeper.hear_core(core, FromCore::ZoneSaved { request, bytes });
                }
                ToCore::Zones(zones) => self.here = zones,
                ToCore::Checkpoints { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_zone_of_a_killed_host_goes_on_from_its_checkpoint() {
    let mut fleet = Fleet::new(&[2, 3]).await;
    fleet.own(0, true);
    fleet.pass(1.0).await;
    assert_eq!(fleet.parts(0), [Some(vec![]), Some(vec![])], "it is new");
    fleet.set(0, &[1, 2]);
    fleet.pass(11.0).await;
    fleet.set(0, &[8, 9]);
    fleet.hosts[0].is_alive = false;
    fleet.pass(0.1).await;
    fleet.own(1, true);
    fleet.pass(1.0).await;
    assert_eq!(fleet.parts(1), [Some(vec![1]), Some(vec![2]), Some(vec![])], "what came later is lost");
    assert_eq!(fleet.hosts[1].keeper.zone_counters().restored, 1);
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_is_given_away_goes_on_as_it_was() {
    let mut fleet = Fleet::new(&[3, 2]).await;
    fleet.own(0, true);
    fleet.pass(1.0).await;
    fleet.set(0, &[1, 2, 3]);
    // The next owner learns of it first.
    fleet.own(1, true);
    fleet.pass(0.5).await;
    assert_eq!(fleet.parts(1), [None, None], "it waits for the last state");
    fleet.own(0, false);
    fleet.pass(0.5).await;
    assert_eq!(fleet.parts(0), [None, None, None]);
    assert_eq!(fleet.parts(1), [Some(vec![1, 3]), Some(vec![2])], "nothing is lost");
    // And back at once.
    fleet.set(1, &[4, 5]);
    fleet.own(1, false);
    fleet.own(1, true);
    fleet.pass(1.0).await;
    assert_eq!(fleet.parts(1), [Some(vec![4]), Some(vec![5])]);
}

#[tokio::test(start_paused = true)]
async fn a_zone_is_not_waited_for_longer_than_two_seconds() {
    let mut fleet = Fleet::new(&[1, 1]).await;
    fleet.own(0, true);
    fleet.pass(1.0).await;
    fleet.set(0, &[1]);
    fleet.pass(11.0).await;
    fleet.own(1, true);
    fleet.pass(3.0).await;
    assert_eq!(fleet.parts(1), [Some(vec![1])], "the last owner says nothing");
    // It is late: what it writes now is nothing to the record.
    fleet.set(1, &[5]);
    fleet.own(0, false);
    fleet.pass(11.0).await;
    fleet.own(1, false);
    fleet.own(0, true);
    fleet.pass(1.0).await;
    assert_eq!(fleet.parts(0), [Some(vec![5])]);
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_does_not_change_is_not_written_and_one_that_is_too_large_is_not_either() {
    let mut fleet = Fleet::new(&[1]).await;
    fleet.own(0, true);
    fleet.pass(1.0).await;
    fleet.set(0, &[1]);
    fleet.pass(11.0).await;
    let changes = fleet.bucket.changes();
    fleet.pass(50.0).await;
    assert_eq!(fleet.bucket.changes(), changes);
    assert!(fleet.hosts[0].keeper.zone_counters().unchanged >= 4);
    fleet.hosts[0].cores[0].insert("west".into(), vec![1; 901 * 1_024]);
    fleet.pass(11.0).await;
    assert_eq!((fleet.bucket.changes(), fleet.hosts[0].keeper.zone_counters().failed), (changes, 1));
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_does_not_change_is_written_again_when_its_bucket_was_removed() {
    let mut fleet = Fleet::new(&[1, 1]).await;
    fleet.own(0, true);
    fleet.pass(1.0).await;
    fleet.set(0, &[1]);
    fleet.pass(11.0).await;
    fleet.bucket.remove();
    // Another host opens it, before this one has noticed.
    let (bucket, vault) = (Bucket::Memory(fleet.bucket.clone()), Vault::new(&BusKey::from_bytes([7; 32]), "b"));
    let mut keeper = Keeper::new(bucket, vault, Clock::System, RunId(9), 1, Duration::from_secs(10));
    keeper.tick(&BTreeSet::new(), true);
    keeper.hear_bucket().await;
    fleet.pass(11.0).await;
    fleet.hosts[0].is_alive = false;
    fleet.pass(0.1).await;
    fleet.own(1, true);
    fleet.pass(1.0).await;
    assert_eq!(fleet.parts(1), [Some(vec![1])]);
}

#[tokio::test(start_paused = true)]
async fn zones_that_are_split_and_merged_stay_with_their_cores() {
    let mut fleet = Fleet::new(&[1, 1]).await;
    fleet.own(0, true);
    fleet.pass(1.0).await;
    fleet.set(0, &[1]);
    let split = [(name(), part(0.0, 50.0, 1)), ("east".parse().unwrap(), part(50.0, 100.0, 2))];
    // In this game both parts have what the core has.
    fleet.hosts[0].cores[0].insert("east".into(), vec![2]);
    fleet.hosts[0].keeper.set_zones(&split);
    fleet.pass(0.5).await;
    assert_eq!(fleet.hosts[0].keeper.zone_counters().saved, 2, "both are saved at once");
    fleet.hosts[0].keeper.set_zones(&[(name(), part(0.0, 100.0, 2))]);
    fleet.pass(0.5).await;
    assert_eq!(fleet.parts(0), [Some(vec![1])], "no core has lost it");
    fleet.hosts[0].is_alive = false;
    fleet.hosts[1].keeper.set_zones(&[("east".parse().unwrap(), part(50.0, 100.0, 3))]);
    fleet.pass(1.0).await;
    assert_eq!(fleet.hosts[1].cores[0]["east"], Vec::<u8>::new(), "a later zone of that name is new");
}

#[tokio::test(start_paused = true)]
async fn a_zone_waits_while_the_bucket_is_away() {
    let mut fleet = Fleet::new(&[1, 1]).await;
    fleet.own(0, true);
    fleet.pass(1.0).await;
    fleet.set(0, &[5]);
    fleet.pass(11.0).await;
    fleet.hosts[0].is_alive = false;
    fleet.bucket.set_fault(BucketFault::Away);
    fleet.own(1, true);
    fleet.pass(20.0).await;
    assert_eq!((fleet.parts(1), fleet.hosts[1].keeper.zone_counters().waiting), (vec![None], 1));
    fleet.bucket.set_fault(BucketFault::None);
    fleet.pass(6.0).await;
    assert_eq!((fleet.parts(1), fleet.hosts[1].keeper.zone_counters().waiting), (vec![Some(vec![5])], 0));
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_moves_while_the_bucket_is_away_loses_nothing() {
    // The bus is away with the bucket, as they are one NATS: nobody is heard when it is back.
    for is_complete in [true, false] {
        let mut fleet = Fleet::new(&[1, 1]).await;
        fleet.own(0, true);
        fleet.pass(1.0).await;
        fleet.set(0, &[6]);
        fleet.bucket.set_fault(BucketFault::Away);
        fleet.is_complete = is_complete;
        fleet.own(0, false);
        fleet.own(1, true);
        fleet.pass(20.0).await;
        assert_eq!((fleet.parts(0), fleet.parts(1)), (vec![None], vec![None]), "nobody has it");
        assert_eq!(fleet.hosts[0].keeper.zone_counters().losing, 1);
        fleet.bucket.set_fault(BucketFault::None);
        fleet.pass(6.0).await;
        assert_eq!(fleet.parts(1), [Some(vec![6])]);
        assert_eq!(fleet.hosts[0].keeper.zone_counters().losing, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_is_split_or_merged_while_the_bucket_is_away_keeps_what_was_saved() {
    let mut fleet = Fleet::new(&[1, 1, 1]).await;
    let east: Name = "east".parse().unwrap();
    fleet.hosts[0].keeper.set_zones(&[(name(), part(0.0, 50.0, 1)), (east.clone(), part(50.0, 100.0, 2))]);
    fleet.pass(1.0).await;
    fleet.hosts[0].cores[0] = [("west".into(), vec![1]), ("east".into(), vec![2])].into();
    fleet.pass(11.0).await;
    fleet.hosts[0].is_alive = false;
    fleet.bucket.set_fault(BucketFault::Away);
    fleet.hosts[1].keeper.set_zones(&[(name(), part(0.0, 50.0, 3)), (east.clone(), part(50.0, 100.0, 4))]);
    fleet.pass(3.0).await;
    fleet.hosts[1].keeper.set_zones(&[(name(), part(0.0, 100.0, 4))]);
    fleet.pass(3.0).await;
    fleet.bucket.set_fault(BucketFault::None);
    fleet.pass(6.0).await;
    let both = [("west".to_owned(), vec![1]), ("east".into(), vec![2])].into();
    assert_eq!(fleet.hosts[1].cores, [both], "its cores got both before they were one");
    // This game keeps what it has under the name of the zone that stays.
    fleet.hosts[1].cores[0] = [("west".into(), vec![1, 2])].into();
    fleet.pass(11.0).await;
    fleet.hosts[1].is_alive = false;
    fleet.bucket.set_fault(BucketFault::Away);
    fleet.hosts[2].keeper.set_zones(&[(name(), part(0.0, 100.0, 5))]);
    fleet.pass(3.0).await;
    fleet.hosts[2].keeper.set_zones(&[(name(), part(0.0, 50.0, 5)), (east, part(50.0, 100.0, 6))]);
    fleet.hosts[2].cores[0].insert("east".into(), Vec::new());
    fleet.pass(3.0).await;
    fleet.bucket.set_fault(BucketFault::None);
    fleet.pass(6.0).await;
    assert_eq!(fleet.parts(2), [Some(vec![1, 2])], "its cores got the whole before it was split");
    assert_eq!(fleet.hosts[2].keeper.zone_counters().waiting, 0);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_reads_a_zone_late_does_not_take_it_from_its_next_host() {
    let mut fleet = Fleet::new(&[1, 1, 1]).await;
    fleet.own(0, true);
    fleet.pass(1.0).await;
    fleet.set(0, &[8]);
    // The first host does not write its last state, so the second waits; meanwhile the zone goes on to the third.
    fleet.own(1, true);
    fleet.pass(0.5).await;
    fleet.own(1, false);
    fleet.own(2, true);
    fleet.own(0, false);
    fleet.pass(5.0).await;
    assert_eq!((fleet.parts(1), fleet.parts(2)), (vec![None], vec![Some(vec![8])]));
    fleet.set(2, &[9]);
    fleet.pass(11.0).await;
    assert_eq!(fleet.hosts[2].keeper.zone_counters().failed, 0);
    fleet.hosts[2].is_alive = false;
    fleet.own(1, true);
    fleet.pass(3.0).await;
    assert_eq!(fleet.parts(1), [Some(vec![9])]);
}

#[tokio::test(start_paused = true)]
async fn without_jetstream_nothing_waits_for_a_bucket() {
    let mut fleet = Fleet::new(&[1]).await;
    fleet.hosts.clear();
    fleet.bucket.set_fault(BucketFault::NoJetStream);
    fleet.hosts.push(fleet.host(2, 1));
    for _ in 0..3 {
        fleet.own(0, true);
        fleet.pass(5.0).await;
        assert_eq!(fleet.parts(0), [Some(vec![])]);
        fleet.own(0, false);
        fleet.pass(1.0).await;
        assert_eq!((fleet.parts(0), fleet.hosts[0].keeper.zone_counters().losing), (vec![None], 0));
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_of_everything_zones_wait_until_the_bucket_is_open() {
    let mut fleet = Fleet::new(&[1]).await;
    fleet.own(0, true);
    fleet.pass(1.0).await;
    fleet.set(0, &[7]);
    fleet.pass(11.0).await;
    fleet.hosts.clear();
    fleet.bucket.set_fault(BucketFault::Leaderless);
    fleet.hosts.push(fleet.host(1, 1));
    fleet.own(0, true);
    fleet.pass(8.0).await;
    assert_eq!(fleet.parts(0), [None], "the servers of NATS choose a leader");
    fleet.bucket.set_fault(BucketFault::None);
    fleet.pass(4.0).await;
    assert_eq!(fleet.parts(0), [Some(vec![7])]);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_others_take_for_gone_does_not_write_over_its_successor() {
    let mut fleet = Fleet::new(&[1, 1]).await;
    fleet.own(0, true);
    fleet.pass(1.0).await;
    // It goes on, but the second host gets the zone, and takes it after 2 s.
    fleet.own(1, true);
    fleet.pass(3.0).await;
    fleet.set(0, &[1]);
    fleet.set(1, &[2]);
    // A checkpoint of it conflicts, then the next ones are due.
    fleet.pass(45.0).await;
    fleet.hosts[1].is_alive = false;
    fleet.hosts.push(fleet.host(2, 1));
    fleet.own(2, true);
    fleet.pass(3.0).await;
    assert_eq!(fleet.parts(2), [Some(vec![2])]);
    assert_eq!(fleet.hosts[0].keeper.zone_counters().failed, 1);
}

#[tokio::test(start_paused = true)]
async fn a_zone_that_is_lost_and_regained_while_its_record_is_read_comes_once() {
    let mut fleet = Fleet::new(&[1]).await;
    fleet.bucket.set_fault(BucketFault::Slow(Duration::from_millis(300)));
    fleet.own(0, true);
    fleet.pass(0.1).await;
    fleet.own(0, false);
    fleet.own(0, true);
    // The cores of this test refuse a zone that they have.
    fleet.pass(5.0).await;
    assert_eq!(fleet.parts(0), [Some(vec![])]);
    fleet.set(0, &[3]);
    fleet.pass(11.0).await;
    assert!(fleet.hosts[0].keeper.zone_counters().saved >= 1);
}

#[tokio::test(start_paused = true)]
async fn the_last_state_of_a_zone_is_tried_again() {
    let mut fleet = Fleet::new(&[1, 1]).await;
    fleet.own(0, true);
    fleet.pass(1.0).await;
    fleet.set(0, &[9]);
    fleet.bucket.set_fault(BucketFault::Leaderless);
    fleet.own(0, false);
    fleet.pass(0.5).await;
    fleet.bucket.set_fault(BucketFault::None);
    fleet.pass(0.3).await;
    fleet.own(1, true);
    fleet.pass(0.5).await;
    assert_eq!(fleet.parts(1), [Some(vec![9])]);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_has_given_a_zone_away_is_waited_for_even_if_it_is_not_heard() {
    let mut fleet = Fleet::new(&[1, 1]).await;
    fleet.own(0, true);
    fleet.pass(1.0).await;
    fleet.set(0, &[4]);
    // The bus is in two parts, so the second host does not hear the first one.
    fleet.hosts[0].is_alive = false;
    fleet.hosts[1].keeper.set_zones(&[(name(), Zone { given_by: Some(RunId(1)), ..zone(area(), 2) })]);
    fleet.pass(1.0).await;
    assert_eq!(fleet.parts(1), [None]);
    fleet.hosts[0].is_alive = true;
    fleet.own(0, false);
    fleet.pass(1.0).await;
    assert_eq!(fleet.parts(1), [Some(vec![4])]);
}

#[tokio::test(start_paused = true)]
async fn the_zone_of_a_host_that_ends_in_order_goes_on_as_it_was() {
    let mut fleet = Fleet::new(&[2, 2]).await;
    fleet.own(0, true);
    fleet.pass(11.0).await;
    fleet.set(0, &[1, 2]);
    fleet.bucket.set_fault(BucketFault::Leaderless);
    fleet.hosts[0].end_core(1);
    fleet.pass(0.2).await;
    assert_eq!(fleet.hosts[0].keeper.zone_counters().losing, 0, "the other core goes on");
    fleet.hosts[0].end_core(0);
    fleet.pass(0.5).await;
    assert_eq!(fleet.hosts[0].keeper.zone_counters().losing, 1, "the bucket refuses");
    fleet.bucket.set_fault(BucketFault::None);
    fleet.pass(0.2).await;
    let ZoneCounters { waiting, losing, failed, .. } = fleet.hosts[0].keeper.zone_counters();
    assert_eq!((waiting, losing, failed), (0, 0, 0));
    fleet.hosts[0].is_alive = false;
    fleet.own(1, true);
    fleet.pass(0.1).await;
    assert_eq!(fleet.parts(1), [Some(vec![1]), Some(vec![2])]);
}

#[tokio::test(start_paused = true)]
async fn a_zone_goes_on_as_it_was_if_its_host_ends_while_it_gives_the_zone_away() {
    let mut fleet = Fleet::new(&[2, 2]).await;
    fleet.own(0, true);
    fleet.pass(1.0).await;
    fleet.set(0, &[1, 2]);
    // The cores are asked for its last state. One answers, and the other one has ended before it hears that.
    fleet.own(0, false);
    let host = &mut fleet.hosts[0];
    let said: Vec<_> = std::iter::from_fn(|| host.keeper.poll()).collect();
    let Output::ToCore(0, ToCore::SaveZone { request, is_lost: true, .. }) = said[0] else { panic!("{said:?}") };
    host.keeper.hear_core(0, FromCore::ZoneSaved { request, bytes: vec![1] });
    host.cores[0].clear();
    host.here = Arc::from([Arc::new(OwnZone { name: "west".into(), area: [[0.0; 2], [100.0; 2]] })]);
    host.end_core(1);
    host.here = Arc::default();
    host.end_core(0);
    fleet.pass(0.2).await;
    fleet.hosts[0].is_alive = false;
    fleet.own(1, true);
    fleet.pass(0.1).await;
    assert_eq!(fleet.parts(1), [Some(vec![1]), Some(vec![2])]);
}

#[tokio::test(start_paused = true)]
async fn a_zone_waits_while_its_record_is_of_another_version() {
    let mut fleet = Fleet::new(&[1, 1]).await;
    fleet.own(0, true);
    fleet.pass(1.0).await;
    fleet.set(0, &[5]);
    fleet.pass(11.0).await;
    fleet.hosts[0].is_alive = false;
    let key = super::record::key_of_zone(&name());
    let readable = fleet.bucket.get(&key).await.unwrap();
    let mut other = readable.value.clone().unwrap();
    other[0] += 1;
    let revision = fleet.bucket.change(&key, readable.revision, Some(other.clone())).await.unwrap();
    fleet.own(1, true);
    fleet.pass(20.0).await;
    assert_eq!((fleet.parts(1), fleet.hosts[1].keeper.zone_counters().waiting), (vec![None], 1));
    assert_eq!(fleet.bucket.get(&key).await.unwrap().value, Some(other));
    fleet.bucket.change(&key, revision, readable.value).await.unwrap();
    fleet.pass(6.0).await;
    assert_eq!((fleet.parts(1), fleet.hosts[1].keeper.zone_counters().waiting), (vec![Some(vec![5])], 0));
}
