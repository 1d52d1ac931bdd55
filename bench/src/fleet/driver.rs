//! The thread of a fleet.

use super::{Crew, Shared, Talk};
use crate::generator::Directory;
use crate::scenario::Scenario;
use core_affinity::CoreId;
use ringshard::keys::random_bytes;
use ringshard_engine::client::{Client, ClientConfig, ClientEvent};
use ringshard_engine::link::conditioned::{ConditionedLink, ConditionedStats};
use ringshard_engine::link::mmsg::MmsgLink;
use ringshard_engine::link::socket::Socket;
use ringshard_engine::link::uring::UringLink;
use ringshard_engine::link::{Link, Path, Wait};
use ringshard_engine::prefetch::prefetch;
use ringshard_engine::time::{Duration, Instant};
use ringshard_engine::wire::Header;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Clients whose handshake may be under way at once.
const CONNECTING_MAX: usize = 64;
/// Datagrams taken before anything is sent.
const RECEIVE_BUDGET: usize = 256;
/// Datagrams that the bad network holds, each way.
const HELD_MAX: usize = 65_536;
/// How long arrivals are gathered.
const GATHER: Duration = Duration::from_micros(100);
/// How finely deadlines are kept: one that has passed already is looked at again after this.
const GRAIN: Duration = Duration::from_micros(50);
/// How often it looks whether it is to stop, at least.
const LOOK: Duration = Duration::from_millis(20);

/// The life of the thread.
pub fn drive<T: Talk>(
    scenario: &Scenario,
    server: SocketAddr,
    config: ClientConfig,
    talks: Vec<T>,
    shared: Arc<Shared>,
) -> Result<Crew<T>, String> {
    core_affinity::set_for_current(CoreId { id: scenario.client_cpus[0] });
    let per_socket = talks.len().div_ceil(scenario.sockets);
    let sockets = (0..talks.len().div_ceil(per_socket))
        .map(|_| Socket::connect(server))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| error.to_string())?;
    let setup = Setup { server, config, per_socket, shared };
    match UringLink::probe() {
        Ok(()) => Ok(drive_over(UringLink::new(sockets).map_err(|error| error.to_string())?, scenario, setup, talks)),
        Err(_) => Ok(drive_over(MmsgLink::new(sockets).map_err(|error| error.to_string())?, scenario, setup, talks)),
    }
}

/// What all clients of a fleet have in common.
struct Setup {
    server: SocketAddr,
    config: ClientConfig,
    per_socket: usize,
    shared: Arc<Shared>,
}

/// Runs over the link as it is, or behind the network that the scenario wants.
fn drive_over<T: Talk>(link: impl Link, scenario: &Scenario, setup: Setup, talks: Vec<T>) -> Crew<T> {
    let Some(network) = scenario.network else { return Driver::new(link, setup, talks).run().0 };
    let (mut crew, link) = Driver::new(ConditionedLink::new(link, network, HELD_MAX), setup, talks).run();
    crew.network = link.conditioned_stats();
    crew
}

struct Member<T> {
    client: Client,
    talk: T,
    path: Path,
    /// The tag that answers to its handshake carry.
    tag: u64,
    joined: bool,
    /// When it is attended to, unless something comes before.
    wakes_at: Instant,
    /// Something came: it is attended to in this turn.
    touched: bool,
}

struct Driver<L, T> {
    link: L,
    setup: Setup,
    /// Those that have yet to begin.
    waiting: std::vec::IntoIter<T>,
    members: Vec<Member<T>>,
    directory: Directory,
    /// Times to attend to a member; those that differ from its `wakes_at` are outdated.
    timers: BinaryHeap<Reverse<(Instant, u32)>>,
    touched: Vec<u32>,
    /// A message that did not lie in its datagram ready to be delivered.
    message: Vec<u8>,
    under_way: usize,
    closed: Option<String>,
}

impl<L: Link, T: Talk> Driver<L, T> {
    fn new(link: L, setup: Setup, talks: Vec<T>) -> Self {
        Driver {
            link,
            setup,
            members: Vec::with_capacity(talks.len()),
            waiting: talks.into_iter(),
            directory: Directory::default(),
            timers: BinaryHeap::new(),
            touched: Vec::new(),
            message: Vec::new(),
            under_way: 0,
            closed: None,
        }
    }

    /// Runs until told to stop; gives the link back.
    fn run(mut self) -> (Crew<T>, L) {
        while !self.setup.shared.stop.load(Ordering::Relaxed) {
            let now = self.link.now();
            self.receive(now);
            self.begin(now);
            // What was received has been handled: latency ends here.
            let now = self.link.now();
            self.wake(now);
            // Those behind one socket one after the other: their datagrams form runs.
            self.touched.sort_unstable();
            while let Some(number) = self.touched.pop() {
                if let Some(ahead) = self.touched.len().checked_sub(2).and_then(|at| self.touched.get(at)) {
                    prefetch(&self.members[*ahead as usize]);
                }
                self.attend(now, number);
            }
            let until = self.timers.peek().map_or(Instant::NEVER, |Reverse((at, _))| *at);
            let until = until.min(now + LOOK);
            self.link.park(Wait { until, gather: GATHER, enough: 32 });
        }
        self.disband()
    }

    /// Takes what arrived.
    fn receive(&mut self, now: Instant) {
        let Driver { link, setup, members, directory, touched, message, .. } = self;
        let received = link.receive(RECEIVE_BUDGET, |mut arrival| {
            let socket = arrival.path.socket as usize;
            let find = |datagram: &[u8]| match setup.per_socket {
                1 => Some(socket),
                _ => Header::decode(datagram).ok().and_then(|header| directory.find(&header)),
            };
            for index in 0..arrival.count() {
                if let Some(ahead) = arrival.peek(index + 2).and_then(find).and_then(|number| members.get(number)) {
                    prefetch(ahead);
                }
                let datagram = arrival.datagram(index);
                let number = find(datagram);
                let Some((number, member)) = number.and_then(|number| Some((number, members.get_mut(number)?))) else {
                    continue;
                };
                member.receive(now, datagram, message);
                if !member.touched {
                    member.touched = true;
                    touched.push(number as u32);
                }
            }
        });
        setup.shared.datagrams.fetch_add(received as u64, Ordering::Relaxed);
    }

    /// Begins handshakes, a few at a time.
    fn begin(&mut self, now: Instant) {
        while self.under_way < CONNECTING_MAX
            && let Some(talk) = self.waiting.next()
        {
            let number = self.members.len();
            let Setup { config, server, per_socket, .. } = &self.setup;
            let client = Client::new(config.clone(), now, random_bytes()).expect("the key is a server's");
            let path = Path { socket: (number / per_socket) as u32, peer: *server };
            self.members.push(Member {
                client,
                talk,
                path,
                tag: 0,
                joined: false,
                wakes_at: Instant::NEVER,
                touched: true,
            });
            self.touched.push(number as u32);
            self.under_way += 1;
        }
    }

    /// Touches those whose time has come.
    fn wake(&mut self, now: Instant) {
        while let Some(&Reverse((at, number))) = self.timers.peek()
            && at <= now
        {
            self.timers.pop();
            let member = &mut self.members[number as usize];
            if member.wakes_at == at {
                member.wakes_at = Instant::NEVER;
                if !member.touched {
                    member.touched = true;
                    self.touched.push(number);
                }
            }
        }
    }

    /// Lets time pass for a client, lets it speak, sends, and sets its timer.
    fn attend(&mut self, now: Instant, number: u32) {
        let member = &mut self.members[number as usize];
        member.touched = false;
        if member.client.deadline() <= now {
            member.client.advance(now);
        }
        while let Some(event) = member.client.poll_event() {
            match event {
                ClientEvent::Connected { id, .. } => {
                    self.directory.enter(id, number);
                    if !std::mem::replace(&mut member.joined, true) {
                        self.under_way -= 1;
                        self.setup.shared.connected.fetch_add(1, Ordering::Relaxed);
                    }
                }
                ClientEvent::Closed(reason) => {
                    self.closed.get_or_insert_with(|| reason.to_string());
                    self.setup.shared.closed.fetch_add(1, Ordering::Relaxed);
                }
                ClientEvent::Reconnecting(_) => {}
            }
            member.talk.event(event);
        }
        if member.tag != member.client.handshake_tag() {
            member.tag = member.client.handshake_tag();
            self.directory.by_tag.insert(member.tag, number);
        }
        member.talk.speak(now, &mut member.client);
        let next = match transmit(&mut member.client, now, member.path, &mut self.link) {
            true => member.client.deadline().min(member.talk.deadline()).max(now + GRAIN),
            false => now + GRAIN,
        };
        if next < member.wakes_at {
            member.wakes_at = next;
            self.timers.push(Reverse((next, number)));
        }
    }

    fn disband(mut self) -> (Crew<T>, L) {
        let mut drops = BTreeMap::new();
        let mut packets_lost = 0;
        let now = self.link.now();
        for member in &mut self.members {
            for (reason, count) in member.client.drops().entries().filter(|&(_, count)| count > 0) {
                *drops.entry(reason.to_owned()).or_insert(0) += count;
            }
            if member.client.duplicates() > 0 {
                *drops.entry("duplicate".to_owned()).or_insert(0) += member.client.duplicates();
            }
            packets_lost += member.client.session().map_or(0, |session| session.packets_lost());
            member.client.disconnect();
            transmit(&mut member.client, now, member.path, &mut self.link);
            self.link.submit();
        }
        let link = self.link.stats();
        for (reason, count) in [("link_kernel_drops", link.kernel_drops), ("link_send_failed", link.send_failed)] {
            if count > 0 {
                drops.insert(reason.to_owned(), count);
            }
        }
        let talks = self.members.into_iter().map(|member| member.talk).collect();
        let crew = Crew { talks, network: ConditionedStats::default(), drops, packets_lost, closed: self.closed };
        (crew, self.link)
    }
}

impl<T: Talk> Member<T> {
    fn receive(&mut self, now: Instant, datagram: &mut [u8], kept: &mut Vec<u8>) {
        let Some(messages) = self.client.receive(now, datagram) else { return };
        for message in messages {
            self.talk.hear(message.channel, message.bytes);
        }
        while let Some(channel) = self.client.read(kept) {
            self.talk.hear(channel, kept);
        }
    }
}

/// Hands over what waits to be sent; false when the link has no room for it, and it waits on.
fn transmit(client: &mut Client, now: Instant, path: Path, link: &mut impl Link) -> bool {
    while let Some(len) = client.transmit_len(now) {
        let Some(room) = link.reserve(path, len) else { return false };
        client.transmit(now, room);
    }
    true
}
