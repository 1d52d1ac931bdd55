//! Poses as transforms. Ringshard's z axis points up, and yaw turns from x towards y. Godot's y axis points up, and what is
//! not turned looks along -z.

use godot::builtin::{Basis, EulerOrder, Transform3D, Vector3};
use ringshard_client::{EntityId, Pose};
use std::f32::consts::{FRAC_PI_2, TAU};

/// How the map lies in the scene.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Place {
    /// Units of the map per metre of the scene.
    pub units_per_metre: f32,
    /// The point of the map that is at the scene's origin, in units. One near the players keeps the scene's numbers small.
    pub origin: [f32; 3],
}

impl Place {
    /// A pose in the scene.
    pub fn transform(&self, pose: &Pose) -> Transform3D {
        let [yaw, pitch, roll] = pose.rotation.map(|turn| f32::from(turn) / 65_536.0 * TAU);
        let basis = Basis::from_euler(EulerOrder::YXZ, Vector3::new(pitch, yaw - FRAC_PI_2, roll));
        let [x, y, z] = [0, 1, 2].map(|axis| pose.point[axis] - self.origin[axis]);
        Transform3D::new(basis, self.turned([x, y, z]))
    }

    /// A velocity in the scene, in metres per second.
    pub fn velocity(&self, pose: &Pose) -> Vector3 {
        self.turned(pose.velocity)
    }

    fn turned(&self, [x, y, z]: [f32; 3]) -> Vector3 {
        Vector3::new(x, z, -y) / self.units_per_metre
    }
}

/// The number of an entity in scripts. 0 is none.
pub fn number(id: EntityId) -> i64 {
    (i64::from(id.generation) << 16 | i64::from(id.index)) + 1
}

/// The number of an entity, or 0.
pub fn number_or_none(id: Option<EntityId>) -> i64 {
    id.map_or(0, number)
}

/// The entity of a number; None for 0, and for what is no number of an entity.
pub fn entity(number: i64) -> Option<EntityId> {
    let bits = number.checked_sub(1)?;
    Some(EntityId { index: bits as u16, generation: u8::try_from(bits >> 16).ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { units_per_metre: 100.0, origin: [1_000.0, 2_000.0, 0.0] };

    fn facing(yaw: u16, pitch: u16) -> Vector3 {
        let pose = Pose { rotation: [yaw, pitch, 0], ..Pose::default() };
        PLACE.transform(&pose).basis * Vector3::FORWARD
    }

    /// A player that walks faces its direction; without this, players walk sideways.
    #[test]
    fn what_walks_along_an_axis_looks_along_it() {
        for (yaw, velocity) in [(0, [1.0, 0.0, 0.0]), (1 << 14, [0.0, 1.0, 0.0]), (1 << 15, [-1.0, 0.0, 0.0])] {
            let way = PLACE.velocity(&Pose { velocity, ..Pose::default() }).normalized();
            assert!((facing(yaw, 0) - way).length() < 1e-5, "{yaw}: {} {way}", facing(yaw, 0));
        }
        assert!(facing(0, 1 << 13).y > 0.7, "pitch looks up");
    }

    #[test]
    fn a_point_is_in_metres_from_the_origin_with_the_height_along_y() {
        let transform = PLACE.transform(&Pose::at([1_100.0, 2_200.0, 300.0]));
        assert!((transform.origin - Vector3::new(1.0, 3.0, -2.0)).length() < 1e-5, "{}", transform.origin);
    }

    #[test]
    fn every_entity_has_a_number_and_no_number_is_0() {
        for id in [EntityId { index: 0, generation: 0 }, EntityId { index: u16::MAX, generation: u8::MAX }] {
            assert_ne!(number(id), 0);
            assert_eq!(entity(number(id)), Some(id));
        }
        for wrong in [0, -1, i64::MIN, 1 << 24 | 1, i64::MAX] {
            assert_eq!(entity(wrong), None, "{wrong}");
        }
    }
}
