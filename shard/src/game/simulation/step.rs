//! The step of every player.

use super::Simulation;
use crate::game::Game;
use crate::game::members::Presence;
use ringshard_world::Rules;

impl<G: Game> Simulation<G> {
    /// Takes an input of every player, steps its own state, and moves its body.
    pub(super) fn step_players(&mut self) {
        let tick = self.shard.wire_tick();
        for slot in 0..self.shard.members.slots() {
            self.shard.members.prefetch_slot(slot + 2);
            self.step_player(slot, tick);
        }
    }

    fn step_player(&mut self, slot: u16, tick: u32) {
        let Simulation { shard, game, stats, .. } = self;
        let Some(member) = shard.members.in_slot_mut(slot).filter(|member| member.presence == Presence::Inside) else {
            return;
        };
        let taken = member.inputs.take(tick);
        (member.lead, member.input_age) = (taken.lead, taken.age);
        stats.inputs_taken += u64::from(taken.age == 0);
        // A silent client is not late.
        stats.inputs_missed += u64::from(taken.age > 0 && member.connection.is_some());
        game.rules().step(&mut member.owner.own, &taken.input);
        let (player, body) = (member.id, member.owner.body);
        let pose = game.rules().pose(&member.owner.own);
        if let Some(body) = body {
            match shard.entities.pose_mut(body) {
                Some(place) => *place = pose,
                // The game has despawned it.
                None => shard.members.set_body(slot, None),
            }
        }
        game.stepped(shard, player, &taken.input);
        // The game may have changed the player's own state.
        if let Some(member) = shard.members.get(player)
            && let Some(body) = member.owner.body
        {
            let pose = game.rules().pose(&member.owner.own);
            if let Some(place) = shard.entities.pose_mut(body) {
                *place = pose;
            }
        }
    }
}
