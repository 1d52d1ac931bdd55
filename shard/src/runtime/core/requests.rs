//! Responding to requests, at most [`SLOTS_PER_TURN`] connections per turn.

use super::Core;
use crate::runtime::control::request::{ConnectionList, Request, SLOTS_PER_TURN, SecretList};
use crate::runtime::core_report::CoreReport;
use crate::runtime::service::Service;
use ringshard_protocol::Endpoint;
use ringshard_protocol::link::Link;
use ringshard_protocol::time::{Duration, Instant};

impl<L: Link, S: Service> Core<L, S> {
    /// Handles the request in progress or the next one: all of it, or one turn's part.
    pub(super) fn respond(&mut self, now: Instant) {
        let Some(mut envelope) = self.request.take().or_else(|| self.control.receive()) else { return };
        if self.handle(now, &mut envelope.request) {
            self.control.respond(envelope);
        } else {
            self.request = Some(envelope);
        }
    }

    /// Returns whether the response is complete.
    fn handle(&mut self, now: Instant, request: &mut Request) -> bool {
        let endpoint = &mut self.endpoint;
        match request {
            Request::Report(report) => self.fill(report),
            Request::Connections(list) => return list_connections(now, endpoint, list),
            Request::Secrets(list) => return list_secrets(endpoint, list),
            Request::Kick(kick) => return kick.advance(endpoint, SLOTS_PER_TURN),
            Request::Quality(quality) => {
                endpoint.infos(quality.next_slot, SLOTS_PER_TURN).for_each(|info| quality.count(&info));
                quality.next_slot += SLOTS_PER_TURN;
                return quality.next_slot >= endpoint.slots();
            }
            Request::Players(list) => return self.service.list_players(list, SLOTS_PER_TURN),
            Request::Follow(record) => self.service.follow(record),
            Request::Observe(observer) => *observer = endpoint.observe(observer.take()),
            Request::Policy(policy) => endpoint.swap_policy(policy),
            Request::Service(settings) => self.service.reload(settings),
        }
        true
    }

    pub(super) fn report(&self) -> CoreReport {
        let mut report = CoreReport::new();
        self.fill(&mut report);
        report
    }

    pub(super) fn fill(&self, report: &mut CoreReport) {
        self.stages.copy_into(&mut report.stages);
        report.endpoint = *self.endpoint.stats();
        report.drops = *self.endpoint.drops();
        report.duplicates = self.endpoint.duplicates();
        report.link = self.link.stats();
        report.offenders = *self.endpoint.offenders();
        report.message_bytes = self.endpoint.message_bytes();
        report.ticks = self.ticks.clone();
        report.connections = self.endpoint.connections();
        report.ticks_skipped = self.ticks_skipped;
        report.overload = self.overloaded_since.map_or(Duration::ZERO, |since| self.turn_began.since(since));
        report.overloads = self.overloads;
        report.service.clear();
        self.service.count(&mut report.service);
    }
}

/// Lists no more connections than fit the reserved capacity: a core allocates nothing.
fn list_connections(now: Instant, endpoint: &Endpoint, list: &mut ConnectionList) -> bool {
    let room = list.connections.capacity() - list.connections.len();
    list.connections.extend(endpoint.infos(list.next_slot, SLOTS_PER_TURN).take(room));
    list.next_slot += SLOTS_PER_TURN;
    list.finished_at = now;
    list.next_slot >= endpoint.slots()
}

/// Lists no more secrets than fit the reserved capacity.
fn list_secrets(endpoint: &Endpoint, list: &mut SecretList) -> bool {
    let room = list.secrets.capacity() - list.secrets.len();
    list.secrets.extend(endpoint.traffic_secrets(list.next_slot, SLOTS_PER_TURN).take(room));
    list.next_slot += SLOTS_PER_TURN;
    list.next_slot >= endpoint.slots()
}
