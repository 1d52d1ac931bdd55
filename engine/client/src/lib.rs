//! The client of a Ringshard server: what a game links.

#![forbid(unsafe_code)]
