//! Counters of suggestions.

use crate::counters::counters;

counters! {
    /// Counters of suggestions.
    "services_suggestions_":
    /// Requests for suggestions.
    asked,
    /// Remarks of players about places.
    remarks,
    /// Requests and remarks that failed.
    failed,
}
