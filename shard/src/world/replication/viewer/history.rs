//! The snapshots in flight, with the entries of each: two rings. They are as long as the client's round trip needs, so that
//! those of thousands of clients stay in the cache.

use super::block::SLOTS_MAX;
use super::ring::Ring;
use ringshard_prefetch::prefetch;
use ringshard_world::limits::SNAPSHOTS_ACKNOWLEDGED;
use std::mem::offset_of;

/// Snapshots that are kept at first, and at most: as many as an acknowledgment names.
const SNAPSHOTS_FIRST: usize = 16;
pub(super) const SNAPSHOTS_MAX: usize = SNAPSHOTS_ACKNOWLEDGED as usize;
/// Entries that are kept at first, and at most. Older ones count as lost.
const ENTRIES_FIRST: usize = 128;
const ENTRIES_MAX: usize = 1024;
/// A number that is this far behind is not behind but ahead: numbers wrap.
const BEHIND_MAX: u16 = 0x7FFF;

// Numbers wrap, and index the rings.
const _: () = assert!(SNAPSHOTS_FIRST.is_power_of_two() && SNAPSHOTS_MAX.is_power_of_two());
const _: () = assert!(ENTRIES_FIRST.is_power_of_two() && ENTRIES_MAX.is_power_of_two() && SLOTS_MAX <= ENTRIES_MAX);
// Else a snapshot of the ring could not be distinguished from one that wrapped.
const _: () = assert!(SNAPSHOTS_MAX * SLOTS_MAX < 1 << u16::BITS);

/// An entry in flight.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    pub(super) slot: u8,
    pub(super) gone: bool,
    pub(super) version: u16,
}

/// A snapshot in flight.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    /// The tick of the snapshot.
    pub(super) tick: u32,
    /// Number of its first entry, of all that were ever recorded.
    start: u16,
    /// Number of its entries, and [`WAITING`].
    count: u16,
}

/// The bit of a count that says that the snapshot waits for its acknowledgment.
const WAITING: u16 = 1 << 15;

impl Sent {
    fn is_waiting(self) -> bool {
        self.count & WAITING != 0
    }

    fn len(self) -> u16 {
        self.count & !WAITING
    }
}

#[derive(Debug)]
#[repr(C)]
pub(super) struct History {
    /// Number of the next snapshot.
    next: u16,
    /// How many snapshots were sent, as far as numbers can tell: at most [`BEHIND_MAX`].
    known: u16,
    /// Entries that were ever recorded. It wraps.
    recorded: u16,
    /// The value of `recorded` before the snapshot that is being written.
    start: u16,
    /// How many of the last snapshots and entries the rings have: fewer than they have room for after they have grown.
    kept: u16,
    kept_entries: u16,
    sent: Ring<Sent, SNAPSHOTS_FIRST>,
    entries: Ring<Entry, ENTRIES_FIRST>,
}

impl History {
    /// So many bytes come before the entries.
    pub(super) const FRONT: usize = offset_of!(History, entries) + size_of::<Vec<Entry>>();

    /// No snapshots; the first one will have number `first`.
    pub(super) fn new(first: u16) -> History {
        History {
            next: first,
            known: 0,
            recorded: 0,
            start: 0,
            kept: 0,
            kept_entries: 0,
            sent: Ring::new(Sent::default()),
            entries: Ring::new(Entry::default()),
        }
    }

    /// The number of the next snapshot.
    #[inline]
    pub(super) fn next(&self) -> u16 {
        self.next
    }

    /// Whether a snapshot of this number was sent. The last one is the one before the next; those before the first belong to
    /// an earlier presence.
    pub(super) fn was_sent(&self, number: u16) -> bool {
        (1..=self.known).contains(&self.next.wrapping_sub(number))
    }

    /// Whether a snapshot of this number was sent, and newer ones have not displaced it.
    fn is_kept(&self, number: u16) -> bool {
        (1..=self.kept).contains(&self.next.wrapping_sub(number))
    }

    /// Prefetches what recording the next snapshot will write.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(self.entries.at(self.recorded));
    }

    /// Prefetches the entries of snapshot `number`.
    #[inline]
    pub(super) fn prefetch_entries(&self, number: u16) {
        prefetch(self.entries.at(self.sent.at(number).start));
    }

    /// Records an entry of the snapshot that is being written.
    #[inline]
    pub(super) fn record_entry(&mut self, entry: Entry) {
        *self.entries.at_mut(self.recorded) = entry;
        self.recorded = self.recorded.wrapping_add(1);
        self.kept_entries = (self.kept_entries + 1).min(self.entries.len() as u16);
    }

    /// Records the snapshot that was written. Returns the tick of the one that it displaces, if its entries may have
    /// arrived or not.
    pub(super) fn record_snapshot(&mut self, tick: u32) -> Option<u32> {
        let count = self.recorded.wrapping_sub(self.start);
        assert!(usize::from(count) <= SLOTS_MAX, "a snapshot has at most one entry per slot");
        // Before the round trip is as long as the ring: a snapshot is looked up for a while after its acknowledgment, too.
        let half = self.next.wrapping_sub(self.sent.len() as u16 / 2);
        if self.in_flight(half).is_some() && self.sent.len() < SNAPSHOTS_MAX {
            self.sent.grow(self.next, Sent::default());
        }
        let sent = Sent { tick, start: self.start, count: count | WAITING };
        let displaced = std::mem::replace(self.sent.at_mut(self.next), sent);
        self.start = self.recorded;
        self.next = self.next.wrapping_add(1);
        self.known = (self.known + 1).min(BEHIND_MAX);
        self.kept = (self.kept + 1).min(self.sent.len() as u16);
        (displaced.is_waiting() && displaced.len() > 0).then_some(displaced.tick)
    }

    /// The snapshot `number`, if it waits for its acknowledgment.
    pub(super) fn in_flight(&self, number: u16) -> Option<Sent> {
        let sent = *self.sent.at(number);
        (sent.is_waiting() && self.is_kept(number)).then_some(sent)
    }

    /// The tick of snapshot `number`, whether it still waits or not; None if newer ones have displaced it.
    pub(super) fn tick_of(&self, number: u16) -> Option<u32> {
        self.is_kept(number).then(|| self.sent.at(number).tick)
    }

    /// The snapshot `number` is acknowledged or lost: it no longer waits.
    pub(super) fn settle(&mut self, number: u16) {
        let sent = self.sent.at_mut(number);
        assert!(sent.is_waiting(), "snapshot {number} is in flight until it is settled");
        sent.count &= !WAITING;
    }

    /// The entries of a snapshot; None if newer ones have overwritten some of them. The ring grows then.
    pub(super) fn entries(&mut self, sent: Sent) -> Option<impl Iterator<Item = Entry> + '_> {
        if self.recorded.wrapping_sub(sent.start) > self.kept_entries {
            if self.entries.len() < ENTRIES_MAX {
                self.entries.grow(self.recorded, Entry::default());
            }
            return None;
        }
        let numbers = (0..sent.len()).map(move |at| sent.start.wrapping_add(at));
        Some(numbers.map(|number| *self.entries.at(number)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client may name any number: a tick of a snapshot that was never sent would let it choose what it has seen.
    #[test]
    fn the_tick_of_a_snapshot_is_known_from_its_sending_until_it_is_displaced() {
        let mut history = History::new(0);
        assert!((0..=u16::MAX).all(|number| history.tick_of(number).is_none() && history.in_flight(number).is_none()));
        for number in 0..200_u16 {
            history.record_snapshot(1_000 + u32::from(number));
        }
        for number in 0..=u16::MAX {
            let kept = (200 - SNAPSHOTS_MAX as u16..200).contains(&number);
            assert_eq!(history.tick_of(number), kept.then(|| 1_000 + u32::from(number)), "{number}");
        }
        history.settle(199);
        assert_eq!((history.tick_of(199), history.in_flight(199).is_none()), (Some(1_199), true));
    }

    /// An entry of another snapshot would tell the server that a client has what it has not.
    #[test]
    fn entries_are_those_of_their_snapshot_whatever_the_round_trip_is_and_none_once_overwritten() {
        for (round_trip, per_snapshot) in [(1, 200), (3, 10), (20, 3), (40, 20), (60, 100)] {
            let mut history = History::new(65_000);
            let (mut kept, mut lost) = (0, 0);
            for at in 0..2_000_u32 {
                let number = 65_000_u16.wrapping_add(at as u16);
                assert_eq!(history.next(), number);
                for entry in 0..per_snapshot {
                    history.record_entry(Entry { slot: entry, gone: false, version: number });
                }
                history.record_snapshot(at);
                let Some(acknowledged) = at.checked_sub(round_trip) else { continue };
                let acknowledged = 65_000_u16.wrapping_add(acknowledged as u16);
                let Some(sent) = history.in_flight(acknowledged) else { continue };
                assert_eq!(sent.tick, at - round_trip);
                history.settle(acknowledged);
                match history.entries(sent) {
                    Some(entries) => {
                        let entries: Vec<Entry> = entries.collect();
                        assert!(entries.iter().all(|entry| entry.version == acknowledged), "{round_trip}");
                        assert!(entries.iter().map(|entry| entry.slot).eq(0..per_snapshot), "{round_trip}");
                        kept += 1;
                    }
                    None => lost += 1,
                }
            }
            let fits = (round_trip as usize + 1) * usize::from(per_snapshot) <= ENTRIES_MAX;
            assert!(kept + lost >= 1_900, "{round_trip}: {kept} and {lost}");
            assert!(!fits || lost < 200, "{round_trip}: {lost} lost");
        }
    }
}
