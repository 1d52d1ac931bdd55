//! The hub as actions, for clients in the world and for HTTPS alike.

use super::Hub;
use super::notice::{Line, Presence, Present};
use super::refusal::HubRefusal;
use crate::AccountId;
use crate::actions::{Access, Action, Builder, Caller, Failure, Limits};
use ringshard_requests::value::Typed;
use std::future::ready;
use std::sync::Arc;
use std::time::Duration;

/// Bytes of a notification's topic.
const TOPIC_BYTES_MAX: usize = 32;
/// Bytes of a notification's text.
const NOTIFICATION_BYTES_MAX: usize = 4_096;

ringshard_requests::record! {
    /// Names a room.
    pub struct InRoom {
        /// 1 to 32 characters of a-z, 0-9, - and _.
        pub room: String,
    }

    /// Says a line of chat.
    pub struct Say {
        /// The room, which the account has joined.
        pub room: String,
        /// 1 to 512 bytes.
        pub text: String,
    }

    /// A line was said.
    pub struct Said {
        /// The number of the line in its room.
        pub number: u64,
    }

    /// Asks for a page of a room.
    pub struct Page {
        /// The room, which the account has joined.
        pub room: String,
        /// Only what has a higher number.
        pub after: Option<u64>,
    }

    /// Lines of a room.
    pub struct Lines {
        /// The oldest first.
        pub lines: Vec<Line>,
    }

    /// Players of a room.
    pub struct Players {
        /// By account.
        pub players: Vec<Present>,
    }

    /// Sets whether the player is away.
    pub struct SetPresence {
        /// `online` or `away`.
        pub state: Presence,
    }

    /// Mutes an account for a time.
    pub struct Mute {
        /// The account.
        pub account: u64,
        /// For how many seconds from now; 0: it may speak again.
        pub seconds: u32,
    }

    /// Sends a notification to players.
    pub struct Notify {
        /// The account; none: everybody.
        pub account: Option<u64>,
        /// What it is about: 1 to 32 bytes.
        pub topic: String,
        /// What it says: at most 4,096 bytes.
        pub text: String,
    }

    /// A notification was sent.
    pub struct Notified {
        /// How many members got it.
        pub members: u64,
    }

    /// What a notification says.
    pub struct Notification {
        /// The text.
        pub text: String,
    }
}

impl From<HubRefusal> for Failure {
    fn from(refusal: HubRefusal) -> Failure {
        let failure = Failure::new(refusal.status(), refusal.to_string());
        match refusal.wait() {
            Some(wait) => failure.wait(wait),
            None => failure,
        }
    }
}

impl Hub {
    /// Adds the hub's actions.
    ///
    /// # Panics
    /// If one of their paths is taken.
    pub fn add_actions(&self, to: &mut Builder) {
        self.add(
            to,
            "/v1/chat/join",
            "Joins a room, and makes it if there is none.",
            |hub, account, request: InRoom| hub.join_room(account, &request.room),
        );
        self.add(to, "/v1/chat/leave", "Leaves a room.", |hub, account, request: InRoom| {
            hub.leave_room(account, &request.room)
        });
        self.add(to, "/v1/chat/say", "Says a line in a room.", |hub, account, request: Say| {
            hub.say(account, &request.room, &request.text).map(|number| Said { number })
        });
        self.add(to, "/v1/chat/history", "Lines of a room.", |hub, account, request: Page| {
            let lines = hub.history(account, &request.room, request.after)?;
            Ok(Lines { lines: lines.into_iter().map(Arc::unwrap_or_clone).collect() })
        });
        self.add(to, "/v1/chat/who", "Players of a room.", |hub, account, request: Page| {
            let players = hub.roster(account, &request.room, request.after.map(AccountId))?;
            Ok(Players { players })
        });
        self.add(
            to,
            "/v1/presence",
            "Says whether the player is online or away.",
            |hub, account, request: SetPresence| match request.state {
                Presence::Offline => Err(HubRefusal::State),
                state => hub.set_away(account, state == Presence::Away),
            },
        );
        self.add_operators(to);
    }

    fn add_operators(&self, to: &mut Builder) {
        let hub = self.clone();
        let mute = action("/v1/chat/mute", "Lets an account say nothing for a time.", Access::Operator);
        to.add(mute, move |_: Caller, request: Mute| {
            hub.mute(AccountId(request.account), Duration::from_secs(request.seconds.into()));
            ready(Ok::<_, Failure>(()))
        });
        let hub = self.clone();
        let note = action("/v1/notify", "Tells one player or all of them something.", Access::Operator);
        to.add(note, move |_: Caller, request: Notify| ready(notify(&hub, request)));
    }

    /// Adds an action of an account. It does not wait for anything.
    fn add<Q: Typed + Send + 'static, A: Typed + Send + 'static>(
        &self,
        to: &mut Builder,
        path: &'static str,
        about: &'static str,
        execute: impl Fn(&Hub, AccountId, Q) -> Result<A, HubRefusal> + Send + Sync + Clone + 'static,
    ) {
        let hub = self.clone();
        to.add(action(path, about, Access::Account), move |caller: Caller, request: Q| {
            let account = caller.account.ok_or_else(|| Failure::new(401, "this needs the login of an account"));
            ready(account.and_then(|account| execute(&hub, account, request).map_err(Failure::from)))
        });
    }
}

/// The hub has limits of its own; these only bound what refusals cost.
fn action(path: &'static str, about: &'static str, access: Access) -> Action {
    Action { path, about, access, limits: Limits { per_second: 10.0, burst: 40, ..Limits::default() } }
}

fn notify(hub: &Hub, request: Notify) -> Result<Notified, Failure> {
    if request.topic.is_empty() || request.topic.len() > TOPIC_BYTES_MAX {
        return Err(Failure::new(400, format!("topic: expected 1 to {TOPIC_BYTES_MAX} bytes")));
    }
    if request.text.len() > NOTIFICATION_BYTES_MAX {
        return Err(Failure::new(400, format!("text: expected at most {NOTIFICATION_BYTES_MAX} bytes")));
    }
    let value = Notification { text: request.text }.into_value();
    let members = match request.account {
        Some(account) => hub.notify(AccountId(account), &request.topic, value),
        None => hub.announce(&request.topic, value),
    };
    Ok(Notified { members: members as u64 })
}
