//! The step of a character, judged by oracles that know nothing of how it is done.

mod bounds;
mod cases;
#[path = "../dice/mod.rs"]
mod dice;
mod oracle;
mod playground;
mod rooms;
mod same;
