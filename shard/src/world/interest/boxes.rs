//! Packets of sixteen entities and the bounding boxes around them: the tree that a query descends.
//!
//! All data is in arrays of [`FAN`] elements, one array per coordinate, so that the compiler vectorises comparisons.

/// Entities per packet, packets per group, groups per region.
pub(super) const FAN: usize = 16;

/// A position with 2^31 subtracted on each axis: every processor has vector comparisons for signed numbers.
pub(super) fn signed(position: [u32; 3]) -> [i32; 3] {
    position.map(|along| (along ^ 1 << 31) as i32)
}

/// From how far entities are seen: those of a class, or all in a box.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    /// Square of the least distance from which none of them is seen.
    pub unseen_from: u64,
    /// The greatest of their weights.
    pub weight_log2: u8,
}

impl Seen {
    /// Seen from nowhere.
    pub(super) const NEVER: Seen = Seen { unseen_from: 0, weight_log2: 0 };

    fn and(self, other: Seen) -> Seen {
        Seen {
            unseen_from: self.unseen_from.max(other.unseen_from),
            weight_log2: self.weight_log2.max(other.weight_log2),
        }
    }

    /// The least key that an entity at this distance can have.
    #[inline]
    pub(super) fn key(self, square: u64) -> u64 {
        square >> self.weight_log2
    }

    /// Square of the least distance at which no entity has a key below `limit`.
    #[inline]
    pub(super) fn beyond(self, limit: u64) -> u64 {
        self.unseen_from.min(limit << self.weight_log2)
    }
}

/// An entity as it was passed to the grid.
#[derive(Clone, Copy)]
pub(super) struct Given {
    pub at: [i32; 3],
    pub index: u16,
    pub class: u8,
}

/// Sixteen neighbours on the Z-curve.
#[derive(Clone)]
pub(super) struct Packet {
    pub at: [[i32; FAN]; 3],
    pub index: [u16; FAN],
    pub class: [u8; FAN],
}

impl Packet {
    pub(super) const EMPTY: Packet = Packet { at: [[0; FAN]; 3], index: [0; FAN], class: [0; FAN] };

    #[inline]
    pub(super) fn put(&mut self, lane: usize, Given { at, index, class }: Given) {
        for (coordinates, at) in self.at.iter_mut().zip(at) {
            coordinates[lane] = at;
        }
        self.index[lane] = index;
        self.class[lane] = class;
    }

    pub(super) fn get(&self, lane: usize) -> Given {
        Given { at: [0, 1, 2].map(|axis| self.at[axis][lane]), index: self.index[lane], class: self.class[lane] }
    }

    /// Squares of their distances from a point.
    #[inline(never)]
    pub(super) fn distances(&self, from: [i32; 3]) -> [u64; FAN] {
        squares(|axis, lane| self.at[axis][lane].abs_diff(from[axis]))
    }
}

/// Sixteen boxes.
#[derive(Clone)]
pub(super) struct Boxes {
    low: [[i32; FAN]; 3],
    high: [[i32; FAN]; 3],
    pub seen: [Seen; FAN],
}

impl Boxes {
    pub(super) const EMPTY: Boxes =
        Boxes { low: [[i32::MAX; FAN]; 3], high: [[i32::MIN; FAN]; 3], seen: [Seen::NEVER; FAN] };

    /// Puts a box around a packet.
    pub(super) fn put_packet(&mut self, lane: usize, packet: &Packet, seen: impl Fn(u8) -> Seen) {
        let mut present = packet.class.iter().fold(0u32, |present, &class| present | 1 << class);
        let mut all = Seen::NEVER;
        while present != 0 {
            all = all.and(seen(present.trailing_zeros() as u8));
            present &= present - 1;
        }
        self.put(lane, &packet.at, &packet.at, all);
    }

    /// Puts a box around other boxes.
    pub(super) fn put_boxes(&mut self, lane: usize, part: &Boxes) {
        let all = part.seen.iter().fold(Seen::NEVER, |all, &seen| all.and(seen));
        self.put(lane, &part.low, &part.high, all);
    }

    fn put(&mut self, lane: usize, low: &[[i32; FAN]; 3], high: &[[i32; FAN]; 3], seen: Seen) {
        for axis in 0..3 {
            self.low[axis][lane] = low[axis].iter().copied().fold(i32::MAX, i32::min);
            self.high[axis][lane] = high[axis].iter().copied().fold(i32::MIN, i32::max);
        }
        self.seen[lane] = seen;
    }

    /// Squares of the distances of the boxes from a point.
    #[inline(never)]
    pub(super) fn distances(&self, from: [i32; 3]) -> [u64; FAN] {
        // A point is on both sides of an empty box only, which is then as far away as possible.
        squares(|axis, lane| {
            let (low, high, from) = (self.low[axis][lane], self.high[axis][lane], from[axis]);
            above(low, from) + above(from, high)
        })
    }

    /// Which of the boxes have a point in common with another box. An empty box has none, even with one without end.
    #[inline(never)]
    pub(super) fn overlap(&self, low: [i32; 3], high: [i32; 3]) -> [bool; FAN] {
        let mut overlap = [true; FAN];
        for axis in 0..3 {
            for (lane, overlap) in overlap.iter_mut().enumerate() {
                let (from, to) = (self.low[axis][lane], self.high[axis][lane]);
                *overlap &= (from <= to) & (from <= high[axis]) & (to >= low[axis]);
            }
        }
        overlap
    }
}

/// By how much `a` is greater than `b`.
#[inline]
fn above(a: i32, b: i32) -> u32 {
    if a > b { a.wrapping_sub(b) as u32 } else { 0 }
}

/// Sums of the squares along three axes. The compiler vectorises one loop per axis over 32-bit numbers.
#[inline]
fn squares(along: impl Fn(usize, usize) -> u32) -> [u64; FAN] {
    let mut sums = [0; FAN];
    let mut far = [0; FAN];
    for axis in 0..3 {
        let mut steps = [0; FAN];
        for lane in 0..FAN {
            steps[lane] = along(axis, lane);
            far[lane] |= steps[lane] >> 31;
        }
        for lane in 0..FAN {
            sums[lane] += u64::from(steps[lane] & 0x7fff_ffff).pow(2);
        }
    }
    // Distances of 2^31 or more on any axis are all treated alike: bit 63 makes them the farthest.
    for lane in 0..FAN {
        sums[lane] |= u64::from(far[lane]) << 63;
    }
    sums
}
