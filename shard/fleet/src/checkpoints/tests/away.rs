//! While the bucket is away, refuses, or is behind.

use super::*;

#[tokio::test(start_paused = true)]
async fn without_the_bucket_an_account_is_refused_and_keeps_its_checkpoint() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    fleet.hosts[0].is_alive = false;
    fleet.set_fault(BucketFault::Away);
    fleet.enter(1, ANN);
    fleet.settle(MS(1_500)).await;
    assert_eq!(fleet.hosts[1].refused, 0, "it waits");
    fleet.settle(MS(1_000)).await;
    let counters = fleet.hosts[1].keeper.counters();
    assert_eq!((fleet.hosts[1].refused, counters.kept_out, counters.accounts), (1, 1, 0));
    fleet.set_fault(BucketFault::None);
    fleet.enter(1, ANN);
    fleet.settle(MS(100)).await;
    assert_eq!(fleet.places(ANN), [(1, 1)]);
}

#[tokio::test(start_paused = true)]
async fn who_goes_on_without_the_bucket_does_not_win_over_a_login_elsewhere() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    // The second host is cut off from the bucket after the account has entered there and left again.
    fleet.enter(1, ANN);
    fleet.settle(MS(100)).await;
    fleet.hosts[1].bucket.set_fault(BucketFault::Away);
    fleet.enter(1, ANN);
    fleet.settle(MS(2_500)).await;
    assert_eq!((fleet.places(ANN), fleet.hosts[1].keeper.counters().without), (vec![(1, 1)], 1));
    fleet.hosts[1].is_mute = true;
    fleet.enter(0, ANN);
    fleet.settle(MS(2_000)).await;
    assert_eq!(fleet.places(ANN), [(0, 1), (1, 1)]);
    fleet.hosts[1].bucket.set_fault(BucketFault::None);
    fleet.hosts[0].players.values_mut().for_each(|player| player.value = 50);
    for value in 51..54 {
        fleet.play();
        fleet.settle(MS(100)).await;
        assert_eq!(fleet.places(ANN), [(0, value)]);
    }
}

#[tokio::test(start_paused = true)]
async fn without_jetstream_accounts_enter_and_yield_to_the_records_of_a_bucket_that_opens() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    fleet.hosts.clear();
    fleet.add_host(3, BucketFault::NoJetStream);
    fleet.enter(0, AccountId(3));
    fleet.settle(MS(1_000)).await;
    assert_eq!(fleet.places(AccountId(3)), [], "a server that has just started may not know yet");
    fleet.settle(MS(3_000)).await;
    assert_eq!(fleet.places(AccountId(3)), [(0, 0)]);
    fleet.leave(0, AccountId(3));
    const BEN: AccountId = AccountId(2);
    for account in [ANN, BEN] {
        fleet.enter(0, account);
        fleet.settle(MS(50)).await;
        assert_eq!(fleet.places(account), [(0, 0)], "it is a newcomer at once");
        fleet.play();
        fleet.settle(MS(50)).await;
    }
    // From a second client.
    fleet.enter(0, BEN);
    fleet.settle(MS(50)).await;
    assert_eq!((fleet.places(BEN), fleet.hosts[0].keeper.counters().without), (vec![(0, 1)], 4));
    fleet.set_fault(BucketFault::None);
    fleet.settle(MS(6_000)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    assert_eq!((fleet.places(ANN), fleet.places(BEN)), (vec![], vec![(0, 2)]), "only one has a record");
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    assert_eq!(fleet.places(ANN), [(0, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_player_that_leaves_while_the_bucket_is_away_has_no_checkpoint_later() {
    let mut fleet = Fleet::new(1);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    fleet.set_fault(BucketFault::Away);
    fleet.leave(0, ANN);
    fleet.settle(MS(1_000)).await;
    fleet.set_fault(BucketFault::None);
    fleet.settle(MS(8_000)).await;
    assert_eq!(fleet.hosts[0].keeper.counters().accounts, 0);
    fleet.enter(0, ANN);
    fleet.settle(MS(100)).await;
    assert_eq!(fleet.places(ANN), [(0, 0)]);
}

#[tokio::test(start_paused = true)]
async fn a_client_waits_while_the_servers_of_the_bucket_choose_a_leader() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    fleet.hosts[0].is_alive = false;
    fleet.set_fault(BucketFault::Leaderless);
    fleet.enter(1, ANN);
    fleet.settle(MS(1_500)).await;
    assert_eq!(fleet.places(ANN), [], "it waits");
    fleet.set_fault(BucketFault::None);
    fleet.settle(MS(300)).await;
    assert_eq!(fleet.places(ANN), [(1, 1)], "its checkpoint was not replaced");
    assert_eq!(fleet.hosts[1].refused, 0);
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_is_behind_costs_nothing() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.hosts[0].players.values_mut().for_each(|player| player.value = 7);
    fleet.set_fault(BucketFault::Lagging(MS(250)));
    // The host that lets it go writes last, and the other one reads what was there before.
    fleet.enter(1, ANN);
    fleet.settle(MS(1_000)).await;
    assert_eq!(fleet.places(ANN), [(1, 7)]);
    // The replica does not have the checkpoint of a player that leaves yet.
    fleet.enter(0, AccountId(2));
    fleet.settle(MS(20)).await;
    fleet.leave(0, AccountId(2));
    fleet.settle(MS(1_000)).await;
    assert_eq!(fleet.hosts[0].keeper.counters().left, 1);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_has_just_left_enters_again_while_the_bucket_is_away() {
    let mut fleet = Fleet::new(1);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    fleet.set_fault(BucketFault::Away);
    // From a second client: the first one's player goes on.
    fleet.enter(0, ANN);
    fleet.settle(MS(2_500)).await;
    assert_eq!((fleet.places(ANN), fleet.hosts[0].refused), (vec![(0, 1)], 0));
    fleet.leave(0, ANN);
    fleet.settle(MS(1_000)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(2_500)).await;
    assert_eq!((fleet.places(ANN), fleet.hosts[0].refused), (vec![(0, 0)], 0), "it had left for good");
    fleet.set_fault(BucketFault::None);
    for value in 1..4 {
        fleet.play();
        fleet.settle(MS(3_000)).await;
        assert_eq!(fleet.places(ANN), [(0, value)]);
    }
}

#[tokio::test(start_paused = true)]
async fn the_late_request_of_a_refused_client_does_not_put_a_later_login_out() {
    let mut fleet = Fleet::new(3);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.hosts[0].is_mute = true;
    fleet.enter(1, ANN);
    fleet.settle(MS(500)).await;
    // It takes the account over after 1 s; what it reads then comes after 2.2 s.
    fleet.hosts[1].bucket.set_fault(BucketFault::Slow(MS(1_200)));
    fleet.settle(MS(1_000)).await;
    fleet.hosts[0].is_alive = false;
    fleet.enter(2, ANN);
    fleet.settle(MS(2_500)).await;
    assert_eq!((fleet.places(ANN), fleet.hosts[1].refused), (vec![(2, 0)], 1));
    for value in 1..4 {
        fleet.play();
        fleet.settle(MS(500)).await;
        assert_eq!(fleet.places(ANN), [(2, value)]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_player_has_left_is_written_after_all_if_its_next_client_does_not_get_in() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    fleet.hosts[0].players.values_mut().for_each(|player| player.value = 9);
    fleet.set_fault(BucketFault::Away);
    fleet.enter(0, ANN);
    fleet.settle(MS(2_500)).await;
    // The second client goes on as the first one left, and is gone at once.
    let (number, player) = fleet.hosts[0].of(ANN).expect("it has entered");
    fleet.hosts[0].players.clear();
    fleet.hosts[0].say_ended(number, player, StayEnd::Kept);
    fleet.settle(MS(1_000)).await;
    fleet.set_fault(BucketFault::None);
    fleet.settle(MS(8_000)).await;
    assert_eq!(fleet.hosts[0].keeper.counters().accounts, 0);
    fleet.enter(1, ANN);
    fleet.settle(MS(200)).await;
    assert_eq!(fleet.places(ANN), [(1, 9)]);
}

#[tokio::test(start_paused = true)]
async fn checkpoints_are_taken_while_a_bucket_that_failed_once_is_opened_anew() {
    let mut fleet = Fleet::new(1);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.set_fault(BucketFault::Leaderless);
    fleet.play();
    fleet.settle(MS(50)).await;
    fleet.set_fault(BucketFault::Slow(MS(500)));
    fleet.settle(MS(5_000)).await;
    // It is being opened now.
    fleet.play();
    fleet.settle(MS(1_500)).await;
    fleet.hosts[0].is_alive = false;
    fleet.set_fault(BucketFault::None);
    fleet.add_host(2, BucketFault::None);
    fleet.settle(MS(50)).await;
    fleet.enter(1, ANN);
    fleet.settle(MS(50)).await;
    assert_eq!(fleet.places(ANN), [(1, 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_was_removed_is_opened_again() {
    let mut fleet = Fleet::new(1);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.bucket.remove();
    for _ in 0..8 {
        fleet.play();
        fleet.settle(MS(1_000)).await;
    }
    fleet.play();
    fleet.settle(MS(50)).await;
    assert!(fleet.hosts[0].keeper.counters().is_open);
    fleet.hosts[0].is_alive = false;
    fleet.add_host(2, BucketFault::None);
    fleet.settle(MS(50)).await;
    fleet.enter(1, ANN);
    fleet.settle(MS(50)).await;
    assert_eq!(fleet.places(ANN), [(1, 9)]);
}

#[tokio::test(start_paused = true)]
async fn a_record_of_another_version_is_not_replaced() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    fleet.hosts[0].is_alive = false;
    let key = format!("account.{ANN}");
    let readable = fleet.bucket.get(&key).await.unwrap();
    let mut other = readable.value.clone().unwrap();
    other[0] += 1;
    let revision = fleet.bucket.change(&key, readable.revision, Some(other.clone())).await.unwrap();
    fleet.enter(1, ANN);
    fleet.settle(MS(2_500)).await;
    assert_eq!((fleet.places(ANN), fleet.hosts[1].refused), (vec![], 1));
    assert_eq!(fleet.bucket.get(&key).await.unwrap().value, Some(other));
    fleet.bucket.change(&key, revision, readable.value).await.unwrap();
    fleet.enter(1, ANN);
    fleet.settle(MS(100)).await;
    assert_eq!(fleet.places(ANN), [(1, 1)]);
}

#[tokio::test(start_paused = true)]
async fn who_plays_while_another_version_writes_its_record_leaves() {
    let mut fleet = Fleet::new(1);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    let key = format!("account.{ANN}");
    let found = fleet.bucket.get(&key).await.unwrap();
    let mut other = found.value.unwrap();
    other[0] += 1;
    fleet.bucket.change(&key, found.revision, Some(other.clone())).await.unwrap();
    fleet.play();
    fleet.settle(MS(1_000)).await;
    assert_eq!((fleet.places(ANN), fleet.hosts[0].keeper.counters().superseded), (vec![], 1));
    assert_eq!(fleet.bucket.get(&key).await.unwrap().value, Some(other));
}
