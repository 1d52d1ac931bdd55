//! Bots that play duels in a simulated network.

use ringshard_duel::Duels;
use ringshard_duel_bots::Duelist;
use ringshard_duel_rules::{DuelRules, Input, Ring};
use ringshard_rollback::{MatchConfig, SessionConfig, SessionStats, Together};
use ringshard_testing::{Duration, News, World};

/// One tick.
pub const TICK: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// A world with one match, and its bots.
pub struct Play<T: Together<State = Ring, Input = Input>> {
    pub world: World<Duels>,
    pub bots: Vec<Duelist<T>>,
}

impl<T: Together<State = Ring, Input = Input>> Play<T> {
    /// A match of as many seats as there are `rules`: the step of each bot.
    pub fn new(
        rules: impl IntoIterator<Item = T>,
        network: &str,
        seed: u64,
        config: MatchConfig,
        session: SessionConfig,
    ) -> Self {
        let world = World::new(1, network, seed, |_start| Duels::new(config));
        let bots = rules.into_iter().zip(0..).map(|(rules, number)| Duelist::new(number, rules, session));
        let mut play = Play { world, bots: bots.collect() };
        let ticket = play.bots.len().to_string();
        (0..play.bots.len()).for_each(|_| _ = play.world.join(ticket.as_bytes()));
        play
    }

    /// Plays for some ticks. `also` may do more after each.
    pub fn play(&mut self, ticks: u32, mut also: impl FnMut(&mut Self)) {
        for _ in 0..ticks {
            let Play { world, bots } = self;
            world.pass(TICK, |number, scene| bots[number].input(scene));
            for (number, bot) in bots.iter_mut().enumerate() {
                let news: Vec<News<DuelRules>> = world.news(number);
                news.iter().for_each(|news| bot.hear(news));
                bot.frame(world.client_mut(number));
            }
            also(self);
        }
    }

    /// What all sessions did. The longest rollback is that of any.
    pub fn stats(&self) -> SessionStats {
        let mut sum = SessionStats::default();
        self.bots.iter().for_each(|bot| sum.add(bot.session.stats()));
        let longest = self.bots.iter().map(|bot| bot.session.stats().longest_rollback).max();
        SessionStats { longest_rollback: longest.unwrap_or(0), ..sum }
    }
}
