//! The choice between io_uring and recvmmsg/sendmmsg. All cores of a server use the same link.
//!
//! The kernel's limits count the rings of all cores together, so io_uring is available only if every core can open its
//! ring. Each core opens its own and waits for the others. If one fails, all close theirs.

use ringshard_link::uring::{Ring, UringError};
use serde::{Deserialize, Serialize};
use std::sync::mpsc::{Receiver, Sender, channel};

/// The setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Datapath {
    /// io_uring if available, recvmmsg and sendmmsg otherwise.
    Auto,
    /// io_uring; the server does not start without it.
    Uring,
    /// recvmmsg and sendmmsg.
    Mmsg,
}

/// The link in use.
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

/// A core cannot open its io_uring ring.
#[derive(Debug, thiserror::Error)]
#[error("core {core} of {cores} cannot open its ring: {error}")]
pub struct NoRing {
    /// Number of the core, from 0.
    pub core: usize,
    /// Number of cores of the server.
    pub cores: usize,
    /// The reason.
    pub error: UringError,
}

/// The agreement of all cores on one link: it collects their offers. When it is dropped, waiting cores give up.
pub(crate) struct Agreement {
    offers: Receiver<(usize, Result<(), UringError>)>,
    verdicts: Vec<Sender<Backend>>,
}

/// One core's side of the agreement.
pub(crate) struct Offer {
    core: usize,
    offers: Sender<(usize, Result<(), UringError>)>,
    verdict: Receiver<Backend>,
}

/// The server does not start: the cores did not agree, or one of them ended.
#[derive(Debug)]
pub(crate) struct NotAgreed;

impl Agreement {
    /// An agreement of `cores` cores, and the offer of each, in order.
    pub(crate) fn between(cores: usize) -> (Self, Vec<Offer>) {
        let (sender, offers) = channel();
        let (verdicts, cores) = (0..cores)
            .map(|core| {
                let (verdict, receiver) = channel();
                (verdict, Offer { core, offers: sender.clone(), verdict: receiver })
            })
            .unzip();
        (Agreement { offers, verdicts }, cores)
    }

    /// Waits for the offers of all cores, and tells each core which link to use. Returns that link and the reason.
    ///
    /// # Errors
    /// The first core that cannot open its ring, if io_uring is required. All cores give up then.
    pub(crate) fn conclude(self, datapath: Datapath) -> Result<(Backend, String), NoRing> {
        let cores = self.verdicts.len();
        let offers = self.offers.iter().take(cores);
        let mut refused: Vec<(usize, UringError)> =
            offers.filter_map(|(core, offer)| offer.err().map(|error| (core, error))).collect();
        refused.sort_unstable_by_key(|(core, _)| *core);
        let count = refused.len();
        let (backend, why) = match (datapath, refused.into_iter().next()) {
            (Datapath::Uring, Some((core, error))) => return Err(NoRing { core, cores, error }),
            (Datapath::Uring, None) => (Backend::Uring, "asked for".to_owned()),
            (Datapath::Mmsg, _) => (Backend::Mmsg, "asked for".to_owned()),
            (Datapath::Auto, None) => (Backend::Uring, "every core has opened its ring".to_owned()),
            (Datapath::Auto, Some((core, error))) => {
                (Backend::Mmsg, format!("{count} of {cores} cores cannot open a ring; core {core}: {error}"))
            }
        };
        for verdict in &self.verdicts {
            // A core that has ended needs no verdict.
            let _ = verdict.send(backend);
        }
        Ok((backend, why))
    }
}

impl Offer {
    /// Opens this core's ring if io_uring is wanted, and waits for the verdict. Returns the ring if the verdict is io_uring,
    /// none if it is recvmmsg and sendmmsg. Must be called on the core's thread.
    ///
    /// # Errors
    /// The server does not start.
    pub(crate) fn settle(self, datapath: Datapath) -> Result<Option<Ring>, NotAgreed> {
        let Offer { core, offers, verdict } = self;
        let (ring, offer) = match datapath {
            Datapath::Mmsg => (None, Ok(())),
            Datapath::Auto | Datapath::Uring => match Ring::open() {
                Ok(ring) => (Some(ring), Ok(())),
                Err(error) => (None, Err(error)),
            },
        };
        offers.send((core, offer)).map_err(|_| NotAgreed)?;
        // If another core has ended, the agreement must not wait for its offer: it stops when all senders are dropped.
        drop(offers);
        match verdict.recv() {
            Ok(Backend::Uring) => ring.map(Some).ok_or(NotAgreed),
            Ok(Backend::Mmsg) => Ok(None),
            Err(_) => Err(NotAgreed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    /// Two cores, of which the second can lock no more memory.
    fn offered() -> (Agreement, Vec<Offer>) {
        let (agreement, offers) = Agreement::between(2);
        let refused = UringError::Memlock(io::Error::from_raw_os_error(12));
        for (offer, made) in offers.iter().zip([Ok(()), Err(refused)]) {
            offer.offers.send((offer.core, made)).unwrap();
        }
        (agreement, offers)
    }

    #[test]
    fn one_core_without_a_ring_moves_all_of_them() {
        let (agreement, offers) = offered();
        let (backend, why) = agreement.conclude(Datapath::Auto).unwrap();
        assert_eq!(backend, Backend::Mmsg);
        assert!(offers.iter().all(|offer| offer.verdict.recv() == Ok(Backend::Mmsg)));
        assert!(why.starts_with("1 of 2 cores cannot open a ring; core 1: "), "{why}");
        assert!(why.contains("ulimit -l"), "{why}");
    }

    #[test]
    fn if_io_uring_is_required_the_core_is_named_and_no_core_goes_on() {
        let (agreement, offers) = offered();
        let error = agreement.conclude(Datapath::Uring).unwrap_err().to_string();
        assert!(error.starts_with("core 1 of 2 cannot open its ring: "), "{error}");
        assert!(offers.iter().all(|offer| offer.verdict.recv().is_err()));
    }
}
