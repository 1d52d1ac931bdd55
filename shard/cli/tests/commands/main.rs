//! The `ringshard` binary as a person meets it: what it does, and what it says when it cannot.

mod captures;
mod keys;
mod manual;
mod orders;
mod running;
mod scene;
#[path = "../shared/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the other binary uses the rest")]
mod shared;
mod start;
mod tables;
mod top;
