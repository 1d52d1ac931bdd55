//! What a game implements. It sees its [`Shard`], and is called when something happens to it.
//!
//! Every core runs one game over its own part of the world. All of it runs inside the core's turn: it must not block.

pub mod shard;
pub mod simulation;

use crate::game::shard::Shard;
use crate::world::exchange::Command;
use ringshard_protocol::wire::Message;
use ringshard_world::EntityId;
use ringshard_world::messages::Input;

/// Why a player is gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Gone {
    /// Its client hung up.
    Left,
    /// Its client was silent, and did not come back in time, or before the room was needed.
    Silent,
    /// The server ended its connection: it broke the protocol, did not keep up, or was kicked.
    PutOut,
    /// The server is shutting down.
    ShuttingDown,
}

/// A game, on one core.
pub trait Game: Send + 'static {
    /// A client wants into the world: gives the entity of this core that is to be its body. None refuses it. A client whose
    /// body the game has despawned looks on, and may ask for another body.
    fn join(&mut self, shard: &mut Shard) -> Option<EntityId>;

    /// The client of a player is silent. It can come back within a minute: until then its body stays, unless the game
    /// despawns it, nothing that the game tells it arrives, and its inputs stop.
    fn suspended(&mut self, _shard: &mut Shard, _player: EntityId) {}

    /// The client of a suspended player is back.
    fn resumed(&mut self, _shard: &mut Shard, _player: EntityId) {}

    /// A player is gone for good, once for each client that joined: suspended or not, and whether it still has its body,
    /// which is despawned after this.
    fn leave(&mut self, _shard: &mut Shard, _player: EntityId, _why: Gone) {}

    /// A player's input. Inputs may be lost, and never come in a wrong order.
    fn input(&mut self, shard: &mut Shard, player: EntityId, input: &Input);

    /// A message of the game's own from a player: its first byte is [`kinds::GAME`] or more.
    ///
    /// [`kinds::GAME`]: ringshard_world::messages::kinds::GAME
    fn message(&mut self, _shard: &mut Shard, _player: EntityId, _message: Message<'_>) {}

    /// A command from another core, or from this one, to one of this core's entities.
    fn command(&mut self, _shard: &mut Shard, _command: &Command) {}

    /// The server is going down: nobody new comes, and players may stay for as long as it was told to wait. What is to be
    /// kept of the world is kept now.
    fn draining(&mut self, _shard: &mut Shard) {}

    /// 60 times a second: moves the world on by one tick.
    fn tick(&mut self, shard: &mut Shard);
}
