//! Counters of directions and geocoding.

use crate::counters::counters;

counters! {
    /// Counters of directions and geocoding.
    "services_directions_":
    /// Requests for positions of names, and for places at positions.
    geocoded,
    /// Requests for a route.
    routed,
    /// Requests for a route that found none.
    without_way,
}
