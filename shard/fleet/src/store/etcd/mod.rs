//! etcd, 3.4 or later.
//!
//! | file | has |
//! |---|---|
//! | `client` | [`EtcdStore`]: requests, each to one node, and the next node after a failure |
//! | `connection` | connecting to a node, with password and certificates |
//! | `answers` | etcd's answers and errors, in the words of [`store`](crate::store) |
//! | `watch` | [`EtcdWatch`] |

mod answers;
mod client;
mod connection;
#[cfg(test)]
mod tests;
mod watch;

pub use client::EtcdStore;
pub use connection::ConnectError;
pub use watch::EtcdWatch;
