//! The world of tests itself, with clients as games have them.

use crate::measure::{SECOND, violations, world};
use crate::skirmish::{Answer, Ask, Skirmish, running};
use ringshard_client::AskId;
use ringshard_testing::{News, World};

fn run(world: &mut World<Skirmish>, seconds: u32) {
    world.pass(seconds * SECOND, |number, scene| running(number, scene.tick().wrapping_add(1)));
}

#[test]
fn a_client_enters_sees_asks_and_leaves() {
    let mut world = world(2, "delay=20ms,jitter=5ms,loss=1%", 1);
    let clients = [world.join(b"one"), world.join(b"two")];
    run(&mut world, 2);
    for client in clients {
        assert!(world.client(client).is_in_world());
        assert!(matches!(world.news(client)[..], [News::Entered { .. }, ..]));
        assert_eq!(world.client(client).scene().others().count(), 1);
    }
    let id = world.client_mut(0).ask(&Ask::Ping { value: 7 });
    assert_eq!(id, Some(AskId(0)));
    run(&mut world, 1);
    let answer = world.news(0).into_iter().find_map(|news| match news {
        News::Answer(id, answer) => Some((id, answer)),
        _ => None,
    });
    assert_eq!(answer, Some((AskId(0), Answer::Pong { value: 7 })));
    world.leave(0);
    run(&mut world, 1);
    assert!(world.client(0).is_closed() && matches!(world.news(0).last(), Some(News::Closed(_))));
    world.kick(1);
    run(&mut world, 1);
    assert!(world.client(1).is_closed());
    assert_eq!((world.total(|stats| stats.players), world.total(|stats| stats.entities)), (0, 0));
    assert_eq!(violations(&world), 0);
}

#[test]
fn two_runs_with_one_seed_are_the_same_to_the_byte_and_another_seed_differs() {
    let run = |seed| {
        let mut world = world(2, "delay=20ms,jitter=30ms,loss=3%,duplicate=1%,corrupt=0.1%", seed);
        world.network().start_trace();
        (0..6).for_each(|_| _ = world.join(b""));
        run(&mut world, 3);
        world.cut(1);
        world.move_address(2);
        run(&mut world, 1);
        world.restore(1);
        run(&mut world, 2);
        world.network().trace()
    };
    let (one, again, other) = (run(1), run(1), run(2));
    assert!(one.len() > 2_000);
    assert!(one == again && one != other);
}

#[test]
#[should_panic(expected = "the network `delay=soon`: delay=soon is not understood")]
fn a_network_that_is_not_understood_is_named() {
    world(1, "delay=soon", 1);
}
