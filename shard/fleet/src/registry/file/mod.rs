//! Hosts in a file: the alternative to etcd for two or three hosts. Each host is probed, because nothing else says that it is
//! alive.
//!
//! | file | has |
//! |---|---|
//! | `roster` | [`StaticRoster`]: the hosts, and what they have answered, without I/O |
//! | `task` | the task that reads the file again and probes |

mod roster;
mod task;

pub use roster::{ProbeAnswer, StaticRoster};
pub use task::{Probe, follow_file};
