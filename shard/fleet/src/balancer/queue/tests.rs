use super::*;

const NOW: u64 = 1_000_000_000;
/// Both polls of learning are over.
const LATER: u64 = NOW + 20_000;

fn settings() -> Waiting {
    Waiting { most: 10, most_per_network: 5, poll_secs: 5 }
}

fn queue() -> Queue {
    let mut queue = Queue::new(settings(), NOW);
    queue.advance(LATER);
    queue
}

fn asker(random: u64) -> Asker {
    Asker { line: 1, holder: random, network: random, ticket: None, random, needs: 1 }
}

fn offer(places: u64) -> Offer {
    Offer { places, places_in_all: 1_000, has_host: places > 0, balancers: 1 }
}

fn waits(turn: Turn) -> Waits {
    match turn {
        Turn::Waits(waits) => waits,
        other => panic!("expected to wait, got {other:?}"),
    }
}

fn again(before: &Waits, network: u64) -> Asker {
    Asker { ticket: Some(before.ticket), network, ..asker(before.ticket.holder) }
}

#[test]
fn the_earliest_is_the_first_and_one_place_admits_one() {
    let mut queue = queue();
    let first = waits(queue.ask(&asker(7), &offer(0), LATER));
    let second = waits(queue.ask(&asker(3), &offer(0), LATER + 10));
    assert_eq!((first.position, second.position), (1, 2));
    assert_eq!(waits(queue.ask(&again(&second, 3), &offer(1), LATER + 20)).position, 2);
    assert_eq!(queue.ask(&again(&first, 7), &offer(1), LATER + 30), Turn::Admitted);
    assert_eq!(queue.ask(&again(&second, 3), &offer(1), LATER + 40), Turn::Admitted);
    assert_eq!(queue.waiting(), 0);
}

#[test]
fn a_newcomer_does_not_pass_those_who_wait() {
    let mut queue = queue();
    let first = waits(queue.ask(&asker(1), &offer(0), LATER));
    assert!(queue.guards(1, LATER) && !queue.guards(2, LATER));
    assert_eq!(waits(queue.ask(&asker(2), &offer(1), LATER + 1)).position, 2);
    assert_eq!(queue.ask(&asker(3), &offer(3), LATER + 2), Turn::Admitted, "there are places for all three");
    assert_eq!(queue.ask(&again(&first, 1), &offer(1), LATER + 3), Turn::Admitted);
}

#[test]
fn another_balancer_knows_the_turn_from_the_ticket() {
    let (mut one, mut other) = (queue(), queue());
    let first = waits(one.ask(&asker(1), &offer(0), LATER));
    let second = waits(one.ask(&asker(2), &offer(0), LATER + 1));
    let third = waits(other.ask(&asker(3), &offer(0), LATER + 2));
    assert_eq!(third.position, 1, "it knows of nobody else yet");
    // The first balancer dies.
    assert_eq!(waits(other.ask(&again(&second, 2), &offer(0), LATER + 3)).position, 1);
    assert_eq!(waits(other.ask(&again(&third, 3), &offer(0), LATER + 4)).position, 2);
    assert_eq!(waits(other.ask(&again(&first, 1), &offer(0), LATER + 5)).position, 1);
    assert_eq!(waits(other.ask(&again(&third, 3), &offer(1), LATER + 6)).position, 3);
}

#[test]
fn with_several_balancers_each_takes_its_share_of_the_places() {
    let mut queue = queue();
    let first = waits(queue.ask(&asker(1), &offer(0), LATER));
    let second = waits(queue.ask(&asker(2), &offer(0), LATER + 1));
    let four = |places| Offer { balancers: 4, ..offer(places) };
    assert_eq!(waits(queue.ask(&again(&second, 2), &four(4), LATER + 2)).position, 5);
    assert_eq!(queue.ask(&again(&second, 2), &four(5), LATER + 3), Turn::Admitted);
    assert_eq!(queue.ask(&again(&first, 1), &four(1), LATER + 4), Turn::Admitted);
}

#[test]
fn a_client_that_does_not_ask_again_loses_its_turn() {
    let mut queue = queue();
    let first = waits(queue.ask(&asker(1), &offer(0), LATER));
    assert_eq!(queue.fault(&first.ticket, 1, first.ticket.leaves_ms), None);
    assert!(queue.fault(&first.ticket, 1, first.ticket.leaves_ms + 1).is_some());
    queue.advance(first.ticket.leaves_ms + 1_000);
    assert_eq!(queue.waiting(), 0);
    assert!(!queue.guards(1, first.ticket.leaves_ms + 1_000));
}

#[test]
fn a_ticket_is_bound_to_its_holder_and_admits_three_times() {
    let mut queue = queue();
    let ticket = waits(queue.ask(&asker(1), &offer(0), LATER)).ticket;
    assert!(queue.fault(&ticket, 2, LATER).is_some());
    assert!(queue.fault(&Ticket { first_ms: LATER + 6_000, ..ticket }, 1, LATER).is_some(), "no clock differs so much");
    for _ in 0..USES_MAX {
        assert_eq!(queue.fault(&ticket, 1, LATER), None);
        assert_eq!(queue.ask(&Asker { ticket: Some(ticket), ..asker(1) }, &offer(1), LATER), Turn::Admitted);
    }
    assert_eq!(queue.fault(&ticket, 1, LATER), Some("it was used"));
    queue.advance(ticket.leaves_ms + 2_000);
    assert!(queue.used.is_empty(), "an expired ticket needs no memory");
}

#[test]
fn a_balancer_that_has_just_started_lets_tickets_pass_before_newcomers_unless_there_are_many_places() {
    let mut young = Queue::new(settings(), NOW);
    assert!(young.guards(1, NOW));
    let waiting = waits(young.ask(&asker(1), &offer(49), NOW));
    assert!(waiting.is_learning);
    assert_eq!(young.ask(&asker(2), &offer(50), NOW), Turn::Admitted, "5 % are free");
    let ticket = Ticket { first_ms: NOW - 60_000, leaves_ms: NOW + 5_000, id: 9, holder: 3 };
    assert_eq!(young.ask(&Asker { ticket: Some(ticket), ..asker(3) }, &offer(1), NOW), Turn::Admitted);
    young.advance(LATER);
    assert_eq!(young.ask(&again(&waiting, 1), &offer(1), LATER), Turn::Admitted);
}

#[test]
fn the_queue_is_bounded_in_all_and_per_network() {
    let mut queue = queue();
    let of_network = |random, network| Asker { network, ..asker(random) };
    for random in 0..5 {
        waits(queue.ask(&of_network(random, 1), &offer(0), LATER));
    }
    assert_eq!(queue.ask(&of_network(5, 1), &offer(0), LATER), Turn::Refused(Crowded::Network));
    for random in 5..10 {
        waits(queue.ask(&of_network(random, 2), &offer(0), LATER));
    }
    assert_eq!(queue.ask(&of_network(10, 3), &offer(0), LATER), Turn::Refused(Crowded::All));
    queue.advance(LATER + 60_000);
    assert!(queue.networks.is_empty() && queue.waiting() == 0);
    waits(queue.ask(&of_network(10, 3), &offer(0), LATER + 60_000));
}

#[test]
fn the_wait_is_estimated_from_those_who_were_admitted() {
    let mut queue = queue();
    let first = waits(queue.ask(&asker(1), &offer(0), LATER));
    assert_eq!(first.wait_s, None);
    assert_eq!(queue.ask(&again(&first, 1), &offer(1), LATER), Turn::Admitted);
    assert_eq!(waits(queue.ask(&asker(2), &offer(0), LATER)).wait_s, Some(SPEED_SECONDS));
    queue.advance(LATER + SPEED_SECONDS * 1_000);
    assert_eq!(waits(queue.ask(&asker(3), &offer(0), LATER + SPEED_SECONDS * 1_000)).wait_s, None);
}

#[test]
fn a_party_needs_all_its_places_at_once_and_others_may_pass_it() {
    let mut queue = queue();
    let party = Asker { needs: 3, ..asker(1) };
    let no_host = |places| Offer { has_host: false, ..offer(places) };
    let party_waits = waits(queue.ask(&party, &no_host(5), LATER));
    assert_eq!(queue.ask(&asker(2), &offer(5), LATER + 1), Turn::Admitted);
    assert_eq!(waits(queue.ask(&Asker { needs: 3, ..again(&party_waits, 1) }, &offer(2), LATER + 2)).position, 1);
    assert_eq!(queue.ask(&Asker { needs: 3, ..again(&party_waits, 1) }, &offer(3), LATER + 3), Turn::Admitted);
}
