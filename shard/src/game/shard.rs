//! The world as a game sees it on one core: it changes the core's own entities and players, reads the entities of all cores,
//! and sends events, answers and commands.

use crate::game::ledger::{Refusals, weight};
use crate::game::members::{Members, Presence};
use crate::game::outgoing::{OutgoingMessages, Recipient};
use crate::game::player::{Admission, PlayerId};
use crate::game::reply::Reply;
use crate::game::{AnswerOf, EventOf, Game, OwnOf, ShownOf};
use crate::runtime::fleet::FleetPort;
use crate::runtime::jobs::{Busy, JobPort, Jobs};
use crate::runtime::path_record::PathRecord;
use crate::runtime::services::{AccountId, ServicesPort};
use crate::world::exchange::{Command, CommandError, Exchange, Outbox, Purpose};
use crate::world::interest::COUNT_MAX;
use crate::world::replication::{Happenings, Replica};
use crate::world::rewind::{Grant, History, Past, PathTicks, RewindSettings, RewindStats, granted_tick, is_forged};
use crate::world::store::Entities;
use crate::world::visibility::Visibility;
use ringshard_protocol::crypto::Csprng;
use ringshard_protocol::wire::Channel;
use ringshard_terrain::Terrain;
use ringshard_world::codec::Writer;
use ringshard_world::limits::ASKS_OPEN_MAX;
use ringshard_world::messages::{ASK_MESSAGE_BYTES_MAX, Answered, EVENT_MESSAGE_BYTES_MAX, write_answer, write_event};
use ringshard_world::{EntityId, Map, Pose, Refusal, State, Wire};
use std::cell::Cell;
use std::sync::Arc;

/// Most entities that [`Shard::nearest`] finds.
pub const NEAREST_MAX: usize = COUNT_MAX;

/// To whom an event goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum To {
    /// A player of this core.
    Player(PlayerId),
    /// The player whose body this entity is, on whatever core or neighbour host.
    Entity(EntityId),
    /// All connected players, on all cores, who see this entity, and those of neighbour hosts.
    ViewersOf(EntityId),
    /// All players of this host.
    Everybody,
}

/// One core's part of the world.
pub struct Shard<G: Game> {
    /// The entities that this core owns.
    pub entities: Entities<ShownOf<G>>,
    /// The game's randomness. It is seeded per core, so that a simulated world repeats exactly. Use no other source.
    pub random: Csprng,
    terrain: Arc<Terrain>,
    core: usize,
    pub(crate) tick: u64,
    pub(crate) replica: Replica<ShownOf<G>>,
    /// Lent while a player looks around.
    pub(crate) visibility: Option<Box<Visibility>>,
    pub(crate) members: Members<G::Rules>,
    /// Buffer for [`Shard::nearest`].
    found: Vec<u16>,
    pub(crate) outgoing: OutgoingMessages,
    pub(crate) happenings: Happenings,
    pub(crate) outbox: Outbox,
    pub(crate) jobs: JobPort<G::Job, G::Done>,
    /// The services beside the cores.
    pub(crate) services: ServicesPort,
    /// The fleet beside the cores.
    pub(crate) fleet: FleetPort,
    pub(crate) history: History,
    pub(crate) rewind: RewindSettings,
    pub(crate) rewinds: Cell<RewindStats>,
    /// What the game has decided about players' presence since the last settlement.
    pub(crate) decisions: Vec<(PlayerId, Decision)>,
    /// The player that makes its step, its pose before it, and the age of its input.
    pub(crate) stepping: Option<(PlayerId, Pose, u8)>,
    /// Ticks that were left out because the server was late.
    pub(crate) late: u64,
    /// The path of a player that is recorded for the operator.
    pub(crate) following: Option<Box<PathRecord>>,
    /// Bodies whose players have left.
    pub(crate) lingering: Vec<Lingering>,
}

/// A body whose player has left, and the tick at which it is despawned.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lingering {
    pub(crate) until: u64,
    pub(crate) body: EntityId,
}

/// A decision about the presence of a player.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Decision {
    /// It may enter, or not.
    Admit(Admission),
    /// It must leave.
    PutOut(u8),
    /// It must leave, because more waited for it than the server keeps: the server's decision.
    Backlog,
}

impl<G: Game> Shard<G> {
    #[allow(clippy::too_many_arguments, reason = "the parts that the simulation makes")]
    pub(crate) fn new(
        exchange: &Exchange<ShownOf<G>>,
        first_tick: u64,
        terrain: Arc<Terrain>,
        entities: Entities<ShownOf<G>>,
        replica: Replica<ShownOf<G>>,
        visibility: Visibility,
        history: History,
        rewind: RewindSettings,
        random: Csprng,
    ) -> Self {
        let (first, share) = exchange.own();
        Shard {
            entities,
            random,
            terrain,
            core: exchange.core(),
            tick: first_tick,
            happenings: Happenings::new(replica.capacity()),
            replica,
            visibility: Some(Box::new(visibility)),
            members: Members::new(first, share),
            found: Vec::new(),
            outgoing: OutgoingMessages::default(),
            outbox: Outbox::new(exchange),
            jobs: Jobs::none(1).pop().expect("a port for one core"),
            services: ServicesPort::closed(),
            fleet: FleetPort::closed(),
            history,
            rewind,
            rewinds: Cell::default(),
            decisions: Vec::new(),
            stepping: None,
            late: 0,
            following: None,
            lingering: Vec::new(),
        }
    }

    pub(crate) fn begin_tick(&mut self) {
        self.tick += 1;
    }

    /// The map.
    pub fn map(&self) -> &Map {
        self.terrain.map()
    }

    /// The ground, walls, water and places of the map.
    pub fn terrain(&self) -> &Arc<Terrain> {
        &self.terrain
    }

    /// The number of this core.
    pub fn core(&self) -> usize {
        self.core
    }

    /// The number of this tick, counted from the beginning of the world. It increases by one per tick and never wraps.
    pub fn tick(&self) -> u64 {
        self.tick
    }

    /// The tick on the wire, modulo 2^32: PROTOCOL.md#world-messages. Only the distance of two ticks counts.
    pub(crate) fn wire_tick(&self) -> u32 {
        self.tick as u32
    }

    /// The state of any entity of the world: for this core's own entities after the last tick, for others the latest state
    /// that has arrived. `None` if it does not exist.
    pub fn state(&self, id: EntityId) -> Option<&State<ShownOf<G>>> {
        self.replica.get(id)
    }

    /// The pose of any entity of the world, as [`Self::state`] has it.
    pub fn pose(&self, id: EntityId) -> Option<Pose> {
        self.state(id).map(|state| state.pose(self.map()))
    }

    /// Appends the nearest entities to a point to `around`, in no order: entities of any core, at most `count` and no farther
    /// away than `radius` units. It never finds more than [`NEAREST_MAX`].
    pub fn nearest(&mut self, point: [f32; 3], radius: f32, count: usize, around: &mut Vec<EntityId>) {
        let from = self.map().quantise(point);
        let reach = u64::from(self.map().steps_of(radius)).pow(2);
        self.found.clear();
        if count > 0
            && let Some(visibility) = &mut self.visibility
        {
            visibility.nearest(from, count.min(NEAREST_MAX), &mut self.found);
        }
        let close = |index: &u16| self.replica.state(*index).position.distance_squared(from) <= reach;
        let close = self.found.iter().copied().filter(close);
        around.extend(close.map(|index| EntityId { index, generation: self.replica.generation(index) }));
    }

    /// From now on the player's inputs step `own`, and `body`, which must be an entity of this core, shows it to others.
    /// Without a body the player watches from where `own` is. A body that it had before stays in the world; the game may
    /// despawn it or give it to another player. If another player has `body`, it loses it. False if there is no such player,
    /// or this core has no such entity.
    pub fn control(&mut self, player: PlayerId, body: Option<EntityId>, own: OwnOf<G>) -> bool {
        if body.is_some_and(|body| !self.entities.contains(body)) {
            return false;
        }
        let Some(member) = self.members.get_mut(player) else { return false };
        member.owner.own = own;
        self.members.set_body(player.slot, body);
        self.lingering.retain(|lingering| Some(lingering.body) != body);
        true
    }

    /// The body of a player, if it has one.
    pub fn body(&self, player: PlayerId) -> Option<EntityId> {
        self.members.get(player)?.owner.body.filter(|&body| self.entities.contains(body))
    }

    /// The player whose body an entity of this core is. An entity that does not exist is nobody's body.
    pub fn player_of(&self, body: EntityId) -> Option<PlayerId> {
        self.members.of_body(body).filter(|_| self.entities.contains(body)).map(|member| member.id)
    }

    /// The account that a player has entered with; none for guests.
    pub fn account(&self, player: PlayerId) -> Option<AccountId> {
        self.members.get(player)?.account
    }

    /// A player's own state.
    pub fn own(&self, player: PlayerId) -> Option<&OwnOf<G>> {
        self.members.get(player).map(|member| &member.owner.own)
    }

    /// A player's own state, to change: its client is corrected.
    pub fn own_mut(&mut self, player: PlayerId) -> Option<&mut OwnOf<G>> {
        self.members.get_mut(player).map(|member| &mut member.owner.own)
    }

    /// The players of this core that are in the world, suspended ones included.
    pub fn players(&self) -> impl Iterator<Item = PlayerId> + '_ {
        self.members.present().filter(|member| member.presence == Presence::Inside).map(|member| member.id)
    }

    /// Whether a player is in the world, and its client is connected.
    pub fn is_connected(&self, player: PlayerId) -> bool {
        let is_here = |member: &crate::game::members::Member<G::Rules>| {
            member.presence == Presence::Inside && member.connection.is_some()
        };
        self.members.get(player).is_some_and(is_here)
    }

    /// Decides about a player to whom [`Game::join`] answered [`Admission::Pending`]. It takes effect at the end of the tick.
    pub fn admit(&mut self, player: PlayerId, admission: Admission) {
        self.decisions.push((player, Decision::Admit(admission)));
    }

    /// Puts a player out of the world at the end of the tick, with a reason of the game's. Its client stays connected, and
    /// may ask to enter again.
    pub fn put_out(&mut self, player: PlayerId, reason: u8) {
        self.decisions.push((player, Decision::PutOut(reason)));
    }

    /// Counts that a player was refused something, and adds the weight of the reason to its score. It does nothing else: the
    /// game answers the player, or puts it out. Nothing is counted for a player that is not in the world.
    pub fn refuse(&mut self, player: PlayerId, why: Refusal) {
        self.refuse_with(player, why, weight(why));
    }

    /// The same, with what it adds to the player's score: 0 or more.
    ///
    /// # Panics
    /// When `weight` is negative or not finite.
    pub fn refuse_with(&mut self, player: PlayerId, why: Refusal, weight: f32) {
        self.note_refusal(player, why, weight);
    }

    pub(crate) fn note_refusal(&self, player: PlayerId, why: Refusal, weight: f32) {
        if self.members.get(player).is_some() {
            self.members.ledger.add(player.slot, why, weight, self.tick);
        }
    }

    /// While a player makes its step: its pose before that, and the ticks since an input of its was there in time.
    pub(crate) fn stepped_from(&self, player: PlayerId) -> Option<(Pose, u8)> {
        self.stepping.filter(|(stepping, ..)| *stepping == player).map(|(_, pose, age)| (pose, age))
    }

    /// What a player was refused since its session began. None if there is no such player.
    pub fn refusals(&self, player: PlayerId) -> Option<Refusals> {
        self.members.get(player).map(|member| self.members.ledger.of(member.id.slot))
    }

    /// The present score of a player: the sum of the weights of what it was refused. It halves once a minute. 0 if there is no
    /// such player.
    pub fn score(&self, player: PlayerId) -> f32 {
        self.refusals(player).map_or(0.0, |refusals| refusals.score_at(self.tick))
    }

    /// Whether a player's client has an entity in view, or had it until a moment ago. A client can name an entity that it
    /// does not see.
    pub fn has_in_view(&self, player: PlayerId, id: EntityId) -> bool {
        let viewer = self.members.get(player).map(|member| &member.viewer);
        self.replica.get(id).is_some() && viewer.is_some_and(|viewer| viewer.has(id))
    }

    /// Sends an event. It leaves at the end of the tick; to players of other cores, at the end of their next one.
    ///
    /// While a player is suspended, events on reliable channels wait for it, and others are lost.
    ///
    /// # Errors
    /// [`CommandError`] if the event must reach another core and cannot: nobody gets it.
    pub fn tell(&mut self, to: To, channel: Channel, event: &EventOf<G>) -> Result<(), CommandError> {
        let mut message = [0; EVENT_MESSAGE_BYTES_MAX];
        let mut writer = Writer::new(&mut message);
        write_event(event, &mut writer).expect("an event has at most EVENT_BYTES_MAX bytes");
        let message = writer.written();
        match to {
            To::Player(player) if self.members.get(player).is_none() => {}
            To::Player(player) => self.outgoing.push(Recipient::Player(player), channel, message),
            To::Entity(body) if self.entities.owns(body) => self.tell_player_of(body, channel, message),
            To::Entity(body) => self.outbox.push(command(Purpose::ToPlayer(channel), body, &message[1..]))?,
            To::ViewersOf(about) => {
                self.outbox.push_to_others(self.core, command(Purpose::ToViewers(channel), about, &message[1..]))?;
                self.happenings.push(about, channel, message);
            }
            To::Everybody => {
                self.outbox.push_to_others(self.core, command(Purpose::ToEverybody(channel), NOBODY, &message[1..]))?;
                self.outgoing.push(Recipient::Everybody, channel, message);
            }
        }
        Ok(())
    }

    /// Sends the message of an event to the player whose body that is, if there is one.
    pub(crate) fn tell_player_of(&mut self, body: EntityId, channel: Channel, message: &[u8]) {
        if let Some(player) = self.player_of(body) {
            self.outgoing.push(Recipient::Player(player), channel, message);
        }
    }

    /// The right to answer an ask that a player made at the server that it [comes from](Game::arrive). `number` is that of the
    /// former [`Reply`]. None if there is no such player, or too many of its asks wait.
    pub fn owe(&mut self, player: PlayerId, number: u16) -> Option<Reply> {
        let member = self.members.get_mut(player).filter(|member| member.asks_open < ASKS_OPEN_MAX)?;
        member.asks_open += 1;
        Some(Reply { player, number })
    }

    /// Answers an ask. If the player is gone, nobody gets the answer; if it is suspended, the answer waits for it.
    pub fn reply(&mut self, reply: Reply, answer: &AnswerOf<G>) {
        let Some(member) = self.members.get_mut(reply.player) else { return };
        assert!(member.asks_open > 0, "a reply answers an open ask");
        member.asks_open -= 1;
        self.answer(reply.player, reply.number, &Answered::Answer(*answer));
    }

    pub(crate) fn answer(&mut self, player: PlayerId, number: u16, answered: &Answered<AnswerOf<G>>) {
        let mut message = [0; ASK_MESSAGE_BYTES_MAX];
        let mut writer = Writer::new(&mut message);
        write_answer(number, answered, &mut writer).expect("an answer has at most ASK_BYTES_MAX bytes");
        self.outgoing.push(Recipient::Player(player), Channel::RELIABLE_ORDERED, writer.written());
    }

    /// Sends a command to `to`, on whatever core that entity is. An accepted command arrives, in the order of sending:
    /// normally in the next tick, or as soon as the ring to that core has room. To an entity of a neighbour host it arrives at
    /// most once: it is lost if that host falls silent.
    ///
    /// # Errors
    /// [`CommandError`]; the command was refused.
    pub fn command(&mut self, to: EntityId, from: EntityId, content: &G::Command) -> Result<(), CommandError> {
        let mut bytes = [0; crate::world::exchange::COMMAND_BYTES_MAX];
        let mut writer = Writer::new(&mut bytes);
        content.write(&mut writer).expect("a command has at most COMMAND_BYTES_MAX bytes");
        self.outbox.push(Command::new(Purpose::Game, to, from, writer.written()))
    }

    /// Gives a job to the workers. Its result comes with [`Game::done`], in a later tick.
    ///
    /// # Errors
    /// [`Busy`], with the job: too many jobs of this core are outstanding, or there are no workers.
    pub fn give(&mut self, job: G::Job) -> Result<(), Busy<G::Job>> {
        self.jobs.give(job)
    }

    /// The world as a player saw it when it made its last input that was there in time: the input that
    /// [`Game::stepped`] gets, unless that is a repeated one. For hits: a player hits what it aimed at.
    ///
    /// The client says what it saw. The server bounds that by what it knows of the client's path, and by the setting
    /// `rewind-ms`. For a player that has made no input it is the world as of the last tick, and also while the server asks
    /// what that player sees ([`Game::is_visible`]): a client's word decides nothing there.
    pub fn as_seen_by(&self, player: PlayerId) -> Past<'_> {
        let Some(claim) = self.claim_of(player) else { return self.present() };
        let Grant { at, verdict } =
            granted_tick(self.history_tick(), claim.shown, claim.acknowledged, claim.path.jitter, self.rewind);
        let mut rewinds = self.rewinds.get();
        rewinds.count(verdict);
        self.rewinds.set(rewinds);
        if is_forged(claim.made_for, claim.shown, claim.acknowledged, claim.path) {
            self.note_refusal(player, Refusal::View, weight(Refusal::View));
        }
        self.history.at(at)
    }

    /// The world as of the last tick: for rays and spheres that are not a player's.
    pub fn present(&self) -> Past<'_> {
        self.history.at(self.history_tick() as f64)
    }

    /// The newest tick of the history: the one before the present tick while that is running.
    fn history_tick(&self) -> u64 {
        self.history.newest().unwrap_or(self.tick)
    }

    /// What a player says that it saw, and what the server knows of that. Ticks do not wrap here.
    fn claim_of(&self, player: PlayerId) -> Option<Claim> {
        // While a player looks around, nothing that its client says decides what it sees.
        self.visibility.as_ref()?;
        let member = self.members.get(player)?;
        let (view, viewer) = (member.inputs.view()?, &member.viewer);
        let extend = |tick: u32| self.tick.saturating_add_signed((tick.wrapping_sub(self.wire_tick()) as i32).into());
        let acknowledged = view.acknowledged.and_then(|number| viewer.tick_of(number));
        // Without a snapshot that was really sent, the player has seen the present at most.
        let acknowledged = acknowledged.map_or(self.tick, extend);
        let shown = extend(view.tick) as f64 - f64::from(view.delay) / 256.0;
        let path = PathTicks { round_trip: viewer.round_trip_ticks(), jitter: viewer.jitter_ticks() };
        Some(Claim { made_for: extend(view.tick), shown, acknowledged, path })
    }
}

/// What a player says that it saw, and what the server knows of that.
struct Claim {
    /// The tick of the input.
    made_for: u64,
    /// The tick that its client showed.
    shown: f64,
    /// The tick of the newest snapshot that its client had acknowledged.
    acknowledged: u64,
    /// Its path.
    path: PathTicks,
}

/// No entity has generation 0.
const NOBODY: EntityId = EntityId { index: 0, generation: 0 };

fn command(purpose: Purpose, to: EntityId, content: &[u8]) -> Command {
    Command::new(purpose, to, NOBODY, content)
}
