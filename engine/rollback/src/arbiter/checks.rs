//! Digests of the states that clients have after the same tick, compared.

use crate::messages::Difference;
use crate::together::SEATS_MAX;

/// Checked ticks that are kept.
pub(super) const KEPT: usize = 8;

/// The digests of one tick.
#[derive(Clone, Copy)]
struct Check {
    tick: u64,
    /// The digest of the server's own state.
    reference: Option<u32>,
    of: [Option<u32>; SEATS_MAX],
}

/// What became of a digest.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// It was noted before, its tick is too old, or there is nothing to compare it with yet.
    Nothing,
    /// It is the same as the server's, or as that of every client so far.
    Agrees,
    /// It differs from the server's, or from another client's.
    Differs(Difference),
    /// The client has said something else of this tick before.
    Contradicts,
}

/// The digests of the last checked ticks.
pub(super) struct Checks {
    kept: [Option<Check>; KEPT],
    every: u64,
    /// For each seat, the seats from which it is known to differ. Only without a reference.
    differ: [u8; SEATS_MAX],
}

impl Checks {
    pub(super) fn new(every: u8) -> Self {
        Checks { kept: [None; KEPT], every: u64::from(every), differ: [0; SEATS_MAX] }
    }

    /// Whether digests of this tick are compared.
    pub(super) fn is_checked(&self, tick: u64) -> bool {
        u64::from(tick as u32).is_multiple_of(self.every)
    }

    /// The match has reached a tick that is checked.
    pub(super) fn begin(&mut self, tick: u64, reference: Option<u32>) {
        self.kept.rotate_right(1);
        self.kept[0] = Some(Check { tick, reference, of: [None; SEATS_MAX] });
    }

    /// Another player has this seat.
    pub(super) fn forget(&mut self, seat: usize) {
        self.kept.iter_mut().flatten().for_each(|check| check.of[seat] = None);
        self.differ[seat] = 0;
        self.differ.iter_mut().for_each(|seats| *seats &= !(1 << seat));
    }

    /// A client says which digest it has.
    pub(super) fn note(&mut self, tick: u64, seat: usize, digest: u32) -> Outcome {
        let Checks { kept, differ, .. } = self;
        let Some(check) = kept.iter_mut().flatten().find(|check| check.tick == tick) else { return Outcome::Nothing };
        match check.of[seat] {
            None => check.of[seat] = Some(digest),
            Some(former) if former == digest => return Outcome::Nothing,
            // It has got the server's state since.
            Some(_) if check.reference == Some(digest) => check.of[seat] = Some(digest),
            Some(_) => return Outcome::Contradicts,
        }
        if let Some(reference) = check.reference {
            let difference = Difference { tick: tick as u32, seat: seat as u8, from: 0 };
            return if reference == digest { Outcome::Agrees } else { Outcome::Differs(difference) };
        }
        let (mut compared, mut from) = (false, 0);
        for other in (0..SEATS_MAX).filter(|&other| other != seat) {
            let Some(of) = check.of[other] else { continue };
            compared = true;
            from |= u8::from(of != digest) << other;
        }
        // Reports each pair once: without a reference state, nothing can correct it.
        from &= !differ[seat];
        differ[seat] |= from;
        (0..SEATS_MAX).filter(|other| from & 1 << other != 0).for_each(|other| differ[other] |= 1 << seat);
        match (compared, from) {
            (false, _) => Outcome::Nothing,
            (true, 0) => Outcome::Agrees,
            (true, _) => Outcome::Differs(Difference { tick: tick as u32, seat: seat as u8, from }),
        }
    }
}
