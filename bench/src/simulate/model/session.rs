//! The model of one session: its reliable messages must not get lost.

use super::channel::ChannelModel;
use ringshard_protocol::limits::CHANNELS;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{Channel, ConnectionId};

/// The channel that carries only probes: reliable, unordered.
pub const PROBE_CHANNEL: Channel = match Channel::new(14) {
    Some(channel) => channel,
    None => unreachable!(),
};

/// The state of one end of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// It does not know the session yet.
    Ahead,
    /// It can send.
    Live,
    /// Its connection has been gone since then. The session may be resumed.
    Lost(Instant),
    /// The session is over.
    Gone,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    Client,
    Server,
}

#[derive(Debug)]
pub struct Session {
    pub player: usize,
    pub client: End,
    pub server: End,
    /// Current and former connection id at the server.
    pub ids: [Option<ConnectionId>; 2],
    /// When each end last received something.
    pub client_heard: Instant,
    pub server_heard: Instant,
    /// When both ends became live.
    pub whole_since: Instant,
    /// The end that was told to disconnect, and when.
    pub ending: Option<(Side, Instant)>,
    /// When the server stopped accepting messages: it is about to end the session.
    pub refuses_since: Option<Instant>,
    /// When the client's integrity was last checked.
    pub checked_at: Instant,
    /// When probes were sent, by the client and by the server.
    pub probed_at: [Option<Instant>; 2],
    /// When the backlog at the time of the probe must have arrived.
    pub drained_by: Instant,
    /// Size of that backlog in bytes.
    pub backlog: usize,
    /// When everything had arrived.
    pub complete_since: Option<Instant>,
    /// When unreliable probes were sent after that.
    pub unreliable_sent_at: Option<Instant>,
    models: Vec<ChannelModel>,
}

impl Session {
    /// A session that its client has just learned of.
    pub fn new(player: usize, key: u64, now: Instant) -> Self {
        let directions = [true, false].into_iter();
        let models: Vec<_> =
            directions.flat_map(|there| Channel::all().map(move |it| ChannelModel::new(key, there, it))).collect();
        assert_eq!(models.len(), 2 * CHANNELS, "each channel has a model in each direction");
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
            models,
        }
    }

    /// The model of one channel in one direction.
    pub fn model(&mut self, to_server: bool, channel: Channel) -> &mut ChannelModel {
        &mut self.models[usize::from(!to_server) * CHANNELS + channel.index()]
    }

    /// The caller of an end asks it to disconnect.
    pub fn must_end(&mut self, now: Instant, side: Side) {
        self.ending.get_or_insert((side, now));
    }

    pub fn end(&self, side: Side) -> End {
        match side {
            Side::Client => self.client,
            Side::Server => self.server,
        }
    }

    /// Whether both ends can send.
    pub fn is_whole(&self) -> bool {
        self.client == End::Live && self.server == End::Live && self.ending.is_none() && self.refuses_since.is_none()
    }

    /// Reliable messages that have not arrived: count and bytes.
    pub fn missing(&self) -> (usize, usize) {
        let add = |sum: (usize, usize), model: &ChannelModel| (sum.0 + model.missing(), sum.1 + model.missing_bytes());
        self.models.iter().fold((0, 0), add)
    }

    /// Whether no reliable message is missing.
    pub fn is_complete(&self) -> bool {
        self.models.iter().all(ChannelModel::is_complete)
    }

    /// Missing messages per channel, as text.
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

    /// An end became live, or ceased to be.
    pub fn changed(&mut self, now: Instant) {
        self.whole_since = if self.is_whole() { now } else { Instant::NEVER };
        self.refuses_since = None;
        self.forget_probes();
    }

    /// Probes have to be sent again.
    pub fn forget_probes(&mut self) {
        self.probed_at = [None; 2];
        self.drained_by = Instant::NEVER;
        self.complete_since = None;
        self.unreliable_sent_at = None;
    }
}

/// A connection id as text.
pub fn connection_name(id: ConnectionId) -> String {
    format!("connection {}.{}.{}", id.core(), id.generation(), id.slot())
}
