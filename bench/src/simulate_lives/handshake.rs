//! A manual handshake: a client that names any session, and proves its keys or does not.

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

/// A running handshake.
pub struct ManualHandshake {
    initiator: Initiator,
    connect: Connect,
    key: Option<ResumeKey>,
    /// The Connect has to be sent, perhaps again.
    pub is_due: bool,
}

/// The server's answer.
pub enum Answer {
    /// Nothing yet.
    None,
    /// The server accepts the client; the flag says whether it resumes the session.
    Accepted(Box<Connection>, bool),
}

impl ManualHandshake {
    /// Asks the core of `key` to resume a session; without a key, asks any core for a new one.
    pub fn new(server: &PublicKey, key: Option<(u8, ResumeKey)>, resources: &mut Resources) -> Self {
        let suites = Suites::native().bits();
        let options = Options { pre_shared_key: false };
        let token = key.map_or([0; RESUME_TOKEN_BYTES], |(_, key)| key.token);
        let (initiator, noise) =
            Initiator::begin(server, resources.draw_secret(), &prologue(suites, options), None, &token)
                .expect("the server's key is valid");
        let core = key.map(|(core, _)| core);
        let mut connect = Connect { core, tag: 0, suites, options, cookie: [0; COOKIE_BYTES], noise };
        connect.tag = Connect::tag_of(connect.client_key());
        ManualHandshake { initiator, connect, key: key.map(|(_, key)| key), is_due: true }
    }

    pub fn datagram(&mut self) -> [u8; CONNECT_BYTES] {
        self.is_due = false;
        self.connect.encode()
    }

    /// Handles an answer of the server.
    pub fn receive(&mut self, now: Instant, datagram: &[u8], resources: &mut Resources) -> Answer {
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
