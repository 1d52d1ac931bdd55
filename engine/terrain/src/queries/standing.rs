//! Where a character can stand.

use crate::Terrain;
use crate::collision::Nearby;
use crate::file::VolumeKind;
use crate::movement::{SKIN, Tuning};

/// Circles of places around the wanted one.
const CIRCLES: u32 = 16;
/// A circle has as many places as this times its number.
const PLACES: u32 = 8;

impl Terrain {
    /// The place nearest to a point where a character can stand: on ground or geometry that is level enough, with room for its
    /// body, not in deep water, and not where nobody may enter. `None` if there is none within `radius` units.
    ///
    /// It tries the point itself, and then places on 16 circles around it, so it finds the nearest place up to a sixteenth of
    /// the radius, or half the width of the character if that is more. It costs up to a thousand times as much as a step: do
    /// not call it for many characters in one tick.
    pub fn nearest_walkable(&self, tuning: &Tuning, point: [f32; 3], radius: f32) -> Option<[f32; 3]> {
        if !(point.iter().all(|along| along.is_finite()) && radius.is_finite() && radius >= 0.0) {
            return None;
        }
        let spacing = (radius / CIRCLES as f32).max(tuning.radius);
        let distance = |[x, y, z]: [f32; 3]| {
            let way = [x - point[0], y - point[1], z - point[2]];
            way.iter().map(|along| along * along).sum::<f32>().sqrt()
        };
        let mut nearest: Option<([f32; 3], f32)> = None;
        for circle in 0..=CIRCLES {
            let aside = circle as f32 * spacing;
            if aside > radius || nearest.is_some_and(|(_, least)| least <= aside) {
                break;
            }
            for place in 0..(circle * PLACES).max(1) {
                let turn = (u64::from(place) * 65_536 / u64::from((circle * PLACES).max(1))) as u16;
                let [x, y] = ringshard_world::turn::direction(turn);
                let at = [point[0] + x * aside, point[1] + y * aside, point[2]];
                // From a little above first: what is on the same floor is nearer than a roof.
                let stands = [tuning.step_height, radius]
                    .into_iter()
                    .find_map(|above| self.floor_under(tuning, [at[0], at[1], at[2] + above], above + radius));
                if let Some(stands) = stands {
                    let away = distance(stands);
                    if away <= radius && nearest.is_none_or(|(_, least)| away < least) {
                        nearest = Some((stands, away));
                    }
                }
            }
        }
        nearest.map(|(stands, _)| stands)
    }

    /// Where a character comes to stand that falls from a point, at most so deep.
    fn floor_under(&self, tuning: &Tuning, point: [f32; 3], depth: f32) -> Option<[f32; 3]> {
        let [x, y, top] = point;
        let [width, length, tallest] = self.map().size();
        let is_on_map = (tuning.radius..=width - tuning.radius).contains(&x)
            && (tuning.radius..=length - tuning.radius).contains(&y)
            && top <= 2.0 * tallest;
        let (ground, [along_x, along_y]) = self.ground(x, y);
        if !is_on_map || top < ground {
            return None;
        }
        let half = [tuning.radius, tuning.radius, tuning.height / 2.0];
        let way = [0.0, 0.0, -depth.min(top - ground + SKIN)];
        let low = [x - half[0] - SKIN, y - half[1] - SKIN, top + way[2] - SKIN];
        let high = [x + half[0] + SKIN, y + half[1] + SKIN, top + tuning.height + SKIN];
        let nearby = Nearby::gather(self, low, high);
        let contact = nearby.sweep(half, [x, y, top + half[2]], way);
        let (z, is_even) = match contact {
            // It overlaps something, or touches it from the side.
            Some(contact) if contact.part * -way[2] < SKIN => return None,
            Some(contact) => (top + way[2] * contact.part + SKIN, contact.normal[2] >= tuning.slope_limit),
            None if top - ground > depth => return None,
            None => (ground, (1.0 + along_x * along_x + along_y * along_y) * tuning.slope_limit.powi(2) <= 1.0),
        };
        let stands = [x, y, z.max(ground)];
        let is_deep = self.water_surface(stands).is_some_and(|surface| surface - stands[2] > tuning.swim_depth);
        let is_closed = self.volumes_at(stands).any(|volume| volume.kind == VolumeKind::NoGo as u32);
        (is_even && !is_deep && !is_closed).then_some(stands)
    }
}
