//! Neither half allocates once it is warm.

use crate::bench::{Path, World};
use ringshard_rollback::{MatchConfig, SessionConfig};

#[test]
fn a_warm_match_allocates_nothing() {
    let mut world =
        World::new(4, 2, Path { delay: 3, jitter: 3, loss: 5 }, MatchConfig::default(), SessionConfig::default());
    world.pass(200);
    let (mut packets, mut tick) = (Vec::with_capacity(1_000), world.tick);
    let info = allocation_counter::measure(|| {
        for _ in 0..100 {
            tick += 1;
            for client in &mut world.clients {
                world.game.taken(client.player, &crate::brawl::input(1, client.player, tick));
            }
            packets.clear();
            world.game.tick(tick, |player, _, packet| packets.push((player, packet)));
            for client in &mut world.clients {
                for (_, packet) in packets.iter().filter(|(player, _)| *player == client.player) {
                    client.session.take(packet).unwrap();
                }
                client.session.advance(tick as u32 + 8, &crate::brawl::input(2, client.player, tick));
                if let Some(packet) = client.session.report() {
                    world.game.report(client.player, &packet).unwrap();
                }
            }
        }
    });
    assert_eq!(info.count_total, 0);
    assert!(world.clients[0].session.stats().rollbacks > 50);
}
