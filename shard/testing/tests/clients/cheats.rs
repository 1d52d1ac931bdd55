//! Cheaters among clients that say where their characters are, and honest ones. The example `cheats` measures the same for longer.

use crate::cheaters::{Cheat, FAR, NEAR, SCORE_MAX, caught};
use crate::hours::{BAD, play};
use crate::land;
use crate::said::{Input, Own, Said};
use rand_chacha::rand_core::SeedableRng;
use ringshard::game::authority::Policy;
use ringshard::game::simulation::WorldConfig;
use ringshard_protocol::crypto::Csprng;
use ringshard_terrain::movement::{Steering, Tuning, Walker, step};
use ringshard_testing::{Duration, World, small};
use ringshard_world::claim::Claim;
use std::sync::Arc;

#[test]
fn every_cheat_is_refused_soon_and_gains_little() {
    for (cheat, path, ticks, gain) in [
        (Cheat::Speed(1.5), NEAR, 75, 350.0),
        (Cheat::Speed(10.0), FAR, 10, 320.0),
        (Cheat::Teleport(5_000.0), NEAR, 1, 0.0),
        (Cheat::Fly, NEAR, 40, 150.0),
        (Cheat::Wall, NEAR, 150, 0.0),
        (Cheat::Flood(20), NEAR, 45, 0.0),
        (Cheat::View, FAR, 60, 1.0),
    ] {
        let caught = caught(cheat, path, 3);
        assert!(caught.refused_after.is_some_and(|after| after <= ticks), "{caught:?}");
        assert!(caught.cheat == cheat && caught.refusals > 0 && caught.others == 0, "{caught:?}");
        assert!(caught.gain <= gain, "{caught:?}");
    }
}

#[test]
fn players_with_a_high_score_are_put_out() {
    let caught = caught(Cheat::Flood(50), NEAR, 10);
    assert!(caught.put_out_after.is_some_and(|after| after < 200), "{caught:?}");
}

#[test]
fn honest_claims_over_a_bad_network_are_never_refused() {
    let sum = play(0.1, BAD, SCORE_MAX);
    assert_eq!((sum.refusals(), sum.put_out), (0, 0), "{:?}", sum.examples);
    assert!(sum.ticks >= 21_600 && sum.missed > 0, "{sum:?}");
}

/// What the model of the network leaves out: clocks, encryption, real messages.
#[test]
fn honest_clients_are_never_refused_or_set_back() {
    let terrain = Arc::new(land::land(1));
    let config = WorldConfig { terrain: terrain.clone(), ..small() };
    let policy = Policy { corrects: true, puts_out_above: Some((SCORE_MAX, 1)) };
    let mut walker = Walker::at([12_000.0, 12_000.0, 5_000.0]);
    (0..600).for_each(|_| step(&terrain, &Tuning::default(), &mut walker, &Steering::default()));
    let spawn = walker.point;
    let mut world = World::with_config(1, FAR.network, 5, config, |_| Said::new(policy, spawn));
    let mut players: Vec<_> = (0..4)
        .map(|number| {
            world.join(b"honest");
            (Walker::default(), Steering::default(), Csprng::seed_from_u64(number))
        })
        .collect();
    world.pass(Duration::from_secs(12), |number, scene| {
        let (walker, steering, random) = &mut players[number];
        let Some(own) = scene.own().filter(|own| own.leap != 0) else { return Input::default() };
        if walker.leap != own.leap {
            let Own { point, velocity, yaw, leap } = *own;
            *walker = Walker { point, velocity, yaw, leap, ..Walker::default() };
        }
        land::wander(random, steering);
        step(&terrain, &Tuning::default(), walker, steering);
        Input { claim: Claim::of(&walker.pose()), fire: scene.tick().is_multiple_of(8) }
    });
    let game = world.game(0);
    assert!(game.decided.len() > 4 * 500 && game.rewound.len() > 4 * 50, "{}", game.decided.len());
    assert!(game.left.is_empty());
    let stats = world.stats(0);
    let refused: Vec<_> = stats.entries().filter(|(name, count)| name.starts_with("refused_") && *count > 0).collect();
    assert!(refused.is_empty(), "{refused:?}");
}
