//! A core that gives jobs and takes their results does not allocate.

use crate::allocator_calls;
use ringshard::runtime::jobs::{JobSettings, Jobs};
use std::time::Duration;

#[test]
fn giving_jobs_and_taking_results_does_not_allocate() {
    let settings = JobSettings { workers: 2, per_core: 16, cpus: Vec::new() };
    let work = |number: [u64; 8]| number.map(|it| it + 1);
    let (mut ports, workers) = Jobs::start(1, &settings, work).unwrap();
    let port = &mut ports[0];
    let mut sum = 0;
    // Without a warm-up: the first use must not allocate either.
    let calls = allocator_calls(|| {
        for round in 0..2_000 {
            while port.give([round; 8]).is_ok() {}
            if round % 10 == 0 {
                std::thread::sleep(Duration::from_micros(100));
            }
            while port.outstanding() > 3 {
                sum += port.take().map_or(0, |result| result[7]);
            }
        }
    });
    assert!(sum > 1_000_000, "{sum}");
    assert_eq!(calls, 0);
    workers.stop(Duration::from_secs(10));
}
