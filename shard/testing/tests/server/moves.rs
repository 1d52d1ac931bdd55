//! Players that move between servers with their sessions. The cores of a world stand for the servers: each has its own
//! connections, entities and players. PROTOCOL.md#changing-the-server.

use ringshard::game::{Admission, Arrival, Game, GameStart, LeaveReason, NoJob, PlayerId, Reply, Shard, To, Visitor};
use ringshard::runtime::fleet::{FleetEnd, FromCore, OwnZones, ToCore, Token, between};
use ringshard_protocol::crypto::SecretKey;
use ringshard_protocol::wire::Channel;
use ringshard_testing::{Duration, News, World, core_address, small};
use ringshard_world::messages::ChangeServer;
use ringshard_world::{Pose, Rules};
use std::collections::HashMap;
use std::sync::Arc;

ringshard_world::wire! {
    pub struct Input { pub right: i8 }
    pub struct Own { pub x: f32 }
    pub struct Shown { pub name: u8 }
    pub enum Ask { Later { number: u16 } }
    pub enum Answer { Late { number: u16 } }
    pub enum Event { Counted { number: u32 } }
    pub enum Nothing { Nothing }
}

#[derive(Clone, Copy)]
struct Walking;

impl Rules for Walking {
    type Input = Input;
    type Own = Own;
    type Shown = Shown;
    type Ask = Ask;
    type Answer = Answer;
    type Event = Event;

    fn step(&self, own: &mut Own, input: &Input) {
        own.x += f32::from(input.right);
    }

    fn pose(&self, own: &Own) -> Pose {
        Pose::at([own.x, 0.0, 0.0])
    }
}

/// Where the zone of server 0 ends, in one test.
const BORDER: f32 = 400.0;
/// Ticks until an ask is answered.
const LATE: u64 = 20;
/// The name of a player that no other server takes.
const UNWELCOME: u8 = b'u';

/// Counts for each player, and answers late: both must go on at another server.
#[derive(Default)]
struct Counting {
    told: HashMap<PlayerId, u32>,
    owed: Vec<(u64, Reply, u16)>,
    /// Numbers of the clients' own events that arrived, by name.
    heard: Vec<(u8, u32)>,
    arrived: u32,
}

impl Game for Counting {
    type Rules = Walking;
    type Command = Nothing;
    type Job = NoJob;
    type Done = NoJob;

    fn rules(&self) -> &Walking {
        &Walking
    }

    fn join(&mut self, shard: &mut Shard<Self>, player: PlayerId, visitor: Visitor<'_>) -> Admission {
        let name = visitor.name()[0];
        let body = shard.entities.spawn(Pose::default(), Shown { name }).unwrap();
        shard.control(player, Some(body), Own::default());
        self.told.insert(player, 0);
        Admission::Accepted
    }

    fn depart(&mut self, _shard: &mut Shard<Self>, player: PlayerId, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.told[&player].to_le_bytes());
        for (_, reply, number) in self.owed.iter().filter(|(_, reply, _)| reply.player() == player) {
            bytes.extend_from_slice(&reply.number().to_le_bytes());
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        self.owed.retain(|(_, reply, _)| reply.player() != player);
    }

    fn arrive(&mut self, shard: &mut Shard<Self>, player: PlayerId, arrival: Arrival<'_, Self>) -> bool {
        let Arrival { own, body, bytes, .. } = arrival;
        let (pose, shown) = body.expect("every player has a body");
        self.arrived += 1;
        if shown.name == UNWELCOME && shard.core() == 1 {
            return false;
        }
        let body = shard.entities.spawn(pose, shown).unwrap();
        shard.control(player, Some(body), own);
        let (told, asks) = bytes.split_first_chunk().unwrap();
        self.told.insert(player, u32::from_le_bytes(*told));
        for ask in asks.chunks_exact(4) {
            let reply = shard.owe(player, u16::from_le_bytes([ask[0], ask[1]])).unwrap();
            self.owed.push((shard.tick() + LATE, reply, u16::from_le_bytes([ask[2], ask[3]])));
        }
        true
    }

    fn leave(&mut self, _shard: &mut Shard<Self>, player: PlayerId, reason: LeaveReason) -> u32 {
        self.told.remove(&player);
        // Its body must not stay behind.
        if reason == LeaveReason::Moved { 100 } else { 0 }
    }

    fn ask(&mut self, shard: &mut Shard<Self>, _: PlayerId, Ask::Later { number }: Ask, reply: Reply) {
        self.owed.push((shard.tick() + LATE, reply, number));
    }

    fn event(&mut self, shard: &mut Shard<Self>, player: PlayerId, Event::Counted { number }: Event) {
        let body = shard.body(player).unwrap();
        self.heard.push((shard.entities.shown(body).unwrap().name, number));
    }

    fn tick(&mut self, shard: &mut Shard<Self>) {
        let tick = shard.tick();
        for (player, number) in &mut self.told {
            shard.tell(To::Player(*player), Channel::RELIABLE_ORDERED, &Event::Counted { number: *number }).unwrap();
            *number += 1;
        }
        for at in (0..self.owed.len()).rev() {
            if self.owed[at].0 <= tick {
                let (_, reply, number) = self.owed.swap_remove(at);
                shard.reply(reply, &Answer::Late { number });
            }
        }
    }
}

/// The servers' side of a fleet: one move at a time.
struct Courier {
    ends: Vec<FleetEnd>,
    /// Where it goes, and the player's number and core before it is known which session it is.
    moving: Option<(u64, usize, usize)>,
    token: Option<Token>,
    /// What the present server has taken, until the other one has it.
    kept: Vec<u8>,
    /// Whether the other server dies before it has the player.
    dies: bool,
    moved: u32,
    came_back: u32,
    /// Players of cores that are outside of their zones.
    outside: Vec<(usize, u64)>,
}

impl Courier {
    fn begin(&mut self, player: u64, from: usize, to: usize) {
        assert!(self.moving.is_none());
        self.ends[from].say(ToCore::Offer { player }).unwrap();
        (self.moving, self.token) = (Some((player, from, to)), None);
    }

    fn carry(&mut self) {
        for core in 0..self.ends.len() {
            while let Some(letter) = self.ends[core].take() {
                self.take(core, letter);
            }
        }
    }

    fn take(&mut self, core: usize, letter: FromCore) {
        if let FromCore::Outside { player, point } = letter {
            assert!(point[0] > BORDER, "{point:?} is inside");
            self.outside.push((core, player));
            return;
        }
        let Some((player, from, to)) = self.moving else { panic!("nobody moves: {letter:?} of core {core}") };
        match letter {
            FromCore::Key { key: None, .. } => self.moving = None,
            FromCore::Key { player: of, key: Some(key), .. } => {
                assert_eq!((of, core), (player, from));
                self.token = Some(key.token);
                self.ends[to].say(ToCore::Expect { key }).unwrap();
                let secret = SecretKey::from_bytes([0x51; 32]);
                let to = ChangeServer { core: to as u8, key: *secret.public().as_bytes(), address: core_address(to) };
                self.ends[from].say(ToCore::Send { player, to }).unwrap();
            }
            FromCore::Awaited { token } => {
                assert_eq!((core, Some(token)), (to, self.token));
                self.ends[from].say(ToCore::Take { token }).unwrap();
            }
            FromCore::Taken { token, player: None } => {
                self.ends[to].say(ToCore::Forget { token }).unwrap();
                self.moving = None;
            }
            FromCore::Taken { token, player: Some(player) } => {
                assert_eq!(core, from);
                let to = if std::mem::take(&mut self.dies) {
                    self.ends[to].say(ToCore::Forget { token }).unwrap();
                    from
                } else {
                    to
                };
                self.ends[to].say(ToCore::Give { token, player: player.clone(), is_own: false }).unwrap();
                self.kept = player;
            }
            FromCore::Given { player: Some(_), .. } => {
                *(if core == to { &mut self.moved } else { &mut self.came_back }) += 1;
                self.moving = None;
            }
            FromCore::Given { token, player: None } => {
                assert_eq!(core, to, "a server takes its own player back");
                let player = std::mem::take(&mut self.kept);
                self.ends[from].say(ToCore::Give { token, player, is_own: true }).unwrap();
            }
            other => panic!("that is no part of a move: {other:?}"),
        }
    }
}

/// What a client must have heard.
#[derive(Default)]
struct Heard {
    counted: u32,
    answers: Vec<u16>,
    asked: u16,
    told: u32,
    moves: u32,
    /// Where it was last.
    x: f32,
}

struct Fleet {
    world: World<Counting>,
    courier: Courier,
    clients: Vec<Heard>,
    has_outages: bool,
}

impl Fleet {
    fn new(network: &str, seed: u64, names: &[u8]) -> Self {
        let (ports, ends) = between(2);
        let game = |_: GameStart| Counting::default();
        let mut world = World::with_fleet(2, network, seed, small(), game, ports);
        for name in names {
            // All begin at server 0: of two in turn, the other connects and leaves.
            world.join(&[*name]);
            let other = world.join(b"x");
            world.pass(Duration::from_secs(1), |_, _| Input { right: 1 });
            world.leave(other);
        }
        world.pass(Duration::from_secs(2), |_, _| Input { right: 1 });
        let (moving, token, kept, outside) = Default::default();
        let courier = Courier { ends, moving, token, kept, dies: false, moved: 0, came_back: 0, outside };
        let clients = names.iter().map(|_| Heard::default()).collect();
        let mut fleet = Fleet { world, courier, clients, has_outages: false };
        fleet.listen();
        fleet
    }

    /// The number of the world's client.
    fn number(client: usize) -> usize {
        2 * client
    }

    fn pass(&mut self, time: Duration) {
        let end = self.world.now() + time;
        while self.world.now() < end {
            self.world.pass(Duration::from_millis(1), |_, _| Input { right: 1 });
            self.courier.carry();
            self.listen();
        }
    }

    /// Each client asks and tells something.
    fn talk(&mut self) {
        for (client, heard) in self.clients.iter_mut().enumerate() {
            let client = self.world.client_mut(Self::number(client));
            if client.ask(&Ask::Later { number: heard.asked }).is_some() {
                heard.asked += 1;
            }
            if client.tell(Channel::RELIABLE_ORDERED, &Event::Counted { number: heard.told }) {
                heard.told += 1;
            }
        }
    }

    fn listen(&mut self) {
        for client in 0..self.clients.len() {
            for news in self.world.news(Self::number(client)) {
                let heard = &mut self.clients[client];
                match news {
                    News::Event(Event::Counted { number }) => {
                        assert_eq!(number, heard.counted, "each event arrives once and in order");
                        heard.counted += 1;
                    }
                    News::Answer(_, Answer::Late { number }) => {
                        assert!(!heard.answers.contains(&number), "each ask is answered once");
                        heard.answers.push(number);
                    }
                    News::Moved { .. } => heard.moves += 1,
                    News::Entered { .. } => assert_eq!(heard.counted, 0, "it enters once"),
                    News::Refused(_) | News::PutOut(_) | News::Unanswered(..) | News::Renewed | News::Closed(_) => {
                        panic!("client {client} is told {news:?}")
                    }
                    _ => {}
                }
            }
            if let Some(own) = self.world.client(Self::number(client)).scene().own() {
                // After an outage, the server corrects what the client has predicted.
                assert!(self.has_outages || own.x + 60.0 >= self.clients[client].x, "it goes on where it was");
                self.clients[client].x = own.x;
            }
        }
        let (entities, players) =
            (self.world.total(|it| it.entities), self.world.total(|it| it.players + it.suspended));
        assert_eq!(entities, players, "each player has one body");
    }

    /// The player of a client and its core, if it is connected there.
    fn player(&mut self, client: usize) -> Option<(u64, usize)> {
        let id = self.world.client(Self::number(client)).connection().id()?;
        (0..2).find_map(|core| {
            let players = self.world.simulation(core).shard().players().collect::<Vec<_>>();
            let own = self.world.client(Self::number(client)).view().owner().body?;
            let player =
                players.into_iter().find(|&player| self.world.simulation(core).shard().body(player) == Some(own))?;
            (id.core() as usize == core).then(|| (player.number(), core))
        })
    }

    fn begin_move(&mut self, client: usize) -> bool {
        let is_moving = self.world.client(Self::number(client)).connection().is_moving();
        let Some((player, core)) = self.player(client).filter(|_| self.courier.moving.is_none() && !is_moving) else {
            return false;
        };
        self.courier.begin(player, core, 1 - core);
        true
    }

    /// All that was sent has arrived, and all asks are answered.
    fn settle(&mut self) {
        self.pass(Duration::from_secs(20));
        for heard in &mut self.clients {
            heard.answers.sort_unstable();
            assert_eq!(heard.answers, (0..heard.asked).collect::<Vec<_>>());
        }
        for client in 0..self.clients.len() {
            let told: Vec<u32> = self.told_by(client);
            assert_eq!(told.len() as u32, self.clients[client].told, "all that the client told was heard");
        }
    }

    /// What the servers have heard of a client. Each hears in order.
    fn told_by(&self, client: usize) -> Vec<u32> {
        let mut all = Vec::new();
        for core in 0..2 {
            let heard = self.world.game(core).heard.iter().filter(|(name, _)| usize::from(*name) == client);
            let numbers: Vec<u32> = heard.map(|(_, number)| *number).collect();
            assert!(numbers.is_sorted());
            all.extend(numbers);
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}

#[test]
fn players_move_back_and_forth_with_all_that_they_say_and_hear() {
    let mut fleet = Fleet::new("delay=15ms,jitter=5ms,loss=2%", 1, &[0, 1, 2]);
    for round in 0..30 {
        fleet.talk();
        fleet.begin_move(round % 3);
        fleet.talk();
        fleet.pass(Duration::from_millis(500));
    }
    fleet.settle();
    assert!(fleet.courier.moved > 20, "{} moves", fleet.courier.moved);
    assert_eq!(fleet.clients.iter().map(|heard| heard.moves).sum::<u32>(), fleet.courier.moved);
    for client in 0..3 {
        // The world goes on at 60 ticks a second, and each input moves the player by one.
        assert!(fleet.clients[client].x > 1_500.0, "{}", fleet.clients[client].x);
    }
    assert_eq!(fleet.world.total(|it| it.digests_differ + it.invalid_messages), 0);
}

#[test]
fn a_core_reports_the_players_outside_of_its_zones_twice_a_second() {
    let mut fleet = Fleet::new("delay=15ms", 3, &[0]);
    let own = |areas: Vec<_>| ToCore::Own(Arc::new(OwnZones { areas, margin: 10.0 }));
    fleet.courier.ends[0].say(own(vec![[[-100.0; 2], [BORDER - 10.0, 100.0]]])).unwrap();
    fleet.pass(Duration::from_secs(2));
    assert!(fleet.courier.outside.is_empty(), "it is inside");
    let ticks = fleet.world.simulation(0).stats().ticks;
    fleet.pass(Duration::from_secs(8));
    let (player, _) = fleet.player(0).unwrap();
    let reports = fleet.courier.outside.len() as u64;
    assert!(fleet.courier.outside.iter().all(|outside| *outside == (0, player)));
    // It walks one unit per tick, and crosses the border on the way.
    let ticks = fleet.world.simulation(0).stats().ticks - ticks;
    assert!(reports > 4 && reports <= ticks / 32 + 1, "{reports} in {ticks} ticks");
    fleet.courier.outside.clear();
    fleet.courier.ends[0].say(own(vec![[[f32::NEG_INFINITY; 2], [f32::INFINITY; 2]]])).unwrap();
    fleet.pass(Duration::from_secs(2));
    assert!(fleet.courier.outside.is_empty(), "everything is its zone now");
}

#[test]
fn a_player_that_no_server_takes_comes_back() {
    let mut fleet = Fleet::new("delay=15ms", 2, &[UNWELCOME]);
    for turn in 0..6 {
        fleet.talk();
        fleet.courier.dies = turn % 2 == 0;
        assert!(fleet.begin_move(0));
        fleet.pass(Duration::from_secs(4));
        fleet.talk();
        assert_eq!(fleet.player(0).map(|(_, core)| core), Some(0), "it is back");
    }
    assert_eq!((fleet.courier.moved, fleet.courier.came_back), (0, 6));
    assert_eq!(fleet.clients[0].moves, 6, "its entities are others, because it left and came back");
    fleet.pass(Duration::from_secs(20));
    assert_eq!(fleet.clients[0].answers.len(), usize::from(fleet.clients[0].asked));
}

/// Outages hit each stage of a move.
#[test]
fn whatever_fails_on_the_way_a_player_is_at_one_server() {
    let mut moved = 0;
    for seed in 0..3 {
        let mut fleet = Fleet::new("delay=25ms,jitter=10ms,loss=3%", seed, &[0, 1]);
        fleet.has_outages = true;
        for round in 0..24u64 {
            fleet.talk();
            let client = (round % 2) as usize;
            fleet.courier.dies = round % 5 == 4;
            fleet.begin_move(client);
            fleet.pass(Duration::from_millis(7 * (round + seed) % 160));
            fleet.world.cut(Fleet::number(client));
            fleet.pass(Duration::from_millis(if round % 6 == 5 { 9_000 } else { 700 }));
            fleet.world.restore(Fleet::number(client));
            fleet.pass(Duration::from_millis(1_500));
            if fleet.courier.moving.is_some() && fleet.courier.kept.is_empty() {
                // The client did not get there in time.
                fleet.pass(Duration::from_secs(12));
                fleet.courier.moving = None;
            }
        }
        fleet.settle();
        moved += fleet.courier.moved;
    }
    assert!(moved > 8, "{moved} moves");
}
