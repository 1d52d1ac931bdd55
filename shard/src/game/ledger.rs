//! The ledger: how often each player was refused something, and why.
//!
//! A refusal adds the weight of its reason to the player's score. The score halves once a minute. Reasons that honest players
//! meet because of their latency, such as [`Refusal::Cooldown`], have no weight: they are counted only.

use ringshard_world::Refusal;
use ringshard_world::limits::TICKS_PER_SECOND;
use std::cell::Cell;

/// Number of reasons.
pub const REASONS: usize = Refusal::ALL.len();
/// Ticks in which a score halves: a minute.
pub const HALF_LIFE_TICKS: u64 = 60 * TICKS_PER_SECOND as u64;

/// What a refusal adds to its player's score, unless the game says otherwise ([`Shard::refuse_with`]).
///
/// [`Shard::refuse_with`]: crate::game::Shard::refuse_with
pub fn weight(why: Refusal) -> f32 {
    match why {
        Refusal::Teleport => 10.0,
        Refusal::Wall | Refusal::NoGo => 5.0,
        Refusal::Speed | Refusal::Flight | Refusal::Water | Refusal::Ground => 2.0,
        Refusal::Unknown | Refusal::View | Refusal::Flood => 1.0,
        Refusal::Cooldown
        | Refusal::Cost
        | Refusal::Range
        | Refusal::Sight
        | Refusal::State
        | Refusal::Target
        | Refusal::Busy
        | Refusal::Game => 0.0,
    }
}

/// What a player was refused since its session began.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Refusals {
    counts: [u32; REASONS],
    score: f32,
    /// The tick at which the score was that.
    scored_at: u64,
}

impl Refusals {
    /// How often for this reason; `u32::MAX` for more.
    pub fn count(&self, why: Refusal) -> u32 {
        self.counts[why.number()]
    }

    /// How often for each reason, in the order of [`Refusal::ALL`].
    pub fn counts(&self) -> [u32; REASONS] {
        self.counts
    }

    /// The score at a tick. It halves minute.
    pub fn score_at(&self, tick: u64) -> f32 {
        let ticks = tick.saturating_sub(self.scored_at);
        if self.score == 0.0 { 0.0 } else { self.score * (-(ticks as f32) / HALF_LIFE_TICKS as f32).exp2() }
    }

    /// Counts a refusal at a tick, with what it adds to the score.
    ///
    /// # Panics
    /// When `weight` is negative or not finite.
    pub fn add(&mut self, why: Refusal, weight: f32, tick: u64) {
        assert!(weight >= 0.0 && weight.is_finite(), "a weight is 0 or more: {weight}");
        let count = &mut self.counts[why.number()];
        *count = count.saturating_add(1);
        self.score = self.score_at(tick) + weight;
        self.scored_at = tick;
    }
}

/// The refusals of a core. It counts through shared references, because reading the past refuses what clients claim.
#[derive(Debug)]
pub(crate) struct Ledger {
    totals: [Cell<u64>; REASONS],
    /// By the slots of players.
    players: Vec<Cell<Refusals>>,
}

impl Ledger {
    /// Without players. There is room for this many.
    pub(crate) fn new(players: usize) -> Self {
        Ledger { totals: Default::default(), players: Vec::with_capacity(players) }
    }

    /// A slot more, which follows the last one.
    pub(crate) fn add_slot(&mut self) {
        self.players.push(Cell::default());
    }

    /// Another session has this slot.
    pub(crate) fn clear(&mut self, slot: u16) {
        self.players[usize::from(slot)] = Cell::default();
    }

    /// Counts a refusal.
    pub(crate) fn add(&self, slot: u16, why: Refusal, weight: f32, tick: u64) {
        let total = &self.totals[why.number()];
        total.set(total.get() + 1);
        let player = &self.players[usize::from(slot)];
        let mut refusals = player.get();
        refusals.add(why, weight, tick);
        player.set(refusals);
    }

    /// How often all players of the core were refused something for this reason.
    pub(crate) fn total(&self, why: Refusal) -> u64 {
        self.totals[why.number()].get()
    }

    /// What the player in a slot was refused.
    pub(crate) fn of(&self, slot: u16) -> Refusals {
        self.players[usize::from(slot)].get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_halves_in_a_minute_and_counts_stay() {
        let mut ledger = Ledger::new(2);
        (0..2).for_each(|_| ledger.add_slot());
        (0..8).for_each(|_| ledger.add(1, Refusal::Teleport, weight(Refusal::Teleport), 100));
        assert_eq!(ledger.of(1).score_at(100), 80.0);
        assert_eq!(ledger.of(1).score_at(100 + HALF_LIFE_TICKS), 40.0);
        ledger.add(1, Refusal::Speed, weight(Refusal::Speed), 100 + HALF_LIFE_TICKS);
        let refusals = ledger.of(1);
        assert_eq!(refusals.score_at(100 + HALF_LIFE_TICKS), 42.0);
        assert_eq!((refusals.count(Refusal::Teleport), refusals.count(Refusal::Speed)), (8, 1));
        assert_eq!((ledger.total(Refusal::Teleport), ledger.of(0)), (8, Refusals::default()));
        ledger.clear(1);
        assert_eq!((ledger.of(1), ledger.total(Refusal::Teleport)), (Refusals::default(), 8));
    }

    /// Their clients predict an action before they hear of the one that has just started.
    #[test]
    fn what_latency_causes_has_no_weight() {
        for why in [Refusal::Cooldown, Refusal::Busy, Refusal::Range, Refusal::Sight, Refusal::Target, Refusal::Cost] {
            assert_eq!(weight(why), 0.0, "{why:?}");
        }
    }
}
