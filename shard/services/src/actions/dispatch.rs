//! How a call is executed: checked, limited, and run.

use super::Access;
use super::caller::Caller;
use super::handler::Execution;
use super::outcome::{Failure, Outcome, Refusal};
use super::rates::RateKey;
use super::registry::{Actions, Registered};
use crate::counters::count;
use futures_util::FutureExt;
use ringshard_requests::limits::OUTCOME_BYTES_MAX;
use ringshard_requests::message::{Outcome as Message, status};
use ringshard_requests::value::{Typed, Value};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::SemaphorePermit;

/// When to try again after an action had no room.
const BUSY_WAIT: Duration = Duration::from_millis(500);
/// When to try again while the server stops.
const STOPPING_WAIT: Duration = Duration::from_secs(5);

/// A request as it came.
pub(super) enum Request {
    /// The bytes of a value.
    Bytes(Vec<u8>),
    /// A value.
    Value(Value),
    /// No value of the action's type, and why. It costs the caller as much as another call.
    Malformed(Failure),
}

/// What became of a call.
pub(super) struct Executed {
    pub outcome: Outcome,
    /// Whether the handler has begun.
    pub begun: bool,
}

impl Actions {
    /// Executes a call. Nothing else stops it once it has begun: its user spawns it.
    pub(super) async fn execute(&self, caller: Caller, path: &str, request: Request) -> Executed {
        let counters = &self.inner.counters;
        count(&counters.calls);
        let _running = self.inner.running.begin();
        let prepared = match self.prepare(&caller, path, request) {
            Ok(prepared) => prepared,
            Err(failure) => return Executed { outcome: refused(&failure), begun: false },
        };
        let Prepared { registered, admitted, execution } = prepared;
        let permit = match self.room(registered, caller).await {
            Ok(permit) => permit,
            Err(failure) => return Executed { outcome: refused(&failure), begun: false },
        };
        let execution = AssertUnwindSafe(execution).catch_unwind();
        let result = tokio::time::timeout(registered.action.limits.timeout, execution).await;
        drop(permit);
        let outcome = self.outcome(registered, result);
        // What a pool refused counts neither as a success nor as a failure: the handler has not begun.
        let begun = !matches!(outcome.status, status::BUSY | status::EXPIRED | status::CANCELLED);
        if begun && admitted.ended(outcome.status >= status::FAILED, self.now()) {
            count(&counters.suspensions);
            tracing::warn!(path, "the action is suspended after many failures");
        }
        Executed { outcome, begun }
    }

    /// Everything that refuses a call at once.
    fn prepare(&self, caller: &Caller, path: &str, request: Request) -> Result<Prepared<'_>, Failure> {
        let counters = &self.inner.counters;
        let Some(registered) = self.inner.actions.get(path) else {
            count(&counters.refused_unknown_path);
            return Err(Failure::new(status::NOT_FOUND, "there is no action with this path; /v1/actions lists them"));
        };
        may_call(registered.action.access, caller).inspect_err(|_| count(&counters.refused_access))?;
        if self.inner.running.is_closed() {
            count(&counters.refused_stopping);
            return Err(Failure::new(status::BUSY, "the server is stopping; try again later").wait(STOPPING_WAIT));
        }
        let key = RateKey::new(caller.account, caller.address);
        registered.rates.take(key, self.now()).map_err(|wait| {
            count(&counters.refused_rate);
            let message = format!("too many calls of {path}; try again in {:.1} s", wait.as_secs_f64());
            Failure::new(status::TOO_MANY, message).wait(wait)
        })?;
        let admitted = registered.circuit.admit(self.now()).map_err(|wait| {
            count(&counters.refused_suspended);
            Failure::new(status::BUSY, "this action fails at the moment; try again later").wait(wait)
        })?;
        let malformed = |why: String| {
            count(&counters.refused_malformed);
            Failure::new(status::MALFORMED, why)
        };
        let value = match request {
            Request::Value(value) => value,
            Request::Malformed(failure) => {
                count(&counters.refused_malformed);
                return Err(failure);
            }
            Request::Bytes(bytes) => {
                Value::from_bytes(&bytes).map_err(|why| malformed(format!("the request is no value: {why}")))?
            }
        };
        let execution = (registered.handler)(caller.clone(), &value).map_err(|why| malformed(why.to_string()))?;
        Ok(Prepared { registered, admitted, execution })
    }

    /// Waits until the action has room for a call.
    async fn room<'a>(&self, registered: &'a Registered, mut caller: Caller) -> Result<SemaphorePermit<'a>, Failure> {
        let counters = &self.inner.counters;
        let expired = || {
            count(&counters.expired);
            Failure::new(status::EXPIRED, "the deadline passed before the call began; it was not executed")
        };
        let taken_back = || {
            count(&counters.cancelled);
            Failure::new(status::CANCELLED, "the call was taken back before it began")
        };
        if caller.deadline <= tokio::time::Instant::now() {
            return Err(expired());
        }
        if caller.cancelled.is_cancelled() {
            return Err(taken_back());
        }
        if let Ok(permit) = registered.room.try_acquire() {
            return Ok(permit);
        }
        let Ok(_waiting) = registered.waiting.try_acquire() else {
            count(&counters.refused_busy);
            return Err(Failure::new(status::BUSY, "the server is busy with this; try again soon").wait(BUSY_WAIT));
        };
        tokio::select! {
            permit = registered.room.acquire() => Ok(permit.expect("the semaphore is never closed")),
            () = tokio::time::sleep_until(caller.deadline) => Err(expired()),
            () = caller.cancelled.cancelled() => Err(taken_back()),
        }
    }

    /// The outcome of a handler.
    fn outcome(&self, registered: &Registered, result: HandlerResult) -> Outcome {
        let counters = &self.inner.counters;
        let path = registered.action.path;
        let failure = match result {
            Ok(Ok(Ok(value))) => {
                let value = value.to_bytes();
                if value.len() + Message::BYTES_MIN <= OUTCOME_BYTES_MAX {
                    count(&counters.answered);
                    return Outcome { status: status::OK, wait: None, value: value.into() };
                }
                count(&counters.failed);
                tracing::error!(path, bytes = value.len(), "the answer of an action is too large");
                Failure::new(status::FAILED, "the call was executed, but its answer is too large to be sent")
            }
            Ok(Ok(Err(failure))) => {
                match failure.status {
                    status::BUSY => count(&counters.refused_busy),
                    status::EXPIRED => count(&counters.expired),
                    status::CANCELLED => count(&counters.cancelled),
                    status::FAILED.. => count(&counters.failed),
                    _ => count(&counters.refused_by_handler),
                }
                failure
            }
            Ok(Err(_)) => {
                count(&counters.failed);
                tracing::error!(path, "the handler of an action panicked");
                Failure::new(status::FAILED, "the server failed at this call; it may have taken effect")
            }
            Err(_) => {
                count(&counters.timeouts);
                let seconds = registered.action.limits.timeout.as_secs_f64();
                let message = format!("the server took longer than {seconds} s; the call may have taken effect");
                Failure::new(status::TIMEOUT, message)
            }
        };
        refused(&failure)
    }

    /// The time since the actions were built.
    pub(super) fn now(&self) -> Duration {
        self.inner.start.elapsed()
    }

    /// Calls that run or wait.
    pub fn running(&self) -> u64 {
        self.inner.running.count.load(Ordering::SeqCst)
    }

    /// Refuses calls from now on, and waits until those that run have ended.
    pub async fn drain(&self) {
        self.inner.running.close().await;
    }
}

type HandlerResult = Result<Result<Result<Value, Failure>, Box<dyn std::any::Any + Send>>, tokio::time::error::Elapsed>;

/// A call that nothing refuses at once.
struct Prepared<'a> {
    registered: &'a Registered,
    admitted: super::breaker::Admitted<'a>,
    execution: Execution,
}

fn may_call(access: Access, caller: &Caller) -> Result<(), Failure> {
    match access {
        Access::Anybody => Ok(()),
        _ if caller.operator => Ok(()),
        Access::Account if caller.account.is_some() => Ok(()),
        Access::Account => Err(Failure::new(status::LOGIN_NEEDED, "log in to do this")),
        Access::Operator if caller.account.is_none() => {
            Err(Failure::new(status::LOGIN_NEEDED, "log in as an operator"))
        }
        Access::Operator => Err(Failure::new(status::FORBIDDEN, "only operators of the server may do this")),
    }
}

/// The outcome of a call that failed. A status that is none becomes 500.
pub(super) fn refused(failure: &Failure) -> Outcome {
    let status = if (400..600).contains(&failure.status) { failure.status } else { status::FAILED };
    let wait = failure.wait.filter(|_| matches!(status, status::TOO_MANY | status::BUSY));
    let message = failure.message.chars().take(1000).collect();
    Outcome { status, wait, value: Refusal { message }.into_value().to_bytes().into() }
}
