//! The balancer: everything that one instance knows, and its decisions.

use super::decision::{Decision, Outcome, Refused, Taken};
use super::fit::{Fit, Need, Tally};
use super::hash;
use super::index::Index;
use super::live::{self, HELD_PER_NETWORK_MAX, HOLD_SECONDS, Live, PARTY_HOLD_SECONDS};
use super::order;
use super::passes::{PASS_MS, Passes};
use super::pick::pick;
use super::policy::{Overflow, Policy};
use super::queue::{Asker, Crowded, Offer, Queue, Ticket, Turn};
use super::request::{PARTY_SIZE_MAX, Party, Request};
use super::seal::Pass;
use super::step::Step;
use crate::model::{Directory, Name};
use std::net::IpAddr;
use std::sync::Arc;

/// A balancer. It reads no clock and no socket: the time and chance come in as arguments.
#[derive(Debug)]
pub struct Balancer {
    pub(super) policy: Policy,
    pub(super) index: Arc<Index>,
    pub(super) live: Live,
    queue: Queue,
    passes: Passes,
    /// What to add, wrapping, to the time of decisions for the time since 1970.
    wall_ahead_ms: u64,
}

/// A request, and who makes it.
#[derive(Clone, PartialEq, Debug)]
pub struct Ask {
    /// What the client asks for.
    pub request: Request,
    /// The client's network, hashed by [`network_hash`].
    pub network: u64,
    /// Hash of the client's account; without one, of its network. A queue ticket is bound to it.
    pub holder: u64,
    /// The queue ticket that the client shows. Its signature has been checked.
    pub ticket: Option<Ticket>,
    /// Whether the client's answer hangs on a login door, which knows its account. Then more places are held for its party.
    pub has_account: bool,
}

/// The hash of a network, as [`Ask`] has it.
pub fn network_hash(network: IpAddr) -> u64 {
    live::network_hash(network)
}

/// What the first look at the hosts found.
struct Found {
    reach: Vec<u32>,
    /// Hosts of the first region that has any for the client.
    fitting: Vec<u32>,
}

impl Balancer {
    /// A balancer without hosts. `now_ms` is the time in milliseconds, as everywhere here: by a clock that is never set.
    pub fn new(policy: Policy, now_ms: u64) -> Balancer {
        let index = Arc::new(Index::new(&Arc::default(), &policy));
        let live = Live::new(&index);
        let queue = Queue::new(policy.waiting.clone(), now_ms);
        Balancer { policy, index, live, queue, passes: Passes::default(), wall_ahead_ms: 0 }
    }

    /// Takes a new directory.
    pub fn set_directory(&mut self, directory: &Arc<Directory>) {
        self.renew(directory);
    }

    /// Takes a new policy.
    pub fn set_policy(&mut self, policy: Policy) {
        self.queue.set(policy.waiting.clone());
        self.policy = policy;
        let directory = Arc::clone(&self.index.directory);
        self.renew(&directory);
    }

    fn renew(&mut self, directory: &Arc<Directory>) {
        let index = Index::new(directory, &self.policy);
        self.live.carry_over(&self.index, &index, self.policy.balancers);
        self.index = Arc::new(index);
    }

    /// Says what milliseconds since 1970 it is at `now_ms`. Balancers put that time into tickets and passes for each other, so it
    /// may be set, also back. Until this is called, both are the same.
    pub fn set_clock(&mut self, now_ms: u64, wall_ms: u64) {
        self.wall_ahead_ms = wall_ms.wrapping_sub(now_ms);
        self.queue.wall_ahead_ms = self.wall_ahead_ms;
    }

    /// The policy in use.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The directory in use.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.index.directory
    }

    /// Clients that wait, as far as this balancer knows.
    pub fn waiting(&self) -> u32 {
        self.queue.waiting()
    }

    /// Hosts that are avoided because clients cannot reach them.
    pub fn suspects(&self, now_ms: u64) -> usize {
        self.live.suspects(now_ms)
    }

    /// A client could not reach a host that a balancer sent it to. Says whether the host is avoided from now on.
    pub fn report(&mut self, host: &Name, network: u64, now_ms: u64) -> bool {
        let needed = self.policy.failure_reports;
        let number = self.index.host_number(host);
        number.is_some_and(|number| self.live.report(&self.index, number, network, needed, now_ms))
    }

    /// Decides where a client goes, and holds its place there for 10 s, those of a party for 30 s: at most 32 places per network.
    /// `random` is any number.
    pub fn route(&mut self, ask: &Ask, now_ms: u64, random: u64) -> Decision {
        self.advance(now_ms);
        let (mut why, mut taken) = (Vec::with_capacity(8), Taken::default());
        let outcome = self.decide(ask, now_ms, random, &mut why, &mut taken);
        Decision { outcome, why, taken }
    }

    /// A copy that answers this question as the balancer would, and no other one. What cannot change the answer is left out: a
    /// copy of everything would keep clients waiting for milliseconds.
    pub(crate) fn copy_for(&self, ask: &Ask, now_ms: u64) -> Balancer {
        let pass = match &ask.request.party {
            Some(Party::Member(pass)) => Some(pass),
            Some(Party::Founder { .. }) | None => None,
        };
        Balancer {
            policy: self.policy.clone(),
            index: Arc::clone(&self.index),
            live: self.live.copy(),
            queue: self.queue.copy_for(ask.ticket.as_ref()),
            passes: self.passes.copy_for(pass, now_ms),
            wall_ahead_ms: self.wall_ahead_ms,
        }
    }

    /// Forgets what is over by now.
    pub(super) fn advance(&mut self, now_ms: u64) {
        self.live.advance(now_ms);
        self.queue.advance(now_ms);
        self.passes.advance(now_ms);
    }

    /// The client does not get the answer of a decision: what the decision took is free again.
    pub fn give_back(&mut self, taken: Taken, now_ms: u64) {
        self.live.advance(now_ms);
        if let Some((host, hold)) = taken.hold {
            self.live.give_back(self.index.host_number(&host), hold);
        }
        if let Some((pass, was_held)) = taken.used {
            self.passes.give_back(&pass, was_held);
        }
        if let Some(pass) = taken.founded {
            self.passes.forget(&pass);
        }
        if let Some(ticket) = taken.ticket {
            self.queue.give_back(ticket);
        }
    }

    fn decide(&mut self, ask: &Ask, now_ms: u64, random: u64, why: &mut Vec<Step>, taken: &mut Taken) -> Outcome {
        if let Some(Party::Member(pass)) = &ask.request.party
            && let Some(number) = self.party_host(&ask.request, pass, now_ms, why)
        {
            self.take_party_place(ask, pass, number, now_ms, taken);
            return self.at(number);
        }
        let mut found = match self.look(&ask.request, now_ms, why) {
            Ok(found) => found,
            Err(refused) => return Outcome::Refused(refused),
        };
        if let Some(host) = self.companions(&ask.request, now_ms) {
            found.fitting = vec![host];
        }
        if let Some(outcome) = self.gate(ask, &found, now_ms, random, (why, taken)) {
            return outcome;
        }
        let parts = (&*self.index, &self.live, &self.policy);
        let host = pick(parts, &ask.request, &found.fitting, random, why);
        self.hold(ask, host, now_ms, taken);
        self.at(host)
    }

    /// Holds the places of a newcomer, or of a party whose founder it is.
    fn hold(&mut self, ask: &Ask, number: u32, now_ms: u64, taken: &mut Taken) {
        let host = self.index.host(number).name.clone();
        let Some(Party::Founder { id, size }) = ask.request.party else {
            taken.hold = Some((host, self.live.hold(number, ask.network, 1, HELD_PER_NETWORK_MAX, HOLD_SECONDS)));
            return;
        };
        let most = if ask.has_account { PARTY_SIZE_MAX } else { HELD_PER_NETWORK_MAX };
        let hold = self.live.hold(number, ask.network, size, most, PARTY_HOLD_SECONDS);
        let until_ms = now_ms.wrapping_add(self.wall_ahead_ms) + PASS_MS;
        let pass = Pass { party: id, size, until_ms, host: host.clone() };
        self.passes.found(&pass, hold.places, now_ms);
        (taken.hold, taken.founded) = (Some((host, hold)), Some(pass));
    }

    /// A member comes to its party: to one of the places that are held, or to a free one.
    fn take_party_place(&mut self, ask: &Ask, pass: &Pass, number: u32, now_ms: u64, taken: &mut Taken) {
        let wall_ms = now_ms.wrapping_add(self.wall_ahead_ms);
        let places = self.passes.places(pass, now_ms, wall_ms).expect("the host was found by them");
        let was_held = self.passes.take(pass, places);
        taken.used = Some((pass.clone(), was_held));
        if !was_held {
            let hold = self.live.hold(number, ask.network, 1, HELD_PER_NETWORK_MAX, HOLD_SECONDS);
            taken.hold = Some((pass.host.clone(), hold));
        }
    }

    /// The host of a member's party, if it has a place for newcomers.
    fn companions(&self, request: &Request, now_ms: u64) -> Option<u32> {
        let Some(Party::Member(pass)) = &request.party else { return None };
        let number = self.index.host_number(&pass.host)?;
        let need = Need::new(&self.index, &self.live, &self.policy, request, now_ms);
        (need.of(number).0 == Fit::Fits).then_some(number)
    }

    fn at(&self, host: u32) -> Outcome {
        Outcome::Host(Box::new(self.index.record(host).clone()))
    }

    /// The host of a party's pass, if members pass the queue there. They may use the reserve.
    fn party_host(&self, request: &Request, pass: &Pass, now_ms: u64, why: &mut Vec<Step>) -> Option<u32> {
        let host = &pass.host;
        let Some(number) = self.index.host_number(host) else {
            why.push(Step::PartyHostGone { host: host.clone() });
            return None;
        };
        let places = self.passes.places(pass, now_ms, now_ms.wrapping_add(self.wall_ahead_ms));
        let Some(places) = places.filter(|places| places.left > 0) else {
            why.push(if places.is_some() { Step::PassUsed } else { Step::PassUnpaid });
            return None;
        };
        let need = Need::new(&self.index, &self.live, &self.policy, request, now_ms);
        let fit = match need.before_places(number) {
            Fit::Fits if !need.has_any_place(number, places.held > 0) => Fit::Full,
            fit => fit,
        };
        if fit == Fit::Fits {
            why.push(Step::PartyPass { host: host.clone() });
            return Some(number);
        }
        why.push(Step::PartyHostUnfit { host: host.clone(), fit: fit.name() });
        None
    }

    /// Finds the first region with hosts for the client.
    fn look(&self, request: &Request, now_ms: u64, why: &mut Vec<Step>) -> Result<Found, Refused> {
        let order = order::regions(&self.index, &self.policy, request, why);
        if order.is_empty() && !self.index.regions.is_empty() {
            return Err(Refused::Closed);
        }
        let reach = order::reach(&self.index, &self.policy, order);
        let need = Need::new(&self.index, &self.live, &self.policy, request, now_ms);
        let mut sum = Tally::default();
        for region in reach.iter().copied() {
            let (tally, fitting) = need.survey(region);
            why.push(Step::Region { region: self.index.region(region).name.clone(), tally });
            if !fitting.is_empty() {
                return Ok(Found { reach, fitting });
            }
            sum.add(tally);
        }
        match refusal(&sum) {
            Some(refused) => Err(refused),
            None if !self.policy.queue => Err(Refused::Full),
            None => Ok(Found { reach, fitting: Vec::new() }),
        }
    }

    /// What the queue says, if the client must ask it. None: the client may go on.
    fn gate(
        &mut self,
        ask: &Ask,
        found: &Found,
        now_ms: u64,
        random: u64,
        (why, taken): (&mut Vec<Step>, &mut Taken),
    ) -> Option<Outcome> {
        if !self.policy.queue {
            return None;
        }
        let line = self.line(&ask.request, &found.reach);
        let has_host = !found.fitting.is_empty();
        let ticket = self.valid_ticket(ask, now_ms, why);
        if has_host && ticket.is_none() && !self.queue.guards(line, now_ms) {
            return None;
        }
        let offer = self.offer(&ask.request, found, now_ms);
        let Ask { network, holder, .. } = *ask;
        let asker = Asker { line, holder, network, ticket, random: hash::mix(random), needs: ask.request.places() };
        match self.queue.ask(&asker, &offer, now_ms) {
            Turn::Admitted => {
                if let Some(ticket) = ticket {
                    taken.ticket = Some(ticket.id);
                    why.push(Step::Admitted { places: offer.places });
                }
                None
            }
            Turn::Waits(waits) => {
                if waits.is_learning {
                    why.push(Step::Learning);
                }
                why.push(Step::Waits { ahead: waits.position - 1, places: offer.places });
                Some(Outcome::Waits(waits))
            }
            Turn::Refused(Crowded::All) => Some(Outcome::Refused(Refused::QueueFull)),
            Turn::Refused(Crowded::Network) => Some(Outcome::Refused(Refused::NetworkQueueFull)),
        }
    }

    fn valid_ticket(&self, ask: &Ask, now_ms: u64, why: &mut Vec<Step>) -> Option<Ticket> {
        let ticket = ask.ticket?;
        let fault = self.queue.fault(&ticket, ask.holder, now_ms);
        if let Some(fault) = fault {
            why.push(Step::TicketRefused { why: fault });
        }
        fault.is_none().then_some(ticket)
    }

    /// The places of all regions in reach.
    fn offer(&self, request: &Request, found: &Found, now_ms: u64) -> Offer {
        let need = Need::new(&self.index, &self.live, &self.policy, request, now_ms);
        let (mut places, mut places_in_all) = (0, 0);
        for region in found.reach.iter().copied() {
            places += need.places(region).1;
            places_in_all +=
                self.index.hosts_of(region).map(|host| u64::from(self.index.host(host).places)).sum::<u64>();
        }
        Offer { places, places_in_all, has_host: !found.fitting.is_empty(), balancers: self.policy.balancers }
    }

    /// Clients that wait for the same hosts stand in one line: those of one contract, and of one region unless all regions are
    /// in reach. All balancers number lines alike.
    fn line(&self, request: &Request, reach: &[u32]) -> u64 {
        let contract = request.contract.as_deref().map_or(0, hash::of_name);
        match (self.policy.overflow, reach.first()) {
            (Overflow::Next, _) | (_, None) => contract,
            (_, Some(first)) => hash::mix(contract ^ hash::of_name(self.index.region(*first).name.as_str())),
        }
    }
}

/// Why none of these hosts will take the client soon. None: one may.
fn refusal(sum: &Tally) -> Option<Refused> {
    if sum.hosts() == 0 {
        return Some(Refused::NoHosts);
    }
    if sum.for_now() > 0 {
        return None;
    }
    if sum.of(Fit::TooSmall) > 0 {
        Some(Refused::PartyTooLarge)
    } else if sum.of(Fit::OtherContract) > 0 {
        Some(Refused::OtherContract)
    } else {
        Some(Refused::Unavailable)
    }
}
