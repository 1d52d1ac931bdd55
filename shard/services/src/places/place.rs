//! A place, and the bounds of its texts.

use super::position::Position;

/// The longest name of a place, in bytes.
pub const NAME_BYTES_MAX: usize = 200;
/// The longest kind, region or cuisine, in bytes.
pub const LABEL_BYTES_MAX: usize = 64;
/// The most kinds of places in a file.
pub const KINDS_MAX: usize = 16;
/// The most results of a query.
pub const LIMIT_MAX: usize = 100;
/// The most nearest places, for programs on this host, which choose among them.
pub const NEAREST_MAX: usize = 1_000;

/// A place.
#[derive(Clone, PartialEq, Debug)]
pub struct Place {
    /// Names the place, also after it was imported again: a digest of its kind, name and position.
    pub key: u64,
    /// Such as "city" or "restaurant".
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Where it lies.
    pub position: Position,
    /// Such as a country's code. Empty if the source has none.
    pub region: String,
    /// From 0 to 1: the logarithm of the imported importance, in relation to the greatest one of its kind.
    pub importance: f64,
    /// Price for one person.
    pub price: Option<f64>,
    /// Such as "italian". Empty if the source has none.
    pub cuisine: String,
    /// From 0 to 5.
    pub rating: Option<f64>,
}

/// A place, and how far it is.
#[derive(Clone, PartialEq, Debug)]
pub struct Near {
    /// The place.
    pub place: Place,
    /// In metres.
    pub distance: f64,
}
