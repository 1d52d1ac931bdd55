//! Two clients agree over their server, and talk directly from then on (PROTOCOL.md#peers).

use crate::measure::{SECOND, world};
use crate::skirmish::{Skirmish, running};
use ringshard_peer::limits::PEER_DATAGRAM_BYTES_MAX;
use ringshard_peer::{CandidateKind, Mesh, MeshConfig, MeshEvent};
use ringshard_protocol::wire::Channel;
use ringshard_testing::World;
use std::net::SocketAddr;

/// Where the players' sockets for each other are.
const ADDRESSES: [&str; 2] = ["10.9.0.1:4000", "10.9.0.2:4000"];

/// Lets the server and both meshes run for a twentieth of a second. What they send each other arrives at once.
fn turn(world: &mut World<Skirmish>, meshes: &mut [Mesh; 2]) {
    world.pass(SECOND / 20, |number, scene| running(number, scene.tick().wrapping_add(1)));
    let now = world.now();
    let mut datagram = [0; PEER_DATAGRAM_BYTES_MAX];
    for one in 0..2 {
        while let Some((from, bytes)) = world.client_mut(one).introduction() {
            meshes[one].introduced(now, from, &bytes);
        }
        meshes[one].advance(now);
        while let Some((to, bytes)) = meshes[one].poll_introduction(now) {
            assert!(world.client_mut(one).introduce(to, &bytes), "there is room");
        }
        while let Some((to, len)) = meshes[one].poll_transmit(now, &mut datagram) {
            assert_eq!(to.to_string(), ADDRESSES[1 - one]);
            meshes[1 - one].receive(now, ADDRESSES[one].parse().unwrap(), &mut datagram[..len]);
        }
    }
}

#[test]
fn two_clients_on_different_cores_introduce_themselves_over_a_bad_network_and_talk_directly() {
    let mut world = world(2, "delay=20ms,jitter=10ms,loss=5%", 3);
    let clients = [world.join(b"one"), world.join(b"two")];
    world.pass(2 * SECOND, |number, scene| running(number, scene.tick().wrapping_add(1)));
    let now = world.now();
    let bodies = clients.map(|client| world.client(client).view().owner().body.expect("it has a body"));
    let mut meshes = ADDRESSES.map(|address| {
        let host: SocketAddr = address.parse().unwrap();
        Mesh::new(MeshConfig::new(*b"name of a match.", vec![host]), now, [address.as_bytes()[7]; 32])
    });
    let peers = [0, 1].map(|one| meshes[one].join(now, bodies[1 - one]).unwrap());
    let mut events: [Vec<MeshEvent>; 2] = Default::default();
    for _ in 0..100 {
        turn(&mut world, &mut meshes);
        for one in 0..2 {
            while let Some(event) = meshes[one].poll_event() {
                if let MeshEvent::Connected { peer, .. } = event {
                    let said = [b"from one", b"from two"][one];
                    meshes[one].send(world.now(), peer, Channel::RELIABLE_ORDERED, said).unwrap();
                }
                events[one].push(event);
            }
        }
    }
    for one in 0..2 {
        let heard =
            MeshEvent::Message(peers[one], Channel::RELIABLE_ORDERED, [b"from one", b"from two"][1 - one].to_vec());
        assert_eq!(events[one].iter().filter(|event| **event == heard).count(), 1);
        assert_eq!(meshes[one].path(peers[one]).map(|path| path.kind), Some(CandidateKind::Host));
    }
    assert!(world.total(|stats| stats.introductions) >= 2);
    assert_eq!(world.total(|stats| stats.introductions_refused + stats.introductions_limited), 0);
}
