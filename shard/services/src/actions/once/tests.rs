//! Tests of the table that makes calls be executed at most once.

use super::super::rates::RateKey;
use super::*;
use ringshard_requests::limits::{CALLS_OPEN_MAX, OUTCOME_LIFETIME};
use ringshard_requests::message::status;
use std::time::Duration;

const NOW: Duration = Duration::from_secs(1000);
const EPOCH: u64 = 7;

fn key(client: u8) -> ClientKey {
    ClientKey { account: None, instance: [client; 16] }
}

fn numbers(number: u32) -> CallNumbers {
    CallNumbers { number, epoch: EPOCH, oldest: 1 }
}

fn outcome(bytes: usize) -> Outcome {
    Outcome { status: status::OK, wait: None, value: vec![0; bytes].into() }
}

fn table() -> Calls {
    let mut table = Calls::default();
    assert_eq!(table.hello(key(1), EPOCH, NOW), Some(EPOCH));
    table
}

/// Executes a call that must be new.
fn execute(table: &mut Calls, number: u32, bytes: usize, now: Duration) {
    let begin = table.begin(key(1), &numbers(number), 1, now);
    assert!(matches!(begin, Begin::Execute(..)), "call {number}");
    table.end(key(1), number, &outcome(bytes), now);
}

/// In one letter: what the table does with a call.
fn name(begin: &Begin) -> char {
    match begin {
        Begin::Execute(..) => 'x',
        Begin::Wait(_) => 'w',
        Begin::Waiting => '-',
        Begin::Answered(_) => 'a',
        Begin::Unknown => '?',
        Begin::Full => 'f',
    }
}

fn again(table: &mut Calls, number: u32, now: Duration) -> char {
    name(&table.begin(key(1), &numbers(number), 1, now))
}

#[test]
fn a_call_is_executed_once_whatever_repeats_it() {
    let mut table = table();
    let first = table.begin(key(1), &numbers(1), 1, NOW);
    assert_eq!(name(&first), 'x');
    assert_eq!(again(&mut table, 1, NOW), '-', "the connection waits already");
    let other = table.begin(key(1), &numbers(1), 2, NOW);
    assert_eq!(name(&other), 'w', "the client has another connection");
    assert_eq!(name(&table.begin(key(2), &numbers(1), 1, NOW)), '?', "a client that did not say hello");
    assert_eq!(name(&table.begin(key(1), &CallNumbers { epoch: 8, ..numbers(2) }, 1, NOW)), '?', "another epoch");
    table.end(key(1), 1, &outcome(3), NOW);
    assert_eq!(again(&mut table, 1, NOW), 'a');
}

#[tokio::test]
async fn the_outcome_goes_to_the_connection_that_asked_last() {
    let mut table = table();
    let Begin::Execute(first, done, _) = table.begin(key(1), &numbers(1), 1, NOW) else { panic!("it is new") };
    let Begin::Wait(second) = table.begin(key(1), &numbers(1), 2, NOW) else { panic!("it runs") };
    done.end(outcome(3));
    assert_eq!(first.outcome().await, None);
    assert_eq!(second.outcome().await, Some(outcome(3)));
}

#[test]
fn a_client_that_jumps_between_connections_cannot_collect_waiters() {
    let mut table = table();
    let first = table.begin(key(1), &numbers(1), 1, NOW);
    let waiters: Vec<_> = (2..100).map(|connection| table.begin(key(1), &numbers(1), connection, NOW)).collect();
    assert_eq!(waiters.iter().filter(|begin| name(begin) == 'w').count(), 7);
    drop((first, waiters));
    assert_eq!(name(&table.begin(key(1), &numbers(1), 100, NOW)), 'w', "those who have gone leave room");
}

#[test]
fn what_was_forgotten_is_unknown_and_not_executed_again() {
    let mut table = table();
    execute(&mut table, 1, 0, NOW);
    execute(&mut table, 3, 0, NOW);
    assert_eq!(again(&mut table, 3, NOW + OUTCOME_LIFETIME - Duration::from_millis(1)), 'a', "it is kept 50 s");
    assert_eq!(again(&mut table, 3, NOW + OUTCOME_LIFETIME), '?');
    assert_eq!(again(&mut table, 2, NOW + OUTCOME_LIFETIME), '?', "one below that never came");
    assert_eq!(table.bytes(), 0);
    execute(&mut table, 4, 0, NOW + OUTCOME_LIFETIME);
    let oldest = CallNumbers { oldest: 5, ..numbers(5) };
    assert_eq!(name(&table.begin(key(1), &oldest, 1, NOW + OUTCOME_LIFETIME)), 'x');
    assert_eq!(again(&mut table, 4, NOW + OUTCOME_LIFETIME), '?', "the client has the outcome");
    assert_eq!(again(&mut table, 5, NOW + OUTCOME_LIFETIME), '-');
}

#[test]
fn a_running_call_below_the_oldest_stays_known_until_it_ends() {
    let mut table = table();
    let running = table.begin(key(1), &numbers(1), 1, NOW);
    let later = table.begin(key(1), &CallNumbers { oldest: 2, ..numbers(2) }, 1, NOW);
    assert_eq!((name(&running), name(&later), again(&mut table, 1, NOW)), ('x', 'x', '-'));
    table.end(key(1), 1, &outcome(0), NOW);
    assert_eq!(again(&mut table, 1, NOW), '?');
}

#[test]
fn a_call_that_is_taken_back_before_it_comes_is_never_executed() {
    let mut table = table();
    let taken_back = Outcome { status: status::CANCELLED, ..outcome(0) };
    assert_eq!(name(&table.cancel(key(1), 1, taken_back.clone(), 1, NOW)), 'a');
    let Begin::Answered(outcome) = table.begin(key(1), &numbers(1), 1, NOW) else { panic!("it has an outcome") };
    assert_eq!(outcome, taken_back);
    let Begin::Execute(_, _, cancelled) = table.begin(key(1), &numbers(2), 1, NOW) else { panic!("it is new") };
    assert_eq!(name(&table.cancel(key(1), 2, taken_back, 1, NOW)), '-');
    assert!(cancelled.is_cancelled());
}

#[test]
fn a_client_has_bounds() {
    let mut table = table();
    let open = CALLS_OPEN_MAX as u32;
    let running: Vec<_> = (1..=open + 1).map(|number| again(&mut table, number, NOW)).collect();
    assert_eq!(running.iter().filter(|begin| **begin == 'x').count(), CALLS_OPEN_MAX);
    assert_eq!(running.last(), Some(&'f'));
    for number in 1..=open {
        table.end(key(1), number, &outcome(15_000), NOW);
    }
    assert!((1 << 20) - 16_000 < table.bytes() && table.bytes() <= 1 << 20, "{} bytes", table.bytes());
    assert_eq!(table.outcomes_forgotten_early, 31);
    assert_eq!((again(&mut table, 31, NOW), again(&mut table, 32, NOW)), ('?', 'a'));
}

#[test]
fn all_clients_together_have_bounds_and_idle_ones_make_room() {
    let mut table = Calls::default();
    let many = |client: u32| ClientKey { account: None, instance: u128::from(client).to_le_bytes() };
    for client in 0..65_536 {
        assert!(table.hello(many(client), EPOCH, NOW).is_some());
    }
    assert_eq!(table.hello(many(65_536), EPOCH, NOW), None, "nobody is idle");
    let later = NOW + OUTCOME_LIFETIME;
    assert_eq!(table.hello(many(65_536), 8, later), Some(8));
    assert_eq!((table.clients(), table.clients_forgotten), (65_536, 1));
    let large = outcome(16_000);
    for client in 1000..1300 {
        for number in 1..=60 {
            assert_eq!(name(&table.begin(many(client), &numbers(number), 1, later)), 'x');
            table.end(many(client), number, &large, later);
        }
    }
    assert!(table.bytes() <= 256 << 20, "{} bytes", table.bytes());
    assert!(table.outcomes_forgotten_early > 0);
    assert_ne!(name(&table.begin(many(1000), &numbers(1), 1, later)), 'x');
}

#[test]
fn outcomes_of_clients_that_went_away_are_forgotten_by_the_calls_of_others() {
    let mut table = table();
    execute(&mut table, 1, 1000, NOW);
    table.hello(key(2), EPOCH, NOW);
    let later = NOW + OUTCOME_LIFETIME;
    for number in 1..3 {
        table.begin(key(2), &numbers(number), 1, later);
    }
    assert_eq!(table.bytes(), 0);
}

fn scope(client: u64) -> Scope {
    (RateKey::Network(client), "0123456789abcdef".into())
}

#[test]
fn a_key_names_one_call_of_one_client() {
    let mut keys = Keys::default();
    let KeyBegin::Execute(..) = keys.begin(&scope(1), [1; 32], NOW) else { panic!("it is new") };
    assert!(matches!(keys.begin(&scope(1), [1; 32], NOW), KeyBegin::Wait(_)));
    assert!(matches!(keys.begin(&scope(1), [2; 32], NOW), KeyBegin::Other));
    assert!(matches!(keys.begin(&scope(2), [2; 32], NOW), KeyBegin::Execute(..)));
    keys.end(scope(1), &outcome(5), true, NOW);
    assert!(matches!(keys.begin(&scope(1), [1; 32], NOW), KeyBegin::Answered(answer) if answer == outcome(5)));
    keys.end(scope(2), &outcome(5), false, NOW);
    assert!(matches!(keys.begin(&scope(2), [3; 32], NOW), KeyBegin::Execute(..)), "it was not executed");
    assert!(matches!(keys.begin(&scope(1), [1; 32], NOW + OUTCOME_LIFETIME), KeyBegin::Execute(..)));
}

#[test]
fn keys_have_a_bound() {
    let mut keys = Keys::default();
    for client in 0..16_384 {
        assert!(matches!(keys.begin(&scope(client), [1; 32], NOW), KeyBegin::Execute(..)));
    }
    assert!(matches!(keys.begin(&scope(16_384), [1; 32], NOW), KeyBegin::Full));
}
