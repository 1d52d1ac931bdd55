//! Carries Ringshard datagrams between servers and clients that cannot send UDP, such as browsers.
//!
//! A session is end to end between client and server: the gateway has no key and cannot read it. It reads headers, and
//! routes. Everything that it holds is bounded: per client, per address and altogether.
//!
//! Each thread has its own listeners, its own sockets to the servers and its own clients. Threads share nothing but counters
//! and the table that limits connections per address, which is asked when a client comes and when it leaves.
//!
//! | module | for | may use |
//! |---|---|---|
//! | `clock`, [`carrier`], [`counters`] | time, the kinds of carriers, what is counted | |
//! | [`settings`] | what the gateway is told | `carrier` |
//! | [`limits`] | who may connect | `settings`, `counters` |
//! | `client` | what a thread holds of a client | the above |
//! | `uplink` | sockets to the servers, and whose a datagram is | the above |
//! | [`thread`] | one thread's clients and uplinks | the above |
//! | `carriers` | WebSocket, QUIC, WebTransport, WebRTC | `thread` |
//! | `http` | TCP connections: page, WebSocket upgrades, signalling | `carriers` |
//! | `peers` | STUN and the relay for players who talk directly | `limits`, `counters` |
//! | [`control`] | all threads together, as the admin port and signals see them | `thread`, `peers` |
//! | [`admin`] | metrics, connections, reload, drain | `control` |
//! | `start` | binds, starts threads, stops | all |
//! | [`doctor`] | what keeps a gateway from serving | `start` |
//! | `run` | a gateway from its settings to its end: signals, reload, drain | all |

#![forbid(unsafe_code)]

pub mod admin;
pub mod carrier;
mod carriers;
mod client;
mod clock;
pub mod control;
pub mod counters;
pub mod doctor;
mod http;
pub mod limits;
mod peers;
mod run;
pub mod settings;
mod start;
pub mod thread;
mod uplink;

pub use carrier::Carrier;
pub use carriers::webrtc::crypto_provider as webrtc_crypto;
pub use client::Going;
pub use limits::Refused;
pub use run::run;
pub use settings::Settings;
pub use start::{Gateway, StartError};
pub use thread::{Port, Thread};
pub use uplink::packet::Misbehaved;
