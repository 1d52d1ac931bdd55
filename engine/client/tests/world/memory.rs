//! A client that is in the world allocates nothing.

use crate::model::{Bench, Path, Shown};
use ringshard_client::{EntityId, Pose};

/// The network and the server of the test allocate: only the calls of the client are counted.
#[test]
fn a_frame_allocates_nothing() {
    let mut bench = Bench::new(1, Path::new(30, 8, 0.02));
    bench.places = Box::new(|tick| {
        let angle = tick as f32 / 30.0;
        let place = |index: u16| {
            let far = f32::from(index) * 100.0;
            let pose = Pose::at([20_000.0 + far * angle.cos(), 20_000.0 + far * angle.sin(), 0.0]);
            // One in ten comes and goes.
            let here = !index.is_multiple_of(10) || (tick / 60).is_multiple_of(2);
            here.then_some((EntityId { index, generation: 1 }, pose, Shown { health: tick as u8 }))
        };
        (0..40).filter_map(place).collect()
    });
    bench.enter();
    bench.pass_seconds(30);
    bench.allocations = Some(0);
    bench.pass_seconds(10);
    assert_eq!(bench.allocations, Some(0));
    assert!(bench.client.scene().others().count() >= 36);
}
