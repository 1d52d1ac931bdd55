//! Towards the servers: sockets, and whose a datagram is.
//!
//! | file | has |
//! |---|---|
//! | `packet` | what a gateway reads of a datagram |
//! | `routes` | whose a datagram is |
//! | `outbox` | gathers datagrams into runs |
//! | `socket` | a UDP socket with GSO and GRO |
//! | `flow` | one socket to one server, with its clients |
//! | `seats` | a client's places in the flows to its server |
//! | `flush` | sends what all flows gathered, once the thread has served what is ready |
//!
//! A thread has several flows to each server. A client usually stays on one. The server's kernel spreads the flows over its cores'
//! receive queues.

mod flow;
mod flush;
mod outbox;
pub mod packet;
mod routes;
mod seats;
mod socket;

pub(crate) use flow::Flow;
pub(crate) use flush::Flusher;
pub(crate) use seats::Seats;
pub(crate) use socket::ReceiveBuffers;
