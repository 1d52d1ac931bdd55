//! The test world and the memory link that all tests of Ringshard share.

pub mod world;
