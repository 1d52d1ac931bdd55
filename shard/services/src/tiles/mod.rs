//! Tiles of maps: pyramids from files or from a remote provider.
