//! A server's place in a fleet of hosts, as its operation sees it.

use serde_json::Value;
use std::time::Duration;

/// A server's place in a fleet of hosts. No method waits, except [`Self::stop`].
pub trait Fleet: Send + Sync {
    /// Hands over the name and value of each count, levels included. Names begin with `fleet_`.
    fn counters(&self, to: &mut dyn FnMut(&'static str, f64));

    /// What the dashboard shows beside the counts: name, region, address, how the registration stands.
    fn describe(&self) -> Value;

    /// What an operator must know: that the registry is away, or that another host has the name. None: nothing. The server
    /// goes on serving in any case.
    fn trouble(&self) -> Option<String>;

    /// Whether players have left their cores who are not at another host yet. A server does not end before that.
    fn is_handing_over(&self) -> bool;

    /// Leaves the registry, for at most `patience`.
    fn stop(&self, patience: Duration);
}
