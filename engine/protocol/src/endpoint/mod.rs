//! All connections of one core, and the admission of unknown addresses.
//!
//! | module | for |
//! |---|---|
//! | `receive`, `forwarded`, `sender` | the way of a datagram in |
//! | `send`, `send_queue`, `flush` | the way of a message out |
//! | `sweep` | the passing of time |
//! | `table`, `entry`, `timers` | the connections, by slot, and their timers |
//! | `admission` | cookies, key exchanges and denials: the answers to unknown addresses |
//! | `life`, `session`, `events`, `resumption` | sessions, which can outlive a connection |
//! | `moves` | sessions that move to another server |
//! | `candidate_path`, `migration` | clients whose address changes |
//! | `displace_silent`, `memory` | which connections end when slots or memory run out |
//! | `policy`, `networks`, `enforcement`, `budget` | limits that can change while the endpoint runs |
//! | `inspection`, `observer`, `offenders` | what operators see |

mod admission;
mod budget;
mod candidate_path;
mod config;
mod displace_silent;
mod enforcement;
mod entry;
mod events;
mod flush;
mod forwarded;
mod inspection;
mod life;
mod memory;
mod migration;
mod moves;
mod networks;
mod observer;
mod offenders;
mod policy;
mod receive;
mod resumption;
mod send;
mod send_queue;
mod sender;
mod session;
mod sweep;
mod table;
mod timers;

use self::admission::{Admission, AdmissionConfig, Context};
use self::budget::Prices;
use self::events::Events;
use self::resumption::Resumption;
use self::send_queue::SendQueue;
use self::table::Table;
use crate::connection::Resources;
use crate::crypto::Csprng;
use crate::limits::*;
use crate::link::Path;
use crate::stats::{Drops, EndpointStats};
use crate::time::Instant;
use crate::wire::ConnectionId;
use rand_chacha::rand_core::SeedableRng;
use std::collections::VecDeque;

pub use self::config::{EndpointConfig, IntegrityConfig};
pub use self::events::{EndCause, Event};
pub use self::inspection::{ConnectionInfo, Standing};
pub use self::networks::{Network, Networks};
pub use self::observer::{ObservedDatagram, Observer};
pub use self::offenders::Offenders;
pub use self::policy::Policy;
pub use self::receive::Received;
pub use self::session::SessionId;
pub use crate::connection::{SendError, TrafficSecrets, TransferError};

/// All connections of one core.
#[derive(Debug)]
pub struct Endpoint {
    core: u8,
    cores: usize,
    table: Table,
    send_queue: SendQueue,
    admission: Admission,
    resumption: Resumption,
    events: Events,
    resources: Resources,
    integrity: Option<IntegrityConfig>,
    policy: Policy,
    /// What the policy charges connections for what they send.
    prices: Prices,
    /// The next slot whose connection a new policy has yet to be applied to.
    enforced_up_to: Option<usize>,
    /// Whether the policy changed the rate of sending to connections. If not, rates that the game has set stay.
    cap_changed: bool,
    /// When the connection that holds the most memory may be searched for again.
    relief_at: Instant,
    /// When silent connections may be searched for again.
    silent_search_at: Instant,
    offenders: Offenders,
    observer: Option<Observer>,
    /// Slots of connections that may have something to send. Slots, because an id can change meanwhile.
    active: VecDeque<u16>,
    /// Slots of connections whose candidate path may be due for a challenge.
    challenges: VecDeque<u16>,
    stats: EndpointStats,
}

impl Endpoint {
    /// An endpoint without connections. All its randomness comes from `seed`, which must be secret and fresh.
    ///
    /// # Panics
    /// When `connections_max`, `cores` or the number of integrity keys is out of range.
    pub fn new(config: EndpointConfig, now: Instant, seed: [u8; 32]) -> Self {
        assert!((1..=CONNECTIONS_PER_CORE_MAX).contains(&config.connections_max), "connections_max is 1 to 65,536");
        assert!((usize::from(config.core) + 1..=CORES_MAX).contains(&config.cores), "a core is one of the cores");
        let keys = config.integrity.as_ref().map_or(1, |integrity| integrity.keys.len());
        assert!((1..=256).contains(&keys), "a table of integrity keys has 1 to 256 entries");
        let mut random = Csprng::from_seed(seed);
        let admission_random = Csprng::from_rng(&mut random);
        let admission = AdmissionConfig {
            secret: config.secret,
            suites: config.suites,
            pre_shared: config.pre_shared,
            heartbeat: config.heartbeat,
            transport: config.transport,
        };
        Endpoint {
            core: config.core,
            cores: config.cores,
            table: Table::new(config.core, config.connections_max, now, &mut random),
            send_queue: SendQueue::new(),
            admission: Admission::new(now, admission_random, admission),
            resumption: Resumption::new(config.connections_max),
            events: Events::new(config.connections_max),
            resources: Resources::new(config.message_bytes_max, random),
            integrity: config.integrity,
            policy: Policy::default(),
            prices: Prices::default(),
            enforced_up_to: None,
            cap_changed: false,
            relief_at: now,
            silent_search_at: now,
            offenders: Offenders::default(),
            observer: None,
            active: VecDeque::with_capacity(config.connections_max),
            challenges: VecDeque::new(),
            stats: EndpointStats::default(),
        }
    }

    /// Admission, and what it touches.
    fn admission(&mut self) -> (&mut Admission, Context<'_>) {
        let Endpoint { admission, policy, table, resumption, stats, resources, offenders, observer, .. } = self;
        let drops = &mut resources.drops;
        (admission, Context { policy, table, resumption, stats, drops, offenders, observer })
    }

    /// The next event, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// Prefetches a connection that is about to receive a datagram or to be sent a message.
    #[inline]
    pub fn prefetch(&self, id: ConnectionId) {
        self.table.prefetch_to_receive(id);
    }

    /// Sets the share of the core's time that is spare, 0 to 1. Key exchanges are expensive: with little time to spare,
    /// the endpoint does fewer of them. Until the first call the share is 1.
    pub fn set_spare(&mut self, spare: f32) {
        self.admission.set_spare(spare);
    }

    /// Whether a datagram over `path` comes from the address of the connection `id`.
    #[inline]
    pub fn is_path_of(&self, id: ConnectionId, path: Path) -> bool {
        self.table.get(id).is_some_and(|entry| entry.path == path)
    }

    /// Number of connections, half-open ones included.
    pub fn connections(&self) -> usize {
        self.table.len()
    }

    /// Bytes of memory that hold messages right now.
    pub fn message_bytes(&self) -> usize {
        self.resources.pool.lent_bytes()
    }

    /// Its counters.
    pub fn stats(&self) -> &EndpointStats {
        &self.stats
    }

    /// The last sender of a dropped datagram, for each reason.
    pub fn offenders(&self) -> &Offenders {
        &self.offenders
    }

    /// Reliable messages and fragments that arrived more than once.
    pub fn duplicates(&self) -> u64 {
        self.resources.duplicates
    }

    /// Drops by reason.
    pub fn drops(&self) -> &Drops {
        &self.resources.drops
    }
}
