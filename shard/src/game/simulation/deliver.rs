//! Commands and events from other cores, and messages to players.

use super::Simulation;
use crate::game::Game;
use crate::game::members::{Members, Presence};
use crate::game::outgoing::Recipient;
use crate::game::player::PlayerId;
use crate::game::shard::{Decision, Shard};
use crate::world::exchange::{Command, Purpose};
use ringshard_protocol::Endpoint;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::Channel;
use ringshard_world::limits::EVENT_BYTES_MAX;
use ringshard_world::messages::{kinds, read_whole};

impl<G: Game> Simulation<G> {
    /// Runs the commands of this core's entities and of other cores'.
    pub(super) fn run_commands(&mut self) {
        let Simulation { shard, exchange, commands, game, arriving, stats, .. } = self;
        let mut run = |command: &Command| match command.purpose {
            Purpose::Introduction { offset, len } => arriving.piece(shard, stats, command, offset, len),
            _ => run(game, shard, command),
        };
        commands.drain(..).for_each(|command| run(&command));
        exchange.commands(run);
    }

    /// Sends the messages of the tick to players, and the commands to other cores.
    pub(super) fn send_outgoing(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let Simulation { shard, exchange, commands, stats, .. } = self;
        let Shard { members, outgoing, outbox, decisions, .. } = shard;
        outgoing.drain(|to, channel, message| {
            let mut deliver = |members: &mut Members<G::Rules>, player| {
                stats.events_out += u64::from(message[0] == kinds::EVENT);
                if !send(now, endpoint, members, player, channel, message) {
                    decisions.push((player, Decision::Backlog));
                }
            };
            match to {
                Recipient::Player(player) => deliver(members, player),
                Recipient::Everybody => {
                    for slot in members.slots() {
                        let inside = members.in_slot(slot).filter(|member| member.presence == Presence::Inside);
                        let Some(player) = inside.map(|member| member.id) else { continue };
                        deliver(members, player);
                    }
                }
            }
        });
        outbox.flush(exchange, commands);
    }
}

fn run<G: Game>(game: &mut G, shard: &mut Shard<G>, command: &Command) {
    let mut message = [kinds::EVENT; 1 + EVENT_BYTES_MAX];
    let content = command.content();
    message[1..][..content.len()].copy_from_slice(content);
    let message = &message[..1 + content.len()];
    match command.purpose {
        Purpose::Game => {
            let content = read_whole(content).expect("a core sends what it has written");
            game.command(shard, command.to, command.from, content);
        }
        Purpose::ToPlayer(channel) => shard.tell_player_of(command.to, channel, message),
        Purpose::ToViewers(channel) => shard.happenings.push(command.to, channel, message),
        Purpose::ToEverybody(channel) => shard.outgoing.push(Recipient::Everybody, channel, message),
        Purpose::Introduction { .. } => unreachable!("its pieces are put together first"),
    }
}

/// Sends a message to a player, or keeps it until the player's client is back. False if there is no room to keep it.
fn send<R: ringshard_world::Rules>(
    now: Instant,
    endpoint: &mut Endpoint,
    members: &mut Members<R>,
    player: PlayerId,
    channel: Channel,
    message: &[u8],
) -> bool {
    let Some(member) = members.known(player) else { return true };
    match member.connection {
        Some(id) => {
            // The endpoint counts a refused message.
            let _ = endpoint.send(now, id, channel, message);
            true
        }
        None if channel.delivery().is_reliable() => member.backlog.push(channel, message),
        None => true,
    }
}
