//! The commands of the `ringshard` binary: what they print, what they refuse, and what they return.

mod accounts;
mod call;
mod captures;
#[cfg(feature = "fleet")]
mod fleet;
mod keys;
mod manual;
mod maps;
mod orders;
mod places;
mod resources;
mod running;
mod scene;
#[path = "../shared/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the other binary uses the rest")]
mod shared;
mod start;
mod tables;
mod tiles;
mod top;
