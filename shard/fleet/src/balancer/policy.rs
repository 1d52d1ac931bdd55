//! What the operator decides: how regions are ordered, where clients go when a region is full, and how a host is chosen.

use crate::location::Position;
use crate::model::Name;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Regions of a policy.
const REGIONS_MAX: usize = 256;
/// Bytes of a region's title.
const TITLE_BYTES_MAX: usize = 64;
/// Addresses that clients measure, per region.
const PROBES_MAX: usize = 4;

/// The policy of a fleet. It is written in TOML or JSON; every field may be left out.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Policy {
    /// How regions are ordered for a client. The first way that says something of a region decides its place; regions that no
    /// way orders come last, by name.
    pub regions_by: Vec<Way>,
    /// Where clients go when the first region has no place.
    pub overflow: Overflow,
    /// How a host is chosen within a region.
    pub strategy: Strategy,
    /// Share of each host's places that newcomers do not get, in percent: 0 to 50. They are for members of a party that is there,
    /// and for players that the registry does not show yet.
    pub reserve_percent: u32,
    /// Balancers that serve clients: 1 to 1000. Each assumes that the others send as many clients to a host as it does.
    pub balancers: u32,
    /// Whether clients wait in a queue when all hosts in reach are full. Otherwise they are refused.
    pub queue: bool,
    /// The queue.
    pub waiting: Waiting,
    /// Networks that must report a host as unreachable before it is avoided for 30 s: 1 to 16. 0: reports only count for the
    /// client that makes them.
    pub failure_reports: u32,
    /// The regions. A region that hosts name but that is missing here has no position.
    pub regions: BTreeMap<Name, Region>,
}

/// A region of the fleet.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Region {
    /// What players read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where its hosts stand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Where its clients go when it is full, with `overflow = "listed"`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overflow: Vec<Name>,
    /// Addresses (`HOST:PORT`, UDP) that clients measure. Empty: those of two of its hosts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub probes: Vec<String>,
    /// Whether it takes no newcomers.
    pub closed: bool,
}

/// How long clients wait, and how many.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Waiting {
    /// Clients that may wait, per balancer: 1 to 200000. Others are refused.
    pub most: u32,
    /// Clients of one network that may wait, per balancer: 1 to 10000.
    pub most_per_network: u32,
    /// Seconds after which a client asks again: 1 to 60.
    pub poll_secs: u32,
}

/// A way to order regions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// The region that the client wishes comes first.
    Wish,
    /// The shortest round trip first, as the client measured it.
    RoundTrip,
    /// The nearest first, by the location of the client's address.
    Location,
}

/// Where clients go when the first region has no place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Overflow {
    /// To the next region of the client's order, and so on.
    Next,
    /// To the regions that the first region lists, in this order.
    Listed,
    /// Nowhere.
    None,
}

/// How a host is chosen within a region.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// The host of the lowest load: the larger of its share of taken places and the load of its busiest core.
    LeastLoaded,
    /// By chance, in proportion to the weights of the hosts.
    Weighted,
    /// The same host for the same account, as long as it takes newcomers. Clients without an account: as `least-loaded`.
    Sticky,
}

impl Default for Policy {
    fn default() -> Policy {
        Policy {
            regions_by: vec![Way::Wish, Way::RoundTrip, Way::Location],
            overflow: Overflow::Next,
            strategy: Strategy::LeastLoaded,
            reserve_percent: 2,
            balancers: 1,
            queue: true,
            waiting: Waiting::default(),
            failure_reports: 3,
            regions: BTreeMap::new(),
        }
    }
}

impl Default for Waiting {
    fn default() -> Waiting {
        Waiting { most: 50_000, most_per_network: 100, poll_secs: 5 }
    }
}

impl Policy {
    /// What is wrong with it: one text for each fault, which names the field and what it must be.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let ranges = [
            ("reserve-percent", self.reserve_percent, 0..=50),
            ("balancers", self.balancers, 1..=1_000),
            ("failure-reports", self.failure_reports, 0..=16),
            ("waiting.most", self.waiting.most, 1..=200_000),
            ("waiting.most-per-network", self.waiting.most_per_network, 1..=10_000),
            ("waiting.poll-secs", self.waiting.poll_secs, 1..=60),
        ];
        for (name, value, range) in ranges {
            if !range.contains(&value) {
                faults.push(format!("{name} is {value}, but must be {} to {}", range.start(), range.end()));
            }
        }
        if (1..self.regions_by.len()).any(|at| self.regions_by[..at].contains(&self.regions_by[at])) {
            faults.push("regions-by names a way twice: name each at most once".to_owned());
        }
        if self.regions.len() > REGIONS_MAX {
            faults.push(format!("regions has {} entries, but may have at most {REGIONS_MAX}", self.regions.len()));
        }
        for (name, region) in &self.regions {
            self.check_region(name, region, &mut faults);
        }
        faults
    }

    fn check_region(&self, name: &Name, region: &Region, faults: &mut Vec<String>) {
        for other in &region.overflow {
            if !self.regions.contains_key(other) {
                faults.push(format!(
                    "regions.{name}.overflow has {other}, which is no region of this policy: add [regions.{other}]"
                ));
            }
            if other == name {
                faults.push(format!("regions.{name}.overflow has the region itself: remove it"));
            }
        }
        if region.overflow.len() > REGIONS_MAX {
            faults.push(format!("regions.{name}.overflow has more than {REGIONS_MAX} entries"));
        }
        if region.title.as_ref().is_some_and(|title| title.len() > TITLE_BYTES_MAX) {
            faults.push(format!("regions.{name}.title is longer than {TITLE_BYTES_MAX} bytes"));
        }
        if region.probes.len() > PROBES_MAX {
            faults.push(format!("regions.{name}.probes has more than {PROBES_MAX} addresses"));
        }
        for probe in &region.probes {
            let port =
                probe.rsplit_once(':').and_then(|(host, port)| port.parse::<u16>().ok().filter(|_| !host.is_empty()));
            if port.is_none() || probe.len() > 255 {
                faults.push(format!("regions.{name}.probes has `{probe}`, but must have HOST:PORT"));
            }
        }
    }
}
