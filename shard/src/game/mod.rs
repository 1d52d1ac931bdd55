//! What a game implements, and what it works with.
//!
//! | module | for |
//! |---|---|
//! | [`Game`] | the trait: what the server calls |
//! | [`shard`] | [`Shard`]: the world as a game sees it |
//! | [`start`] | what the game of a core is made with |
//! | `arrival` | a player that comes from another server, or from its checkpoint |
//! | `queries` | rays and places: entities and terrain together |
//! | [`player`] | names of players, and why they leave |
//! | [`reply`] | answers that are owed |
//! | [`actions`] | the server's side of actions: targets, range, line of sight |
//! | `ledger` | what players were refused, by reason, and a score that fades |
//! | [`authority`] | where characters can be, for games whose clients say where theirs are |
//! | [`character`] | the server's side of ready-made characters: buffs, factions |
//! | `outgoing` | messages to players that wait for the end of a tick |
//! | `members` | the players of a core: presence, inputs, own state |
//! | [`simulation`] | the service that runs a game on a core |
//!
//! Every core runs one game over its own part of the world. A game sees no connections and no sockets: the simulation
//! translates between these and the world.

pub mod actions;
mod arrival;
pub mod authority;
pub mod character;
mod ledger;
pub(crate) mod members;
mod outgoing;
pub mod player;
mod queries;
pub mod reply;
pub mod shard;
pub mod simulation;
pub mod start;

#[doc(hidden)]
pub use crate::game::members::input_buffer;
pub use crate::runtime::fleet::OwnZone;
pub use crate::runtime::jobs::{Busy, NoJob};
pub use crate::runtime::services::AccountId;
pub use crate::world::exchange::CommandError;
pub use crate::world::kind::Kind;
pub use crate::world::rewind::{Hit, Hitbox, Past};
pub use arrival::Arrival;
pub use ledger::{Refusals, weight};
pub use player::{Admission, LeaveReason, PlayerId, Visitor};
pub use queries::Struck;
pub use reply::Reply;
pub use shard::{Shard, To};
pub use start::GameStart;

/// For [`Shard::random`].
pub use rand_chacha::rand_core::Rng;
pub use ringshard_protocol::wire::Channel;
pub use ringshard_world::Refusal;

use crate::runtime::service::{LiveSettings, ServiceCounters};
use ringshard_world::{EntityId, Rules, Wire};

/// The types of a game's contract, shorter.
pub type InputOf<G> = <<G as Game>::Rules as Rules>::Input;
/// The player's own state.
pub type OwnOf<G> = <<G as Game>::Rules as Rules>::Own;
/// What an entity shows.
pub type ShownOf<G> = <<G as Game>::Rules as Rules>::Shown;
/// What a client asks.
pub type AskOf<G> = <<G as Game>::Rules as Rules>::Ask;
/// The answer.
pub type AnswerOf<G> = <<G as Game>::Rules as Rules>::Answer;
/// An event.
pub type EventOf<G> = <<G as Game>::Rules as Rules>::Event;

/// The kind of every entity of a game that declares none.
const ANY_KIND: Kind = Kind { name: "entity", radius: 100_000.0, priority: 0 };

/// A game, on one core.
///
/// Each core has its own instance. The server calls these methods one at a time, on the core's thread. They must not block:
/// while one runs, no player of the core receives anything. What must wait for a disk, a network or a long calculation is a
/// job ([`Shard::give`]).
///
/// A tick runs in this order: commands to this core's entities, results of jobs, the step of every player and
/// [`Game::stepped`], [`Game::tick`]. Then the changes of the tick are published. Joins, events and asks of clients arrive
/// between two ticks.
pub trait Game: Sized + Send + 'static {
    /// What the game's clients share with it.
    type Rules: Rules;
    /// What games send to the owners of other entities, on any core.
    type Command: Wire;
    /// What worker threads do. [`NoJob`] for a game without jobs.
    type Job: Send + 'static;
    /// What they bring back.
    type Done: Send + 'static;

    /// The kinds of entities: at most 16.
    const KINDS: &'static [Kind] = &[ANY_KIND];

    /// The hitboxes of entities: at most 255.
    const HITBOXES: &'static [Hitbox] = &[];

    /// The rules.
    fn rules(&self) -> &Self::Rules;

    /// A client wants to enter the world. With services, its ticket is checked before, and the game learns the account. The
    /// game may give the player a body with [`Shard::control`] now or later.
    fn join(&mut self, shard: &mut Shard<Self>, player: PlayerId, visitor: Visitor<'_>) -> Admission;

    /// A player is gone for good. Called once for each player that [`Game::join`] did not refuse. Returns for how many ticks
    /// its body stays: meanwhile the game may give it to another player, for example to the same person who has connected
    /// again. Then it is despawned.
    fn leave(&mut self, _shard: &mut Shard<Self>, _player: PlayerId, _reason: LeaveReason) -> u32 {
        0
    }

    /// A player's client has fallen silent. It can return within a minute. Until then the player gets neutral inputs, and
    /// reliable messages to it wait.
    fn suspended(&mut self, _shard: &mut Shard<Self>, _player: PlayerId) {}

    /// The client of a suspended player is back, and goes on where it was.
    fn resumed(&mut self, _shard: &mut Shard<Self>, _player: PlayerId) {}

    /// A player has made its step of this tick with this input. What only the server may decide belongs here: hits,
    /// refusals.
    fn stepped(&mut self, _shard: &mut Shard<Self>, _player: PlayerId, _input: &InputOf<Self>) {}

    /// A player moves to another server of the fleet. Appends what that server needs beside the own state and the body, for
    /// [`Self::arrive`]: at most [`DEPART_BYTES_MAX`](simulation::DEPART_BYTES_MAX) bytes. An ask that waits is answered there
    /// if its number ([`Reply::number`]) is in the bytes; otherwise it stays without an answer. [`Self::leave`] follows, with
    /// [`LeaveReason::Moved`]. If the other server cannot take the player, it comes back by [`Self::arrive`].
    ///
    /// By default that is what [`Self::checkpoint`] appends.
    fn depart(&mut self, shard: &mut Shard<Self>, player: PlayerId, bytes: &mut Vec<u8>) {
        self.checkpoint(shard, player, bytes);
    }

    /// Appends what the checkpoint of a player needs beside the own state and the body, for [`Self::arrive`] with
    /// [`Arrival::is_restored`]: at most [`DEPART_BYTES_MAX`](simulation::DEPART_BYTES_MAX) bytes. The player stays, so this
    /// changes nothing. In a fleet that keeps checkpoints it is called for each player with an account when it has entered, and
    /// every few seconds from then on. Asks do not belong in it: a player that is restored has a new session.
    ///
    /// By default nothing: the own state and the body are all that is restored.
    fn checkpoint(&mut self, _shard: &mut Shard<Self>, _player: PlayerId, _bytes: &mut Vec<u8>) {}

    /// A player comes from another server of the fleet. The game gives it a body and its own state, as in [`Self::join`]; the
    /// player is in the world afterwards, suspended until its client is there. False refuses it: it stays where it was.
    ///
    /// Or an account enters that has a checkpoint, because its server was lost or because it has entered anew
    /// ([`Arrival::is_restored`]): this is called in place of [`Self::join`]. False: the player enters by [`Self::join`], and its
    /// checkpoint is lost.
    ///
    /// By default the player gets the body that it had.
    fn arrive(&mut self, shard: &mut Shard<Self>, player: PlayerId, arrival: Arrival<'_, Self>) -> bool {
        let body = match arrival.body.map(|(pose, shown)| shard.entities.spawn(pose, shown)) {
            Some(Err(_)) => return false,
            body => body.and_then(Result::ok),
        };
        shard.control(player, body, arrival.own)
    }

    /// Appends what this core has of a zone of this host, and what must outlast the host: at most
    /// [`ZONE_BYTES_MAX`](simulation::ZONE_BYTES_MAX) bytes. In a fleet that keeps checkpoints, each core is asked every few
    /// seconds, and when another host gets the zone. Players are no part of it: they have checkpoints of their own.
    ///
    /// By default nothing.
    fn save_zone(&mut self, _shard: &mut Shard<Self>, _zone: &OwnZone, _bytes: &mut Vec<u8>) {}

    /// A zone of the fleet is this host's from now on. Every core gets this call. `saved` is what [`Self::save_zone`] has appended at
    /// the zone's last owner, on the cores that fall to this one: none if the zone is new; several if that host had more
    /// cores. In a fleet that keeps no checkpoints this is not called.
    fn gain_zone(&mut self, _shard: &mut Shard<Self>, _zone: &OwnZone, _saved: &[Vec<u8>]) {}

    /// A zone is another host's from now on, which goes on with what [`Self::save_zone`] has just appended: despawn what belongs
    /// to the zone.
    fn lose_zone(&mut self, _shard: &mut Shard<Self>, _zone: &OwnZone) {}

    /// A client asks something. `reply` may be kept and answered in a later tick.
    fn ask(&mut self, shard: &mut Shard<Self>, player: PlayerId, ask: AskOf<Self>, reply: Reply);

    /// A client sends an event. It is the client's word, not the server's.
    fn event(&mut self, _shard: &mut Shard<Self>, _player: PlayerId, _event: EventOf<Self>) {}

    /// Whether a player may send bytes to the player whose body is `to`, on any core (PROTOCOL.md#introductions). Two players who
    /// exchange such can talk directly from then on, and then learn each other's network address. By default nobody may.
    fn may_introduce(&mut self, _shard: &mut Shard<Self>, _from: PlayerId, _to: EntityId) -> bool {
        false
    }

    /// A command to one of this core's entities, from an entity of any core. The receiver may no longer exist.
    fn command(&mut self, _shard: &mut Shard<Self>, _to: EntityId, _from: EntityId, _command: Self::Command) {}

    /// A worker has done a job that this core's game has given.
    fn done(&mut self, _shard: &mut Shard<Self>, _done: Self::Done) {}

    /// Advances the world by one tick, 60 times a second.
    fn tick(&mut self, _shard: &mut Shard<Self>) {}

    /// The server is draining: no new clients connect, and the present ones may stay for the configured time. Those that are
    /// connected, but not in the world, may still ask to enter. Save now what must outlive the server.
    fn draining(&mut self, _shard: &mut Shard<Self>) {}

    /// Settings of the program that runs this game have changed, between two ticks. The type of a game's own settings is known
    /// to the game and to the program: see [`LiveSettings::get`].
    fn reload(&mut self, _shard: &mut Shard<Self>, _settings: &LiveSettings) {}

    /// Adds the game's own counters to a report. They are metrics of the server, whose names begin with `world_`. Names of the
    /// server's own counters panic.
    fn count(&self, _counters: &mut ServiceCounters) {}

    /// The kind of an entity that shows this: a row of [`Self::KINDS`].
    fn kind(&self, _shown: &ShownOf<Self>) -> usize {
        0
    }

    /// The hitbox of an entity that shows this: a row of [`Self::HITBOXES`]. None if rays and spheres go through it.
    fn hitbox(&self, _shown: &ShownOf<Self>) -> Option<usize> {
        None
    }

    /// Whether a player may see an entity that is near enough: for stealth and phases. Asked when a viewer looks around, every
    /// 16 ticks. Players always see their own bodies.
    fn is_visible(&self, _shard: &Shard<Self>, _viewer: PlayerId, _other: EntityId) -> bool {
        true
    }

    /// Adds entities that a player sees however far away they are: its party, a boss. Asked when a viewer looks around. They
    /// count among the entities that a client may see.
    fn always_visible(&self, _shard: &Shard<Self>, _viewer: PlayerId, _add: &mut Vec<EntityId>) {}
}
