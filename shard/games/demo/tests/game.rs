//! The demonstration on a server core, with clients under a virtual clock.

use ringshard::game::simulation::WorldConfig;
use ringshard::game::{Channel, PlayerId, Shard};
use ringshard_demo::{Demo, FULL, Layout};
use ringshard_demo_rules::{Answer, Ask, Character, DemoRules, Event, Input, Own, Refusal, SHOT_COOLDOWN, actions};
use ringshard_testing::{Duration, News, World, small};
use ringshard_world::character::{EntityKind, buffs, states};
use ringshard_world::contract::Text;
use ringshard_world::{EntityId, Pose};

const MIDDLE: [f32; 2] = [400_000.0, 400_000.0];
const NETWORK: &str = "delay=10ms";
const SECOND: Duration = Duration::from_secs(1);

/// A world of one core and `players` players, who face east. Player `n` is `500 * n` units east of the middle, and its faction
/// is `factions[n]`.
fn world(factions: &[u8]) -> World<Demo> {
    let mut world = World::new(1, NETWORK, 7, |start| Demo::new(start.terrain, Layout::Crowd, 0));
    for (number, &faction) in factions.iter().enumerate() {
        // One after the other, so that the server has them in this order.
        world.join(b"");
        pass(&mut world, SECOND, Input::default());
        let point = [MIDDLE[0] + 500.0 * number as f32, MIDDLE[1], 0.0];
        change(&mut world, number, |own, shown| {
            *own = Own { leap: own.leap, ..Own::at(point) };
            shown.faction = faction;
        });
    }
    pass(&mut world, SECOND, Input::default());
    world
}

/// Player 0 does this; the others stand.
fn pass(world: &mut World<Demo>, time: Duration, first: Input) {
    world.pass(time, |number, _| if number == 0 { first } else { Input::default() });
}

fn player(shard: &Shard<Demo>, number: usize) -> (PlayerId, EntityId) {
    let player = shard.players().nth(number).expect("the player has entered");
    (player, shard.body(player).expect("it has a body"))
}

fn body(world: &mut World<Demo>, number: usize) -> EntityId {
    world.act(0, |_, shard| player(shard, number).1)
}

fn look(world: &mut World<Demo>, number: usize) -> (Own, Character) {
    world.act(0, |_, shard| {
        let (player, body) = player(shard, number);
        (*shard.own(player).unwrap(), *shard.entities.shown(body).unwrap())
    })
}

fn change(world: &mut World<Demo>, number: usize, change: impl FnOnce(&mut Own, &mut Character)) {
    world.act(0, |_, shard| {
        let (player, body) = player(shard, number);
        let (mut own, mut shown) = (*shard.own(player).unwrap(), *shard.entities.shown(body).unwrap());
        change(&mut own, &mut shown);
        *shard.own_mut(player).unwrap() = own;
        *shard.entities.shown_mut(body).unwrap() = shown;
    });
}

/// The events that a client has got since the last call.
fn events(world: &mut World<Demo>, number: usize) -> Vec<Event> {
    let news = world.news(number).into_iter();
    news.filter_map(|news| if let News::Event(event) = news { Some(event) } else { None }).collect()
}

fn ask(world: &mut World<Demo>, ask: Ask) -> Answer {
    let asked = world.client_mut(0).ask(&ask).expect("the client is in the world");
    pass(world, SECOND, Input::default());
    let answer = |news| match news {
        News::Answer(id, answer) if id == asked => Some(answer),
        _ => None,
    };
    world.news(0).into_iter().find_map(answer).expect("an ask is answered")
}

const SHOOTING: Input = Input { forward: 0, left: 0, yaw: 0, keys: 0, actions: actions::SHOOT };

#[test]
fn a_hit_hurts_an_enemy_which_burns_and_scores() {
    let mut world = world(&[1, 2]);
    for _ in 0..20 {
        pass(&mut world, Duration::from_millis(50), SHOOTING);
        if look(&mut world, 1).1.health < 255 {
            break;
        }
    }
    // The score and the events follow in the next ticks.
    pass(&mut world, Duration::from_millis(200), Input::default());
    let (shooter, target) = (body(&mut world, 0), body(&mut world, 1));
    let shown = look(&mut world, 1).1;
    assert_eq!((shown.health, shown.has(buffs::BURNING)), (215, true));
    assert_eq!(look(&mut world, 0).1.score, 1);
    assert_eq!(events(&mut world, 1), [Event::Hit { by: shooter, damage: 40 }]);
    assert_eq!(events(&mut world, 0), [Event::Scored { on: target }]);
    pass(&mut world, 4 * SECOND, Input::default());
    assert!(!look(&mut world, 1).1.has(buffs::BURNING), "the fire goes out");
}

#[test]
fn who_is_beaten_starts_again_elsewhere_and_cannot_be_hurt_there() {
    let mut world = world(&[1, 2]);
    let before = look(&mut world, 1).0;
    for _ in 0..200 {
        pass(&mut world, Duration::from_millis(50), SHOOTING);
        if look(&mut world, 1).0.leap != before.leap {
            break;
        }
    }
    pass(&mut world, Duration::from_millis(200), Input::default());
    let (own, shown) = look(&mut world, 1);
    assert_eq!((own.leap, shown.health), (before.leap.wrapping_add(1), 255));
    assert_ne!(own.point, before.point);
    assert!(shown.has(buffs::INVULNERABLE) && !shown.has(buffs::BURNING));
    assert_eq!(look(&mut world, 0).1.score, 7, "the seventh hit of 40 takes the last of 255");
    // The shooter follows.
    let point = [own.point[0] - 500.0, own.point[1]];
    change(&mut world, 0, |own, _| own.point = point);
    pass(&mut world, SECOND, SHOOTING);
    assert_eq!(look(&mut world, 1).1.health, 255);
    let beaten = Event::Beaten { by: body(&mut world, 0), who: body(&mut world, 1) };
    assert!(events(&mut world, 0).contains(&beaten) && events(&mut world, 1).contains(&beaten));
}

#[test]
fn projectiles_go_through_friends() {
    let mut world = world(&[1, 1]);
    pass(&mut world, 3 * SECOND, SHOOTING);
    assert_eq!((look(&mut world, 1).1.health, look(&mut world, 0).1.score), (255, 0));
}

#[test]
fn a_shot_for_which_there_is_no_room_can_be_repeated_at_once() {
    let config = ringshard::game::simulation::WorldConfig { entities_max: 1, ..small() };
    let mut world = World::with_config(1, NETWORK, 7, config, |start| Demo::new(start.terrain, Layout::Crowd, 0));
    world.join(b"");
    world.join(b"");
    pass(&mut world, SECOND, SHOOTING);
    let is_refused = |news: &News<DemoRules>| matches!(news, News::Refused(FULL));
    assert!((0..2).any(|number| world.news(number).iter().any(is_refused)));
    assert!(look(&mut world, 0).0.shot.is_ready());
}

#[test]
fn only_its_own_faction_sees_an_invisible_player() {
    let mut world = world(&[1, 2, 1]);
    let sees = |world: &World<Demo>, viewer: usize, id| world.client(viewer).scene().shown(id).is_some();
    let hidden = body(&mut world, 0);
    assert!(sees(&world, 1, hidden) && sees(&world, 2, hidden));
    assert_eq!(ask(&mut world, Ask::Hide), Answer::Hidden { ticks: 300, mana: 170 });
    assert!(sees(&world, 0, hidden), "it sees itself");
    assert!(!sees(&world, 1, hidden) && sees(&world, 2, hidden));
    pass(&mut world, 6 * SECOND, Input::default());
    assert!(sees(&world, 1, hidden), "it is visible again");
}

#[test]
fn what_a_player_asks_costs_what_it_costs() {
    let mut world = world(&[1]);
    assert_eq!(ask(&mut world, Ask::Drink), Answer::Refused { why: Refusal::Unhurt });
    change(&mut world, 0, |_, shown| shown.health = 100);
    assert_eq!(ask(&mut world, Ask::Drink), Answer::Drunk { health: 200, potions: 2 });
    assert_eq!(ask(&mut world, Ask::Drink), Answer::Drunk { health: 255, potions: 1 });
    change(&mut world, 0, |own, shown| (own.potions, shown.mana) = (0, 84));
    assert_eq!(ask(&mut world, Ask::Drink), Answer::Refused { why: Refusal::NoPotion });
    assert_eq!(ask(&mut world, Ask::Hide), Answer::Refused { why: Refusal::NoMana });
    let before = look(&mut world, 0).0;
    assert_eq!(ask(&mut world, Ask::Restart), Answer::Restarted);
    let (own, shown) = look(&mut world, 0);
    assert_eq!((own.leap, own.potions, shown.mana), (before.leap + 1, 3, 255));
    assert!(matches!(ask(&mut world, Ask::Restart), Answer::Refused { why: Refusal::TooEarly { .. } }));
    pass(&mut world, 10 * SECOND, Input::default());
    assert_eq!(ask(&mut world, Ask::Restart), Answer::Restarted);
}

#[test]
fn a_voice_reaches_players_nearby_and_only_twice_a_second() {
    let mut world = world(&[1, 2, 1]);
    change(&mut world, 2, |own, _| own.point[0] += 10_000.0);
    pass(&mut world, SECOND, Input::default());
    let speaker = body(&mut world, 0);
    let say = |world: &mut World<Demo>, text: &str| {
        world.client_mut(0).tell(Channel::RELIABLE_ORDERED, &Event::Say { text: Text::new(text) });
    };
    say(&mut world, "");
    say(&mut world, "one");
    say(&mut world, "two");
    pass(&mut world, SECOND, Input::default());
    say(&mut world, "three");
    pass(&mut world, SECOND, Input::default());
    let heard = ["one", "three"].map(|text| Event::Said { by: speaker, text: Text::new(text) });
    assert_eq!(events(&mut world, 0), heard);
    assert_eq!(events(&mut world, 1), heard);
    assert_eq!(events(&mut world, 2), []);
}

#[test]
fn a_client_cannot_make_events_that_are_the_servers() {
    let mut world = world(&[1, 2]);
    let (shooter, target) = (body(&mut world, 0), body(&mut world, 1));
    let client = world.client_mut(0);
    client.tell(Channel::RELIABLE_ORDERED, &Event::Hit { by: shooter, damage: 255 });
    client.tell(Channel::RELIABLE_ORDERED, &Event::Said { by: target, text: Text::new("I give up") });
    pass(&mut world, SECOND, Input::default());
    assert_eq!((events(&mut world, 1), look(&mut world, 1).1.health), (vec![], 255));
}

#[test]
fn effects_reach_the_step_and_movement_is_shown() {
    let mut world = world(&[1]);
    let north = Input::running(1 << 14);
    pass(&mut world, SECOND, north);
    assert!(look(&mut world, 0).1.is(states::MOVING));
    change(&mut world, 0, |_, shown| shown.set(states::STUNNED, true));
    pass(&mut world, SECOND, north);
    let (stunned, shown) = look(&mut world, 0);
    assert!(stunned.stunned && !shown.is(states::MOVING));
    pass(&mut world, SECOND, north);
    assert_eq!(look(&mut world, 0).0.point, stunned.point);
    change(&mut world, 0, |_, shown| {
        shown.set(states::STUNNED, false);
        shown.buffs |= buffs::SLOWED;
    });
    pass(&mut world, SECOND, north);
    let (slowed, _) = look(&mut world, 0);
    assert_eq!((slowed.stunned, slowed.slowed, slowed.velocity), (false, true, [0.0, 300.0]));
}

#[test]
fn a_client_predicts_walking_and_the_cooldown_of_shots_exactly() {
    let mut world = world(&[1]);
    let before = world.client(0).stats().mispredicted;
    world.pass(5 * SECOND, |_, scene| {
        let turn = scene.tick().wrapping_mul(331) as u16;
        Input { forward: turn as i8, actions: actions::SHOOT, ..Input::running(turn) }
    });
    assert!(!look(&mut world, 0).0.shot.is_ready(), "it shoots all the time");
    assert_eq!(world.client(0).stats().mispredicted, before);
}

/// The only place of the world is the player's, so the server refuses every shot.
#[test]
fn a_refused_shot_takes_back_the_cooldown_that_the_client_predicted() {
    let config = WorldConfig { entities_max: 1, ..small() };
    let mut world = World::with_config(1, NETWORK, 7, config, |start| Demo::new(start.terrain, Layout::Crowd, 0));
    world.join(b"");
    pass(&mut world, 2 * SECOND, Input::default());
    let corrected = world.client(0).stats().mispredicted;
    let (mut predicted, mut taken_back) = (false, false);
    let mut is_first = true;
    // Without the refusal the cooldown would take half a second.
    world.pass(Duration::from_millis(300), |_, scene| {
        let shot = scene.own().expect("the player is in the world").shot;
        predicted |= shot.ticks() > SHOT_COOLDOWN - 3;
        taken_back |= predicted && shot.is_ready();
        let shoots = std::mem::take(&mut is_first);
        Input { actions: if shoots { actions::SHOOT } else { 0 }, ..Input::default() }
    });
    assert!(predicted, "the client starts the cooldown at once");
    assert!(taken_back, "the refusal ends it");
    assert!(world.client(0).stats().mispredicted > corrected, "the server was of another opinion");
    assert!(world.client(0).scene().own().unwrap().shot.is_ready());
}

#[test]
fn a_player_whose_client_is_silent_stands() {
    let mut world = world(&[1]);
    let north = Input::running(1 << 14);
    pass(&mut world, SECOND, north);
    world.cut(0);
    pass(&mut world, SECOND, north);
    let stopped = look(&mut world, 0).0;
    assert_eq!(stopped.velocity, [0.0; 2]);
    pass(&mut world, 2 * SECOND, north);
    assert_eq!(look(&mut world, 0).0.point, stopped.point);
}

#[test]
fn npcs_walk_and_stay_near_their_homes() {
    let mut world = World::new(1, NETWORK, 7, |start| Demo::new(start.terrain, Layout::Uniform, 50));
    let poses = |world: &mut World<Demo>| -> Vec<Pose> {
        world.act(0, |_, shard| {
            let columns = shard.entities.columns();
            columns.living.iter().map(|row| columns.poses[row]).collect()
        })
    };
    pass(&mut world, Duration::from_millis(50), Input::default());
    let homes = poses(&mut world);
    assert_eq!(homes.len(), 50);
    let mut farthest = 0.0_f32;
    for _ in 0..120 {
        pass(&mut world, SECOND, Input::default());
        for (pose, home) in poses(&mut world).iter().zip(&homes) {
            farthest = farthest.max((pose.point[0] - home.point[0]).hypot(pose.point[1] - home.point[1]));
        }
    }
    // It decides every 2 s, so it can go 300 units too far.
    assert!((500.0..1_400.0).contains(&farthest), "{farthest}");
    let npc = world.act(0, |_, shard| *shard.entities.columns().shown.first().unwrap());
    assert_eq!(npc.entity_kind(), Some(EntityKind::Npc));
}

#[test]
fn players_may_introduce_themselves_to_each_other() {
    let mut world = world(&[1, 2]);
    let (from, to) = (body(&mut world, 0), body(&mut world, 1));
    assert!(world.client_mut(0).introduce(to, b"hello"));
    pass(&mut world, SECOND, Input::default());
    assert_eq!(world.client_mut(1).introduction(), Some((from, b"hello".to_vec())));
}
