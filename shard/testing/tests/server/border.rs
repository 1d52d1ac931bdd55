//! Two hosts of one world, each with a game, players and a border: what is near the border is played with from either side.

use ringshard::game::{Admission, Game, NoJob, PlayerId, Reply, Shard, To, Visitor};
use ringshard::world::border::{BorderSettings, Neighbour, NeighbourId, Rect};
use ringshard::world::kind::Kind;
use ringshard_client::News;
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::Channel;
use ringshard_testing::{World, small};
use ringshard_world::{EntityId, Pose, Rules};

const BORDER: f32 = 100_000.0;

ringshard_world::wire! {
    pub struct Still {}
    pub struct Own { pub x: f32 }
    pub struct Shown { pub number: u8 }
    pub enum Nothing { Is }
    pub enum Event { Hit { by: u8 } }
    pub enum Command { Hit { with: u8 } }
}

#[derive(Clone)]
struct Line;

impl Rules for Line {
    type Input = Still;
    type Own = Own;
    type Shown = Shown;
    type Ask = Nothing;
    type Answer = Nothing;
    type Event = Event;

    fn step(&self, _: &mut Own, _: &Still) {}

    fn pose(&self, own: &Own) -> Pose {
        Pose::at([own.x, 1_000.0, 0.0])
    }
}

/// Players stand where their ticket says.
#[derive(Default)]
struct Duellists {
    hits: Vec<(EntityId, EntityId, u8)>,
}

impl Game for Duellists {
    type Rules = Line;
    type Command = Command;
    type Job = NoJob;
    type Done = NoJob;

    const KINDS: &'static [Kind] = &[Kind { name: "player", radius: 5_000.0, priority: 0 }];

    fn rules(&self) -> &Line {
        &Line
    }

    fn join(&mut self, shard: &mut Shard<Self>, player: PlayerId, visitor: Visitor<'_>) -> Admission {
        let number = visitor.name()[0];
        let own = Own { x: BORDER + (f32::from(number) - 100.0) * 100.0 };
        let body = shard.entities.spawn(Pose::at([own.x, 1_000.0, 0.0]), Shown { number }).expect("there is room");
        shard.control(player, Some(body), own);
        Admission::Accepted
    }

    fn ask(&mut self, shard: &mut Shard<Self>, _: PlayerId, _: Nothing, reply: Reply) {
        shard.reply(reply, &Nothing::Is);
    }

    /// A player that is hit tells the shooter, and all players that see it.
    fn command(&mut self, shard: &mut Shard<Self>, to: EntityId, from: EntityId, command: Command) {
        let Command::Hit { with } = command;
        self.hits.push((to, from, with));
        shard.tell(To::Entity(from), Channel::RELIABLE_ORDERED, &Event::Hit { by: with }).expect("there is room");
        shard.tell(To::ViewersOf(to), Channel::RELIABLE_ORDERED, &Event::Hit { by: 0 }).expect("there is room");
    }
}

/// Two hosts side by side.
struct Hosts {
    worlds: [World<Duellists>; 2],
    /// Whether messages pass, and borders turn.
    passes: bool,
    turns: bool,
}

impl Hosts {
    fn new(cores: usize) -> Self {
        let world = |host: u64| {
            let settings = BorderSettings { incarnation: 1_000 + host, ..BorderSettings::default() };
            World::with_border(cores, "delay=5ms", host, small(), |_| Duellists::default(), settings)
        };
        Hosts { worlds: [world(0), world(1)], passes: true, turns: true }
    }

    fn pass(&mut self, seconds: f64) {
        let tick = Duration::from_millis(16);
        for _ in 0..(seconds * 62.5) as usize {
            for host in 0..2 {
                self.worlds[host].pass(tick, |_, _| Still {});
                if self.turns {
                    self.turn(host);
                }
            }
        }
    }

    fn turn(&mut self, host: usize) {
        let other = 1 - host;
        let area = Rect { min: [other as f32 * BORDER, 0.0], max: [(1 + other) as f32 * BORDER, BORDER] };
        let neighbours = [Neighbour { id: NeighbourId(other as u32), area: vec![area] }];
        let (border, now) = self.worlds[host].border();
        border.turn(now, &neighbours);
        let messages: Vec<_> = std::iter::from_fn(|| border.poll_send()).collect();
        let (border, now) = self.worlds[other].border();
        for (_, message) in messages.iter().filter(|_| self.passes) {
            border.receive(now, NeighbourId(host as u32), message);
        }
    }

    /// The numbers that a client shows.
    fn shown(&self, host: usize, client: usize) -> Vec<u8> {
        let entities = self.worlds[host].client(client).view().entities();
        let mut numbers: Vec<u8> = entities.map(|entity| entity.state().shown.number).collect();
        numbers.sort_unstable();
        numbers
    }

    /// The entity that shows this number, as a host calls it.
    fn entity(&mut self, host: usize, number: u8) -> EntityId {
        self.worlds[host].act(0, |_, shard| {
            let mut around = Vec::new();
            shard.nearest([BORDER, 1_000.0, 0.0], 10_000.0, 64, &mut around);
            let shows = |id: &EntityId| shard.state(*id).is_some_and(|state| state.shown.number == number);
            around.into_iter().find(shows).expect("it is there")
        })
    }

    fn hits(&mut self, host: usize, client: usize) -> Vec<u8> {
        let news = self.worlds[host].news(client).into_iter();
        news.filter_map(|news| if let News::Event(Event::Hit { by }) = news { Some(by) } else { None }).collect()
    }
}

/// Host 0 has the players 90 and 95, host 1 has 105 and one far away.
fn duel(cores: usize) -> Hosts {
    let mut hosts = Hosts::new(cores);
    hosts.worlds[0].join(&[90]);
    hosts.worlds[0].join(&[95]);
    hosts.worlds[1].join(&[105]);
    hosts.worlds[1].join(&[220]);
    hosts.pass(2.0);
    hosts
}

#[test]
fn players_see_those_beyond_the_border() {
    for cores in 1..=3 {
        let mut hosts = duel(cores);
        assert_eq!(hosts.shown(0, 0), [90, 95, 105]);
        assert_eq!(hosts.shown(1, 0), [90, 95, 105]);
        assert_eq!(hosts.shown(1, 1), [220]);
        hosts.worlds[1].leave(0);
        hosts.pass(1.0);
        assert_eq!(hosts.shown(0, 0), [90, 95]);
        assert_eq!(hosts.worlds[0].total(|it| it.digests_differ + it.invalid_messages), 0);
    }
}

#[test]
fn a_hit_across_the_border_is_felt_and_answered() {
    let mut hosts = duel(2);
    let (from, to) = (hosts.entity(0, 90), hosts.entity(0, 105));
    let (owner, _) = (0..2)
        .map(|core| (core, hosts.worlds[0].simulation(core).shard().entities.owns(from)))
        .find(|(_, owns)| *owns)
        .expect("a core owns it");
    hosts.worlds[0].act(owner, |_, shard| shard.command(to, from, &Command::Hit { with: 7 })).expect("there is room");
    hosts.pass(1.0);
    let there = (hosts.entity(1, 105), hosts.entity(1, 90), 7);
    let hits: Vec<_> = (0..2).flat_map(|core| hosts.worlds[1].game(core).hits.clone()).collect();
    assert_eq!(hits, [there]);
    // The hitter hears the answer, and sees the hit as all others do.
    let mut heard = hosts.hits(0, 0);
    heard.sort_unstable();
    assert_eq!(heard, [0, 7]);
    assert_eq!((hosts.hits(0, 1), hosts.hits(1, 0), hosts.hits(1, 1)), (vec![0], vec![0], vec![]));
}

#[test]
fn while_the_neighbour_is_silent_play_goes_on_without_it() {
    let mut hosts = duel(2);
    hosts.passes = false;
    hosts.pass(1.0);
    assert_eq!(hosts.shown(0, 0), [90, 95, 105], "it may be back in a moment");
    hosts.pass(2.0);
    assert_eq!(hosts.shown(0, 0), [90, 95]);
    hosts.passes = true;
    hosts.pass(1.0);
    assert_eq!(hosts.shown(0, 0), [90, 95, 105]);
}

/// What turns the border may hang: the cores do not wait for it.
#[test]
fn a_border_that_does_not_turn_stops_no_event_within_the_host() {
    let mut hosts = duel(2);
    hosts.turns = false;
    let about = hosts.entity(0, 90);
    let mut told = 0;
    for _ in 0..60 {
        for _ in 0..200 {
            let event = Event::Hit { by: 1 };
            hosts.worlds[0].act(1, |_, shard| {
                shard.tell(To::ViewersOf(about), Channel::UNRELIABLE, &event).expect("the cores have room");
                shard.tell(To::Everybody, Channel::UNRELIABLE, &event).expect("the cores have room");
            });
        }
        hosts.pass(0.05);
        told += hosts.hits(0, 0).len();
    }
    assert!(told > 1_000, "{told}");
    assert!(hosts.worlds[0].stats(1).commands_refused > 0, "those for the border are counted");
    hosts.turns = true;
    hosts.pass(3.0);
    assert_eq!(hosts.shown(0, 0), [90, 95, 105]);
}
