//! Downloads of a client: opened by name, fetched in ranges, verified.
