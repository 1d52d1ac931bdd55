//! Outcomes of calls.

use ringshard_requests::value::Value;
use std::sync::Arc;
use std::time::Duration;
use thiserror::Error;

ringshard_requests::record! {
    /// The value of an outcome whose status is not 200.
    pub struct Refusal {
        /// What happened and what to do, for people.
        pub message: String,
    }
}

/// The outcome of a call. Cheap to clone.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// As in HTTP; see [`status`](ringshard_requests::message::status).
    pub status: u16,
    /// With 429 and 503: when to try again.
    pub wait: Option<Duration>,
    /// The bytes of the answer's value, or of a [`Refusal`].
    pub value: Arc<[u8]>,
}

impl Outcome {
    /// The value, to display it or to convert it to JSON.
    pub fn value(&self) -> Value {
        Value::from_bytes(&self.value).expect("the bytes of an outcome are a value")
    }
}

/// A handler's refusal, or its failure.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{message}")]
pub struct Failure {
    /// As in HTTP: 400 to 599. 500 and more count for the circuit breaker.
    pub status: u16,
    /// What happened and what to do, for people.
    pub message: String,
    /// With 429 and 503: when to try again.
    pub wait: Option<Duration>,
}

impl Failure {
    /// A failure. `message` says to people what happened and what to do.
    pub fn new(status: u16, message: impl Into<String>) -> Self {
        Failure { status, message: message.into(), wait: None }
    }

    /// The same, with the time after which to try again.
    #[must_use]
    pub fn wait(self, wait: Duration) -> Self {
        Failure { wait: Some(wait), ..self }
    }
}
