//! The login door: HTTPS and WebSocket.

mod answer;
mod bearer;
mod body;
pub mod certificates;
mod connections;
mod counters;
mod settings;

pub use counters::Counters;
pub use settings::LoginSettings;
