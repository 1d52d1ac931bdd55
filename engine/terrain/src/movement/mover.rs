//! The way of a tick, among triangles and over the ground.

use super::steer::TICK_SECONDS;
use super::{Gait, Tuning};
use crate::Terrain;
use crate::collision::{Contact, Nearby};
use crate::vector::{Vector, across, add, cross, dot, scale, sub};

/// How far characters keep away from triangles, in units. It is more than floats round by on the largest maps.
pub const SKIN: f32 = 0.25;
/// A character in the air that comes so close to the ground touches it, in units.
const TOUCH: f32 = 1.0;
/// Parts of the way of a tick.
const STRIDES_MAX: u32 = 64;
/// Contacts on one way. After so many, the character stops.
const CONTACTS_MAX: usize = 4;

/// The triangles that a character can meet in this tick.
#[inline]
pub(super) fn surroundings<'a>(terrain: &'a Terrain, tuning: &Tuning, point: Vector, velocity: Vector) -> Nearby<'a> {
    let Tuning { radius, height, step_height, .. } = *tuning;
    let way = dot(velocity, velocity).sqrt() * TICK_SECONDS + 2.0;
    let reach = [radius + way, radius + way, step_height + way];
    // A character that walks up a slope rises by about as much as it goes, and the ground may lift it by as much again.
    let high = [point[0] + reach[0], point[1] + reach[1], point[2] + height + step_height + 3.0 * way];
    Nearby::gather(terrain, sub(point, reach), high)
}

/// A character on its way.
pub(super) struct Mover<'a> {
    terrain: &'a Terrain,
    tuning: &'a Tuning,
    nearby: &'a Nearby<'a>,
    half: Vector,
    /// Where the ground was looked up last, its height there and its slope.
    ground: ([f32; 2], (f32, [f32; 2])),
    pub(super) point: Vector,
    pub(super) velocity: Vector,
    pub(super) gait: Gait,
}

impl<'a> Mover<'a> {
    #[inline]
    pub(super) fn new(
        terrain: &'a Terrain,
        tuning: &'a Tuning,
        nearby: &'a Nearby<'a>,
        point: Vector,
        velocity: Vector,
        gait: Gait,
    ) -> Self {
        let half = [tuning.radius, tuning.radius, tuning.height / 2.0];
        let ground = ([f32::NAN; 2], (0.0, [0.0; 2]));
        Mover { terrain, tuning, nearby, half, ground, point, velocity, gait }
    }

    /// Goes the way of one tick.
    #[inline]
    pub(super) fn go(&mut self) {
        let start = self.point;
        let meant = scale(self.velocity, TICK_SECONDS);
        // Between two heights the ground is even, so no hill is missed.
        let stride = self.terrain.shape().height_spacing / 2.0;
        let length = across(meant);
        let strides = if length <= stride { 1 } else { STRIDES_MAX.min((length / stride) as u32 + 1) };
        for _ in 0..strides {
            self.advance(TICK_SECONDS / strides as f32);
        }
        self.find_support();
        if self.is_wedged(start, meant) {
            self.fall_from(start, meant[2]);
        }
    }

    /// A character that pushes against a steep slope may be held by nothing else: then it slides down, and cannot jump off.
    /// If it is held without pushing, too, it stands, so that it can jump out.
    #[cold]
    fn fall_from(&mut self, start: Vector, down: f32) {
        let fall = [0.0, 0.0, down];
        (self.point, self.velocity) = (start, scale(fall, 1.0 / TICK_SECONDS));
        self.advance(TICK_SECONDS);
        self.find_support();
        if self.is_wedged(start, fall) {
            self.land();
        }
    }

    /// Goes for a part of the tick, in seconds.
    #[inline]
    fn advance(&mut self, seconds: f32) {
        let start = self.point;
        self.pass(seconds);
        let (height, slope) = self.ground();
        if self.point[2] >= height {
            return;
        }
        if self.is_even(slope) {
            self.rise_to(height, start);
            return;
        }
        if self.velocity[0] * slope[0] + self.velocity[1] * slope[1] > 0.0 {
            self.pass_along(slope, start, seconds);
        } else {
            self.slide_on(slope, start, seconds);
        }
    }

    /// The height and the slope of the ground under the character.
    #[inline]
    fn ground(&mut self) -> (f32, [f32; 2]) {
        let at = [self.point[0], self.point[1]];
        if self.ground.0 != at {
            self.ground = (at, self.terrain.ground(at[0], at[1]));
        }
        self.ground.1
    }

    /// Goes among the triangles, as if there were no ground.
    #[inline]
    fn pass(&mut self, seconds: f32) {
        if self.nearby.is_empty() {
            self.point = add(self.point, scale(self.velocity, seconds));
        } else {
            self.slide(seconds, self.gait == Gait::Ground);
        }
        self.stay_on_map();
    }

    fn stay_on_map(&mut self) {
        let size = self.terrain.map().size();
        for (axis, edge) in size.into_iter().enumerate().take(2) {
            let (low, high) = (self.tuning.radius, edge - self.tuning.radius);
            // A number that is none goes to the edge, too.
            if !(low..=high).contains(&self.point[axis]) {
                self.point[axis] = if self.point[axis] > high { high } else { low };
                self.velocity[axis] = 0.0;
            }
        }
        if self.point[2].is_nan() || self.point[2] > size[2] {
            self.point[2] = size[2];
            self.velocity[2] = self.velocity[2].min(0.0);
        }
    }

    /// Whether a character can stand on ground with this slope.
    #[inline]
    fn is_even(&self, [along_x, along_y]: [f32; 2]) -> bool {
        let limit = self.tuning.slope_limit;
        (1.0 + along_x * along_x + along_y * along_y) * limit * limit <= 1.0
    }

    /// The ground that the character can stand on is above its feet: it rises with it, unless something is in the way.
    fn rise_to(&mut self, height: f32, start: Vector) {
        if self.has_room(height) {
            self.point[2] = height;
            self.land();
        } else {
            self.stop_at(start);
        }
    }

    /// Whether the character can rise to this height.
    fn has_room(&self, height: f32) -> bool {
        let way = [0.0, 0.0, height - self.point[2]];
        self.nearby.is_empty() || self.sweep(way).is_none()
    }

    /// Stays where it was. The ground there does not rise, but falling ends at it.
    fn stop_at(&mut self, start: Vector) {
        self.point = start;
        (self.velocity[0], self.velocity[1]) = (0.0, 0.0);
    }

    fn land(&mut self) {
        if self.gait != Gait::Swim {
            self.gait = Gait::Ground;
        }
        self.velocity[2] = if self.gait == Gait::Swim { self.velocity[2].max(0.0) } else { 0.0 };
    }

    /// The ground ahead is too steep: goes along it, not up.
    fn pass_along(&mut self, [up_x, up_y]: [f32; 2], start: Vector, seconds: f32) {
        let by = (self.velocity[0] * up_x + self.velocity[1] * up_y) / (up_x * up_x + up_y * up_y);
        self.velocity[0] -= by * up_x;
        self.velocity[1] -= by * up_y;
        self.point = start;
        self.pass(seconds);
        let (height, slope) = self.ground();
        if self.point[2] >= height {
            return;
        }
        if self.is_even(slope) {
            return self.rise_to(height, start);
        }
        // It rises here, too. Only falling goes on.
        let fallen = self.point[2].min(start[2]);
        self.stop_at(start);
        if self.nearby.is_empty() {
            self.point[2] = fallen.max(self.ground().0);
        }
    }

    /// The character has come down on ground that is too steep to stand on: goes down along it.
    fn slide_on(&mut self, [up_x, up_y]: [f32; 2], start: Vector, seconds: f32) {
        let normal = scale([-up_x, -up_y, 1.0], 1.0 / (1.0 + up_x * up_x + up_y * up_y).sqrt());
        let into = dot(self.velocity, normal).min(0.0);
        self.velocity = sub(self.velocity, scale(normal, into));
        if self.gait != Gait::Swim {
            self.gait = Gait::Slide;
        }
        self.point = start;
        self.pass(seconds);
        let (height, slope) = self.ground();
        if self.point[2] >= height {
            return;
        }
        if self.is_even(slope) {
            self.rise_to(height, start);
        } else if height <= start[2] && self.has_room(height) {
            self.point[2] = height;
        } else {
            self.stop_at(start);
        }
    }

    /// Goes among the triangles, and along those that it meets.
    fn slide(&mut self, seconds: f32, climbs: bool) {
        let mut left = seconds;
        let mut walls = [[0.0; 3]; CONTACTS_MAX];
        let first = self.velocity;
        for number in 0..CONTACTS_MAX {
            let way = scale(self.velocity, left);
            let Some((contact, part)) = self.meet(way) else {
                self.point = add(self.point, way);
                return;
            };
            self.point = add(self.point, scale(way, part));
            left -= left * part;
            if climbs && contact.normal[2] < self.tuning.slope_limit && self.climb(left, &contact) {
                return;
            }
            walls[number] = self.wall(contact.normal);
            self.velocity = along(self.velocity, &walls[..=number]);
            // Back where it came from is no way to go.
            if self.velocity[0] * first[0] + self.velocity[1] * first[1] < 0.0 {
                (self.velocity[0], self.velocity[1]) = (0.0, 0.0);
            }
        }
        self.velocity = [0.0, 0.0, self.velocity[2].min(0.0)];
    }

    /// The first contact on a way, and the part of the way up to it, less the skin.
    #[inline]
    fn meet(&self, way: Vector) -> Option<(Contact, f32)> {
        let contact = self.sweep(way)?;
        let approach = -dot(way, contact.normal);
        Some((contact, (contact.part - SKIN / approach).max(0.0)))
    }

    #[inline]
    fn sweep(&self, way: Vector) -> Option<Contact> {
        let [x, y, z] = self.point;
        self.nearby.sweep(self.half, [x, y, z + self.half[2]], way)
    }

    /// The plane along which a character goes on after a contact. What is too steep to stand on is a wall for a character that
    /// goes at it. Otherwise it would rise on it.
    fn wall(&mut self, normal: Vector) -> Vector {
        let [x, y, z] = normal;
        if z >= self.tuning.slope_limit {
            self.meet_floor(normal);
            return normal;
        }
        let flat = (x * x + y * y).sqrt();
        let goes_at = self.velocity[0] * x + self.velocity[1] * y < 0.0;
        if z > 0.0 && flat > 0.0 && goes_at && self.gait != Gait::Swim { [x / flat, y / flat, 0.0] } else { normal }
    }

    /// The character has met something that it can stand on: it lands, and goes on as fast as before along it.
    fn meet_floor(&mut self, [x, y, z]: Vector) {
        if self.gait != Gait::Swim {
            self.gait = Gait::Ground;
            self.velocity[2] = -(self.velocity[0] * x + self.velocity[1] * y) / z;
        }
    }

    /// Tries to go on a step higher. True if it has.
    fn climb(&mut self, left: f32, contact: &Contact) -> bool {
        let Mover { point: start, velocity, .. } = *self;
        let step = self.tuning.step_height;
        if contact.top > start[2] + step {
            return false;
        }
        let up = [0.0, 0.0, step];
        let raised = step * self.meet(up).map_or(1.0, |(_, part)| part);
        self.point[2] += raised;
        self.velocity[2] = 0.0;
        self.slide(left, false);
        let down = [0.0, 0.0, -raised];
        let landed = self.meet(down);
        self.point[2] -= raised * landed.map_or(1.0, |(_, part)| part);
        let is_even = landed.is_none_or(|(contact, _)| contact.normal[2] >= self.tuning.slope_limit);
        let gone = sub(self.point, start);
        if is_even && dot(gone, velocity) > 0.0 {
            return true;
        }
        (self.point, self.velocity) = (start, velocity);
        false
    }

    /// What carries the character at the end of the tick.
    #[inline]
    fn find_support(&mut self) {
        let reach = match self.gait {
            Gait::Swim => return,
            Gait::Ground => self.tuning.step_height,
            Gait::Air if self.velocity[2] > 0.0 => return,
            Gait::Air | Gait::Slide => TOUCH,
        };
        let (height, slope) = self.ground();
        let above = self.point[2] - height;
        let down = reach.min(above);
        if !self.nearby.is_empty()
            && down > 0.0
            && let Some((contact, part)) = self.meet([0.0, 0.0, -down])
        {
            let down = down * part;
            return self.rest_on(self.point[2] - down, contact.normal[2] >= self.tuning.slope_limit, down);
        }
        if above <= reach {
            let is_even = self.is_even(slope);
            if is_even || above <= TOUCH {
                self.point[2] = height;
            }
            self.rest_on(self.point[2], is_even, above);
        } else {
            self.fall();
        }
    }

    /// Nothing carries the character. What it has walked up so far does not launch it.
    fn fall(&mut self) {
        self.gait = Gait::Air;
        self.velocity[2] = self.velocity[2].min(0.0);
    }

    /// Something carries the character at this height, `down` below its feet.
    fn rest_on(&mut self, height: f32, is_even: bool, down: f32) {
        match is_even {
            true => {
                self.point[2] = height;
                self.land();
            }
            false if down <= TOUCH => self.gait = Gait::Slide,
            false => self.fall(),
        }
    }

    /// Whether a character that falls or slides does not get on.
    #[inline]
    fn is_wedged(&self, start: Vector, meant: Vector) -> bool {
        let gone = sub(self.point, start);
        let falls = matches!(self.gait, Gait::Air | Gait::Slide) && meant[2] < 0.0;
        falls && dot(gone, gone) < 0.01 * dot(meant, meant)
    }
}

/// A velocity along all of these planes: it goes into none of them.
fn along(velocity: Vector, walls: &[Vector]) -> Vector {
    let goes_into = |velocity: Vector, wall: &Vector| dot(velocity, *wall) < 0.0;
    for wall in walls.iter().rev().filter(|wall| goes_into(velocity, wall)) {
        // A little more than is needed, so that rounding does not lead back into it.
        let clipped = sub(velocity, scale(*wall, dot(velocity, *wall) * 1.001));
        if !walls.iter().any(|other| other != wall && goes_into(clipped, other)) {
            return clipped;
        }
    }
    if !walls.iter().any(|wall| goes_into(velocity, wall)) {
        return velocity;
    }
    let [.., one, other] = walls else { return [0.0; 3] };
    let crease = cross(*one, *other);
    let length_squared = dot(crease, crease);
    if length_squared == 0.0 {
        return [0.0; 3];
    }
    let clipped = scale(crease, dot(velocity, crease) / length_squared);
    if walls[..walls.len() - 2].iter().any(|wall| goes_into(clipped, wall)) { [0.0; 3] } else { clipped }
}
