//! What a client asks for.

use super::seal::Pass;
use crate::location::Place;
use crate::model::Name;

/// Regions that a client may have measured. More are of no use: it plays in one.
pub const ROUND_TRIPS_MAX: usize = 32;
/// Hosts that a client may report as unreachable.
pub const FAILED_MAX: usize = 8;
/// Members of a party.
pub const PARTY_SIZE_MAX: u32 = 200;

/// A client that wants to know where to play. Everything in it is the client's word, except where it is.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Request {
    /// The client's version of the game's contract. None: it did not say, and any host will do.
    pub contract: Option<String>,
    /// The region that it wishes.
    pub region: Option<Name>,
    /// Round trips that it measured, in milliseconds, by region. At most [`ROUND_TRIPS_MAX`].
    pub round_trips: Vec<(Name, f32)>,
    /// Where its address is.
    pub place: Whereabouts,
    /// Hash of its account or token, for the strategy `sticky`.
    pub key: Option<u64>,
    /// The party that it plays with.
    pub party: Option<Party>,
    /// Hosts that it could not reach. At most [`FAILED_MAX`].
    pub failed: Vec<Name>,
}

/// What is known of where a client is.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub enum Whereabouts {
    /// There is no location database.
    #[default]
    NoDatabase,
    /// The database does not know the address.
    Unknown,
    /// The address is here.
    At(Place),
}

/// A party: players who want to be on one host.
#[derive(Clone, PartialEq, Debug)]
pub enum Party {
    /// The first member asks for as many places as the party has members.
    Founder {
        /// Hash of the party's name.
        id: u64,
        /// Members, this one included: 1 to [`PARTY_SIZE_MAX`].
        size: u32,
    },
    /// A later member shows the pass that the first one got.
    Member(Pass),
}

impl Request {
    /// Places that it takes on a host.
    pub fn places(&self) -> u32 {
        match self.party {
            Some(Party::Founder { size, .. }) => size,
            Some(Party::Member(_)) | None => 1,
        }
    }
}
