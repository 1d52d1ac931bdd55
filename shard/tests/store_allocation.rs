//! The entity store does not allocate once it is made, whatever happens in it.
#![allow(unsafe_code)]

use ringshard::world::{Authority, Entities, Factions, Relation};
use ringshard_engine::world::EntityKind;
use ringshard_engine::world::entity::buffs;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, which counts the calls of threads that ask for it.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    // Neither has a destructor or a lazy value, so that reading them does not allocate.
    static COUNTS: Cell<bool> = const { Cell::new(false) };
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn count() {
    if COUNTS.get() {
        CALLS.set(CALLS.get() + 1);
    }
}

// SAFETY: every call goes to the system's allocator as it came; what is not named here goes by way of these two.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count();
        // SAFETY: the pointer came from the system's allocator, by way of this one.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Calls to the allocator, frees included, that `work` makes.
fn allocator_calls(work: impl FnOnce()) -> u64 {
    CALLS.set(0);
    COUNTS.set(true);
    work();
    COUNTS.set(false);
    CALLS.get()
}

const CAPACITY: usize = 1000;
const TICKS: u32 = 1000;

#[test]
fn the_count_sees_allocations_and_frees() {
    assert!(allocator_calls(|| drop(std::hint::black_box(Box::new(7)))) >= 2);
    assert_eq!(allocator_calls(|| ()), 0);
}

/// No warming up: the first time that a thing is done must not allocate either.
#[test]
fn a_store_is_filled_used_and_emptied_without_the_allocator() {
    let mut entities = Entities::new(0, CAPACITY);
    let mut factions = Factions::default();
    let (mut ended, mut changed) = (0, 0);
    let calls = allocator_calls(|| {
        factions.relate(1, 2, Relation::Enemy);
        for tick in 1..=TICKS {
            while let Ok(id) = entities.spawn(EntityKind::Monster, 1, [0.0; 3]) {
                for kind in 0..7 {
                    assert!(entities.apply_buff(id, 1 << kind, 1, tick + 1 + u32::from(id.index) % 600));
                }
                entities.set_authority(id, Authority::Owner(id));
            }
            assert_eq!(entities.len(), CAPACITY);
            for place in (tick as usize % 7..CAPACITY).step_by(7) {
                let id = entities.id_at(place).expect("it is full");
                entities.set_point(id, [tick as f32; 3]);
                entities.set_variable(id, tick as usize % 64, tick as i32);
                entities.apply_buff(id, buffs::BURNING, 9, tick + 300);
                entities.remove_buff(id, buffs::FROZEN);
            }
            entities.expire_buffs(tick, |_, _| ended += 1);
            entities.drain_dirty(|_, _, _| changed += 1);
            for place in (tick as usize % 11..CAPACITY).step_by(11) {
                let id = entities.id_at(place).expect("it is full");
                assert!(entities.despawn(id));
            }
            assert_eq!(entities.ids().count(), entities.len());
        }
    });
    assert!(ended > 5_000 && changed > 100_000, "{ended} buffs ended, {changed} entities changed");
    assert_eq!(calls, 0);
}
