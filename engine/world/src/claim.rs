//! What a client says where its character is, in a game whose clients move their characters themselves.
//!
//! Such a game's input is a [`Claim`], or has one. [`Rules::step`](crate::Rules::step) takes it over with [`Claim::apply`], at
//! both ends; the server checks it afterwards.

use crate::Pose;

crate::wire! {
    /// Where a client says that its character is in the tick of an input. The default says nothing: the character stays where
    /// it is, so it is also the neutral input.
    pub struct Claim {
        /// Whether it says anything.
        pub is_said: bool,
        /// Where the feet are, in units of the map.
        pub point: [f32; 3],
        /// How it moves, in units per second.
        pub velocity: [f32; 3],
        /// Where it looks, in 65,536ths of a turn.
        pub yaw: u16,
        /// [`Pose::leap`] of the own state when the client moved its character. A server that sets a character elsewhere counts
        /// it up; claims that the client made before it knew of that have the old number, and are void.
        pub leap: u8,
    }
}

impl Claim {
    /// The claim that a character is there.
    pub fn of(pose: &Pose) -> Claim {
        let Pose { point, velocity, rotation: [yaw, ..], leap } = *pose;
        Claim { is_said: true, point, velocity, yaw, leap }
    }

    /// Whether it says something, and the client knew of every move of the character by the server.
    pub fn is_valid_for(&self, leap: u8) -> bool {
        self.is_said && self.leap == leap
    }

    /// Takes the claim over into the pose of the own state, unless it is void. Returns whether it did.
    pub fn apply(&self, pose: &mut Pose) -> bool {
        let is_valid = self.is_valid_for(pose.leap);
        if is_valid {
            *pose = Pose { point: self.point, velocity: self.velocity, rotation: [self.yaw, 0, 0], leap: pose.leap };
        }
        is_valid
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Otherwise a server could never move a character: the claims under way would take it back.
    #[test]
    fn claims_from_before_a_move_by_the_server_and_neutral_inputs_move_nothing() {
        let mut pose = Pose::at([10.0, 20.0, 30.0]);
        let claim = Claim::of(&Pose { velocity: [1.0, 0.0, 0.0], ..Pose::at([11.0, 20.0, 30.0]) });
        assert!(claim.apply(&mut pose) && pose.point == [11.0, 20.0, 30.0]);
        pose = Pose { leap: 1, ..Pose::at([500.0, 500.0, 0.0]) };
        assert!(!claim.apply(&mut pose) && !Claim::default().apply(&mut pose));
        assert_eq!(pose.point, [500.0, 500.0, 0.0]);
        assert!(Claim { leap: 1, ..claim }.apply(&mut pose) && pose.leap == 1);
    }
}
