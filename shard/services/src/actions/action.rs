//! Declarations of actions: path, access and limits.

use std::time::Duration;

/// The declaration of an action.
#[derive(Clone, Debug)]
pub struct Action {
    /// Such as `/v1/inventory/use`: 2 to 64 characters of a-z, 0-9, `/`, `_` and `-`, of which the first is `/`.
    pub path: &'static str,
    /// What it does, in a sentence for people who call it.
    pub about: &'static str,
    /// Who may call it.
    pub access: Access,
    /// Its limits.
    pub limits: Limits,
}

/// Who may call an action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// Everybody.
    Anybody,
    /// Players who are logged in, and operators.
    Account,
    /// Operators of the server.
    Operator,
}

impl Access {
    /// The name in descriptions.
    pub fn name(self) -> &'static str {
        match self {
            Access::Anybody => "anybody",
            Access::Account => "account",
            Access::Operator => "operator",
        }
    }
}

/// Limits of an action. `..Limits::default()` fills in the rest.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Limits {
    /// Calls of one client per second, over a longer time. A client is an account, or an address without one.
    pub per_second: f64,
    /// Calls that a client may make at once, after a pause.
    pub burst: u32,
    /// Calls that are executed at the same time.
    pub parallel: usize,
    /// Calls that wait for another to end. When there are more, they are refused.
    pub waiting: usize,
    /// How long the handler may take. Then it is dropped, and the caller gets 504. A blocking handler runs on.
    pub timeout: Duration,
    /// When failures suspend the action.
    pub breaker: Breaker,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            per_second: 10.0,
            burst: 20,
            parallel: 32,
            waiting: 128,
            timeout: Duration::from_secs(10),
            breaker: Breaker::default(),
        }
    }
}

/// When failures suspend an action: calls are then refused at once, until one is tried after a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Breaker {
    /// This many failures among the last [`Breaker::window`] calls suspend the action. A failure is a status of 500 or more,
    /// or a timeout.
    pub failures: u32,
    /// The calls that count, at most 64.
    pub window: u32,
    /// For how long the action is suspended before a call is tried.
    pub wait: Duration,
}

impl Default for Breaker {
    fn default() -> Self {
        Breaker { failures: 16, window: 32, wait: Duration::from_secs(5) }
    }
}
