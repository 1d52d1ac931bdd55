//! The snapshots in flight, with the entries of each: two rings. They are as long as the client's round trip needs, so that
//! those of thousands of clients stay in the cache.

use super::block::SLOTS_MAX;
use ringshard_prefetch::prefetch;
use ringshard_world::limits::SNAPSHOTS_ACKNOWLEDGED;
use smallvec::SmallVec;

/// Snapshots that are kept at first, and at most: as many as an acknowledgment names.
const SNAPSHOTS_FIRST: usize = 32;
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
    sent: SmallVec<[Sent; SNAPSHOTS_FIRST]>,
    entries: SmallVec<[Entry; ENTRIES_FIRST]>,
}

impl History {
    /// No snapshots; the first one will have number `first`.
    pub(super) fn new(first: u16) -> History {
        History {
            next: first,
            known: 0,
            recorded: 0,
            start: 0,
            kept: 0,
            kept_entries: 0,
            sent: SmallVec::from_buf([Sent::default(); SNAPSHOTS_FIRST]),
            entries: SmallVec::from_buf([Entry::default(); ENTRIES_FIRST]),
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

    #[inline]
    fn place(&self, number: u16) -> usize {
        usize::from(number) % self.sent.len()
    }

    #[inline]
    fn entry_place(&self, number: u16) -> usize {
        usize::from(number) % self.entries.len()
    }

    /// Prefetches what recording the next snapshot will write.
    #[inline]
    pub(super) fn prefetch(&self) {
        prefetch(&self.entries[self.entry_place(self.recorded)]);
        prefetch(&self.sent[self.place(self.next)]);
    }

    /// Prefetches what an acknowledgment of snapshot `number` reads.
    #[inline]
    pub(super) fn prefetch_sent(&self, number: u16) {
        let sent = &self.sent[self.place(number)];
        prefetch(sent);
    }

    /// Prefetches the entries of snapshot `number`.
    #[inline]
    pub(super) fn prefetch_entries(&self, number: u16) {
        let start = self.sent[self.place(number)].start;
        prefetch(&self.entries[self.entry_place(start)]);
    }

    /// Records an entry of the snapshot that is being written.
    #[inline]
    pub(super) fn record_entry(&mut self, entry: Entry) {
        let place = self.entry_place(self.recorded);
        self.entries[place] = entry;
        self.recorded = self.recorded.wrapping_add(1);
        self.kept_entries = (self.kept_entries + 1).min(self.entries.len() as u16);
    }

    /// Records the snapshot that was written. Returns whether it displaces one whose entries may have arrived or not.
    pub(super) fn record_snapshot(&mut self, tick: u32) -> bool {
        let count = self.recorded.wrapping_sub(self.start);
        assert!(usize::from(count) <= SLOTS_MAX, "a snapshot has at most one entry per slot");
        // Before the round trip is as long as the ring: a snapshot is looked up for a while after its acknowledgment, too.
        let half = self.next.wrapping_sub(self.sent.len() as u16 / 2);
        if self.in_flight(half).is_some() && self.sent.len() < SNAPSHOTS_MAX {
            self.keep_more_snapshots();
        }
        let sent = Sent { tick, start: self.start, count: count | WAITING };
        let place = self.place(self.next);
        let displaced = std::mem::replace(&mut self.sent[place], sent);
        self.start = self.recorded;
        self.next = self.next.wrapping_add(1);
        self.known = (self.known + 1).min(BEHIND_MAX);
        self.kept = (self.kept + 1).min(self.sent.len() as u16);
        displaced.is_waiting() && displaced.len() > 0
    }

    #[cold]
    fn keep_more_snapshots(&mut self) {
        let former = std::mem::take(&mut self.sent);
        self.sent.resize(former.len() * 2, Sent::default());
        for behind in 1..=former.len() as u16 {
            let number = self.next.wrapping_sub(behind);
            let place = self.place(number);
            self.sent[place] = former[usize::from(number) % former.len()];
        }
    }

    #[cold]
    fn keep_more_entries(&mut self) {
        let former = std::mem::take(&mut self.entries);
        self.entries.resize(former.len() * 2, Entry::default());
        for behind in 1..=former.len() as u16 {
            let number = self.recorded.wrapping_sub(behind);
            let place = self.entry_place(number);
            self.entries[place] = former[usize::from(number) % former.len()];
        }
    }

    /// The snapshot `number`, if it waits for its acknowledgment.
    pub(super) fn in_flight(&self, number: u16) -> Option<Sent> {
        let sent = self.sent[self.place(number)];
        (sent.is_waiting() && self.is_kept(number)).then_some(sent)
    }

    /// The tick of snapshot `number`, whether it still waits or not; None if newer ones have displaced it.
    pub(super) fn tick_of(&self, number: u16) -> Option<u32> {
        self.is_kept(number).then(|| self.sent[self.place(number)].tick)
    }

    /// The snapshot `number` is acknowledged or lost: it no longer waits.
    pub(super) fn settle(&mut self, number: u16) {
        let place = self.place(number);
        assert!(self.sent[place].is_waiting(), "snapshot {number} is in flight until it is settled");
        self.sent[place].count &= !WAITING;
    }

    /// The entries of a snapshot; None if newer ones have overwritten some of them. The ring grows then.
    pub(super) fn entries(&mut self, sent: Sent) -> Option<impl Iterator<Item = Entry> + '_> {
        if self.recorded.wrapping_sub(sent.start) > self.kept_entries {
            if self.entries.len() < ENTRIES_MAX {
                self.keep_more_entries();
            }
            return None;
        }
        let numbers = (0..sent.len()).map(move |at| sent.start.wrapping_add(at));
        Some(numbers.map(|number| self.entries[self.entry_place(number)]))
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
