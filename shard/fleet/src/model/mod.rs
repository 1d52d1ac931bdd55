//! What is known of a host and of the fleet. It is stored as JSON: in the registry, in files, and in answers.
//!
//! | file | has |
//! |---|---|
//! | `name` | [`Name`]: of a host or a region |
//! | `host` | [`Host`]: what a host says about itself |
//! | `directory` | [`Directory`]: all hosts, at one moment |

mod directory;
mod host;
mod name;

pub use directory::Directory;
pub use host::{Host, HostState};
pub use name::{Name, NotAName};
