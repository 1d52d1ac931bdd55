//! While the bucket is away, refuses, or is behind.

use super::*;

#[tokio::test(start_paused = true)]
async fn without_the_bucket_players_enter_and_the_later_stay_counts() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    fleet.bucket.set_fault(BucketFault::Away);
    fleet.enter(1, ANN);
    fleet.settle(MS(2_500)).await;
    assert_eq!(fleet.places(ANN), [(0, 1), (1, 0)], "it has entered within 2 s");
    assert_eq!(fleet.hosts[1].keeper.counters().without, 1);
    fleet.bucket.set_fault(BucketFault::None);
    for _ in 0..3 {
        fleet.play();
        fleet.settle(MS(100)).await;
    }
    assert_eq!(fleet.places(ANN), [(1, 3)]);
}

#[tokio::test(start_paused = true)]
async fn a_player_that_leaves_while_the_bucket_is_away_has_no_checkpoint_later() {
    let mut fleet = Fleet::new(1);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    fleet.bucket.set_fault(BucketFault::Away);
    fleet.leave(0, ANN);
    fleet.settle(MS(1_000)).await;
    fleet.bucket.set_fault(BucketFault::None);
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
    fleet.bucket.set_fault(BucketFault::Leaderless);
    fleet.enter(1, ANN);
    fleet.settle(MS(1_500)).await;
    assert_eq!(fleet.places(ANN), [], "it waits");
    fleet.bucket.set_fault(BucketFault::None);
    fleet.settle(MS(300)).await;
    assert_eq!(fleet.places(ANN), [(1, 1)], "its checkpoint was not replaced");
    assert_eq!(fleet.hosts[1].keeper.counters().without, 0);
}

#[tokio::test(start_paused = true)]
async fn a_replica_that_is_behind_costs_nothing() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.hosts[0].players.values_mut().for_each(|player| player.value = 7);
    fleet.bucket.set_fault(BucketFault::Lagging(MS(250)));
    // The host that lets it go writes last, and the other one reads what was there before.
    fleet.enter(1, ANN);
    fleet.settle(MS(1_000)).await;
    assert_eq!(fleet.places(ANN), [(1, 7)]);
    // The replica does not have the checkpoint of a player that leaves yet.
    fleet.enter(0, AccountId(2));
    fleet.settle(MS(20)).await;
    fleet.leave(0, AccountId(2));
    fleet.settle(MS(1_000)).await;
    assert_eq!(fleet.hosts[0].keeper.counters().removed, 1);
    fleet.bucket.set_fault(BucketFault::None);
    assert_eq!(fleet.bucket.values(), 1, "of two accounts, one has left");
}

#[tokio::test(start_paused = true)]
async fn an_account_that_has_just_left_enters_again_while_the_bucket_is_away() {
    let mut fleet = Fleet::new(1);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    fleet.bucket.set_fault(BucketFault::Away);
    // From a second client: the first one's player goes on.
    fleet.enter(0, ANN);
    fleet.settle(MS(2_500)).await;
    assert_eq!((fleet.places(ANN), fleet.hosts[0].refused), (vec![(0, 1)], 0));
    fleet.leave(0, ANN);
    fleet.settle(MS(1_000)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(2_500)).await;
    assert_eq!((fleet.places(ANN), fleet.hosts[0].refused), (vec![(0, 0)], 0), "it had left for good");
    fleet.bucket.set_fault(BucketFault::None);
    for value in 1..4 {
        fleet.play();
        fleet.settle(MS(3_000)).await;
        assert_eq!(fleet.places(ANN), [(0, value)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_enters_without_the_bucket_is_not_put_out_by_its_own_late_request() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.hosts[0].is_mute = true;
    fleet.enter(1, ANN);
    fleet.settle(MS(500)).await;
    // It takes the account over after 1 s; what it reads then comes after 2.2 s.
    fleet.bucket.set_fault(BucketFault::Slow(MS(1_200)));
    fleet.settle(MS(4_500)).await;
    assert_eq!((fleet.places(ANN).len(), fleet.hosts[1].keeper.counters().without), (2, 1));
    fleet.bucket.set_fault(BucketFault::None);
    for value in 1..4 {
        fleet.play();
        fleet.settle(MS(500)).await;
        assert_eq!(fleet.places(ANN), [(1, value)]);
    }
}
