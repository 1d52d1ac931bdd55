//! Clients and services: tickets, messages both ways, and the lives of players as services learn of them.

use crate::cores::*;
use ringshard::game::AccountId;
use ringshard::game::simulation::{Simulation, WorldConfig};
use ringshard::runtime::services::{self, FromCore, ServicesEnd, ToCore};
use ringshard_link::sim::SimLink;
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::Channel;
use ringshard_world::messages::reason;
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll, Waker};

type World = Cores<Simulation<Row>>;

/// A core with services, and their end.
fn world() -> (World, ServicesEnd) {
    let (mut ports, mut ends) = services::between(1);
    let config = WorldConfig { entities_max: 64, visible_max: 32, ..WorldConfig::default() };
    let world = Cores::new(1, "delay=20ms", config, |simulation| simulation.with_services(ports.remove(0)));
    (world, ends.remove(0))
}

fn wait(world: &mut World) {
    world.run_for(Duration::from_millis(300));
}

fn say(end: &mut ServicesEnd, letter: &ToCore<'_>) {
    assert_eq!(end.poll_send(&mut Context::from_waker(Waker::noop()), letter), Poll::Ready(()));
}

/// The number of the player that knocks next, with its address.
fn knocks(end: &mut ServicesEnd) -> (u64, IpAddr) {
    match end.take() {
        Some(FromCore::Knock { player, address, ticket: COME }) => (player, address),
        other => panic!("{other:?}"),
    }
}

/// A player that has entered with an account.
fn entered(account: AccountId) -> (World, ServicesEnd, u64) {
    let (mut world, mut end) = world();
    world.join(1, Habits::default());
    wait(&mut world);
    let (player, address) = knocks(&mut end);
    say(&mut end, &ToCore::Admit { player, account: Some(account), shown: COME });
    wait(&mut world);
    assert!(world.players[0].is_inside);
    assert_eq!(end.take(), Some(FromCore::Entered { player, address, account: Some(account) }));
    (world, end, player)
}

fn send(world: &mut World, message: &[u8]) {
    let now = world.network.now();
    world.players[0].write(now, Channel::RELIABLE_ORDERED, |writer| writer.raw(message));
}

#[test]
pub fn what_goes_between_clients_and_services_is_counted() {
    let (mut world, mut end, player) = entered(AccountId(7));
    // The player's budget bounds a flood.
    (0..200).for_each(|_| send(&mut world, &[16; 1_000]));
    wait(&mut world);
    let mut taken = 0;
    while let Some(letter) = end.take() {
        assert_eq!(letter, FromCore::Message { player, bytes: &[16; 1_000] });
        taken += 1;
    }
    say(&mut end, &ToCore::Message { player, is_bulk: false, bytes: &[17, 1] });
    say(&mut end, &ToCore::Message { player, is_bulk: true, bytes: &[24, 2] });
    // This player has never been.
    say(&mut end, &ToCore::Message { player: player + (1 << 16), is_bulk: false, bytes: &[17, 3] });
    wait(&mut world);
    let mut heard = world.players[0].heard.clone();
    heard.sort();
    assert_eq!(heard, [vec![17, 1], vec![24, 2]]);
    let stats = world.cores[0].service().stats();
    assert_eq!((stats.services_knocks, stats.services_messages_in), (1, taken));
    a_client_whose_ticket_is_refused_stays_outside_and_may_knock_again();
    assert_eq!((stats.services_messages_out, stats.services_dropped), (2, 1));
    assert_eq!(stats.services_refused, 200 - taken);
    assert!((57..100).contains(&taken), "{taken} of 200");
}

#[test]
fn the_game_learns_the_account_once_the_ticket_is_checked() {
    let (world, _, _) = entered(AccountId(7));
    let shard = world.cores[0].service().shard();
    let player = shard.players().next().expect("it is inside");
    assert_eq!(shard.account(player), Some(AccountId(7)));
}

#[test]
fn a_client_whose_ticket_is_refused_stays_outside_and_may_knock_again() {
    let (mut world, mut end) = world();
    world.join(1, Habits::default());
    wait(&mut world);
    let (player, _) = knocks(&mut end);
    assert_eq!(world.cores[0].service().stats().services_knocking, 1);
    say(&mut end, &ToCore::Refuse { player, reason: reason::TICKET });
    wait(&mut world);
    assert_eq!((world.players[0].is_inside, world.players[0].refused), (false, Some(reason::TICKET)));
    assert_eq!(world.cores[0].service().stats().services_tickets_refused, 1);
    let (again, _) = knocks(&mut end);
    assert_ne!(again, player, "each attempt has its own number");
    // Answers to the first attempt come too late.
    say(&mut end, &ToCore::Admit { player, account: None, shown: COME });
    wait(&mut world);
    assert!(!world.players[0].is_inside);
    say(&mut end, &ToCore::Admit { player: again, account: None, shown: COME });
    wait(&mut world);
    assert!(world.players[0].is_inside);
}

#[test]
fn a_client_outside_reaches_no_services() {
    let (mut world, mut end) = world();
    world.join(1, Habits::default());
    wait(&mut world);
    knocks(&mut end);
    send(&mut world, &[16, 1]);
    wait(&mut world);
    assert_eq!(end.take(), None);
    assert_eq!(world.cores[0].service().stats().messages_outside, 1);
}

#[test]
fn services_put_a_player_out() {
    let (mut world, mut end, player) = entered(AccountId(1));
    say(&mut end, &ToCore::PutOut { player, reason: reason::DISABLED });
    world.players[0].enters = false;
    wait(&mut world);
    assert_eq!((world.players[0].is_inside, world.players[0].refused), (false, Some(reason::DISABLED)));
    assert_eq!(end.take(), Some(FromCore::Left { player }));
}

#[test]
fn services_learn_that_a_player_is_silent_and_that_it_has_left() {
    let (mut world, mut end, player) = entered(AccountId(1));
    // At another address it gets nothing and answers nothing.
    world.players[0].link = SimLink::new(world.network.clone(), SocketAddr::from(([10, 9, 9, 9], 1)));
    let mut gone = world.players.remove(0);
    gone.enters = false;
    world.run_for(Duration::from_secs(20));
    assert_eq!(end.take(), Some(FromCore::Suspended { player }));
    say(&mut end, &ToCore::Message { player, is_bulk: false, bytes: &[17, 1] });
    world.run_for(Duration::from_secs(61));
    assert_eq!(world.cores[0].service().stats().services_dropped, 1);
    assert_eq!(end.take(), Some(FromCore::Left { player }));
    assert_eq!(end.take(), None);
}

#[test]
fn a_client_that_leaves_while_its_ticket_is_checked_is_forgotten() {
    let (mut world, mut end) = world();
    world.join(1, Habits::default());
    wait(&mut world);
    let (player, _) = knocks(&mut end);
    world.players.clear();
    world.run_for(Duration::from_secs(90));
    say(&mut end, &ToCore::Admit { player, account: Some(AccountId(3)), shown: COME });
    world.run_for(Duration::from_secs(1));
    assert_eq!(end.take(), None);
    let stats = world.cores[0].service().stats();
    assert_eq!((stats.players, stats.pending, stats.joined), (0, 0, 0));
}
