//! The entities between two ticks, found by place.
//!
//! Entities are sorted along a Z-curve and cut into packets of sixteen. A node has the boxes around sixteen nodes of the level
//! below; the boxes of the lowest level are around one entity each, at both ticks and between them. A ray descends into the
//! nearest boxes first, and leaves out what is behind its nearest hit.
//!
//! Lengths are in steps here: their range is the same for every map.

use super::boxes::{Boxes, Corners, FAN, NOTHING, PADDING, Slabs};
use super::ray::Ray;
use crate::world::interest::z_order::{self, Order};
use ringshard_world::limits::WORLD_ENTITIES_MAX;

/// Levels of nodes. The highest has one node.
const LEVELS: usize = 4;
const TOP: usize = LEVELS - 1;
/// A box is large if it is this many times as long as the mean. Large boxes have nodes of their own: the few entities that
/// leap across the map, or are as large as houses, must not widen the boxes around all others.
const LARGE: f64 = 8.0;

const _: () = assert!(FAN.pow(LEVELS as u32) >= WORLD_ENTITIES_MAX, "one node is enough at the top");

/// An entity that goes into a tree.
#[derive(Clone, Copy)]
struct Given {
    corners: Corners,
    /// To the nearest step or so.
    centre: [i32; 3],
    /// The greatest of its edges.
    edge: f32,
    index: u16,
}

impl Given {
    fn new(index: u16, corners: Corners) -> Self {
        let [low, high] = corners;
        let edge = (0..3).fold(0.0f32, |edge, axis| edge.max(high[axis] - low[axis]));
        let centre = std::array::from_fn(|axis| ((low[axis] + high[axis]) / 2.0) as i32);
        Given { corners, centre, edge, index }
    }
}

/// Working memory for building trees.
pub(super) struct Builder {
    given: Vec<Given>,
    order: Order,
}

impl Builder {
    pub(super) fn new(entities_max: usize) -> Self {
        Builder { given: Vec::with_capacity(entities_max), order: Order::new(entities_max) }
    }

    /// Heap memory of a builder.
    pub(super) const fn bytes(entities_max: usize) -> usize {
        entities_max * size_of::<Given>() + Order::bytes(entities_max)
    }
}

/// The entities between two ticks.
pub(super) struct Tree {
    /// From the lowest level, whose boxes are around single entities, to the highest.
    levels: [Vec<Boxes>; LEVELS],
    /// The entities in each node of the lowest level.
    indices: Vec<[u16; FAN]>,
    /// The corners of the box around everything.
    bounds: [[f64; 3]; 2],
    /// By how much each box is wider on each side than what is in it.
    padding: f64,
}

impl Tree {
    /// A tree for up to `entities_max` entities, without any.
    pub(super) fn new(entities_max: usize) -> Self {
        let nodes = nodes(entities_max);
        Tree {
            levels: nodes.map(Vec::with_capacity),
            indices: Vec::with_capacity(nodes[0]),
            bounds: [[0.0; 3]; 2],
            padding: 0.0,
        }
    }

    /// Heap memory of a tree.
    pub(super) const fn bytes(entities_max: usize) -> usize {
        let nodes = nodes(entities_max);
        (nodes[0] + nodes[1] + nodes[2] + nodes[3]) * size_of::<Boxes>() + nodes[0] * size_of::<[u16; FAN]>()
    }

    /// Replaces all entities: index and corners of the box around each.
    pub(super) fn rebuild(&mut self, builder: &mut Builder, entities: impl Iterator<Item = (u16, Corners)>) {
        let Builder { given, order } = builder;
        self.levels.iter_mut().for_each(Vec::clear);
        self.indices.clear();
        given.clear();
        let (mut around, mut edges) = (NOTHING, 0.0f64);
        let (mut low, mut high) = ([i32::MAX; 3], [i32::MIN; 3]);
        for (index, corners) in entities {
            assert!(given.len() < given.capacity(), "the tree is full");
            let one = Given::new(index, corners);
            around = hull(around, corners);
            edges += f64::from(one.edge);
            low = std::array::from_fn(|axis| low[axis].min(one.centre[axis]));
            high = std::array::from_fn(|axis| high[axis].max(one.centre[axis]));
            given.push(one);
        }
        if given.is_empty() {
            return;
        }
        self.fit(around);
        let large = (edges / given.len() as f64 * LARGE) as f32;
        let layered = given.iter().map(|given| (u8::from(given.edge <= large), given.centre));
        let sorted = order.sort(layered, low, high);
        for packet in sorted.chunks(FAN) {
            self.add_packet(packet.iter().map(|&coded| given[z_order::number(coded)]));
        }
        for level in 0..TOP {
            let (below, above) = self.levels.split_at_mut(level + 1);
            above[0].extend(below[level].chunks(FAN).map(Boxes::around));
        }
        assert!(self.levels[TOP].len() == 1, "one node is enough at the top");
    }

    /// Sets bounds and padding, from the box around everything.
    fn fit(&mut self, around: Corners) {
        let greatest = around.as_flattened().iter().fold(0.0f32, |greatest, along| greatest.max(along.abs()));
        self.padding = f64::from(greatest) * PADDING;
        let [low, high] = around.map(|corner| corner.map(f64::from));
        self.bounds = [low.map(|along| along - self.padding), high.map(|along| along + self.padding)];
    }

    fn add_packet(&mut self, entities: impl Iterator<Item = Given>) {
        let (mut boxes, mut indices) = (Boxes::EMPTY, [0; FAN]);
        let padding = self.padding as f32;
        for (lane, Given { corners: [low, high], index, .. }) in entities.enumerate() {
            boxes.put(lane, [low.map(|along| along - padding), high.map(|along| along + padding)]);
            indices[lane] = index;
        }
        self.levels[0].push(boxes);
        self.indices.push(indices);
    }

    /// Visits the entities whose boxes the ray meets, the nearest boxes about first. `visit` returns how far along the ray
    /// entities still matter; an entity may be visited although the ray passes it.
    pub(super) fn ray(&self, ray: &Ray, mut visit: impl FnMut(u16) -> f64) {
        let [low, high] = self.bounds;
        let (false, Some([start, end])) = (self.indices.is_empty(), ray.part_in(low, high)) else {
            return;
        };
        // From here on the ray begins at the box around everything, so that 32 bits are enough.
        let origin = std::array::from_fn(|axis| ray.from[axis] + ray.direction[axis] * start);
        let mut slabs = Slabs::new(origin, ray.direction, self.rounded_up(end - start));
        self.descend(TOP, 0, &mut slabs, &mut |index| self.rounded_up(visit(index) - start));
    }

    fn descend(&self, level: usize, node: usize, slabs: &mut Slabs, visit: &mut impl FnMut(u16) -> f32) {
        let enters = slabs.enter(&self.levels[level][node]);
        let (mut near, mut count) = ([(0.0, 0); FAN], 0);
        for (lane, enter) in enters.into_iter().enumerate() {
            if enter < f32::INFINITY {
                let mut place = count;
                while place > 0 && near[place - 1].0 > enter {
                    near[place] = near[place - 1];
                    place -= 1;
                }
                near[place] = (enter, lane);
                count += 1;
            }
        }
        for &(enter, lane) in &near[..count] {
            if enter > slabs.limit {
                break;
            }
            if level == 0 {
                slabs.limit = slabs.limit.min(visit(self.indices[node][lane]));
            } else {
                self.descend(level - 1, node * FAN + lane, slabs, visit);
            }
        }
    }

    /// A length as a limit that no rounding makes too small.
    fn rounded_up(&self, length: f64) -> f32 {
        (length.max(0.0) * (1.0 + PADDING) + self.padding) as f32
    }

    /// Visits the entities whose boxes a sphere touches, in no order. An entity may be visited although the sphere misses it.
    pub(super) fn sphere(&self, centre: [f64; 3], radius: f64, mut visit: impl FnMut(u16)) {
        if self.indices.is_empty() {
            return;
        }
        // The nearest point of the bounds is at least as near to everything within them as the centre is. It fits 32 bits.
        let [low, high] = self.bounds;
        let centre: [f64; 3] = std::array::from_fn(|axis| centre[axis].clamp(low[axis], high[axis]));
        let reach = f64::from(self.rounded_up(radius)).min(f64::from(f32::MAX).sqrt() / 2.0);
        self.descend_all(TOP, 0, centre.map(|along| along as f32), (reach * reach) as f32, &mut visit);
    }

    fn descend_all(&self, level: usize, node: usize, from: [f32; 3], limit: f32, visit: &mut impl FnMut(u16)) {
        let squares = self.levels[level][node].distances(from);
        for (lane, square) in squares.into_iter().enumerate() {
            if square > limit {
                continue;
            }
            if level == 0 {
                visit(self.indices[node][lane]);
            } else {
                self.descend_all(level - 1, node * FAN + lane, from, limit, visit);
            }
        }
    }
}

/// Most nodes per level.
const fn nodes(entities_max: usize) -> [usize; LEVELS] {
    let packets = entities_max.div_ceil(FAN);
    let groups = packets.div_ceil(FAN);
    let regions = groups.div_ceil(FAN);
    [packets, groups, regions, regions.div_ceil(FAN)]
}

/// The box around two boxes.
pub(super) fn hull([low, high]: Corners, [other_low, other_high]: Corners) -> Corners {
    [
        std::array::from_fn(|axis| low[axis].min(other_low[axis])),
        std::array::from_fn(|axis| high[axis].max(other_high[axis])),
    ]
}
