//! Messages between clients and services (PROTOCOL.md#services). A core does not read them.

use super::Simulation;
use crate::game::members::Presence;
use crate::game::player::{PlayerId, Visitor};
use crate::game::shard::Decision;
use crate::game::{AccountId, Game};
use crate::runtime::services::ToCore;
use ringshard_protocol::Endpoint;
use ringshard_protocol::limits::SEND_QUEUE_BYTES_MAX;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{Channel, ConnectionId};

/// Outcomes and notices arrive in order. Channels of a higher number yield to those of a lower one.
const CHANNEL: Channel = Channel::new(13).expect("there is such a channel");
/// Parts of downloads.
const BULK: Channel = Channel::new(14).expect("there is such a channel");
/// Bytes that may wait for a client: what exceeds them is dropped. Clients ask again.
const WAITING_BYTES_MAX: usize = 512 * 1_024;
/// Bytes that a turn takes from the services, so that clients' datagrams do not wait.
const BYTES_PER_TURN: usize = 64 * 1_024;

impl<G: Game> Simulation<G> {
    /// A message of a client for the services.
    pub(super) fn services_message(&mut self, from: ConnectionId, bytes: &[u8]) {
        let tick = self.shard.tick();
        let Some(member) = self.inside(from) else {
            self.stats.messages_outside += 1;
            return;
        };
        let (player, is_within) = (member.id.number(), member.services.take(tick, bytes.len()));
        let services = &mut self.shard.services;
        if is_within {
            // The port counts a refused message.
            let _ = services.message(player, bytes);
        } else {
            services.stats.refused += 1;
        }
    }

    /// Does what the services say. Whether they have said something.
    pub(super) fn hear_services(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        let mut record = std::mem::take(&mut self.letter);
        let mut bytes_heard = 0;
        while bytes_heard < BYTES_PER_TURN
            && let Some(letter) = self.shard.services.take(&mut record)
        {
            bytes_heard += self.obey(now, endpoint, &letter);
        }
        self.letter = record;
        bytes_heard > 0
    }

    /// Does one thing that the services say; returns about how many bytes that was.
    fn obey(&mut self, now: Instant, endpoint: &mut Endpoint, letter: &ToCore<'_>) -> usize {
        let player = |number| PlayerId::of_number(number).expect("services name players that a core has named");
        match *letter {
            ToCore::Admit { player: number, account, shown } => {
                self.admit(player(number), account, visitor(account, shown));
                shown.len() + 1_024
            }
            ToCore::Refuse { player: number, reason } => {
                self.refuse_ticket(player(number), reason);
                1_024
            }
            ToCore::PutOut { player: number, reason } => {
                self.shard.decisions.push((player(number), Decision::PutOut(reason)));
                1
            }
            ToCore::Message { player: number, is_bulk, bytes } => {
                let is_sent = self.forward(now, endpoint, player(number), is_bulk, bytes);
                let stats = &mut self.shard.services.stats;
                *if is_sent { &mut stats.messages_out } else { &mut stats.dropped } += 1;
                bytes.len() + 64
            }
        }
    }

    /// Sends a message of the services to a client, if it keeps up.
    fn forward(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        player: PlayerId,
        is_bulk: bool,
        bytes: &[u8],
    ) -> bool {
        let member = self.shard.members.get(player).filter(|member| member.presence == Presence::Inside);
        let Some(id) = member.and_then(|member| member.connection) else { return false };
        let waiting = SEND_QUEUE_BYTES_MAX - endpoint.send_room(id).min(SEND_QUEUE_BYTES_MAX);
        let channel = if is_bulk { BULK } else { CHANNEL };
        waiting + bytes.len() <= WAITING_BYTES_MAX && endpoint.send(now, id, channel, bytes).is_ok()
    }
}

fn visitor(account: Option<AccountId>, shown: &[u8]) -> Visitor<'_> {
    match account {
        Some(id) => Visitor::Account { id, name: std::str::from_utf8(shown).expect("the name of an account is text") },
        None => Visitor::Guest(shown),
    }
}
