//! The life of a player: entering the world, suspension, return, and leaving.
//!
//! ```text
//!            enter: Game::join                 Resumed: Game::resumed
//! connected ------------------> in the world <------------------------ suspended
//!                                |        |                              ^    |
//!                                |        +------------------------------+    |
//!                                |            Suspended: Game::suspended      |
//!                                +--> gone <----------------------------------+
//!                                     Ended: Game::leave
//! ```
//! A player belongs to a session, not to a connection: it stays in the world as long as the session can resume. A player
//! whose body the game has despawned stays in the world and watches from where it last was. It can enter again, which gives it
//! another body.

use super::Simulation;
use crate::game::{Game, LeaveReason};
use ringshard_protocol::Endpoint;
use ringshard_protocol::endpoint::{EndCause, Event, SessionId};
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{Channel, ConnectionId, DisconnectReason};
use ringshard_world::EntityId;
use ringshard_world::codec::Writer;
use ringshard_world::messages::Welcome;

impl<G: Game> Simulation<G> {
    /// Follows a session from connection to connection, and to its end.
    pub(super) fn session_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        match event {
            Event::Joined { .. } | Event::Integrity(..) => {}
            Event::Renamed { id, former } | Event::Resumed { id, former: Some(former), .. } => {
                let address = endpoint.info(id).map(|info| info.path.peer);
                self.players.rename(&self.shard.entities, id, former, address);
            }
            Event::Suspended { id, session } => {
                if let Some(body) = self.players.suspend(id, session) {
                    self.game.suspended(&mut self.shard, body);
                }
            }
            Event::Resumed { id, session, former: None } => {
                let Some(info) = endpoint.info(id) else { return };
                match self.players.resume(&self.shard.entities, id, session, info.path.peer) {
                    Some(body) => self.game.resumed(&mut self.shard, body),
                    None if self.players.is_displaced(session) => refuse(now, endpoint, id),
                    None => {}
                }
            }
            Event::Ended { id, session, cause } => self.leave(id, session, leave_reason(cause)),
        }
    }

    /// Lets a client enter, or confirms again that it has.
    pub(super) fn enter(&mut self, now: Instant, endpoint: &mut Endpoint, id: ConnectionId) {
        let Some(body) = self.body_of(endpoint, id) else { return refuse(now, endpoint, id) };
        let welcome = Welcome { player: body, tick: self.shard.wire_tick(), map: self.config.map };
        let mut message = [0; Welcome::BYTES];
        welcome.write(&mut Writer::new(&mut message)).expect("the buffer has room for it");
        // A refused message has ended the connection: its send queue was full.
        let _ = endpoint.send(now, id, Channel::RELIABLE_ORDERED, &message);
    }

    /// The body that the client has in the world, or that the game gives it now. None if the game refuses the client.
    fn body_of(&mut self, endpoint: &Endpoint, id: ConnectionId) -> Option<EntityId> {
        if let Some(player) = self.players.get_mut(id)
            && self.shard.entities.row(player.viewer.player).is_some()
        {
            return Some(player.viewer.player);
        }
        let info = endpoint.info(id)?;
        let body = self.game.join(&mut self.shard).or_else(|| {
            // A client that is present goes before one that may return.
            let displaced = self.players.displace_suspended()?;
            self.remove_body(displaced, LeaveReason::TimedOut);
            self.game.join(&mut self.shard)
        })?;
        let row = self.shard.entities.row(body).expect("a game gives a player an entity of this core");
        let (players, entities, address) = (&mut self.players, &self.shard.entities, info.path.peer);
        let is_known = players.give_body(id, row, body)
            || info.session.is_some_and(|it| players.return_displaced(entities, id, it, address, row, body));
        if !is_known {
            players.add(entities, id, address, row, body);
        }
        Some(body)
    }

    fn leave(&mut self, id: Option<ConnectionId>, session: SessionId, reason: LeaveReason) {
        self.players.forget_displaced(session);
        // A connection that resumed the session with its last datagram has ended before its player was given back to it.
        let player = id.and_then(|id| self.players.remove(id)).or_else(|| self.players.remove_suspended(session));
        if let Some(player) = player {
            self.remove_body(player.viewer.player, reason);
        }
    }

    fn remove_body(&mut self, body: EntityId, reason: LeaveReason) {
        self.game.leave(&mut self.shard, body, reason);
        self.shard.entities.despawn(body);
    }
}

fn refuse(now: Instant, endpoint: &mut Endpoint, id: ConnectionId) {
    let _ = endpoint.send(now, id, Channel::RELIABLE_ORDERED, &Welcome::REFUSAL);
}

/// The reason that the game is given for the end of a session.
fn leave_reason(cause: EndCause) -> LeaveReason {
    match cause {
        EndCause::Client(_) => LeaveReason::Left,
        EndCause::Expired => LeaveReason::TimedOut,
        EndCause::Server(DisconnectReason::ShuttingDown) => LeaveReason::ShuttingDown,
        EndCause::Server(_) => LeaveReason::Disconnected,
    }
}
