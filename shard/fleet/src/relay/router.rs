//! Which route leads to a host now. Routes are computed when a link has changed, and not per datagram.

use super::wire::{Hops, LinkReport};
use crate::model::{Name, Quality};
use crate::topology::{Graph, PlaceId, Route, routes};
use std::collections::BTreeMap;
use std::time::Duration;

/// What a node said about its links is forgotten after this time, unless it says it again.
const REPORT_LIFETIME: Duration = Duration::from_secs(3);
/// For this time, what a node itself said counts more than what others repeat, and is repeated to others.
const FRESH: Duration = Duration::from_millis(500);
/// Another route is taken if it is better by this, in microseconds, and by this part. Otherwise routes would change all the time.
const BETTER_BY_US: u64 = 2_000;
const BETTER_BY_PART: u64 = 10;

/// Who said something about a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Source {
    /// This node measured it: it stays until it changes.
    Own,
    /// The node that measured it, now.
    Measurer(Duration),
    /// Another node, now, which had heard it from the one that measured it.
    Other(Duration),
}

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
    source: Source,
}

/// A host has another route.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Rerouted {
    pub(super) host: Name,
    pub(super) before: Option<Hops>,
    /// None: no route is up.
    pub(super) after: Option<Hops>,
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

    /// Notes what was said about a link.
    pub(super) fn report(&mut self, source: Source, link: LinkReport) {
        let before = self.reports.get(&(link.from, link.to));
        let is_hearsay = match (source, before.map(|before| before.source)) {
            (Source::Other(now), Some(Source::Measurer(at))) => now < at + FRESH,
            (Source::Other(_), Some(Source::Own)) => true,
            _ => false,
        };
        if !is_hearsay {
            self.is_stale |= before.map(|before| before.quality) != Some(link.quality);
            self.reports.insert((link.from, link.to), Report { quality: link.quality, source });
        }
    }

    /// What nodes have said of their own links just now.
    pub(super) fn heard(&self, now: Duration) -> impl Iterator<Item = LinkReport> {
        let is_fresh = move |report: &Report| matches!(report.source, Source::Measurer(at) if now < at + FRESH);
        let fresh = self.reports.iter().filter(move |(_, report)| is_fresh(report));
        fresh.map(|((from, to), report)| LinkReport { from: *from, to: *to, quality: report.quality })
    }

    /// A node or a host is gone.
    pub(super) fn forget(&mut self, place: PlaceId) {
        self.reports.retain(|(from, to), _| *from != place && *to != place);
        self.is_stale = true;
    }

    /// Forgets what nodes have not said again.
    pub(super) fn expire(&mut self, now: Duration) {
        let before = self.reports.len();
        self.reports.retain(|_, report| match report.source {
            Source::Own => true,
            Source::Measurer(at) | Source::Other(at) => now < at + REPORT_LIFETIME,
        });
        self.is_stale |= self.reports.len() != before;
    }

    /// Computes the routes if something has changed. Gives the hosts that have another route than before: from where, to where.
    pub(super) fn refresh(&mut self, edge: PlaceId, is_host: impl Fn(PlaceId) -> bool) -> Vec<Rerouted> {
        if !std::mem::take(&mut self.is_stale) || self.goals.is_empty() {
            return Vec::new();
        }
        let mut graph = Graph::default();
        for ((from, to), Report { quality, .. }) in &self.reports {
            match is_host(*to) {
                true => graph.add_host(*from, *to, *quality),
                false => graph.add(*from, *to, *quality),
            }
        }
        self.goals.iter_mut().filter_map(|(host, goal)| goal.refresh(&graph, edge, *host)).collect()
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
    /// Chooses a route. Gives how it has changed, if it has.
    fn refresh(&mut self, graph: &Graph, edge: PlaceId, host: PlaceId) -> Option<Rerouted> {
        self.routes = routes(graph, edge, host);
        let before = self.chosen;
        let stays = before.is_some_and(|chosen| {
            let cost = graph.cost_us(chosen.nodes(), host);
            cost.zip(self.routes.first()).is_some_and(|(cost, best)| !is_much_better(best.cost_us, cost))
        });
        if !stays {
            self.chosen = self.routes.first().and_then(|route| Hops::new(&route.nodes));
        }
        (self.chosen != before).then(|| Rerouted { host: self.name.clone(), before, after: self.chosen })
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

    fn link(from: PlaceId, to: PlaceId, quality: Quality) -> LinkReport {
        LinkReport { from, to, quality }
    }

    const EDGE: PlaceId = PlaceId(1);
    const OLD: PlaceId = PlaceId(2);
    const NEW: PlaceId = PlaceId(3);

    /// An edge with two ways to a host: the first one is the better.
    fn router() -> (Router, PlaceId) {
        let (mut router, host) = (Router::default(), PlaceId::of_host(&name("h")));
        router.set_goals(&[name("h")]);
        for (node, round_trip_ms) in [(OLD, 20), (NEW, 30)] {
            router.report(Source::Own, link(EDGE, node, up(round_trip_ms)));
            router.report(Source::Measurer(Duration::ZERO), link(node, host, up(1)));
        }
        let changes = router.refresh(EDGE, |place| place == host);
        assert_eq!((changes[0].before, changes[0].after), (None, router.route(host)));
        (router, host)
    }

    fn last(router: &Router, host: PlaceId) -> PlaceId {
        router.route(host).unwrap().last()
    }

    #[test]
    fn a_route_stays_while_another_is_a_little_better_and_goes_when_it_is_much_worse() {
        let (mut router, host) = router();
        assert_eq!(last(&router, host), OLD);
        let turns = [(31, OLD, 0), (33, OLD, 0), (40, NEW, 1), (30, NEW, 0), (28, NEW, 0), (20, OLD, 1)];
        for (round_trip_ms, chosen, changes) in turns {
            router.report(Source::Own, link(EDGE, OLD, up(round_trip_ms)));
            assert_eq!(router.refresh(EDGE, |place| place == host).len(), changes, "{round_trip_ms} ms");
            assert_eq!(last(&router, host), chosen, "{round_trip_ms} ms");
        }
    }

    #[test]
    fn a_route_that_is_down_is_left_at_once_and_silence_ends_what_was_said() {
        let (mut router, host) = router();
        router.report(Source::Own, link(EDGE, OLD, Quality::DOWN));
        assert_eq!(router.refresh(EDGE, |place| place == host).len(), 1);
        assert_eq!(last(&router, host), NEW);
        router.expire(REPORT_LIFETIME);
        router.refresh(EDGE, |place| place == host);
        assert_eq!(router.route(host), None, "nobody says any more that the host is reached");
    }

    #[test]
    fn what_others_repeat_counts_only_once_the_node_itself_is_silent() {
        let (mut router, host) = router();
        let down = link(OLD, host, Quality::DOWN);
        router.report(Source::Other(FRESH - Duration::from_millis(1)), down);
        router.report(Source::Other(FRESH), link(EDGE, NEW, Quality::DOWN));
        assert!(router.refresh(EDGE, |place| place == host).is_empty());
        assert_eq!(router.heard(Duration::ZERO).count(), 2, "what this node measured is not hearsay");
        router.report(Source::Other(FRESH), down);
        assert_eq!(router.refresh(EDGE, |place| place == host).len(), 1);
        assert_eq!(last(&router, host), NEW);
        assert_eq!(router.heard(FRESH).count(), 0, "and hearsay is not repeated");
    }
}
