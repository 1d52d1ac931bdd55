//! Clients whose steps go wrong are found, with the tick.

use crate::bench::{FIRST, Path, World};
use crate::brawl::Brawl;
use ringshard_rollback::{Difference, MatchConfig, SessionConfig, Taken};

const PATH: Path = Path { delay: 3, jitter: 2, loss: 2 };
/// The client that goes wrong, and the step after which it does.
const FAULTY: usize = 1;
const WRONG_AT: u32 = 157;
const EVERY: u64 = 30;

fn world(players: u32, is_stepped: bool) -> World {
    let config = MatchConfig { is_stepped, check_every: EVERY as u8 };
    let mut world = World::new(players, 4, PATH, config, SessionConfig::default());
    world.clients[FAULTY].session =
        ringshard_rollback::Session::new(Brawl { wrong_at: Some(WRONG_AT) }, SessionConfig::default());
    world.liars.push(FAULTY);
    world
}

/// The first checked tick after the wrong step.
fn checked() -> u32 {
    let wrong = (FIRST + u64::from(WRONG_AT)) as u32;
    wrong.next_multiple_of(EVERY as u32)
}

#[test]
fn the_server_finds_the_client_that_went_wrong_and_gives_it_the_state_again() {
    let mut world = world(3, true);
    world.pass(400);
    let found = Difference { tick: checked(), seat: FAULTY as u8, from: 0 };
    assert_eq!(world.found, [found]);
    let faulty = &world.clients[FAULTY];
    assert!(
        matches!(faulty.taken[..], [Taken::Began { .. }, Taken::Differs(told), Taken::Resynced { .. }] if told == found)
    );
    // From then on its states are right.
    world.liars.clear();
    world.pass(200);
    assert_eq!(world.clients[FAULTY].session.stats().resyncs, 1);
    let others = world.clients.iter().filter(|client| client.player as usize != FAULTY);
    assert!(others.into_iter().all(|client| client.session.stats().differences == 0), "others are not disturbed");
}

#[test]
fn without_a_server_that_steps_each_pair_that_differs_is_told_once() {
    let mut world = world(3, false);
    world.pass(600);
    assert!(world.found.iter().all(|found| found.tick == checked()), "{:?}", world.found);
    let mut pairs: Vec<_> = world.found.iter().flat_map(pairs).collect();
    pairs.sort_unstable();
    assert_eq!(pairs, [(0, 1), (1, 2)]);
    let told = |client: usize| world.clients[client].session.stats().differences;
    assert!(told(0) == 1 && told(2) == 1 && told(FAULTY) >= 1);
    assert_eq!(world.game.stats().states, 3, "there is no reference state");
}

fn pairs(found: &Difference) -> impl Iterator<Item = (u8, u8)> {
    let Difference { seat, from, .. } = *found;
    (0..8).filter(move |other| from & 1 << other != 0).map(move |other| (seat.min(other), seat.max(other)))
}

#[test]
fn a_client_that_is_put_right_during_a_check_is_not_refused_and_gets_one_state() {
    for wrong_at in 140..172 {
        let config = MatchConfig { check_every: 16, is_stepped: true };
        let mut world =
            World::new(2, wrong_at.into(), Path { delay: 9, jitter: 3, loss: 0 }, config, SessionConfig::default());
        let rules = Brawl { wrong_at: Some(wrong_at) };
        world.clients[FAULTY].session = ringshard_rollback::Session::new(rules, SessionConfig::default());
        world.liars.push(FAULTY);
        world.pass(400);
        let (stats, client) = (world.game.stats(), world.clients[FAULTY].session.stats());
        assert_eq!((stats.reports_refused, stats.states, client.resyncs), (0, 3, 1), "wrong at {wrong_at}: {stats:?}");
    }
}
