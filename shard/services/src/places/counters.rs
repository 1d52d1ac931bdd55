//! Counters of places.

use crate::counters::counters;

counters! {
    /// Counters of places.
    "services_places_":
    /// Queries.
    queries,
    /// Queries with an invalid text, kind or limit.
    refused,
    /// Queries that the file could not answer.
    failed,
    /// Queries that waited too long for their turn.
    busy,
    /// How often the file was opened: at first, and each time that it was replaced.
    opened,
}
