//! The entities that a core owns: their state, their buffs, their variables, and the relations of factions.
//!
//! | module | for |
//! |---|---|
//! | [`entities`] | [`Entities`]: spawn, despawn, read and change by id |
//! | [`columns`] | the same data column by column, for passes over all entities |
//! | [`buffs`] | which buffs an entity has, how strong they are, and when they end |
//! | `timer_wheel` | which buffs end at a tick |
//! | `variables` | the variables of the game, and which of them changed |
//! | [`factions`] | which factions are friends or enemies |
//! | [`rate`] | how often an entity is replicated |
//! | [`row_set`] | sets of rows |
//!
//! A *row* of the store is an entity's index minus the first index that the core owns. The store reads no clock, knows no
//! connections, and allocates only when it is made.

pub mod buffs;
pub mod columns;
pub mod entities;
pub mod factions;
pub mod rate;
pub mod row_set;
mod timer_wheel;
mod variables;

pub use columns::{Columns, ColumnsMut};
pub use entities::{Entities, Full};
pub use factions::{Factions, Relation};
pub use rate::Rate;
pub use row_set::RowSet;
