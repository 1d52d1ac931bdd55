//! The step of every player.

use super::Simulation;
use crate::game::members::Presence;
use crate::game::shard::Shard;
use crate::game::{Game, PlayerId};
use crate::runtime::flight_recorder;
use ringshard_world::codec::{Reader, Writer};
use ringshard_world::limits::INPUT_BYTES_MAX;
use ringshard_world::{Fields, Rules};

/// The player of so many slots ahead is prefetched.
const STEPS_AHEAD: u16 = 4;

impl<G: Game> Simulation<G> {
    /// Takes an input of every player, steps its own state, and moves its body.
    pub(super) fn step_players(&mut self) {
        let tick = self.shard.wire_tick();
        for slot in self.shard.members.slots() {
            self.shard.members.prefetch_step(slot.saturating_add(STEPS_AHEAD), tick);
            self.step_player(slot, tick);
        }
        flight_recorder::work_done();
    }

    /// Takes the body away from a player, whether in the world or waiting to be, if the game has despawned it: its id is used
    /// again some day.
    fn forget_lost_body(&mut self, slot: u16) {
        let Shard { members, entities, .. } = &mut self.shard;
        let body = members.in_slot(slot).and_then(|member| member.owner.body);
        if body.is_some_and(|body| !entities.contains(body)) {
            members.set_body(slot, None);
        }
    }

    fn step_player(&mut self, slot: u16, tick: u32) {
        self.forget_lost_body(slot);
        let Simulation { shard, game, stats, .. } = self;
        let Some(member) = shard.members.in_slot_mut(slot).filter(|member| member.presence == Presence::Inside) else {
            return;
        };
        let taken = member.inputs.take(tick);
        (member.lead, member.input_age) = (taken.lead, taken.age);
        stats.inputs_taken += u64::from(taken.age == 0);
        // A silent client is not late.
        stats.inputs_missed += u64::from(taken.age > 0 && member.connection.is_some());
        note_input(member.id, &taken.input);
        let (player, body) = (member.id, member.owner.body);
        shard.stepping = Some((player, game.rules().pose(&member.owner.own), taken.age));
        game.rules().step(&mut member.owner.own, &taken.input);
        let pose = game.rules().pose(&member.owner.own);
        if let Some(place) = body.and_then(|body| shard.entities.pose_mut(body)) {
            *place = pose;
        }
        game.stepped(shard, player, &taken.input);
        self.record_path(player, pose.point);
        let Simulation { shard, game, .. } = self;
        shard.stepping = None;
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

/// Notes for a panic report whose input is stepped.
#[inline]
fn note_input<I: Fields>(player: PlayerId, input: &I) {
    let mut bytes = [0; INPUT_BYTES_MAX];
    let mut writer = Writer::new(&mut bytes);
    let written = input.write_fields(input.all(), &mut writer);
    debug_assert!(written.is_ok(), "an input has at most INPUT_BYTES_MAX bytes");
    flight_recorder::work_on("the input", player.number(), writer.written(), |bytes| {
        let mut input = I::default();
        match input.read_fields(input.all(), &mut Reader::new(bytes)) {
            Ok(()) => format!("{input:?}"),
            Err(_) => format!("{bytes:02x?}"),
        }
    });
}
