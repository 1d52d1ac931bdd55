//! Meshes on a small internet with NATs, losses and liars, under a virtual clock.

mod families;
mod hostile;
mod internet;
mod lives;
mod moving;
mod nats;
mod players;
mod relayed;
mod talking;
