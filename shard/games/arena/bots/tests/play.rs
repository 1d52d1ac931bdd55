//! Bots play the arena in a simulated network.

use ringshard::game::simulation::WorldConfig;
use ringshard::world::rewind::RewindSettings;
use ringshard_arena::Arena;
use ringshard_arena_bots::{Bot, Score};
use ringshard_arena_rules::{Input, Shown};
use ringshard_client::ClientStats;
use ringshard_testing::{Duration, World, small};

const TICK: Duration = Duration::from_nanos(1_000_000_000 / 60);
/// A path as many players have it: the round trip is 60 to 76 ms.
const PATH: &str = "delay=30ms,jitter=8ms,loss=1%";

/// Bots, and the world that they play in.
struct Match {
    world: World<Arena>,
    bots: Vec<Bot>,
}

impl Match {
    fn new(count: u32, network: &str, seed: u64, config: WorldConfig) -> Match {
        let mut world = World::with_config(2, network, seed, config, |_start| Arena::default());
        let bots = (0..count).map(Bot::new).collect();
        for _ in 0..count {
            world.join(b"");
        }
        Match { world, bots }
    }

    /// Plays for some ticks; bots that do not shoot send neutral inputs.
    fn play(&mut self, ticks: u32, shoot: bool) {
        let Match { world, bots } = self;
        for _ in 0..ticks {
            world.pass(TICK, |number, scene| {
                let input = bots[number].input(scene);
                if shoot { input } else { Input::default() }
            });
            for (number, bot) in bots.iter_mut().enumerate() {
                world.news(number).iter().for_each(|news| bot.hear(news, world.client(number)));
                bot.frame(world.client_mut(number));
            }
        }
    }

    fn total(&self, count: impl Fn(&Score) -> u64) -> u64 {
        self.bots.iter().map(|bot| count(&bot.score)).sum()
    }

    fn sum(&self, count: impl Fn(&ClientStats) -> u64) -> u64 {
        (0..self.bots.len()).map(|number| count(self.stats(number))).sum()
    }

    fn stats(&self, number: usize) -> &ClientStats {
        self.world.client(number).stats()
    }

    /// What the server shows of a bot.
    fn shown(&self, number: usize) -> Shown {
        let body = self.world.client(number).scene().body().expect("it is in the arena");
        let core =
            (0..2).find(|&core| self.world.simulation(core).shard().entities.owns(body)).expect("a core owns it");
        *self.world.simulation(core).shard().entities.shown(body).expect("it exists")
    }

    fn hit_share(&self) -> f64 {
        self.total(|score| score.hits) as f64 / self.total(|score| score.shots) as f64
    }
}

#[test]
fn sixty_four_players_kill_and_are_killed_and_only_what_they_cannot_know_is_mispredicted() {
    let mut game = Match::new(64, PATH, 1, small());
    game.play(20 * 60, true);
    // What is on its way arrives, and lost messages are sent again.
    game.play(2 * 60, false);
    for number in 0..64 {
        let (score, shown, stats) = (game.bots[number].score, game.shown(number), *game.stats(number));
        assert!(score.kills > 0 && score.deaths > 0, "bot {number}: {score:?}");
        assert_eq!((score.kills, score.deaths), (shown.kills.into(), shown.deaths.into()), "bot {number} heard of all");
        assert_eq!(score.asked, score.answered, "bot {number}");
        assert_eq!((stats.snapshots_refused, stats.malformed, stats.ignored, stats.reconnects), (0, 0, 0, 0));
    }
    assert_eq!(game.total(|score| score.kills), game.total(|score| score.deaths));
    // The first state, death and respawn, and inputs that were lost or late.
    let unknown = 64 + 2 * game.total(|score| score.deaths) + game.world.total(|stats| stats.inputs_missed);
    let [predicted, mispredicted] = [game.sum(|stats| stats.predicted), game.sum(|stats| stats.mispredicted)];
    assert!(mispredicted <= unknown, "{mispredicted} were mispredicted, and only {unknown} could not be known");
    assert!(mispredicted * 40 < predicted, "{mispredicted} of {predicted} were mispredicted: more than 2.5 %");
    let share = game.hit_share();
    assert!(share > 0.85, "a bot hits what it aims at, not {share}");
}

#[test]
fn without_rewinding_the_world_the_same_bots_miss() {
    let rewind = RewindSettings { max_ticks: 0.0, ..RewindSettings::default() };
    let mut game = Match::new(16, PATH, 1, WorldConfig { rewind, ..small() });
    game.play(8 * 60, true);
    let share = game.hit_share();
    assert!(share < 0.75, "{share} of the shots hit where players no longer are");
}

#[test]
fn the_same_seed_plays_the_same_match() {
    let scores = || {
        let mut game = Match::new(8, PATH, 5, small());
        game.play(5 * 60, true);
        let scores: Vec<_> = game.bots.iter().map(|bot| bot.score).collect();
        (scores, (0..8).map(|number| *game.stats(number)).collect::<Vec<_>>())
    };
    assert_eq!(scores(), scores());
}
