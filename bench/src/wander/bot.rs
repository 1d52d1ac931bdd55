//! A player who walks to one random point after the other.

use super::Place;
use super::login::Login;
use super::route::{Asked, Balancers, Route};
use super::trail::Trail;
use super::zones::ZoneAges;
use ringshard_client::{Channel, ClientConfig, News, Udp};
use ringshard_demo_rules::{DemoRules, Event, Input, Own};
use ringshard_world::character::EntityKind;
use ringshard_world::contract::Text;
use std::collections::BTreeSet;
use std::f32::consts::TAU;
use std::time::{Duration, Instant};

/// A server from which a player has heard nothing for so long is gone: the player goes to another one.
const SILENCE: Duration = Duration::from_secs(3);
/// Time after which a player who was refused enters again.
const AGAIN: Duration = Duration::from_secs(1);
/// Time between two words.
const WORDS: Duration = Duration::from_secs(2);
/// A goal that is nearer is reached, in units.
const NEAR: f32 = 200.0;
/// Time after which a goal that was not reached is given up.
const GOAL_TIME: Duration = Duration::from_secs(60);

pub(super) struct Bot {
    number: u32,
    login: Login,
    /// The servers of the fleet, and which of them comes next.
    servers: Vec<Place>,
    next: usize,
    /// None: it takes the servers in turn.
    balancers: Option<Balancers>,
    asked: Option<Asked>,
    /// Of the last route.
    receipt: Option<String>,
    pub routes: u64,
    pub routes_of_the_next: u64,
    pub routes_unanswered: u64,
    udp: Udp<DemoRules>,
    random: crate::random::Random,
    within: [[f32; 2]; 2],
    goal: [f32; 2],
    goal_until: Instant,
    /// Words that it said and heard.
    pub said: u32,
    pub heard: BTreeSet<u32>,
    pub doubled: u64,
    speaks_at: Instant,
    enters_at: Option<Instant>,
    /// When it connects to another server, because this one has closed the connection.
    leaves_at: Option<Instant>,
    /// Times that it entered the world anew.
    pub entered: u64,
    pub resumed: u64,
    pub lost: u64,
    absent_since: Option<Instant>,
    pub longest_absence: Duration,
    /// Snapshots so far, and when the last one came.
    snapshots: u64,
    snapshot_at: Instant,
    has_moved: bool,
    trail: Trail,
    /// When it lost its session; where it comes back is not known yet.
    lost_at: Option<Instant>,
    /// How old the states were with which it came back after that.
    pub restored: Vec<Duration>,
    /// Times that it came back as a newcomer.
    pub renewed: u64,
    /// At each crossing: time without a snapshot.
    pub interruptions: Vec<Duration>,
}

impl Bot {
    pub(super) fn connect(
        number: u32,
        servers: &[Place],
        balancers: Option<Balancers>,
        within: [[f32; 2]; 2],
        login: Login,
    ) -> Result<Self, String> {
        let next = number as usize;
        let route = match &balancers {
            Some(balancers) => Some(balancers.ask(None).ok_or("no balancer sends a player to a host")?),
            None => None,
        };
        let server = route.as_ref().map_or(servers[next % servers.len()], |route| route.place);
        let udp = connection(server, &login.ticket(number, server))?;
        let now = Instant::now();
        Ok(Bot {
            number,
            login,
            servers: servers.to_vec(),
            next: next + 1,
            balancers,
            asked: None,
            routes: u64::from(route.is_some()),
            routes_of_the_next: u64::from(route.as_ref().is_some_and(|route| route.silent > 0)),
            routes_unanswered: 0,
            receipt: route.map(|route| route.receipt),
            udp,
            random: crate::random::Random::new(number.into()),
            within,
            goal: within[0],
            goal_until: now,
            said: 0,
            heard: BTreeSet::new(),
            doubled: 0,
            speaks_at: now,
            enters_at: None,
            leaves_at: None,
            entered: 0,
            resumed: 0,
            lost: 0,
            absent_since: None,
            longest_absence: Duration::ZERO,
            snapshots: 0,
            snapshot_at: now,
            has_moved: false,
            trail: Trail::default(),
            lost_at: None,
            restored: Vec::new(),
            renewed: 0,
            interruptions: Vec::new(),
        })
    }

    /// What it does in a frame. It says words if it `speaks`.
    pub(super) fn frame(&mut self, now: Instant, speaks: bool) {
        if now - self.snapshot_at > SILENCE || self.leaves_at.is_some_and(|at| now >= at) {
            self.go_elsewhere(now);
        }
        if let Some(route) = self.asked.as_ref().and_then(Asked::poll) {
            self.asked = None;
            self.follow(now, route);
        }
        self.choose_goal(now);
        let goal = self.goal;
        self.udp.poll(|scene| scene.own().map_or_else(Input::default, |own| towards(own, goal)));
        while let Some(news) = self.udp.news() {
            self.hear(now, news);
        }
        self.note_snapshots(now);
        if self.enters_at.is_some_and(|at| now >= at) {
            self.enters_at = None;
            let ticket = self.ticket_here();
            self.udp.client_mut().enter(&ticket);
        }
        if speaks && now >= self.speaks_at && self.udp.client().is_in_world() {
            self.speaks_at = now + WORDS;
            let text = format!("{} {}", self.number, self.said);
            let event = Event::Say { text: Text::new(&text) };
            self.said += u32::from(self.udp.client_mut().tell(Channel::RELIABLE_ORDERED, &event));
        }
    }

    /// Its server is gone, and its session with it.
    fn go_elsewhere(&mut self, now: Instant) {
        self.leaves_at = None;
        match &self.balancers {
            Some(balancers) => {
                let receipt = self.receipt.take();
                self.asked.get_or_insert_with(|| balancers.begin(receipt));
            }
            None => {
                let server = self.servers[self.next % self.servers.len()];
                self.next += 1;
                self.reconnect(server);
            }
        }
        if self.entered > 0 && self.absent_since.is_none() {
            self.lose(self.snapshot_at);
        }
        (self.snapshots, self.snapshot_at, self.has_moved) = (0, now, false);
    }

    /// The answer of a balancer.
    fn follow(&mut self, now: Instant, route: Option<Route>) {
        let Some(route) = route else {
            self.routes_unanswered += 1;
            self.leaves_at = Some(now + AGAIN);
            return;
        };
        self.routes += 1;
        self.routes_of_the_next += u64::from(route.silent > 0);
        self.receipt = Some(route.receipt);
        self.reconnect(route.place);
        (self.snapshots, self.snapshot_at) = (0, now);
    }

    /// If the server does not answer, it is left for the next one.
    fn reconnect(&mut self, server: Place) {
        if let Ok(udp) = connection(server, &self.login.ticket(self.number, server)) {
            self.udp = udp;
        }
    }

    /// Its session is lost since then.
    fn lose(&mut self, since: Instant) {
        self.lost += 1;
        self.absent_since = Some(since);
        self.lost_at.get_or_insert(since);
    }

    /// A ticket for the server that it is connected to.
    fn ticket_here(&self) -> Vec<u8> {
        let here = self.servers.iter().find(|place| place.address == self.udp.server());
        here.map_or_else(Vec::new, |here| self.login.ticket(self.number, *here))
    }

    /// Where it is; and if it has just come back, from when that is.
    fn note_point(&mut self, now: Instant) {
        let Some(point) = self.udp.client().scene().own().map(|own| own.point) else { return };
        if self.absent_since.is_some() || !self.udp.client().is_in_world() {
            return;
        }
        if let Some(lost) = self.lost_at.take() {
            match self.trail.age(lost, point) {
                Some(age) => self.restored.push(age),
                None => self.renewed += 1,
            }
            self.trail.clear();
        }
        self.trail.note(now, point);
    }

    /// Notes the sentinels that it sees.
    pub(super) fn look_around(&self, zones: &mut ZoneAges) {
        if self.udp.client().is_in_world() {
            let scene = self.udp.client().scene();
            let sentinels =
                scene.others().filter(|(_, _, shown)| shown.kind == EntityKind::Npc as u8 && shown.score > 0);
            sentinels.for_each(|(_, pose, shown)| zones.note([pose.point[0], pose.point[1]], shown.score));
        }
    }

    /// Words that it said and never heard.
    pub(super) fn unheard(&self) -> u64 {
        u64::from(self.said) - self.heard.len() as u64
    }

    pub(super) fn corrections(&self) -> u64 {
        self.udp.client().stats().corrections
    }

    fn choose_goal(&mut self, now: Instant) {
        let point = self.udp.client().scene().own().map(|own| own.point);
        let is_there = point.is_some_and(|[x, y]| (self.goal[0] - x).hypot(self.goal[1] - y) < NEAR);
        if is_there || now >= self.goal_until {
            let [min, max] = self.within;
            self.goal = [0, 1].map(|axis| {
                let share = self.random.between(0, 1_000_000) as f32 / 1e6;
                min[axis] + share * (max[axis] - min[axis])
            });
            self.goal_until = now + GOAL_TIME;
        }
    }

    fn hear(&mut self, now: Instant, news: News<DemoRules>) {
        match news {
            News::Entered { .. } => {
                self.entered += 1;
                if let Some(since) = self.absent_since.take() {
                    self.longest_absence = self.longest_absence.max(now - since);
                }
            }
            // Its server ends, or takes nobody.
            News::Closed(_) => self.leaves_at = Some(now + AGAIN),
            News::Moved { .. } => self.has_moved = true,
            News::Resumed => self.resumed += 1,
            News::Refused(_) => self.enters_at = Some(now + AGAIN),
            News::Renewed | News::PutOut(_) => {
                self.lose(self.snapshot_at);
                self.enters_at = Some(now + AGAIN);
            }
            News::Event(Event::Said { text, .. }) => {
                let mut parts = text.as_str().split(' ').map(str::parse);
                if let (Some(Ok(number)), Some(Ok(word))) = (parts.next(), parts.next())
                    && number == self.number
                    && !self.heard.insert(word)
                {
                    self.doubled += 1;
                }
            }
            _ => {}
        }
    }

    fn note_snapshots(&mut self, now: Instant) {
        let snapshots = self.udp.client().stats().snapshots;
        if snapshots != self.snapshots {
            if std::mem::take(&mut self.has_moved) {
                self.interruptions.push(now - self.snapshot_at);
            }
            (self.snapshots, self.snapshot_at) = (snapshots, now);
            self.note_point(now);
        }
    }
}

fn connection(to: Place, ticket: &[u8]) -> Result<Udp<DemoRules>, String> {
    Udp::connect(to.address, DemoRules::default(), ClientConfig::new(to.key), ticket)
        .map_err(|error| format!("a player cannot connect to {}: {error}", to.address))
}

fn towards(own: &Own, goal: [f32; 2]) -> Input {
    let way = [goal[0] - own.point[0], goal[1] - own.point[1]];
    let turn = way[1].atan2(way[0]).rem_euclid(TAU) / TAU;
    Input { forward: 127, yaw: (turn * 65_536.0) as u16, ..Input::default() }
}
