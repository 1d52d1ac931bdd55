//! Places: search by box, distance and name.
//!
//! The places are in one SQLite file, which an import makes and nothing changes. Queries are bounded: by their limit, by the
//! length of their text, and by the number that run at once. They run on blocking threads.

mod actions;
mod cells;
mod counters;
mod file;
pub mod import;
mod place;
mod pool;
mod position;
mod schema;
#[cfg(test)]
mod tests;
mod words;

pub use actions::{
    BoxRequest, CompleteRequest, KindRecord, KindsAnswer, NearestRequest, PlaceRecord, PlacesAnswer, position,
    register, within,
};
pub use counters::Counters;
pub use file::{CANDIDATES, Completion, Kind, NEIGHBOURS, PlacesError, PlacesFile};
pub use place::{KINDS_MAX, LABEL_BYTES_MAX, LIMIT_MAX, NAME_BYTES_MAX, NEAREST_MAX, Near, Place};
pub use pool::Places;
pub use position::{Bounds, DISTANCE_MAX, InvalidPosition, Position};
pub use words::{InvalidQuery, Match, QUERY_BYTES_MAX, QUERY_WORDS_MAX, Query, fold};
