//! What clients send: inputs, asks, events.

use super::Simulation;
use crate::game::ledger::weight;
use crate::game::members::input_budget::Spent;
use crate::game::members::input_buffer::Offer;
use crate::game::members::member::Acknowledgment;
use crate::game::members::{Member, Presence};
use crate::game::{AskOf, EventOf, Game, Reply};
use crate::runtime::flight_recorder;
use ringshard_protocol::wire::ConnectionId;
use ringshard_world::codec::Malformed;
use ringshard_world::limits::ASKS_OPEN_MAX;
use ringshard_world::messages::{Answered, InputHeader, read_ask_number, read_event, read_whole};
use ringshard_world::{Refusal, Rules, Wire};

impl<G: Game> Simulation<G> {
    /// The player of a connection, if it is in the world.
    pub(super) fn inside(&mut self, from: ConnectionId) -> Option<&mut Member<G::Rules>> {
        self.shard.members.of_connection(from).filter(|member| member.presence == Presence::Inside)
    }

    /// Takes in an input message. One that is malformed changes nothing.
    pub(super) fn inputs(&mut self, from: ConnectionId, message: &[u8]) -> Result<(), Malformed> {
        let (header, inputs) = InputHeader::read(message, &self.game.rules().neutral_input())?;
        let tick = self.shard.wire_tick();
        let Some(member) = self.inside(from) else {
            self.stats.messages_outside += 1;
            return Ok(());
        };
        let spent = member.inputs.budget.spend();
        if spent != Spent::Within {
            let player = member.id;
            self.stats.input_messages_refused += 1;
            if spent == Spent::Exceeded {
                self.shard.note_refusal(player, Refusal::Flood, weight(Refusal::Flood));
            }
            return Ok(());
        }
        let knows_this_presence =
            header.received.is_some_and(|(newest, _)| newest.wrapping_sub(member.first_snapshot) < 1 << 15);
        if member.is_elsewhere && !knows_this_presence {
            return Ok(());
        }
        member.is_elsewhere = false;
        let (mut late, mut early) = (0, 0);
        let acknowledged = header.received.map(|(newest, _)| newest);
        for (tick, input) in inputs.iter() {
            match member.inputs.offer(tick, input, acknowledged) {
                Offer::Waits | Offer::Copy => {}
                Offer::Late => late += 1,
                Offer::Early => early += 1,
            }
        }
        if early > 0 {
            member.inputs.budget.spend_early();
        }
        if let Some((newest, before)) = header.received {
            self.acknowledge(from, Acknowledgment { tick, newest, before, digest: header.digest });
        }
        self.stats.input_messages += 1;
        self.stats.inputs_late += late;
        self.stats.inputs_early += early;
        Ok(())
    }

    pub(super) fn ask(&mut self, from: ConnectionId, message: &[u8]) -> Result<(), Malformed> {
        let (number, bytes) = read_ask_number(message)?;
        let Some(member) = self.inside(from) else {
            self.stats.messages_outside += 1;
            return Ok(());
        };
        let player = member.id;
        if member.asks_open == ASKS_OPEN_MAX {
            self.stats.asks_refused += 1;
            self.shard.answer(player, number, &Answered::TooMany);
            return Ok(());
        }
        match read_whole(bytes) {
            Ok(ask) => {
                member.asks_open += 1;
                self.stats.asks += 1;
                flight_recorder::work_on("the ask", player.number(), bytes, describe::<AskOf<G>>);
                self.game.ask(&mut self.shard, player, ask, Reply { player, number });
                flight_recorder::work_done();
                Ok(())
            }
            Err(malformed) => {
                self.shard.answer(player, number, &Answered::Malformed);
                Err(malformed)
            }
        }
    }

    pub(super) fn event_message(&mut self, from: ConnectionId, message: &[u8]) -> Result<(), Malformed> {
        let event = read_event(message)?;
        let Some(player) = self.inside(from).map(|member| member.id) else {
            self.stats.messages_outside += 1;
            return Ok(());
        };
        self.stats.events_in += 1;
        flight_recorder::work_on("the event", player.number(), &message[1..], describe::<EventOf<G>>);
        self.game.event(&mut self.shard, player, event);
        flight_recorder::work_done();
        Ok(())
    }
}

/// What a client has sent, in words.
fn describe<T: Wire>(bytes: &[u8]) -> String {
    match read_whole::<T>(bytes) {
        Ok(value) => format!("{value:?}"),
        Err(_) => format!("{bytes:02x?}"),
    }
}
