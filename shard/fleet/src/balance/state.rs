//! What all requests share.

use super::audit::Audit;
use super::clock;
use super::counters::Counters;
use super::draining::Draining;
use super::fleet::Fleet;
use super::flows::Flows;
use super::login::Login;
use super::places::{Places, Rates};
use super::settings::Settings;
use super::tokens::Tokens;
use crate::balancer::{Ask, Balancer, Decision, Explanation, Outcome, Refused, Seal, Step, Whereabouts};
use crate::location::Locator;
use crate::registry::Freshness;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;
use tokio::sync::watch;

/// What all requests share.
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) counters: Counters,
    /// Clients sent nowhere, by reason, in the order of [`Refused::ALL`].
    refusals: [AtomicU64; Refused::ALL.len()],
    balancer: Mutex<Balancer>,
    flows: Mutex<Flows>,
    pub(super) seal: Seal,
    pub(super) locator: Option<Locator>,
    tokens: RwLock<Option<Arc<Tokens>>>,
    pub(super) audit: Audit,
    pub(super) login: Option<Login>,
    pub(super) fleet: Fleet,
    /// How current the directory is.
    pub(super) freshness: watch::Receiver<Freshness>,
    pub(super) places: Arc<Places>,
    pub(super) rates: Rates,
    pub(super) drains: Draining,
    pub(super) started: Instant,
    /// Numbers for decisions: no secret hangs on them.
    random: AtomicU64,
}

/// What an instance is made of, beside its settings.
pub(super) struct Parts {
    pub(super) balancer: Balancer,
    pub(super) seal: Seal,
    pub(super) locator: Option<Locator>,
    pub(super) tokens: Option<Tokens>,
    pub(super) audit: Audit,
    pub(super) login: Option<Login>,
    pub(super) drains: Draining,
    pub(super) random: u64,
}

impl State {
    pub(super) fn new(settings: Settings, fleet: Fleet, freshness: watch::Receiver<Freshness>, parts: Parts) -> State {
        State {
            counters: Counters::default(),
            refusals: Default::default(),
            balancer: Mutex::new(parts.balancer),
            flows: Mutex::default(),
            seal: parts.seal,
            locator: parts.locator,
            tokens: RwLock::new(parts.tokens.map(Arc::new)),
            audit: parts.audit,
            login: parts.login,
            fleet,
            freshness,
            places: Places::new(settings.limits.clone()),
            rates: Rates::new(settings.limits.clone()),
            drains: parts.drains,
            started: Instant::now(),
            random: AtomicU64::new(parts.random),
            settings,
        }
    }

    /// The balancer. Nothing waits for anything while it is held.
    pub(super) fn balancer(&self) -> MutexGuard<'_, Balancer> {
        self.balancer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn flows(&self) -> MutexGuard<'_, Flows> {
        self.flows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tokens(&self) -> Option<Arc<Tokens>> {
        self.tokens.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_tokens(&self, tokens: Tokens) {
        *self.tokens.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(tokens));
    }

    /// A number for a decision.
    pub(super) fn random(&self) -> u64 {
        // The balancer spreads it over all bits.
        self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
    }

    /// Where an address is.
    pub(super) fn whereabouts(&self, address: IpAddr) -> Whereabouts {
        let database = self.locator.as_ref().and_then(|locator| locator.borrow().clone());
        let Some(database) = database else { return Whereabouts::NoDatabase };
        database.locate(address).map_or(Whereabouts::Unknown, Whereabouts::At)
    }

    /// Milliseconds since the start, by a clock that is never set: for decisions. What clients carry has the time since 1970.
    pub(super) fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    /// Decides, and counts.
    pub(super) fn route(&self, ask: &Ask) -> Decision {
        let (now_ms, random) = (self.now_ms(), self.random());
        let mut balancer = self.balancer();
        balancer.set_clock(now_ms, clock::now_ms());
        let decision = balancer.route(ask, now_ms, random);
        drop(balancer);
        if decision.why.iter().any(|step| matches!(step, Step::TicketRefused { .. } | Step::PassUsed)) {
            self.counters.stale.count();
        }
        match &decision.outcome {
            Outcome::Host(_) => self.counters.routed.count(),
            Outcome::Waits(_) => self.counters.queued.count(),
            Outcome::Refused(refused) => {
                self.counters.refused.count();
                self.refusals[*refused as usize].fetch_add(1, Ordering::Relaxed);
            }
        }
        self.flows().count(ask.request.place, &decision.outcome, now_ms);
        decision
    }

    /// What a route would decide now, in full. Not even the number of the next decision is used up.
    pub(super) fn explain(&self, ask: &Ask) -> Explanation {
        let (now_ms, random) = (self.now_ms(), self.random.load(Ordering::Relaxed));
        // Clients do not wait for the decision: only the copy needs the balancer.
        let copy = {
            let mut balancer = self.balancer();
            balancer.set_clock(now_ms, clock::now_ms());
            balancer.copy_for(ask, now_ms)
        };
        copy.into_explanation(ask, now_ms, random)
    }

    /// Clients sent nowhere, by reason.
    pub(super) fn refusals(&self) -> impl Iterator<Item = (Refused, u64)> {
        Refused::ALL.into_iter().zip(self.refusals.iter().map(|count| count.load(Ordering::Relaxed)))
    }

    pub(super) fn drains(&self) -> bool {
        self.drains.has_begun()
    }
}
