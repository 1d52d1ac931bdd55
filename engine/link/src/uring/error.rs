//! Why a host refuses io_uring, and what to do about it.

use std::io;

/// Why io_uring cannot be used. The texts say what to do.
#[derive(Debug, thiserror::Error)]
pub enum UringError {
    /// Refused: by sysctl, seccomp or a security module.
    #[error("io_uring is refused ({0}): check `sysctl kernel.io_uring_disabled` and the container's seccomp profile")]
    Refused(io::Error),
    /// The limit of locked memory is reached.
    #[error("io_uring may not lock enough memory ({0}): raise `ulimit -l` or LimitMEMLOCK= to 1 MiB for each core")]
    Memlock(io::Error),
    /// The kernel is too old, or was built without a part of io_uring.
    #[error("the kernel lacks a part of io_uring that is used here ({0}): Linux 6.1 or later has it")]
    Incomplete(io::Error),
    /// This process or the host has reached its limit of open files.
    #[error("no file descriptor is left for a ring ({0}): raise `ulimit -n`, or LimitNOFILE= of the service")]
    NoFileLeft(io::Error),
    /// Anything else.
    #[error("io_uring cannot be set up: {0}")]
    Failed(io::Error),
}

impl UringError {
    pub(super) fn from_setup(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES | libc::ENOSYS) => UringError::Refused(error),
            Some(libc::ENOMEM) => UringError::Memlock(error),
            Some(libc::EMFILE | libc::ENFILE) => UringError::NoFileLeft(error),
            Some(libc::EINVAL | libc::EOPNOTSUPP) => UringError::Incomplete(error),
            _ => UringError::Failed(error),
        }
    }
}
