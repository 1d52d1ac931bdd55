//! The door of HTTPS: requests and answers in JSON.

use super::caller::Caller;
use super::dispatch::{Executed, Request, refused};
use super::once::{KeyBegin, Scope};
use super::outcome::{Failure, Outcome};
use super::rates::RateKey;
use super::registry::Actions;
use crate::counters::count;
use ring::digest::{SHA256, digest};
use ringshard_requests::limits::CALL_BYTES_MAX;
use ringshard_requests::message::{Call, status};
use ringshard_requests::value::{Schema, Value};
use serde_json::{Value as Json, json};
use std::time::Duration;
use tokio::sync::oneshot;

/// Characters of an idempotency key.
const KEY_LENGTHS: std::ops::RangeInclusive<usize> = 16..=64;

/// The outcome of a call over HTTPS.
#[derive(Clone, PartialEq, Debug)]
pub struct JsonOutcome {
    /// As in HTTP.
    pub status: u16,
    /// With 429 and 503: when to try again, for the header `Retry-After`.
    pub wait: Option<Duration>,
    /// The answer, or `{"message": ..}`.
    pub body: Json,
}

impl Actions {
    /// Calls an action with the bytes of a value. The call goes on if the future is dropped.
    pub async fn call(&self, caller: Caller, path: &str, value: &[u8]) -> Outcome {
        self.spawned(caller, path, Request::Bytes(value.to_vec()), |_, _| {}).await
    }

    /// Calls an action with JSON. `key` is the header `Idempotency-Key`: a call that is repeated with the same key gets the
    /// same outcome and is not executed again, for 50 s.
    ///
    /// `null` stands for a request without fields.
    pub async fn call_json(&self, caller: Caller, path: &str, request: &Json, key: Option<&str>) -> JsonOutcome {
        let outcome = match self.value(path, request) {
            Ok(value) => self.call_with_key(caller, path, value, key).await,
            Err(failure) => self.execute(caller, path, Request::Malformed(failure)).await.outcome,
        };
        JsonOutcome { status: outcome.status, wait: outcome.wait, body: outcome.value().to_json() }
    }

    /// The request's value. An action that does not exist takes anything: it is refused later.
    fn value(&self, path: &str, request: &Json) -> Result<Value, Failure> {
        let Some(registered) = self.inner.actions.get(path) else { return Ok(Value::Nothing) };
        let no_fields = json!({});
        let request = if matches!((&registered.request, request), (Schema::Record(_), Json::Null)) {
            &no_fields
        } else {
            request
        };
        let value = Value::from_json(&registered.request, request)
            .map_err(|why| Failure::new(status::MALFORMED, why.to_string()))?;
        if Call::BYTES_MIN + path.len() + value.to_bytes().len() > CALL_BYTES_MAX {
            return Err(Failure::new(status::TOO_LARGE, "the request is too large"));
        }
        Ok(value)
    }

    async fn call_with_key(&self, mut caller: Caller, path: &str, value: Value, key: Option<&str>) -> Outcome {
        let Some(key) = key else { return self.spawned(caller, path, Request::Value(value), |_, _| {}).await };
        if !KEY_LENGTHS.contains(&key.len()) || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = "Idempotency-Key: expected 16 to 64 visible ASCII characters";
            return refused(&Failure::new(status::MALFORMED, message));
        }
        let scope: Scope = (RateKey::new(caller.account, caller.address), key.into());
        let hash = digest(&SHA256, &[path.as_bytes(), &[0], &value.to_bytes()].concat());
        let hash = hash.as_ref().try_into().expect("SHA-256 has 32 bytes");
        let begin = self.inner.keys.lock().expect("no thread panics with the lock").begin(&scope, hash, self.now());
        let counters = &self.inner.counters;
        match begin {
            KeyBegin::Execute(done, cancelled) => {
                caller.cancelled = cancelled;
                let end = move |actions: &Actions, executed: &Executed| {
                    let mut keys = actions.inner.keys.lock().expect("no thread panics with the lock");
                    keys.end(scope, &executed.outcome, executed.begun, actions.now());
                    drop(keys);
                    done.end(executed.outcome.clone());
                };
                self.spawned(caller, path, Request::Value(value), end).await
            }
            KeyBegin::Wait(waiter) => {
                count(&counters.repeated_running);
                let stopped = || refused(&Failure::new(status::CONFLICT, "the same call was repeated meanwhile"));
                waiter.outcome().await.unwrap_or_else(stopped)
            }
            KeyBegin::Answered(outcome) => {
                count(&counters.repeated_answered);
                outcome
            }
            KeyBegin::Other => {
                count(&counters.keys_of_other_calls);
                refused(&Failure::new(
                    status::CONFLICT,
                    "the Idempotency-Key was used for another call; make a new one",
                ))
            }
            KeyBegin::Full => {
                count(&counters.dropped_full);
                let failure = Failure::new(status::BUSY, "too many calls with an Idempotency-Key; try again soon");
                refused(&failure.wait(Duration::from_secs(1)))
            }
        }
    }

    /// Executes a call on a task of its own: it goes on if nobody waits for it any more. `end` takes what became of it.
    async fn spawned(
        &self,
        caller: Caller,
        path: &str,
        request: Request,
        end: impl FnOnce(&Actions, &Executed) + Send + 'static,
    ) -> Outcome {
        let (actions, path) = (self.clone(), path.to_owned());
        let (sender, receiver) = oneshot::channel();
        tokio::spawn(async move {
            let executed = actions.execute(caller, &path, request).await;
            end(&actions, &executed);
            let _ = sender.send(executed.outcome);
        });
        let stopped = |_| refused(&Failure::new(status::FAILED, "the server stopped; the call may have taken effect"));
        receiver.await.unwrap_or_else(stopped)
    }
}
