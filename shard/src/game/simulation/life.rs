//! How players come into the world, are suspended, come back and go.
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
//! A player is bound to a session, not to a connection: it stays in the world for as long as the session can come back.
//! A player whose body the game has despawned stays in the world, looks on from where it last was, and can enter again:
//! that gives it another body.

use super::Simulation;
use crate::game::{Game, Gone};
use ringshard_protocol::Endpoint;
use ringshard_protocol::endpoint::{EndCause, Event, SessionId};
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{Channel, ConnectionId, DisconnectReason};
use ringshard_world::EntityId;
use ringshard_world::codec::Writer;
use ringshard_world::messages::Welcome;

impl<G: Game> Simulation<G> {
    /// Follows a session from connection to connection, and to its end.
    pub(super) fn live(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
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
            Event::Ended { id, session, cause } => self.leave(id, session, gone(cause)),
        }
    }

    /// Lets a client in, or tells it again that it is.
    pub(super) fn enter(&mut self, now: Instant, endpoint: &mut Endpoint, id: ConnectionId) {
        let Some(body) = self.body_of(endpoint, id) else { return refuse(now, endpoint, id) };
        let welcome = Welcome { player: body, tick: self.shard.wire_tick(), map: self.config.map };
        let mut message = [0; Welcome::BYTES];
        welcome.write(&mut Writer::new(&mut message)).expect("it has room");
        // A message that is not taken has ended the connection: too much waited for it already.
        let _ = endpoint.send(now, id, Channel::RELIABLE_ORDERED, &message);
    }

    /// The body that the client has in the world, or that the game gives it now. None when the game refuses it.
    fn body_of(&mut self, endpoint: &Endpoint, id: ConnectionId) -> Option<EntityId> {
        if let Some(player) = self.players.get_mut(id)
            && self.shard.entities.place(player.viewer.player).is_some()
        {
            return Some(player.viewer.player);
        }
        let info = endpoint.info(id)?;
        let body = self.game.join(&mut self.shard).or_else(|| {
            // Whoever is there goes before whoever may come back.
            let displaced = self.players.displace_suspended()?;
            self.remove_body(displaced, Gone::Silent);
            self.game.join(&mut self.shard)
        })?;
        let place = self.shard.entities.place(body).expect("a game gives a player an entity of this core");
        let (players, entities, address) = (&mut self.players, &self.shard.entities, info.path.peer);
        let is_known = players.give_body(id, place, body)
            || info.session.is_some_and(|it| players.return_displaced(entities, id, it, address, place, body));
        if !is_known {
            players.add(entities, id, address, place, body);
        }
        Some(body)
    }

    fn leave(&mut self, id: Option<ConnectionId>, session: SessionId, why: Gone) {
        self.players.forget_displaced(session);
        let player = match id {
            Some(id) => self.players.remove(id),
            None => self.players.remove_suspended(session),
        };
        if let Some(player) = player {
            self.remove_body(player.viewer.player, why);
        }
    }

    fn remove_body(&mut self, body: EntityId, why: Gone) {
        self.game.leave(&mut self.shard, body, why);
        self.shard.entities.despawn(body);
    }
}

fn refuse(now: Instant, endpoint: &mut Endpoint, id: ConnectionId) {
    let _ = endpoint.send(now, id, Channel::RELIABLE_ORDERED, &Welcome::REFUSAL);
}

/// What the end of a session is to a game.
fn gone(cause: EndCause) -> Gone {
    match cause {
        EndCause::Client(_) => Gone::Left,
        EndCause::Expired => Gone::Silent,
        EndCause::Server(DisconnectReason::ShuttingDown) => Gone::ShuttingDown,
        EndCause::Server(_) => Gone::PutOut,
    }
}
