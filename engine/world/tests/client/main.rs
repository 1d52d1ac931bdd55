//! What a client calculates by itself: the own state ahead of the server, others between snapshots, and the clocks.

mod clock;
mod interpolation;
mod prediction;
mod random;
mod smoothing;
