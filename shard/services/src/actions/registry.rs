//! The registry of actions: one, for all doors.

use super::action::Action;
use super::caller::Caller;
use super::handler::{self, Handler};
use super::outcome::Failure;
use ringshard_requests::message::is_path;
use ringshard_requests::value::{Schema, Typed};
use std::collections::BTreeMap;
use std::future::Future;

/// An action, its types and its handler.
pub(super) struct Registered {
    pub action: Action,
    pub request: Schema,
    pub answer: Schema,
    pub handler: Handler,
}

/// Collects actions.
#[derive(Default)]
pub struct Builder {
    pub(super) actions: BTreeMap<&'static str, Registered>,
}

impl Builder {
    /// Adds an action. `handler` gets who calls and the request, and answers or fails.
    ///
    /// # Panics
    /// If the path is no path, or is taken.
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
        let handler = handler::erased(handler);
        let path = action.path;
        assert!(is_path(path), "{path:?} is no path of an action");
        let registered = Registered { action, request: Q::schema(), answer: A::schema(), handler };
        let former = self.actions.insert(path, registered);
        assert!(former.is_none(), "there are two actions at {path}");
        self
    }
}
