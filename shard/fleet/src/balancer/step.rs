//! The steps of a decision, which answer the question why.

use super::fit::Tally;
use super::policy::Strategy;
use crate::location::Country;
use crate::model::Name;
use serde::{Serialize, Serializer};
use std::fmt;

/// One step of a decision. As a text it is a sentence for people.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the sentences below say what the fields are")]
pub enum Step {
    UnknownWish { region: Name },
    ClosedWish { region: Name },
    Wish { region: Name },
    NoRoundTrips,
    ByRoundTrip { first: Name, ms: f32 },
    NoLocation { has_database: bool },
    ByLocation { first: Name, km: u32, country: Option<Country>, is_exact: bool },
    ByName { first: Name },
    Region { region: Name, tally: Tally },
    LeastLoaded { host: Name, of: u32, percent: u32 },
    Weighted { host: Name, of: u32, weight: u32, sum: u64 },
    Sticky { host: Name, of: u32 },
    NoKey,
    Party { host: Name, of: u32, size: u32 },
    PartyPass { host: Name },
    PartyHostGone { host: Name },
    PassUsed,
    PassUnpaid,
    PartyHostUnfit { host: Name, fit: &'static str },
    Waits { ahead: u64, places: u64 },
    Admitted { places: u64 },
    Learning,
    TicketRefused { why: &'static str },
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::UnknownWish { region } => write!(formatter, "the wished region {region} does not exist"),
            Step::ClosedWish { region } => write!(formatter, "the wished region {region} is closed"),
            Step::Wish { region } => write!(formatter, "the client wishes region {region}"),
            Step::NoRoundTrips => formatter.write_str("the client sent no round trips"),
            Step::ByRoundTrip { first, ms } => {
                write!(formatter, "by round trip, region {first} is the nearest: {ms} ms")
            }
            Step::NoLocation { has_database: false } => formatter.write_str("there is no location database"),
            Step::NoLocation { has_database: true } => {
                formatter.write_str("the location database does not know the client's address")
            }
            Step::ByLocation { first, km, country, is_exact } => {
                let from = if *is_exact { "the client's location" } else { "the middle of the client's country" };
                write!(formatter, "by location, region {first} is the nearest: {km} km from {from}")?;
                country.map_or(Ok(()), |country| write!(formatter, " ({country})"))
            }
            Step::ByName { first } => {
                write!(formatter, "nothing orders the regions, so they go by name: {first} is the first")
            }
            Step::Region { region, tally } => write!(formatter, "region {region}: {tally}"),
            other => other.fmt_choice(formatter),
        }
    }
}

impl Step {
    /// The steps after the regions.
    fn fmt_choice(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::LeastLoaded { host, of, percent } => {
                write!(formatter, "host {host} is the least loaded of {of}: {percent} %")
            }
            Step::Weighted { host, of, weight, sum } => {
                write!(formatter, "host {host} was drawn from {of} by weight: {weight} of {sum}")
            }
            Step::Sticky { host, of } => write!(formatter, "host {host} is the account's own of {of}"),
            Step::NoKey => {
                formatter.write_str("the client sent no account or token, so the least loaded host is chosen")
            }
            Step::Party { host, of, size } => {
                write!(formatter, "host {host} is the party's own of {of} with {size} places")
            }
            Step::PartyPass { host } => write!(formatter, "the party's pass names host {host}"),
            Step::PartyHostGone { host } => {
                write!(formatter, "the party is split: its host {host} is not in the fleet any more")
            }
            Step::PassUsed => {
                formatter.write_str("the party's pass was used by more clients than the party has members")
            }
            Step::PassUnpaid => formatter.write_str(
                "the places of the party are not held any more, so its members stand in line like everybody",
            ),
            Step::PartyHostUnfit { host, fit } => write!(formatter, "the party is split: its host {host} is {fit}"),
            Step::Waits { ahead, places } => {
                write!(formatter, "about {ahead} clients are ahead, for {places} free places")
            }
            Step::Admitted { places } => write!(formatter, "it is the client's turn, for {places} free places"),
            Step::Learning => formatter.write_str("this balancer has just started, and learns who waits"),
            Step::TicketRefused { why } => write!(formatter, "the queue ticket does not count: {why}"),
            _ => unreachable!("the caller has the others"),
        }
    }
}

impl From<Strategy> for &'static str {
    fn from(strategy: Strategy) -> &'static str {
        match strategy {
            Strategy::LeastLoaded => "least-loaded",
            Strategy::Weighted => "weighted",
            Strategy::Sticky => "sticky",
        }
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
