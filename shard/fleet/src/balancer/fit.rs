//! Whether a host takes a client.

use super::index::{ANY_CONTRACT, Index, NO_CONTRACT};
use super::live::Live;
use super::policy::{Policy, Strategy};
use super::request::Request;
use crate::model::HostState;
use serde::{Serialize, Serializer};
use std::fmt;

/// Whether a host takes a client, or the first reason why not.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fit {
    /// It takes the client.
    Fits,
    /// It does not serve yet.
    Starting,
    /// It is overloaded.
    Overloaded,
    /// It is ending.
    Draining,
    /// An operator keeps newcomers away.
    Maintenance,
    /// It has another version of the game's contract than the client.
    OtherContract,
    /// This client could not reach it.
    Failed,
    /// Several clients could not reach it.
    Suspect,
    /// Its weight is 0.
    NoWeight,
    /// It would be too small for the party even without players.
    TooSmall,
    /// It has no place for the client, or not enough for the party.
    Full,
}

/// How many hosts have each [`Fit`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally([u32; Fit::ALL.len()]);

impl Fit {
    /// All, in the order in which they are checked, [`Fit::Fits`] first.
    pub const ALL: [Fit; 11] = [
        Fit::Fits,
        Fit::Starting,
        Fit::Overloaded,
        Fit::Draining,
        Fit::Maintenance,
        Fit::OtherContract,
        Fit::Failed,
        Fit::Suspect,
        Fit::NoWeight,
        Fit::TooSmall,
        Fit::Full,
    ];

    /// Its name, as answers have it.
    pub fn name(self) -> &'static str {
        match self {
            Fit::Fits => "fit",
            Fit::Starting => "starting",
            Fit::Overloaded => "overloaded",
            Fit::Draining => "draining",
            Fit::Maintenance => "in maintenance",
            Fit::OtherContract => "of another contract",
            Fit::Failed => "not reached by this client",
            Fit::Suspect => "not reached by several clients",
            Fit::NoWeight => "of weight 0",
            Fit::TooSmall => "too small",
            Fit::Full => "full",
        }
    }

    /// Whether the host may take the client soon, so that waiting makes sense.
    pub fn is_for_now(self) -> bool {
        matches!(self, Fit::Fits | Fit::Overloaded | Fit::Suspect | Fit::Full)
    }
}

impl Serialize for Fit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Tally {
    pub(super) fn count(&mut self, fit: Fit) {
        self.0[fit as usize] += 1;
    }

    pub(super) fn add(&mut self, other: Tally) {
        for (own, others) in self.0.iter_mut().zip(other.0) {
            *own += others;
        }
    }

    /// Hosts with this one.
    pub fn of(&self, fit: Fit) -> u32 {
        self.0[fit as usize]
    }

    /// Hosts in all.
    pub fn hosts(&self) -> u32 {
        self.0.iter().sum()
    }

    /// Hosts that may take the client soon.
    pub fn for_now(&self) -> u32 {
        Fit::ALL.into_iter().filter(|fit| fit.is_for_now()).map(|fit| self.of(fit)).sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {} hosts fit", self.of(Fit::Fits), self.hosts())?;
        let others = Fit::ALL.into_iter().skip(1).filter(|fit| self.of(*fit) > 0);
        for (number, fit) in others.enumerate() {
            let before = if number == 0 { "; " } else { ", " };
            write!(formatter, "{before}{} {}", self.of(fit), fit.name())?;
        }
        Ok(())
    }
}

/// What is asked of each host for one request.
#[derive(Debug)]
pub(super) struct Need<'a> {
    index: &'a Index,
    live: &'a Live,
    balancers: u32,
    contract: Option<u32>,
    places: u32,
    failed: Vec<u32>,
    needs_weight: bool,
    now_ms: u64,
}

impl<'a> Need<'a> {
    pub(super) fn new(index: &'a Index, live: &'a Live, policy: &Policy, request: &Request, now_ms: u64) -> Need<'a> {
        Need {
            index,
            live,
            balancers: policy.balancers,
            contract: request.contract.as_deref().map(|contract| index.contract_number(contract)),
            places: request.places(),
            failed: request.failed.iter().filter_map(|name| index.host_number(name)).collect(),
            needs_weight: policy.strategy == Strategy::Weighted,
            now_ms,
        }
    }

    /// Whether a host takes the client, and how many places newcomers may take there.
    pub(super) fn of(&self, number: u32) -> (Fit, u32) {
        match self.before_places(number) {
            Fit::Fits => {}
            other => return (other, 0),
        }
        let indexed = self.index.host(number);
        if indexed.places < self.places {
            return (Fit::TooSmall, 0);
        }
        let places = u64::from(indexed.places).saturating_sub(self.taken(number)) as u32;
        (if places < self.places { Fit::Full } else { Fit::Fits }, places)
    }

    /// Whether a host has a place for a member of a party, the reserve included. A place that is held for the party is only gone
    /// if others have come to the host by themselves.
    pub(super) fn has_any_place(&self, number: u32, is_held: bool) -> bool {
        let indexed = self.index.host(number);
        let taken = if is_held { u64::from(indexed.players) } else { self.taken(number) };
        taken < u64::from(indexed.capacity)
    }

    fn taken(&self, number: u32) -> u64 {
        u64::from(self.index.host(number).players) + u64::from(self.live.held(number)) * u64::from(self.balancers)
    }

    /// Whether a host takes the client, if it has a place.
    pub(super) fn before_places(&self, number: u32) -> Fit {
        let indexed = self.index.host(number);
        match indexed.state {
            HostState::Ready => {}
            HostState::Starting => return Fit::Starting,
            HostState::Overloaded => return Fit::Overloaded,
            HostState::Draining => return Fit::Draining,
            HostState::Maintenance => return Fit::Maintenance,
        }
        let is_other =
            |client: u32| indexed.contract != ANY_CONTRACT && (client == NO_CONTRACT || indexed.contract != client);
        if self.contract.is_some_and(is_other) {
            Fit::OtherContract
        } else if self.failed.contains(&number) {
            Fit::Failed
        } else if self.live.is_suspect(number, self.now_ms) {
            Fit::Suspect
        } else if self.needs_weight && indexed.weight == 0 {
            Fit::NoWeight
        } else {
            Fit::Fits
        }
    }

    /// A region's hosts, counted, and the numbers of those that fit.
    pub(super) fn survey(&self, region: u32) -> (Tally, Vec<u32>) {
        let (mut tally, mut fitting) = (Tally::default(), Vec::new());
        for number in self.index.hosts_of(region) {
            let (fit, _) = self.of(number);
            tally.count(fit);
            if fit == Fit::Fits {
                fitting.push(number);
            }
        }
        (tally, fitting)
    }

    /// A region's hosts, counted, and the places that newcomers may take.
    pub(super) fn places(&self, region: u32) -> (Tally, u64) {
        let (mut tally, mut places) = (Tally::default(), 0);
        for number in self.index.hosts_of(region) {
            let (fit, free) = self.of(number);
            tally.count(fit);
            places += u64::from(free);
        }
        (tally, places)
    }
}
