//! The servers: each is asked as a client asks, first directly and then with an address that this gateway vouches for.

use crate::settings::{ServerEntry, Settings};
use ringshard_operation::Finding;
use ringshard_protocol::client::{Client, ClientConfig};
use ringshard_protocol::gateway::{Forwarded, GatewayKey};
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::time::Instant;
use ringshard_protocol::wire::{DeniedReason, Header, UnencryptedPacket, decode_unencrypted};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// For a server to accept a client. A Connect is repeated within that time.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long one look at the socket takes.
const LOOK: Duration = Duration::from_millis(20);

/// What became of a try to connect.
#[derive(Debug)]
pub(super) enum Answer {
    /// The server accepted after this time.
    Accepted(Duration),
    Denied(DeniedReason),
    /// The server answered a Connect, but the rest does not fit its key.
    Unfit,
    Silent,
    Failed(io::Error),
}

pub(super) fn examine(settings: &Settings) -> Vec<Finding> {
    let mut findings = Vec::new();
    for server in &settings.servers {
        let answer = connect(server, None);
        let answers = !matches!(answer, Answer::Silent | Answer::Failed(_));
        findings.push(reached(server, &answer));
        if let Some(key) = settings.key.as_ref().filter(|_| answers) {
            findings.push(believed(server, key, &connect(server, Some(key))));
        }
        findings.extend(server.bulk.map(|door| door_answers(server, door.address)));
    }
    if settings.key.is_none() {
        findings.push(Finding::warn(
            "gateway key",
            "there is none: servers see this gateway's address in place of the clients', so their limits count all as one",
            "ringshard keygen --out gateway.key; set key to that file, and list it in gateway-keys of each server",
        ));
    }
    findings
}

/// Whether the server takes clients.
pub(super) fn reached(server: &ServerEntry, answer: &Answer) -> Finding {
    const CHECK: &str = "server";
    let named = format!("{} at {}", server.name, server.address);
    match answer {
        Answer::Accepted(after) => {
            Finding::ok(CHECK, format!("{named} accepts clients, after {:.1} ms", after.as_secs_f64() * 1e3))
        }
        // It has the key, and asks for another one that the doctor does not know.
        Answer::Denied(DeniedReason::PreSharedKeyMismatch) => {
            Finding::ok(CHECK, format!("{named} answers, and takes only clients with its pre-shared key"))
        }
        Answer::Denied(DeniedReason::WrongKey) | Answer::Unfit => Finding::fail(
            CHECK,
            format!("{named} has another key than {}, so every client refuses it", server.key),
            "put the right key into servers: `ringshard keygen --public server.key` on the server prints it",
        ),
        Answer::Denied(reason @ (DeniedReason::WrongVersion | DeniedReason::NoCommonSuite)) => {
            Finding::fail(CHECK, format!("{named} denies clients: {reason}"), "install the same release on both")
        }
        Answer::Denied(reason) => {
            Finding::warn(CHECK, format!("{named} denies clients at present"), reason.to_string())
        }
        Answer::Silent => Finding::fail(
            CHECK,
            format!("{named} does not answer"),
            "check the address in servers, that the server runs, and that firewalls let UDP through both ways",
        ),
        Answer::Failed(error) => Finding::fail(
            CHECK,
            format!("{named} cannot be reached: {error}"),
            "check the address in servers against `ip route get`",
        ),
    }
}

/// Whether the server takes clients for whose address this gateway vouches. A server drops what is signed with a key that it
/// does not know.
pub(super) fn believed(server: &ServerEntry, key: &GatewayKey, answer: &Answer) -> Finding {
    const CHECK: &str = "gateway key";
    let ServerEntry { name, .. } = server;
    match answer {
        Answer::Accepted(_) | Answer::Denied(_) | Answer::Unfit => {
            Finding::ok(CHECK, format!("{name} answers what this gateway signs ({key:?})"))
        }
        Answer::Silent => Finding::fail(
            CHECK,
            format!("{name} drops what this gateway signs ({key:?}), so no client enters: it counts forged_gateway"),
            "add the gateway's key file to the file of gateway-keys on the server, then `ringshard reload` there",
        ),
        Answer::Failed(error) => Finding::warn(CHECK, format!("unknown: {name} ({error})"), "run the doctor again"),
    }
}

fn door_answers(server: &ServerEntry, door: SocketAddr) -> Finding {
    const CHECK: &str = "login door";
    match TcpStream::connect_timeout(&door, PATIENCE) {
        Ok(_) => Finding::ok(CHECK, format!("that of {} at {door} takes connections", server.name)),
        Err(error) => Finding::fail(
            CHECK,
            format!("that of {} at {door} cannot be reached: {error}", server.name),
            "check bulk= in servers, the setting login of the server, and firewalls",
        ),
    }
}

/// Connects as a client, and leaves. With a key, the Connect says that it comes from this host, signed: then the first answer is
/// enough, because a server that does not know the key gives none.
fn connect(server: &ServerEntry, key: Option<&GatewayKey>) -> Answer {
    Attempt::begin(server, key).and_then(Attempt::run).unwrap_or_else(Answer::Failed)
}

struct Attempt<'a> {
    socket: UdpSocket,
    client: Client,
    key: Option<&'a GatewayKey>,
    began: std::time::Instant,
    /// The server's last word.
    heard: Answer,
}

impl<'a> Attempt<'a> {
    fn begin(server: &ServerEntry, key: Option<&'a GatewayKey>) -> io::Result<Self> {
        let any = match server.address {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind(SocketAddr::new(any, 0))?;
        socket.connect(server.address)?;
        socket.set_read_timeout(Some(LOOK))?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|error| io::Error::other(error.to_string()))?;
        let client = Client::new(ClientConfig::new(server.key), Instant::ZERO, seed)
            .map_err(|_| io::Error::other("the key in servers is no public key"))?;
        Ok(Attempt { socket, client, key, began: std::time::Instant::now(), heard: Answer::Silent })
    }

    fn run(mut self) -> io::Result<Answer> {
        let mut datagram = [0; DATAGRAM_BYTES_MAX + 1];
        while self.began.elapsed() < PATIENCE {
            self.send()?;
            match self.socket.recv(&mut datagram) {
                Ok(len) => self.receive(&mut datagram[..len]),
                // Nothing came, or an ICMP error says that nobody listens: somebody may later.
                Err(_) => self.client.advance(self.now()),
            }
            if self.client.is_connected() {
                let after = self.began.elapsed();
                self.client.disconnect();
                self.send()?;
                return Ok(Answer::Accepted(after));
            }
            let is_enough = self.key.is_some() && !matches!(self.heard, Answer::Silent);
            if is_enough || matches!(self.heard, Answer::Denied(_)) {
                break;
            }
        }
        Ok(self.heard)
    }

    fn receive(&mut self, datagram: &mut [u8]) {
        if is_unencrypted(datagram) {
            match decode_unencrypted(datagram) {
                Ok(UnencryptedPacket::Denied(denied)) => self.heard = Answer::Denied(denied.reason),
                // A Cookie, which decides nothing, or an acceptance that the client will not open.
                Ok(_) => self.heard = Answer::Unfit,
                Err(_) => {}
            }
        }
        let now = self.now();
        self.client.receive(now, datagram);
    }

    fn send(&mut self) -> io::Result<()> {
        let (now, address) = (self.now(), self.socket.local_addr()?);
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        while let Some(len) = self.client.poll_transmit(now, &mut datagram) {
            let datagram = &datagram[..len];
            let head =
                self.key.filter(|_| is_unencrypted(datagram)).and_then(|key| Forwarded::head(key, address, datagram));
            let sent = match head {
                Some(head) => self.socket.send(&[&head, datagram].concat()),
                None => self.socket.send(datagram),
            };
            // As above: an ICMP error, and nothing that lasts.
            drop(sent);
        }
        Ok(())
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.began.elapsed()
    }
}

fn is_unencrypted(datagram: &[u8]) -> bool {
    Header::decode(datagram).is_ok_and(|header| header.flags == 0)
}
