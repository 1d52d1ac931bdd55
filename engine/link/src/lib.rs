//! Carries datagrams between an endpoint and the network: the only I/O of the engine.
//!
//! A link owns one or more sockets, the memory that the kernel reads and writes, and the clock. It lends each arrival in
//! place. Outgoing datagrams are written straight into the link's memory. Datagrams of one size to one peer form a run,
//! which leaves as one GSO send. [`ringshard_protocol::link::Link`] is the contract of a link.
//!
//! This is the engine's only crate with unsafe code, apart from one instruction in `ringshard-prefetch`. Each file that
//! needs it says so at its top, and `scripts/check-unsafe.sh` lists them.
//!
//! | module | for | may use |
//! |---|---|---|
//! | [`uring`] | the link over io_uring | `outbox`, `message`, `buffer`, `clock`, [`socket`] |
//! | [`mmsg`] | the link over recvmmsg and sendmmsg | the same |
//! | `outbox` | the ring of send memory, and its runs | `message`, `buffer`, `segmentation`, `sendmmsg` |
//! | `segmentation` | destinations whose route refuses GSO | |
//! | `message` | addresses and control messages of `msghdr` | `clock`, [`socket`] |
//! | `sendmmsg`, `buffer`, `clock` | one system call, mapped memory, the clock of real sockets | |
//! | [`socket`] | UDP sockets, and the filter that steers by connection id | `losses` |
//! | `losses` | why the kernel dropped datagrams of a socket | |
//! | [`sim`] | the link of a simulated network, with a virtual clock | [`conditions`] |
//! | [`conditions`] | loss, delay, reordering and the like, for simulated networks and for load generators | |
//! | `conditioned` | real sockets under conditions; behind the feature `conditions` | [`conditions`] |

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
mod sendmmsg;
pub mod socket;
pub mod uring;

pub use clock::now;
