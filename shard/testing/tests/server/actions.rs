//! Actions: clients predict them, the server decides, and cheats gain nothing. Times are in ticks.

use ringshard::game::actions::{ActionGame, Deed, decide};
use ringshard::game::simulation::WorldConfig;
use ringshard::game::{Admission, Game, NoJob, PlayerId, Reply, Shard, Visitor};
use ringshard_terrain::{Plan, Terrain};
use ringshard_testing::{Duration, News, World, small};
use ringshard_world::actions::{
    Acted, Action, ActionInput, ActionState, Aim, Asking, CANCEL, RETRY_TICKS, Target, Verdict,
};
use ringshard_world::{EntityId, Pose, Refusal, Rules};
use std::sync::Arc;

const MANA: usize = 0;
const POTIONS: usize = 1;
const STUNNED: u32 = 1;
const WALKING: u32 = 2;

const BOLT: u8 = 0;
const METEOR: u8 = 1;
const DRINK: u8 = 2;
const MARK: u8 = 3;
const MEND: u8 = 4;

const BOLT_TICKS: u16 = 30;
const METEOR_TICKS: u16 = 20;
const FREE: Action = Action { forbids: STUNNED, ..Action::named("mark") };
const TABLE: [Action; 5] = [
    Action { target: Target::Entity, cooldown: BOLT_TICKS, cost: &[(MANA, 10)], range: 1_000.0, sight: true, ..FREE },
    Action {
        target: Target::Point,
        cast: METEOR_TICKS,
        cost: &[(MANA, 30)],
        range: 2_000.0,
        forbids: STUNNED | WALKING,
        ..FREE
    },
    Action { cooldown: 60, cost: &[(POTIONS, 1)], ..FREE },
    Action { target: Target::Point, ..FREE },
    Action { target: Target::Entity, range: 0.0, sight: true, ..FREE },
];

ringshard_world::wire! {
    pub struct Input { pub walk: i8, pub asks: ActionInput }
    pub struct Own { pub x: f32, pub y: f32, pub actions: ActionState<5, 2>, pub stunned: bool }
    pub struct Shown { pub is_dead: bool, pub is_hidden: bool }
    pub enum Nothing { Nothing }
    pub enum Event { Acted { acted: Acted } }
}

#[derive(Clone, Copy)]
struct Magic;

impl Rules for Magic {
    type Input = Input;
    type Own = Own;
    type Shown = Shown;
    type Ask = Nothing;
    type Answer = Nothing;
    type Event = Event;

    fn step(&self, own: &mut Own, input: &Input) {
        own.x += f32::from(input.walk.max(-127)) / 127.0 * 10.0;
        let bits = if own.stunned { STUNNED } else { 0 } | if input.walk != 0 { WALKING } else { 0 };
        own.actions.step(&TABLE, &input.asks, bits);
    }

    fn pose(&self, own: &Own) -> Pose {
        Pose::at([own.x, own.y, 0.0])
    }
}

/// Players stand at [`X`] plus what their tickets say, in units.
#[derive(Default)]
struct Duel {
    deeds: Vec<(PlayerId, u64, Deed)>,
    /// Calls to the allocator by the checks of actions, once this is there.
    allocations: Option<u64>,
}

const X: f32 = 100_000.0;
const Y: f32 = 100_000.0;
const TICK: Duration = Duration::from_nanos(1_000_000_000 / 60);
const SECOND: Duration = Duration::from_secs(1);

impl Game for Duel {
    type Rules = Magic;
    type Command = Nothing;
    type Job = NoJob;
    type Done = NoJob;

    fn rules(&self) -> &Magic {
        &Magic
    }

    fn join(&mut self, shard: &mut Shard<Self>, player: PlayerId, visitor: Visitor<'_>) -> Admission {
        let away: f32 = std::str::from_utf8(visitor.name()).unwrap().parse().unwrap();
        let mut own = Own { x: X + away, y: Y, ..Own::default() };
        own.actions.set_resource(MANA, 1_000);
        own.actions.set_resource(POTIONS, 3);
        let body = shard.entities.spawn(Magic.pose(&own), Shown::default()).expect("there is room");
        assert!(shard.control(player, Some(body), own));
        Admission::Accepted
    }

    fn stepped(&mut self, shard: &mut Shard<Self>, player: PlayerId, _input: &Input) {
        let mut deed = None;
        let info = allocation_counter::measure(|| deed = decide(self, shard, player));
        if let Some(count) = &mut self.allocations {
            *count += info.count_total;
        } else {
            self.deeds.extend(deed.map(|deed| (player, shard.tick(), deed)));
        }
    }

    fn ask(&mut self, shard: &mut Shard<Self>, _: PlayerId, _: Nothing, reply: Reply) {
        shard.reply(reply, &Nothing::Nothing);
    }

    fn is_visible(&self, shard: &Shard<Self>, _viewer: PlayerId, other: EntityId) -> bool {
        shard.state(other).is_some_and(|other| !other.shown.is_hidden)
    }
}

impl ActionGame<5, 2> for Duel {
    fn table(&self) -> &[Action] {
        &TABLE
    }

    fn state(own: &mut Own) -> &mut ActionState<5, 2> {
        &mut own.actions
    }

    fn tells(&self, acted: Acted) -> Option<Event> {
        Some(Event::Acted { acted })
    }

    fn is_target(&self, shard: &Shard<Self>, by: EntityId, action: u8, target: EntityId) -> bool {
        (target == by) == (action == MEND) && shard.state(target).is_some_and(|state| !state.shown.is_dead)
    }
}

/// A map with a wall across the way from player 0 to player 1.
fn walled() -> WorldConfig {
    let mut plan = Plan::flat([25_600.0, 6_400.0], [4, 4, 1], [8, 8, 4]);
    plan.add_box([X + 400.0, Y - 500.0, 0.0], [X + 420.0, Y + 500.0, 300.0]);
    WorldConfig { terrain: Arc::new(Terrain::of(&plan).expect("it is sound")), ..small() }
}

/// Two cores, and a player on each, so many units from each other. Player 0 is a client.
fn duel(network: &str, away: f32) -> World<Duel> {
    duel_on(small(), network, away)
}

fn duel_on(config: WorldConfig, network: &str, away: f32) -> World<Duel> {
    let mut world = World::with_config(2, network, 3, config, |_| Duel::default());
    world.join(b"0");
    world.join(away.to_string().as_bytes());
    stand(&mut world, 2 * SECOND);
    world
}

fn stand(world: &mut World<Duel>, time: Duration) {
    world.pass(time, |_, _| Input::default());
}

/// Passes ticks in which client 0 asks.
fn pass(world: &mut World<Duel>, ticks: u32, asking: &mut Asking) {
    let input = |number: usize, asks| if number == 0 { Input { walk: 0, asks } } else { Input::default() };
    world.pass(ticks * TICK, |number, _| {
        let asks = if number == 0 { asking.next_input() } else { ActionInput::default() };
        input(number, asks)
    });
}

fn own(world: &World<Duel>) -> Own {
    *world.client(0).scene().own().expect("it is in the world")
}

/// The state of client 0 at the server.
fn truth(world: &mut World<Duel>) -> Own {
    world.act(0, |_, shard| {
        let player = shard.players().next().unwrap();
        *shard.own(player).unwrap()
    })
}

fn change(world: &mut World<Duel>, core: usize, change: impl FnOnce(&mut Own, &mut Shown)) {
    world.act(core, |_, shard| {
        let player = shard.players().next().unwrap();
        let body = shard.body(player).unwrap();
        let mut shown = *shard.entities.shown(body).unwrap();
        change(shard.own_mut(player).unwrap(), &mut shown);
        *shard.entities.shown_mut(body).unwrap() = shown;
    });
}

fn refused(world: &mut World<Duel>, why: Refusal) -> u32 {
    world.act(0, |_, shard| {
        let player = shard.players().next().unwrap();
        shard.refusals(player).unwrap().count(why)
    })
}

fn all_refused(world: &mut World<Duel>) -> u32 {
    Refusal::ALL.into_iter().map(|why| refused(world, why)).sum()
}

fn target(world: &World<Duel>) -> Aim {
    Aim::Entity { id: world.client(1).scene().body().expect("it is in the world") }
}

fn point(away: f32) -> Aim {
    Aim::Point { point: [X + away, Y, 0.0] }
}

fn heard(world: &mut World<Duel>, number: usize) -> Vec<Acted> {
    let news = world.news(number).into_iter();
    news.filter_map(|news| if let News::Event(Event::Acted { acted }) = news { Some(acted) } else { None }).collect()
}

#[test]
fn accepted_actions_are_predicted_at_once_and_exactly_and_viewers_hear_of_them() {
    let mut world = duel("delay=30ms,jitter=8ms", 900.0);
    let before = world.client(0).stats().mispredicted;
    let (mut asking, bolt, by) = (Asking::default(), target(&world), world.client(0).scene().body().unwrap());
    heard(&mut world, 1);
    asking.ask(&own(&world).actions, BOLT, bolt);
    pass(&mut world, 2, &mut asking);
    assert!(own(&world).actions.cooldown(BOLT) >= BOLT_TICKS - 2, "the cooldown is shown in the next frame");
    assert_eq!(
        (own(&world).actions.resource(MANA), world.game(0).deeds.len()),
        (990, 0),
        "the server does not know yet"
    );
    pass(&mut world, 40, &mut asking);
    asking.ask(&own(&world).actions, METEOR, point(500.0));
    pass(&mut world, 4, &mut asking);
    assert!(own(&world).actions.cast().is_some());
    pass(&mut world, 60, &mut asking);
    assert_eq!(own(&world).actions.decided().verdict, Verdict::Done);
    assert_eq!(truth(&mut world).actions.resource(MANA), 960);
    assert_eq!(world.client(0).stats().mispredicted, before);
    let deeds: Vec<_> = world.game(0).deeds.iter().map(|(_, _, deed)| (deed.action, deed.aim)).collect();
    assert_eq!(deeds, [(BOLT, bolt), (METEOR, point(500.0))]);
    assert_eq!(all_refused(&mut world), 0);
    let aim = point(500.0);
    let (action, meteor) = (BOLT, METEOR);
    let all = [
        Acted::Done { by, action, aim: bolt },
        Acted::Begins { by, action: meteor, aim },
        Acted::Done { by, action: meteor, aim },
    ];
    assert_eq!(heard(&mut world, 1), all, "a player of another core");
    assert_eq!(heard(&mut world, 0), all);
}

#[test]
fn what_only_the_server_knows_is_taken_back_with_its_reason() {
    for (away, config, why) in [(1_200.0, small(), Refusal::Range), (900.0, walled(), Refusal::Sight)] {
        let mut world = duel_on(config, "delay=30ms,jitter=8ms,loss=1%", away);
        let (mut asking, bolt) = (Asking::default(), target(&world));
        asking.ask(&own(&world).actions, BOLT, bolt);
        pass(&mut world, 2, &mut asking);
        assert_eq!(own(&world).actions.resource(MANA), 990, "the client cannot know");
        pass(&mut world, 20, &mut asking);
        let actions = own(&world).actions;
        assert_eq!((actions.resource(MANA), actions.cooldown(BOLT)), (1_000, 0));
        let decided = (actions.decided().number, actions.decided().verdict);
        assert_eq!(decided, (asking.number(), Verdict::Refused { why }));
        assert_eq!((refused(&mut world, why), all_refused(&mut world)), (1, 1));
        assert!(world.game(0).deeds.is_empty() && heard(&mut world, 1).is_empty());
    }
}

/// At the server it is out of range by then.
#[test]
fn the_range_is_that_to_where_the_player_saw_its_target() {
    let mut world = World::new(2, "delay=30ms", 3, |_| Duel::default());
    world.join(b"0");
    world.join(b"850");
    // It walks to and fro first: clients of a world in which nothing happens show it later for a while.
    world.pass(4 * SECOND, |number, scene| {
        let walk = if scene.tick() / 4 % 2 == 0 { 127 } else { -127 };
        Input { walk: if number == 1 { walk } else { 0 }, asks: ActionInput::default() }
    });
    let (mut asking, bolt) = (Asking::default(), target(&world));
    let Aim::Entity { id } = bolt else { unreachable!() };
    let (mut seen, mut there) = (0.0, None);
    // The target walks away, by 10 units per tick.
    for _ in 0..60 {
        world.pass(TICK, |number, scene| {
            if number == 1 {
                return Input { walk: 127, asks: ActionInput::default() };
            }
            let pose = scene.pose(id).expect("it is near");
            if asking.number() == 0 && pose.point[0] > X + 970.0 {
                seen = pose.point[0];
                asking.ask(&scene.own().unwrap().actions, BOLT, bolt);
            }
            Input { walk: 0, asks: asking.next_input() }
        });
        if there.is_none() && !world.game(0).deeds.is_empty() {
            there = world.act(0, |_, shard| shard.pose(id)).map(|pose| pose.point[0]);
        }
    }
    let [(_, _, deed)] = world.game(0).deeds[..] else { panic!("{:?}", truth(&mut world)) };
    assert!((deed.to[0] - seen).abs() < 1.0 && there > Some(X + 1_030.0), "{deed:?}, {seen}, {there:?}");
}

#[test]
fn an_ask_is_executed_at_most_once_on_a_bad_network() {
    let mut world = duel("delay=40ms,jitter=60ms,loss=20%,duplicate=20%", 900.0);
    let (mut asking, mut asked) = (Asking::default(), 0_u32);
    world.pass(15 * SECOND, |number, scene| {
        if number == 1 {
            return Input::default();
        }
        // Each ask has a point of its own.
        if scene.tick().is_multiple_of(20) {
            asked += 1;
            asking.ask(&scene.own().unwrap().actions, MARK, point(asked as f32));
        }
        Input { walk: 0, asks: asking.next_input() }
    });
    let mut marks: Vec<_> = world.game(0).deeds.iter().map(|(_, _, deed)| deed.to[0] as u32).collect();
    let all = marks.len();
    assert!(marks.is_sorted(), "in order");
    marks.dedup();
    assert_eq!(marks.len(), all, "each at most once");
    // The last one may be on its way.
    assert!(all as u32 + 1 >= asked, "{all} of {asked} were executed, although many inputs were lost");
    assert_eq!(world.total(|stats| stats.invalid_messages), 0);
    assert_eq!(all_refused(&mut world), 0);
}

#[test]
fn a_player_can_be_its_own_target_while_it_walks() {
    let mut world = duel("delay=30ms", 900.0);
    let (mut asking, id) = (Asking::default(), world.client(0).scene().body().unwrap());
    asking.ask(&own(&world).actions, MEND, Aim::Entity { id });
    world.pass(20 * TICK, |number, _| match number {
        0 => Input { walk: 127, asks: asking.next_input() },
        _ => Input::default(),
    });
    assert_eq!((world.game(0).deeds.len(), all_refused(&mut world)), (1, 0));
}

#[test]
fn a_stun_interrupts_a_cast_and_viewers_hear_that() {
    let mut world = duel("delay=20ms", 900.0);
    let mut asking = Asking::default();
    heard(&mut world, 1);
    asking.ask(&own(&world).actions, METEOR, point(500.0));
    pass(&mut world, 12, &mut asking);
    change(&mut world, 0, |own, _| own.stunned = true);
    pass(&mut world, 60, &mut asking);
    let actions = truth(&mut world).actions;
    assert_eq!((actions.resource(MANA), actions.decided().verdict), (1_000, Verdict::Interrupted));
    assert_eq!(own(&world).actions, actions);
    assert!(world.game(0).deeds.is_empty());
    let stages = heard(&mut world, 1);
    assert!(matches!(stages[..], [Acted::Begins { .. }, Acted::Broken { .. }]), "{stages:?}");
}

#[test]
fn a_client_cancels_its_cast() {
    let mut world = duel("delay=20ms", 900.0);
    let mut asking = Asking::default();
    let before = world.client(0).stats().mispredicted;
    asking.ask(&own(&world).actions, METEOR, point(500.0));
    pass(&mut world, 5, &mut asking);
    asking.ask(&own(&world).actions, CANCEL, Aim::Nothing);
    pass(&mut world, 60, &mut asking);
    assert_eq!(truth(&mut world).actions.decided().verdict, Verdict::Interrupted);
    assert_eq!((world.game(0).deeds.len(), world.client(0).stats().mispredicted), (0, before));
}

/// A cheating client that asks for this in every tick, for four seconds. Gives for how many ticks it was in the world, and the
/// ticks at which it got something.
fn cheat(away: f32, prepare: impl FnOnce(&mut World<Duel>) -> (u8, Aim)) -> (World<Duel>, u64, Vec<u64>) {
    cheat_on(small(), away, prepare)
}

fn cheat_on(
    config: WorldConfig,
    away: f32,
    prepare: impl FnOnce(&mut World<Duel>) -> (u8, Aim),
) -> (World<Duel>, u64, Vec<u64>) {
    let mut world = World::with_config(2, "delay=20ms,jitter=5ms,duplicate=3%", 5, config, |_| Duel::default());
    let cheater = world.join_raw(Some(b"0"));
    world.join(b"0");
    world.leave(0);
    world.join(away.to_string().as_bytes());
    stand(&mut world, SECOND);
    let (action, aim) = prepare(&mut world);
    stand(&mut world, SECOND / 2);
    let from = world.act(0, |_, shard| shard.tick());
    world.raw_mut(cheater).0.input = Box::new(move |tick| {
        let asks = ActionInput { number: (tick % 255) as u8 + 1, action, aim };
        Input { walk: 0, asks }
    });
    stand(&mut world, 4 * SECOND);
    let ticks = world.act(0, |_, shard| shard.tick()) - from;
    let got = world.game(0).deeds.iter().map(|(_, tick, _)| *tick).collect();
    (world, ticks, got)
}

fn victim(world: &World<Duel>) -> Aim {
    Aim::Entity { id: world.client(1).scene().body().expect("it is in the world") }
}

#[test]
fn asking_in_every_tick_gets_an_action_as_often_as_its_cooldown_allows() {
    let (mut world, ticks, got) = cheat(900.0, |world| (BOLT, victim(world)));
    assert!(got.windows(2).all(|two| two[1] - two[0] == u64::from(BOLT_TICKS)), "{got:?}");
    assert!(got.len() as u64 <= ticks / u64::from(BOLT_TICKS) + 1 && got.len() > 5);
    let early = refused(&mut world, Refusal::Cooldown);
    assert!(early > 200, "{early} of {ticks} asks came too early");
    assert_eq!(early, all_refused(&mut world));
}

#[test]
fn asking_without_what_it_costs_gets_nothing() {
    let (mut world, _, got) = cheat(900.0, |_| (DRINK, Aim::Nothing));
    assert_eq!(got.len(), 3, "there are three potions");
    assert!(refused(&mut world, Refusal::Cost) > 50 && refused(&mut world, Refusal::Cooldown) > 100);
    assert_eq!(truth(&mut world).actions.resource(POTIONS), 0);
}

#[test]
fn asking_for_what_is_out_of_range_gains_nothing_and_is_looked_up_ten_times_a_second() {
    let far = |action: u8, aim: fn(&World<Duel>) -> Aim, away: f32| {
        let (mut world, ticks, got) = cheat(away, |world| (action, aim(world)));
        assert!(got.is_empty());
        let (range, early) = (refused(&mut world, Refusal::Range), refused(&mut world, Refusal::Cooldown));
        assert!(u64::from(range) <= ticks / u64::from(RETRY_TICKS) + 1 && range > 35, "{range} in {ticks} ticks");
        assert_eq!(range + early, all_refused(&mut world));
        let actions = truth(&mut world).actions;
        assert_eq!((actions.resource(MANA), actions.cast()), (1_000, None));
    };
    far(BOLT, victim, 1_100.0);
    far(METEOR, |_| point(2_100.0), 900.0);
    far(METEOR, |_| Aim::Point { point: [1e30, -1e30, 0.0] }, 900.0);
}

#[test]
fn asking_through_a_wall_gains_nothing() {
    let (mut world, _, got) = cheat_on(walled(), 900.0, |world| (BOLT, victim(world)));
    assert!(got.is_empty() && refused(&mut world, Refusal::Sight) > 35);
    assert_eq!(truth(&mut world).actions.resource(MANA), 1_000);
}

#[test]
fn asking_while_the_state_forbids_it_gains_nothing() {
    let (mut world, _, got) = cheat(900.0, |world| {
        change(world, 0, |own, _| own.stunned = true);
        (BOLT, victim(world))
    });
    assert!(got.is_empty() && refused(&mut world, Refusal::State) > 200);
}

#[test]
fn targets_that_are_dead_gone_hidden_or_of_another_kind_are_refused() {
    type Prepare = fn(&mut World<Duel>) -> (u8, Aim);
    let wrong: [Prepare; 7] = [
        |world| {
            change(world, 1, |_, shown| shown.is_dead = true);
            (BOLT, victim(world))
        },
        |world| {
            let aim = victim(world);
            world.leave(1);
            (BOLT, aim)
        },
        |world| {
            change(world, 1, |_, shown| shown.is_hidden = true);
            (BOLT, victim(world))
        },
        // Another entity had this index, or will have it.
        |world| {
            let Aim::Entity { id: EntityId { index, generation } } = victim(world) else { unreachable!() };
            (BOLT, Aim::Entity { id: EntityId { index, generation: generation.wrapping_add(1) } })
        },
        // Itself.
        |world| (BOLT, Aim::Entity { id: world.raw(0).view.owner().body.unwrap() }),
        |_| (BOLT, point(10.0)),
        |world| (METEOR, victim(world)),
    ];
    for (number, prepare) in wrong.into_iter().enumerate() {
        let (mut world, _, got) = cheat(900.0, prepare);
        let count = refused(&mut world, Refusal::Target);
        assert!(got.is_empty() && count > 35, "{number}: {got:?}, {count}");
        assert_eq!(truth(&mut world).actions.resource(MANA), 1_000);
    }
}

#[test]
fn unknown_actions_are_refused_and_a_second_cast_during_the_first() {
    for action in [5, 100, 254] {
        let (mut world, _, got) = cheat(900.0, |_| (action, Aim::Nothing));
        assert!(got.is_empty() && refused(&mut world, Refusal::Unknown) > 200);
    }
    let (mut world, ticks, got) = cheat(900.0, |_| (METEOR, point(100.0)));
    assert!(refused(&mut world, Refusal::Busy) > 150);
    assert!(got.windows(2).all(|two| two[1] - two[0] > u64::from(METEOR_TICKS)));
    assert_eq!(1_000 - got.len() as u16 * 30, truth(&mut world).actions.resource(MANA), "in {ticks} ticks");
}

#[test]
fn deciding_allocates_nothing() {
    let mut world = duel("delay=20ms", 900.0);
    let (mut asking, bolt) = (Asking::default(), target(&world));
    let mut play = |world: &mut World<Duel>| {
        let mut turn = 0;
        world.pass(3 * SECOND, |number, scene| {
            turn += 1;
            if number == 0 && turn % 2 == 0 {
                let (action, aim) =
                    [(BOLT, bolt), (METEOR, point(1.0)), (MARK, point(9_000.0)), (77, bolt)][turn / 2 % 4];
                asking.ask(&scene.own().unwrap().actions, action, aim);
            }
            Input { walk: 0, asks: if number == 0 { asking.next_input() } else { ActionInput::default() } }
        });
    };
    play(&mut world);
    world.game_mut(0).allocations = Some(0);
    play(&mut world);
    assert_eq!(world.game(0).allocations, Some(0));
    assert!(world.game(0).deeds.len() > 10 && refused(&mut world, Refusal::Unknown) > 10);
}
