//! Sending: a message is written, handed to the engine, and recorded in the model if it was accepted.

use super::Simulator;
use crate::simulate::draw::traffic::Outgoing;
use crate::simulate::model::session::{End, Session, Side};
use ringshard_protocol::connection::SendError;
use ringshard_protocol::limits::MESSAGE_COST_BYTES;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::Channel;

/// Spare room, so that no queue overflows by accident.
const ROOM_LEFT_BYTES: usize = 8 << 10;

impl Simulator {
    /// Both ends send the traffic of this tick.
    pub(super) fn send_traffic(&mut self, now: Instant, player: usize) {
        let Some(session) = self.players[player].session else { return };
        let mut outgoing = std::mem::take(&mut self.outgoing);
        self.players[player].traffic.tick(|message| outgoing.push(message));
        let backlog_max = self.players[player].plan.backlog_max;
        for message in outgoing.drain(..) {
            if message.channel.delivery().is_reliable() {
                let room = self.send_room(session, message.to_server);
                let full = ringshard_protocol::limits::SEND_QUEUE_BYTES_MAX - backlog_max;
                if room < full.max(message.bytes + MESSAGE_COST_BYTES + ROOM_LEFT_BYTES) {
                    continue;
                }
            }
            self.send(now, session, message);
        }
        self.outgoing = outgoing;
    }

    /// Room for reliable messages at one end.
    pub(super) fn send_room(&self, session: usize, to_server: bool) -> usize {
        let Session { player, ids, .. } = &self.audit.sessions[session];
        match to_server {
            true => self.players[*player].running.as_ref().map_or(0, |(client, _)| client.send_room()),
            false => match (&self.server.running, ids[0]) {
                (Some((endpoint, _)), Some(id)) => endpoint.send_room(id),
                _ => 0,
            },
        }
    }

    /// Sends one message, if the end can. Returns whether it was accepted.
    pub(super) fn send(&mut self, now: Instant, session: usize, message: Outgoing) -> bool {
        let Outgoing { to_server, channel, bytes } = message;
        let mut buffer = std::mem::take(&mut self.buffer);
        self.audit.sessions[session].model(to_server, channel).compose(bytes, &mut buffer);
        let room = self.send_room(session, to_server);
        let result = match to_server {
            true => self.send_to_server(now, session, channel, &buffer),
            false => self.send_to_client(now, session, channel, &buffer),
        };
        self.buffer = buffer;
        let it = &mut self.audit.sessions[session];
        match result {
            None => return false,
            Some(Ok(())) => {
                it.model(to_server, channel).taken(bytes);
                self.audit.totals.sent(channel.delivery());
                return true;
            }
            Some(Err(SendError::Overflow)) => {
                it.must_end(now, if to_server { Side::Client } else { Side::Server });
                let player = it.player;
                if room >= bytes + MESSAGE_COST_BYTES {
                    self.audit.report_violation(
                        now,
                        format!("player {player}: {bytes} bytes overflow, with room for {room}"),
                    );
                }
            }
            Some(Err(SendError::Full | SendError::RateLimited)) => self.audit.totals.refused += 1,
            Some(Err(SendError::NotConnected)) if it.ending.is_some() => {}
            Some(Err(SendError::NotConnected)) if !to_server => {
                // The server is about to announce why.
                it.refuses_since.get_or_insert(now);
            }
            Some(Err(error @ (SendError::NotConnected | SendError::TooLong))) => {
                let what = format!("player {}: a message of {bytes} bytes is refused: {error}", it.player);
                self.audit.report_violation(now, what);
            }
        }
        false
    }

    fn send_to_server(
        &mut self,
        now: Instant,
        session: usize,
        channel: Channel,
        message: &[u8],
    ) -> Option<Result<(), SendError>> {
        let Session { player, client, .. } = self.audit.sessions[session];
        let (client, _) = self.players[player].running.as_mut().filter(|_| client == End::Live)?;
        let mut result = client.send(now, channel, message);
        self.players[player].wake(now);
        if result == Err(SendError::Full) {
            // Queued datagrams must leave first.
            self.players[player].turn(now, &mut self.audit);
            let (client, _) = self.players[player].running.as_mut()?;
            if client.is_connected() {
                result = client.send(now, channel, message);
            }
        }
        Some(result)
    }

    fn send_to_client(
        &mut self,
        now: Instant,
        session: usize,
        channel: Channel,
        message: &[u8],
    ) -> Option<Result<(), SendError>> {
        let Session { server, ids, .. } = self.audit.sessions[session];
        let (endpoint, _) = self.server.running.as_mut().filter(|_| server == End::Live)?;
        // The former id must work as well as the current one.
        let [name, former] = ids;
        let id = if self.random.chance(100) { former.or(name) } else { name }?;
        self.server_is_due = true;
        Some(endpoint.send(now, id, channel, message))
    }
}
