//! The snapshots in flight, with the entries of each: two rings of fixed size.

use super::slot::SLOTS_MAX;
use ringshard_prefetch::prefetch;
use ringshard_world::limits::SNAPSHOTS_ACKNOWLEDGED;

/// Snapshots that are kept.
pub(super) const SNAPSHOTS: usize = SNAPSHOTS_ACKNOWLEDGED as usize + 1;
/// Entries that are kept. Older ones count as lost.
const ENTRIES: usize = 1024;

/// An entry in flight.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    pub(super) slot: u8,
    pub(super) gone: bool,
    /// The low bits of the version.
    pub(super) version: u16,
}

/// A snapshot in flight.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    pub(super) number: u16,
    /// Whether it waits for its acknowledgment.
    waiting: bool,
    count: u16,
    /// Number of its first entry, of all that were ever recorded.
    start: u32,
    /// The tick of the snapshot.
    pub(super) tick: u32,
}

#[derive(Debug)]
pub(super) struct History {
    sent: Box<[Sent; SNAPSHOTS]>,
    entries: Box<[Entry]>,
    /// Entries that were ever recorded. It wraps.
    recorded: u32,
    /// The value of `recorded` before the snapshot that is being written.
    start: u32,
}

const _: () = assert!(ENTRIES.is_power_of_two() && SNAPSHOTS <= u16::MAX as usize && SLOTS_MAX <= ENTRIES);

impl History {
    pub(super) fn new() -> History {
        // Numbers that belong elsewhere: no snapshot is found before it was sent.
        let sent = std::array::from_fn(|at| Sent { number: at as u16 + 1, ..Sent::default() });
        History {
            sent: Box::new(sent),
            entries: vec![Entry::default(); ENTRIES].into_boxed_slice(),
            recorded: 0,
            start: 0,
        }
    }

    /// Prefetches what recording snapshot `number` will write.
    #[inline]
    pub(super) fn prefetch(&self, number: u16) {
        prefetch(&self.entries[self.recorded as usize % ENTRIES]);
        prefetch(&self.sent[usize::from(number) % SNAPSHOTS]);
    }

    /// Prefetches what an acknowledgment of snapshot `number` reads first.
    #[inline]
    pub(super) fn prefetch_sent(&self, number: u16) {
        prefetch(&self.sent[usize::from(number) % SNAPSHOTS]);
    }

    /// Records an entry of the snapshot that is being written.
    pub(super) fn record_entry(&mut self, entry: Entry) {
        self.entries[self.recorded as usize % ENTRIES] = entry;
        self.recorded = self.recorded.wrapping_add(1);
    }

    /// Records the snapshot that was written. Returns whether it displaces one whose entries may have arrived or not.
    pub(super) fn record_snapshot(&mut self, number: u16, tick: u32) -> bool {
        let count = self.recorded.wrapping_sub(self.start);
        assert!(count as usize <= SLOTS_MAX, "a snapshot has at most one entry per slot");
        let sent = Sent { number, waiting: true, count: count as u16, start: self.start, tick };
        self.start = self.recorded;
        let displaced = std::mem::replace(&mut self.sent[usize::from(number) % SNAPSHOTS], sent);
        displaced.waiting && displaced.count > 0
    }

    /// The snapshot `number`, if it waits for its acknowledgment.
    pub(super) fn in_flight(&self, number: u16) -> Option<Sent> {
        let sent = self.sent[usize::from(number) % SNAPSHOTS];
        (sent.waiting && sent.number == number).then_some(sent)
    }

    /// The tick of snapshot `number`, whether it still waits or not; None if newer ones have displaced it.
    pub(super) fn tick_of(&self, number: u16) -> Option<u32> {
        let sent = self.sent[usize::from(number) % SNAPSHOTS];
        (sent.number == number).then_some(sent.tick)
    }

    /// The snapshot `number` is acknowledged or lost: it no longer waits.
    pub(super) fn settle(&mut self, number: u16) {
        let sent = &mut self.sent[usize::from(number) % SNAPSHOTS];
        assert!(sent.waiting && sent.number == number, "snapshot {number} is in flight until it is settled");
        sent.waiting = false;
    }

    /// The entries of a snapshot; None if newer ones have overwritten some of them.
    pub(super) fn entries(&self, sent: Sent) -> Option<impl Iterator<Item = Entry> + '_> {
        let kept = self.recorded.wrapping_sub(sent.start) <= ENTRIES as u32;
        let entries = (0..u32::from(sent.count)).map(move |at| sent.start.wrapping_add(at) as usize % ENTRIES);
        kept.then(|| entries.map(|at| self.entries[at]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A client may name any number: a tick of a snapshot that was never sent would let it choose what it has seen.
    #[test]
    fn the_tick_of_a_snapshot_is_known_from_its_sending_until_it_is_displaced() {
        let mut history = History::new();
        assert!((0..=u16::MAX).all(|number| history.tick_of(number).is_none() && history.in_flight(number).is_none()));
        for number in 0..200_u16 {
            history.record_snapshot(number, 1_000 + u32::from(number));
        }
        for number in 0..=u16::MAX {
            let kept = (200 - SNAPSHOTS as u16..200).contains(&number);
            assert_eq!(history.tick_of(number), kept.then(|| 1_000 + u32::from(number)), "{number}");
        }
        history.settle(199);
        assert_eq!((history.tick_of(199), history.in_flight(199).is_none()), (Some(1_199), true));
    }
}
