//! An explanation agrees with the answer that a client would get at the same moment.

use super::*;

/// One client that asks.
#[derive(Clone, Debug)]
struct Asking {
    request: Request,
    network: u64,
    random: u64,
    /// Milliseconds since the one before.
    passes_ms: u64,
    /// Whether it shows the ticket, or the pass, that was made last.
    shows_ticket: bool,
    shows_pass: bool,
}

prop_compose! {
    fn any_asking()(
        request in any_request(),
        // Few networks, so that their limits count.
        network in 0..4_u64,
        random in any::<u64>(),
        passes_ms in prop_oneof![Just(0), 0..2_000_u64, Just(40_000)],
        shows_ticket in any::<bool>(),
        shows_pass in prop::bool::weighted(0.3),
    ) -> Asking {
        Asking { request, network, random, passes_ms, shows_ticket, shows_pass }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases()))]
    #[test]
    fn an_explanation_says_what_a_client_is_told_at_that_moment(
        fleets in prop::collection::vec(any_directory(), 1..4),
        policy in any_policy(),
        queue in prop::bool::weighted(0.8),
        most in 1..6_u32,
        is_learnt in any::<bool>(),
        askings in prop::collection::vec(any_asking(), 1..30),
    ) {
        let waiting = Waiting { most, most_per_network: 2, ..Waiting::default() };
        let mut balancer = Balancer::new(Policy { queue, waiting, ..policy }, NOW);
        let mut now_ms = if is_learnt { LATER } else { NOW };
        let (mut ticket, mut founded) = (None, None);
        let per_fleet = askings.len().div_ceil(fleets.len());
        for (number, asking) in askings.into_iter().enumerate() {
            if number % per_fleet == 0 {
                balancer.set_directory(&Arc::new(fleets[number / per_fleet].clone()));
            }
            now_ms += asking.passes_ms;
            let Asking { mut request, network, random, shows_ticket, shows_pass, .. } = asking;
            if let (true, Some(pass)) = (shows_pass, &founded) {
                request.party = Some(Party::Member(Pass::clone(pass)));
            }
            let ticket_shown = ticket.filter(|_| shows_ticket);
            let ask = Ask { request, network, holder: network, ticket: ticket_shown, has_account: false };
            let explained = balancer.explain(&ask, now_ms, random);
            let decision = balancer.route(&ask, now_ms, random);
            prop_assert_eq!(explained.answer, Answer::from(&decision.outcome));
            prop_assert_eq!(explained.why, decision.why);
            if let Outcome::Waits(waits) = decision.outcome {
                ticket = Some(waits.ticket);
            }
            founded = decision.taken.founded.or(founded);
        }
    }
}

fn balancer(fleet: &Directory) -> Balancer {
    let mut balancer = Balancer::new(Policy { reserve_percent: 0, ..Policy::default() }, NOW);
    balancer.set_directory(&Arc::new(fleet.clone()));
    balancer
}

#[test]
fn a_newcomer_is_behind_those_who_wait_although_a_host_has_a_place() {
    let mut fleet = directory([Host { players: 100, ..host("h0", "r") }]);
    let mut balancer = balancer(&fleet);
    let first = balancer.route(&ask(&Request::default()), LATER, 1);
    assert!(matches!(first.outcome, Outcome::Waits(_)), "it is full: {first:?}");
    fleet.hosts.get_mut("h0").unwrap().players = 99;
    balancer.set_directory(&Arc::new(fleet));
    let second = ask(&Request::default());
    let explained = balancer.explain(&second, LATER + 10, 2);
    assert!(matches!(explained.answer, Answer::Queue { position: 2, .. }), "{explained:?}");
    assert!(explained.to_string().starts_with("waits, at position 2\n"), "{explained}");
    assert_eq!(balancer.waiting(), 1, "nobody waits because of an explanation");
    let json = serde_json::to_value(&explained).unwrap();
    assert_eq!((json["queue"]["position"].as_u64(), json.get("host")), (Some(2), None), "{json}");
    assert!(json["queue"].get("ticket").is_none(), "an operator gets no turn: {json}");
}

#[test]
fn a_member_whose_places_are_not_held_any_more_still_comes_to_its_party() {
    let fleet = directory((0..10).map(|number| host(&format!("h{number}"), "r")));
    let mut balancer = balancer(&fleet);
    let founder = Request { party: Some(Party::Founder { id: 1, size: 3 }), ..Request::default() };
    let decision = balancer.route(&ask(&founder), LATER, 0);
    let pass = decision.taken.founded.expect("a founder gets a pass");
    let member = ask(&Request { party: Some(Party::Member(pass.clone())), ..Request::default() });
    for random in 0..20 {
        let explained = balancer.explain(&member, LATER + 31_000, random);
        assert_eq!(explained.answer, Answer::Host(pass.host.clone()), "{explained}");
    }
}

#[test]
fn a_refusal_is_told_with_its_reason() {
    let mut closed = directory([Host { state: HostState::Maintenance, ..host("h0", "r") }]);
    let explained = balancer(&closed).explain(&ask(&Request::default()), LATER, 0);
    assert_eq!(explained.answer, Answer::Refused(Refused::Unavailable));
    assert!(explained.to_string().starts_with("no host takes newcomers now: try again later\n"), "{explained}");
    assert_eq!(serde_json::to_value(&explained).unwrap()["refused"], "unavailable");
    closed.hosts.clear();
    let explained = balancer(&closed).explain(&ask(&Request::default()), LATER, 0);
    assert_eq!(explained.answer, Answer::Refused(Refused::NoHosts));
}

#[test]
fn an_explanation_names_the_host_that_a_route_gives_and_every_other_with_its_reason() {
    let mut fleet =
        directory((0..6).map(|number| host(&format!("h{number}"), if number < 3 { "near" } else { "far" })));
    fleet.hosts.get_mut("h1").unwrap().state = HostState::Maintenance;
    let ask = ask(&Request { region: Some(name("near")), ..Request::default() });
    let mut balancer = balancer(&fleet);
    let explanation = balancer.explain(&ask, LATER, 5);
    assert_eq!(explanation.answer, Answer::from(&balancer.route(&ask, LATER, 5).outcome));
    assert_eq!(explanation.regions[0].name, name("near"));
    let text = explanation.to_string();
    for line in [
        "region near\n",
        "  h1: in maintenance; 0 places for newcomers, 0 held, load 0 %\n",
        "  h3: fit; 100 places for newcomers",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert_eq!(explanation.regions[0].hosts[1].fit, Fit::Maintenance);
    assert_eq!(explanation.regions.iter().map(|region| region.hosts.len()).sum::<usize>(), 6);
    assert!(
        explanation.why.iter().any(|step| step.to_string().contains("region near: 2 of 3 hosts fit; 1 in maintenance"))
    );
}
