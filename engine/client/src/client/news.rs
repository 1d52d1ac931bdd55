//! News for the game.

use ringshard_protocol::client::CloseReason;
use ringshard_world::contract::ContractPart;
use ringshard_world::{EntityId, Map, Rules};
use std::fmt;

/// While so many news wait, a client receives nothing: the server sends reliable messages again.
///
/// The queue may exceed this by what one datagram, or one message, brings.
pub const NEWS_MAX: usize = 1_024;

/// Names an ask. Numbers are used again, but never one that waits for an answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct AskId(pub u16);

/// Why there is no answer to an ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unanswered {
    /// Too many asks of this client waited at the server.
    TooMany,
    /// The server could not read the ask, or the client not the answer: their contracts differ.
    Malformed,
    /// The client was put out of the world first.
    PutOut,
    /// The session ended first.
    SessionLost,
}

/// News for the game, in the order in which it arrived.
pub enum News<R: Rules> {
    /// The client is in the world. Nothing is in view yet.
    Entered {
        /// The world's map.
        map: Map,
    },
    /// The game on the server refuses the client, with a reason of its own. [`Client::enter`](super::Client::enter) asks again.
    Refused(u8),
    /// The server's contract differs in this part. If it is a type, one of the two ends is outdated. If it is
    /// [`ContractPart::Level`], the client's map differs from the server's: the player installs the same map file.
    WrongSchema(ContractPart),
    /// The client is no longer in the world. Nothing is in view, without a [`News::Despawned`] for each. The reason is the
    /// game's.
    PutOut(u8),
    /// The client is in the world of another server: it moved there without a word of the game. Nothing is in view, without a
    /// [`News::Despawned`] for each; entities have other ids there. Asks that wait go on.
    Moved {
        /// The world's map, which should be the same.
        map: Map,
    },
    /// An entity came into view.
    Spawned(EntityId),
    /// An entity is gone, or too far away.
    Despawned(EntityId),
    /// The player controls another entity, or none.
    BodyChanged(Option<EntityId>),
    /// An event of the game. It may arrive before [`News::Entered`], because channels do not wait for each other.
    Event(R::Event),
    /// The answer to an ask.
    Answer(AskId, R::Answer),
    /// There is no answer to an ask and will be none.
    Unanswered(AskId, Unanswered),
    /// The server's own state differed from the predicted one.
    Corrected {
        /// How far the own pose moved, in units.
        by: f32,
    },
    /// The connection is lost. The client connects again.
    Reconnecting(CloseReason),
    /// The client is connected again, and its presence in the world goes on.
    Resumed,
    /// The client is connected again, with a new session: the server knows nothing of a former one. Nothing is in view,
    /// without a [`News::Despawned`] for each. A client that was in the world, or on its way, enters again by itself, with the
    /// same ticket.
    Renewed,
    /// There is no connection and will be none. It is the last news.
    Closed(CloseReason),
}

impl<R: Rules> Clone for News<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: Rules> Copy for News<R> {}

impl<R: Rules> fmt::Debug for News<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            News::Entered { map } => f.debug_struct("Entered").field("map", map).finish(),
            News::Moved { map } => f.debug_struct("Moved").field("map", map).finish(),
            News::Refused(reason) => f.debug_tuple("Refused").field(reason).finish(),
            News::WrongSchema(which) => f.debug_tuple("WrongSchema").field(which).finish(),
            News::PutOut(reason) => f.debug_tuple("PutOut").field(reason).finish(),
            News::Spawned(id) => f.debug_tuple("Spawned").field(id).finish(),
            News::Despawned(id) => f.debug_tuple("Despawned").field(id).finish(),
            News::BodyChanged(body) => f.debug_tuple("BodyChanged").field(body).finish(),
            News::Event(event) => f.debug_tuple("Event").field(event).finish(),
            News::Answer(id, answer) => f.debug_tuple("Answer").field(id).field(answer).finish(),
            News::Unanswered(id, why) => f.debug_tuple("Unanswered").field(id).field(why).finish(),
            News::Corrected { by } => f.debug_struct("Corrected").field("by", by).finish(),
            News::Reconnecting(reason) => f.debug_tuple("Reconnecting").field(reason).finish(),
            News::Resumed => f.write_str("Resumed"),
            News::Renewed => f.write_str("Renewed"),
            News::Closed(reason) => f.debug_tuple("Closed").field(reason).finish(),
        }
    }
}
