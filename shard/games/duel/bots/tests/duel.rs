//! Duels in simulated networks: bots play, go wrong, fall silent and cheat.

#[allow(dead_code, reason = "the example uses all of it")]
#[path = "../examples/figures/play.rs"]
mod play;

use play::Play;
use ringshard_duel::Duels;
use ringshard_duel_bots::tell;
use ringshard_duel_rules::{DuelRules, Input, OUT_TICKS, Ring};
use ringshard_rollback::{Inputs, MatchConfig, Packet, SessionConfig, Together};
use ringshard_testing::{Duration, World};

/// A round trip of 100 ms.
const PATH: &str = "delay=50ms,loss=2%";
const SECOND: u32 = 60;

/// The rules, and those of a client that goes wrong when a disc falls for the second time.
struct Flawed(bool);

impl Together for Flawed {
    type State = Ring;
    type Input = Input;

    fn step_together(&self, ring: &mut Ring, inputs: &Inputs<Input>) {
        DuelRules.step_together(ring, inputs);
        if self.0 && ring.discs.iter().any(|disc| disc.falls == 2 && disc.out == OUT_TICKS) {
            ring.discs[0].at[0] += 1;
        }
    }
}

fn play(players: usize, network: &str, delay: u8) -> Play<DuelRules> {
    let session = SessionConfig { delay, ..SessionConfig::default() };
    Play::new(vec![DuelRules; players], network, 3, MatchConfig::default(), session)
}

#[test]
fn two_players_over_100_ms_and_two_percent_loss_never_differ() {
    let mut play = play(2, PATH, 0);
    play.play(30 * SECOND, |_| {});
    let (stats, server) = (play.stats(), play.world.game(0).stats());
    println!("{stats:?}\n{server:?}");
    assert_eq!((server.differences, stats.differences, stats.ticks_stalled, stats.resyncs), (0, 0, 0, 0));
    assert!(server.digests_agreed > 2 * 2 * 26, "{server:?}");
    assert!(stats.rollbacks > 500 && stats.longest_rollback < 25, "{stats:?}");
    let ring = play.bots[0].session.settled_state().unwrap();
    assert!(ring.discs[0].falls + ring.discs[1].falls > 1, "they really fight: {ring:?}");
    assert!(server.relay_bytes < 2 * 30 * 60 * 120, "{server:?}");
}

#[test]
fn input_delay_halves_what_is_rolled_back() {
    let rolled_back = |delay| {
        let mut play = play(2, PATH, delay);
        play.play(8 * SECOND, |_| {});
        assert_eq!(play.world.game(0).stats().differences, 0);
        play.stats().ticks_rolled_back
    };
    let (without, with) = (rolled_back(0), rolled_back(8));
    assert!(with * 2 < without, "{with} instead of {without}");
}

#[test]
fn eight_players_on_a_bad_network_never_differ() {
    let mut play = play(8, "delay=40ms,jitter=20ms,loss=3%", 2);
    play.play(10 * SECOND, |_| {});
    let (stats, server) = (play.stats(), play.world.game(0).stats());
    assert_eq!((server.differences, server.reports_refused, stats.resyncs), (0, 0, 0), "{server:?}");
    assert!(server.digests_agreed > 8 * 2 * 7 && stats.ticks > 8 * 8 * 60, "{server:?} {stats:?}");
}

#[test]
fn a_client_that_goes_wrong_is_found_with_the_tick_and_put_right() {
    let rules = [Flawed(false), Flawed(true)];
    let mut play = Play::new(rules, PATH, 4, MatchConfig::default(), SessionConfig::default());
    let mut wrong_tick = None;
    for _ in 0..60 * SECOND {
        if play.bots[1].session.stats().resyncs > 0 {
            break;
        }
        play.play(1, |_| {});
        let ring = play.world.game(0).state(1).copied();
        let fell = ring.is_some_and(|ring| ring.discs.iter().any(|disc| disc.falls == 2 && disc.out == OUT_TICKS));
        if fell && wrong_tick.is_none() {
            wrong_tick = Some(play.world.act(0, |_, shard| shard.tick()) as u32);
        }
    }
    let wrong_tick = wrong_tick.expect("a disc fell twice");
    let found = play.bots[1].differences[0];
    assert!(found.is_from_server() && found.seat as usize == play.bots[1].session.seat().unwrap());
    assert_eq!(found.tick, wrong_tick.next_multiple_of(30), "wrong since {wrong_tick}");
    assert!(play.bots[0].differences.is_empty());
    assert_eq!((play.bots[1].session.stats().resyncs, play.bots[0].session.stats().resyncs), (1, 0));
}

#[test]
fn a_player_that_was_away_gets_the_inputs_or_the_state_and_the_other_plays_on() {
    for (seconds, states) in [(1, 2), (12, 4)] {
        let mut play = play(2, PATH, 0);
        play.play(2 * SECOND, |_| {});
        play.world.cut(1);
        play.play(seconds * SECOND, |_| {});
        play.world.restore(1);
        play.play(6 * SECOND, |_| {});
        let server = play.world.game(0).stats();
        assert_eq!((server.states, server.differences, server.lost), (states, 0, 0), "{seconds} s: {server:?}");
        let behind = |bot: usize| {
            let session = &play.bots[bot].session;
            session.tick().unwrap().wrapping_sub(session.settled_tick().unwrap())
        };
        assert!(behind(0) < 20 && behind(1) < 20, "{seconds} s: {} {}", behind(0), behind(1));
        assert_eq!(play.bots[0].session.stats().ticks_stalled, 0);
    }
}

#[test]
fn a_seat_that_is_left_is_taken_by_the_next_player() {
    let mut play = play(2, PATH, 0);
    play.play(4 * SECOND, |_| {});
    play.world.leave(1);
    play.play(2 * SECOND, |_| {});
    assert!(!play.bots[0].session.inputs().unwrap().is_present(1));
    play.bots.push(ringshard_duel_bots::Duelist::new(2, DuelRules, SessionConfig::default()));
    play.world.join(b"2");
    play.play(4 * SECOND, |_| {});
    assert_eq!((play.bots[2].session.seat(), play.bots[2].session.number()), (Some(1), play.bots[0].session.number()));
    assert!(play.bots[0].session.inputs().unwrap().is_present(1));
    assert_eq!(play.world.game(0).stats().differences, 0);
}

#[test]
fn a_waiting_player_that_is_silent_gets_no_seat_and_keeps_its_place() {
    let mut world: World<Duels> = World::new(1, "delay=20ms", 3, |_start| Duels::new(MatchConfig::default()));
    let pass = |world: &mut World<Duels>, seconds| world.pass(Duration::from_secs(seconds), |_, _| Input::default());
    world.join(b"2");
    pass(&mut world, 1);
    world.cut(0);
    // The server notices.
    pass(&mut world, 18);
    world.join(b"2");
    pass(&mut world, 2);
    assert!(world.game(0).state(1).is_none(), "nobody plays against a silent client");
    world.join(b"2");
    pass(&mut world, 1);
    assert!(world.game(0).state(1).is_some() && world.game(0).state(2).is_none());
    world.restore(0);
    pass(&mut world, 3);
    world.join(b"2");
    pass(&mut world, 1);
    assert!(world.game(0).state(2).is_some(), "it is back");
}

#[test]
fn forged_reports_and_a_flood_of_them_harm_only_their_sender() {
    let mut play = play(3, PATH, 0);
    let mut random = 1_u32;
    play.play(12 * SECOND, |play| {
        for _ in 0..20 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let tick = play.world.act(0, |_, shard| shard.tick()) as u32;
            let confirmed = tick.wrapping_add(random >> 28).wrapping_sub(12).to_le_bytes();
            let checked = (tick.saturating_sub(20) / 30 * 30).to_le_bytes();
            let head = [16, 1, 0];
            let content = match random >> 20 & 3 {
                0 => random.to_le_bytes().to_vec(),
                1 => [&head[..], &confirmed, &[0]].concat(),
                _ => [&head[..], &confirmed, &[1], &checked, &random.to_le_bytes()].concat(),
            };
            tell(play.world.client_mut(2), Packet::new(&content).unwrap());
        }
    });
    let server = play.world.game(0).stats();
    assert!(server.reports_refused > 5_000 && server.differences > 0, "{server:?}");
    let refusals = play.world.act(0, |_, shard| {
        let players: Vec<_> = shard.players().collect();
        players
            .into_iter()
            .map(|player| {
                shard
                    .refusals(player)
                    .map_or(0_u64, |refused| refused.counts().iter().map(|&count| u64::from(count)).sum())
            })
            .collect::<Vec<_>>()
    });
    assert!(refusals[2] == server.reports_refused && refusals[..2] == [0, 0], "{refusals:?}");
    assert!(server.states < 3 + 12 / 2 + 2, "a state at most every two seconds: {server:?}");
    for bot in &play.bots[..2] {
        let stats = bot.session.stats();
        assert_eq!((stats.differences, stats.resyncs, stats.ticks_stalled, stats.packets_malformed), (0, 0, 0, 0));
        assert!(stats.ticks > 10 * 60 && stats.longest_rollback < 25, "{stats:?}");
    }
    assert_eq!(play.world.total(|stats| stats.players), 3);
}
