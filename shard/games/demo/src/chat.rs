//! Chat: what a player says reaches the players around it.

use crate::cooldown::Cooldown;
use ringshard::game::shard::Shard;
use ringshard::world::exchange::{COMMAND_BYTES_MAX, Command};
use ringshard_protocol::wire::Channel;
use ringshard_world::messages::kinds;
use ringshard_world::{EntityId, EntityKind};

/// The first byte of a chat message. From a client, the text follows; from the server, the index and the generation of the
/// speaker, then the text.
pub const CHAT: u8 = kinds::GAME;
/// The command of a speaker to a listener. The content is the text.
pub const COMMAND_CHAT: u8 = 3;

/// How far a chat message carries, in units.
const EARSHOT_RADIUS: f32 = 5_000.0;
/// How many of the entities around a speaker hear it.
const EARSHOT: usize = 32;
/// Ticks between two messages of a player, so that no player floods the others.
const CHAT_COOLDOWN: u64 = 30;
/// Bytes before the text in a message from the server.
const SPEAKER_BYTES: usize = 4;

/// The chat of one core.
#[derive(Debug, Default)]
pub struct Chat {
    cooldown: Cooldown,
    /// Buffer for listeners.
    around: Vec<EntityId>,
}

impl Chat {
    /// A message from a player: sends its text to the players around it, on whatever core they are. Texts that are empty, too
    /// long or not UTF-8 are ignored.
    pub fn message(&mut self, shard: &mut Shard, speaker: EntityId, bytes: &[u8]) {
        if let [CHAT, text @ ..] = bytes
            && (1..=COMMAND_BYTES_MAX).contains(&text.len())
            && std::str::from_utf8(text).is_ok()
        {
            self.say(shard, speaker, text);
        }
    }

    fn say(&mut self, shard: &mut Shard, speaker: EntityId, text: &[u8]) {
        let (tick, Some(row)) = (shard.tick(), shard.entities.row(speaker)) else { return };
        if !self.cooldown.start(row, tick, CHAT_COOLDOWN) {
            return;
        }
        let Some(point) = shard.entities.point(speaker) else { return };
        self.around.clear();
        shard.nearest(point, EARSHOT_RADIUS, EARSHOT, &mut self.around);
        for &listener in &self.around {
            if shard.state(listener).is_some_and(|it| it.kind == EntityKind::Player) {
                // A refused command is counted; the text is lost.
                let _ = shard.command(listener, speaker, COMMAND_CHAT, text);
            }
        }
    }
}

/// A player of this core hears a text.
pub fn hear(shard: &mut Shard, command: &Command) {
    let text = command.content();
    let [low, high] = command.from.index.to_le_bytes();
    let mut message = [0; SPEAKER_BYTES + COMMAND_BYTES_MAX];
    message[..SPEAKER_BYTES].copy_from_slice(&[CHAT, low, high, command.from.generation]);
    message[SPEAKER_BYTES..SPEAKER_BYTES + text.len()].copy_from_slice(text);
    shard.send(command.to, Channel::RELIABLE_ORDERED, &message[..SPEAKER_BYTES + text.len()]);
}
