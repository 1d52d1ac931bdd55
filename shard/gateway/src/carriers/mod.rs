//! The carriers: each takes connections, joins a client for each, and moves datagrams between the connection and the
//! client's [`Port`](crate::Port).

mod openings;
pub mod quic;
pub mod webrtc;
pub(crate) mod websocket;
