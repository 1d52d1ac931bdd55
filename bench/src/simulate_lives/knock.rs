//! A handshake by hand: a client that names any session it likes, and proves its keys or does not.

use ringshard_protocol::connection::{
    Connection, ConnectionConfig, HeartbeatConfig, Resources, Role, TransportConfig, prologue,
};
use ringshard_protocol::crypto::noise::{Initiator, ResumeKey};
use ringshard_protocol::crypto::{PublicKey, Suite, Suites};
use ringshard_protocol::limits::{CONNECT_BYTES, COOKIE_BYTES, RESUME_TOKEN_BYTES};
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{
    Accepted, Connect, ConnectionParameters, Options, UnencryptedPacket, decode_unencrypted,
};

/// A handshake that is under way.
pub struct Knock {
    initiator: Initiator,
    connect: Connect,
    key: Option<ResumeKey>,
    /// The Connect is to be sent, again perhaps.
    pub is_due: bool,
}

/// What the server's answer came to.
pub enum Answer {
    /// Nothing yet.
    None,
    /// The server lets it in, and says whether the session goes on.
    Accepted(Box<Connection>, bool),
}

impl Knock {
    /// Asks the core that knows the session of `key` to go on with it; without one, any core for a new session.
    pub fn new(server: &PublicKey, key: Option<(u8, ResumeKey)>, resources: &mut Resources) -> Self {
        let suites = Suites::native().bits();
        let options = Options { pre_shared_key: false };
        let token = key.map_or([0; RESUME_TOKEN_BYTES], |(_, key)| key.token);
        let (initiator, noise) =
            Initiator::begin(server, resources.draw_secret(), &prologue(suites, options), None, &token)
                .expect("the server's key is a good one");
        let core = key.map(|(core, _)| core);
        let mut connect = Connect { core, tag: 0, suites, options, cookie: [0; COOKIE_BYTES], noise };
        connect.tag = Connect::tag_of(connect.client_key());
        Knock { initiator, connect, key: key.map(|(_, key)| key), is_due: true }
    }

    /// The Connect.
    pub fn datagram(&mut self) -> [u8; CONNECT_BYTES] {
        self.is_due = false;
        self.connect.encode()
    }

    /// Takes an answer of the server.
    pub fn hear(&mut self, now: Instant, datagram: &[u8], resources: &mut Resources) -> Answer {
        match decode_unencrypted(datagram) {
            Ok(UnencryptedPacket::Cookie(cookie)) if cookie.tag == self.connect.tag => {
                self.is_due = self.connect.cookie != cookie.cookie;
                self.connect.cookie = cookie.cookie;
                Answer::None
            }
            Ok(UnencryptedPacket::Accepted(accepted)) if accepted.tag == self.connect.tag => {
                self.accepted(now, &accepted, resources)
            }
            _ => Answer::None,
        }
    }

    fn accepted(&mut self, now: Instant, accepted: &Accepted, resources: &mut Resources) -> Answer {
        let Ok((secrets, payload)) = self.initiator.finish(&accepted.noise) else { return Answer::None };
        let Ok(parameters) = ConnectionParameters::decode(&payload) else { return Answer::None };
        let ConnectionParameters { connection: id, resumed, heartbeat: interval, timeout, suite, .. } = parameters;
        let Some(suite) = Suite::from_bit(suite) else { return Answer::None };
        let secrets = match &self.key {
            Some(key) if resumed => secrets.resuming(key),
            _ => secrets,
        };
        let heartbeat = HeartbeatConfig { interval, timeout };
        let transport = TransportConfig::default();
        let config = ConnectionConfig { id, role: Role::Client, suite, secrets, heartbeat, transport };
        Answer::Accepted(Box::new(Connection::new(config, now, &mut resources.random)), resumed)
    }
}
