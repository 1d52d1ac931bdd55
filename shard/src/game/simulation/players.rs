//! Listing the players for the operator.

use super::Simulation;
use crate::game::Game;
use crate::game::members::Presence;
use crate::runtime::player_list::{PlayerList, PlayerRow};

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
}
