//! Sorting entities by the cells of a grid, along a Z-curve, so that neighbours in space are mostly neighbours in memory.
//!
//! Entities that are seen from far away are kept apart from the others, in a layer of their own: the thousand walls of a town
//! must not stand between its few players.
//!
//! The cells are as small as the bits of a code allow for the present positions: 400 units if these span the default map,
//! 3 units if they span 100 m. The order determines the speed of a query, never its result.

/// Layers, as a power of two.
const LAYER_BITS: u32 = 1;
/// The last layer.
pub(super) const LAYER_MAX: u32 = (1 << LAYER_BITS) - 1;
/// Bits of a position's code, over all axes.
const POSITION_BITS: u32 = 30;
/// Most bits of a code along one axis: two bytes to look up.
const AXIS_BITS_MAX: u32 = 16;
/// Bits of an entity's number, below its code.
const NUMBER_BITS: u32 = 16;
/// Bits of a digit of the radix sort.
const DIGIT_BITS: u32 = 11;
const DIGITS: usize = (POSITION_BITS + LAYER_BITS).div_ceil(DIGIT_BITS) as usize;
const DIGIT_VALUES: usize = 1 << DIGIT_BITS;

pub(in crate::world) struct Order {
    curve: Curve,
    /// One key per entity, from the highest bits: its layer, the code of its position, its number.
    sorted: Vec<u64>,
    /// The output of every other pass.
    other: Vec<u64>,
    /// How often each digit has each value; then, where the next key with that value goes.
    next: Box<[[u32; DIGIT_VALUES]; DIGITS]>,
}

impl Order {
    pub(in crate::world) fn new(entities_max: usize) -> Self {
        Order {
            curve: Curve::default(),
            sorted: vec![0; entities_max],
            other: vec![0; entities_max],
            next: Box::new([[0; DIGIT_VALUES]; DIGITS]),
        }
    }

    /// Heap memory of an order.
    pub(in crate::world) const fn bytes(entities_max: usize) -> usize {
        2 * entities_max * size_of::<u64>() + size_of::<[[u32; DIGIT_VALUES]; DIGITS]>() + 3 * 2 * 256 * 4
    }

    /// Sorts entities, given by layer and position. No position is below `low` or above `high` on any axis. [`number`] gives
    /// the number of a key's entity.
    pub(in crate::world) fn sort(
        &mut self,
        entities: impl ExactSizeIterator<Item = (u8, [i32; 3])>,
        low: [i32; 3],
        high: [i32; 3],
    ) -> &[u64] {
        let count = entities.len();
        assert!(count <= self.sorted.len(), "an order has room for its entities");
        let (mut from, mut to) = (&mut self.sorted[..count], &mut self.other[..count]);
        self.curve.fit(low, high);
        self.next.iter_mut().for_each(|next| next.fill(0));
        for ((number, coded), (layer, position)) in (0u64..).zip(from.iter_mut()).zip(entities) {
            *coded = (u64::from(layer) << POSITION_BITS | self.curve.code(position)) << NUMBER_BITS | number;
            for (digit, next) in self.next.iter_mut().enumerate() {
                next[value(*coded, digit)] += 1;
            }
        }
        for (digit, next) in self.next.iter_mut().enumerate() {
            // A digit that is the same for all moves no key.
            if from.first().is_none_or(|&coded| next[value(coded, digit)] as usize == count) {
                continue;
            }
            let mut before = 0;
            for next in next.iter_mut() {
                before += std::mem::replace(next, before);
            }
            for &coded in from.iter() {
                let next = &mut next[value(coded, digit)];
                to[*next as usize] = coded;
                *next += 1;
            }
            assert_eq!(before as usize, count, "each key has one value per digit");
            std::mem::swap(&mut from, &mut to);
        }
        from
    }
}

/// The number of a key's entity, counted from 0.
pub(in crate::world) fn number(coded: u64) -> usize {
    usize::from(coded as u16)
}

fn value(coded: u64, digit: usize) -> usize {
    (coded >> (NUMBER_BITS + digit as u32 * DIGIT_BITS)) as usize % DIGIT_VALUES
}

/// A Z-curve through a part of the world: a code interleaves the bits of a cell along the three axes.
struct Curve {
    low: [i32; 3],
    /// Size of a cell in steps, as a power of two.
    shift: u32,
    /// Per axis, and for the lower and the upper byte along it: where the bits of the byte go.
    spread: Box<[[[u32; 256]; 2]; 3]>,
}

impl Default for Curve {
    fn default() -> Self {
        Curve { low: [0; 3], shift: 0, spread: Box::new([[[0; 256]; 2]; 3]) }
    }
}

impl Curve {
    /// Makes the cells as small as possible for positions between `low` and `high`.
    fn fit(&mut self, low: [i32; 3], high: [i32; 3]) {
        let bits: [u32; 3] = std::array::from_fn(|axis| u32::BITS - high[axis].abs_diff(low[axis]).leading_zeros());
        let left = |shift: u32| bits.map(|bits| bits.saturating_sub(shift));
        let fits =
            |left: [u32; 3]| left.iter().sum::<u32>() <= POSITION_BITS && left.iter().all(|&b| b <= AXIS_BITS_MAX);
        self.low = low;
        self.shift = (0..u32::BITS).find(|&shift| fits(left(shift))).expect("no bits fit");
        let left = left(self.shift);
        let mut targets = [[0; AXIS_BITS_MAX as usize]; 3];
        let mut target = 0;
        for bit in 0..AXIS_BITS_MAX {
            for axis in (0..3).filter(|&axis| bit < left[axis]) {
                targets[axis][bit as usize] = 1 << target;
                target += 1;
            }
        }
        assert!(target <= POSITION_BITS, "a code has {POSITION_BITS} bits");
        for (spread, targets) in self.spread.iter_mut().zip(&targets) {
            for (spread, targets) in spread.iter_mut().zip(targets.chunks(8)) {
                for byte in 1..256usize {
                    spread[byte] = spread[byte & (byte - 1)] | targets[byte.trailing_zeros() as usize];
                }
            }
        }
    }

    #[inline]
    fn code(&self, position: [i32; 3]) -> u64 {
        let mut code = 0;
        for (axis, spread) in self.spread.iter().enumerate() {
            let cell = position[axis].abs_diff(self.low[axis]) >> self.shift;
            code |= spread[0][cell as usize % 256] | spread[1][(cell >> 8) as usize % 256];
        }
        code.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(low: [i32; 3], high: [i32; 3]) -> Curve {
        let mut curve = Curve::default();
        curve.fit([1; 3], [i32::MAX; 3]);
        curve.fit(low, high);
        curve
    }

    #[test]
    fn the_bits_take_turns() {
        let cube = curve([0; 3], [7; 3]);
        assert_eq!(cube.code([0b11, 0, 0]), 0b001_001);
        assert_eq!(cube.code([0, 0b101, 0b010]), 0b010_100_010);
        let flat = curve([8, 16, 5], [8 + 15, 16 + 3, 5]);
        assert_eq!((flat.shift, flat.code([8 + 0b1101, 16 + 0b10, 5])), (0, 0b11_10_01));
    }

    #[test]
    fn cells_are_as_small_as_the_bits_allow() {
        assert_eq!(curve([0; 3], [(1 << 21) - 1, (1 << 21) - 1, (1 << 16) - 1]).shift, 10);
        assert_eq!(curve([i32::MIN; 3], [i32::MAX; 3]).shift, 22);
        assert_eq!(curve([i32::MIN; 3], [i32::MAX; 3]).code([i32::MAX; 3]), (1 << 30) - 1);
        assert_eq!(curve([i32::MIN, 0, 0], [i32::MAX, 0, 0]).shift, 16);
        assert_eq!(curve([9; 3], [9; 3]).code([9; 3]), 0);
    }

    fn sorted(places: &[[i32; 3]], low: [i32; 3], high: [i32; 3]) -> Vec<usize> {
        Order::new(9)
            .sort(places.iter().map(|&place| (0, place)), low, high)
            .iter()
            .map(|&coded| number(coded))
            .collect()
    }

    #[test]
    fn neighbours_come_in_the_order_of_the_curve() {
        let places = [[3, 3, 0], [0, 0, 0], [2, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [3, 3, 0], [1, 0, 0]];
        assert_eq!(sorted(&places, [0; 3], [3, 3, 1]), [1, 7, 4, 3, 5, 2, 0, 6]);
        assert_eq!(sorted(&[[7; 3]], [7; 3], [7; 3]), [0]);
        assert_eq!(sorted(&[[i32::MAX; 3], [i32::MIN; 3], [0; 3]], [i32::MIN; 3], [i32::MAX; 3]), [1, 2, 0]);
    }

    #[test]
    fn layers_come_one_after_the_other() {
        let mut order = Order::new(4);
        let entities = [(1, [0; 3]), (0, [7; 3]), (1, [-8; 3]), (0, [0; 3])];
        let sorted = order.sort(entities.into_iter(), [-8; 3], [7; 3]);
        assert_eq!(sorted.iter().map(|&coded| number(coded)).collect::<Vec<_>>(), [3, 1, 2, 0]);
    }
}
