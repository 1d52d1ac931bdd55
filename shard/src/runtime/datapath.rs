//! Which link carries the datagrams, and why. All cores of a server use the same.
//!
//! Whether io_uring can be had is known only once every core has opened its ring: limits count the rings of all cores
//! together. So each core opens its own and waits for the others. Where one cannot, all give theirs back.

use ringshard_link::uring::{Ring, UringError};
use serde::{Deserialize, Serialize};
use std::sync::mpsc::{Receiver, Sender, channel};

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

/// A core cannot have io_uring.
#[derive(Debug, thiserror::Error)]
#[error("core {core} of {cores} cannot open its ring: {error}")]
pub struct NoRing {
    /// Number of the core, from 0.
    pub core: usize,
    /// How many cores the server has.
    pub cores: usize,
    /// Why not.
    pub error: UringError,
}

/// Where the cores of a server agree on one datapath. When it is dropped, cores that still wait give up.
pub(crate) struct Agreement {
    offers: Receiver<(usize, Result<(), UringError>)>,
    verdicts: Vec<Sender<Backend>>,
}

/// One core's part in the agreement.
pub(crate) struct Offer {
    core: usize,
    offers: Sender<(usize, Result<(), UringError>)>,
    verdict: Receiver<Backend>,
}

/// The server does not start: the cores did not agree, or one of them is gone.
#[derive(Debug)]
pub(crate) struct NotAgreed;

impl Agreement {
    /// Between so many cores; each gets an offer, in their order.
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

    /// Waits until every core has made its offer, and tells all of them what they use; gives that, and why.
    ///
    /// # Errors
    /// The first core that cannot have io_uring, when nothing else was allowed. No core goes on then.
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
            // A core that is gone needs no verdict.
            let _ = verdict.send(backend);
        }
        Ok((backend, why))
    }
}

impl Offer {
    /// Opens this core's ring where one is wanted, and waits for what the cores agree on. Gives the ring where that is
    /// io_uring; none where it is recvmmsg and sendmmsg. Must be called on the core's thread.
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
        // The agreement ends early should another core be gone: nobody may keep it waiting for offers.
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

    /// Two cores of which the second cannot lock memory any more.
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
    fn where_nothing_else_is_allowed_the_core_is_named_and_no_core_goes_on() {
        let (agreement, offers) = offered();
        let error = agreement.conclude(Datapath::Uring).unwrap_err().to_string();
        assert!(error.starts_with("core 1 of 2 cannot open its ring: "), "{error}");
        assert!(offers.iter().all(|offer| offer.verdict.recv().is_err()));
    }
}
