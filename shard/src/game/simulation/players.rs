//! The players, and the path of one, for the operator.

use super::Simulation;
use crate::game::members::Presence;
use crate::game::{Game, PlayerId};
use crate::runtime::path_record::{Followed, PathTick};
use crate::runtime::player_list::{PlayerList, PlayerRow};
use ringshard_world::Rules;

impl<G: Game> Simulation<G> {
    /// Lists the players in the next `slots` slots. True if those were the last ones, or the list is full.
    pub(super) fn list_present(&self, list: &mut PlayerList, slots: usize) -> bool {
        let members = &self.shard.members;
        let end = list.next_slot.saturating_add(slots);
        for slot in list.next_slot..end.min(members.slots().len()) {
            let slot = slot as u16;
            let Some(member) = members.in_slot(slot).filter(|member| member.presence == Presence::Inside) else {
                continue;
            };
            let refusals = members.ledger.of(slot);
            let row = PlayerRow {
                player: (member.id.slot, member.id.generation),
                connection: member.connection,
                score: refusals.score_at(self.shard.tick()),
                refusals: refusals.counts(),
            };
            if !list.push(row) {
                return true;
            }
        }
        list.next_slot = end;
        end >= members.slots().len()
    }
    /// Adds the tick of a player to the record of its path, if that is recorded. `stepped` is where its step has taken it.
    #[inline]
    pub(super) fn record_path(&mut self, player: PlayerId, stepped: [f32; 3]) {
        if self.shard.following.is_some() {
            self.record_tick(player, stepped);
        }
    }

    fn record_tick(&mut self, player: PlayerId, stepped: [f32; 3]) {
        let Simulation { shard, game, .. } = self;
        let (tick, stepping) = (shard.tick(), shard.stepped_from(player));
        let (Some(record), Some((before, input_age)), Some(member)) =
            (&mut shard.following, stepping, shard.members.get(player))
        else {
            return;
        };
        let is_it = match record.followed {
            Followed::Player(slot, generation) => (player.slot, player.generation) == (slot, generation),
            Followed::Connection(id) => member.connection == Some(id),
        };
        if is_it {
            record.player = Some((player.slot, player.generation));
            let settled = game.rules().pose(&member.owner.own).point;
            let tick = PathTick { tick, before: before.point, stepped, settled, input_age, refused: 0 };
            record.push(tick, shard.members.ledger.of(player.slot).counts());
        }
    }
}
