//! A server that says anything at all.

use crate::model::{Ask, Bench, Path, Random, Shown};
use ringshard_client::{EntityId, Pose};
use std::time::Duration;

/// Whatever arrives, the client counts it and goes on. What fails here is an assertion of the client.
#[test]
fn nothing_that_a_server_says_makes_a_client_panic() {
    for seed in 0..40 {
        let mut bench = Bench::new(seed, Path::new(20, 10, 0.05));
        bench.places = Box::new(|tick| {
            let place = |index| (EntityId { index, generation: 1 }, Pose::at([tick as f32; 3]), Shown { health: 1 });
            (0..5 + (tick / 20 % 5) as u16).map(place).collect()
        });
        bench.enter();
        bench.pass_seconds(1);
        bench.server.spoils = Some(Random::new(seed));
        let mut random = Random::new(seed + 1_000);
        for _ in 0..40 {
            bench.pass(Duration::from_millis(100));
            bench.client.ask(&Ask::Double { number: 1 });
            let kinds = [3, 6, 7, 9, random.next() as u8];
            let mut message = vec![kinds[random.next() as usize % kinds.len()]];
            message.extend((0..random.next() % 40).map(|_| (random.next() % 256) as u8 & random.next() as u8));
            let now = bench.time();
            bench.server.send_raw(now, &message);
            if !bench.client.is_in_world() {
                bench.client.enter(b"again");
            }
        }
        let stats = bench.client.stats();
        assert!(stats.snapshots_refused > 0 && stats.frames > 0, "{stats:?}");
    }
}
