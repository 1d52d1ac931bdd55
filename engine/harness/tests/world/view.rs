//! Views: which snapshots they take, what they keep, and what they acknowledge.

use crate::samples::*;
use proptest::collection::vec;
use proptest::prelude::*;
use ringshard_world::limits::*;
use ringshard_world::messages::*;
use ringshard_world::view::{Change, ViewError};
use std::collections::BTreeSet;
use std::slice::from_ref;

proptest! {
    #[test]
    fn a_view_survives_any_snapshots(messages in vec(any_snapshot(), 0..60)) {
        let mut view = view_from(1);
        for message in messages {
            let before = view.received();
            // A snapshot that is older or malformed changes no acknowledgment.
            if view.take(&message, |_| {}) != Ok(true) {
                prop_assert_eq!(view.received(), before);
            }
        }
        check_view(&mut view);
    }

    /// However versions repeat or jump, the view holds at most as many as the wire can tell apart.
    #[test]
    fn a_view_holds_few_versions(entries in vec((any_sound_entry(), any::<bool>()), 0..300)) {
        let mut view = view_from(0);
        for (number, (entry, again)) in entries.into_iter().enumerate() {
            let number = 2 * number as u16;
            let _ = view.take(&snapshot(number, number.into(), from_ref(&entry)), |_| {});
            if again {
                let _ = view.take(&snapshot(number + 1, number.into(), &[entry]), |_| {});
            }
        }
        check_view(&mut view);
    }
}

#[test]
fn a_view_has_room_for_every_index() {
    let mut view = view_from(0);
    for generation in [1, 2] {
        for (number, indices) in (0..=u16::MAX).collect::<Vec<_>>().chunks(4096).enumerate() {
            let entries: Vec<_> = indices.iter().map(|&index| full(id(index, generation), 1, &at(1))).collect();
            let number = u16::from(generation) * 100 + number as u16;
            assert_eq!(view.take(&snapshot(number, 1, &entries), |_| {}), Ok(true));
        }
        assert_eq!(view.len(), WORLD_ENTITIES_MAX);
    }
    assert!(view.entities().all(|seen| seen.id().generation == 2));
}

#[test]
fn a_difference_from_an_unknown_baseline_is_refused() {
    let mut view = view_from(0);
    let lost = difference(id(1, 1), 2, &at(2), 1, &at(1));
    assert_eq!(view.take(&snapshot(1, 1, from_ref(&lost)), |_| {}), Err(ViewError::UnknownBaseline(1)));
    assert_eq!(view.received(), None);
    assert_eq!(view.take(&snapshot(2, 2, &[full(id(1, 1), 7, &at(7))]), |_| {}), Ok(true));
    assert_eq!(view.take(&snapshot(3, 3, &[lost]), |_| {}), Err(ViewError::UnknownBaseline(1)));
    assert_eq!((view.received(), view.entity(id(1, 1)).unwrap().state()), (Some((2, 0)), &at(7)));
}

#[test]
fn an_index_is_reused_by_another_entity() {
    let mut view = view_from(0);
    let mut changes = Vec::new();
    assert_eq!(view.take(&snapshot(1, 1, &[full(id(1, 1), 1, &at(1))]), |_| {}), Ok(true));
    assert_eq!(view.take(&snapshot(2, 2, &[full(id(1, 2), 2, &at(2))]), |change| changes.push(change)), Ok(true));
    assert_eq!(changes, [Change::Left(id(1, 1)), Change::Entered(id(1, 2))]);
    assert!(view.entity(id(1, 1)).is_none());
    // The former entity is no baseline for the next one.
    let on_the_former = difference(id(1, 2), 3, &at(3), 1, &at(1));
    assert_eq!(view.take(&snapshot(3, 3, &[on_the_former]), |_| {}), Err(ViewError::UnknownBaseline(1)));
}

/// A version that is repeated while no acknowledgment arrives does not evict its baseline.
#[test]
fn a_baseline_outlasts_a_silence() {
    let mut view = view_from(0);
    assert_eq!(view.take(&snapshot(0, 0, &[full(id(1, 1), 4, &at(4))]), |_| {}), Ok(true));
    for number in 1..200 {
        let again = difference(id(1, 1), 5, &at(5), 4, &at(4));
        assert_eq!(view.take(&snapshot(number, number.into(), &[again]), |_| {}), Ok(true), "snapshot {number}");
    }
    assert_eq!(view.entity(id(1, 1)).unwrap().tick(), 199);
    check_view(&mut view);
}

/// The oldest baseline that a server may use is still held after all later versions.
#[test]
fn a_baseline_lasts_for_31_versions() {
    let mut view = view_from(0);
    assert_eq!(view.take(&snapshot(0, 0, &[full(id(1, 1), 100, &at(100))]), |_| {}), Ok(true));
    for age in 1..=BASELINE_AGE_MAX {
        let entry = difference(id(1, 1), 100 + age, &at(100 + age), 100, &at(100));
        assert_eq!(view.take(&snapshot(age as u16, age, &[entry]), |_| {}), Ok(true), "age {age}");
        assert_eq!(view.entity(id(1, 1)).unwrap().state(), &at(100 + age));
    }
    // Once the server uses a later baseline, the earlier versions are dropped.
    let entry = difference(id(1, 1), 132, &at(132), 131, &at(131));
    assert_eq!(view.take(&snapshot(32, 32, &[entry]), |_| {}), Ok(true));
    assert_eq!(versions_held(view.entity(id(1, 1)).unwrap()), 2);
}

proptest! {
    /// The acknowledgment matches a set of all snapshots taken.
    #[test]
    fn acknowledgments_name_the_snapshots_taken(
        first in any::<u16>(),
        ahead in vec(prop_oneof![4 => 1..4i16, 2 => 60..70i16, 1 => -70..1i16, 1 => any_i16()], 0..200),
    ) {
        let mut view = view_from(first);
        prop_assert_eq!(view.received(), None);
        // Above 2^16, so that no earlier number is below 0.
        let mut newest = u64::from(first) + (1 << 20);
        let mut taken = BTreeSet::from([newest]);
        prop_assert_eq!(view.take(&snapshot(first, 0, &[]), |_| {}), Ok(true));
        for ahead in ahead {
            let number = newest.wrapping_add_signed(ahead.into());
            prop_assert_eq!(view.take(&snapshot(number as u16, 0, &[]), |_| {}), Ok(ahead > 0));
            if ahead > 0 {
                newest = number;
                taken.insert(number);
            }
            let before = (0..64).filter(|bit| taken.contains(&(newest - 1 - bit))).map(|bit| 1 << bit).sum();
            prop_assert_eq!(view.received(), Some((newest as u16, before)));
        }
    }
}

#[test]
fn acknowledgments_reach_64_snapshots_back() {
    for (gap, before) in [(1, 0b11), (63, 0b11 << 62), (64, 1 << 63), (65, 0), (66, 0), (0x7FFF, 0)] {
        let mut view = view_from(0xFFF0);
        for number in [0xFFF0, 0xFFF1, 0xFFF1_u16.wrapping_add(gap)] {
            assert_eq!(view.take(&snapshot(number, 0, &[]), |_| {}), Ok(true));
        }
        assert_eq!(view.received(), Some((0xFFF1_u16.wrapping_add(gap), before)), "gap of {gap}");
    }
}

fn snapshot_of(number: u16, baseline: u16, base: &Owner<Own>, owner: &Owner<Own>) -> Vec<u8> {
    written(|writer| SnapshotHeader::new(number, number.into(), 0, 0).write(owner, baseline, base, writer))
}

fn owner_of(fuel: u8) -> Owner<Own> {
    Owner { body: Some(id(fuel.into(), 1)), own: Own { fuel, ..Own::default() } }
}

#[test]
fn an_owner_block_builds_on_any_of_the_last_31_snapshots() {
    for distance in 1..=OWNER_BASELINE_MAX {
        let first = 0xFFF8_u16;
        let mut view = view_from(first);
        let (base, next) = (owner_of(1), owner_of(2));
        assert_eq!(view.take(&snapshot_of(first, 0, &blank_owner(), &base), |_| {}), Ok(true));
        // The snapshots in between say other things; one of them is lost.
        for ahead in (1..distance).filter(|&ahead| ahead != 2) {
            let owner = owner_of(ahead as u8 + 10);
            assert_eq!(view.take(&snapshot_of(first.wrapping_add(ahead), ahead, &base, &owner), |_| {}), Ok(true));
            assert_eq!(view.owner(), &owner);
        }
        let number = first.wrapping_add(distance);
        assert_eq!(view.take(&snapshot_of(number, distance, &base, &next), |_| {}), Ok(true), "{distance} back");
        assert_eq!(view.owner(), &next);
    }
}

#[test]
fn an_owner_block_from_an_unknown_snapshot_is_refused() {
    let (base, next) = (owner_of(1), owner_of(2));
    let mut view = view_from(0);
    let lost = snapshot_of(3, 1, &base, &next);
    assert_eq!(view.take(&lost, |_| {}), Err(ViewError::UnknownOwnerBaseline), "nothing was received");
    assert_eq!(view.take(&snapshot_of(1, 0, &blank_owner(), &base), |_| {}), Ok(true));
    assert_eq!(view.take(&lost, |_| {}), Err(ViewError::UnknownOwnerBaseline), "snapshot 2 was lost");
    assert_eq!((view.received(), view.owner()), (Some((1, 0)), &base));
    // 32 numbers later, another snapshot takes the place of snapshot 1. It is lost.
    assert_eq!(view.take(&snapshot_of(34, 1, &base, &next), |_| {}), Err(ViewError::UnknownOwnerBaseline));
}

/// A later presence begins with nothing: not even a late snapshot of the earlier one is applied.
#[test]
fn a_new_presence_forgets_the_earlier_one() {
    let mut view = view_from(5);
    let owner = owner_of(1);
    let first = [snapshot_of(5, 0, &blank_owner(), &owner), full(id(1, 1), 1, &at(1))].concat();
    assert_eq!(view.take(&first, |_| {}), Ok(true));
    let late = snapshot(6, 6, &[full(id(2, 1), 1, &at(2))]);
    view.begin(7);
    assert!(view.is_empty() && view.received().is_none() && view.newest().is_none());
    assert_eq!(view.owner(), &blank_owner());
    assert_eq!(view.take(&late, |_| {}), Ok(false));
    assert_eq!(
        view.take(&snapshot(7, 7, &[difference(id(1, 1), 2, &at(3), 1, &at(1))]), |_| {}),
        Err(ViewError::UnknownBaseline(1))
    );
    assert_eq!(view.take(&snapshot_of(8, 3, &owner, &owner), |_| {}), Err(ViewError::UnknownOwnerBaseline));
    assert_eq!(view.take(&snapshot(9, 9, &[full(id(1, 1), 1, &at(4))]), |_| {}), Ok(true));
    assert_eq!((view.received(), view.len()), (Some((9, 0)), 1));
}

#[test]
fn snapshots_before_the_first_one_are_ignored() {
    let mut view = view_from(0xFFFF);
    for number in [0xFFFE, 0xFF00, 0x8000] {
        assert_eq!(view.take(&snapshot(number, 1, &[]), |_| {}), Ok(false), "{number}");
    }
    assert_eq!(view.take(&snapshot(1, 1, &[]), |_| {}), Ok(true), "the first two were lost");
    assert_eq!(view.received(), Some((1, 0)), "they do not count as received");
}

/// The highest value of the tick on the wire is followed by 0; the view counts on.
#[test]
fn a_tick_does_not_wrap() {
    let mut view = view_from(0);
    for (number, tick, counted) in
        [(0, u32::MAX - 1, u64::from(u32::MAX) - 1), (1, 3, (1 << 32) + 3), (2, 2, (1 << 32) + 2)]
    {
        assert_eq!(view.take(&snapshot(number, tick, &[]), |_| {}), Ok(true));
        assert_eq!(view.tick(), counted);
    }
}
