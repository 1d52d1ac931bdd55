//! Sessions on bad networks end in exactly the states of a run that knows all inputs.

use crate::bench::{Path, World};
use ringshard_rollback::{MatchConfig, SEATS_MAX, SessionConfig};

const BAD: Path = Path { delay: 3, jitter: 4, loss: 5 };

#[test]
fn every_settled_state_is_that_of_a_run_that_knows_all_inputs() {
    (0..12).for_each(plays_as_the_oracle);
}

#[test]
#[ignore = "takes minutes: run it with --release"]
fn every_settled_state_is_that_of_a_run_that_knows_all_inputs_for_many_seeds() {
    (0..3_000).for_each(plays_as_the_oracle);
}

fn plays_as_the_oracle(seed: u64) {
    let path = Path { delay: seed % 7, jitter: seed * 5 % 9, loss: [0, 2, 10, 30][seed as usize % 4] };
    let players = 2 + seed as u32 % 7;
    let delay = if seed.is_multiple_of(3) { seed as u8 % 9 } else { 0 };
    let config = MatchConfig { is_stepped: seed.is_multiple_of(2), check_every: 16 + seed as u8 % 60 };
    let mut world = World::new(players, seed, path, config, SessionConfig { delay, prediction_max: 40 });
    world.pass(400);
    for number in 0..world.clients.len() {
        let stats = world.clients[number].session.stats();
        assert!(stats.ticks > 300 && stats.packets_malformed == 0, "seed {seed}: {stats:?}");
        assert!(delay > 0 || stats.rollbacks > 20, "seed {seed}: {stats:?}");
        assert!(world.behind(number) < 60, "seed {seed}, client {number}: {}", world.behind(number));
    }
    let stats = world.game.stats();
    assert_eq!((stats.differences, stats.reports_refused, stats.lost), (0, 0, 0), "seed {seed}: {stats:?}");
    assert!(stats.digests_agreed > 0, "seed {seed}: {stats:?}");
}

#[test]
fn input_delay_saves_rollbacks_tick_by_tick() {
    let rolled_back = |delay| {
        let path = Path { delay: 3, jitter: 0, loss: 0 };
        let session = SessionConfig { delay, ..SessionConfig::default() };
        let mut world = World::new(2, 5, path, MatchConfig::default(), session);
        world.pass(400);
        world.clients[0].session.stats().ticks_rolled_back
    };
    let ticks: Vec<_> = (0..=8).map(rolled_back).collect();
    assert!(ticks.windows(2).all(|pair| pair[1] <= pair[0]), "{ticks:?}");
    assert!(ticks[0] > 1_000 && ticks[8] < ticks[0] / 2, "{ticks:?}");
}

#[test]
fn a_client_without_news_stands_still_and_goes_on_when_the_server_is_back() {
    let session = SessionConfig { delay: 0, prediction_max: 12 };
    let mut world = World::new(2, 3, Path { loss: 0, ..BAD }, MatchConfig::default(), session);
    world.pass(100);
    let path = world.path;
    world.path.loss = 100;
    world.pass(60);
    let stats = *world.clients[0].session.stats();
    assert!(stats.ticks_stalled >= 40 && stats.longest_rollback <= 12, "{stats:?}");
    world.path = path;
    world.pass(60);
    assert!(world.behind(0) < 20);
    assert_eq!(world.clients[0].session.stats().resyncs, 0, "the server still had the inputs");
}

#[test]
fn eight_players_whose_inputs_do_not_fit_a_packet_all_settle() {
    let mut world = World::new(SEATS_MAX as u32, 8, BAD, MatchConfig::default(), SessionConfig::default());
    world.pass(900);
    let stats = world.game.stats();
    assert!(stats.relays > stats.ticks * 8 * 11 / 10, "some ticks need two packets: {stats:?}");
    assert!((0..SEATS_MAX).all(|client| world.behind(client) < 30));
    assert_eq!(stats.states, 8);
}
