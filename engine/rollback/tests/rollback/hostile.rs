//! Clients that lie, and packets that no client makes.

use crate::bench::{FIRST, Path, Rng, World};
use crate::brawl::Brawl;
use ringshard_rollback::{MatchConfig, Packet, Refused, Session, SessionConfig};

const PATH: Path = Path { delay: 2, jitter: 2, loss: 1 };

fn report(confirmed: u64, check: Option<(u64, u32)>) -> Packet {
    let mut bytes = vec![16, 9, 0];
    bytes.extend((confirmed as u32).to_le_bytes());
    bytes.push(check.is_some().into());
    if let Some((tick, digest)) = check {
        bytes.extend((tick as u32).to_le_bytes());
        bytes.extend(digest.to_le_bytes());
    }
    Packet::new(&bytes).unwrap()
}

/// Plays with a client that sends forged packets; the others notice nothing.
fn play(forge: fn(&mut Rng, u64) -> Packet, per_tick: usize, is_stepped: bool) -> World {
    let config = MatchConfig { is_stepped, ..MatchConfig::default() };
    let mut world = World::new(3, 6, PATH, config, SessionConfig::default());
    (world.clients[0].forges, world.clients[0].forged_per_tick) = (Some(forge), per_tick);
    world.pass(900);
    for number in 1..3 {
        let stats = world.clients[number].session.stats();
        assert!(world.behind(number) < 20 && stats.ticks_stalled == 0 && stats.resyncs == 0, "{stats:?}");
    }
    world
}

#[test]
fn forged_digests_cost_their_sender_a_state_now_and_then() {
    let world =
        play(|random, tick| report(tick - 5, Some(((tick - 5) / 30 * 30, random.below(1 << 32) as u32))), 1, true);
    let stats = world.game.stats();
    assert!(stats.differences > 5 && world.found.iter().all(|found| found.seat == 0 && found.is_from_server()));
    // At the beginning, and once in two seconds.
    assert!(stats.states <= 3 + 900 / 120 + 1, "{stats:?}");
    assert!(stats.reports_refused > 100, "a digest that contradicts the former one is refused: {stats:?}");
}

#[test]
fn forged_digests_without_a_server_that_steps_are_told_to_each_pair_once() {
    let world =
        play(|random, tick| report(tick - 5, Some(((tick - 5) / 30 * 30, random.below(1 << 32) as u32))), 1, false);
    assert!(world.found.len() <= 2, "{:?}", world.found);
    assert!((1..3).all(|other| world.clients[other].session.stats().differences <= 1));
}

#[test]
fn acknowledging_what_was_not_sent_is_refused() {
    let world = play(|random, tick| report(tick + 1 + random.below(1 << 31), None), 1, true);
    assert!(world.game.stats().reports_refused > 800);
    let world = play(|_, tick| report(tick, None), 1, true);
    assert_eq!(world.game.stats().states, 3, "a client that claims all inputs gets none, and harms itself");
}

#[test]
fn a_client_that_never_reports_costs_two_packets_per_tick_and_a_state_now_and_then() {
    let world = play(|_, _| Packet::new(&[]).unwrap(), 0, true);
    let stats = world.game.stats();
    assert!(stats.states <= 3 + 900 / 120 + 1, "{stats:?}");
    assert!(stats.relays <= 900 * 4 && stats.relay_bytes < 900 * 4 * 224, "{stats:?}");
}

#[test]
fn a_flood_is_counted_and_a_few_reports_of_a_tick_are_read() {
    let world = play(|_, tick| report(tick - 4, None), 60, true);
    let stats = world.game.stats();
    assert!(stats.reports <= 900 * (3 * 8) && stats.reports_refused > 45_000, "{stats:?}");
}

#[test]
fn reports_of_strangers_and_checks_that_cannot_be_are_refused() {
    let mut world = World::new(2, 1, PATH, MatchConfig::default(), SessionConfig::default());
    world.pass(100);
    let (game, now) = (&mut world.game, FIRST + 100);
    assert_eq!(game.report(7, &report(now, None)), Err(Refused::Stranger));
    assert_eq!(game.report(0, &report(now - 1, Some((now, 1)))), Err(Refused::Forged), "the check is not confirmed");
    let unchecked = (now - 9..now).find(|tick| !(*tick as u32).is_multiple_of(30)).unwrap();
    assert_eq!(game.report(0, &report(now - 1, Some((unchecked, 1)))), Err(Refused::Forged), "no checked tick");
    assert_eq!(game.report(0, &Packet::new(&[0, 9, 0]).unwrap()), Err(Refused::Forged));
    (0..5).for_each(|_| assert_eq!(game.report(0, &report(now, None)), Ok(None)));
    assert_eq!(game.report(0, &report(now, None)), Err(Refused::Flood));
}

#[test]
fn no_bytes_make_a_session_or_a_match_panic_or_lose_what_is_settled() {
    for seed in 0..60 {
        let mut random = Rng::new(seed);
        let mut world = World::new(2, seed, PATH, MatchConfig::default(), SessionConfig::default());
        world.pass(40);
        let mut session = Session::new(Brawl::default(), SessionConfig { delay: 2, prediction_max: 5 });
        for _ in 0..60 {
            let mut bytes = vec![[0, 1, 1, 2, 3, 16, 77][random.below(7) as usize], 9, 0];
            // A plausible tick, and then anything.
            match bytes[0] {
                1 => bytes.extend([0, 2, 3, 30]),
                _ if random.below(4) == 0 => bytes[1] = 8,
                _ => {}
            }
            bytes.extend((FIRST as u32 + 20 + random.below(40) as u32).to_le_bytes());
            let len = random.below(40);
            bytes.extend((0..len).map(|_| random.below(256) as u8 & random.below(256) as u8));
            let packet = Packet::new(&bytes).unwrap();
            let _ = session.take(&packet);
            let _ = session.report();
            session.advance(random.below(1 << 32) as u32, &Default::default());
            let _ = world.game.report(random.below(3) as u32, &packet);
        }
        world.pass(20);
    }
}
