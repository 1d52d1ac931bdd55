//! What follows from a claim: counted, taken back, or the player is put out.

use super::limits::Limits;
use super::validator::{Validator, Violation};
use super::weight;
use crate::game::shard::Shard;
use crate::game::{Game, OwnOf, PlayerId};
use ringshard_world::Pose;
use ringshard_world::claim::Claim;

/// What follows from a claim that is refused. It always counts ([`Shard::refuse`]).
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Policy {
    /// The character is set back to where it was, and its client is corrected. Otherwise it goes on from where the client says.
    pub corrects: bool,
    /// A player whose score is above this is put out, with this reason, whatever it was refused.
    pub puts_out_above: Option<(f32, u8)>,
}

/// What became of a claim.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Verdict {
    /// It is accepted.
    Accepted,
    /// There is nothing to check: no input was there in time, it says nothing, or the client did not know yet that the server had
    /// moved its character.
    Void,
    /// It violates the limits, and the game allows it.
    Allowed(Violation),
    /// It is refused.
    Refused(Violation),
}

/// Judges the claims of the players of one core.
#[derive(Debug)]
pub struct Judge {
    /// What the players claimed before.
    pub validator: Validator,
    /// How characters can move.
    pub limits: Limits,
    /// What follows from a claim that is refused.
    pub policy: Policy,
}

impl Judge {
    /// A judge of a core.
    pub fn new(limits: Limits, policy: Policy) -> Self {
        Judge { validator: Validator::new(), limits, policy }
    }

    /// Judges the claim of a player's input. Call it in [`Game::stepped`], where [`Rules::step`] has taken the claim over into the
    /// own state. `set` sets the own state to a pose: its point, its velocity and its leap.
    ///
    /// The server may move a character whenever it likes, in the own state, if it counts up its leap: the claims that come then go
    /// on from there.
    ///
    /// [`Rules::step`]: ringshard_world::Rules::step
    pub fn judge<G: Game>(
        &mut self,
        shard: &mut Shard<G>,
        player: PlayerId,
        claim: &Claim,
        set: impl FnOnce(&mut OwnOf<G>, &Pose),
    ) -> Verdict {
        let limits = self.limits;
        self.judge_with(shard, player, claim, &limits, |_| false, set)
    }

    /// The same for a character with limits of its own: one that rides, for example. `allows` decides about a violation: if it
    /// returns true, nothing follows, and the claims that come then go on from there.
    pub fn judge_with<G: Game>(
        &mut self,
        shard: &mut Shard<G>,
        player: PlayerId,
        claim: &Claim,
        limits: &Limits,
        allows: impl FnOnce(&Violation) -> bool,
        set: impl FnOnce(&mut OwnOf<G>, &Pose),
    ) -> Verdict {
        let verdict = self.decide(shard, player, claim, limits, allows, set);
        if let Some((score, reason)) = self.policy.puts_out_above
            && shard.score(player) > score
        {
            shard.put_out(player, reason);
        }
        verdict
    }

    fn decide<G: Game>(
        &mut self,
        shard: &mut Shard<G>,
        player: PlayerId,
        claim: &Claim,
        limits: &Limits,
        allows: impl FnOnce(&Violation) -> bool,
        set: impl FnOnce(&mut OwnOf<G>, &Pose),
    ) -> Verdict {
        let Some((before, age)) = shard.stepped_from(player) else { return Verdict::Void };
        let tick = shard.tick();
        if self.validator.point(player) != Some(before.point) {
            // The server has moved it.
            self.validator.place(player, before.point, tick.saturating_sub(1));
        }
        if age > 0 || !claim.is_valid_for(before.leap) {
            return Verdict::Void;
        }
        let Err(violation) = self.validator.check(shard.terrain(), limits, player, claim.point, tick) else {
            return Verdict::Accepted;
        };
        if allows(&violation) {
            return Verdict::Allowed(violation);
        }
        shard.refuse_with(player, violation.why, weight(violation.why));
        if self.policy.corrects {
            let point = self.validator.take_back(player, &violation);
            let pose = Pose { point, velocity: [0.0; 3], leap: before.leap.wrapping_add(1), ..before };
            if let Some(own) = shard.own_mut(player) {
                set(own, &pose);
            }
        }
        Verdict::Refused(violation)
    }
}
