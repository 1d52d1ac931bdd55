//! Which route leads to a host now. Routes are computed when a link has changed, and not per datagram.

use super::wire::{Hops, LinkReport};
use crate::model::{Name, Quality};
use crate::topology::{Graph, PlaceId, Route, routes};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a node said about its links is forgotten after this time, unless it says it again.
const REPORT_LIFETIME: Duration = Duration::from_secs(3);
/// Another route is taken if it is better by this, in microseconds, and by this part. Otherwise routes would change all the time.
const BETTER_BY_US: u64 = 2_000;
const BETTER_BY_PART: u64 = 10;

/// What is known of links, and the routes that follow.
#[derive(Debug, Default)]
pub(super) struct Router {
    /// What nodes measured, this one included, by the two ends.
    reports: BTreeMap<(PlaceId, PlaceId), Report>,
    /// Where routes lead.
    goals: BTreeMap<PlaceId, Goal>,
    /// Something has changed since the routes were computed.
    is_stale: bool,
}

#[derive(Clone, Copy, Debug)]
struct Report {
    quality: Quality,
    /// None: it is this node's own, or of the registry, and stays until it changes.
    until: Option<Duration>,
}

#[derive(Debug)]
struct Goal {
    name: Name,
    routes: Vec<Route>,
    chosen: Option<Hops>,
}

impl Router {
    /// The hosts that routes are wanted to.
    pub(super) fn set_goals(&mut self, names: &[Name]) {
        let mut before = std::mem::take(&mut self.goals);
        for name in names {
            let id = PlaceId::of_host(name);
            let goal = before.remove(&id);
            let goal = goal.unwrap_or_else(|| Goal { name: name.clone(), routes: Vec::new(), chosen: None });
            self.goals.insert(id, goal);
        }
        self.is_stale = true;
    }

    /// Notes what a node measured. `now` is None for what this node measured itself.
    pub(super) fn report(&mut self, node: PlaceId, now: Option<Duration>, link: LinkReport) {
        let report = Report { quality: link.quality, until: now.map(|now| now + REPORT_LIFETIME) };
        let before = self.reports.insert((node, link.to), report);
        self.is_stale |= before.map(|before| before.quality) != Some(link.quality);
    }

    /// A node or a host is gone.
    pub(super) fn forget(&mut self, place: PlaceId) {
        self.reports.retain(|(from, to), _| *from != place && *to != place);
        self.is_stale = true;
    }

    /// Forgets what nodes have not said again.
    pub(super) fn expire(&mut self, now: Duration) {
        let before = self.reports.len();
        self.reports.retain(|_, report| report.until.is_none_or(|until| now < until));
        self.is_stale |= self.reports.len() != before;
    }

    /// Computes the routes if something has changed. Gives how many hosts have another route than before.
    pub(super) fn refresh(&mut self, edge: PlaceId, is_host: impl Fn(PlaceId) -> bool) -> u64 {
        if !std::mem::take(&mut self.is_stale) || self.goals.is_empty() {
            return 0;
        }
        let mut graph = Graph::default();
        for ((from, to), Report { quality, .. }) in &self.reports {
            match is_host(*to) {
                true => graph.add_host(*from, *to, *quality),
                false => graph.add(*from, *to, *quality),
            }
        }
        self.goals.iter_mut().map(|(host, goal)| u64::from(goal.refresh(&graph, edge, *host))).sum()
    }

    /// The route to a host. None: there is none.
    pub(super) fn route(&self, host: PlaceId) -> Option<Hops> {
        self.goals.get(&host)?.chosen
    }

    /// The routes to all hosts, best first, and the chosen one.
    pub(super) fn shown(&self) -> impl Iterator<Item = (&Name, &[Route], Option<Hops>)> {
        self.goals.values().map(|goal| (&goal.name, &*goal.routes, goal.chosen))
    }
}

impl Goal {
    /// Chooses a route. Gives whether it replaces another one.
    fn refresh(&mut self, graph: &Graph, edge: PlaceId, host: PlaceId) -> bool {
        self.routes = routes(graph, edge, host);
        let before = self.chosen;
        let stays = before.is_some_and(|chosen| {
            let cost = graph.cost_us(chosen.nodes(), host);
            cost.zip(self.routes.first()).is_some_and(|(cost, best)| !is_much_better(best.cost_us, cost))
        });
        if !stays {
            self.chosen = self.routes.first().and_then(|route| Hops::new(&route.nodes));
        }
        let has_changed = self.chosen != before;
        if has_changed {
            let cost_ms = self.routes.first().map(|route| route.cost_us / 1_000);
            match self.chosen {
                Some(route) => {
                    tracing::info!(host = %self.name, nodes = route.nodes().len(), cost_ms, "the route has changed")
                }
                None => tracing::warn!(host = %self.name, "no route is up: clients of this host are cut off"),
            }
        }
        has_changed && before.is_some()
    }
}

fn is_much_better(best_us: u64, now_us: u64) -> bool {
    best_us + BETTER_BY_US.max(now_us / BETTER_BY_PART) < now_us
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn up(round_trip_ms: u16) -> Quality {
        Quality { up: true, round_trip_ms, loss_percent: 0 }
    }

    const EDGE: PlaceId = PlaceId(1);
    const OLD: PlaceId = PlaceId(2);
    const NEW: PlaceId = PlaceId(3);

    /// An edge with two ways to a host: the first one is the better.
    fn router() -> (Router, PlaceId) {
        let (mut router, host) = (Router::default(), PlaceId::of_host(&name("h")));
        router.set_goals(&[name("h")]);
        for (node, round_trip_ms) in [(OLD, 20), (NEW, 30)] {
            router.report(EDGE, None, LinkReport { to: node, quality: up(round_trip_ms) });
            router.report(node, Some(Duration::ZERO), LinkReport { to: host, quality: up(1) });
        }
        assert_eq!(router.refresh(EDGE, |place| place == host), 0, "the first route replaces none");
        (router, host)
    }

    fn last(router: &Router, host: PlaceId) -> PlaceId {
        router.route(host).unwrap().last()
    }

    #[test]
    fn a_route_stays_while_another_is_a_little_better_and_goes_when_it_is_much_worse() {
        let (mut router, host) = router();
        assert_eq!(last(&router, host), OLD);
        for (round_trip_ms, chosen, changes) in
            [(31, OLD, 0), (33, OLD, 0), (40, NEW, 1), (30, NEW, 0), (28, NEW, 0), (20, OLD, 1)]
        {
            router.report(EDGE, None, LinkReport { to: OLD, quality: up(round_trip_ms) });
            assert_eq!(router.refresh(EDGE, |place| place == host), changes, "{round_trip_ms} ms");
            assert_eq!(last(&router, host), chosen, "{round_trip_ms} ms");
        }
    }

    #[test]
    fn a_route_that_is_down_is_left_at_once_and_silence_ends_what_was_said() {
        let (mut router, host) = router();
        router.report(EDGE, None, LinkReport { to: OLD, quality: Quality::DOWN });
        assert_eq!(router.refresh(EDGE, |place| place == host), 1);
        assert_eq!(last(&router, host), NEW);
        router.expire(REPORT_LIFETIME);
        router.refresh(EDGE, |place| place == host);
        assert_eq!(router.route(host), None, "nobody says any more that the host is reached");
    }
}
