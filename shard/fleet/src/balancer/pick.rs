//! Chooses one of several hosts that fit.

use super::hash::{mix, rendezvous};
use super::index::Index;
use super::live::Live;
use super::policy::{Policy, Strategy};
use super::request::{Party, Request};
use super::step::Step;

/// Chooses a host. `random` decides among equals, and for the strategy `weighted`.
///
/// # Panics
/// If there is nothing to choose from.
pub(super) fn pick(
    (index, live, policy): (&Index, &Live, &Policy),
    request: &Request,
    fitting: &[u32],
    random: u64,
    why: &mut Vec<Step>,
) -> u32 {
    assert!(!fitting.is_empty(), "there is a host to choose");
    if let Some(Party::Founder { id, size }) = request.party {
        let chosen = highest(index, fitting, id);
        why.push(Step::Party { host: index.host(chosen).name.clone(), of: fitting.len() as u32, size });
        return chosen;
    }
    match (policy.strategy, request.key) {
        (Strategy::Weighted, _) => weighted(index, fitting, random, why),
        (Strategy::Sticky, Some(key)) => {
            let chosen = highest(index, fitting, key);
            why.push(Step::Sticky { host: index.host(chosen).name.clone(), of: fitting.len() as u32 });
            chosen
        }
        (Strategy::Sticky, None) => {
            why.push(Step::NoKey);
            least_loaded(index, live, policy, fitting, random, why)
        }
        (Strategy::LeastLoaded, _) => least_loaded(index, live, policy, fitting, random, why),
    }
}

/// The load of a host: the larger of its share of taken places and the load of its busiest core. 1 is full.
pub(super) fn load(index: &Index, live: &Live, policy: &Policy, host: u32) -> f64 {
    let record = index.host(host);
    let taken = u64::from(record.players) + u64::from(live.held(host)) * u64::from(policy.balancers);
    let share = taken as f64 / f64::from(record.capacity.max(1));
    let cores = if record.load.is_finite() { f64::from(record.load) } else { 1.0 };
    share.max(cores)
}

fn least_loaded(index: &Index, live: &Live, policy: &Policy, fitting: &[u32], random: u64, why: &mut Vec<Step>) -> u32 {
    let random = mix(random);
    let key = |host: u32| (load(index, live, policy, host), rendezvous(random, index.host(host).hash));
    let mut best = (fitting[0], key(fitting[0]));
    for host in fitting[1..].iter().copied() {
        let other = key(host);
        if other.0 < best.1.0 || (other.0 == best.1.0 && other.1 > best.1.1) {
            best = (host, other);
        }
    }
    let percent = (best.1.0 * 100.0).round() as u32;
    why.push(Step::LeastLoaded { host: index.host(best.0).name.clone(), of: fitting.len() as u32, percent });
    best.0
}

fn weighted(index: &Index, fitting: &[u32], random: u64, why: &mut Vec<Step>) -> u32 {
    let weight = |host: u32| u64::from(index.host(host).weight);
    let sum: u64 = fitting.iter().map(|host| weight(*host)).sum();
    assert!(sum > 0, "hosts of weight 0 do not fit");
    let mut left = ((u128::from(random) * u128::from(sum)) >> 64) as u64;
    for host in fitting.iter().copied() {
        if left < weight(host) {
            let record = index.host(host);
            let of = fitting.len() as u32;
            why.push(Step::Weighted { host: record.name.clone(), of, weight: record.weight, sum });
            return host;
        }
        left -= weight(host);
    }
    unreachable!("the number is below the sum of the weights");
}

fn highest(index: &Index, fitting: &[u32], key: u64) -> u32 {
    let key = mix(key);
    let best = fitting.iter().copied().max_by_key(|host| rendezvous(key, index.host(*host).hash));
    best.expect("there is a host to choose")
}
