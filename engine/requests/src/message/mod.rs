//! The bytes of the messages between a client and services (PROTOCOL.md#services).

pub mod download;
