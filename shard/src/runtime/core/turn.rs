//! One turn of a core: six phases in a fixed order.

use super::Core;
use crate::runtime::control::liveness::Overload;
use crate::runtime::core_report::CoreReport;
use crate::runtime::flight_recorder::{self, Phase};
use crate::runtime::load::Load;
use crate::runtime::mesh::{FORWARDED_PER_CORE, Mesh, Misrouted};
use crate::runtime::service::Service;
use crate::runtime::tick::TICK;
use crate::runtime::tick_log::TickRecord;
use ringshard_protocol::Endpoint;
use ringshard_protocol::endpoint::Received;
use ringshard_protocol::limits::{DATAGRAM_BYTES_MAX, RECEIVE_DATAGRAMS_PER_TURN};
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{ConnectionId, Message};

/// Time constant of the core's share of spare time, in seconds.
const SPARE_SECONDS: f32 = 0.02;
/// Ticks between two records of a core's counters for a panic report.
const TICKS_PER_RECORD: u64 = 60;
/// How many datagrams ahead of the one being received its connection is prefetched.
const PREFETCH_AHEAD: usize = 2;
/// Datagrams that a turn takes from the link at most, including those that it drops because they have waited too long.
const RECEIVE_WITH_DROPPED: usize = 32 * RECEIVE_DATAGRAMS_PER_TURN;
/// Datagrams that are taken at once: then the core looks whether they took too long.
const RECEIVE_AT_ONCE: usize = 16;
/// A turn that has received for so long goes on with the tick and the clients that are due, and receives the rest later.
const REAP_MAX: Duration = Duration::from_nanos(TICK.as_nanos() as u64 / 4);
/// Slices served per turn, if so many are due. A core with long turns must not fall behind because of them, and a core that
/// is behind must still receive.
const SLICES_PER_TURN: usize = 4;

impl<L: Link, S: Service> Core<L, S> {
    /// Turns until the server stops; returns the last report.
    pub fn run(mut self) -> CoreReport {
        while self.turn() {}
        let now = self.link.now();
        self.deliver_events(now);
        // The supervisor notices if this takes too long.
        self.service.end();
        self.control.end();
        self.report()
    }

    /// One turn. False when the core is done.
    pub fn turn(&mut self) -> bool {
        let now = self.link.now();
        self.control.begin_turn(now);
        self.measure_spare(now);
        flight_recorder::enter(Phase::Reap);
        self.worked = false;
        let received = self.reap(now);
        flight_recorder::enter(Phase::Exchange);
        let crossed = self.exchange(now);
        flight_recorder::enter(Phase::Step);
        self.step(now);
        flight_recorder::enter(Phase::Replicate);
        self.replicate(now);
        flight_recorder::enter(Phase::Transmit);
        self.transmit(now, received + crossed);
        flight_recorder::enter(Phase::Park);
        self.park(received + crossed);
        !self.is_done()
    }

    fn is_done(&mut self) -> bool {
        self.shutdown.is_disconnecting() && self.shutdown.is_done(self.link.now(), &self.endpoint)
    }

    /// Updates the share of its time that the core waits.
    fn measure_spare(&mut self, now: Instant) {
        assert!(self.turn_began <= self.parked_at && self.parked_at <= now, "a core's clock does not go back");
        let (turn, parked) = (now.since(self.turn_began), now.since(self.parked_at));
        // A core that never sleeps has turns without work.
        self.idle_time += if self.worked { parked } else { turn };
        self.turn_began = now;
        let (turn, parked) = (turn.as_secs_f32(), parked.as_secs_f32());
        let weight = turn / (turn + SPARE_SECONDS);
        self.spare += weight * (parked / turn.max(1e-9) - self.spare);
        self.endpoint.set_spare(self.spare);
    }

    /// Phase 1: decodes every received datagram in place and hands its messages to the service. What has waited too long is
    /// dropped, and does not count towards the turn's share: so the core drops faster than datagrams arrive.
    fn reap(&mut self, now: Instant) -> usize {
        self.arrivals.clear();
        let mut is_empty = false;
        let (mut taken, mut handled, mut read_at) = (0, 0, now);
        while handled < RECEIVE_DATAGRAMS_PER_TURN && taken < RECEIVE_WITH_DROPPED && read_at.since(now) < REAP_MAX {
            let budget = RECEIVE_AT_ONCE.min(RECEIVE_DATAGRAMS_PER_TURN - handled);
            let (received, dropped) = self.receive(now, read_at, budget, taken == 0);
            taken += received;
            handled += received - dropped;
            self.dropped += dropped as u64;
            self.endpoint.count_too_old(dropped as u64);
            is_empty = received < budget;
            if is_empty {
                break;
            }
            read_at = self.link.now();
        }
        self.has_more = !is_empty;
        // The kernel gives a few dozen arrivals at a time, whatever waits in the socket. Only a turn that finds none knows that
        // there was none when the core last entered the kernel.
        self.queue.end_turn(now, (taken == 0).then_some(self.parked_at));
        self.deliver_events(now);
        if !self.arrivals.is_empty() {
            let handled_at = self.link.now();
            for &(arrived_at, count) in &self.arrivals {
                self.stages.arrival_to_handled.record(handled_at.since(arrived_at), count);
            }
        }
        taken
    }

    /// Takes about `budget` datagrams from the link. Returns how many it took, and how many of those it dropped because they
    /// had waited too long.
    #[inline]
    fn receive(&mut self, now: Instant, read_at: Instant, budget: usize, mut is_head: bool) -> (usize, usize) {
        let Core { link, endpoint, service, mesh, message, arrivals, queue, shares, overloaded_since, .. } = self;
        let is_overloaded = overloaded_since.is_some() || queue.is_standing();
        let mut dropped = 0;
        let received = link.receive(budget, |mut arrival| {
            let path = arrival.path;
            if let Some(arrived_at) = arrival.arrived_at {
                if std::mem::take(&mut is_head) {
                    queue.head(read_at, arrived_at);
                }
                let of_newcomer = queue.is_standing() && !arrival.peek(0).is_some_and(names_connection);
                if queue.drops(read_at, arrived_at, of_newcomer) {
                    dropped += arrival.count();
                    return;
                }
                if arrivals.len() < arrivals.capacity() {
                    arrivals.push((arrived_at, arrival.count() as u64));
                }
            }
            for index in 0..arrival.count() {
                if let Some(id) = arrival.peek(index + PREFETCH_AHEAD).and_then(connection_id) {
                    endpoint.prefetch(id);
                    service.prefetch(id);
                }
                let datagram = arrival.datagram(index);
                if is_overloaded && connection_id(datagram).is_some_and(|id| !shares.allows(endpoint, id, path)) {
                    endpoint.count_over_share();
                    continue;
                }
                ingest(now, path, datagram, endpoint, service, mesh, message);
            }
        });
        (received, dropped)
    }

    /// Phase 2: takes in what other cores sent.
    fn exchange(&mut self, now: Instant) -> usize {
        let mut crossed = 0;
        while crossed < FORWARDED_PER_CORE
            && let Some(mut misrouted) = self.mesh.receive()
        {
            crossed += 1;
            let Misrouted { path, len, bytes } = &mut misrouted;
            let Core { endpoint, service, mesh, message, .. } = self;
            ingest(now, *path, &mut bytes[..usize::from(*len)], endpoint, service, mesh, message);
        }
        self.shutdown.follow_lifecycle(now, &mut self.endpoint, &mut self.service);
        self.deliver_events(now);
        crossed + self.service.exchange(now, &mut self.stages)
    }

    /// Phase 3: the service's tick, if it is due. A tick that comes too late is skipped and counted, never made up for.
    fn step(&mut self, now: Instant) {
        if now < self.next_tick {
            return;
        }
        let late = now.since(self.next_tick);
        self.stages.tick_start_jitter.record(late, 1);
        self.tell_load(now, late);
        self.service.tick(now, &mut self.endpoint);
        let took = self.link.now().since(now);
        self.stages.tick.record(took, 1);
        let skipped = (late.as_nanos() / TICK.as_nanos()) as u32;
        self.ticks_skipped += u64::from(skipped);
        self.next_tick = self.next_tick + TICK * (skipped + 1);
        assert!(self.next_tick > now, "a tick is due once");
        let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        self.ticks.push(TickRecord { late_us: micros(late), took_us: micros(took), skipped });
        if self.ticks.count().is_multiple_of(TICKS_PER_RECORD) {
            flight_recorder::record(|report| self.fill(report));
        }
    }

    /// Tells the service how loaded the core is, and follows what it sheds.
    fn tell_load(&mut self, now: Instant, late: Duration) {
        self.worked = true;
        let elapsed = now.since(self.tick_began).as_secs_f32();
        let busy = (1.0 - self.idle_time.as_secs_f32() / elapsed.max(1e-9)).clamp(0.0, 1.0);
        let (oldest_arrival, dropped) = (self.queue.take_oldest(), std::mem::take(&mut self.dropped));
        (self.idle_time, self.tick_began) = (Duration::ZERO, now);
        self.service.load(&Load { oldest_arrival, dropped, busy, late });
        self.shares.begin_tick(self.ticks.count());
        let (level, refuses) = (self.service.shed_level(), !self.service.admits());
        let overload = Overload { level, drops: self.queue.is_standing(), refuses };
        self.control.overload(overload);
        self.control.load(busy, self.endpoint.connections());
        if !overload.is_any() {
            self.overloaded_since = None;
        } else if self.overloaded_since.is_none() {
            self.overloaded_since = Some(now);
            self.overloads += 1;
        }
        self.endpoint.refuse_newcomers(refuses);
    }

    /// Phase 4: composes what is due: for connections by their timers, and slices of the service's clients.
    fn replicate(&mut self, now: Instant) {
        for _ in 0..SLICES_PER_TURN {
            if self.service.deadline() > now {
                break;
            }
            let began = self.link.now();
            if self.service.replicate(now, &mut self.endpoint) {
                self.stages.slice.record(self.link.now().since(began), 1);
                self.worked = true;
            }
        }
        self.endpoint.sweep(now);
        self.deliver_events(now);
        if self.shutdown.is_disconnecting() {
            self.endpoint.shut_down();
        }
    }

    /// Phase 5: seals what was composed and hands it to the kernel.
    fn transmit(&mut self, now: Instant, work: usize) {
        self.worked |= work > 0;
        if work == 0 {
            self.endpoint.flush(now, &mut self.link);
            self.link.submit();
            return;
        }
        let flush_began = self.link.now();
        self.endpoint.flush(now, &mut self.link);
        self.link.submit();
        let flushed = self.link.now();
        self.stages.send_flush.record(flushed.since(flush_began), 1);
        self.stages.turn.record(flushed.since(now), 1);
    }

    /// Phase 6: waits for the network until something else is due.
    fn park(&mut self, received: usize) {
        let now = self.link.now();
        self.respond(now);
        let busy = self.has_more
            || self.endpoint.has_admissions_waiting()
            || !self.endpoint.is_flushed()
            || self.request.is_some()
            || self.shutdown.is_disconnecting();
        let deadline = self.next_tick.min(self.endpoint.deadline()).min(self.service.deadline());
        let wait = self.idle.wait(now, deadline, received, busy);
        assert!(wait.until <= deadline.max(now), "a wait ends when the next thing is due");
        self.parked_at = now;
        self.link.park(wait);
        if wait.until > now {
            let woken = self.link.now();
            if woken >= wait.until {
                self.stages.park_overshoot.record(woken.since(wait.until), 1);
            }
        }
    }

    fn deliver_events(&mut self, now: Instant) {
        deliver_events(now, &mut self.endpoint, &mut self.service);
    }
}

/// The connection that a datagram names.
#[inline]
fn connection_id(datagram: &[u8]) -> Option<ConnectionId> {
    datagram.first_chunk().map(|bits| ConnectionId::from_bits(u32::from_le_bytes(*bits)))
}

fn names_connection(datagram: &[u8]) -> bool {
    connection_id(datagram).is_some_and(|id| id.generation() != 0)
}

/// Hands the endpoint's events to the service.
#[inline]
fn deliver_events<S: Service>(now: Instant, endpoint: &mut Endpoint, service: &mut S) {
    while let Some(event) = endpoint.poll_event() {
        service.event(now, endpoint, event);
    }
}

/// Decodes one datagram and hands its messages to the service, or forwards it to the core that owns its connection.
#[inline]
fn ingest<S: Service>(
    now: Instant,
    path: Path,
    datagram: &mut [u8],
    endpoint: &mut Endpoint,
    service: &mut S,
    mesh: &mut Mesh,
    buffer: &mut Vec<u8>,
) {
    let received = endpoint.receive(now, path, datagram);
    // The datagram may have established the connection that its messages belong to.
    deliver_events(now, endpoint, service);
    match received {
        Received::Messages { id, messages, more } => {
            for message in messages {
                service.message(now, endpoint, id, message);
            }
            while more && let Some(channel) = endpoint.read(id, buffer) {
                service.message(now, endpoint, id, Message { channel, bytes: buffer });
            }
        }
        Received::OtherCore(core, datagram) => {
            let mut bytes = [0; DATAGRAM_BYTES_MAX];
            bytes[..datagram.len()].copy_from_slice(datagram);
            if !mesh.forward(core, Misrouted { path, len: datagram.len() as u16, bytes }) {
                endpoint.count_misrouted();
            }
        }
        Received::Nothing => {}
    }
}
