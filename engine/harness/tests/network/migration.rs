//! Clients whose address changes.

use ringshard_harness::*;
use ringshard_protocol::endpoint::Event;
use ringshard_protocol::limits::*;
use ringshard_protocol::time::Duration;
use std::net::SocketAddr;

#[test]
fn a_moved_client_is_followed_once_it_has_answered_the_challenge() {
    let mut world = World::connected(2);
    let (id, before, other) = (world.id(0), world.clients[0].address, world.id(1));
    let elsewhere = SocketAddr::from(([10, 2, 0, 1], 1));
    world.clients[0].link.rebind(elsewhere);
    world.send(0, b"from elsewhere");
    world.run_for(DELAY + STEP);
    assert_eq!((world.server.stats().messages_in, world.server.stats().path_changed), (1, 1));
    // Until then the server sends nothing but a challenge to the new address.
    assert_eq!(world.server.info(id).unwrap().path.peer, before);
    let there = world.sealed_datagrams(server_address(), elsewhere);
    assert_eq!(there.len(), 1);
    assert!(there[0].len() <= 3 * world.sealed_datagrams(elsewhere, server_address())[0].len());

    world.run_for(2 * ROUND_TRIP);
    assert_eq!(world.server.stats().migrated, 1);
    assert_eq!(world.server.info(id).unwrap().path.peer, elsewhere, "the former id is still understood");
    // An observer of both paths finds no id in common: PROTOCOL.md#new-connection-id.
    let renamed = world.id(0);
    assert_eq!(world.server_events.last().unwrap().1, Event::Renamed { id: renamed, former: id });
    assert_eq!((renamed.core(), renamed.slot()), (id.core(), id.slot()));
    assert_ne!(renamed.generation(), id.generation());
    assert!(world.echoes(0, b"from the new address") && world.echoes(1, b"meanwhile"));
    assert_eq!((world.id(1), world.server.connections()), (other, 2));
    let now = world.now();
    assert!(world.clients[0].client.receive(now, &mut there[0].clone()).is_none());
}

#[test]
fn a_client_can_move_again_and_back() {
    let mut world = World::connected(1);
    let home = world.clients[0].address;
    for round in 0..6u8 {
        let address = if round % 2 == 0 { SocketAddr::from(([10, 2, 0, round], 1)) } else { home };
        world.clients[0].link.rebind(address);
        world.send(0, b"here I am");
        world.run_for(4 * ROUND_TRIP);
        assert_eq!(world.server.stats().migrated, u64::from(round) + 1);
        assert_eq!(world.server.info(world.id(0)).unwrap().path.peer, address);
        assert!(world.echoes(0, &[round]));
    }
    assert_eq!(world.server.connections(), 1);
}

#[test]
fn a_stolen_datagram_that_overtakes_the_client_does_not_move_its_connection() {
    let mut world = World::connected(1);
    let (id, address) = (world.id(0), world.clients[0].address);
    let stolen = world.sealed_by_client(0, b"stolen");
    let thief = SocketAddr::from(([10, 66, 0, 1], 1));
    world.network.send(thief, server_address(), &stolen);
    world.run_for(HEARTBEAT_DEFAULT);
    assert_eq!((world.server.stats().path_changed, world.server.stats().migrated), (1, 0));
    assert_eq!(world.server.info(id).unwrap().path.peer, address);
    let to_thief: usize = world.sealed_datagrams(server_address(), thief).iter().map(Vec::len).sum();
    assert!((1..=3 * stolen.len()).contains(&to_thief), "{to_thief} bytes for {}", stolen.len());
    assert_eq!(world.clients[0].messages(), [b"stolen"], "the echo goes to the client's address");
    assert!(world.echoes(0, b"still mine"));
}

#[test]
fn a_path_that_cannot_be_challenged_any_more_is_given_up() {
    let mut world = World::connected(1);
    // A short datagram: the server may send only three times as much to the unvalidated path.
    let stolen = world.sealed_by_client(0, b"");
    let thief = SocketAddr::from(([10, 66, 0, 1], 1));
    world.network.send(thief, server_address(), &stolen);
    world.run_for(Duration::from_secs(4));
    // Only heartbeats are left to wake up for.
    let mut sweeps = 0;
    let mut now = world.now();
    let end = now + Duration::from_secs(10);
    while now < end {
        now = now.max(world.server.deadline()) + TIMER_GRAIN;
        world.server.sweep(now);
        world.server.flush(now, &mut world.server_link);
        sweeps += 1;
    }
    assert!(sweeps < 50, "{sweeps} sweeps in 10 seconds");
}
