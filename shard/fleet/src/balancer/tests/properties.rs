//! What must hold of every decision, whatever the code is like.

use super::*;

fn fleet(hosts: usize) -> Directory {
    directory((0..hosts).map(|number| host(&format!("h{number}"), "r")))
}

fn balancer(strategy: super::super::Strategy, fleet: &Directory) -> Balancer {
    let mut balancer = Balancer::new(Policy { strategy, reserve_percent: 0, ..Policy::default() }, NOW);
    balancer.set_directory(&Arc::new(fleet.clone()));
    balancer
}

fn sent(balancer: &mut Balancer, request: &Request, random: u64) -> Name {
    match balancer.route(&ask(request), LATER, random).outcome {
        Outcome::Host(host) => host.name,
        other => panic!("expected a host, got {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn a_client_is_never_sent_where_it_cannot_play(
        fleet in any_directory(),
        policy in any_policy(),
        requests in prop::collection::vec((any_request(), any::<u64>()), 1..30),
    ) {
        let mut balancer = Balancer::new(Policy { queue: true, ..policy }, NOW);
        balancer.set_directory(&Arc::new(fleet.clone()));
        let mut newcomers: std::collections::BTreeMap<Name, u32> = Default::default();
        for (request, random) in requests {
            let decision = balancer.route(&ask(&request), LATER, random);
            prop_assert!(!decision.why.is_empty() || fleet.hosts.is_empty() || decision.outcome == Outcome::Refused(Refused::Closed));
            prop_assert!(decision.why.iter().all(|step| !step.to_string().is_empty()));
            let Outcome::Host(host) = decision.outcome else { continue };
            prop_assert_eq!(host.state, HostState::Ready);
            prop_assert!(!request.failed.contains(&host.name));
            let contract = request.contract.as_deref().unwrap_or(&host.contract);
            prop_assert!(host.contract.is_empty() || host.contract == contract);
            let sum = newcomers.entry(host.name.clone()).or_default();
            *sum += request.places();
            prop_assert!(host.players + *sum <= host.capacity, "{} is overfilled", host.name);
        }
    }

    #[test]
    fn an_account_moves_only_if_its_host_leaves(left in 0..40_usize, key in any::<u64>()) {
        let request = Request { key: Some(key), ..Request::default() };
        let mut rest = fleet(40);
        let before = sent(&mut balancer(super::super::Strategy::Sticky, &rest), &request, 1);
        let gone = name(&format!("h{left}"));
        rest.hosts.remove(&gone);
        let after = sent(&mut balancer(super::super::Strategy::Sticky, &rest), &request, 2);
        prop_assert!(before == after || before == gone);
    }

    #[test]
    fn a_party_stays_together_on_every_balancer(size in 2..50_u32, id in any::<u64>(), others in 0..60_u32) {
        let fleet = fleet(10);
        let mut first = balancer(super::super::Strategy::LeastLoaded, &fleet);
        let mut second = balancer(super::super::Strategy::LeastLoaded, &fleet);
        for number in 0..others {
            sent(&mut second, &Request::default(), u64::from(number));
        }
        let founder = Request { party: Some(Party::Founder { id, size }), ..Request::default() };
        let host = sent(&mut first, &founder, 1);
        prop_assert_eq!(&sent(&mut second, &founder, 2), &host);
        let member = Request { party: Some(Party::Member(Pass { size, ..pass(id, host.as_str()) })), ..Request::default() };
        for random in 1..u64::from(size) {
            let balancer = if random % 2 == 0 { &mut first } else { &mut second };
            prop_assert_eq!(&sent(balancer, &member, random), &host);
        }
    }
}

#[test]
fn a_pass_lets_no_more_past_the_queue_than_the_party_has_members() {
    let almost_full = directory([Host { players: 96, ..host("h0", "r") }]);
    let mut balancer = balancer(super::super::Strategy::LeastLoaded, &almost_full);
    balancer.set_policy(Policy { reserve_percent: 2, ..balancer.policy().clone() });
    let member = Request { party: Some(Party::Member(Pass { size: 2, ..pass(1, "h0") })), ..Request::default() };
    for random in 0..2 {
        sent(&mut balancer, &Request::default(), random);
    }
    for random in 0..2 {
        assert_eq!(sent(&mut balancer, &member, random), name("h0"), "a member may use the reserve");
    }
    let decision = balancer.route(&ask(&member), LATER, 5);
    assert!(matches!(decision.outcome, Outcome::Waits(_)), "{decision:?}");
    assert!(decision.why.contains(&Step::PassUsed));
}

/// A founder with the queue's leave, and members that come while its places are held, and after that.
#[test]
fn members_take_the_places_that_the_founder_waited_for_and_nobody_elses() {
    let mut fleet = directory([Host { players: 96, ..host("h0", "r") }]);
    let mut balancer = balancer(super::super::Strategy::LeastLoaded, &fleet);
    let founder = Request { party: Some(Party::Founder { id: 1, size: 3 }), ..Request::default() };
    let decision = balancer.route(&ask(&founder), LATER, 0);
    let pass = decision.taken.founded.expect("a founder gets a pass");
    let member = Request { party: Some(Party::Member(pass.clone())), ..Request::default() };
    sent(&mut balancer, &Request::default(), 1);
    assert!(matches!(balancer.route(&ask(&Request::default()), LATER, 2).outcome, Outcome::Waits(_)), "it is full");
    assert_eq!(sent(&mut balancer, &member, 3), name("h0"));
    assert_eq!(sent(&mut balancer, &member, 4), name("h0"));
    let third = balancer.route(&ask(&member), LATER, 5);
    assert!(matches!(third.outcome, Outcome::Waits(_)), "no place is held for it, and none is free: {third:?}");
    // The places are given back: what is free now is for those that wait.
    let later = LATER + 31_000;
    fleet.hosts.get_mut("h0").unwrap().players = 100;
    balancer.set_directory(&Arc::new(fleet.clone()));
    let Outcome::Waits(_) = balancer.route(&ask(&Request::default()), later, 6).outcome else { panic!("it is full") };
    fleet.hosts.get_mut("h0").unwrap().players = 99;
    balancer.set_directory(&Arc::new(fleet.clone()));
    let late = balancer.route(&ask(&member), later + 10, 7);
    assert!(matches!(late.outcome, Outcome::Waits(_)), "another one is first: {late:?}");
    assert!(late.why.contains(&Step::PassUnpaid));
    fleet.hosts.insert(name("h1"), host("h1", "r"));
    fleet.hosts.get_mut("h0").unwrap().players = 90;
    balancer.set_directory(&Arc::new(fleet));
    assert_eq!(sent_at(&mut balancer, &member, later + 20), name("h0"), "a late member still comes to its party");
}

#[test]
fn what_a_decision_took_can_be_given_back() {
    let fleet = directory([Host { players: 99, ..host("h0", "r") }]);
    let mut balancer = balancer(super::super::Strategy::LeastLoaded, &fleet);
    let first = sent_ticket(&mut balancer, 1);
    for now_ms in LATER + 2..LATER + 10 {
        let decision = balancer.route(&Ask { ticket: Some(first), ..asks(1) }, now_ms, 1);
        assert!(matches!(decision.outcome, Outcome::Host(_)), "{decision:?}");
        balancer.give_back(decision.taken, now_ms);
    }
    // One place is for the client that waits.
    let fleet = directory([Host { players: 97, ..host("h0", "r") }]);
    balancer.set_directory(&Arc::new(fleet));
    let founder = Request { party: Some(Party::Founder { id: 1, size: 2 }), ..Request::default() };
    for now_ms in LATER + 10..LATER + 20 {
        let decision = balancer.route(&ask(&founder), now_ms, 1);
        assert!(matches!(decision.outcome, Outcome::Host(_)), "{decision:?}");
        balancer.give_back(decision.taken, now_ms);
    }
}

/// A client of this network, which is its account, too.
fn asks(network: u64) -> Ask {
    Ask { network, holder: network, ..ask(&Request::default()) }
}

/// The ticket of a client that had to wait, because another one had the last place for a moment.
fn sent_ticket(balancer: &mut Balancer, network: u64) -> Ticket {
    let other = balancer.route(&asks(network + 1), LATER, 0);
    let Outcome::Waits(waits) = balancer.route(&asks(network), LATER, 0).outcome else { panic!("it is full") };
    let behind = balancer.route(&asks(network + 2), LATER + 1, 0).outcome;
    assert!(matches!(behind, Outcome::Waits(_)), "it would be first without the ticket: {behind:?}");
    balancer.give_back(other.taken, LATER + 1);
    waits.ticket
}

fn sent_at(balancer: &mut Balancer, request: &Request, now_ms: u64) -> Name {
    match balancer.route(&ask(request), now_ms, 9).outcome {
        Outcome::Host(host) => host.name,
        other => panic!("expected a host, got {other:?}"),
    }
}

/// The clock of day is set back by an hour: places and waiting clients are forgotten as ever.
#[test]
fn a_clock_that_is_set_back_holds_nothing_for_longer() {
    let fleet = directory([Host { players: 99, ..host("h0", "r") }]);
    let mut balancer = balancer(super::super::Strategy::LeastLoaded, &fleet);
    let day_ms = 1_800_000_000_000;
    balancer.set_clock(LATER, day_ms);
    sent(&mut balancer, &Request::default(), 0);
    let Outcome::Waits(waits) = balancer.route(&asks(1), LATER, 0).outcome else { panic!("it is full") };
    assert_eq!(waits.ticket.first_ms, day_ms, "other balancers can read it");
    let later = LATER + 20_000;
    balancer.set_clock(later, day_ms - 3_600_000);
    assert_eq!(sent_at(&mut balancer, &Request::default(), later), name("h0"));
    assert_eq!(balancer.waiting(), 0);
}

#[test]
fn a_party_that_is_split_is_told_why() {
    let mut fleet = fleet(2);
    let mut balancer = balancer(super::super::Strategy::LeastLoaded, &fleet);
    let member = Request { party: Some(Party::Member(pass(1, "h0"))), ..Request::default() };
    let why = |balancer: &mut Balancer| {
        let decision = balancer.route(&ask(&member), LATER, 1);
        decision.why.iter().map(Step::to_string).collect::<Vec<_>>().join("; ")
    };
    fleet.hosts.get_mut("h0").unwrap().players = 100;
    balancer.set_directory(&Arc::new(fleet.clone()));
    assert!(why(&mut balancer).contains("the party is split: its host h0 is full"));
    fleet.hosts.get_mut("h0").unwrap().state = HostState::Draining;
    balancer.set_directory(&Arc::new(fleet.clone()));
    assert!(why(&mut balancer).contains("the party is split: its host h0 is draining"));
    fleet.hosts.remove("h0");
    balancer.set_directory(&Arc::new(fleet.clone()));
    assert!(why(&mut balancer).contains("the party is split: its host h0 is not in the fleet"));
}

/// 20,000 draws among weights 1, 2, 3, 4: each share is within five standard deviations, which chance exceeds once in a million.
#[test]
fn newcomers_come_in_proportion_to_the_weights() {
    let hosts = (1..5).map(|weight| Host { weight, capacity: 1_000_000, ..host(&format!("h{weight}"), "r") });
    let mut balancer = balancer(super::super::Strategy::Weighted, &directory(hosts));
    let draws = 20_000_u64;
    let mut counts = [0_u32; 5];
    for number in 0..draws {
        let drawn = sent(&mut balancer, &Request::default(), super::super::hash::mix(number));
        counts[usize::from(drawn.as_str().as_bytes()[1] - b'0')] += 1;
    }
    for (weight, count) in counts.iter().enumerate().skip(1) {
        let share = weight as f64 / 10.0;
        let (mean, deviation) = (draws as f64 * share, (draws as f64 * share * (1.0 - share)).sqrt());
        assert!((f64::from(*count) - mean).abs() < 5.0 * deviation, "weight {weight}: {count} of {draws}");
    }
}

#[test]
fn clients_of_one_second_spread_over_equal_hosts() {
    let mut balancer = balancer(super::super::Strategy::LeastLoaded, &fleet(10));
    let mut counts = std::collections::BTreeMap::<Name, u32>::new();
    for random in 0..500 {
        *counts.entry(sent(&mut balancer, &Request::default(), random)).or_default() += 1;
    }
    assert_eq!(counts.values().collect::<Vec<_>>(), [&50; 10]);
}

#[test]
fn accounts_spread_over_all_hosts() {
    let mut balancer = balancer(super::super::Strategy::Sticky, &fleet(10));
    let mut counts = std::collections::BTreeMap::<Name, u32>::new();
    for key in 0..600 {
        let request = Request { key: Some(key), ..Request::default() };
        *counts.entry(sent(&mut balancer, &request, 0)).or_default() += 1;
    }
    assert!(counts.len() == 10 && counts.values().all(|count| (35..90).contains(count)), "{counts:?}");
}

/// 100 clients wait while places come free one by one: they get in in the order in which they came.
#[test]
fn a_full_fleet_admits_in_order() {
    let mut fleet = fleet(1);
    fleet.hosts.get_mut("h0").unwrap().players = 100;
    let mut balancer = balancer(super::super::Strategy::LeastLoaded, &fleet);
    let mut waiting = Vec::new();
    for client in 0..100_u64 {
        let ask =
            Ask { request: Request::default(), network: client, holder: client, ticket: None, has_account: false };
        let Outcome::Waits(waits) = balancer.route(&ask, LATER + client, client).outcome else { panic!("it is full") };
        assert_eq!(waits.position, client + 1);
        waiting.push((client, waits.ticket));
    }
    let mut admitted = Vec::new();
    for round in 1..=100 {
        // One player leaves, and one that was admitted has come.
        fleet.hosts.get_mut("h0").unwrap().players = 99;
        balancer.set_directory(&Arc::new(fleet.clone()));
        let now = LATER + 1_000 + round * 15;
        for (client, ticket) in waiting.iter().rev().copied().collect::<Vec<_>>() {
            let ask = Ask {
                request: Request::default(),
                network: client,
                holder: client,
                ticket: Some(ticket),
                has_account: false,
            };
            if let Outcome::Host(_) = balancer.route(&ask, now, client).outcome {
                admitted.push(client);
                waiting.retain(|(other, _)| *other != client);
            }
        }
        fleet.hosts.get_mut("h0").unwrap().players = 100;
        balancer.set_directory(&Arc::new(fleet.clone()));
    }
    assert_eq!(admitted, (0..100).collect::<Vec<_>>());
    assert_eq!(balancer.waiting(), 0);
}

#[test]
fn a_host_that_left_or_failed_is_passed_over() {
    let mut fleet = fleet(2);
    let mut balancer = balancer(super::super::Strategy::LeastLoaded, &fleet);
    let failed = Request { failed: vec![name("h0")], ..Request::default() };
    assert!((0..20).all(|random| sent(&mut balancer, &failed, random) == name("h1")));
    fleet.hosts.remove("h1");
    balancer.set_directory(&Arc::new(fleet.clone()));
    assert!((0..20).all(|random| sent(&mut balancer, &Request::default(), random) == name("h0")));
    assert!(matches!(balancer.route(&ask(&failed), LATER, 0).outcome, Outcome::Refused(Refused::Unavailable)));
}

#[test]
fn faults_of_a_policy_name_the_field_and_what_it_must_be() {
    let policy: Policy = serde_json::from_str(
        r#"{"reserve-percent": 60, "balancers": 0, "regions-by": ["wish", "wish"],
            "regions": {"eu": {"overflow": ["us", "eu"], "probes": ["nowhere"]}}}"#,
    )
    .unwrap();
    let faults = policy.faults().join("\n");
    for expected in [
        "reserve-percent is 60, but must be 0 to 50",
        "balancers is 0, but must be 1 to 1000",
        "names a way twice",
        "regions.eu.overflow has us, which is no region",
        "regions.eu.overflow has the region itself",
        "regions.eu.probes has `nowhere`, but must have HOST:PORT",
    ] {
        assert!(faults.contains(expected), "{faults}");
    }
    assert_eq!(Policy::default().faults(), Vec::<String>::new());
    assert!(serde_json::from_str::<Policy>(r#"{"stratgy": "sticky"}"#).is_err());
}
