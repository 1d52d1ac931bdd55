//! One thread of a fleet.

use super::member::Member;
use super::result::FleetResult;
use super::shared::Shared;
use crate::load::generator::stamp_arrivals;
use crate::load::health::Health;
use crate::load::peer_table::PeerTable;
use crate::load::timer_wheel::TimerWheel;
use core_affinity::CoreId;
use ringshard::runtime::entropy::random_bytes;
use ringshard_link::conditioned::{ConditionedLink, ConditionedStats};
use ringshard_link::conditions::NetworkSpec;
use ringshard_link::mmsg::MmsgLink;
use ringshard_link::socket::Socket;
use ringshard_link::uring::{Ring, UringLink};
use ringshard_protocol::client::{Client, ClientConfig};
use ringshard_protocol::link::{Link, Path, Wait};
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::{ConnectionId, Header};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Maximum number of clients in the handshake.
const CONNECTING_MAX: usize = 64;
/// Minimum datagrams to receive before sending.
const RECEIVE_BUDGET: usize = 256;
/// If more clients were served in a round, the next round receives this many times as many datagrams. So the backlog of
/// received datagrams shrinks however far the thread is behind.
const RECEIVED_PER_SERVED: usize = 2;
/// Datagrams that the simulated network holds, each way.
const HELD_MAX: usize = 65_536;
/// How long arrivals are batched.
const GATHER: Duration = Duration::from_micros(100);
/// Precision of deadlines: a deadline in the past is served again after this.
const DEADLINE_STEP: Duration = Duration::from_micros(50);
/// How many clients before it is used a client is prefetched, step by step: its front, itself, and what lies behind pointers.
const FRONT_AHEAD: usize = 7;
const AHEAD: usize = 4;
const REST_AHEAD: usize = 2;
/// Maximum time between two checks whether to stop.
const STOP_CHECK: Duration = Duration::from_millis(20);

/// One thread's share of the fleet.
pub struct Share {
    pub cpu: usize,
    pub server: SocketAddr,
    pub config: ClientConfig,
    /// The simulated network of its clients.
    pub network: Option<NetworkSpec>,
    pub sockets: usize,
    /// Clients per socket.
    pub per_socket: usize,
    pub shared: Arc<Shared>,
}

/// Runs a thread.
pub fn drive<T: Member>(share: Share, members: Vec<T>) -> Result<FleetResult<T>, String> {
    core_affinity::set_for_current(CoreId { id: share.cpu });
    let sockets = (0..share.sockets)
        .map(|_| Socket::connect(share.server))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    stamp_arrivals(&sockets);
    match Ring::open() {
        Ok(ring) => Ok(drive_over(UringLink::new(ring, sockets).map_err(|error| error.to_string())?, share, members)),
        Err(_) => Ok(drive_over(MmsgLink::new(sockets).map_err(|error| error.to_string())?, share, members)),
    }
}

/// Runs over the link itself, or over a simulated network.
fn drive_over<T: Member>(link: impl Link, share: Share, members: Vec<T>) -> FleetResult<T> {
    let Some(network) = share.network else { return Driver::new(link, share, members).run().0 };
    let (mut result, link) = Driver::new(ConditionedLink::new(link, network, HELD_MAX), share, members).run();
    result.network = link.conditioned_stats();
    result.health.dropped += result.network.not_held;
    result
}

/// What the driver knows of a client.
struct Seat {
    path: Path,
    /// The connection that its socket's table knows.
    id: Option<ConnectionId>,
    /// The tag in answers to its handshake.
    tag: u64,
    joined: bool,
    /// When it is served, unless something happens before.
    wakes_at: Instant,
    /// It is served in this round.
    touched: bool,
}

struct Driver<L, T> {
    link: L,
    share: Share,
    /// Clients that have not begun to connect.
    waiting: std::vec::IntoIter<T>,
    members: Vec<T>,
    /// One for each member.
    seats: Vec<Seat>,
    peer_table: PeerTable,
    /// When clients are due. A timer before the client's `wakes_at` is outdated.
    timers: TimerWheel,
    touched: Vec<u32>,
    /// The members that the datagrams of an arrival are for.
    addressees: Vec<Option<u32>>,
    /// A message that had to be reassembled or reordered.
    message: Vec<u8>,
    under_way: usize,
    closed: Option<String>,
    /// Clients served in the last round.
    served: usize,
    /// The client to serve first: the first one that found no room in the last round that ran out of it.
    first: u32,
    health: Health,
    /// The kernel's drops when the measurement began.
    dropped_before: Option<u64>,
}

impl<L: Link, T: Member> Driver<L, T> {
    fn new(link: L, share: Share, members: Vec<T>) -> Self {
        Driver {
            link,
            share,
            seats: Vec::with_capacity(members.len()),
            members: Vec::with_capacity(members.len()),
            waiting: members.into_iter(),
            peer_table: PeerTable::default(),
            timers: TimerWheel::new(),
            touched: Vec::new(),
            addressees: Vec::new(),
            message: Vec::new(),
            under_way: 0,
            closed: None,
            served: 0,
            first: 0,
            health: Health::new(),
            dropped_before: None,
        }
    }

    /// Runs until it is stopped. Returns the link.
    fn run(mut self) -> (FleetResult<T>, L) {
        while !self.share.shared.stop.load(Ordering::Relaxed) {
            let now = self.link.now();
            let measuring = self.share.shared.measuring.load(Ordering::Relaxed);
            self.note_drops(measuring);
            self.receive(now, measuring);
            self.begin(now);
            // Everything received has been handled: latency ends here.
            let now = self.link.now();
            self.wake(now, measuring);
            self.serve_all(now);
            let until = self.timers.next_at().min(now + STOP_CHECK);
            self.link.park(Wait { until, gather: GATHER, enough: 32 });
        }
        self.finish()
    }

    /// Counts what the kernel dropped in the measured time.
    fn note_drops(&mut self, measuring: bool) {
        match (measuring, self.dropped_before) {
            (true, None) => self.dropped_before = Some(self.link.stats().kernel_drops),
            (false, Some(before)) => {
                self.health.dropped += self.link.stats().kernel_drops.saturating_sub(before);
                self.dropped_before = None;
            }
            _ => {}
        }
    }

    fn receive(&mut self, now: Instant, measuring: bool) {
        let Driver { link, share, members, seats, peer_table, touched, addressees, message, served, health, .. } = self;
        let budget = RECEIVE_BUDGET.max(*served * RECEIVED_PER_SERVED);
        let received = link.receive(budget, |mut arrival| {
            if measuring {
                health.note_read(now, &arrival);
            }
            addressees.clear();
            for index in 0..arrival.count() {
                let number = match share.per_socket {
                    1 => Some(arrival.path.socket),
                    _ => Header::decode(arrival.datagram(index)).ok().and_then(|header| peer_table.find(&header)),
                };
                addressees.push(number.filter(|&number| (number as usize) < members.len()));
            }
            let ahead = |index: usize| addressees.get(index).copied().flatten();
            (0..FRONT_AHEAD).filter_map(ahead).for_each(|number| members[number as usize].prefetch_front());
            (0..AHEAD).filter_map(ahead).for_each(|number| members[number as usize].prefetch());
            for index in 0..addressees.len() {
                prefetch_ahead(members, |distance| ahead(index + distance));
                let Some(number) = ahead(index) else { continue };
                let is_due = members[number as usize].receive(now, arrival.datagram(index), message);
                let seat = &mut seats[number as usize];
                if is_due && !seat.touched {
                    seat.touched = true;
                    touched.push(number);
                }
            }
        });
        share.shared.datagrams.fetch_add(received as u64, Ordering::Relaxed);
    }

    /// Starts handshakes, a few at a time.
    fn begin(&mut self, now: Instant) {
        while self.under_way < CONNECTING_MAX
            && let Some(mut member) = self.waiting.next()
        {
            let number = self.members.len();
            let Share { config, server, per_socket, .. } = &self.share;
            member.begin(config.clone(), now, random_bytes());
            let path = Path::new((number / per_socket) as u32, *server);
            self.members.push(member);
            self.seats.push(Seat { path, id: None, tag: 0, joined: false, wakes_at: Instant::NEVER, touched: true });
            self.touched.push(number as u32);
            self.under_way += 1;
        }
    }

    /// Marks the clients whose deadline has come.
    fn wake(&mut self, now: Instant, measuring: bool) {
        let Driver { timers, seats, touched, health, .. } = self;
        timers.take_due(now, |number| {
            let seat = &mut seats[number as usize];
            if seat.wakes_at > now {
                return;
            }
            if measuring {
                health.note_done(now, seat.wakes_at, 1);
            }
            seat.wakes_at = Instant::NEVER;
            if !seat.touched {
                seat.touched = true;
                touched.push(number);
            }
        });
    }

    /// Serves all marked clients. If the link runs out of room, the next round begins with the first client that had
    /// none, so that no client is always last.
    fn serve_all(&mut self, now: Instant) {
        // Clients of one socket are served together: their datagrams form GSO batches.
        self.touched.sort_unstable();
        let first = self.touched.partition_point(|&number| number < self.first);
        self.touched.rotate_left(first);
        self.served = self.touched.len();
        let mut without_room = None;
        for at in 0..self.touched.len() {
            prefetch_ahead(&self.members, |distance| self.touched.get(at + distance).copied());
            let number = self.touched[at];
            if !self.serve(now, number) {
                without_room.get_or_insert(number);
            }
        }
        self.touched.clear();
        self.first = without_room.unwrap_or(self.first);
    }

    /// Advances a client and its workload, sends, and sets its timer. Returns false if the link had no room.
    fn serve(&mut self, now: Instant, number: u32) -> bool {
        let (member, seat) = (&mut self.members[number as usize], &mut self.seats[number as usize]);
        seat.touched = false;
        if let Some(reason) = member.serve(now) {
            self.closed.get_or_insert_with(|| reason.to_string());
            self.share.shared.closed.fetch_add(1, Ordering::Relaxed);
        }
        let connection = member.connection_mut();
        if seat.id != connection.id()
            && let Some(id) = connection.id()
        {
            seat.id = Some(id);
            self.peer_table.insert(id, number);
        }
        if connection.is_connected() && !std::mem::replace(&mut seat.joined, true) {
            self.under_way -= 1;
            self.share.shared.connected.fetch_add(1, Ordering::Relaxed);
        }
        if seat.tag != connection.handshake_tag() {
            seat.tag = connection.handshake_tag();
            self.peer_table.by_tag.insert(seat.tag, number);
        }
        let had_room = transmit(connection, now, seat.path, &mut self.link);
        let next = match had_room {
            true => member.deadline().max(now + DEADLINE_STEP),
            false => now + DEADLINE_STEP,
        };
        if next < seat.wakes_at {
            seat.wakes_at = next;
            self.timers.set(next, number);
        }
        had_room
    }

    fn finish(mut self) -> (FleetResult<T>, L) {
        let mut drops = BTreeMap::new();
        let mut packets_lost = 0;
        self.note_drops(false);
        let now = self.link.now();
        for (member, seat) in self.members.iter_mut().zip(&self.seats) {
            let client = member.connection_mut();
            for (reason, count) in client.drops().entries().filter(|&(_, count)| count > 0) {
                *drops.entry(reason.to_owned()).or_insert(0) += count;
            }
            if client.duplicates() > 0 {
                *drops.entry("duplicate".to_owned()).or_insert(0) += client.duplicates();
            }
            packets_lost += client.connection().map_or(0, |connection| connection.packets_lost());
            client.disconnect();
            transmit(client, now, seat.path, &mut self.link);
            self.link.submit();
        }
        let link = self.link.stats();
        for (reason, count) in [("link_kernel_drops", link.kernel_drops), ("link_send_failed", link.send_failed)] {
            if count > 0 {
                drops.insert(reason.to_owned(), count);
            }
        }
        let (network, health) = (ConditionedStats::default(), self.health);
        let result = FleetResult { members: self.members, network, health, drops, packets_lost, closed: self.closed };
        (result, self.link)
    }
}

/// Prefetches the members that come next. `ahead` gives the one at a distance.
#[inline]
fn prefetch_ahead<T: Member>(members: &[T], ahead: impl Fn(usize) -> Option<u32>) {
    let member = |distance| ahead(distance).map(|number| &members[number as usize]);
    member(FRONT_AHEAD).into_iter().for_each(T::prefetch_front);
    member(AHEAD).into_iter().for_each(T::prefetch);
    member(REST_AHEAD).into_iter().for_each(T::prefetch_rest);
}

/// Sends what is queued. Returns false if the link has no room; the rest stays queued.
fn transmit(client: &mut Client, now: Instant, path: Path, link: &mut impl Link) -> bool {
    while let Some(len) = client.transmit_len(now) {
        let Some(room) = link.reserve(path, len) else { return false };
        client.transmit(now, room);
    }
    true
}

#[cfg(test)]
mod tests;
