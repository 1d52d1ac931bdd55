//! The game of these tests: it does what each test tells it, and keeps a log of all that it hears.

use ringshard::game::{Admission, Game, Hitbox, Kind, LeaveReason, PlayerId, Reply, Shard, Visitor};
use ringshard_testing::{Duration, World};
use ringshard_world::{EntityId, Pose, Rules};

ringshard_world::wire! {
    pub struct Input { pub mark: u32, pub right: i8 }
    pub struct Own { pub steps: u32, pub mark: u32, pub x: f32, pub y: f32 }
    pub struct Shown { pub number: u32, pub kind: u8 }
    pub enum Ask { Echo { value: u32 }, Later { value: u32, ticks: u32 }, Never }
    pub enum Answer { Echo { value: u32 } }
    pub enum Event { Say { value: u32 } }
    pub struct Order { pub value: u32 }
}

/// A step counts itself, keeps the mark of its input, and walks.
#[derive(Clone, Copy)]
pub struct Counting;

impl Rules for Counting {
    type Input = Input;
    type Own = Own;
    type Shown = Shown;
    type Ask = Ask;
    type Answer = Answer;
    type Event = Event;

    fn level(&self) -> u32 {
        7
    }

    fn step(&self, own: &mut Own, input: &Input) {
        own.steps += 1;
        own.mark = input.mark;
        own.x += f32::from(input.right);
    }

    fn pose(&self, own: &Own) -> Pose {
        Pose::at([own.x, own.y, 100.0])
    }
}

/// What the game hears.
#[derive(Clone, PartialEq, Debug)]
pub enum Heard {
    Join(Vec<u8>),
    Suspended,
    Resumed,
    Leave(LeaveReason),
    Event(u32),
    Ask(Ask),
}

/// Tickets: `ok` enters with a body, `bare` without, `no` is refused with reason 7, `wait` is pending.
pub struct Arena {
    pub log: Vec<(PlayerId, Heard)>,
    pub drained: u32,
    /// The inputs of all steps, with their ticks.
    pub steps: Vec<(PlayerId, u64, Input)>,
    pub commands: Vec<(EntityId, EntityId, u32)>,
    /// For how many ticks bodies linger.
    pub lingers: u32,
    pub hidden: Vec<EntityId>,
    pub always: Vec<EntityId>,
    owed: Vec<(u64, Reply, u32)>,
    joined: u32,
    /// Says this to the player when it leaves.
    pub farewell: Option<u32>,
}

/// Where players and others begin.
pub const HERE: [f32; 3] = [10_000.0, 10_000.0, 100.0];

impl Arena {
    pub fn new() -> Self {
        Arena {
            log: Vec::new(),
            drained: 0,
            steps: Vec::new(),
            commands: Vec::new(),
            lingers: 0,
            hidden: Vec::new(),
            always: Vec::new(),
            owed: Vec::new(),
            joined: 0,
            farewell: None,
        }
    }

    /// What the game heard of its players, in order, without their ids.
    pub fn heard(&self) -> Vec<Heard> {
        self.log.iter().map(|(_, heard)| heard.clone()).collect()
    }

    /// The players that have joined, in order.
    pub fn players(&self) -> Vec<PlayerId> {
        self.log.iter().filter(|(_, heard)| matches!(heard, Heard::Join(_))).map(|(player, _)| *player).collect()
    }

    /// Why players left, in order.
    pub fn left(&self) -> Vec<LeaveReason> {
        let reason = |(_, heard): &(PlayerId, Heard)| match heard {
            Heard::Leave(reason) => Some(*reason),
            _ => None,
        };
        self.log.iter().filter_map(reason).collect()
    }

    fn give_body(&mut self, shard: &mut Shard<Self>, player: PlayerId) {
        self.joined += 1;
        let own = Own { x: HERE[0] + 100.0 * self.joined as f32, y: HERE[1], ..Own::default() };
        let shown = Shown { number: self.joined, kind: 0 };
        let body = shard.entities.spawn(Counting.pose(&own), shown).expect("there is room");
        assert!(shard.control(player, Some(body), own));
    }
}

impl Game for Arena {
    type Rules = Counting;
    type Command = Order;
    type Job = ();
    type Done = ();

    const KINDS: &'static [Kind] =
        &[Kind { name: "player", radius: 50_000.0, priority: 1 }, Kind { name: "dwarf", radius: 1_000.0, priority: 0 }];

    const HITBOXES: &'static [Hitbox] = &[Hitbox::Sphere { radius: 50.0, offset_z: 0.0 }];

    fn rules(&self) -> &Counting {
        &Counting
    }

    fn hitbox(&self, _shown: &Shown) -> Option<usize> {
        Some(0)
    }

    fn join(&mut self, shard: &mut Shard<Self>, player: PlayerId, visitor: Visitor<'_>) -> Admission {
        let ticket = visitor.name();
        self.log.push((player, Heard::Join(ticket.to_vec())));
        match ticket {
            b"no" => Admission::Refused(7),
            b"wait" => Admission::Pending,
            b"bare" => Admission::Accepted,
            _ => {
                self.give_body(shard, player);
                Admission::Accepted
            }
        }
    }

    fn leave(&mut self, shard: &mut Shard<Self>, player: PlayerId, reason: LeaveReason) -> u32 {
        self.log.push((player, Heard::Leave(reason)));
        if let Some(value) = self.farewell {
            say(shard, ringshard::game::To::Player(player), value);
        }
        self.lingers
    }

    fn suspended(&mut self, _shard: &mut Shard<Self>, player: PlayerId) {
        self.log.push((player, Heard::Suspended));
    }

    fn resumed(&mut self, _shard: &mut Shard<Self>, player: PlayerId) {
        self.log.push((player, Heard::Resumed));
    }

    fn stepped(&mut self, shard: &mut Shard<Self>, player: PlayerId, input: &Input) {
        self.steps.push((player, shard.tick(), *input));
    }

    fn ask(&mut self, shard: &mut Shard<Self>, player: PlayerId, ask: Ask, reply: Reply) {
        assert_eq!(reply.player(), player);
        self.log.push((player, Heard::Ask(ask)));
        match ask {
            Ask::Echo { value } => shard.reply(reply, &Answer::Echo { value }),
            Ask::Later { value, ticks } => self.owed.push((shard.tick() + u64::from(ticks), reply, value)),
            Ask::Never => self.owed.push((u64::MAX, reply, 0)),
        }
    }

    fn event(&mut self, _shard: &mut Shard<Self>, player: PlayerId, Event::Say { value }: Event) {
        self.log.push((player, Heard::Event(value)));
    }

    fn command(&mut self, _shard: &mut Shard<Self>, to: EntityId, from: EntityId, command: Order) {
        self.commands.push((to, from, command.value));
    }

    fn tick(&mut self, shard: &mut Shard<Self>) {
        let due: Vec<_> = self.owed.extract_if(.., |(tick, ..)| *tick <= shard.tick()).collect();
        due.into_iter().for_each(|(_, reply, value)| shard.reply(reply, &Answer::Echo { value }));
    }

    fn draining(&mut self, _shard: &mut Shard<Self>) {
        self.drained += 1;
    }

    fn kind(&self, shown: &Shown) -> usize {
        usize::from(shown.kind)
    }

    fn is_visible(&self, shard: &Shard<Self>, viewer: PlayerId, other: EntityId) -> bool {
        assert_eq!(shard.as_seen_by(viewer).at(), shard.present().at(), "a client decides nothing of what it sees");
        !self.hidden.contains(&other)
    }

    fn always_visible(&self, _shard: &Shard<Self>, _viewer: PlayerId, add: &mut Vec<EntityId>) {
        add.extend(&self.always);
    }
}

pub fn say(shard: &mut Shard<Arena>, to: ringshard::game::To, value: u32) {
    shard.tell(to, ringshard_protocol::wire::Channel::RELIABLE_ORDERED, &Event::Say { value }).expect("there is room");
}

pub const SECOND: Duration = Duration::from_secs(1);
pub const TICK: Duration = Duration::from_nanos(1_000_000_000 / 60);

/// A world of this game.
pub fn world(cores: usize, network: &str) -> World<Arena> {
    World::new(cores, network, 1, |_| Arena::new())
}

/// What each test world can do.
pub trait Arenas {
    /// A client whose inputs are marked with their ticks.
    fn add(&mut self, ticket: Option<&[u8]>) -> usize;
    /// Time passes.
    fn run(&mut self, time: Duration);
    /// A client that enters with a body, and is in the world; its player.
    fn enter(&mut self) -> (usize, PlayerId);
    /// The events that a client got.
    fn said(&self, client: usize) -> Vec<u32>;
    /// The body of a client, as it knows it.
    fn body(&self, client: usize) -> Option<EntityId>;
    /// The entities that a client sees, in order.
    fn seen(&self, client: usize) -> Vec<EntityId>;
}

impl Arenas for World<Arena> {
    fn add(&mut self, ticket: Option<&[u8]>) -> usize {
        let client = self.join_raw(ticket);
        self.raw_mut(client).0.input = Box::new(|tick| Input { mark: tick, right: 0 });
        client
    }

    fn run(&mut self, time: Duration) {
        self.pass(time, |_, _| Input::default());
    }

    fn enter(&mut self) -> (usize, PlayerId) {
        let client = self.add(Some(b"ok"));
        let core = client % self.cores();
        let before = self.game(core).players().len();
        for _ in 0..100 {
            self.run(SECOND / 20);
            if self.raw(client).newest().is_some() {
                let players = self.game(core).players();
                assert_eq!(players.len(), before + 1);
                return (client, players[before]);
            }
        }
        panic!("client {client} does not enter");
    }

    fn said(&self, client: usize) -> Vec<u32> {
        self.raw(client).events.iter().map(|(_, Event::Say { value })| *value).collect()
    }

    fn body(&self, client: usize) -> Option<EntityId> {
        self.raw(client).view.owner().body
    }

    fn seen(&self, client: usize) -> Vec<EntityId> {
        let mut seen: Vec<_> = self.raw(client).view.entities().map(|seen| seen.id()).collect();
        seen.sort_unstable();
        seen
    }
}
