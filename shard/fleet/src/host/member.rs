//! The task that keeps the registration current.

use super::log::StandingLog;
use super::settings::described;
use crate::model::{Host, Orders};
use crate::registry::membership::{Membership, MembershipCounters, MembershipStep, Standing};
use crate::registry::{DirectoryReader, Keys, follow_host};
use crate::store::{Store, StoreError};
use ringshard::ops::host::HostStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Time between two looks at the server. A drain is in the registry after that.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// The server, as the task sees it.
pub(super) trait Server: Send {
    /// What it says about itself.
    fn status(&self) -> HostStatus;
    /// Makes it drain.
    fn drain(&self);
    /// Ends it.
    #[cfg(any(test, feature = "nats"))]
    fn stop(&self);
}

/// What others see of the registration.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    pub host: Host,
    pub orders: Orders,
    pub standing: Standing,
    pub counters: MembershipCounters,
    /// When the clock of `standing` began.
    pub started: Instant,
    /// Until when the registry certainly has this host, on that clock.
    pub registered_until: Option<Duration>,
}

impl Shown {
    /// Whether the registry certainly has this host for `margin` from now.
    #[cfg(any(test, feature = "nats"))]
    pub(super) fn is_registered_for(&self, margin: Duration) -> bool {
        self.registered_until.is_some_and(|until| Instant::now() + margin < self.started + until)
    }

    /// Whether the registry certainly has this host now.
    pub(super) fn is_registered(&self) -> bool {
        self.registered_until.is_some_and(|until| Instant::now() < self.started + until)
    }
}

/// The task that keeps the registration current.
pub(super) struct Member<S> {
    server: S,
    store: Store,
    membership: Membership,
    own: DirectoryReader,
    /// Becomes true when the host is to leave.
    stop: watch::Receiver<bool>,
    started: Instant,
    log: StandingLog,
    shown: Arc<Mutex<Shown>>,
}

impl<S: Server> Member<S> {
    /// For this server, in this store, under leases of `lease`. `host` has what does not change.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(super) fn new(
        server: S,
        store: Store,
        keys: Keys,
        host: Host,
        lease: Duration,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let seed = host.run.map_or(0, |run| run.0);
        let own = follow_host(store.clone(), keys.clone(), &host.name, seed);
        let membership = Membership::new(keys, host.clone(), lease, seed);
        let started = Instant::now();
        let shown = Shown {
            host,
            orders: Orders::default(),
            standing: Standing::Joining,
            counters: MembershipCounters::default(),
            started,
            registered_until: None,
        };
        let (log, shown) = (StandingLog::new(lease), Arc::new(Mutex::new(shown)));
        Member { server, store, membership, own, stop, started, log, shown }
    }

    pub(super) fn shown(&self) -> &Arc<Mutex<Shown>> {
        &self.shown
    }

    /// Runs until the host has left.
    pub(super) async fn run(mut self) {
        loop {
            self.look();
            let step = self.membership.next(self.now());
            self.show();
            match step {
                MembershipStep::Left => return,
                MembershipStep::Wait(until) => self.wait(until).await,
                MembershipStep::Ask(request) => {
                    let store = self.store.clone();
                    let answer = match self.is_leaving() {
                        true => request.send(&store).await,
                        false => tokio::select! {
                            biased;
                            answer = request.send(&store) => answer,
                            () = stopped(&mut self.stop) => Err(StoreError::Unavailable("the server ends".into())),
                        },
                    };
                    self.membership.answered(self.now(), answer);
                }
            }
            if self.is_leaving() {
                self.membership.leave();
            }
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// If nobody can say any more that the host is to leave, it is.
    fn is_leaving(&self) -> bool {
        *self.stop.borrow() || self.stop.has_changed().is_err()
    }

    async fn wait(&mut self, until: Duration) {
        let until = (self.started + until).min(Instant::now() + LOOK_INTERVAL);
        tokio::select! {
            biased;
            () = stopped(&mut self.stop) => {}
            () = sleep_until(until) => {}
        }
    }

    /// Compares the server and the registry with what is registered.
    fn look(&mut self) {
        let directory = self.own.latest();
        let host = self.membership.host();
        let orders = directory.orders.get(&host.name).cloned().unwrap_or_default();
        if directory.revision > 0 {
            self.membership.seen(directory.revision, directory.hosts.get(&self.membership.host().name));
        }
        let mut host = described(self.membership.host(), self.server.status());
        if orders.drains(&host) && host.state != crate::model::HostState::Draining {
            let order = orders.drain.as_ref().map(|drain| &drain.order);
            let (by, reason) = order.map_or(("", ""), |order| (&order.by, &order.reason));
            tracing::warn!(by, reason, "the fleet's operator drains this host");
            self.server.drain();
        }
        host.state = orders.state_of(&host);
        self.log.maintenance(orders.maintenance.as_ref());
        self.membership.set_host(host);
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).orders = orders;
    }

    fn show(&mut self) {
        let now = self.now();
        self.log.standing(now, self.membership.host(), self.membership.standing());
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.host.clone_from(self.membership.host());
        shown.standing.clone_from(self.membership.standing());
        shown.counters = self.membership.counters();
        shown.registered_until = self.membership.registered_until();
    }
}

/// Waits until the host is to leave.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
