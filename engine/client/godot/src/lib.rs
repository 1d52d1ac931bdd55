//! Ringshard's client as an extension of Godot 4: the node [`RingshardClient`].
//!
//! | module | for | may use |
//! |---|---|---|
//! | [`node`] | the node: signals and methods | everything here |
//! | [`game`] | which game this library is for | `demo`, `shape` |
//! | [`demo`] | the types of the demonstration, as dictionaries | `shape` |
//! | [`shape`] | what a game says about its types | |
//! | [`place`] | poses as transforms | |
//!
//! A studio that has another game writes its own `demo.rs`, and changes `game.rs`.

pub mod demo;
pub mod game;
pub mod node;
pub mod place;
pub mod shape;

pub use node::RingshardClient;

use godot::init::{ExtensionLibrary, gdextension};

struct Extension;

// SAFETY: the crate `godot` demands this declaration. The library has no other entry, and does not touch Godot before it.
#[gdextension]
unsafe impl ExtensionLibrary for Extension {}
