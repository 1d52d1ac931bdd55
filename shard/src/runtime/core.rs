//! One core: a link, the endpoint with its connections, a service, and one thing to do for ever.

use crate::runtime::control::{ControlOutlet, Lifecycle, Question, Request, SLOTS_PER_TURN};
use crate::runtime::core_report::CoreReport;
use crate::runtime::flight_recorder::{self, Phase};
use crate::runtime::idle::Idle;
use crate::runtime::mesh::{CROSSINGS_INTO_A_CORE, Mesh, Misrouted};
use crate::runtime::service::Service;
use crate::runtime::stages::Stages;
use crate::runtime::tick::TICK;
use crate::runtime::tick_log::{TickLog, TickRecord};
use ringshard_protocol::Endpoint;
use ringshard_protocol::endpoint::Received;
use ringshard_protocol::limits::{DATAGRAM_BYTES_MAX, MESSAGE_BYTES_MAX, RECEIVE_DATAGRAMS_PER_TURN};
use ringshard_protocol::link::{Link, Path};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::ConnectionId;
use ringshard_protocol::wire::Message;
use std::sync::Arc;

/// How long a core that shuts down waits for what was sent reliably to be acknowledged.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long it then tries to tell its clients.
const FAREWELL: Duration = Duration::from_secs(2);

/// Time over which a core's spare time is measured, in seconds.
const SPARE_OVER: f32 = 0.02;
/// Ticks between two notes of what a core has done, for who looks into why it panicked.
const TICKS_BETWEEN_NOTES: u64 = 60;
/// How many datagrams ahead of the one being received its connection is asked for.
const RECEIVE_AHEAD: usize = 2;
/// Slices that are served in a turn, where so many are due: a core whose turns are long must not fall behind for that,
/// and one that is behind must still receive.
const SLICES_PER_TURN: usize = 4;

/// Everything one core owns.
pub struct Core<L, S> {
    link: L,
    endpoint: Endpoint,
    service: S,
    mesh: Mesh,
    idle: Idle,
    stages: Stages,
    ticks: TickLog,
    control: ControlOutlet,
    /// What it is asked, while the answer takes several turns.
    request: Option<Question>,
    lifecycle: Arc<Lifecycle>,
    draining: bool,
    stopping_since: Option<Instant>,
    /// Since when clients are being told that the server ends.
    farewell_since: Option<Instant>,
    next_tick: Instant,
    ticks_skipped: u64,
    /// When the last turn began, when it was over and the core waited, and the share of time that it has lately waited.
    turn_began: Instant,
    parked_at: Instant,
    spare: f32,
    /// A message that did not lie in its datagram ready to be delivered.
    message: Vec<u8>,
    /// Arrivals of this turn: when the kernel got them, and how many datagrams they were.
    arrivals: Vec<(Instant, u64)>,
}

impl<L: Link, S: Service> Core<L, S> {
    /// A core that is ready to turn.
    pub fn new(
        mut link: L,
        endpoint: Endpoint,
        service: S,
        mesh: Mesh,
        idle: Idle,
        control: ControlOutlet,
        lifecycle: Arc<Lifecycle>,
    ) -> Self {
        let now = link.now();
        Core {
            link,
            endpoint,
            service,
            mesh,
            idle,
            stages: Stages::new(),
            ticks: TickLog::default(),
            control,
            request: None,
            lifecycle,
            draining: false,
            stopping_since: None,
            farewell_since: None,
            next_tick: now + TICK,
            ticks_skipped: 0,
            turn_began: now,
            parked_at: now,
            spare: 1.0,
            message: Vec::with_capacity(MESSAGE_BYTES_MAX),
            arrivals: Vec::with_capacity(RECEIVE_DATAGRAMS_PER_TURN),
        }
    }

    /// Turns until told to stop; gives the last report.
    pub fn run(mut self) -> CoreReport {
        while self.turn() {}
        self.control.end();
        let now = self.link.now();
        self.deliver_events(now);
        self.report()
    }

    /// One turn: six phases in fixed order. False when the core is done.
    pub fn turn(&mut self) -> bool {
        let now = self.link.now();
        self.control.turn(now);
        self.measure_spare(now);
        flight_recorder::enter(Phase::Reap);
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

    /// How much of its time the core waits, over the last turns.
    fn measure_spare(&mut self, now: Instant) {
        let (turn, parked) = (now.since(self.turn_began).as_secs_f32(), now.since(self.parked_at).as_secs_f32());
        self.turn_began = now;
        let weight = turn / (turn + SPARE_OVER);
        self.spare += weight * (parked / turn.max(1e-9) - self.spare);
        self.endpoint.set_spare(self.spare);
    }

    /// Phase 1: every datagram, in place in its buffer, from bytes to the service.
    fn reap(&mut self, now: Instant) -> usize {
        let Core { link, endpoint, service, mesh, message, arrivals, .. } = self;
        arrivals.clear();
        let received = link.receive(RECEIVE_DATAGRAMS_PER_TURN, |mut arrival| {
            let path = arrival.path;
            if let Some(arrived_at) = arrival.arrived_at
                && arrivals.len() < arrivals.capacity()
            {
                arrivals.push((arrived_at, arrival.count() as u64));
            }
            for index in 0..arrival.count() {
                if let Some(bits) = arrival.peek(index + RECEIVE_AHEAD).and_then(<[u8]>::first_chunk) {
                    let id = ConnectionId::from_bits(u32::from_le_bytes(*bits));
                    endpoint.prefetch(id);
                    service.prefetch(id);
                }
                ingest(now, path, arrival.datagram(index), endpoint, service, mesh, message);
            }
        });
        self.deliver_events(now);
        if !self.arrivals.is_empty() {
            let handled_at = self.link.now();
            for &(arrived_at, count) in &self.arrivals {
                self.stages.arrival_to_handled.record(handled_at.since(arrived_at), count);
            }
        }
        received
    }

    /// Phase 2: what other cores passed on.
    fn exchange(&mut self, now: Instant) -> usize {
        let mut crossed = 0;
        while crossed < CROSSINGS_INTO_A_CORE
            && let Some(mut misrouted) = self.mesh.receive()
        {
            crossed += 1;
            let Misrouted { path, len, bytes } = &mut misrouted;
            let Core { endpoint, service, mesh, message, .. } = self;
            ingest(now, *path, &mut bytes[..usize::from(*len)], endpoint, service, mesh, message);
        }
        self.live_on(now);
        self.deliver_events(now);
        crossed + self.service.exchange(now, &mut self.stages)
    }

    /// Follows the server through the last stages of its life: nobody new; then last words, and farewell.
    fn live_on(&mut self, now: Instant) {
        if !self.draining && self.lifecycle.is_draining() {
            self.draining = true;
            self.endpoint.refuse_new();
            self.service.draining(now, &mut self.endpoint);
        }
        if self.farewell_since.is_some() || !self.lifecycle.is_stopping() {
            return;
        }
        let since = *self.stopping_since.get_or_insert(now);
        if now.since(since) >= LAST_WORDS || self.endpoint.unacknowledged_bytes() == 0 {
            self.farewell_since = Some(now);
        }
    }

    /// Phase 3: the service's tick, if it is due. A tick that comes too late is skipped and counted, never made up.
    fn step(&mut self, now: Instant) {
        if now < self.next_tick {
            return;
        }
        let late = now.since(self.next_tick);
        self.stages.tick_start_jitter.record(late, 1);
        self.service.tick(now, &mut self.endpoint);
        let took = self.link.now().since(now);
        self.stages.tick.record(took, 1);
        let skipped = (late.as_nanos() / TICK.as_nanos()) as u32;
        self.ticks_skipped += u64::from(skipped);
        self.next_tick = self.next_tick + TICK * (skipped + 1);
        let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        self.ticks.push(TickRecord { late_us: micros(late), took_us: micros(took), skipped });
        if self.ticks.count().is_multiple_of(TICKS_BETWEEN_NOTES) {
            flight_recorder::record(|report| self.fill(report));
        }
    }

    /// Phase 4: slices of the connections get what time owes them, and what the service has for them.
    fn replicate(&mut self, now: Instant) {
        for _ in 0..SLICES_PER_TURN {
            if self.service.deadline() > now {
                break;
            }
            let began = self.link.now();
            if self.service.replicate(now, &mut self.endpoint) {
                self.stages.slice.record(self.link.now().since(began), 1);
            }
        }
        self.endpoint.sweep(now);
        self.deliver_events(now);
        if self.farewell_since.is_some() {
            self.endpoint.shut_down();
        }
    }

    /// Phase 5: seals what was composed and hands it to the kernel.
    fn transmit(&mut self, now: Instant, work: usize) {
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

    /// Phase 6: waits for the network, as long as nothing else is due.
    fn park(&mut self, received: usize) {
        let now = self.link.now();
        self.answer(now);
        let busy = received >= RECEIVE_DATAGRAMS_PER_TURN
            || self.endpoint.has_admissions_waiting()
            || !self.endpoint.is_flushed()
            || self.request.is_some()
            || self.farewell_since.is_some();
        let deadline = self.next_tick.min(self.endpoint.deadline()).min(self.service.deadline());
        let wait = self.idle.wait(now, deadline, received, busy);
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

    /// Does what it is asked, or a turn's part of it.
    fn answer(&mut self, now: Instant) {
        let Some(mut question) = self.request.take().or_else(|| self.control.asked()) else { return };
        let done = match &mut question.request {
            Request::Report(report) => {
                self.fill(report);
                true
            }
            Request::Connections(list) => {
                // Whoever asks has reserved room for as many as there can be: nothing is allocated here.
                let room = list.connections.capacity() - list.connections.len();
                list.connections.extend(self.endpoint.infos(list.next_slot, SLOTS_PER_TURN).take(room));
                list.next_slot += SLOTS_PER_TURN;
                list.finished_at = now;
                list.next_slot >= self.endpoint.slots()
            }
            Request::Secrets(list) => {
                let room = list.secrets.capacity() - list.secrets.len();
                list.secrets.extend(self.endpoint.traffic_secrets(list.next_slot, SLOTS_PER_TURN).take(room));
                list.next_slot += SLOTS_PER_TURN;
                list.next_slot >= self.endpoint.slots()
            }
            Request::Observe(observer) => {
                *observer = self.endpoint.observe(observer.take());
                true
            }
            Request::Kick(kick) => kick.go_on(&mut self.endpoint),
            Request::Quality(quality) => {
                self.endpoint.infos(quality.next_slot, SLOTS_PER_TURN).for_each(|info| quality.count(&info));
                quality.next_slot += SLOTS_PER_TURN;
                quality.next_slot >= self.endpoint.slots()
            }
            Request::Policy(policy) => {
                self.endpoint.swap_policy(policy);
                true
            }
        };
        match done {
            true => self.control.answer(question),
            false => self.request = Some(question),
        }
    }

    /// Whether a core that shuts down has told everybody, or has tried for long enough.
    fn is_done(&mut self) -> bool {
        let Some(since) = self.farewell_since else { return false };
        let told = self.endpoint.connections() == 0 && self.endpoint.is_flushed();
        told || self.link.now().since(since) >= FAREWELL
    }

    /// What it serves.
    pub fn service(&self) -> &S {
        &self.service
    }

    /// Its connections.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Ticks that were due while it was busy, and were left out.
    pub fn ticks_skipped(&self) -> u64 {
        self.ticks_skipped
    }

    fn report(&self) -> CoreReport {
        let mut report = CoreReport::new();
        self.fill(&mut report);
        report
    }

    fn fill(&self, report: &mut CoreReport) {
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
        report.service.clear();
        self.service.count(&mut report.service);
    }
}

/// Tells the service what has become of connections.
#[inline]
fn deliver_events<S: Service>(now: Instant, endpoint: &mut Endpoint, service: &mut S) {
    while let Some(event) = endpoint.poll_event() {
        service.happened(now, endpoint, event);
    }
}

/// One datagram, from bytes to the service; or on to the core that owns it.
#[inline]
fn ingest<S: Service>(
    now: Instant,
    path: Path,
    datagram: &mut [u8],
    endpoint: &mut Endpoint,
    service: &mut S,
    mesh: &mut Mesh,
    kept: &mut Vec<u8>,
) {
    let received = endpoint.receive(now, path, datagram);
    // Whose messages these are may just have become known.
    deliver_events(now, endpoint, service);
    match received {
        Received::Messages { id, messages, more } => {
            for message in messages {
                service.message(now, endpoint, id, message);
            }
            while more && let Some(channel) = endpoint.read(id, kept) {
                service.message(now, endpoint, id, Message { channel, bytes: kept });
            }
        }
        Received::OtherCore(core, datagram) => {
            let mut bytes = [0; DATAGRAM_BYTES_MAX];
            bytes[..datagram.len()].copy_from_slice(datagram);
            if !mesh.pass_on(core, Misrouted { path, len: datagram.len() as u16, bytes }) {
                endpoint.count_misrouted();
            }
        }
        Received::Nothing => {}
    }
}
