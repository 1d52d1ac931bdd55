//! Handlers of actions, without their types.

use super::caller::Caller;
use super::outcome::Failure;
use ringshard_requests::value::{Mismatch, Typed, Value};
use std::future::Future;
use std::pin::Pin;

/// What a handler does with one call.
pub(super) type Execution = Pin<Box<dyn Future<Output = Result<Value, Failure>> + Send>>;

/// Reads a request, and makes the future that executes it. Nothing is executed before the future is polled.
pub(super) type Handler = Box<dyn Fn(Caller, &Value) -> Result<Execution, Mismatch> + Send + Sync>;

/// The handler without its types.
pub(super) fn erased<Q, A, F>(handler: impl Fn(Caller, Q) -> F + Send + Sync + Clone + 'static) -> Handler
where
    Q: Typed + Send + 'static,
    A: Typed,
    F: Future<Output = Result<A, Failure>> + Send + 'static,
{
    Box::new(move |caller, value| {
        let request = Q::from_value(value)?;
        let handler = handler.clone();
        Ok(Box::pin(async move { handler(caller, request).await.map(A::into_value) }))
    })
}
