//! The world some ticks ago, against models that search all entities of all ticks.

mod claim;
mod dump;
mod hitbox;
mod interpolation;
mod model;
mod queries;
