//! Death, respawn and items, with clients in a simulated network.

use ringshard::game::{Channel, Game, PlayerId};
use ringshard_arena::{Arena, Command};
use ringshard_arena_rules::{Answer, Ask, Body, Event, HEAL, HEALTH, Input, Shown};
use ringshard_client::News;
use ringshard_testing::{Duration, World};
use ringshard_world::EntityId;
use ringshard_world::contract::Text;

/// A world on one core with two players, who stand still.
fn two_players() -> (World<Arena>, [EntityId; 2]) {
    let mut world = World::new(1, "delay=10ms", 1, |_start| Arena::default());
    world.join(b"");
    world.join(b"");
    stand(&mut world, 60);
    let bodies = [0, 1].map(|number| world.client(number).scene().body().expect("it is in the arena"));
    (world, bodies)
}

fn stand(world: &mut World<Arena>, ticks: u32) {
    world.pass(Duration::from_nanos(1_000_000_000 / 60) * ticks, |_, _| Input::default());
}

fn player(world: &mut World<Arena>, body: EntityId) -> (PlayerId, Body, Shown) {
    world.act(0, |_, shard| {
        let player = shard.player_of(body).expect("it is a player's body");
        (player, *shard.own(player).expect("it is here"), *shard.entities.shown(body).expect("it exists"))
    })
}

fn hit(world: &mut World<Arena>, [by, whom]: [EntityId; 2], damage: u8, leap: u8) {
    world.act(0, |game, shard| game.command(shard, whom, by, Command::Hit { damage, leap }));
}

fn ask(world: &mut World<Arena>, number: usize, ask: Ask) -> Answer {
    world.news(number);
    world.client_mut(number).ask(&ask).expect("it is in the arena");
    stand(world, 10);
    let answers = world.news(number).into_iter().filter_map(|news| match news {
        News::Answer(_, answer) => Some(answer),
        _ => None,
    });
    let answers: Vec<_> = answers.collect();
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers[0]
}

#[test]
fn a_player_without_health_dies_and_respawns_elsewhere_after_one_and_a_half_seconds() {
    let (mut world, [killer, victim]) = two_players();
    let (_, before, _) = player(&mut world, victim);
    hit(&mut world, [killer, victim], HEALTH, before.walker.leap);
    stand(&mut world, 80);
    let (_, dead, shown) = player(&mut world, victim);
    assert_eq!((dead.alive, shown.health, shown.deaths), (false, 0, 1));
    assert_eq!(player(&mut world, killer).2.kills, 1);
    stand(&mut world, 20);
    let (_, after, shown) = player(&mut world, victim);
    assert_eq!((after.alive, after.walker.leap, shown.health, shown.deaths), (true, before.walker.leap + 1, HEALTH, 1));
    assert_ne!(after.walker.point, before.walker.point);
    stand(&mut world, 10);
    assert_eq!(
        world.client(1).scene().own().expect("it is in the arena").walker.point,
        after.walker.point,
        "its client knows"
    );
}

#[test]
fn a_shot_at_a_former_life_and_at_the_dead_does_nothing() {
    let (mut world, [killer, victim]) = two_players();
    let (_, before, _) = player(&mut world, victim);
    hit(&mut world, [killer, victim], HEALTH, before.walker.leap + 1);
    assert_eq!(player(&mut world, victim).2.health, HEALTH);
    hit(&mut world, [killer, victim], HEALTH, before.walker.leap);
    hit(&mut world, [killer, victim], HEALTH, before.walker.leap);
    assert_eq!(player(&mut world, victim).2.deaths, 1, "it dies once");
}

#[test]
fn an_item_heals_up_to_full_health_and_neither_empty_slots_nor_the_dead_use_one() {
    let (mut world, bodies) = two_players();
    hit(&mut world, bodies, HEALTH - 10, 0);
    let Answer::Inventory { items } = ask(&mut world, 1, Ask::Look) else { panic!("it looks into its inventory") };
    assert!(items[0] > 3 && items[3] == 0);
    let used = ask(&mut world, 1, Ask::Use { slot: 0 });
    assert_eq!(used, Answer::Used { left: items[0] - 1, health: 10 + HEAL });
    ask(&mut world, 1, Ask::Use { slot: 0 });
    ask(&mut world, 1, Ask::Use { slot: 0 });
    assert_eq!(player(&mut world, bodies[1]).2.health, HEALTH);
    assert_eq!(ask(&mut world, 1, Ask::Use { slot: 3 }), Answer::Empty);
    assert_eq!(ask(&mut world, 1, Ask::Use { slot: 200 }), Answer::Empty);
    hit(&mut world, bodies, HEALTH, 0);
    assert_eq!(ask(&mut world, 1, Ask::Use { slot: 0 }), Answer::Dead);
}

/// What one player says goes to everybody: a flood of it would fill the queues of all.
#[test]
fn a_player_that_says_too_much_is_heard_once_in_half_a_second() {
    let (mut world, _) = two_players();
    world.news(1);
    for _ in 0..60 {
        let event = Event::Say { text: Text::new("good evening") };
        (0..5).for_each(|_| assert!(world.client_mut(0).tell(Channel::RELIABLE_UNORDERED, &event)));
        stand(&mut world, 1);
    }
    stand(&mut world, 10);
    let heard = world.news(1).iter().filter(|news| matches!(news, News::Event(Event::Said { .. }))).count();
    assert!((2..=3).contains(&heard), "{heard} of 300");
}
