//! One core: a link, the endpoint with its connections, and a service. [`Core::turn`] is the whole loop.
//!
//! | module | for |
//! |---|---|
//! | `turn` | the six phases of a turn |
//! | `standing_queue` | which arrivals are dropped unread because they have waited too long |
//! | `share` | how much of an overloaded core each connection gets |
//! | `requests` | responding to requests of the control |
//! | `shutdown` | draining, and disconnecting clients at the end |
//!
//! A core owns all it uses. It exchanges datagrams, requests and changes with other threads over rings, and never blocks
//! except in its park phase.

mod requests;
mod share;
mod shutdown;
mod standing_queue;
mod turn;

use crate::runtime::control::mailbox::Envelope;
use crate::runtime::control::{CoreEnd, Lifecycle};
use crate::runtime::idle::Idle;
use crate::runtime::mesh::Mesh;
use crate::runtime::service::Service;
use crate::runtime::stages::Stages;
use crate::runtime::tick::TICK;
use crate::runtime::tick_log::TickLog;
use ringshard_protocol::Endpoint;
use ringshard_protocol::limits::{MESSAGE_BYTES_MAX, RECEIVE_DATAGRAMS_PER_TURN};
use ringshard_protocol::link::Link;
use ringshard_protocol::time::{Duration, Instant};
use share::Shares;
use shutdown::Shutdown;
use standing_queue::StandingQueue;
use std::sync::Arc;

/// How long a datagram may wait for a core, unless the settings say otherwise: six ticks. An input that is older is of no use,
/// because newer ones have repeated it.
pub const QUEUE_MAX: Duration = Duration::from_millis(100);

/// Everything one core owns.
pub struct Core<L, S> {
    link: L,
    endpoint: Endpoint,
    service: S,
    mesh: Mesh,
    idle: Idle,
    stages: Stages,
    ticks: TickLog,
    control: CoreEnd,
    /// The request in progress: some take several turns.
    request: Option<Envelope>,
    shutdown: Shutdown,
    next_tick: Instant,
    ticks_skipped: u64,
    /// When the current turn began.
    turn_began: Instant,
    /// When the core last began to wait.
    parked_at: Instant,
    /// Share of the time that the core waits, smoothed.
    spare: f32,
    /// Buffer for a message that is not contiguous in its datagram.
    message: Vec<u8>,
    queue: StandingQueue,
    shares: Shares,
    /// Datagrams that were dropped since the last tick because they had waited too long.
    dropped: u64,
    /// Whether the turn has left datagrams in the link.
    has_more: bool,
    /// Whether the turn had anything to do.
    worked: bool,
    /// Time since the last tick in which the core had nothing to do.
    idle_time: Duration,
    /// When that tick began.
    tick_began: Instant,
    /// Since when the core sheds load, if it does.
    overloaded_since: Option<Instant>,
    /// How often the core began to shed load.
    overloads: u64,
    /// Per arrival of this turn: when the kernel received it, and its number of datagrams.
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
        control: CoreEnd,
        lifecycle: Arc<Lifecycle>,
    ) -> Self {
        let now = link.now();
        Core {
            shares: Shares::new(),
            queue: StandingQueue::new(now, Some(QUEUE_MAX)),
            dropped: 0,
            has_more: false,
            worked: false,
            idle_time: Duration::ZERO,
            tick_began: now,
            overloaded_since: None,
            overloads: 0,
            link,
            endpoint,
            service,
            mesh,
            idle,
            stages: Stages::new(),
            ticks: TickLog::default(),
            control,
            request: None,
            shutdown: Shutdown::new(lifecycle),
            next_tick: now + TICK,
            ticks_skipped: 0,
            turn_began: now,
            parked_at: now,
            spare: 1.0,
            message: Vec::with_capacity(MESSAGE_BYTES_MAX),
            arrivals: Vec::with_capacity(RECEIVE_DATAGRAMS_PER_TURN),
        }
    }

    /// The same core, which drops datagrams that have waited longer than `queue_max`; None: it drops none for their age.
    #[must_use]
    pub fn with_queue_max(self, queue_max: Option<Duration>) -> Self {
        let now = self.turn_began;
        Core { queue: StandingQueue::new(now, queue_max), ..self }
    }

    /// The service of this core.
    pub fn service(&self) -> &S {
        &self.service
    }

    /// The service of this core, to change between two turns.
    pub fn service_mut(&mut self) -> &mut S {
        &mut self.service
    }

    /// The connections of this core.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Ticks that the core skipped because it was busy when they were due.
    pub fn ticks_skipped(&self) -> u64 {
        self.ticks_skipped
    }
}
