//! Model check: random fleets, and a slow, obvious balancer that must decide alike. Then what must hold of every decision.

mod explained;
mod properties;
mod reference;

use super::fixtures::{directory, host, name};
use super::*;
use crate::location::{Place, Position};
use crate::model::{Directory, Host, HostState, Name};
use proptest::prelude::*;
use proptest::strategy::Strategy;
use reference::{Reference, Sent};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const NOW: u64 = 1_000_000_000;
/// Both polls of learning are over.
const LATER: u64 = NOW + 60_000;

fn any_region() -> impl Strategy<Value = Name> {
    (0..5_u8).prop_map(|number| name(&format!("r{number}")))
}

fn any_position() -> impl Strategy<Value = Position> {
    // Few positions, so that distances are often equal.
    (-2..3_i8, -4..4_i8).prop_map(|(lat, long)| Position::new(f64::from(lat) * 40.0, f64::from(long) * 45.0).unwrap())
}

prop_compose! {
    fn any_host()(
        number in 0..30_u8,
        region in any_region(),
        state in prop_oneof![
            6 => Just(HostState::Ready), 1 => Just(HostState::Starting), 1 => Just(HostState::Overloaded),
            1 => Just(HostState::Draining), 1 => Just(HostState::Maintenance),
        ],
        contract in prop_oneof![4 => Just(""), 2 => Just("a"), 1 => Just("b")],
        capacity in prop_oneof![0..4_u32, 8..12_u32, Just(100)],
        players in prop_oneof![Just(0), 0..12_u32, Just(97), Just(u32::MAX)],
        weight in 0..4_u32,
        load in prop_oneof![Just(0.0_f32), Just(0.5), Just(0.97), Just(f32::NAN)],
    ) -> Host {
        Host { state, contract: contract.to_owned(), capacity, players, weight, load, ..host(&format!("h{number}"), region.as_str()) }
    }
}

fn any_directory() -> impl Strategy<Value = Directory> {
    prop::collection::vec(any_host(), 0..24).prop_map(directory)
}

prop_compose! {
    fn any_policy()(
        regions_by in prop_oneof![
            Just(vec![Way::Wish, Way::RoundTrip, Way::Location]), Just(vec![Way::Location, Way::RoundTrip]),
            Just(vec![Way::RoundTrip, Way::Wish]), Just(vec![]),
        ],
        overflow in prop_oneof![Just(Overflow::Next), Just(Overflow::Listed), Just(Overflow::None)],
        strategy in prop_oneof![Just(super::Strategy::LeastLoaded), Just(super::Strategy::Weighted), Just(super::Strategy::Sticky)],
        reserve_percent in prop_oneof![Just(0), Just(2), Just(50)],
        balancers in 1..4_u32,
        regions in prop::collection::btree_map(any_region(), (
            prop::option::of(any_position()), prop::collection::vec(any_region(), 0..3), prop::bool::weighted(0.15),
        ), 0..6),
    ) -> Policy {
        let regions = regions.into_iter().map(|(name, (position, overflow, closed))| {
            (name, Region { position, overflow, closed, ..Region::default() })
        });
        Policy { regions_by, overflow, strategy, reserve_percent, balancers, queue: false, regions: regions.collect(), ..Policy::default() }
    }
}

prop_compose! {
    fn any_request()(
        contract in prop::option::of(prop_oneof![3 => Just("a"), 1 => Just("b"), 1 => Just("c")]),
        region in prop::option::of(any_region()),
        round_trips in prop::collection::vec((any_region(), (0..4_u8).prop_map(f32::from)), 0..6),
        place in prop_oneof![
            Just(Whereabouts::NoDatabase), Just(Whereabouts::Unknown),
            any_position().prop_map(|position| Whereabouts::At(Place { country: None, position, is_exact: true })),
        ],
        key in prop::option::of(any::<u64>()),
        party in prop::option::weighted(0.3, prop_oneof![
            (any::<u64>(), 1..12_u32).prop_map(|(id, size)| Party::Founder { id, size }),
            (any::<u64>(), 0..34_u8).prop_map(|(party, number)| Party::Member(pass(party, &format!("h{number}")))),
        ]),
        failed in prop::collection::vec((0..30_u8).prop_map(|number| name(&format!("h{number}"))), 0..3),
    ) -> Request {
        Request { contract: contract.map(str::to_owned), region, round_trips, place, key, party, failed }
    }
}

/// A pass for many members, made just now by another balancer.
fn pass(party: u64, host: &str) -> Pass {
    Pass { party, size: PARTY_SIZE_MAX, until_ms: LATER + super::passes::PASS_MS, host: name(host) }
}

/// Each client has a network of its own.
fn ask(request: &Request) -> Ask {
    static NETWORKS: AtomicU64 = AtomicU64::new(0);
    let network = NETWORKS.fetch_add(1, Ordering::Relaxed);
    Ask { request: request.clone(), network, holder: network, ticket: None, has_account: false }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]
    #[test]
    fn the_balancer_decides_as_the_slow_one_does(
        fleet in any_directory(),
        policy in any_policy(),
        reported in prop::collection::vec((0..30_u8).prop_map(|number| name(&format!("h{number}"))), 0..4),
        requests in prop::collection::vec((any_request(), any::<u64>()), 1..12),
    ) {
        let mut balancer = Balancer::new(Policy { failure_reports: 1, ..policy.clone() }, NOW);
        balancer.set_directory(&Arc::new(fleet.clone()));
        let mut reference = Reference::new(fleet, policy);
        for host in reported {
            if balancer.report(&host, 7, LATER) {
                reference.avoid(host);
            }
        }
        for (request, random) in requests {
            let decision = balancer.route(&ask(&request), LATER, random);
            let decided = match decision.outcome {
                Outcome::Host(host) => Sent::To(host.name),
                Outcome::Refused(refused) => Sent::Nowhere(refused),
                Outcome::Waits(_) => unreachable!("there is no queue"),
            };
            prop_assert_eq!(decided, reference.route(&request, random), "{:?}", decision.why);
        }
    }
}

/// Cases of the model check: `BALANCER_CASES`, or what a debug build does in a second.
fn cases() -> u32 {
    std::env::var("BALANCER_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1_000)
}
