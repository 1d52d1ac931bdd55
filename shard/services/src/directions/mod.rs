//! Directions and geocoding: an interface for providers, and a local one.
