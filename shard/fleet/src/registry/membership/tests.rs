//! One host against answers that a test chooses.

use super::*;
use crate::model::{HostState, RunId};

const LEASE: Duration = Duration::from_secs(6);
const S: fn(u64) -> Duration = Duration::from_secs;

fn host(run: u64) -> Host {
    Host {
        name: "eu-1".parse().unwrap(),
        run: Some(RunId(run)),
        started_at_ms: 0,
        region: "eu".parse().unwrap(),
        address: format!("192.0.2.{run}:3565"),
        key: "00".repeat(32),
        gateway: None,
        version: "1".into(),
        contract: String::new(),
        capacity: 1_000,
        players: 0,
        load: 0.0,
        weight: 100,
        state: HostState::Ready,
        drain_ms: None,
    }
}

fn membership() -> Membership {
    Membership::new(Keys::new("/f/"), host(1), LEASE, 1)
}

/// The request that it makes now.
#[track_caller]
fn request(membership: &mut Membership, now: Duration) -> Request {
    match membership.next(now) {
        MembershipStep::Ask(request) => request,
        step => panic!("it must ask now, but says {step:?}"),
    }
}

/// The condition of the commit that it makes now.
#[track_caller]
fn condition(membership: &mut Membership, now: Duration) -> Condition {
    match request(membership, now) {
        Request::Commit(commit) => commit.conditions[0].1,
        other => panic!("it must write now, but asks {other:?}"),
    }
}

fn done(revision: u64) -> Result<Answer, StoreError> {
    Ok(Answer::Committed(Committed::Done { revision }))
}

fn refused(found: Option<(&Host, u64)>) -> Result<Answer, StoreError> {
    let record = |(host, modified)| Record {
        value: serde_json::to_vec(host).unwrap(),
        created: modified,
        modified,
        lease: Some(Lease(99)),
    };
    Ok(Answer::Committed(Committed::Refused { found: vec![found.map(record)] }))
}

fn away() -> Result<Answer, StoreError> {
    Err(StoreError::Unavailable("test".into()))
}

/// A host that is registered since time 0, at revision 2.
fn registered() -> Membership {
    let mut membership = membership();
    assert_eq!(request(&mut membership, S(0)), Request::Grant(LEASE));
    membership.answered(S(0), Ok(Answer::Granted(Lease(7))));
    assert_eq!(condition(&mut membership, S(0)), Condition::Absent);
    membership.answered(S(0), done(2));
    assert!(membership.is_registered(S(0)) && *membership.standing() == Standing::Registered);
    membership
}

#[test]
fn it_keeps_its_lease_alive_three_times_per_lease_and_knows_how_long_it_is_sure_of_it() {
    let mut membership = registered();
    assert_eq!(membership.next(S(1)), MembershipStep::Wait(S(2)));
    assert_eq!(request(&mut membership, S(2)), Request::KeepAlive(Lease(7)));
    membership.answered(S(3), Ok(Answer::Kept));
    assert!(membership.is_registered(S(7)), "the lease counts from the question on");
    assert!(!membership.is_registered(S(8)), "nobody knows whether it has ended");
}

#[test]
fn players_are_written_once_per_second_and_states_at_once() {
    let mut membership = registered();
    membership.set_host(Host { players: 9, ..host(1) });
    assert_eq!(membership.next(S(1)), MembershipStep::Wait(S(2)), "less than a hundredth of 1,000 is no news");
    membership.set_host(Host { players: 10, ..host(1) });
    let half = Duration::from_millis(500);
    assert_eq!(membership.next(half), MembershipStep::Wait(S(1)));
    assert_eq!(condition(&mut membership, S(1)), Condition::Modified(2));
    membership.answered(S(1), done(5));
    membership.set_host(Host { players: 10, state: HostState::Draining, ..host(1) });
    assert_eq!(condition(&mut membership, S(1)), Condition::Modified(5));
}

#[test]
fn the_last_free_place_is_news() {
    let mut membership = membership();
    membership.set_host(Host { capacity: 1_000, players: 998, ..host(1) });
    request(&mut membership, S(0));
    membership.answered(S(0), Ok(Answer::Granted(Lease(7))));
    request(&mut membership, S(0));
    membership.answered(S(0), done(2));
    membership.set_host(Host { capacity: 1_000, players: 999, ..host(1) });
    assert_eq!(membership.next(S(1)), MembershipStep::Wait(S(2)));
    membership.set_host(Host { capacity: 1_000, players: 1_000, ..host(1) });
    assert_eq!(condition(&mut membership, S(1)), Condition::Modified(2));
}

#[test]
fn a_lost_lease_is_replaced_and_the_name_claimed_again() {
    let mut membership = registered();
    request(&mut membership, S(2));
    membership.answered(S(2), Err(StoreError::LeaseEnded));
    assert!(!membership.is_registered(S(2)));
    assert_eq!(request(&mut membership, S(2)), Request::Grant(LEASE));
    membership.answered(S(2), Ok(Answer::Granted(Lease(8))));
    assert_eq!(condition(&mut membership, S(2)), Condition::Absent);
    membership.answered(S(2), done(9));
    assert_eq!((membership.counters().registrations, membership.counters().leases_lost), (2, 1));
}

#[test]
fn it_takes_over_its_own_record_after_a_lost_answer_and_nobody_elses() {
    let mut membership = membership();
    request(&mut membership, S(0));
    membership.answered(S(0), Ok(Answer::Granted(Lease(7))));
    request(&mut membership, S(0));
    membership.answered(S(1), away());
    let MembershipStep::Wait(later) = membership.next(S(1)) else { panic!("it must wait") };
    assert_eq!(condition(&mut membership, later), Condition::Absent);
    membership.answered(later, refused(Some((&host(1), 4))));
    assert_eq!(condition(&mut membership, later), Condition::Modified(4), "its own record was written after all");
    membership.answered(later, refused(Some((&host(2), 5))));
    assert!(matches!(membership.standing(), Standing::Taken { by, .. } if by == "192.0.2.2:3565"));
    assert!(!membership.is_registered(later));
    let MembershipStep::Wait(again) = membership.next(later) else { panic!("it must wait") };
    assert_eq!(again, S(2), "the lease is kept alive meanwhile");
    request(&mut membership, again);
    membership.answered(again, Ok(Answer::Kept));
    let later = Duration::from_millis(3_500);
    assert_eq!(condition(&mut membership, later), Condition::Absent, "the other may be gone");
    membership.answered(later, done(8));
    assert_eq!(*membership.standing(), Standing::Registered);
}

#[test]
fn a_store_that_is_away_is_asked_again_within_a_third_of_the_lease() {
    let mut membership = registered();
    let (mut now, mut asked) = (S(2), Vec::new());
    while now < S(60) {
        request(&mut membership, now);
        asked.push(now);
        membership.answered(now, away());
        let MembershipStep::Wait(until) = membership.next(now) else { panic!("it must wait") };
        assert!(until > now && until - now <= LEASE / 3, "{now:?} {until:?}");
        now = until;
    }
    assert!(asked.len() < 60, "it does not hammer: {}", asked.len());
    assert!(matches!(membership.standing(), Standing::Away { since, .. } if *since == S(2)));
    request(&mut membership, now);
    membership.answered(now, Ok(Answer::Kept));
    assert_eq!(*membership.standing(), Standing::Registered, "the store has kept the lease");
}

#[test]
fn a_record_that_somebody_has_deleted_is_written_again() {
    let mut membership = registered();
    membership.seen(1, None);
    assert!(membership.is_registered(S(1)), "that is older than the record");
    membership.seen(2, Some(&host(1)));
    assert!(membership.is_registered(S(1)));
    membership.seen(3, None);
    assert_eq!(condition(&mut membership, S(1)), Condition::Absent);
    membership.answered(S(1), done(4));
    assert_eq!(membership.counters().records_lost, 1);
}

#[test]
fn leaving_revokes_the_lease_and_does_not_wait_for_a_store_that_is_away() {
    for answer in [Ok(Answer::Revoked), away()] {
        let mut membership = registered();
        membership.leave();
        assert_eq!(request(&mut membership, S(1)), Request::Revoke(Lease(7)));
        membership.answered(S(1), answer);
        assert_eq!(membership.next(S(1)), MembershipStep::Left);
    }
}
