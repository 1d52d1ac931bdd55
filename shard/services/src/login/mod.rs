//! The login door: HTTPS and WebSocket.

pub mod certificates;
