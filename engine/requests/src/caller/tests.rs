//! Tests of the client's calls. The simulator in shard/services tests them against the server.

use super::*;
use crate::limits::{CALL_RETRY_FIRST, CALL_RETRY_MAX};

const PATH: &str = "/v1/a";
const SECOND: Duration = Duration::from_secs(1);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Calls inside the world, with the epoch 7.
fn greeted() -> Calls {
    let mut calls = Calls::new([1; 16], 5);
    calls.connected(ms(0));
    assert_eq!(calls.next_send(ms(0)).map(Hello::read), Some(Ok(Hello { instance: [1; 16] })));
    greet(&mut calls, ms(0), 7);
    calls
}

fn greet(calls: &mut Calls, now: Duration, epoch: u64) {
    let mut message = Vec::new();
    Greeting { epoch }.write(&mut message);
    assert_eq!(calls.receive(now, &message), Ok(Received::Taken));
}

fn outcome(number: u32, status: u16) -> Vec<u8> {
    let mut message = Vec::new();
    Outcome { number, status, wait: 0, value: &[1] }.write(&mut message);
    message
}

/// The numbers of the calls that are sent now.
fn sent(calls: &mut Calls, now: Duration) -> Vec<u32> {
    let mut numbers = Vec::new();
    while let Some(message) = calls.next_send(now) {
        numbers.push(Call::read(message).expect("it is a call").number);
    }
    numbers
}

#[test]
fn a_call_is_repeated_with_growing_waits_until_it_is_answered() {
    let mut calls = greeted();
    assert_eq!(calls.call(ms(0), PATH, &[], 30 * SECOND), Ok(1));
    let mut waits = Vec::new();
    let mut now = ms(0);
    for _ in 0..8 {
        assert_eq!(sent(&mut calls, now), [1]);
        let next = calls.next_deadline().expect("it is repeated");
        assert_eq!(sent(&mut calls, next - ms(1)), [0; 0]);
        waits.push(next - now);
        now = next;
    }
    assert!((CALL_RETRY_FIRST * 3 / 4..=CALL_RETRY_FIRST * 5 / 4).contains(&waits[0]), "{waits:?}");
    assert!((CALL_RETRY_MAX * 3 / 4..=CALL_RETRY_MAX * 5 / 4).contains(&waits[7]), "{waits:?}");
    assert_eq!(calls.receive(now, &outcome(1, 200)), Ok(Received::Taken));
    assert_eq!(calls.poll(now), Some((1, End::Answered(vec![1]))));
    assert_eq!(calls.receive(now, &outcome(1, 200)), Ok(Received::Outdated));
    assert_eq!((calls.poll(now), calls.next_deadline(), calls.open()), (None, None, 0));
}

#[test]
fn the_deadline_ends_a_call_as_unknown_only_if_it_was_sent() {
    let mut calls = greeted();
    calls.call(ms(0), PATH, &[], SECOND).unwrap();
    assert_eq!(sent(&mut calls, ms(0)), [1]);
    calls.disconnected();
    calls.call(ms(1), PATH, &[], SECOND).unwrap();
    assert_eq!(calls.poll(ms(999)), None);
    assert_eq!(calls.poll(ms(1000)), Some((1, End::Unknown)));
    assert_eq!(calls.poll(ms(1001)), Some((2, End::Expired)));
}

#[test]
fn a_call_goes_on_in_the_next_presence_if_the_server_remembers_it() {
    let mut calls = greeted();
    calls.call(ms(0), PATH, &[], 30 * SECOND).unwrap();
    sent(&mut calls, ms(0));
    calls.disconnected();
    calls.call(ms(1), PATH, &[], 30 * SECOND).unwrap();
    assert_eq!(calls.next_send(ms(5000)), None);
    calls.connected(ms(5000));
    assert!(Hello::read(calls.next_send(ms(5000)).unwrap()).is_ok());
    assert_eq!(calls.next_send(ms(5000)), None, "calls wait for the greeting");
    greet(&mut calls, ms(5001), 7);
    assert_eq!(sent(&mut calls, ms(5001)), [1, 2]);

    calls.disconnected();
    calls.call(ms(5002), PATH, &[], 30 * SECOND).unwrap();
    calls.connected(ms(6000));
    calls.next_send(ms(6000));
    greet(&mut calls, ms(6000), 8);
    assert_eq!([calls.poll(ms(6000)), calls.poll(ms(6000))], [Some((1, End::Unknown)), Some((2, End::Unknown))]);
    let message = calls.next_send(ms(6000)).unwrap();
    let call = Call::read(message).unwrap();
    assert_eq!((call.number, call.epoch, call.oldest, call.deadline), (3, 8, 3, 2900));
}

#[test]
fn an_outcome_before_the_greeting_of_another_process_says_nothing() {
    let mut calls = greeted();
    assert_eq!(calls.call(ms(0), PATH, &[], 30 * SECOND), Ok(1));
    assert_eq!(sent(&mut calls, ms(0)), [1]);
    calls.disconnected();
    calls.connected(ms(500));
    assert_eq!(calls.receive(ms(500), &outcome(1, status::CANCELLED)), Ok(Received::Outdated));
    assert_eq!(calls.poll(ms(500)), None);
    greet(&mut calls, ms(600), 8);
    assert_eq!(calls.poll(ms(600)), Some((1, End::Unknown)), "the former process may have executed it");
}

#[test]
fn a_call_that_was_not_sent_is_cancelled_at_once_and_another_by_the_server() {
    let mut calls = greeted();
    calls.call(ms(0), PATH, &[], SECOND).unwrap();
    calls.cancel(ms(0), 1);
    assert_eq!(calls.poll(ms(0)), Some((1, End::Cancelled)));
    assert_eq!(calls.next_send(ms(0)), None);

    calls.call(ms(0), PATH, &[], SECOND).unwrap();
    sent(&mut calls, ms(0));
    calls.cancel(ms(1), 2);
    assert_eq!(calls.next_send(ms(1)).map(Cancel::read), Some(Ok(Cancel { number: 2 })));
    assert_eq!(calls.next_send(ms(1)), None);
    assert_eq!(calls.poll(ms(1)), None);
    assert_eq!(calls.next_send(ms(320)).map(Cancel::read), Some(Ok(Cancel { number: 2 })));
    calls.receive(ms(320), &outcome(2, status::CANCELLED)).unwrap();
    assert_eq!(calls.poll(ms(320)), Some((2, End::Cancelled)));
}

#[test]
fn a_server_that_has_forgotten_the_client_is_greeted_again() {
    let mut calls = greeted();
    calls.call(ms(0), PATH, &[], SECOND).unwrap();
    sent(&mut calls, ms(0));
    calls.receive(ms(1), &outcome(1, status::UNKNOWN)).unwrap();
    assert_eq!(calls.poll(ms(1)), Some((1, End::Unknown)));
    calls.call(ms(1), PATH, &[], SECOND).unwrap();
    assert!(Hello::read(calls.next_send(ms(1)).unwrap()).is_ok());
    greet(&mut calls, ms(2), 9);
    assert_eq!(Call::read(calls.next_send(ms(2)).unwrap()).unwrap().epoch, 9);
}

#[test]
fn calls_have_bounds() {
    let mut calls = greeted();
    for number in 1..=100 {
        assert_eq!(calls.call(ms(0), PATH, &[], 30 * SECOND), Ok(number));
    }
    assert_eq!(calls.call(ms(0), PATH, &[], SECOND), Err(CannotCall::TooMany));
    sent(&mut calls, ms(0));
    for number in 2..=100 {
        calls.receive(ms(0), &outcome(number, 200)).unwrap();
    }
    for number in 101..=1024 {
        assert_eq!(calls.call(ms(0), PATH, &[], SECOND), Ok(number));
        calls.cancel(ms(0), number);
    }
    assert_eq!(calls.call(ms(0), PATH, &[], SECOND), Err(CannotCall::TooMany), "the first is open since 1,024");
    calls.receive(ms(0), &outcome(1, 200)).unwrap();
    assert_eq!(calls.call(ms(0), "v1", &[], SECOND), Err(CannotCall::Path));
    assert_eq!(calls.call(ms(0), PATH, &vec![0; CALL_BYTES_MAX - 24], SECOND), Err(CannotCall::TooLarge));
    assert_eq!(calls.call(ms(0), PATH, &vec![0; CALL_BYTES_MAX - 25], SECOND), Ok(1025));
    assert_eq!(calls.next_send(ms(0)).map(<[u8]>::len), Some(CALL_BYTES_MAX));
}
