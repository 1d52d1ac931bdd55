//! What a host says about itself.

use super::{Name, RunId};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A host, as the registry has it. A reader ignores fields that it does not know: a later version may have written them.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Host {
    /// Its name, unique in the fleet.
    pub name: Name,
    /// The run of its server. None: the host does not register itself, as in a static file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// When its server started, in milliseconds since 1970. 0: unknown.
    #[serde(default)]
    pub started_at_ms: u64,
    /// The region that it stands in.
    pub region: Name,
    /// Where clients connect: `HOST:PORT`, UDP.
    pub address: String,
    /// The server's static public key, which clients pin: 64 hexadecimal digits.
    pub key: String,
    /// Where browsers connect: the URL of a gateway before this host. None: browsers cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// Version of the server's program.
    pub version: String,
    /// Version of the game's contract: clients need the same. Empty: any client will do.
    #[serde(default)]
    pub contract: String,
    /// Most players that it takes.
    pub capacity: u32,
    /// Players that are in its world now.
    #[serde(default)]
    pub players: u32,
    /// How busy its busiest core is: 0 to 1.
    #[serde(default)]
    pub load: f32,
    /// How much of the newcomers it gets compared with others, by the strategy `weighted`. 0: none.
    #[serde(default = "usual_weight")]
    pub weight: u32,
    /// Whether it takes newcomers, and if not, why.
    pub state: HostState,
    /// How long its players may stay once it drains, in milliseconds. None: it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain_ms: Option<u64>,
}

/// Whether a host takes newcomers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostState {
    /// Its cores have not begun to serve.
    Starting,
    /// It takes newcomers.
    Ready,
    /// It is overloaded: it serves its players, and refuses newcomers for now.
    Overloaded,
    /// It is ending: players may stay for a while.
    Draining,
    /// An operator keeps newcomers away. Its players stay.
    Maintenance,
}

impl fmt::Display for HostState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(match self {
            HostState::Starting => "starting",
            HostState::Ready => "ready",
            HostState::Overloaded => "overloaded",
            HostState::Draining => "draining",
            HostState::Maintenance => "maintenance",
        })
    }
}

fn usual_weight() -> u32 {
    100
}

impl Host {
    /// Places that are free for newcomers: 0 unless it is ready.
    pub fn free(&self) -> u32 {
        if self.state == HostState::Ready { self.capacity.saturating_sub(self.players) } else { 0 }
    }
}
