//! The fuzz targets: a function each, so that an ordinary test can replay a corpus.
//!
//! No input may cause a panic. Each function states and checks what else must hold.

mod client;
mod codec;
mod connection_frames;
mod contract;
mod crypto;
mod downloads;
mod endpoint;
mod input;
mod introductions;
mod link;
mod map_file;
mod mesh;
mod messages;
mod peer;
mod relay;
mod rollback;
mod services;
mod ticket;
mod wire;
mod world;

pub use client::client_receive;
pub use codec::codec;
pub use connection_frames::connection_frames;
pub use contract::contract;
pub use crypto::{cookie, replay_window};
pub use downloads::{download_messages, downloads};
pub use endpoint::endpoint_receive;
pub use introductions::introductions;
pub use map_file::map_file;
pub use mesh::mesh_receive;
pub use messages::{answer, ask, enter_answer, enter_request, event, inputs};
pub use relay::relay;
pub use rollback::rollback;
pub use services::{client_calls, services_messages, value};
pub use ticket::ticket;
pub use wire::{ack, cleartext, fragment, frames, session_parameters_and_header};
pub use world::world;
