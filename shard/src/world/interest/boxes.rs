//! Entities by sixteens, and the boxes around them: what a query walks.
//!
//! Everything stands in arrays of [`FAN`], an array for each coordinate, so that the compiler compares many at a time.

/// Entities in a packet, packets in a group, groups in a region.
pub(super) const FAN: usize = 16;

/// A place as it is kept: 2^31 less on each axis, since it is signed numbers that every processor compares many at a time.
pub(super) fn kept(place: [u32; 3]) -> [i32; 3] {
    place.map(|along| (along ^ 1 << 31) as i32)
}

/// From where entities are seen: those of a class, or all that stand together.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    /// Square of the least distance from which none of them is.
    pub unseen_from: u64,
    /// The greatest of their weights.
    pub weight_log2: u8,
}

impl Seen {
    /// As nobody is.
    pub(super) const NEVER: Seen = Seen { unseen_from: 0, weight_log2: 0 };

    fn and(self, other: Seen) -> Seen {
        Seen {
            unseen_from: self.unseen_from.max(other.unseen_from),
            weight_log2: self.weight_log2.max(other.weight_log2),
        }
    }

    /// The key at a distance; nobody has a lower one there.
    #[inline]
    pub(super) fn key(self, square: u64) -> u64 {
        square >> self.weight_log2
    }

    /// Square of the least distance at which nobody has a key below `limit`.
    #[inline]
    pub(super) fn beyond(self, limit: u64) -> u64 {
        self.unseen_from.min(limit << self.weight_log2)
    }
}

/// An entity as it was given.
#[derive(Clone, Copy)]
pub(super) struct Given {
    pub at: [i32; 3],
    pub index: u16,
    pub class: u8,
}

/// Neighbours on the curve.
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
        for (places, at) in self.at.iter_mut().zip(at) {
            places[lane] = at;
        }
        self.index[lane] = index;
        self.class[lane] = class;
    }

    /// Squares of their distances from a place.
    #[inline(never)]
    pub(super) fn distances(&self, from: [i32; 3]) -> [u64; FAN] {
        squares(|axis, lane| self.at[axis][lane].abs_diff(from[axis]))
    }
}

/// Boxes side by side.
#[derive(Clone)]
pub(super) struct Boxes {
    low: [[i32; FAN]; 3],
    high: [[i32; FAN]; 3],
    pub seen: [Seen; FAN],
}

impl Boxes {
    const EMPTY: Boxes = Boxes { low: [[i32::MAX; FAN]; 3], high: [[i32::MIN; FAN]; 3], seen: [Seen::NEVER; FAN] };

    /// A box around each packet.
    pub(super) fn around_packets(packets: &[Packet], seen: impl Fn(u8) -> Seen) -> Boxes {
        let mut boxes = Boxes::EMPTY;
        for (lane, packet) in packets.iter().enumerate() {
            let mut present = packet.class.iter().fold(0u32, |present, &class| present | 1 << class);
            let mut all = Seen::NEVER;
            while present != 0 {
                all = all.and(seen(present.trailing_zeros() as u8));
                present &= present - 1;
            }
            boxes.put(lane, &packet.at, &packet.at, all);
        }
        boxes
    }

    /// A box around each of `parts`.
    pub(super) fn around_boxes(parts: &[Boxes]) -> Boxes {
        let mut boxes = Boxes::EMPTY;
        for (lane, part) in parts.iter().enumerate() {
            let all = part.seen.iter().fold(Seen::NEVER, |all, &seen| all.and(seen));
            boxes.put(lane, &part.low, &part.high, all);
        }
        boxes
    }

    fn put(&mut self, lane: usize, low: &[[i32; FAN]; 3], high: &[[i32; FAN]; 3], seen: Seen) {
        for axis in 0..3 {
            self.low[axis][lane] = low[axis].iter().copied().fold(i32::MAX, i32::min);
            self.high[axis][lane] = high[axis].iter().copied().fold(i32::MIN, i32::max);
        }
        self.seen[lane] = seen;
    }

    /// Squares of the distances of the boxes from a place.
    #[inline(never)]
    pub(super) fn distances(&self, from: [i32; 3]) -> [u64; FAN] {
        // No place is on both sides of a box, but of an empty one, which is as far as can be.
        squares(|axis, lane| {
            let (low, high, from) = (self.low[axis][lane], self.high[axis][lane], from[axis]);
            above(low, from) + above(from, high)
        })
    }
}

/// By how much `a` is greater than `b`.
#[inline]
fn above(a: i32, b: i32) -> u32 {
    if a > b { a.wrapping_sub(b) as u32 } else { 0 }
}

/// Sums of the squares along three axes. A loop an axis, over 32-bit numbers, is what the compiler makes use of.
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
    // Of a distance of 2^31 on any axis, it is enough to know that it is one.
    for lane in 0..FAN {
        sums[lane] |= u64::from(far[lane]) << 63;
    }
    sums
}
