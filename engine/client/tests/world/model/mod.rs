//! A model of everything around a client: rules, server, network and time.

mod bench;
mod network;
mod rules;
mod server;

pub use bench::{Bench, Client};
pub use network::{Path, Random};
pub use rules::{Answer, Ask, Event, Input, Shown, Walking};
pub use server::{Admission, Server, public_key};
