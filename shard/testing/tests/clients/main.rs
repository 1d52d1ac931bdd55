//! Real clients of a game: what they predict, see, hit and keep over outages, and what becomes of those that cheat. The examples
//! `figures` and `cheats` measure the same at the full size.

#[path = "../../examples/cheats/cheaters.rs"]
mod cheaters;
mod cheats;
#[path = "../../examples/cheats/hours.rs"]
mod hours;
#[path = "../../../tests/world/land.rs"]
mod land;
#[path = "../../examples/figures/measure.rs"]
mod measure;
mod peers;
mod play;
#[path = "../../examples/cheats/said.rs"]
mod said;
#[path = "../../examples/figures/skirmish.rs"]
mod skirmish;
mod world;
