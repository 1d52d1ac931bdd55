//! The entities that a core owns.
//!
//! | module | for |
//! |---|---|
//! | [`entities`] | [`Entities`]: spawn, despawn, read and change by id, or all in one pass |
//! | [`rate`] | how often an entity is replicated |
//! | [`row_set`] | sets of rows |
//!
//! A *row* of the store is an entity's index minus the first index that the core owns. The store reads no clock, knows no
//! connections, and allocates only when it is made.

pub mod entities;
pub mod rate;
pub mod row_set;

pub use entities::{Columns, ColumnsMut, Entities, Full};
pub use rate::Rate;
pub use row_set::RowSet;
