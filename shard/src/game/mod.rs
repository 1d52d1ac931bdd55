//! What a game implements, and what it works with.
//!
//! | module | for |
//! |---|---|
//! | [`Game`] | the trait: what the server calls |
//! | [`shard`] | [`Shard`]: the world as a game sees it |
//! | `outgoing` | messages to players that wait for the end of a tick |
//! | [`simulation`] | the service that runs a game on a core |
//!
//! Every core runs one game over its own part of the world. A game sees no connections and no sockets: the simulation
//! translates between these and the world.

mod outgoing;
pub mod shard;
pub mod simulation;

use crate::game::shard::Shard;
use crate::world::exchange::Command;
use ringshard_protocol::wire::Message;
use ringshard_world::EntityId;
use ringshard_world::messages::Input;

/// Why a player has left the world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LeaveReason {
    /// The client disconnected.
    Left,
    /// The client was suspended and did not return in time, or its room was needed for another client.
    TimedOut,
    /// The server ended the connection: the client broke the protocol, was too slow, or was kicked.
    Disconnected,
    /// The server is shutting down.
    ShuttingDown,
}

/// A game, on one core.
///
/// Each core has its own instance. The server calls these methods one at a time, on the core's thread. They must not block:
/// while one runs, no player of the core receives anything.
pub trait Game: Send + 'static {
    /// A client wants to enter the world. Returns the entity that becomes the player's body, which must be one of this core;
    /// `None` refuses the client.
    ///
    /// A client whose body the game has despawned keeps watching, and may ask for another body in the same way.
    fn join(&mut self, shard: &mut Shard) -> Option<EntityId>;

    /// A player's client has fallen silent. It can return within a minute. Until then the player has no inputs, messages to
    /// it are lost, and its body stays unless the game despawns it.
    fn suspended(&mut self, _shard: &mut Shard, _player: EntityId) {}

    /// The client of a suspended player is back.
    fn resumed(&mut self, _shard: &mut Shard, _player: EntityId) {}

    /// A player has left for good. Called once for each client that joined, also if the player is suspended or has no body
    /// any more. The body is despawned after this call.
    fn leave(&mut self, _shard: &mut Shard, _player: EntityId, _reason: LeaveReason) {}

    /// A player's input. Inputs can be lost. They never arrive in the wrong order, and never twice.
    fn input(&mut self, shard: &mut Shard, player: EntityId, input: &Input);

    /// A message from a player whose first byte is [`kinds::GAME`] or more: such messages belong to the game.
    ///
    /// [`kinds::GAME`]: ringshard_world::messages::kinds::GAME
    fn message(&mut self, _shard: &mut Shard, _player: EntityId, _message: Message<'_>) {}

    /// A command to one of this core's entities, from an entity of any core. The receiver may no longer exist.
    fn command(&mut self, _shard: &mut Shard, _command: &Command) {}

    /// The server is draining: no new players join, and the present ones may stay for the configured time. Save now what must
    /// outlive the server.
    fn draining(&mut self, _shard: &mut Shard) {}

    /// Advances the world by one tick, 60 times a second.
    fn tick(&mut self, shard: &mut Shard);
}
