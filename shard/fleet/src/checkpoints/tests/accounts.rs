//! While nothing is wrong with the bucket.

use super::*;

#[tokio::test(start_paused = true)]
async fn the_player_of_a_killed_host_comes_back_from_its_last_checkpoint() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    assert_eq!(fleet.places(ANN), [(0, 0)]);
    for _ in 0..3 {
        fleet.play();
        fleet.settle(MS(50)).await;
    }
    fleet.hosts[0].players.values_mut().for_each(|player| player.value += 100);
    fleet.hosts[0].is_alive = false;
    fleet.enter(1, ANN);
    fleet.settle(MS(100)).await;
    assert_eq!(fleet.places(ANN), [(1, 3)], "what came after the checkpoint is lost");
    assert_eq!(fleet.hosts[1].keeper.counters().restored, 1);
}

#[tokio::test(start_paused = true)]
async fn an_account_that_enters_elsewhere_goes_on_as_it_is_now() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.hosts[0].players.values_mut().for_each(|player| player.value = 7);
    fleet.enter(1, ANN);
    fleet.settle(MS(200)).await;
    assert_eq!(fleet.places(ANN), [(1, 7)], "the other host has let it go");
    assert_eq!(fleet.hosts[0].keeper.counters().released, 1);
    // And at the same host, from another client.
    fleet.hosts[1].players.values_mut().for_each(|player| player.value = 8);
    fleet.enter(1, ANN);
    fleet.settle(MS(200)).await;
    assert_eq!(fleet.places(ANN), [(1, 8)]);
}

#[tokio::test(start_paused = true)]
async fn a_host_that_does_not_let_an_account_go_loses_it() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    fleet.hosts[0].is_mute = true;
    fleet.enter(1, ANN);
    fleet.settle(MS(500)).await;
    assert_eq!(fleet.places(ANN), [(0, 1)], "the other host may answer yet");
    fleet.settle(MS(1_500)).await;
    assert_eq!(fleet.places(ANN), [(0, 1), (1, 1)]);
    fleet.hosts[1].players.values_mut().for_each(|player| player.value = 50);
    fleet.play();
    fleet.settle(MS(100)).await;
    assert_eq!(fleet.places(ANN), [(1, 51)], "the first one has learned it from the record, and has changed nothing");
    assert_eq!(fleet.hosts[0].keeper.counters().superseded, 1);
}

#[tokio::test(start_paused = true)]
async fn a_player_that_has_left_has_no_checkpoint() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.leave(0, ANN);
    fleet.settle(MS(100)).await;
    assert_eq!(fleet.hosts[0].keeper.counters().left, 1);
    assert_eq!(fleet.hosts[0].keeper.counters().accounts, 0);
    fleet.enter(1, ANN);
    fleet.settle(MS(100)).await;
    assert_eq!(fleet.places(ANN), [(1, 0)], "it is a newcomer");
}

#[tokio::test(start_paused = true)]
async fn a_checkpoint_goes_with_its_player() {
    let mut fleet = Fleet::new(3);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    // A checkpoint of the first host is under way when the player moves.
    fleet.walk(0, 1, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    assert_eq!(fleet.places(ANN), [(1, 2)]);
    fleet.hosts[1].is_alive = false;
    fleet.enter(2, ANN);
    fleet.settle(MS(100)).await;
    assert_eq!(fleet.places(ANN), [(2, 2)]);
}

#[tokio::test(start_paused = true)]
async fn what_has_not_changed_is_not_written() {
    let mut fleet = Fleet::new(1);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    for _ in 0..5 {
        fleet.hosts[0].checkpoint();
        fleet.settle(MS(50)).await;
    }
    let counters = fleet.hosts[0].keeper.counters();
    assert_eq!((counters.written, counters.unchanged, fleet.bucket.changes()), (1, 4, 2));
}

#[tokio::test(start_paused = true)]
async fn a_host_that_ends_writes_its_players_as_they_are() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    let (number, player) = fleet.hosts[0].of(ANN).expect("it has entered");
    fleet.hosts[0].players.clear();
    fleet.hosts[0].say_ended(number, player, StayEnd::Released(Some(5_u64.to_le_bytes().to_vec())));
    fleet.settle(MS(50)).await;
    let counters = fleet.hosts[0].keeper.counters();
    assert_eq!((counters.accounts, counters.released), (0, 0), "it is written, and nobody has asked for it");
    fleet.enter(1, ANN);
    fleet.settle(MS(50)).await;
    assert_eq!(fleet.places(ANN), [(1, 5)]);
}

#[tokio::test(start_paused = true)]
async fn a_player_that_leaves_before_its_first_checkpoint_here_has_left() {
    let mut fleet = Fleet::new(2);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    let (number, player) = fleet.hosts[0].of(ANN).expect("it is here");
    fleet.hosts[0].players.clear();
    fleet.hosts[0].say_ended(number, player, StayEnd::Kept);
    let there = Player { stay: Stay { moves: 1, ..player.stay }, ..player };
    fleet.hosts[1].say_ended(1, there, StayEnd::Left);
    fleet.settle(MS(100)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(1_500)).await;
    assert_eq!(fleet.places(ANN), [(0, 0)], "it is a newcomer");
}

#[tokio::test(start_paused = true)]
async fn a_player_that_has_left_does_not_come_back_from_an_earlier_stay() {
    let mut fleet = Fleet::new(3);
    fleet.settle(MS(50)).await;
    fleet.enter(0, ANN);
    fleet.settle(MS(50)).await;
    fleet.play();
    fleet.settle(MS(50)).await;
    fleet.hosts[0].is_mute = true;
    fleet.enter(1, ANN);
    fleet.settle(MS(2_000)).await;
    fleet.leave(1, ANN);
    fleet.settle(MS(100)).await;
    fleet.play();
    fleet.settle(MS(100)).await;
    assert_eq!(fleet.places(ANN), [], "the first host has learned it");
    fleet.enter(2, ANN);
    fleet.settle(MS(1_500)).await;
    assert_eq!(fleet.places(ANN), [(2, 0)]);
}
