//! The list of actions, which is an action itself.

use super::action::{Access, Action, Limits};
use super::registry::{Actions, Builder, Registered};
use ringshard_requests::value::{Bytes, Schema, Typed};
use std::sync::Arc;
use std::time::Duration;

/// The path of the list.
pub const LIST_PATH: &str = "/v1/actions";
/// Bytes of one answer, as far as whole entries fit: an outcome has room for more.
const LIST_BYTES_MAX: usize = 12_288;

/// An action, for those who want to call it.
#[derive(Clone, Debug)]
pub struct Description {
    /// Such as `/v1/inventory/use`.
    pub path: &'static str,
    /// What it does.
    pub about: &'static str,
    /// Who may call it.
    pub access: Access,
    /// The type of the request.
    pub request: Schema,
    /// The type of the answer.
    pub answer: Schema,
    /// Calls of one client per second, over a longer time.
    pub per_second: f64,
    /// Calls that a client may make at once.
    pub burst: u32,
    /// How long it may take.
    pub timeout: Duration,
}

ringshard_requests::record! {
    /// Asks for a list of actions.
    pub struct ListActions {
        /// Only paths that begin with this.
        pub prefix: Option<String>,
        /// Only paths behind this one: the last of the answer before.
        pub after: Option<String>,
    }

    /// Actions, in the order of their paths.
    pub struct ActionList {
        /// The actions.
        pub actions: Vec<ActionEntry>,
        /// Whether there are more, which did not fit.
        pub more: bool,
    }

    /// One action.
    pub struct ActionEntry {
        /// Its path.
        pub path: String,
        /// What it does.
        pub about: String,
        /// Who may call it: anybody, account or operator.
        pub access: String,
        /// The type of the request, for people.
        pub request: String,
        /// The type of the answer, for people.
        pub answer: String,
        /// The bytes of the request's schema.
        pub request_schema: Bytes,
    }
}

impl Builder {
    /// The actions, with `/v1/actions`, which lists them.
    pub fn build(mut self) -> Actions {
        add(&mut self);
        self.finish()
    }
}

impl Actions {
    /// All actions, in the order of their paths.
    pub fn describe(&self) -> Vec<Description> {
        self.inner.actions.values().map(Description::of).collect()
    }
}

impl Description {
    fn of(registered: &Registered) -> Self {
        let Registered { action, request, answer, rates, .. } = registered;
        let (per_second, burst) = rates.limit();
        Description {
            path: action.path,
            about: action.about,
            access: action.access,
            request: request.clone(),
            answer: answer.clone(),
            per_second,
            burst,
            timeout: action.limits.timeout,
        }
    }

    fn entry(&self) -> ActionEntry {
        let mut schema = Vec::new();
        self.request.write(&mut schema);
        ActionEntry {
            path: self.path.to_owned(),
            about: self.about.to_owned(),
            access: self.access.name().to_owned(),
            request: self.request.to_string(),
            answer: self.answer.to_string(),
            request_schema: Bytes(schema),
        }
    }
}

impl ActionEntry {
    /// Bytes of the entry, without the lengths of its texts.
    fn bytes(&self) -> usize {
        let texts = [&self.path, &self.about, &self.access, &self.request, &self.answer];
        texts.iter().map(|text| text.len()).sum::<usize>() + self.request_schema.0.len()
    }
}

/// Adds the list, which has all actions of `builder` and itself.
fn add(builder: &mut Builder) {
    let own = Action {
        path: LIST_PATH,
        about: "Lists the actions of this server, with their types.",
        access: Access::Anybody,
        limits: Limits { per_second: 5.0, burst: 20, ..Limits::default() },
    };
    let mut entries: Vec<_> = builder.actions().map(|registered| Description::of(registered).entry()).collect();
    let itself = Description {
        path: own.path,
        about: own.about,
        access: own.access,
        request: ListActions::schema(),
        answer: ActionList::schema(),
        per_second: own.limits.per_second,
        burst: own.limits.burst,
        timeout: own.limits.timeout,
    };
    entries.push(itself.entry());
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    let entries = Arc::new(entries);
    builder.add(own, move |_, request: ListActions| {
        let list = answer(&entries, &request);
        async move { Ok(list) }
    });
}

fn answer(entries: &[ActionEntry], request: &ListActions) -> ActionList {
    let prefix = request.prefix.as_deref().unwrap_or("");
    let after = request.after.as_deref().unwrap_or("");
    let wanted = entries.iter().filter(|entry| entry.path.starts_with(prefix) && entry.path.as_str() > after);
    let (mut actions, mut bytes) = (Vec::new(), 0);
    for entry in wanted {
        bytes += entry.bytes();
        if bytes > LIST_BYTES_MAX && !actions.is_empty() {
            return ActionList { actions, more: true };
        }
        actions.push(entry.clone());
    }
    ActionList { actions, more: false }
}
