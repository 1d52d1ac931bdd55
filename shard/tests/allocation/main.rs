//! What must not allocate. A binary of its own, because the counter replaces the allocator of the whole binary.

#[path = "../world/contract.rs"]
#[allow(dead_code, reason = "the other binary uses the rest")]
mod contract;
#[path = "../world/cores.rs"]
#[allow(dead_code, reason = "the other binary uses the rest")]
mod cores;
#[path = "../world/dice.rs"]
#[allow(dead_code, reason = "the other binary uses the rest")]
mod dice;
mod interest;
mod jobs;
#[path = "../../benches/layouts/mod.rs"]
mod layouts;
mod replication;
mod rewind;
mod simulation;
mod store;

use allocation_counter::AllocationInfo;

/// Calls to the allocator that `work` makes, frees included.
fn allocator_calls(work: impl FnOnce()) -> i64 {
    let AllocationInfo { count_total, count_current, .. } = allocation_counter::measure(work);
    2 * count_total as i64 - count_current
}

#[test]
fn the_count_sees_allocations_and_frees() {
    assert!(allocator_calls(|| drop(std::hint::black_box(Box::new(7)))) >= 2);
    assert_eq!(allocator_calls(|| ()), 0);
}
