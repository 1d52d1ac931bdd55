//! Matches over a simulated network: what clients settle on, and what they can do to each other.

mod bench;
mod brawl;
mod desync;
mod hostile;
mod life;
mod lockstep;
mod memory;
