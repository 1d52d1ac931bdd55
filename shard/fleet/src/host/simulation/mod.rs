//! A fleet under one virtual clock: registry, bus, hosts with the tasks that run in production, and clients. A storm of faults
//! comes, then a calm, again and again; an auditor looks at every step.
//!
//! | file | has |
//! |---|---|
//! | `dice` | random numbers: a seed replays a run |
//! | `core` | a core of a host: players, and letters of the fleet |
//! | `server` | a host: its server, its tasks, its ends of the bus, the store and the bucket of checkpoints |
//! | `balance` | the balancers, which say to clients where they play |
//! | `client` | a player at home: walks, changes server, enters again when its host is gone |
//! | `fleet` | all of it, and the clock |
//! | `storm` | faults |
//! | `audit` | what must hold always, and what must hold after a calm |
//!
//! Between the hosts there is what a real fleet has: [`Member`](super::member::Member), [`Traffic`](super::traffic::Traffic),
//! letters that are sealed, a store with leases and watches, a bucket with checkpoints of accounts. Only sockets, worlds and borders
//! are missing.
//!
//! To the fleet a player is bytes: its session with the reliable messages of both directions, and its state. Here they are a number
//! that rises with each change, and the auditor checks that a player comes as it left. What real sessions make of their reliable
//! messages when they move is simulated elsewhere: `tests/network/moves.rs` of ringshard-harness, `tests/server/moves.rs` of
//! ringshard-testing.

mod audit;
mod balance;
mod client;
mod core;
mod dice;
mod fleet;
mod server;
mod storm;

use crate::bus::memory::{BusFaults, MIDDLE};
use crate::model::Zones;
use crate::store::memory::Fault;
use fleet::{Fleet, Plan};
use std::panic::catch_unwind;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

fn in_virtual_time<T>(life: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(life)
}

/// A storm and the calm after it.
fn run(plan: Plan) -> Fleet {
    in_virtual_time(async {
        let mut fleet = Fleet::start(plan).await;
        fleet.live().await;
        fleet
    })
}

/// One number of the environment.
fn setting(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name}={text}: it must be a number")),
        Err(_) => default,
    }
}

/// By default, minutes of a few fleets. `scripts/simulate-fleet.sh` runs hours of many.
#[test]
fn whatever_fails_each_zone_has_one_owner_and_each_player_one_place() {
    let (minutes, first) = (setting("FLEET_MINUTES", 16), setting("FLEET_SEED", 1));
    let (fewest, most) = (setting("FLEET_HOSTS_MIN", 3), setting("FLEET_HOSTS_MAX", 6));
    let (per_seed, jobs) = (setting("FLEET_MINUTES_PER_SEED", 8).max(1), setting("FLEET_JOBS", 1));
    assert!(
        (1..=most).contains(&fewest) && most <= 1_000,
        "{fewest} to {most} hosts: it must be 1 to 1,000, the fewest first"
    );
    let (began, seeds) = (Instant::now(), minutes.div_ceil(per_seed));
    let (next, totals) = (AtomicU64::new(first), Mutex::new(audit::Totals::default()));
    let work = || {
        while let Some(seed) = Some(next.fetch_add(1, Relaxed)).filter(|seed| *seed < first + seeds) {
            let plan = Plan::drawn(seed, Duration::from_secs(60 * per_seed), fewest..=most);
            // A violation panics. It ends its fleet only.
            let fleet = catch_unwind(|| run(plan));
            let mut totals = totals.lock().unwrap();
            match fleet {
                Ok(fleet) => {
                    totals.add(&fleet);
                    println!("{}", fleet.line(began.elapsed(), totals.fleets, seeds));
                }
                Err(_) => {
                    eprintln!("seed {seed}: a violation");
                    totals.violated.push(seed);
                    totals.fleets += 1;
                }
            }
        }
    };
    thread::scope(|scope| (0..jobs).for_each(|_| _ = scope.spawn(work)));
    let total = totals.into_inner().unwrap();
    println!("{total}");
    assert!(total.violated.is_empty(), "seeds with a violation: {:?}", total.violated);
    assert!(total.moves > 0 && total.takeovers > 0, "the storms must do something: {total}");
}

/// A link between two of three servers of the bus breaks. Hosts at the third server hear all others. One part is cut off from the
/// registry, too.
#[test]
fn hosts_that_only_a_third_one_hears_keep_their_zones_and_players() {
    let s = Duration::from_secs;
    // In half of them, the bus loses a quarter of the letters.
    let live = async |seed, lost| {
        let mut fleet = Fleet::start(Plan { seed, hosts: 4, clients: 150, time: Duration::ZERO }).await;
        // Moves take long, so that some are under way.
        fleet.base.hub.set_faults(BusFaults { delay: Duration::from_millis(300), lost, ..BusFaults::default() });
        fleet.pass(s(30)).await;
        let hosts: Vec<_> = fleet.running().map(|host| (host.peer.run, host.store.clone())).collect();
        for _ in 0..4 {
            let owners = |zones: &Zones| -> Vec<_> {
                zones.zones.values().map(|zone| (zone.owner.clone(), zone.epoch)).collect()
            };
            let before = owners(&fleet.zones.latest().zones);
            for ((run, store), part) in hosts.iter().zip([MIDDLE, 0, 0, 1]) {
                fleet.base.hub.set_part(*run, Some(part));
                store.set_fault(if part == 1 { Fault::Cut } else { Fault::None });
            }
            fleet.pass(s(20)).await;
            assert_eq!(owners(&fleet.zones.latest().zones), before, "seed {seed}");
            for (run, store) in &hosts {
                fleet.base.hub.set_part(*run, Some(0));
                store.set_fault(Fault::None);
            }
            fleet.pass(s(10)).await;
        }
        assert_eq!(fleet.audit.fences, 0, "seed {seed}: hosts have ended themselves");
    };
    (1..=4).for_each(|seed| in_virtual_time(live(seed, 0)));
    (5..=8).for_each(|seed| in_virtual_time(live(seed, 250)));
}

/// Its players enter at other hosts at once, so its zones must not wait for its silence.
#[test]
fn the_zones_of_a_host_that_ends_in_order_have_another_one_within_seconds() {
    in_virtual_time(async {
        let mut fleet = Fleet::start(Plan { seed: 1, hosts: 4, clients: 20, time: Duration::ZERO }).await;
        fleet.calm().await;
        let ended = fleet.running().nth(1).unwrap().peer.clone();
        fleet.end_in_order(1);
        fleet.pass(Duration::from_secs(3)).await;
        let zones = fleet.zones.latest().zones.clone();
        assert_eq!(zones.owned_by(&ended.name, ended.run).count(), 0);
        assert!(zones.zones.values().all(|zone| zone.owner.as_ref() != Some(&ended.name)));
    });
}

#[test]
fn a_seed_replays_a_run() {
    let digest = || run(Plan { seed: 7, hosts: 5, clients: 20, time: Duration::from_secs(300) }).digest();
    assert_eq!(digest(), digest());
}
