//! Carries datagrams between an endpoint and the network: the only I/O of the engine.
//!
//! A link owns one or more sockets, the memory that the kernel reads and writes, and the clock. It lends each arrival in
//! place. Datagrams that leave are written straight into the link's memory, where datagrams of equal size to one peer grow
//! into runs; each run leaves as one send. [`ringshard_protocol::link::Link`] is what a link promises.
//!
//! | module | for |
//! |---|---|
//! | [`uring`] | the link over io_uring |
//! | [`mmsg`] | the link over recvmmsg and sendmmsg |
//! | [`socket`] | UDP sockets, and the filter that steers by connection id |
//! | [`sim`] | the link of a simulated network, with a virtual clock |
//! | [`conditions`] | loss, delay, reordering and the like, for simulated networks and for load generators |

#![deny(unsafe_code)]

#[cfg(any(test, feature = "conditions"))]
pub mod conditioned;
pub mod conditions;
pub mod sim;

mod buffer;
mod clock;
mod losses;
mod message;
pub mod mmsg;
mod outbox;
mod segmentation;
pub mod socket;
pub mod uring;
