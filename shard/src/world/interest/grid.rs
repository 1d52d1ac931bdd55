//! The positions of all entities: updated every tick, and queried for the nearest entities by every viewer.
//!
//! Entities are sorted by cell (`z_order`) and cut into packets of sixteen neighbours. There is a bounding box around each
//! packet, and around each sixteen of those. A query descends into the boxes within its reach, the nearest first. Their
//! number depends on how many entities are wanted, and hardly on the number of entities, their distribution or the size of
//! the map. No cell size has to fit the whole map.
//!
//! An entity that moves stays in its packet, and the boxes around it follow. So a tick costs only what has moved. After a while
//! packets are no longer neighbours, which makes queries slower but not wrong: then all entities are sorted again.
//!
//! A viewer keeps its [`Reach`] from query to query, which makes the next query fast. The result depends on it only if a query
//! was cut short, or among entities at the same distance.

use super::boxes::{Boxes, FAN, Given, Packet, Seen, signed};
use super::keyed::{NUMBER_BITS, Ties, keep_below, key, least_key, split_least};
use super::scratch::{BATCH, COUNT_MAX, GROUPS_MAX, Scratch};
use super::z_order::{self, LAYER_MAX, Order};
use ringshard_prefetch::prefetch;
use ringshard_world::Position;
use ringshard_world::limits::WORLD_ENTITIES_MAX;

/// Classes of entities, each with its [`Sight`].
pub const CLASSES: usize = 16;
/// Greatest distance from which anything can be seen, in steps.
pub const RADIUS_STEPS_MAX: u32 = (1 << 24) - 1;
/// Greatest weight, as a power of two.
pub const WEIGHT_LOG2_MAX: u8 = 15;
/// Most entities whose distance is measured in one look of a query.
pub const CANDIDATES_MAX: usize = PACKETS_MAX * FAN;
/// Most looks of a query: one with the reach of the last query, one as far as anything is seen, and the rest to close in.
pub const LOOKS_MAX: usize = 4;

/// Most packets that a look descends into.
const PACKETS_MAX: usize = 96;
/// Added to the square of the distance that the last query needed, in steps squared, beside a quarter of it.
const REACH_MARGIN: u64 = 1 << 10;
/// The class of the lanes that fill the last packet: seen from nowhere.
const NO_CLASS: u8 = CLASSES as u8;

/// Updates after which all entities are sorted again: in a second a runner moves by a few of its own sizes.
const SORT_UPDATES: u32 = 64;
/// One entity of so many is out of place when all are sorted again.
const OUT_OF_PLACE_PART: usize = 16;
/// Packets for entities that are added between two sorts.
const TAIL: usize = 64;
/// The entity of so many changes ahead is prefetched.
const AHEAD: usize = 8;
/// The entity is not in the grid.
const NOWHERE: u32 = u32::MAX;

const _: () = assert!((RADIUS_STEPS_MAX as u64).pow(2) < (1 << (u64::BITS - NUMBER_BITS)) - 1);
const _: () = assert!(BATCH * FAN >= COUNT_MAX && WORLD_ENTITIES_MAX <= 1 << NUMBER_BITS);

/// From how far entities of a class are seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sight {
    /// The greatest distance, in steps, inclusive.
    pub radius_steps: u32,
    /// The weight of the class, as a power of two. Four times the weight counts like half the distance.
    pub weight_log2: u8,
}

/// What a viewer asks for.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// The position of the viewer.
    pub from: Position,
    /// How many entities it wants, 1 to [`COUNT_MAX`].
    pub count: usize,
    /// Selects among entities at the same distance, if there are more than it wants or more than a look measures. A viewer
    /// that passes the same turn each time keeps the entities it has; with another turn each time it sees all in turns.
    pub turn: u32,
}

/// How far the last query of a viewer had to look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reach(u64);

impl Default for Reach {
    /// As far as anything is seen.
    fn default() -> Self {
        Reach(u64::MAX)
    }
}

/// The positions of all entities.
pub struct Grid {
    /// Per class, and for [`NO_CLASS`].
    seen: [Seen; CLASSES + 1],
    /// Per class: layer 0 if it is seen from more than a quarter of the greatest distance, layer 1 otherwise.
    layers: [u8; CLASSES],
    /// The greatest possible key.
    key_max: u64,
    /// The entities in the order in which they were passed.
    given: Vec<Given>,
    order: Order,
    /// The entities along the Z-curve.
    packets: Vec<Packet>,
    /// The boxes around packets.
    groups: Vec<Boxes>,
    /// The boxes around groups.
    regions: Vec<Boxes>,
    /// Where each entity is, by index: its packet times [`FAN`], plus its lane.
    places: Box<[u32]>,
    /// Where the next entity goes that is added.
    end: usize,
    /// Packets whose box must be put around them again, one bit each.
    stale: Box<[u64]>,
    /// Updates since the last sort.
    updates: u32,
    /// Entities that were added or removed since the last sort.
    out_of_place: usize,
}

impl Grid {
    /// A grid for up to `entities_max` entities; `sights` has the sight of each class.
    ///
    /// # Panics
    /// When `entities_max` exceeds [`WORLD_ENTITIES_MAX`], or a sight exceeds [`RADIUS_STEPS_MAX`] or [`WEIGHT_LOG2_MAX`].
    pub fn new(entities_max: usize, sights: [Sight; CLASSES]) -> Self {
        assert!(entities_max <= WORLD_ENTITIES_MAX, "a world has {WORLD_ENTITIES_MAX} indices");
        let mut seen = [Seen::NEVER; CLASSES + 1];
        for (seen, sight) in seen.iter_mut().zip(sights) {
            assert!(sight.radius_steps <= RADIUS_STEPS_MAX && sight.weight_log2 <= WEIGHT_LOG2_MAX, "{sight:?}");
            *seen = Seen { unseen_from: u64::from(sight.radius_steps).pow(2) + 1, weight_log2: sight.weight_log2 };
        }
        let radius_max = sights.iter().fold(1, |max, sight| sight.radius_steps.max(max));
        let quarters = |sight: Sight| (radius_max / sight.radius_steps.max(1)).ilog2() / 2;
        let packets = entities_max.div_ceil(FAN) + TAIL;
        let groups = packets.div_ceil(FAN);
        Grid {
            seen,
            layers: sights.map(|sight| quarters(sight).min(LAYER_MAX) as u8),
            key_max: seen[..CLASSES].iter().map(|seen| seen.key(seen.unseen_from - 1)).fold(0, u64::max),
            given: Vec::with_capacity(entities_max),
            order: Order::new(entities_max),
            packets: Vec::with_capacity(packets),
            groups: Vec::with_capacity(groups),
            regions: Vec::with_capacity(groups.div_ceil(FAN)),
            places: vec![NOWHERE; WORLD_ENTITIES_MAX].into(),
            end: 0,
            stale: vec![0; packets.div_ceil(64)].into(),
            updates: 0,
            out_of_place: 0,
        }
    }

    /// Replaces all entities: index, position and class of each.
    ///
    /// # Panics
    /// When there are more than the grid has room for, or a class is not below [`CLASSES`].
    pub fn rebuild(&mut self, entities: impl Iterator<Item = (u16, Position, u8)>) {
        self.given.clear();
        for (index, position, class) in entities {
            assert!(self.given.len() < self.given.capacity(), "the grid is full");
            self.given.push(given(index, position, class));
        }
        self.sort();
    }

    /// Moves, adds and removes entities; the others stay. `changed` has their indices, each once; `find` gives the position
    /// and class of an entity, or None if it is no longer in the grid.
    ///
    /// # Panics
    /// When there are more entities than the grid has room for, or a class is not below [`CLASSES`].
    pub fn update(&mut self, changed: &[u16], find: impl Fn(u16) -> Option<(Position, u8)>) {
        for (at, &index) in changed.iter().enumerate() {
            if let Some(&ahead) = changed.get(at + AHEAD) {
                self.prefetch(ahead);
            }
            match (self.places[usize::from(index)], find(index)) {
                (NOWHERE, None) => {}
                (NOWHERE, Some((position, class))) => self.add(given(index, position, class)),
                (place, None) => self.remove(index, place),
                (place, Some((position, class))) => {
                    let (packet, lane) = (place as usize / FAN, place as usize % FAN);
                    self.packets[packet].put(lane, given(index, position, class));
                    self.mark_stale(packet);
                }
            }
        }
        self.updates += 1;
        if self.updates >= SORT_UPDATES || self.out_of_place > self.end / OUT_OF_PLACE_PART + TAIL {
            self.sort_again();
        } else {
            self.refit();
        }
    }

    #[inline]
    fn prefetch(&self, index: u16) {
        let place = self.places[usize::from(index)] as usize;
        if let Some(packet) = self.packets.get(place / FAN) {
            packet.at.iter().for_each(|along| prefetch(&along[place % FAN]));
        }
    }

    fn mark_stale(&mut self, packet: usize) {
        self.stale[packet / 64] |= 1 << (packet % 64);
    }

    fn add(&mut self, given: Given) {
        if self.end == self.packets.capacity() * FAN {
            self.sort_again();
        }
        let (packet, lane) = (self.end / FAN, self.end % FAN);
        assert!(packet < self.packets.capacity(), "the grid is full");
        if packet == self.packets.len() {
            // Empty lanes are where the first entity is, so that the box is around the entities only.
            let mut added = Packet::EMPTY;
            (0..FAN).for_each(|lane| added.put(lane, Given { class: NO_CLASS, ..given }));
            self.packets.push(added);
        }
        self.packets[packet].put(lane, given);
        self.places[usize::from(given.index)] = self.end as u32;
        self.end += 1;
        self.out_of_place += 1;
        self.mark_stale(packet);
    }

    fn remove(&mut self, index: u16, place: u32) {
        let (number, lane) = (place as usize / FAN, place as usize % FAN);
        let packet = &mut self.packets[number];
        assert_eq!(packet.index[lane], index, "each entity is in its place");
        let other = (0..FAN).find(|&other| other != lane && packet.class[other] != NO_CLASS).unwrap_or(lane);
        let filler = packet.get(other);
        packet.put(lane, Given { class: NO_CLASS, ..filler });
        self.places[usize::from(index)] = NOWHERE;
        self.out_of_place += 1;
        self.mark_stale(number);
    }

    /// Puts the boxes around what has changed.
    fn refit(&mut self) {
        self.groups.resize(self.packets.len().div_ceil(FAN), Boxes::EMPTY);
        self.regions.resize(self.groups.len().div_ceil(FAN), Boxes::EMPTY);
        let Grid { stale, packets, groups, regions, seen, .. } = self;
        let mut group = None;
        for (number, word) in stale.iter_mut().enumerate() {
            let mut left = std::mem::take(word);
            while left != 0 {
                let packet = number * 64 + left.trailing_zeros() as usize;
                left &= left - 1;
                if let Some(done) = group.replace(packet / FAN).filter(|&done| done != packet / FAN) {
                    regions[done / FAN].put_boxes(done % FAN, &groups[done]);
                }
                groups[packet / FAN].put_packet(packet % FAN, &packets[packet], |class| seen[usize::from(class)]);
            }
        }
        if let Some(done) = group {
            regions[done / FAN].put_boxes(done % FAN, &groups[done]);
        }
    }

    /// Sorts the entities that are in the grid.
    fn sort_again(&mut self) {
        self.given.clear();
        for packet in &self.packets {
            let lanes = (0..FAN).filter(|&lane| packet.class[lane] != NO_CLASS);
            self.given.extend(lanes.map(|lane| packet.get(lane)));
        }
        self.sort();
    }

    /// Sorts the given entities into new packets.
    fn sort(&mut self) {
        let (mut low, mut high) = ([i32::MAX; 3], [i32::MIN; 3]);
        for Given { at, .. } in &self.given {
            low = std::array::from_fn(|axis| at[axis].min(low[axis]));
            high = std::array::from_fn(|axis| at[axis].max(high[axis]));
        }
        self.places.fill(NOWHERE);
        self.packets.clear();
        self.groups.clear();
        self.regions.clear();
        self.end = self.given.len();
        self.stale.fill(0);
        (self.updates, self.out_of_place) = (0, 0);
        if self.given.is_empty() {
            return;
        }
        let layered = self.given.iter().map(|given| (self.layers[usize::from(given.class)], given.at));
        let sorted = self.order.sort(layered, low, high);
        self.packets.resize(sorted.len().div_ceil(FAN), Packet::EMPTY);
        for (number, (packet, sorted)) in self.packets.iter_mut().zip(sorted.chunks(FAN)).enumerate() {
            fill(packet, sorted, &self.given);
            for (lane, &index) in packet.index[..sorted.len()].iter().enumerate() {
                self.places[usize::from(index)] = (number * FAN + lane) as u32;
            }
        }
        (0..self.packets.len()).for_each(|packet| self.mark_stale(packet));
        self.refit();
    }

    /// Fills `out` with the `query.count` entities of least key, in no order, or fewer if fewer are seen from there. Entities
    /// for which `excluded` is true, by index, are left out.
    ///
    /// The key is the square of the distance in steps, divided by the weight of the entity's class. Entities farther away
    /// than the radius of their class are left out.
    ///
    /// # Panics
    /// When `query.count` is not 1 to [`COUNT_MAX`].
    pub fn nearest(
        &self,
        scratch: &mut Scratch,
        query: &Query,
        reach: &mut Reach,
        excluded: impl Fn(u16) -> bool,
        out: &mut Vec<u16>,
    ) {
        assert!((1..=COUNT_MAX).contains(&query.count), "a query is for 1 to {COUNT_MAX} entities");
        let ties = Ties::new(query.turn);
        let mut bound = reach.0.min(self.key_max);
        let mut looks = 0;
        let (farthest, exact) = loop {
            let unseen_from = self.look(scratch, query, ties, bound, &excluded);
            looks += 1;
            let farthest = (scratch.found.len() == query.count).then(|| key(scratch.found.filled()[query.count - 1]));
            let (exact, next) = match farthest {
                // No entity that was not measured is nearer.
                Some(farthest) => (farthest <= unseen_from, farthest),
                None => (unseen_from > self.key_max, if unseen_from > bound { self.key_max } else { bound }),
            };
            if exact || next == bound || looks == LOOKS_MAX {
                break (farthest, exact);
            }
            bound = next;
        };
        *reach = farthest.map_or(Reach::default(), |farthest| Reach(farthest + farthest / 4 + REACH_MARGIN));
        out.clear();
        out.extend(scratch.found.filled().iter().map(|&keyed| ties.number(keyed)));
        let counters = &mut scratch.counters;
        counters.queries += 1;
        counters.looks += looks as u64;
        counters.cut_short += u64::from(!exact);
    }

    /// Passes to `each` the index of every entity in a box, its borders included, whatever its class, in no order.
    pub fn in_box(&self, low: Position, high: Position, mut each: impl FnMut(u16)) {
        let [low, high] = [low, high].map(|Position { x, y, z }| signed([x, y, z]));
        let lanes = |boxes: &Boxes| boxes.overlap(low, high).into_iter().enumerate().filter(|(_, overlap)| *overlap);
        for (number, region) in self.regions.iter().enumerate() {
            for (lane, _) in lanes(region) {
                let group = number * FAN + lane;
                for (lane, _) in lanes(&self.groups[group]) {
                    let packet = &self.packets[group * FAN + lane];
                    for lane in (0..FAN).filter(|&lane| packet.class[lane] != NO_CLASS) {
                        if (0..3).all(|axis| (low[axis]..=high[axis]).contains(&packet.at[axis][lane])) {
                            each(packet.index[lane]);
                        }
                    }
                }
            }
        }
    }

    /// Finds the entities with keys up to `bound`, the farthest of them last if there are enough. All entities that were not
    /// measured have the returned key or a greater one.
    fn look(
        &self,
        scratch: &mut Scratch,
        query: &Query,
        ties: Ties,
        bound: u64,
        excluded: impl Fn(u16) -> bool,
    ) -> u64 {
        let Scratch { counters, groups, packets, near, found } = scratch;
        let from = signed([query.from.x, query.from.y, query.from.z]);
        // Entities with this key or a greater one are left out.
        let mut limit = bound + 1;
        let mut unseen_from = limit;

        groups.clear();
        for (number, region) in self.regions.iter().enumerate() {
            groups.add_boxes(region, number, from, limit, ties);
        }
        let (nearest, others) = split_least(groups.filled(), GROUPS_MAX);
        unseen_from = unseen_from.min(least_key(others));
        packets.clear();
        for &group in nearest.iter() {
            let number = usize::from(ties.number(group));
            packets.add_boxes(&self.groups[number], number, from, limit, ties);
        }

        found.clear();
        let mut rest = packets.filled();
        for _ in 0..PACKETS_MAX / BATCH {
            let (nearest, others) = split_least(rest, BATCH);
            near.clear();
            for &packet in nearest.iter() {
                let number = usize::from(ties.number(packet));
                let beyond = self.groups[number / FAN].seen[number % FAN].beyond(limit);
                let squares = self.packets[number].distances(from);
                let lanes = (number * FAN) as u64..;
                let measured = squares.into_iter().zip(lanes);
                near.add(measured.map(|(square, lane)| (square << NUMBER_BITS | lane, square < beyond)));
            }
            counters.candidates += (nearest.len() * FAN) as u64;
            found.add(near.filled().iter().map(|&measured| {
                let (square, lane) = (key(measured), usize::from(measured as u16));
                let packet = &self.packets[lane / FAN];
                let (index, seen) = (packet.index[lane % FAN], self.seen[usize::from(packet.class[lane % FAN])]);
                (ties.above(seen.key(square), index), square < seen.beyond(limit) && !excluded(index))
            }));
            if found.len() >= query.count {
                limit = found.keep_least(query.count);
            }
            rest = keep_below(others, limit);
        }
        unseen_from.min(least_key(rest))
    }
}

fn given(index: u16, Position { x, y, z }: Position, class: u8) -> Given {
    assert!(usize::from(class) < CLASSES, "there is no class {class}");
    Given { at: signed([x, y, z]), index, class }
}

fn fill(packet: &mut Packet, sorted: &[u64], given: &[Given]) {
    for (lane, &coded) in sorted.iter().enumerate() {
        packet.put(lane, given[z_order::number(coded)]);
    }
    // Empty lanes are where the first entity is, so that the box is around the entities only.
    let filler = Given { class: NO_CLASS, ..given[z_order::number(sorted[0])] };
    for lane in sorted.len()..FAN {
        packet.put(lane, filler);
    }
}
