//! Which link carries the datagrams, and why.

use ringshard_engine::link::uring::UringLink;
use serde::{Deserialize, Serialize};

/// What was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Datapath {
    /// io_uring where it can be had, recvmmsg and sendmmsg otherwise.
    Auto,
    /// io_uring or nothing.
    Uring,
    /// recvmmsg and sendmmsg.
    Mmsg,
}

/// What is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// io_uring.
    Uring,
    /// recvmmsg and sendmmsg.
    Mmsg,
}

impl std::fmt::Display for Backend {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Backend::Uring => "io_uring",
            Backend::Mmsg => "recvmmsg/sendmmsg",
        })
    }
}

impl Datapath {
    /// Decides, and says why.
    ///
    /// # Errors
    /// Why io_uring cannot be used, when nothing else was allowed.
    pub fn choose(self) -> Result<(Backend, String), ringshard_engine::link::uring::UringError> {
        match self {
            Datapath::Mmsg => Ok((Backend::Mmsg, "asked for".into())),
            Datapath::Uring => UringLink::probe().map(|()| (Backend::Uring, "asked for".into())),
            Datapath::Auto => Ok(match UringLink::probe() {
                Ok(()) => (Backend::Uring, "the kernel has all of io_uring that is used".into()),
                Err(error) => (Backend::Mmsg, error.to_string()),
            }),
        }
    }
}
