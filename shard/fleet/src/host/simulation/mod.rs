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

mod audit;
mod balance;
mod client;
mod core;
mod dice;
mod fleet;
mod server;
mod storm;

use fleet::{Fleet, Plan};
use std::time::{Duration, Instant};

/// A storm and the calm after it.
fn run(plan: Plan) -> Fleet {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
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
    let (most_hosts, per_seed) = (setting("FLEET_HOSTS_MAX", 6), setting("FLEET_MINUTES_PER_SEED", 8).max(1));
    let began = Instant::now();
    let mut total = audit::Totals::default();
    for seed in first..first + minutes.div_ceil(per_seed) {
        let fleet = run(Plan::drawn(seed, Duration::from_secs(60 * per_seed), most_hosts));
        total.add(&fleet);
        println!("{}", fleet.line(began.elapsed()));
    }
    println!("{total}");
    assert!(total.moves > 0 && total.takeovers > 0, "the storms must do something: {total}");
}

#[test]
fn a_seed_replays_a_run() {
    let digest = || run(Plan { seed: 7, hosts: 5, clients: 20, time: Duration::from_secs(300) }).digest();
    assert_eq!(digest(), digest());
}
