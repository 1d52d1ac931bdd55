//! Nodes on a simulated network with a virtual clock: clients play through them while links fail.
//!
//! | file | has |
//! |---|---|
//! | `net` | the network, with clients and a host |
//! | `failover` | nodes and links that fail |
//! | `hostile` | forged and repeated datagrams |

mod failover;
mod hostile;
mod net;
