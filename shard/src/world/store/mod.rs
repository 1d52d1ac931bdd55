//! The world as one core keeps it: who is there, what is done to whom, and who is whose enemy (A2, A7, A8).
//!
//! | module | for |
//! |---|---|
//! | [`entities`] | [`Entities`]: all that a core owns |
//! | [`columns`] | the same, column by column |
//! | [`buffs`] | what is done to an entity, and until when |
//! | `wheel` | which of it ends at a tick |
//! | `variables` | what the game keeps with an entity, and what of it changed |
//! | [`factions`] | who is whose enemy |
//! | [`places`] | sets of places |
//!
//! Nothing here reads a clock, knows a connection, or allocates once it is made. A *place* is a row of the store: an
//! entity's index, counted from the first that the core owns.

pub mod buffs;
pub mod columns;
pub mod entities;
pub mod factions;
pub mod places;
mod variables;
mod wheel;

pub use columns::{Columns, ColumnsMut};
pub use entities::{Authority, Entities, Full, Rate};
pub use factions::{Factions, Relation};
pub use places::PlaceSet;
