//! What travels of an action: what a player asks for, and what others learn of it.

use crate::EntityId;

/// The number of no action: asking for it ends the cast under way.
pub const CANCEL: u8 = u8::MAX;

crate::wire! {
    /// What a player asks for, as a field of a game's [`Input`](crate::Rules::Input). By default it asks for nothing.
    pub struct ActionInput {
        /// The number of the ask; 0: nothing is asked. An input with the number of the ask before asks nothing.
        pub number: u8,
        /// The action: a row of the game's table, or [`CANCEL`].
        pub action: u8,
        /// At what.
        pub aim: Aim,
    }

    /// What an action is aimed at.
    #[derive(Default)]
    pub enum Aim {
        /// Nothing, or the player itself.
        #[default]
        Nothing,
        /// An entity.
        Entity { id: EntityId },
        /// A point, in units.
        Point { point: [f32; 3] },
    }
}

crate::wire! {
    /// What others learn of an action: a field of a game's [`Event`](crate::Rules::Event), for all who see the entity `by`.
    pub enum Acted {
        /// It begins to cast.
        Begins { by: EntityId, action: u8, aim: Aim },
        /// It executes the action.
        Done { by: EntityId, action: u8, aim: Aim },
        /// Its cast ends without an execution.
        Broken { by: EntityId, action: u8 },
    }
}
