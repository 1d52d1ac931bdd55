//! Players that move to another server, and that come from there (PROTOCOL.md#changing-the-server).
//!
//! A player leaves at the end of a tick, when no message to it waits. It arrives as a suspended player, whose client then
//! resumes its session.

use super::Simulation;
use super::player_state::{self, PlayerState, STATE_BYTES_MAX};
use crate::game::members::backlog::Backlog;
use crate::game::members::{Member, Presence};
use crate::game::{AccountId, Arrival, Game, LeaveReason, PlayerId};
use crate::runtime::fleet::{FromCore, Stay, ToCore, Token};
use ringshard_protocol::Endpoint;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::Channel;
use ringshard_world::codec::{Malformed, NoRoom, Reader, Writer};
use ringshard_world::messages::{ChangeServer, EnterAnswer, Welcome};

/// Ticks in which each player is looked at once.
pub(super) const LOOKS: usize = 32;
/// Bytes that a game may add to a player that moves.
pub const DEPART_BYTES_MAX: usize = 4_096;
/// Size of the largest player, without its session and what the game adds.
const PLAYER_BYTES_MAX: usize = 2 + 8 + 8 + 4 + STATE_BYTES_MAX;
/// Bytes of the length in front of a session.
const LENGTH: usize = 4;

impl<G: Game> Simulation<G> {
    /// Does what the fleet says. Whether it has said something.
    pub(super) fn hear_fleet(&mut self, now: Instant, endpoint: &mut Endpoint) -> bool {
        let mut has_heard = false;
        while let Some(letter) = self.shard.fleet.take() {
            has_heard = true;
            match letter {
                ToCore::Own(zones) => self.zones = Some(zones),
                ToCore::Offer { player } => {
                    let id = self.inside_by_number(player);
                    let key = id.and_then(|id| endpoint.session_key(id));
                    let gateway = id.and_then(|id| endpoint.gateway_of(id));
                    self.shard.fleet.say(FromCore::Key { player, key, gateway });
                }
                ToCore::Expect { key } => {
                    let token = key.token;
                    if !endpoint.expect_session(now, key) {
                        self.shard.fleet.say(FromCore::Given { token, player: None });
                    }
                }
                ToCore::Forget { token } => endpoint.forget_expected(&token),
                ToCore::Send { player, to } => self.send_away(now, endpoint, player, &to),
                ToCore::Take { token } => self.leaving.push(token),
                ToCore::Give { token, player, is_own } => {
                    // One that comes back is later than the one that was given to the other server: if that one is there after all,
                    // this one stays.
                    let moves = if is_own { 2 } else { 1 };
                    let player = self.arrive(now, endpoint, &player, moves).map(PlayerId::number);
                    self.shard.fleet.say(FromCore::Given { token, player });
                }
                ToCore::Checkpoints { ticks } => self.checkpoints.ticks = ticks,
                ToCore::Recalled { player, recall } => self.recalled(player, recall),
                ToCore::Release { player } => self.release(player),
                ToCore::GainZone { zone, saved } => self.gain_zone(&zone, &saved),
                ToCore::SaveZone { request, zone, is_lost } => self.save_zone(request, &zone, is_lost),
                ToCore::Zones(zones) => self.zones_here = zones,
            }
        }
        has_heard
    }

    /// Says which players are outside of the host's zones. A tick looks at one of [`LOOKS`] parts of them.
    pub(super) fn report_outside(&mut self) {
        let Some(zones) = self.zones.clone().filter(|_| self.shard.fleet.has_room()) else { return };
        let part = (self.shard.tick() % LOOKS as u64) as usize;
        for slot in self.shard.members.slots().skip(part).step_by(LOOKS) {
            let member = self.shard.members.in_slot(slot);
            let Some(member) =
                member.filter(|member| member.presence == Presence::Inside && member.connection.is_some())
            else {
                continue;
            };
            let player = member.id;
            let pose = self.shard.body(player).and_then(|body| self.shard.entities.pose(body));
            let Some(point) = pose.map(|pose| [pose.point[0], pose.point[1]]).filter(|point| zones.excludes(*point))
            else {
                continue;
            };
            self.shard.fleet.say(FromCore::Outside { player: player.number(), point });
            if !self.shard.fleet.has_room() {
                return;
            }
        }
    }

    /// The connection of a player that is in the world.
    fn inside_by_number(&self, player: u64) -> Option<ringshard_protocol::wire::ConnectionId> {
        let member = self.shard.members.get(PlayerId::of_number(player)?)?;
        member.connection.filter(|_| member.presence == Presence::Inside)
    }

    fn send_away(&mut self, now: Instant, endpoint: &mut Endpoint, player: u64, to: &ChangeServer) {
        let Some(id) = self.inside_by_number(player) else { return };
        let mut message = [0; ChangeServer::BYTES];
        let mut writer = Writer::new(&mut message);
        to.write(&mut writer).expect("the buffer has room for it");
        // The endpoint counts a refused message. The move then does not begin.
        let _ = endpoint.send(now, id, Channel::RELIABLE_ORDERED, writer.written());
    }

    /// At the end of a tick: players leave whose other server waits for them.
    pub(super) fn depart_all(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let mut leaving = std::mem::take(&mut self.leaving);
        for token in leaving.drain(..) {
            let player = self.depart(now, endpoint, &token);
            self.shard.fleet.say(FromCore::Taken { token, player });
        }
        self.leaving = leaving;
    }

    fn depart(&mut self, now: Instant, endpoint: &mut Endpoint, token: &Token) -> Option<Vec<u8>> {
        let session = endpoint.session_of(token)?;
        let member = self.shard.members.of_session(session).filter(|member| member.presence == Presence::Inside)?;
        let player = member.id;
        let description = self.describe(player)?;
        let (exported, session_bytes) = endpoint.export_session(now, token)?;
        assert_eq!(exported, session, "a token names one session");
        let mut bytes = (session_bytes.len() as u32).to_le_bytes().to_vec();
        bytes.extend_from_slice(&session_bytes);
        bytes.extend_from_slice(&description);
        let member = self.shard.members.in_slot_mut(player.slot).expect("the player is here");
        let mut backlog = std::mem::take(&mut member.backlog);
        write_backlog(&mut backlog, &mut bytes);
        let start = bytes.len();
        self.game.depart(&mut self.shard, player, &mut bytes);
        let added = bytes.len().checked_sub(start).expect("a game only appends");
        assert!(added <= DEPART_BYTES_MAX, "a game adds at most {DEPART_BYTES_MAX} bytes to a player that moves");
        self.leave(player, LeaveReason::Moved);
        self.shard.members.remove(player.slot);
        Some(bytes)
    }

    /// The player without its session and without what the game adds.
    fn describe(&self, player: PlayerId) -> Option<Vec<u8>> {
        let member = self.shard.members.get(player)?;
        let mut buffer = [0; PLAYER_BYTES_MAX];
        let mut writer = Writer::new(&mut buffer);
        let write = |writer: &mut Writer<'_>| -> Result<(), NoRoom> {
            writer.u16(member.viewer.next_number())?;
            writer.u64(member.account.map_or(0, |account| account.0))?;
            let Stay { number, moves } = member.stay.unwrap_or(Stay { number: 0, moves: 0 });
            writer.u64(number)?;
            writer.u32(moves)?;
            player_state::write(self.game.rules(), &self.shard, player, writer)
        };
        write(&mut writer).expect("the buffer has room for it");
        Some(writer.written().to_vec())
    }

    /// A player comes from another server. None if the bytes are no player of this game, if the game refuses it, or if the
    /// core is full. Nothing has changed then.
    fn arrive(&mut self, now: Instant, endpoint: &mut Endpoint, bytes: &[u8], moves: u32) -> Option<PlayerId> {
        let (length, rest) = bytes.split_first_chunk::<LENGTH>()?;
        let (session_bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let mut reader = Reader::new(rest);
        let Described { next_snapshot, account, stay, state } = self.read_described(&mut reader).ok()?;
        let stay = stay.map(|stay| Stay { moves: stay.moves.saturating_add(moves), ..stay });
        let PlayerState { own, body } = state;
        let rest = &rest[rest.len() - reader.remaining()..];
        let (backlog, bytes) = read_backlog(rest)?;
        let session = endpoint.import_session(now, session_bytes).ok()?;
        let Simulation { shard, game, .. } = self;
        let rules = game.rules();
        let added = shard.members.add(|player| Member::arriving(rules, player, session, account, stay, next_snapshot));
        let player = added.map(|member| member.id);
        let arrival = Arrival { account, own, body, bytes, is_restored: false };
        let is_in = player.is_some_and(|player| game.arrive(shard, player, arrival));
        let Some(player) = player.filter(|_| is_in) else {
            // The other server still has these bytes, and takes its player back.
            endpoint.drop_session(session);
            if let Some(player) = player {
                self.put_outside(player.slot);
                self.shard.members.remove(player.slot);
            }
            return None;
        };
        self.take_in(player, backlog);
        Some(player)
    }

    /// A player that has arrived is in the world, suspended.
    fn take_in(&mut self, player: PlayerId, backlog: Vec<(Channel, &[u8])>) {
        let (tick, map) = (self.shard.wire_tick(), *self.shard.map());
        let member = self.shard.members.known(player).expect("the player is here");
        member.enter(self.game.rules(), tick);
        let account = member.account;
        let welcome = Welcome { tick, first_snapshot: member.first_snapshot, map };
        let mut message = [0; EnterAnswer::BYTES_MAX];
        let mut writer = Writer::new(&mut message);
        EnterAnswer::Moved(welcome).write(&mut writer).expect("the buffer has room for it");
        let first = [(Channel::RELIABLE_ORDERED, writer.written())];
        let fits = first.into_iter().chain(backlog).all(|(channel, message)| member.backlog.push(channel, message));
        let address = member.address.ip();
        self.shard.services.entered(player.number(), address, account);
        self.shard.services.suspended(player.number());
        self.game.suspended(&mut self.shard, player);
        if !fits {
            self.overflow_backlog(player);
        }
    }

    fn read_described(&self, reader: &mut Reader<'_>) -> Result<Described<G>, Malformed> {
        let next_snapshot = reader.u16()?;
        let account = Some(AccountId(reader.u64()?)).filter(|account| account.0 != 0);
        let stay = Stay { number: reader.u64()?, moves: reader.u32()? };
        let stay = Some(stay).filter(|stay| stay.number != 0);
        let state = player_state::read::<G>(self.game.rules(), reader)?;
        Ok(Described { next_snapshot, account, stay, state })
    }
}

/// What [`Simulation::describe`] has written.
struct Described<G: Game> {
    next_snapshot: u16,
    account: Option<AccountId>,
    stay: Option<Stay>,
    state: PlayerState<G>,
}

/// Appends the messages that wait for a player.
fn write_backlog(backlog: &mut Backlog, to: &mut Vec<u8>) {
    let start = to.len();
    to.extend_from_slice(&[0; 2]);
    let mut count = 0u16;
    backlog.drain(|channel, message| {
        count += 1;
        to.push(channel.index() as u8);
        to.extend_from_slice(&(message.len() as u32).to_le_bytes());
        to.extend_from_slice(message);
    });
    to[start..start + 2].copy_from_slice(&count.to_le_bytes());
}

/// Messages that wait for a player.
type Waiting<'a> = Vec<(Channel, &'a [u8])>;

/// The messages of [`write_backlog`], and the bytes behind them.
fn read_backlog(bytes: &[u8]) -> Option<(Waiting<'_>, &[u8])> {
    let (count, mut rest) = bytes.split_first_chunk()?;
    let mut messages = Vec::new();
    for _ in 0..u16::from_le_bytes(*count) {
        let (&[channel, a, b, c, d], behind) = rest.split_first_chunk::<5>()?;
        let (message, behind) = behind.split_at_checked(u32::from_le_bytes([a, b, c, d]) as usize)?;
        let channel = Channel::new(channel).filter(|channel| channel.delivery().is_reliable())?;
        messages.push((channel, message));
        rest = behind;
    }
    Some((messages, rest))
}
