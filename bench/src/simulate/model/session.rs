//! What the audit knows of one session: the unit in which reliable messages must not get lost.

use super::channel::ChannelModel;
use ringshard_protocol::limits::CHANNELS;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{Channel, ConnectionId};

/// The channel that carries nothing but probes: reliable, unordered.
pub const PROBE_CHANNEL: Channel = match Channel::new(14) {
    Some(channel) => channel,
    None => unreachable!(),
};

/// One end of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// It does not know of the session yet.
    Ahead,
    /// It can send.
    Live,
    /// Its connection is gone since then; the session may go on over another.
    Lost(Instant),
    /// The session is over.
    Gone,
}

/// Which end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// The one that connected.
    Client,
    /// The one that it connected to.
    Server,
}

/// One session.
#[derive(Debug)]
pub struct Session {
    /// Whose.
    pub player: usize,
    /// The client's end.
    pub client: End,
    /// The server's end.
    pub server: End,
    /// What the server calls it now, and what it called it before.
    pub ids: [Option<ConnectionId>; 2],
    /// When each end last took in something from the other.
    pub client_heard: Instant,
    /// The same.
    pub server_heard: Instant,
    /// Since when both ends are live.
    pub whole_since: Instant,
    /// Told to end: which end was, and since when.
    pub ending: Option<(Side, Instant)>,
    /// The server takes nothing more to send, since then: it is about to end it.
    pub refuses_since: Option<Instant>,
    /// When the client's integrity was last checked.
    pub checked_at: Instant,
    /// When probes were sent: by the client, by the server.
    pub probed_at: [Option<Instant>; 2],
    /// Until when what was missing at the probe must have arrived.
    pub drained_by: Instant,
    /// How much that was, in bytes.
    pub backlog: usize,
    /// Since when nothing is missing.
    pub complete_since: Option<Instant>,
    /// When messages were then sent that are not repeated.
    pub unreliable_sent_at: Option<Instant>,
    models: Vec<ChannelModel>,
}

impl Session {
    /// A session that its client has just learned of.
    pub fn new(player: usize, key: u64, now: Instant) -> Self {
        let models = [true, false].into_iter();
        Session {
            player,
            client: End::Live,
            server: End::Ahead,
            ids: [None; 2],
            client_heard: now,
            server_heard: now,
            whole_since: Instant::NEVER,
            ending: None,
            refuses_since: None,
            checked_at: now,
            probed_at: [None; 2],
            drained_by: Instant::NEVER,
            backlog: 0,
            complete_since: None,
            unreliable_sent_at: None,
            models: models.flat_map(|there| Channel::all().map(move |it| ChannelModel::new(key, there, it))).collect(),
        }
    }

    /// One channel, in the direction of the server or of the client.
    pub fn model(&mut self, to_server: bool, channel: Channel) -> &mut ChannelModel {
        &mut self.models[usize::from(!to_server) * CHANNELS + channel.index()]
    }

    /// An end is told to end it.
    pub fn must_end(&mut self, now: Instant, side: Side) {
        self.ending.get_or_insert((side, now));
    }

    /// The state of an end.
    pub fn end(&self, side: Side) -> End {
        match side {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }

    /// Both ends can send.
    pub fn is_whole(&self) -> bool {
        self.client == End::Live && self.server == End::Live && self.ending.is_none() && self.refuses_since.is_none()
    }

    /// All that is reliable and has not arrived: messages, bytes.
    pub fn missing(&self) -> (usize, usize) {
        let add = |sum: (usize, usize), model: &ChannelModel| (sum.0 + model.missing(), sum.1 + model.missing_bytes());
        self.models.iter().fold((0, 0), add)
    }

    /// Whether nothing reliable is missing.
    pub fn is_complete(&self) -> bool {
        self.models.iter().all(ChannelModel::is_complete)
    }

    /// What is missing, for people.
    pub fn missing_by_channel(&self) -> String {
        let name = |at: usize| (if at < CHANNELS { "to the server" } else { "to the client" }, at % CHANNELS);
        let models = self.models.iter().enumerate().filter(|(_, model)| !model.is_complete());
        let send = |(at, model): (usize, &ChannelModel)| {
            let (direction, channel) = name(at);
            format!(
                "channel {channel} {direction}: {} of {} messages, {} bytes",
                model.missing(),
                model.sent(),
                model.missing_bytes()
            )
        };
        models.map(send).collect::<Vec<_>>().join("; ")
    }

    /// An end has become live, or ceased to be.
    pub fn changed(&mut self, now: Instant) {
        self.whole_since = if self.is_whole() { now } else { Instant::NEVER };
        self.refuses_since = None;
        self.forget_probes();
    }

    /// Probes are to be sent anew.
    pub fn forget_probes(&mut self) {
        self.probed_at = [None; 2];
        self.drained_by = Instant::NEVER;
        self.complete_since = None;
        self.unreliable_sent_at = None;
    }
}

/// A connection's name as people read it.
pub fn connection_name(id: ConnectionId) -> String {
    format!("connection {}.{}.{}", id.core(), id.generation(), id.slot())
}
