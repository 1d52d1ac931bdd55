//! The answer to a request.

use super::live::Hold;
use super::queue::Waits;
use super::seal::Pass;
use super::step::Step;
use crate::model::{Host, Name};

/// A decision, with the steps that led to it.
#[derive(Clone, PartialEq, Debug)]
pub struct Decision {
    /// Where the client goes.
    pub outcome: Outcome,
    /// Why.
    pub why: Vec<Step>,
    /// What it took.
    pub taken: Taken,
}

/// What a decision took. [`Balancer::give_back`](super::Balancer::give_back) takes it, if the client does not get its answer.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Taken {
    /// The id of the queue ticket that was used.
    pub(super) ticket: Option<u64>,
    /// Places that are held at a host.
    pub(super) hold: Option<(Name, Hold)>,
    /// The pass that a member used, and whether its place was held for the party.
    pub(super) used: Option<(Pass, bool)>,
    /// The pass of a party that was founded: for its other members.
    pub founded: Option<Pass>,
}

/// Where a client goes.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// To this host.
    Host(Box<Host>),
    /// Into the queue.
    Waits(Waits),
    /// Nowhere.
    Refused(Refused),
}

/// Why a client can play nowhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, thiserror::Error)]
pub enum Refused {
    /// No host is registered in the regions that the client may play in.
    #[error("no host is registered in reach: try again later")]
    NoHosts,
    /// All regions are closed.
    #[error("all regions are closed: try again later")]
    Closed,
    /// Hosts take newcomers, but none has the client's version.
    #[error("no host has this version of the game: update the game")]
    OtherContract,
    /// No host has as many places as the party has members.
    #[error("no host has as many places as the party has members: make the party smaller")]
    PartyTooLarge,
    /// No host takes newcomers now.
    #[error("no host takes newcomers now: try again later")]
    Unavailable,
    /// All hosts are full, and there is no queue.
    #[error("all hosts are full: try again later")]
    Full,
    /// The queue is full.
    #[error("all hosts are full, and so is the queue: try again later")]
    QueueFull,
    /// Too many clients of this network wait.
    #[error("too many clients of this network wait: try again later")]
    NetworkQueueFull,
}

impl Refused {
    /// All of them.
    pub const ALL: [Refused; 8] = [
        Refused::NoHosts,
        Refused::Closed,
        Refused::OtherContract,
        Refused::PartyTooLarge,
        Refused::Unavailable,
        Refused::Full,
        Refused::QueueFull,
        Refused::NetworkQueueFull,
    ];

    /// Its name, as metrics and answers have it.
    pub fn name(self) -> &'static str {
        match self {
            Refused::NoHosts => "no_hosts",
            Refused::Closed => "closed",
            Refused::OtherContract => "other_contract",
            Refused::PartyTooLarge => "party_too_large",
            Refused::Unavailable => "unavailable",
            Refused::Full => "full",
            Refused::QueueFull => "queue_full",
            Refused::NetworkQueueFull => "network_queue_full",
        }
    }

    /// Seconds after which another try makes sense. None: a repeated request gets the same answer.
    pub fn retry_after_s(self) -> Option<u64> {
        match self {
            Refused::OtherContract | Refused::PartyTooLarge => None,
            Refused::NoHosts | Refused::Closed => Some(30),
            Refused::Unavailable | Refused::Full => Some(10),
            Refused::QueueFull | Refused::NetworkQueueFull => Some(20),
        }
    }
}
