//! Sixteen bounding boxes, compared with a ray or a point at a time.
//!
//! All data is in arrays of [`FAN`] elements, one array per coordinate, so that the compiler vectorises comparisons. They are
//! in steps, as 32-bit floats, and wide enough to make up for all roundings: see [`PADDING`].

/// Boxes per node.
pub(super) const FAN: usize = 16;

/// By how much boxes are wider on each side than what is in them, as a part of the greatest coordinate among them.
///
/// A rounding to 32 bits moves a coordinate by at most 2^-24 of the greatest one. There are fewer than 32 of them between a
/// sample and the result of a comparison: in the pose, the box, the origin and the direction of the ray, the differences and
/// the products; each counts twice where it applies to a difference of coordinates.
pub(super) const PADDING: f64 = 1.0 / (1 << 19) as f64;

/// A number that no coordinate reaches. Its square is infinite in 32 bits.
const NOWHERE: f32 = 1e30;

/// A low and a high corner.
pub(super) type Corners = [[f32; 3]; 2];

/// The box in which nothing is.
pub(super) const NOTHING: Corners = [[NOWHERE; 3], [-NOWHERE; 3]];

/// Sixteen boxes.
#[derive(Clone)]
pub(super) struct Boxes {
    low: [[f32; FAN]; 3],
    high: [[f32; FAN]; 3],
}

impl Boxes {
    pub(super) const EMPTY: Boxes = Boxes { low: [[NOWHERE; FAN]; 3], high: [[-NOWHERE; FAN]; 3] };

    #[inline]
    pub(super) fn put(&mut self, lane: usize, [low, high]: Corners) {
        for axis in 0..3 {
            self.low[axis][lane] = low[axis];
            self.high[axis][lane] = high[axis];
        }
    }

    /// A box around each of up to sixteen nodes.
    pub(super) fn around(nodes: &[Boxes]) -> Boxes {
        assert!(nodes.len() <= FAN, "a node has {FAN} boxes");
        let mut boxes = Boxes::EMPTY;
        for (lane, node) in nodes.iter().enumerate() {
            boxes.put(lane, node.hull());
        }
        boxes
    }

    /// The box around all of them.
    pub(super) fn hull(&self) -> Corners {
        [self.low.map(|lanes| reduced(lanes, lesser)), self.high.map(|lanes| reduced(lanes, greater))]
    }

    /// Squares of the distances of the boxes from a point; infinite for a box in which nothing is.
    #[inline(never)]
    pub(super) fn distances(&self, from: [f32; 3]) -> [f32; FAN] {
        let mut squares = [0.0; FAN];
        for (axis, from) in from.into_iter().enumerate() {
            for (lane, square) in squares.iter_mut().enumerate() {
                let outside = greater(self.low[axis][lane] - from, from - self.high[axis][lane]);
                let outside = greater(outside, 0.0);
                *square += outside * outside;
            }
        }
        squares
    }
}

/// A ray, prepared for comparisons with many boxes.
#[derive(Clone, Copy)]
pub(super) struct Slabs {
    origin: [f32; 3],
    /// 1 / direction, finite: an axis along which the ray does not advance has a very great number.
    inverse: [f32; 3],
    /// Boxes farther away than this do not matter.
    pub(super) limit: f32,
}

/// The greatest number of [`Slabs::inverse`]: times any coordinate, it is finite.
const INVERSE_MAX: f64 = 1e27;

impl Slabs {
    pub(super) fn new(origin: [f64; 3], direction: [f64; 3], limit: f32) -> Self {
        let inverse = |along: f64| {
            let inverse = (1.0 / along).clamp(-INVERSE_MAX, INVERSE_MAX);
            if inverse.is_nan() { INVERSE_MAX as f32 } else { inverse as f32 }
        };
        Slabs { origin: origin.map(|along| along as f32), inverse: direction.map(inverse), limit }
    }

    /// The distances at which the ray enters the boxes; infinite for a box that it does not meet within its limit.
    #[inline(never)]
    pub(super) fn enter(&self, boxes: &Boxes) -> [f32; FAN] {
        let (mut enters, mut exits) = ([0.0; FAN], [self.limit; FAN]);
        for axis in 0..3 {
            let (from, inverse) = (self.origin[axis], self.inverse[axis]);
            let (low, high) = (&boxes.low[axis], &boxes.high[axis]);
            let (near, far) = if inverse >= 0.0 { (low, high) } else { (high, low) };
            for lane in 0..FAN {
                enters[lane] = greater((near[lane] - from) * inverse, enters[lane]);
                exits[lane] = lesser((far[lane] - from) * inverse, exits[lane]);
            }
        }
        for lane in 0..FAN {
            enters[lane] = if enters[lane] <= exits[lane] { enters[lane] } else { f32::INFINITY };
        }
        enters
    }
}

/// Combines the upper half of the lanes with the lower half until one is left: the compiler vectorises each half.
#[inline]
fn reduced(mut lanes: [f32; FAN], combined: impl Fn(f32, f32) -> f32) -> f32 {
    let mut half = FAN / 2;
    while half > 0 {
        for lane in 0..half {
            lanes[lane] = combined(lanes[lane], lanes[lane + half]);
        }
        half /= 2;
    }
    lanes[0]
}

/// One instruction, unlike `f32::max`, which also handles NaN.
#[inline]
fn greater(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// One instruction, unlike `f32::min`, which also handles NaN.
#[inline]
fn lesser(a: f32, b: f32) -> f32 {
    if a < b { a } else { b }
}
