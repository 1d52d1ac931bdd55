//! The operating system: signals, and limits and usage of processes.

pub mod interrupt;
pub mod usage;

/// Raises the limit of open files: each client may have a socket.
pub fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
