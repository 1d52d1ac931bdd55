//! Clients, the network and the server, and what happens to them.

use crate::audit::{Audit, CallId, Executions};
use crate::random::Random;
use ringshard_requests::caller::{Calls, End};
use ringshard_requests::message::status;
use ringshard_requests::record;
use ringshard_requests::value::{Typed, Value};
use ringshard_services::actions::{Access, Action, Actions, Caller, Client, Failure, Limits, Reply};
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

const PATH: &str = "/v1/count";
const LOSS_PERCENT: u64 = 30;
const DUPLICATED_PERCENT: u64 = 10;
const CANCELLED_PERCENT: u64 = 3;
const REFUSED_PERCENT: u64 = 2;
/// After which time a message to a process that has ended is tried again.
const LATE: Duration = Duration::from_millis(300);

record! {
    /// A call that the auditor counts.
    struct Count {
        client: u32,
        call: u32,
        /// How long the handler takes before and after the execution, in ms.
        before: u32,
        after: u32,
        /// Whether the handler refuses instead.
        refuse: bool,
    }
}

/// A server process.
struct Server {
    actions: Actions,
    alive: Arc<AtomicBool>,
}

/// A client program, and its connection.
struct Player {
    calls: Calls,
    /// The server's side of the connection.
    connection: Option<Arc<Client>>,
    /// Counts connections: what is on its way in an earlier one does not arrive at the client.
    presence: u32,
    /// The audited call of each number.
    numbers: HashMap<u32, CallId>,
    made: u32,
    wakes: Duration,
}

enum Event {
    /// A message reaches the server. If the process has ended, it may reach the next one.
    ToServer(Arc<Client>, Arc<AtomicBool>, usize, u32, Vec<u8>),
    ToClient(usize, u32, Vec<u8>),
    /// A client's timer.
    Wake(usize),
    Cancel(usize, u32),
    Disconnect(usize, u32),
    Connect(usize),
    Kill,
    Start,
}

/// An answer that a server process sends.
type Answer = (usize, u32, Arc<AtomicBool>, Vec<u8>);

pub struct Network {
    random: Random,
    players: Vec<Player>,
    server: Option<Server>,
    events: BTreeMap<(Duration, u64), Event>,
    scheduled: u64,
    answers: (UnboundedSender<Answer>, UnboundedReceiver<Answer>),
    start: Instant,
    /// Calls of one client that are open at the same time, and all that it makes.
    parallel: usize,
    each: u32,
    audit: Audit,
}

impl Network {
    pub fn new(seed: u64, clients: usize) -> Self {
        let player = |client: usize| Player {
            calls: Calls::new((client as u128 + 1).to_le_bytes(), seed ^ client as u64),
            connection: None,
            presence: 0,
            numbers: HashMap::new(),
            made: 0,
            wakes: Duration::MAX,
        };
        let mut network = Network {
            random: Random::new(seed),
            players: (0..clients).map(player).collect(),
            server: None,
            events: BTreeMap::new(),
            scheduled: 0,
            answers: unbounded_channel(),
            start: Instant::now(),
            parallel: 0,
            each: 0,
            audit: Audit::default(),
        };
        network.schedule(Duration::ZERO, Event::Start);
        for client in 0..clients {
            let wait = network.random.ms(1, 500);
            network.schedule(wait, Event::Connect(client));
        }
        network
    }

    /// Makes `calls` calls, `parallel` of each client at a time, and goes on until nothing can happen any more.
    pub async fn run(&mut self, parallel: usize, calls: usize) {
        self.parallel = parallel;
        self.each = (calls / self.players.len()) as u32;
        self.audit.calls = self.each as usize * self.players.len();
        for client in 0..self.players.len() {
            self.pump(client);
        }
        while self.audit.ends.len() < self.audit.calls {
            self.step().await;
        }
        self.audit.time = self.start.elapsed();
        // What is on its way still arrives, and what runs still ends.
        let end = self.now() + Duration::from_secs(30);
        while self.now() < end {
            self.step().await;
        }
        self.count_repeated();
    }

    pub fn into_audit(self) -> Audit {
        self.audit
    }

    async fn step(&mut self) {
        let next = *self.events.keys().next().expect("clients disconnect for ever");
        tokio::select! {
            biased;
            answer = self.answers.1.recv() => {
                let (client, presence, alive, message) = answer.expect("the sender is kept");
                if alive.load(Ordering::Relaxed) {
                    self.send_to_client(client, presence, &message);
                }
            }
            () = tokio::time::sleep_until(self.start + next.0) => {
                let event = self.events.remove(&next).expect("it is the next");
                self.happen(event);
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::ToServer(connection, alive, client, presence, message) => {
                if alive.load(Ordering::Relaxed) {
                    self.reply(connection.receive(&message), alive, client, presence);
                } else {
                    self.arrive_late(connection, alive, client, message);
                }
            }
            Event::ToClient(client, presence, message) => {
                let now = self.now();
                let player = &mut self.players[client];
                if player.presence == presence && player.connection.is_some() {
                    player.calls.receive(now, &message).expect("the server writes messages");
                    self.pump(client);
                }
            }
            Event::Wake(client) => {
                self.players[client].wakes = Duration::MAX;
                self.pump(client);
            }
            Event::Cancel(client, number) => {
                let now = self.now();
                self.players[client].calls.cancel(now, number);
                self.pump(client);
            }
            Event::Disconnect(client, presence) if self.players[client].presence == presence => self.disconnect(client),
            Event::Disconnect(..) => {}
            Event::Connect(client) => self.connect(client),
            Event::Kill => self.kill(),
            Event::Start => self.start(),
        }
    }

    /// A message to a process that has ended reaches the next one once the client has, as if something between had kept it.
    fn arrive_late(&mut self, former: Arc<Client>, ended: Arc<AtomicBool>, client: usize, message: Vec<u8>) {
        let Player { connection, presence, .. } = &self.players[client];
        let presence = *presence;
        let (Some(connection), Some(server)) = (connection, &self.server) else {
            return self.schedule(LATE, Event::ToServer(former, ended, client, presence, message));
        };
        self.audit.late += 1;
        self.reply(connection.receive(&message), server.alive.clone(), client, presence);
    }

    fn start(&mut self) {
        self.server = Some(server(self.audit.executions.clone()));
        let wait = self.random.ms(2000, 8000);
        self.schedule(wait, Event::Kill);
    }

    /// The process ends: its memory is gone, and nothing of it runs on.
    fn kill(&mut self) {
        self.count_repeated();
        let server = self.server.take().expect("it runs");
        server.alive.store(false, Ordering::Relaxed);
        self.audit.kills += 1;
        for client in 0..self.players.len() {
            if self.players[client].connection.is_some() {
                self.disconnect(client);
            }
        }
        let wait = self.random.ms(100, 1500);
        self.schedule(wait, Event::Start);
    }

    fn count_repeated(&mut self) {
        let Some(server) = &self.server else { return };
        let counters = server.actions.counters();
        for counter in [&counters.repeated_running, &counters.repeated_answered] {
            self.audit.repeated += counter.swap(0, Ordering::Relaxed);
        }
    }

    fn connect(&mut self, client: usize) {
        let Some(server) = &self.server else {
            let wait = self.random.ms(50, 500);
            return self.schedule(wait, Event::Connect(client));
        };
        let now = self.now();
        let connection = server.actions.connect(None, false, IpAddr::V4(Ipv4Addr::LOCALHOST));
        let player = &mut self.players[client];
        player.connection = Some(Arc::new(connection));
        player.presence += 1;
        player.calls.connected(now);
        let presence = player.presence;
        let wait = self.random.ms(500, 10_000);
        self.schedule(wait, Event::Disconnect(client, presence));
        self.pump(client);
    }

    fn disconnect(&mut self, client: usize) {
        let player = &mut self.players[client];
        player.connection = None;
        player.presence += 1;
        player.calls.disconnected();
        self.audit.reconnects += 1;
        let wait = self.random.ms(1, 1500);
        self.schedule(wait, Event::Connect(client));
    }

    fn make_calls(&mut self, client: usize) {
        let now = self.now();
        while self.players[client].made < self.each && self.players[client].calls.open() < self.parallel {
            let call = self.players[client].made;
            let (before, after) = (self.random.between(0, 100) as u32, self.random.between(0, 400) as u32);
            let refuse = self.random.percent(REFUSED_PERCENT);
            let count = Count { client: client as u32, call, before, after, refuse };
            let deadline = self.random.ms(2000, 45_000);
            let player = &mut self.players[client];
            let value = count.into_value().to_bytes();
            // One that is open for long holds the others back.
            let Ok(number) = player.calls.call(now, PATH, &value, deadline) else { break };
            player.numbers.insert(number, (client as u32, call));
            player.made += 1;
            if self.random.percent(CANCELLED_PERCENT) {
                let wait = self.random.ms(0, 1000);
                self.schedule(wait, Event::Cancel(client, number));
            }
        }
    }

    /// Takes the ends of a client's calls, makes others, and sends what the client has to send.
    fn pump(&mut self, client: usize) {
        let now = self.now();
        while let Some((number, end)) = self.players[client].calls.poll(now) {
            let call = self.players[client].numbers[&number];
            if let End::Answered(value) = &end {
                assert_eq!(Value::from_bytes(value), Ok(call.1.into_value()), "the answer is of the call");
            }
            self.audit.end(call, end);
        }
        self.make_calls(client);
        while let Some(message) = self.players[client].calls.next_send(now).map(<[u8]>::to_vec) {
            self.send_to_server(client, &message);
        }
        let Some(next) = self.players[client].calls.next_deadline() else { return };
        if next < self.players[client].wakes {
            self.players[client].wakes = next;
            self.schedule(next.saturating_sub(now).max(Duration::from_millis(1)), Event::Wake(client));
        }
    }

    fn send_to_server(&mut self, client: usize, message: &[u8]) {
        let connection = self.players[client].connection.clone().expect("a client sends while it is connected");
        let alive = self.server.as_ref().expect("a client is connected to a server").alive.clone();
        let presence = self.players[client].presence;
        self.travel(|| Event::ToServer(connection.clone(), alive.clone(), client, presence, message.to_vec()));
    }

    fn send_to_client(&mut self, client: usize, presence: u32, message: &[u8]) {
        self.travel(|| Event::ToClient(client, presence, message.to_vec()));
    }

    /// A message travels: it is lost, or arrives once or twice, after a time that reorders messages.
    fn travel(&mut self, event: impl Fn() -> Event) {
        self.audit.messages += 1;
        let copies = if self.random.percent(LOSS_PERCENT) {
            self.audit.lost += 1;
            0
        } else if self.random.percent(DUPLICATED_PERCENT) {
            self.audit.duplicated += 1;
            2
        } else {
            1
        };
        for _ in 0..copies {
            // Few are very late: later than the client repeats them.
            let wait = if self.random.percent(5) { self.random.ms(200, 5000) } else { self.random.ms(5, 200) };
            self.schedule(wait, event());
        }
    }

    fn reply(&mut self, reply: Reply, alive: Arc<AtomicBool>, client: usize, presence: u32) {
        match reply {
            Reply::Nothing => {}
            Reply::Now(message) => self.send_to_client(client, presence, &message),
            Reply::Later(message) => {
                let answers = self.answers.0.clone();
                tokio::spawn(async move {
                    if let Some(message) = message.await {
                        let _ = answers.send((client, presence, alive, message));
                    }
                });
            }
        }
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn schedule(&mut self, wait: Duration, event: Event) {
        self.scheduled += 1;
        self.events.insert((self.now() + wait, self.scheduled), event);
    }
}

/// Starts a process: its handler counts an execution only while the process is alive.
fn server(executions: Executions) -> Server {
    let alive = Arc::new(AtomicBool::new(true));
    let limits = Limits { per_second: 1e6, burst: 1_000_000, parallel: 2000, waiting: 4000, ..Limits::default() };
    let action = Action { path: PATH, about: "Counts.", access: Access::Anybody, limits };
    let mut builder = Actions::builder();
    let process = alive.clone();
    builder.add(action, move |_: Caller, count: Count| {
        let (executions, process) = (executions.clone(), process.clone());
        async move {
            tokio::time::sleep(Duration::from_millis(count.before.into())).await;
            if !process.load(Ordering::Relaxed) {
                std::future::pending::<()>().await;
            }
            if count.refuse {
                return Err(Failure::new(status::CONFLICT, "as asked"));
            }
            executions.count((count.client, count.call));
            tokio::time::sleep(Duration::from_millis(count.after.into())).await;
            Ok::<u32, Failure>(count.call)
        }
    });
    Server { actions: builder.build(), alive }
}
