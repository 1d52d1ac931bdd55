//! A server of a few cores and its players under one virtual clock, with every message between them. The game does whatever
//! a test asks of it.

use ringshard::game::simulation::{Simulation, WorldConfig};
use ringshard::game::{Admission, Game, LeaveReason, OwnZone, PlayerId, Reply, Shard, To, Visitor};
use ringshard::runtime::control::mailbox;
use ringshard::runtime::core::Core;
use ringshard::runtime::idle::{Idle, Strategy};
use ringshard::runtime::mesh::Mesh;
use ringshard::runtime::service::Service;
use ringshard::world::exchange::Exchange;
use ringshard_harness::{client_config, server_config};
use ringshard_link::conditions::NetworkSpec;
use ringshard_link::sim::{Network, SimLink};
use ringshard_protocol::client::{Client, ClientConfig};
use ringshard_protocol::limits::MESSAGE_BYTES_MAX;
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;
use ringshard_protocol::{Endpoint, EndpointConfig};
use ringshard_world::character::Character;
use ringshard_world::codec::Writer;
use ringshard_world::contract::Schema;
use ringshard_world::messages::{
    Answered, EnterAnswer, EnterRequest, InputHeader, TimedInput, kinds, read_answer, read_event, write_ask,
    write_event,
};
use ringshard_world::{EntityId, Pose, Refusal, Rules, View};
use std::net::SocketAddr;
use std::sync::Arc;

ringshard_world::wire! {
    /// Walks along the row.
    pub struct Step { pub by: i8 }
    /// Where a player is.
    pub struct Own { pub x: f32, pub y: f32 }
    /// What a player can ask of the game.
    pub enum Ask {
        /// Answered at once.
        Echo { number: u16 },
        /// Never answered.
        Forget,
        /// Puts the player out.
        PutMeOut,
        /// Leaps to the other end of the map.
        Leap,
        /// Sends as many commands to an entity.
        Command { to: EntityId, count: u16 },
        /// Sends a reliable event to everybody in each tick from now on.
        Flood,
        /// All entities of the core change in each tick from now on.
        Disturb,
        /// The world is rewound for each input of the player from now on.
        Aim,
        /// Is refused, so many times.
        Refuse { why: Refusal, times: u8 },
        /// Gives the workers as many jobs.
        Work { jobs: u8 },
    }
    /// The answer.
    pub enum Answer { Echo { number: u16 }, Done }
    /// What a player says.
    pub enum Event { Said { number: u16 } }
    /// What entities send each other.
    pub enum Poke { Poke { number: u16 } }
}

/// Ticket of a client that is accepted at once.
pub const COME: &[u8] = b"come";
/// Ticket of a client about which the game never decides.
pub const WAIT: &[u8] = b"wait";

/// The rules of the row.
pub struct RowRules;

impl Rules for RowRules {
    type Input = Step;
    type Own = Own;
    type Shown = Character;
    type Ask = Ask;
    type Answer = Answer;
    type Event = Event;

    fn step(&self, own: &mut Own, input: &Step) {
        own.y += f32::from(input.by) / 10.0;
    }

    fn pose(&self, own: &Own) -> Pose {
        Pose::at([own.x, own.y, 100.0])
    }
}

/// Players stand in a row and walk back and forth. What one says, all who see it hear.
#[derive(Default)]
pub struct Row {
    joined: u16,
    floods: bool,
    disturbs: bool,
    aims: Option<PlayerId>,
    /// Replies that are never given.
    open: Vec<Reply>,
    /// Commands that arrived.
    pub commands: u64,
}

impl Game for Row {
    type Rules = RowRules;
    type Command = Poke;
    type Job = ();
    type Done = ();

    fn rules(&self) -> &RowRules {
        &RowRules
    }

    fn join(&mut self, shard: &mut Shard<Self>, player: PlayerId, visitor: Visitor<'_>) -> Admission {
        let ticket = visitor.name();
        if ticket == WAIT {
            return Admission::Pending;
        }
        if ticket != COME {
            return Admission::Refused(1);
        }
        self.joined += 1;
        let own = Own { x: 10_000.0 + 100.0 * f32::from(self.joined), y: 10_000.0 };
        let body = shard.entities.spawn(RowRules.pose(&own), Character::default()).expect("there is room");
        assert!(shard.control(player, Some(body), own));
        Admission::Accepted
    }

    fn leave(&mut self, _shard: &mut Shard<Self>, _player: PlayerId, _reason: LeaveReason) -> u32 {
        0
    }

    fn save_zone(&mut self, _shard: &mut Shard<Self>, zone: &OwnZone, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(zone.name.as_bytes());
    }

    fn stepped(&mut self, shard: &mut Shard<Self>, player: PlayerId, _input: &Step) {
        if self.aims == Some(player) {
            let _ = shard.as_seen_by(player);
        }
    }

    fn ask(&mut self, shard: &mut Shard<Self>, player: PlayerId, ask: Ask, reply: Reply) {
        let mut answer = Answer::Done;
        match ask {
            Ask::Echo { number } => answer = Answer::Echo { number },
            Ask::Forget => return self.open.push(reply),
            Ask::PutMeOut => shard.put_out(player, 7),
            Ask::Leap => *shard.own_mut(player).expect("it asks") = Own { x: 90_000.0, y: 90_000.0 },
            Ask::Command { to, count } => {
                let from = shard.body(player).expect("it has a body");
                for number in 0..count {
                    // The counters of a world know what was refused; so with jobs.
                    let _ = shard.command(to, from, &Poke::Poke { number });
                }
            }
            Ask::Flood => self.floods = true,
            Ask::Disturb => self.disturbs = true,
            Ask::Aim => self.aims = Some(player),
            Ask::Refuse { why, times } => (0..times).for_each(|_| shard.refuse(player, why)),
            Ask::Work { jobs } => {
                for _ in 0..jobs {
                    let _ = shard.give(());
                }
            }
        }
        shard.reply(reply, &answer);
    }

    /// Players may talk to those whose index is even.
    fn may_introduce(&mut self, _shard: &mut Shard<Self>, _from: PlayerId, to: EntityId) -> bool {
        to.index.is_multiple_of(2)
    }

    fn event(&mut self, shard: &mut Shard<Self>, player: PlayerId, event: Event) {
        let body = shard.body(player).expect("it has a body");
        shard.tell(To::ViewersOf(body), Channel::UNRELIABLE, &event).expect("there is room");
    }

    fn command(&mut self, _shard: &mut Shard<Self>, _to: EntityId, _from: EntityId, _command: Poke) {
        self.commands += 1;
    }

    fn tick(&mut self, shard: &mut Shard<Self>) {
        let tick = shard.tick();
        if self.floods {
            let number = tick as u16;
            shard.tell(To::Everybody, Channel::RELIABLE_ORDERED, &Event::Said { number }).expect("there is room");
        }
        if self.disturbs {
            while shard.entities.spawn(Pose::at([10_000.0, 12_000.0, 100.0]), Character::default()).is_ok() {}
            shard.entities.columns_mut().shown.iter_mut().for_each(|shown| shown.score = tick as u32);
        }
    }
}

/// What a player sends beside its inputs.
#[derive(Clone, Copy, Default)]
pub struct Habits {
    /// Steps of each input: it changes its direction once a second.
    pub by: i8,
    /// Asks and says something in every 4th tick.
    pub talks: bool,
    /// Its inputs are for ticks that are so much later than they should be.
    pub off: i32,
    /// Ticks before that of an input at which it shows the others.
    pub shows: u16,
    /// Its digests are wrong.
    pub lies: bool,
    /// It sends nothing at all.
    pub rests: bool,
}

/// A player: a client that enters the world, sends inputs and follows the snapshots.
pub struct Player {
    pub client: Client,
    pub link: SimLink,
    server: SocketAddr,
    pub ticket: &'static [u8],
    pub schema: Schema,
    pub habits: Habits,
    pub view: View<RowRules>,
    pub is_inside: bool,
    first_snapshot: Option<u16>,
    /// Whether it asks to enter while it is not inside.
    pub enters: bool,
    pub answers: Vec<(u16, Answered<Answer>)>,
    pub events: Vec<Event>,
    /// What services and other players have sent it.
    pub heard: Vec<Vec<u8>>,
    /// The reason for which it was refused or put out last.
    pub refused: Option<u8>,
    /// The tick of the next input; 0 before the first snapshot.
    next_tick: u32,
    /// Sixtieths of a second until now.
    beats: u64,
    asked: u16,
}

impl Player {
    fn step(&mut self, now: Instant) {
        self.receive(now);
        self.client.advance(now);
        while self.client.poll_event().is_some() {}
        let beats = (u128::from(now.as_nanos()) * 60 / 1_000_000_000) as u64;
        if self.habits.rests {
            self.next_tick = 0;
        } else if beats > self.beats {
            self.send(now, beats);
        }
        self.beats = beats;
        let path = Path::new(0, self.server);
        while let Some(len) = self.client.transmit_len(now) {
            let Some(room) = self.link.reserve(path, len) else { break };
            self.client.transmit(now, room);
        }
        self.link.submit();
    }

    fn receive(&mut self, now: Instant) {
        let Player { client, link, view, is_inside, first_snapshot, answers, events, heard, refused, .. } = self;
        let mut take = |message: &[u8]| match message[0] {
            kinds::ENTER_TO_WORLD => match EnterAnswer::read(message).unwrap() {
                EnterAnswer::Welcome(welcome) | EnterAnswer::Moved(welcome) => {
                    *is_inside = true;
                    // Another answer of the same presence says nothing new.
                    if first_snapshot.replace(welcome.first_snapshot) != Some(welcome.first_snapshot) {
                        view.begin(welcome.first_snapshot);
                    }
                }
                EnterAnswer::Refused(reason) | EnterAnswer::PutOut(reason) => {
                    (*is_inside, *refused) = (false, Some(reason))
                }
                EnterAnswer::WrongSchema(_) => *is_inside = false,
            },
            kinds::DELTA_SYNC => {
                if *is_inside {
                    view.take(message, |_| {}).expect("an honest server's snapshot");
                }
            }
            kinds::ANSWER => answers.push(read_answer(message).unwrap()),
            kinds::INTRODUCTION => heard.push(message.to_vec()),
            kind if kinds::SERVICES.contains(&kind) => heard.push(message.to_vec()),
            _ => events.push(read_event(message).unwrap()),
        };
        let mut buffer = Vec::new();
        link.receive(usize::MAX, |mut arrival| {
            for index in 0..arrival.count() {
                for message in client.receive(now, arrival.datagram(index)).into_iter().flatten() {
                    take(message.bytes);
                }
                while client.read(&mut buffer).is_some() {
                    take(&buffer);
                }
            }
        });
    }

    fn send(&mut self, now: Instant, beats: u64) {
        if !self.is_inside {
            self.next_tick = 0;
            if self.enters && beats.is_multiple_of(12) {
                let (schema, ticket) = (self.schema, self.ticket);
                self.write(now, Channel::RELIABLE_ORDERED, |writer| EnterRequest { schema, ticket }.write(writer));
            }
            return;
        }
        let Some(newest) = self.view.newest() else { return };
        if self.next_tick == 0 {
            self.next_tick = newest.tick + AHEAD;
        }
        self.send_inputs(now, beats);
        self.next_tick += 1;
        if self.habits.talks && beats.is_multiple_of(4) {
            let number = beats as u16;
            self.ask(now, Ask::Echo { number });
            self.write(now, Channel::UNRELIABLE, |writer| write_event(&Event::Said { number }, writer));
        }
    }

    fn send_inputs(&mut self, now: Instant, beats: u64) {
        let by = if (beats / 60).is_multiple_of(2) { self.habits.by } else { -self.habits.by };
        let inputs = [TimedInput { input: Step { by }, view_delay: self.habits.shows * 256 }; 4];
        let digest = beats.is_multiple_of(8).then(|| self.view.digest() ^ u32::from(self.habits.lies));
        let tick = self.next_tick.wrapping_add_signed(self.habits.off);
        let header = InputHeader { received: self.view.received(), digest, tick };
        self.write(now, Channel::UNRELIABLE, |writer| header.write(&Step::default(), &inputs, writer));
    }

    /// Sends an ask.
    pub fn ask(&mut self, now: Instant, ask: Ask) {
        self.asked = self.asked.wrapping_add(1);
        let number = self.asked;
        self.write(now, Channel::RELIABLE_UNORDERED, |writer| write_ask(number, &ask, writer));
    }

    /// Sends what `write` writes.
    pub fn write<E: std::fmt::Debug>(
        &mut self,
        now: Instant,
        channel: Channel,
        write: impl FnOnce(&mut Writer<'_>) -> Result<(), E>,
    ) {
        let mut message = [0; 1400];
        let mut writer = Writer::new(&mut message);
        write(&mut writer).unwrap();
        // A client that is not connected refuses the message.
        let _ = self.client.send(now, channel, writer.written());
    }

    /// Its body, as it knows it.
    pub fn body(&self) -> Option<EntityId> {
        self.view.owner().body
    }
}

/// Ticks from the newest snapshot to the input that is sent next: the round trip, and some more.
pub const AHEAD: u32 = 7;

/// Cores that run a game, each by a service `S` around its simulation, and their players.
pub struct Cores<S> {
    pub network: Network,
    pub cores: Vec<Core<SimLink, S>>,
    /// A core that does not turn.
    pub stalled: Option<usize>,
    pub players: Vec<Player>,
}

impl<S: Service> Cores<S> {
    pub fn new(
        cores: usize,
        network: &str,
        config: WorldConfig,
        mut service: impl FnMut(Simulation<Row>) -> S,
    ) -> Self {
        let conditions = network.parse::<NetworkSpec>().expect("sound conditions").conditions;
        let network = Network::new(1, conditions);
        let ends = Exchange::between(cores, config.entities_max).into_iter().zip(Mesh::between(cores)).enumerate();
        let core = |(number, (exchange, mesh))| {
            let endpoint = EndpointConfig {
                core: number as u8,
                cores,
                connections_max: 256,
                message_bytes_max: 4 * MESSAGE_BYTES_MAX,
                ..server_config()
            };
            Core::new(
                SimLink::new(network.clone(), address(number)),
                Endpoint::new(endpoint, network.now(), [number as u8 + 1; 32]),
                service(Simulation::new(config.clone(), exchange, Row::default())),
                mesh,
                Idle::new(Strategy::Busy),
                mailbox().1,
                Arc::default(),
            )
        };
        let cores = ends.map(core).collect();
        Cores { network, cores, stalled: None, players: Vec::new() }
    }

    /// Adds players, each on the next core.
    pub fn join(&mut self, count: usize, habits: Habits) {
        for _ in 0..count {
            let number = self.players.len();
            let config = ClientConfig { reconnect: true, ..client_config() };
            let now = self.network.now();
            self.players.push(Player {
                client: Client::new(config, now, [number as u8; 32]).expect("the server's key is sound"),
                link: SimLink::new(self.network.clone(), SocketAddr::from(([10, 1, 0, number as u8], 1024))),
                server: address(number % self.cores.len()),
                ticket: COME,
                schema: RowRules.schema(),
                habits,
                view: View::new(&RowRules, 0),
                is_inside: false,
                first_snapshot: None,
                enters: true,
                answers: Vec::new(),
                events: Vec::new(),
                heard: Vec::new(),
                refused: None,
                next_tick: 0,
                beats: 0,
                asked: 0,
            });
        }
    }

    /// Lets time pass.
    pub fn run_for(&mut self, time: Duration) {
        let until = self.network.now() + time;
        while self.network.now() < until {
            self.network.advance(Duration::from_millis(1));
            for (number, core) in self.cores.iter_mut().enumerate() {
                // A core may need several turns for every slice that is due.
                let turns = if self.stalled == Some(number) { 0 } else { 4 };
                (0..turns).for_each(|_| assert!(core.turn(), "a core has ended"));
            }
            let now = self.network.now();
            self.players.iter_mut().for_each(|player| player.step(now));
        }
    }
}

fn address(core: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, core as u8 + 1], 3565))
}
