//! The cells of a kind: the leaves of a quadtree over latitude and longitude. A search for the nearest places visits them in the
//! order of their distance, so it reads no region without places, and little of a crowded one.

use super::position::{Bounds, Position};
use super::schema;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How often the world is halved, in both directions, down to the smallest cells. They are 19 m high.
pub const LEVEL_MAX: u32 = 20;
/// The most places of a cell that is not one of the smallest.
pub const CELL_PLACES: usize = 64;
/// Units of the world, south to north and west to east.
const HEIGHT: i64 = 1_800_000_000;
const WIDTH: i64 = 3_600_000_000;

/// A box of the quadtree.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Cell {
    /// The code of its south-west corner: the bits of row and column on the deepest level, in turn, the row's first.
    pub code: u64,
    /// From 0, the world, to [`LEVEL_MAX`].
    pub level: u32,
}

/// The code of the smallest cell with these units.
pub fn code(latitude: i32, longitude: i32) -> u64 {
    let place = |from_edge: i64, extent: i64| ((from_edge << LEVEL_MAX) / extent).clamp(0, (1 << LEVEL_MAX) - 1) as u64;
    let row = place(i64::from(latitude) + HEIGHT / 2, HEIGHT);
    let column = place(i64::from(longitude) + WIDTH / 2, WIDTH);
    (0..LEVEL_MAX).fold(0, |code, bit| code | (row >> bit & 1) << (2 * bit + 1) | (column >> bit & 1) << (2 * bit))
}

/// The cells of places with these codes, in the order of their codes.
pub fn cells(mut codes: Vec<u64>) -> Vec<Cell> {
    codes.sort_unstable();
    let mut cells = Vec::new();
    let mut open = vec![codes.as_slice()];
    while let Some(codes) = open.pop() {
        let (Some(first), Some(last)) = (codes.first(), codes.last()) else { continue };
        let cell = Cell::around(*first, *last);
        if codes.len() <= CELL_PLACES || cell.level == LEVEL_MAX {
            cells.push(cell);
        } else {
            open.extend(cell.quarters().rev().map(|quarter| {
                let until = |end: u64| codes.partition_point(|code| *code < end);
                &codes[until(quarter.code)..until(quarter.end())]
            }));
        }
    }
    cells
}

impl Cell {
    /// The smallest cell with both codes.
    fn around(first: u64, last: u64) -> Cell {
        let differing_bits = u64::BITS - (first ^ last).leading_zeros();
        let level = LEVEL_MAX - differing_bits.div_ceil(2);
        let cell = Cell { code: first, level };
        Cell { code: first & !(cell.codes() - 1), level }
    }

    /// How many codes it has.
    fn codes(self) -> u64 {
        1 << (2 * (LEVEL_MAX - self.level))
    }

    /// The code after its last one.
    fn end(self) -> u64 {
        self.code + self.codes()
    }

    fn quarters(self) -> impl DoubleEndedIterator<Item = Cell> {
        let level = self.level + 1;
        let quarter = Cell { code: self.code, level };
        (0..4).map(move |at| Cell { code: self.code + at * quarter.codes(), level })
    }

    /// The first and the last units of latitude, and those of longitude. Each pair of units lies in one cell of a level.
    pub fn units(self) -> [(i32, i32); 2] {
        let bits = |code: u64| (0..LEVEL_MAX).fold(0, |bits, bit| bits | (code >> (2 * bit) & 1) << bit) as i64;
        let side = 1_i64 << (LEVEL_MAX - self.level);
        [(bits(self.code >> 1), HEIGHT), (bits(self.code), WIDTH)].map(|(first, extent)| {
            // The least units whose row or column, rounded down, is `at`.
            let edge = |at: i64| ((at * extent + (1 << LEVEL_MAX) - 1) >> LEVEL_MAX) - extent / 2;
            let is_last = first + side == 1 << LEVEL_MAX;
            (edge(first) as i32, (edge(first + side) - i64::from(!is_last)) as i32)
        })
    }

    fn bounds(self) -> Bounds {
        let [(south, north), (west, east)] = self.units();
        let (low, high) = (schema::position(south, west), schema::position(north, east));
        Bounds { south: low.latitude, west: low.longitude, north: high.latitude, east: high.longitude }
    }
}

/// Whether these are cells in order, none of which overlaps another.
pub fn are_valid(cells: &[Cell]) -> bool {
    let is_cell = |cell: &Cell| {
        cell.level <= LEVEL_MAX && cell.code.is_multiple_of(cell.codes()) && cell.code < 1 << (2 * LEVEL_MAX)
    };
    cells.iter().all(is_cell) && cells.windows(2).all(|pair| pair[0].end() <= pair[1].code)
}

/// The cells of some kinds, the nearest first.
pub struct Outward<'a> {
    centre: Position,
    kinds: Vec<&'a [Cell]>,
    open: BinaryHeap<Reverse<Part>>,
}

/// Cells of a kind that lie together. The nearest part comes first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    /// The bits of the least distance in metres. A number that is not negative has the order of its bits.
    distance: u64,
    kind: usize,
    first: usize,
    end: usize,
}

impl<'a> Outward<'a> {
    /// Cells as seen from the centre. Those of each kind are valid.
    pub fn new(centre: Position, kinds: Vec<&'a [Cell]>) -> Outward<'a> {
        let mut outward = Outward { centre, kinds, open: BinaryHeap::new() };
        for kind in 0..outward.kinds.len() {
            outward.push(kind, 0, outward.kinds[kind].len());
        }
        outward
    }

    fn push(&mut self, kind: usize, first: usize, end: usize) {
        if first < end {
            let distance = self.around(kind, first, end).bounds().least_distance(self.centre).to_bits();
            self.open.push(Reverse(Part { distance, kind, first, end }));
        }
    }

    fn around(&self, kind: usize, first: usize, end: usize) -> Cell {
        let cells = self.kinds[kind];
        if end - first == 1 { cells[first] } else { Cell::around(cells[first].code, cells[end - 1].code) }
    }
}

impl Iterator for Outward<'_> {
    /// A distance in metres that no place of the cell is nearer than, the index of the kind, and the cell.
    type Item = (f64, usize, Cell);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let Reverse(Part { distance, kind, first, end }) = self.open.pop()?;
            if end - first == 1 {
                return Some((f64::from_bits(distance), kind, self.kinds[kind][first]));
            }
            let mut from = first;
            for quarter in self.around(kind, first, end).quarters() {
                let cells = &self.kinds[kind][from..end];
                let until = from + cells.partition_point(|cell| cell.code < quarter.end());
                self.push(kind, from, until);
                from = until;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at_edges(extent: i64) -> impl Strategy<Value = i32> {
        let half = extent / 2;
        // Beside the edges of cells, and anywhere.
        let edge = (0..=4_096_i64, -2..=2_i64).prop_map(move |(at, beside)| at * extent / 4_096 - half + beside);
        prop_oneof![edge, -half..=half].prop_map(move |it| it.clamp(-half, half) as i32)
    }

    fn has(cell: Cell, (latitude, longitude): (i32, i32)) -> bool {
        let [rows, columns] = cell.units();
        (rows.0..=rows.1).contains(&latitude) && (columns.0..=columns.1).contains(&longitude)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        #[test]
        fn each_place_lies_in_exactly_one_cell(
            crowd in prop::collection::vec((at_edges(2_000), at_edges(2_000)), 0..200),
            mut places in prop::collection::vec((at_edges(HEIGHT), at_edges(WIDTH)), 1..300),
        ) {
            places.extend(crowd);
            let cells = cells(places.iter().map(|place| code(place.0, place.1)).collect());
            prop_assert!(are_valid(&cells));
            for place in &places {
                prop_assert_eq!(cells.iter().filter(|cell| has(**cell, *place)).count(), 1, "{:?}", place);
            }
            for cell in &cells {
                let count = places.iter().filter(|place| has(*cell, **place)).count();
                prop_assert!(count > 0 && (count <= CELL_PLACES || cell.level == LEVEL_MAX));
            }
        }

        #[test]
        fn cells_come_once_each_in_the_order_of_their_distance(
            places in prop::collection::vec((at_edges(HEIGHT), at_edges(WIDTH)), 1..1_500),
            (latitude, longitude) in (at_edges(HEIGHT), at_edges(WIDTH)),
        ) {
            let centre = schema::position(latitude, longitude);
            let cells = cells(places.iter().map(|place| code(place.0, place.1)).collect());
            let seen: Vec<_> = Outward::new(centre, vec![&[], &cells]).collect();
            prop_assert!(seen.is_sorted_by(|a, b| a.0 <= b.0));
            prop_assert!(seen.iter().all(|(_, kind, _)| *kind == 1));
            let mut given: Vec<Cell> = seen.iter().map(|(_, _, cell)| *cell).collect();
            given.sort_unstable();
            prop_assert_eq!(&given, &cells);
            for (least, _, cell) in seen {
                for place in places.iter().filter(|place| has(cell, **place)) {
                    prop_assert!(centre.distance(schema::position(place.0, place.1)) >= least);
                }
            }
        }
    }

    #[test]
    fn what_is_no_order_of_cells_is_seen() {
        let (world, quarter) = (Cell { code: 0, level: 0 }, 1 << 38);
        let at = |code, level| Cell { code, level };
        assert!(are_valid(&[]) && are_valid(&[world]) && are_valid(&[at(0, 1), at(quarter, 1), at(3 * quarter, 20)]));
        for wrong in [at(0, 21), at(1, 19), at(4 * quarter, 1), at(u64::MAX, 20)] {
            assert!(!are_valid(&[wrong]), "{wrong:?}");
        }
        assert!(!are_valid(&[world, at(quarter, 1)]) && !are_valid(&[at(quarter, 1), at(0, 1)]));
    }
}
