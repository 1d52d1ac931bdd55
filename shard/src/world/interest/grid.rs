//! Where everybody is: rebuilt every tick, and asked by every viewer for those who matter most to it.
//!
//! Entities are sorted by the cell they stand in (`order`) and cut into packets of sixteen neighbours; there is a box
//! around each packet, and around each sixteen of those. A query looks into the boxes that come within its reach, the
//! nearest first: how many those are depends on how many entities are wanted, and hardly on how many there are, on how
//! they are spread, or on how large the map is. No size of cell has to fit all of a map.
//!
//! A viewer keeps its [`Reach`] from query to query. It makes the next answer fast; who is found depends on it only when
//! a query was cut short, or among those equally near.

use super::boxes::{Boxes, FAN, Given, Packet, Seen, kept};
use super::order::{self, LAYER_MAX, Order};
use ringshard_world::Position;
use ringshard_world::limits::WORLD_ENTITIES_MAX;

/// Classes of entities, each with its [`Sight`].
pub const CLASSES: usize = 16;
/// Farthest that anything is seen from, in steps.
pub const RADIUS_STEPS_MAX: u32 = (1 << 24) - 1;
/// Greatest weight, as a power of two.
pub const WEIGHT_LOG2_MAX: u8 = 15;
/// Most entities that can be wanted.
pub const COUNT_MAX: usize = 256;
/// Most entities that are looked at, at each of a query's looks.
pub const CANDIDATES_MAX: usize = PACKETS_MAX * FAN;
/// Most looks of a query: one with the reach of last time, one as far as anything is seen, and the rest to close in.
pub const LOOKS_MAX: usize = 4;

/// Groups that a look goes into.
const GROUPS_MAX: usize = 32;
/// Packets that it goes into.
const PACKETS_MAX: usize = 96;
/// Packets after which it sees whether it may come closer.
const BATCH: usize = 16;
/// Bits of a number, below a key.
const NUMBER_BITS: u32 = 16;
/// By how much, in steps squared, a viewer looks farther than it had to last time; and by a quarter.
const REACH_MARGIN: u64 = 1 << 10;
/// What fills the last packet: seen from nowhere.
const NOBODY: u8 = CLASSES as u8;

const _: () = assert!((RADIUS_STEPS_MAX as u64).pow(2) < (1 << (u64::BITS - NUMBER_BITS)) - 1);
const _: () = assert!(BATCH * FAN >= COUNT_MAX && WORLD_ENTITIES_MAX <= 1 << NUMBER_BITS);

/// How entities of a class are seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sight {
    /// From how far, in steps; from there too.
    pub radius_steps: u32,
    /// Weight of the class, as a power of two: who weighs four times as much matters like one at half the distance.
    pub weight_log2: u8,
}

/// What a viewer wants.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// Where it is.
    pub from: Position,
    /// How many entities it wants.
    pub count: usize,
    /// Which of those at the very same distance it gets, when there are more than it wants or more than are looked at.
    /// Who passes another one each time sees all of them in turns, and who passes the same one keeps those it has.
    pub turn: u32,
}

/// How far a viewer had to look last time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reach(u64);

impl Default for Reach {
    /// As far as anything is seen.
    fn default() -> Self {
        Reach(u64::MAX)
    }
}

/// What queries cost, since the scratch was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Queries.
    pub queries: u64,
    /// Looks: one for each query, as long as reaches fit.
    pub looks: u64,
    /// Entities whose distance was measured.
    pub candidates: u64,
    /// Queries that would have had to look at more than they may: some of their answer may not be the nearest.
    pub cut_short: u64,
}

/// What a query works on; one for each core.
pub struct Scratch {
    /// What queries cost.
    pub counters: Counters,
    /// Within reach; by key, and by number for those of the same key.
    groups: List,
    packets: List,
    /// Entities by the square of their distance, and where they stand.
    near: List,
    /// Entities by key, and their index.
    found: List,
}

impl Scratch {
    /// One that fits every grid.
    pub fn new() -> Self {
        Scratch {
            counters: Counters::default(),
            groups: List::new(WORLD_ENTITIES_MAX / FAN / FAN),
            packets: List::new(GROUPS_MAX * FAN),
            near: List::new(BATCH * FAN),
            found: List::new(COUNT_MAX + BATCH * FAN),
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

/// Where everybody is.
pub struct Grid {
    /// Of each class, and of nobody.
    seen: [Seen; CLASSES + 1],
    /// Of each class: the first for those that are seen from more than a quarter as far as anything is.
    layers: [u8; CLASSES],
    /// The greatest key there can be.
    key_max: u64,
    /// The entities as they were given.
    given: Vec<Given>,
    order: Order,
    /// The entities in order.
    packets: Vec<Packet>,
    /// The boxes around packets.
    groups: Vec<Boxes>,
    /// The boxes around groups.
    regions: Vec<Boxes>,
}

impl Grid {
    /// A grid for up to `entities_max` entities, which are seen as their class is.
    pub fn new(entities_max: usize, sights: [Sight; CLASSES]) -> Self {
        assert!(entities_max <= WORLD_ENTITIES_MAX);
        let mut seen = [Seen::NEVER; CLASSES + 1];
        for (seen, sight) in seen.iter_mut().zip(sights) {
            assert!(sight.radius_steps <= RADIUS_STEPS_MAX && sight.weight_log2 <= WEIGHT_LOG2_MAX);
            *seen = Seen { unseen_from: u64::from(sight.radius_steps).pow(2) + 1, weight_log2: sight.weight_log2 };
        }
        let radius_max = sights.iter().fold(1, |max, sight| sight.radius_steps.max(max));
        let quarters = |sight: Sight| (radius_max / sight.radius_steps.max(1)).ilog2() / 2;
        let packets = entities_max.div_ceil(FAN);
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
        }
    }

    /// Forgets everybody, and learns who is there: each entity's index, place and class.
    pub fn rebuild(&mut self, entities: impl Iterator<Item = (u16, Position, u8)>) {
        let (mut low, mut high) = ([i32::MAX; 3], [i32::MIN; 3]);
        self.given.clear();
        for (index, Position { x, y, z }, class) in entities {
            assert!(usize::from(class) < CLASSES && self.given.len() < self.given.capacity());
            let at = kept([x, y, z]);
            low = std::array::from_fn(|axis| at[axis].min(low[axis]));
            high = std::array::from_fn(|axis| at[axis].max(high[axis]));
            self.given.push(Given { at, index, class });
        }
        let seen = |class: u8| self.seen[usize::from(class)];
        self.groups.clear();
        self.regions.clear();
        if !self.given.is_empty() {
            let layered = self.given.iter().map(|given| (self.layers[usize::from(given.class)], given.at));
            let sorted = self.order.sort(layered, low, high);
            self.packets.resize(sorted.len().div_ceil(FAN), Packet::EMPTY);
            for (packet, sorted) in self.packets.iter_mut().zip(sorted.chunks(FAN)) {
                fill(packet, sorted, &self.given);
            }
            self.groups.extend(self.packets.chunks(FAN).map(|packets| Boxes::around_packets(packets, seen)));
            self.regions.extend(self.groups.chunks(FAN).map(Boxes::around_boxes));
        }
    }

    /// The `query.count` entities of least key, into `out`, in no order; fewer when not so many are seen from there. Who
    /// is `excluded`, by index, is not among them.
    ///
    /// The key is the square of the distance in steps, divided by the weight of the entity's class; entities farther
    /// away than the radius of theirs do not count.
    pub fn nearest(
        &self,
        scratch: &mut Scratch,
        query: &Query,
        reach: &mut Reach,
        excluded: impl Fn(u16) -> bool,
        out: &mut Vec<u16>,
    ) {
        assert!((1..=COUNT_MAX).contains(&query.count));
        let ties = Ties::new(query.turn);
        let mut bound = reach.0.min(self.key_max);
        let mut looks = 0;
        let (farthest, exact) = loop {
            let unseen_from = self.look(scratch, query, ties, bound, &excluded);
            looks += 1;
            let farthest = (scratch.found.len == query.count).then(|| key(scratch.found.keys[query.count - 1]));
            let (exact, next) = match farthest {
                // Nobody who was not looked at is nearer.
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

    /// Finds those with keys of up to `bound`, the farthest of them last if there are enough. Whoever was not looked at
    /// has the key that it returns, or a higher one.
    fn look(
        &self,
        scratch: &mut Scratch,
        query: &Query,
        ties: Ties,
        bound: u64,
        excluded: impl Fn(u16) -> bool,
    ) -> u64 {
        let Scratch { counters, groups, packets, near, found } = scratch;
        let from = kept([query.from.x, query.from.y, query.from.z]);
        // What has this key, or a higher one, does not count.
        let mut limit = bound + 1;
        let mut unseen_from = limit;

        groups.len = 0;
        for (number, region) in self.regions.iter().enumerate() {
            groups.add_boxes(region, number, from, limit, ties);
        }
        let (nearest, others) = split_least(groups.filled(), GROUPS_MAX);
        unseen_from = unseen_from.min(least_key(others));
        packets.len = 0;
        for &group in nearest.iter() {
            let number = usize::from(ties.number(group));
            packets.add_boxes(&self.groups[number], number, from, limit, ties);
        }

        found.len = 0;
        let mut rest = packets.filled();
        for _ in 0..PACKETS_MAX / BATCH {
            let (nearest, others) = split_least(rest, BATCH);
            near.len = 0;
            for &packet in nearest.iter() {
                let number = usize::from(ties.number(packet));
                let beyond = self.groups[number / FAN].seen[number % FAN].beyond(limit);
                let squares = self.packets[number].distances(from);
                let places = (number * FAN) as u64..;
                near.add(
                    squares
                        .into_iter()
                        .zip(places)
                        .map(|(square, place)| (square << NUMBER_BITS | place, square < beyond)),
                );
            }
            counters.candidates += (nearest.len() * FAN) as u64;
            found.add(near.filled().iter().map(|&placed| {
                let (square, place) = (key(placed), usize::from(placed as u16));
                let packet = &self.packets[place / FAN];
                let (index, seen) = (packet.index[place % FAN], self.seen[usize::from(packet.class[place % FAN])]);
                (ties.above(seen.key(square), index), square < seen.beyond(limit) && !excluded(index))
            }));
            if found.len >= query.count {
                found.filled().select_nth_unstable(query.count - 1);
                found.len = query.count;
                limit = key(found.keys[query.count - 1]);
            }
            rest = keep_below(others, limit);
        }
        unseen_from.min(least_key(rest))
    }
}

/// Who comes first among those with the same key: another one at each turn.
#[derive(Clone, Copy)]
struct Ties {
    first: u16,
    factor: u16,
    /// Of the factor, modulo 2^16.
    inverse: u16,
}

impl Ties {
    fn new(turn: u32) -> Self {
        let mixed = u64::from(turn).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let (first, factor) = ((mixed >> 48) as u16, (mixed >> 32) as u16 | 1);
        // An odd number is its own inverse modulo 8; each of Newton's steps doubles the bits that are right.
        let inverse =
            (0..3).fold(factor, |inverse, _| inverse.wrapping_mul(2u16.wrapping_sub(factor.wrapping_mul(inverse))));
        Ties { first, factor, inverse }
    }

    /// The key above what stands for the number.
    #[inline]
    fn above(self, key: u64, number: u16) -> u64 {
        key << NUMBER_BITS | u64::from(number.wrapping_sub(self.first).wrapping_mul(self.factor))
    }

    #[inline]
    fn number(self, keyed: u64) -> u16 {
        (keyed as u16).wrapping_mul(self.inverse).wrapping_add(self.first)
    }
}

/// Keys, each above the number of what it is the key of.
struct List {
    /// One more than there may be.
    keys: Box<[u64]>,
    len: usize,
}

impl List {
    fn new(capacity: usize) -> Self {
        List { keys: vec![0; capacity + 1].into(), len: 0 }
    }

    fn filled(&mut self) -> &mut [u64] {
        &mut self.keys[..self.len]
    }

    /// Adds those that are wanted. All are written: a branch would be taken as often as not.
    #[inline]
    fn add(&mut self, candidates: impl Iterator<Item = (u64, bool)>) {
        let mut len = self.len;
        for (keyed, wanted) in candidates {
            self.keys[len] = keyed;
            len += usize::from(wanted);
        }
        self.len = len;
    }

    /// Adds those of box `number`'s boxes in which somebody may have a key below `limit`.
    #[inline]
    fn add_boxes(&mut self, boxes: &Boxes, number: usize, from: [i32; 3], limit: u64, ties: Ties) {
        let squares = boxes.distances(from).into_iter().zip(&boxes.seen);
        self.add(squares.zip(number * FAN..).map(|((square, seen), number)| {
            (ties.above(seen.key(square), number as u16), square < seen.beyond(limit))
        }));
    }
}

fn key(keyed: u64) -> u64 {
    keyed >> NUMBER_BITS
}

fn least_key(keyed: &[u64]) -> u64 {
    keyed.iter().min().map_or(u64::MAX, |&keyed| key(keyed))
}

/// The `count` least, and the others.
fn split_least(keyed: &mut [u64], count: usize) -> (&mut [u64], &mut [u64]) {
    if count < keyed.len() {
        keyed.select_nth_unstable(count);
    }
    keyed.split_at_mut(count.min(keyed.len()))
}

/// Those with keys below `limit`, moved to the front.
fn keep_below(keyed: &mut [u64], limit: u64) -> &mut [u64] {
    let mut kept = 0;
    for place in 0..keyed.len() {
        if key(keyed[place]) < limit {
            keyed.swap(kept, place);
            kept += 1;
        }
    }
    &mut keyed[..kept]
}

fn fill(packet: &mut Packet, sorted: &[u64], given: &[Given]) {
    for (lane, &coded) in sorted.iter().enumerate() {
        packet.put(lane, given[order::number(coded)]);
    }
    // Nobody is where the first one is, so that the box is around the entities and nothing else.
    let nobody = Given { class: NOBODY, ..given[order::number(sorted[0])] };
    for lane in sorted.len()..FAN {
        packet.put(lane, nobody);
    }
}
