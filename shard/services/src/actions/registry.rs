//! The registry of actions: one, for all doors.

use super::action::Action;
use super::breaker::Circuit;
use super::caller::Caller;
use super::counters::Counters;
use super::handler::{self, Handler};
use super::once::{Calls, Keys};
use super::outcome::Failure;
use super::pool::Pool;
use super::rates::Rates;
use super::running::RunningCalls;
use ringshard_requests::message::is_path;
use ringshard_requests::value::{Schema, Typed};
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// An action, its types, its handler and how much of it is in use.
pub(super) struct Registered {
    pub action: Action,
    pub request: Schema,
    pub answer: Schema,
    pub handler: Handler,
    pub rates: Rates,
    pub circuit: Circuit,
    /// A permit for each call that may be executed.
    pub room: Semaphore,
    /// A permit for each call that may wait.
    pub waiting: Semaphore,
}

/// Collects actions.
#[derive(Default)]
pub struct Builder {
    actions: BTreeMap<&'static str, Registered>,
}

/// All actions of a server. Cheap to clone.
#[derive(Clone)]
pub struct Actions {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub actions: BTreeMap<&'static str, Registered>,
    pub counters: Counters,
    pub running: RunningCalls,
    /// The calls of clients that repeat them, and those over HTTPS with a key.
    pub calls: Mutex<Calls>,
    pub keys: Mutex<Keys>,
    /// Of the last connection.
    pub connection: AtomicU64,
    pub start: Instant,
}

/// Why a limit was not changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no action with this path; /v1/actions lists them")]
pub struct NoAction;

impl Builder {
    /// Adds an action. `handler` gets the caller and the request, and returns the answer or a [`Failure`].
    ///
    /// The handler runs at most once per call. It must not block its thread: see [`Builder::add_blocking`].
    ///
    /// # Panics
    /// If the path is invalid or taken, or a limit is impossible.
    pub fn add<Q, A, F>(
        &mut self,
        action: Action,
        handler: impl Fn(Caller, Q) -> F + Send + Sync + Clone + 'static,
    ) -> &mut Self
    where
        Q: Typed + Send + 'static,
        A: Typed,
        F: Future<Output = Result<A, Failure>> + Send + 'static,
    {
        let path = action.path;
        let limits = action.limits;
        assert!(is_path(path), "{path:?} is no path of an action");
        assert!(limits.parallel > 0, "{path}: no call may be executed");
        let registered = Registered {
            action,
            request: Q::schema(),
            answer: A::schema(),
            handler: handler::erased(handler),
            rates: Rates::new(limits.per_second, limits.burst),
            circuit: Circuit::new(limits.breaker),
            room: Semaphore::new(limits.parallel),
            waiting: Semaphore::new(limits.waiting),
        };
        let former = self.actions.insert(path, registered);
        assert!(former.is_none(), "there are two actions at {path}");
        self
    }

    /// Adds an action whose handler blocks its thread, such as one that uses a database: it runs on a thread of `pool`.
    ///
    /// # Panics
    /// As [`Builder::add`].
    pub fn add_blocking<Q, A>(
        &mut self,
        action: Action,
        pool: &Pool,
        handler: impl Fn(Caller, Q) -> Result<A, Failure> + Send + Sync + Clone + 'static,
    ) -> &mut Self
    where
        Q: Typed + Send + 'static,
        A: Typed + Send + 'static,
    {
        let pool = pool.clone();
        self.add(action, move |caller, request: Q| {
            let (pool, handler) = (pool.clone(), handler.clone());
            async move { pool.run(caller, move |caller| handler(caller, request)).await }
        })
    }

    /// The actions, as they were added.
    pub(super) fn finish(self) -> Actions {
        let inner = Inner {
            actions: self.actions,
            counters: Counters::default(),
            running: RunningCalls::default(),
            calls: Mutex::default(),
            keys: Mutex::default(),
            connection: AtomicU64::new(0),
            start: Instant::now(),
        };
        Actions { inner: Arc::new(inner) }
    }

    /// The actions that were added, in the order of their paths.
    pub(super) fn actions(&self) -> impl Iterator<Item = &Registered> {
        self.actions.values()
    }
}

impl Actions {
    /// Collects actions.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Changes how often one client may call an action, from now on.
    ///
    /// # Errors
    /// If there is no such action.
    pub fn set_rate(&self, path: &str, per_second: f64, burst: u32) -> Result<(), NoAction> {
        let registered = self.inner.actions.get(path).ok_or(NoAction)?;
        registered.rates.set(per_second, burst);
        Ok(())
    }

    /// Gives all actions the rates that they were declared with, and those of `rates` theirs instead: calls per second of one
    /// client. A client may make as many at once as in two seconds.
    ///
    /// # Errors
    /// The first path that no action has. The others have their rates.
    pub fn set_rates<'a>(&self, rates: &'a [(String, f64)]) -> Result<(), &'a str> {
        for registered in self.inner.actions.values() {
            let limits = registered.action.limits;
            registered.rates.set(limits.per_second, limits.burst);
        }
        let is_unknown = |(path, rate): &&(String, f64)| {
            let burst = (2.0 * rate).ceil().max(1.0) as u32;
            self.set_rate(path, *rate, burst).is_err()
        };
        let unknown: Vec<_> = rates.iter().filter(is_unknown).collect();
        unknown.first().map_or(Ok(()), |(path, _)| Err(path))
    }

    /// The counters.
    pub fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    /// Calls `each` with the name and the value of each metric: the counters, and what is in use now.
    pub fn each_figure(&self, each: &mut dyn FnMut(&'static str, u64)) {
        self.inner.counters.each(each);
        let suspended = self.inner.actions.values().filter(|registered| registered.circuit.is_open()).count();
        each("services_actions_suspended", suspended as u64);
        each("services_actions_running", self.running());
        let calls = self.inner.calls.lock().expect("no thread panics with the lock");
        each("services_actions_clients", calls.clients() as u64);
        each("services_actions_clients_forgotten", calls.clients_forgotten);
        each("services_actions_outcome_bytes", calls.bytes() as u64);
        each("services_actions_outcomes_forgotten_early", calls.outcomes_forgotten_early);
    }
}
