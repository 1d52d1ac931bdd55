//! The queue before a full fleet.
//!
//! No balancer keeps what a client must not lose: a waiting client holds a signed [`Ticket`] with the time at which it first
//! asked, and shows it each time it asks again, to any balancer. A balancer remembers whom it saw lately, orders them by that
//! time, and admits a client once the free places suffice for all who are ahead of it. When a balancer dies, its clients ask
//! another one and keep their turn.
//!
//! How fair that is:
//! - Clients are admitted in the order in which they first asked, up to the difference between the balancers' clocks.
//! - A balancer sees only the clients that ask it. It takes those ahead of a client times the number of balancers for the number
//!   in all. This fits as well as a load balancer spreads the clients; the position is an estimate.
//! - A balancer that has just started knows of nobody. For two polls it admits clients with tickets as they come, and clients
//!   without one only while 5 % of the places are free.
//! - A ticket is bound to an account, or to a network where there is none, and admits three times at most per balancer: one for
//!   its turn, and two more if the answer or the place got lost.
//! - A client that does not ask again in time loses its turn.

use super::policy::Waiting;
use std::collections::{HashMap, VecDeque};

/// A ticket may be from the future by the difference of two clocks.
const SKEW_MS: u64 = 5_000;
/// For three polls that come late, a client keeps its turn.
const MISSED_POLLS: u64 = 3;
/// How often a ticket admits.
const USES_MAX: u8 = 3;
/// Tickets that are remembered as used. Beyond them, a ticket may admit more often.
const USED_MAX: usize = 200_000;
/// Lines: one for each set of hosts that clients wait for. Beyond them, clients are refused.
const LINES_MAX: usize = 256;
/// A balancer that has just started learns for this many polls.
const LEARNING_POLLS: u64 = 2;
/// Seconds over which the speed of a line is measured.
const SPEED_SECONDS: u64 = 64;

/// A client's turn. It is signed on its way to the client and back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    /// When the client first asked, in milliseconds since 1970.
    pub first_ms: u64,
    /// Until when it must have asked again, likewise.
    pub leaves_ms: u64,
    /// Tells tickets of the same time apart.
    pub id: u64,
    /// Hash of the account or the network that may use it.
    pub holder: u64,
}

/// Who asks the queue.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Asker {
    /// The set of hosts that it waits for.
    pub(super) line: u64,
    pub(super) holder: u64,
    pub(super) network: u64,
    pub(super) ticket: Option<Ticket>,
    /// The id of a new ticket.
    pub(super) random: u64,
    pub(super) needs: u32,
}

/// What there is to give.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Offer {
    /// Free places of all hosts that it may play on.
    pub(super) places: u64,
    /// Places of these hosts, taken ones included.
    pub(super) places_in_all: u64,
    /// Whether one host has all the places that it needs.
    pub(super) has_host: bool,
    pub(super) balancers: u32,
}

/// The answer of the queue.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Turn {
    Admitted,
    Waits(Waits),
    /// The queue is full, or has too many of this network.
    Refused(Crowded),
}

/// A client that waits.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Waits {
    /// Its estimated position. The next to be admitted has 1.
    pub position: u64,
    /// Estimated seconds until its turn. None: nobody was admitted lately.
    pub wait_s: Option<u64>,
    /// Seconds until it asks again.
    pub ask_again_s: u64,
    /// What it shows then.
    pub ticket: Ticket,
    /// Whether the balancer has just started, and does not know yet who waits.
    pub is_learning: bool,
}

/// Why a client may not wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Crowded {
    All,
    Network,
}

/// Clients that wait, as one balancer knows them.
#[derive(Debug)]
pub(super) struct Queue {
    settings: Waiting,
    lines: HashMap<u64, Line>,
    networks: HashMap<u64, u32>,
    count: u32,
    used: HashMap<u64, Used>,
    learns_until_ms: u64,
    swept_s: u64,
    /// What to add, wrapping, to the time of decisions for the time since 1970, which tickets have.
    pub(super) wall_ahead_ms: u64,
}

#[derive(Clone, Copy, Debug)]
struct Used {
    times: u8,
    until_ms: u64,
}

#[derive(Clone, Debug)]
struct Line {
    /// Sorted by the time of the first ask, then by id.
    waiting: VecDeque<Waiter>,
    /// Clients that were admitted, by second.
    admitted: [u32; SPEED_SECONDS as usize],
}

#[derive(Clone, Copy, PartialEq, Debug)]
struct Waiter {
    /// When it first asked, since 1970.
    first_ms: u64,
    id: u64,
    network: u64,
    /// When it is forgotten, by the clock of decisions.
    leaves_ms: u64,
}

impl Queue {
    pub(super) fn new(settings: Waiting, now_ms: u64) -> Queue {
        let learns_until_ms = now_ms + LEARNING_POLLS * u64::from(settings.poll_secs) * 1_000;
        Queue {
            settings,
            lines: HashMap::new(),
            networks: HashMap::new(),
            count: 0,
            used: HashMap::new(),
            learns_until_ms,
            swept_s: now_ms / 1_000,
            wall_ahead_ms: 0,
        }
    }

    pub(super) fn set(&mut self, settings: Waiting) {
        self.settings = settings;
    }

    /// A copy that answers one who shows this ticket. Other used tickets are left out.
    pub(super) fn copy_for(&self, ticket: Option<&Ticket>) -> Queue {
        let used = ticket.and_then(|ticket| Some((ticket.id, *self.used.get(&ticket.id)?)));
        Queue {
            settings: self.settings.clone(),
            lines: self.lines.clone(),
            networks: self.networks.clone(),
            used: used.into_iter().collect(),
            ..*self
        }
    }

    /// Forgets clients that did not ask again. Call it before a decision; it does something once per second.
    pub(super) fn advance(&mut self, now_ms: u64) {
        let now_s = now_ms / 1_000;
        if now_s <= self.swept_s {
            return;
        }
        let passed = (now_s - self.swept_s).min(SPEED_SECONDS);
        self.swept_s = now_s;
        let Queue { lines, networks, count, .. } = self;
        for line in lines.values_mut() {
            for at in 0..passed {
                line.admitted[((now_s - at) % SPEED_SECONDS) as usize] = 0;
            }
            line.waiting.retain(|waiter| {
                let stays = waiter.leaves_ms > now_ms;
                if !stays {
                    forget(networks, count, waiter.network);
                }
                stays
            });
        }
        lines.retain(|_, line| !line.waiting.is_empty() || line.admitted.iter().any(|admitted| *admitted > 0));
        self.used.retain(|_, used| used.until_ms > now_ms);
    }

    /// Whether newcomers to a line must ask the queue although there are places.
    pub(super) fn guards(&self, line: u64, now_ms: u64) -> bool {
        now_ms < self.learns_until_ms || self.lines.get(&line).is_some_and(|line| !line.waiting.is_empty())
    }

    /// Clients that wait, as far as this balancer knows.
    pub(super) fn waiting(&self) -> u32 {
        self.count
    }

    /// Asks for a turn.
    pub(super) fn ask(&mut self, asker: &Asker, offer: &Offer, now_ms: u64) -> Turn {
        let wall_ms = now_ms.wrapping_add(self.wall_ahead_ms);
        let first_ms = asker.ticket.map_or(wall_ms, |ticket| ticket.first_ms.min(wall_ms));
        let id = asker.ticket.map_or(asker.random, |ticket| ticket.id);
        let line = self.lines.get(&asker.line);
        let found = line.map_or(Err(0), |line| line.find(first_ms, id));
        let (Ok(ahead) | Err(ahead)) = found;
        let ahead_in_all = ahead as u64 * u64::from(offer.balancers);
        let is_learning = now_ms < self.learns_until_ms;
        let is_scarce = offer.places * 20 < offer.places_in_all;
        let must_wait = is_learning && is_scarce && asker.ticket.is_none();
        if offer.has_host && !must_wait && ahead_in_all + u64::from(asker.needs) <= offer.places {
            self.admit(asker, found.ok(), id, now_ms);
            return Turn::Admitted;
        }
        let ask_again_s = self.poll_s(ahead_in_all);
        let keeps_ms = MISSED_POLLS * ask_again_s * 1_000;
        let waiter = Waiter { first_ms, id, network: asker.network, leaves_ms: now_ms + keeps_ms };
        if let Err(crowded) = self.wait(asker.line, found, waiter) {
            return Turn::Refused(crowded);
        }
        let speed = self.lines[&asker.line].speed();
        Turn::Waits(Waits {
            position: ahead_in_all + 1,
            wait_s: (speed > 0.0).then(|| ((ahead + 1) as f64 / speed).ceil() as u64),
            ask_again_s,
            ticket: Ticket { first_ms, leaves_ms: wall_ms + keeps_ms, id, holder: asker.holder },
            is_learning: must_wait,
        })
    }

    /// Why a ticket does not count. None: it does.
    pub(super) fn fault(&self, ticket: &Ticket, holder: u64, now_ms: u64) -> Option<&'static str> {
        let wall_ms = now_ms.wrapping_add(self.wall_ahead_ms);
        if ticket.holder != holder {
            Some("it belongs to another account or network")
        } else if ticket.leaves_ms < wall_ms {
            Some("the client asked too late")
        } else if ticket.first_ms > wall_ms + SKEW_MS {
            Some("it is from the future: check the clocks of the balancers")
        } else if self.used.get(&ticket.id).is_some_and(|used| used.times >= USES_MAX) {
            Some("it was used")
        } else {
            None
        }
    }

    fn admit(&mut self, asker: &Asker, place: Option<usize>, id: u64, now_ms: u64) {
        let is_new = !self.lines.contains_key(&asker.line);
        // Without a ticket and a line there is no queue, and no speed to measure.
        if is_new && (asker.ticket.is_none() || self.lines.len() >= LINES_MAX) {
            return;
        }
        let line = self.lines.entry(asker.line).or_default();
        line.admitted[(self.swept_s % SPEED_SECONDS) as usize] += 1;
        if let Some(waiter) = place.and_then(|place| line.waiting.remove(place)) {
            forget(&mut self.networks, &mut self.count, waiter.network);
        }
        if let Some(ticket) = asker.ticket.filter(|_| self.used.len() < USED_MAX) {
            // Until it expires: after that, nobody takes it.
            let expires_ms = ticket.leaves_ms.saturating_sub(now_ms.wrapping_add(self.wall_ahead_ms));
            let used = self.used.entry(id).or_insert(Used { times: 0, until_ms: now_ms + expires_ms });
            used.times = used.times.saturating_add(1);
        }
    }

    /// A ticket has admitted its client, but the client was not told.
    pub(super) fn give_back(&mut self, ticket: u64) {
        if let Some(used) = self.used.get_mut(&ticket) {
            used.times = used.times.saturating_sub(1);
        }
    }

    fn wait(&mut self, line: u64, found: Result<usize, usize>, waiter: Waiter) -> Result<(), Crowded> {
        if let Ok(place) = found {
            let known = &mut self.lines.get_mut(&line).expect("a waiter was found in it").waiting[place];
            known.leaves_ms = known.leaves_ms.max(waiter.leaves_ms);
            return Ok(());
        }
        let of_network = self.networks.get(&waiter.network).copied().unwrap_or(0);
        if of_network >= self.settings.most_per_network {
            return Err(Crowded::Network);
        }
        if self.count >= self.settings.most || (self.lines.len() >= LINES_MAX && !self.lines.contains_key(&line)) {
            return Err(Crowded::All);
        }
        let (Ok(place) | Err(place)) = found;
        self.lines.entry(line).or_default().waiting.insert(place, waiter);
        self.networks.insert(waiter.network, of_network + 1);
        self.count += 1;
        Ok(())
    }

    /// Clients that are far from their turn ask less often.
    fn poll_s(&self, ahead: u64) -> u64 {
        let times = match ahead {
            0..1_000 => 1,
            1_000..10_000 => 2,
            _ => 4,
        };
        u64::from(self.settings.poll_secs) * times
    }
}

impl Default for Line {
    fn default() -> Line {
        Line { waiting: VecDeque::new(), admitted: [0; SPEED_SECONDS as usize] }
    }
}

impl Line {
    fn find(&self, first_ms: u64, id: u64) -> Result<usize, usize> {
        self.waiting.binary_search_by_key(&(first_ms, id), |waiter| (waiter.first_ms, waiter.id))
    }

    /// Clients that were admitted per second.
    fn speed(&self) -> f64 {
        f64::from(self.admitted.iter().sum::<u32>()) / SPEED_SECONDS as f64
    }
}

/// One client of a network does not wait any more.
fn forget(networks: &mut HashMap<u64, u32>, count: &mut u32, network: u64) {
    *count -= 1;
    let left = networks.get_mut(&network).expect("a waiter's network is counted");
    *left -= 1;
    if *left == 0 {
        networks.remove(&network);
    }
}

#[cfg(test)]
mod tests;
