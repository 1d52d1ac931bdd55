//! The balancers, and how clients ask them.

use super::client::Client;
use super::server::{Base, PREFIX};
use crate::balancer::{Ask, Balancer, Decision, FAILED_MAX, Outcome, Policy, Request};
use crate::clock::Clock;
use crate::model::{Name, RunId};
use crate::registry::{DirectoryReader, Keys, follow};
use crate::store::{MemoryStore, Store};
use tokio::time::Instant;

/// How many there are.
pub(super) const BALANCERS: usize = 2;

/// A balancer, and its end of the store.
pub(super) struct Asked {
    balancer: Balancer,
    directory: DirectoryReader,
    pub store: MemoryStore,
    clock: Clock,
    started: Instant,
}

/// What a balancer answers a client.
pub(super) enum Advice {
    /// It plays at this host.
    Host(Name, RunId),
    /// It asks again.
    Wait,
}

impl Asked {
    /// One that starts now and knows nothing yet.
    pub(super) fn start(base: &Base, seed: u64, clock: Clock) -> Asked {
        let store = base.store.client();
        let policy = Policy { balancers: BALANCERS as u32, ..Policy::default() };
        let directory = follow(Store::Memory(store.clone()), Keys::new(PREFIX), seed);
        Asked { balancer: Balancer::new(policy, 0), directory, store, clock, started: Instant::now() }
    }

    /// Where a client goes. `random` is any number.
    pub(super) fn ask(&mut self, client: &mut Client, random: u64) -> Advice {
        let request = Request { failed: client.failed.clone(), ..Request::default() };
        let number = client.number as u64;
        let (has_account, ticket) = (client.account.is_some(), client.ticket.take());
        let ask = Ask { request, network: number, holder: number, has_account, ticket };
        match self.decide(&ask, random).outcome {
            Outcome::Host(host) => Advice::Host(host.name, host.run.expect("a host that is ready has a run")),
            Outcome::Waits(waits) => {
                client.ticket = Some(waits.ticket);
                Advice::Wait
            }
            // Hosts that it could not reach may be back.
            Outcome::Refused(_) => {
                client.failed.clear();
                Advice::Wait
            }
        }
    }

    /// A client could not enter at this host.
    pub(super) fn failed(&mut self, client: &mut Client, host: Name) {
        self.balancer.report(&host, client.number as u64, self.now_ms());
        client.failed.truncate(FAILED_MAX - 1);
        client.failed.insert(0, host);
    }

    /// Where a client without a past goes.
    pub(super) fn decide(&mut self, ask: &Ask, random: u64) -> Decision {
        if self.directory.directory.has_changed().unwrap_or(false) {
            let directory = self.directory.directory.borrow_and_update().clone();
            self.balancer.set_directory(&directory);
        }
        let now_ms = self.now_ms();
        self.balancer.set_clock(now_ms, self.clock.now_ms());
        self.balancer.route(ask, now_ms, random)
    }

    /// Milliseconds since its start.
    fn now_ms(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }
}
