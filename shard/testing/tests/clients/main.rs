//! Real clients of a game: what they predict, see, hit and keep over outages. The example `figures` measures the same at the
//! full size.

#[path = "../../examples/figures/measure.rs"]
mod measure;
mod play;
#[path = "../../examples/figures/skirmish.rs"]
mod skirmish;
mod world;
