//! What players say to each other over the server (PROTOCOL.md#introductions). The game allows it; the server does not read it,
//! and vouches for the sender alone. It goes to the core of the other player in pieces, as commands.

use super::Simulation;
use super::stats::WorldStats;
use crate::game::Game;
use crate::game::outgoing::Recipient;
use crate::game::shard::Shard;
use crate::world::exchange::{COMMAND_BYTES_MAX, Command, Purpose};
use ringshard_protocol::wire::{Channel, ConnectionId};
use ringshard_world::EntityId;
use ringshard_world::codec::{Malformed, Writer};
use ringshard_world::limits::INTRODUCTION_BYTES_MAX;
use ringshard_world::messages::{INTRODUCTION_MESSAGE_BYTES_MAX, Introduction};

const _: () = assert!(INTRODUCTION_BYTES_MAX <= u16::MAX as usize, "a piece names its place with 16 bits");

/// Introductions whose pieces are arriving.
#[derive(Debug)]
pub(super) struct Arriving {
    /// By the core that sends them.
    from: Vec<Vec<u8>>,
    /// Number of entities that each core owns.
    share: usize,
}

impl Arriving {
    pub(super) fn new(cores: usize, share: usize) -> Self {
        Arriving { from: vec![Vec::with_capacity(INTRODUCTION_BYTES_MAX); cores], share }
    }

    /// Takes a piece from a core, this one included. With the last one the introduction leaves for its player.
    pub(super) fn piece<G: Game>(
        &mut self,
        shard: &mut Shard<G>,
        stats: &mut WorldStats,
        command: &Command,
        offset: u16,
        len: u16,
    ) {
        let bytes = &mut self.from[usize::from(command.from.index) / self.share];
        if offset == 0 {
            bytes.clear();
        }
        assert_eq!(bytes.len(), usize::from(offset), "the pieces of an introduction follow one another");
        bytes.extend_from_slice(command.content());
        if bytes.len() < usize::from(len) {
            return;
        }
        let Some(player) = shard.player_of(command.to).filter(|&player| shard.is_connected(player)) else {
            stats.introductions_dropped += 1;
            return;
        };
        let mut message = [0; INTRODUCTION_MESSAGE_BYTES_MAX];
        let mut writer = Writer::new(&mut message);
        Introduction { player: command.from, bytes }.write(&mut writer).expect("an introduction fits its buffer");
        shard.outgoing.push(Recipient::Player(player), Channel::RELIABLE_ORDERED, writer.written());
        stats.introductions += 1;
    }
}

impl<G: Game> Simulation<G> {
    /// A client has something for another player.
    pub(super) fn introduction(&mut self, from: ConnectionId, message: &[u8]) -> Result<(), Malformed> {
        let Introduction { player: to, bytes } = Introduction::read(message)?;
        let tick = self.shard.tick();
        let Some(member) = self.inside(from) else {
            self.stats.messages_outside += 1;
            return Ok(());
        };
        let player = member.id;
        if !member.introductions.take(tick) {
            self.stats.introductions_limited += 1;
            return Ok(());
        }
        let Some(body) = self.shard.body(player) else {
            self.stats.introductions_dropped += 1;
            return Ok(());
        };
        if !self.game.may_introduce(&mut self.shard, player, to) {
            self.stats.introductions_refused += 1;
            return Ok(());
        }
        self.stats.introductions_dropped += u64::from(!self.send_pieces(body, to, bytes));
        Ok(())
    }

    /// Sends an introduction to the core of the other player; false if there is no such core, or it takes no more.
    fn send_pieces(&mut self, from: EntityId, to: EntityId, bytes: &[u8]) -> bool {
        let outbox = &mut self.shard.outbox;
        if !outbox.has_room_for(to.index, bytes.len().div_ceil(COMMAND_BYTES_MAX)) {
            return false;
        }
        for (index, piece) in bytes.chunks(COMMAND_BYTES_MAX).enumerate() {
            let offset = (index * COMMAND_BYTES_MAX) as u16;
            let purpose = Purpose::Introduction { offset, len: bytes.len() as u16 };
            let pushed = outbox.push(Command::new(purpose, to, from, piece));
            assert!(pushed.is_ok(), "there is room for all pieces");
        }
        true
    }
}
