//! A host's registration: when to ask for a lease, claim the name, keep the lease alive and write what has changed. It does
//! no I/O: its driver carries out one [`Request`] after the other, and reports each [`Answer`].
//!
//! A host is registered while its record is in the store under its own lease. The record names the run of its server: so the
//! host recognises its own record when an answer was lost or a lease was, and takes no name from another live host.
//!
//! | file | has |
//! |---|---|
//! | `request` | [`Request`], [`Answer`] |
//! | `changes` | which changes of a host are worth a write, and when |
//! | `standing` | [`Standing`]: how the registration stands, in words |

mod changes;
mod request;
mod standing;
#[cfg(test)]
mod tests;

pub use request::{Answer, Request};
pub use standing::{MembershipCounters, Standing};

use super::{Backoff, Keys};
use crate::model::Host;
use crate::store::{Commit, Committed, Condition, Lease, Record, StoreError, Write};
use std::time::Duration;

/// What to do next.
#[derive(Clone, PartialEq, Debug)]
pub enum MembershipStep {
    /// Send this, and report the answer by [`Membership::answered`] before the next call of [`Membership::next`].
    Ask(Request),
    /// Nothing, until this time or until something is reported.
    Wait(Duration),
    /// The host has left the registry.
    Left,
}

/// The registration of one host.
#[derive(Clone, Debug)]
pub struct Membership {
    keys: Keys,
    lease_time: Duration,
    /// What the registry is to say.
    host: Host,
    lease: Option<HeldLease>,
    written: Option<Written>,
    /// How the name can be claimed.
    claim: Condition,
    asked: Option<Asked>,
    /// Nothing is asked before this time, because the store did not answer.
    retry_at: Duration,
    /// The name is not claimed before this time, because another host has it.
    claim_at: Duration,
    backoff: Backoff,
    standing: Standing,
    is_leaving: bool,
    counters: MembershipCounters,
}

#[derive(Clone, Copy, Debug)]
struct HeldLease {
    lease: Lease,
    renew_at: Duration,
    /// It has certainly not ended before this time.
    sure_until: Duration,
}

/// The record in the store, as far as this host knows.
#[derive(Clone, Debug)]
struct Written {
    revision: u64,
    host: Host,
    at: Duration,
}

/// What was asked, and when.
#[derive(Clone, Debug)]
struct Asked {
    at: Duration,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Grant,
    KeepAlive,
    /// Claims the name, or updates the record, with this content.
    Write(Box<Host>),
    Revoke,
}

impl Membership {
    /// The registration of `host`, which has a run, under leases of `lease_time`. `seed` spreads its waits.
    ///
    /// # Panics
    /// If the host has no run.
    pub fn new(keys: Keys, host: Host, lease_time: Duration, seed: u64) -> Self {
        assert!(host.run.is_some(), "a host that registers has a run");
        Membership {
            keys,
            lease_time,
            host,
            lease: None,
            written: None,
            claim: Condition::Absent,
            asked: None,
            retry_at: Duration::ZERO,
            claim_at: Duration::ZERO,
            // A host that comes back within a third of its lease keeps it.
            backoff: Backoff::new(lease_time / 3, seed),
            standing: Standing::Joining,
            is_leaving: false,
            counters: MembershipCounters::default(),
        }
    }

    /// What the registry is to say.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// Changes what the registry is to say. Name and run stay.
    pub fn set_host(&mut self, host: Host) {
        assert_eq!((&host.name, host.run), (&self.host.name, self.host.run), "a host keeps its name and its run");
        self.host = host;
    }

    /// How the registration stands.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// What it has counted.
    pub fn counters(&self) -> MembershipCounters {
        self.counters
    }

    /// Whether the registry certainly has this host: its record is written, and its lease cannot have ended.
    pub fn is_registered(&self, now: Duration) -> bool {
        self.registered_until().is_some_and(|until| now < until)
    }

    /// Until when the registry certainly has this host, unless its lease is kept alive before. None: it may not have it.
    pub fn registered_until(&self) -> Option<Duration> {
        self.written.as_ref().and(self.lease).map(|held| held.sure_until)
    }

    /// Leaves the registry: [`MembershipStep::Left`] follows.
    pub fn leave(&mut self) {
        self.is_leaving = true;
        self.retry_at = Duration::ZERO;
    }

    /// Notes what a watch shows at `revision`: the host that has the name, if any. If it is not this run, it claims again.
    pub fn seen(&mut self, revision: u64, host: Option<&Host>) {
        let is_lost =
            |written: &Written| revision >= written.revision && host.is_none_or(|host| host.run != self.host.run);
        if self.asked.is_none() && self.written.as_ref().is_some_and(is_lost) {
            self.written = None;
            self.claim = Condition::Absent;
            self.standing = Standing::Joining;
            self.counters.records_lost += 1;
        }
    }

    /// What to do now.
    ///
    /// # Panics
    /// If the answer to the last request was not reported.
    pub fn next(&mut self, now: Duration) -> MembershipStep {
        assert!(self.asked.is_none(), "the last request was not answered");
        if now < self.retry_at {
            return MembershipStep::Wait(self.retry_at);
        }
        let Some(held) = self.lease else {
            return match self.is_leaving {
                true => MembershipStep::Left,
                false => self.ask(now, What::Grant, Request::Grant(self.lease_time)),
            };
        };
        if self.is_leaving {
            return self.ask(now, What::Revoke, Request::Revoke(held.lease));
        }
        if now >= held.renew_at {
            return self.ask(now, What::KeepAlive, Request::KeepAlive(held.lease));
        }
        let write_at = match &self.written {
            None => Some(self.claim_at),
            Some(written) => changes::write_at(&written.host, written.at, &self.host),
        };
        match write_at {
            Some(at) if at <= now => self.write(now, held.lease),
            Some(at) => MembershipStep::Wait(at.min(held.renew_at)),
            None => MembershipStep::Wait(held.renew_at),
        }
    }

    fn ask(&mut self, at: Duration, what: What, request: Request) -> MembershipStep {
        self.asked = Some(Asked { at, what });
        MembershipStep::Ask(request)
    }

    fn write(&mut self, now: Duration, lease: Lease) -> MembershipStep {
        let key = self.keys.record(&self.host.name);
        let value = serde_json::to_vec(&self.host).expect("a host is plain data");
        let condition = self.written.as_ref().map_or(self.claim, |written| Condition::Modified(written.revision));
        let write = Write::Put { value, lease: Some(lease) };
        let commit = Commit { conditions: vec![(key.clone(), condition)], writes: vec![(key, write)] };
        self.ask(now, What::Write(Box::new(self.host.clone())), Request::Commit(commit))
    }

    /// The answer to the last request.
    ///
    /// # Panics
    /// If nothing was asked, or something else.
    pub fn answered(&mut self, now: Duration, answer: Result<Answer, StoreError>) {
        let Asked { at, what } = self.asked.take().expect("an answer follows a request");
        match (what, answer) {
            (What::Grant, Ok(Answer::Granted(lease))) => self.renewed(at, lease),
            (What::KeepAlive, Ok(Answer::Kept)) => {
                let held = self.lease.expect("a lease that is kept alive is held");
                self.renewed(at, held.lease);
                if self.written.is_some() {
                    self.standing = Standing::Registered;
                }
            }
            (What::Write(host), Ok(Answer::Committed(Committed::Done { revision }))) => {
                match self.written {
                    None => self.counters.registrations += 1,
                    Some(_) => self.counters.updates += 1,
                }
                self.written = Some(Written { revision, host: *host, at });
                self.standing = Standing::Registered;
                self.backoff.reset();
            }
            (What::Write(_), Ok(Answer::Committed(Committed::Refused { found }))) => {
                self.refused(now, found.into_iter().next().flatten());
            }
            (What::Revoke, Ok(Answer::Revoked)) => (self.lease, self.written) = (None, None),
            // It cannot wait for a store that does not answer: the lease ends by itself.
            (What::Revoke, Err(_)) => (self.lease, self.written) = (None, None),
            (_, Err(StoreError::LeaseEnded)) => self.lease_ended(),
            (_, Err(error)) => self.failed(now, at, error),
            (what, Ok(answer)) => panic!("{answer:?} answers no {what:?}"),
        }
    }

    fn renewed(&mut self, asked_at: Duration, lease: Lease) {
        self.lease =
            Some(HeldLease { lease, renew_at: asked_at + self.lease_time / 3, sure_until: asked_at + self.lease_time });
        self.backoff.reset();
        if matches!(self.standing, Standing::Away { .. }) && self.written.is_none() {
            self.standing = Standing::Joining;
        }
    }

    /// The record is not what this host expected.
    fn refused(&mut self, now: Duration, found: Option<Record>) {
        self.written = None;
        let Some(record) = found else {
            self.claim = Condition::Absent;
            return;
        };
        let other: Option<Host> = serde_json::from_slice(&record.value).ok();
        if other.as_ref().is_some_and(|other| other.run == self.host.run) {
            // This run wrote it, under a lease that has ended, or in a request whose answer was lost.
            self.claim = Condition::Modified(record.modified);
            return;
        }
        self.claim = Condition::Absent;
        self.claim_at = now + self.lease_time / 3;
        self.counters.names_taken += 1;
        let since = match &self.standing {
            Standing::Taken { since, .. } => *since,
            _ => now,
        };
        let by = other.map_or_else(|| "a record that this version cannot read".into(), |other| other.address);
        self.standing = Standing::Taken { since, by };
    }

    fn lease_ended(&mut self) {
        if self.lease.take().is_some() {
            self.counters.leases_lost += 1;
        }
        // The record ends with the lease. If it is still there, the claim finds that it is this run's.
        self.written = None;
        self.claim = Condition::Absent;
        self.standing = Standing::Joining;
    }

    fn failed(&mut self, now: Duration, asked_at: Duration, error: StoreError) {
        self.counters.failures += 1;
        self.retry_at = now + self.backoff.wait();
        let since = match &self.standing {
            Standing::Away { since, .. } => *since,
            _ => asked_at,
        };
        self.standing = Standing::Away { since, error };
    }
}
