//! Places: search by box, distance and name.
