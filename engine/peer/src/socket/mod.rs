//! A [`Mesh`] with its sockets and its clock.

mod sockets;

use crate::id::PeerId;
use crate::limits::PEER_DATAGRAM_BYTES_MAX;
use crate::mesh::{JoinError, Mesh, MeshConfig, MeshEvent};
use crate::relay::RelayConfig;
use ringshard_protocol::connection::SendError;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;
use ringshard_world::EntityId;
use sockets::Sockets;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

/// Datagrams that one [`PeerSocket::poll`] receives at most, so that a flood cannot hold up a frame.
const DATAGRAMS_PER_POLL: usize = 1_024;

ringshard_protocol::counters! {
    /// What the sockets of a mesh did.
    PeerSocketStats {
        /// Datagrams received.
        datagrams_in,
        /// Datagrams sent.
        datagrams_out,
        /// Receives that failed, mostly because an ICMP error came.
        receive_failed,
        /// Datagrams that the operating system refused to send.
        send_failed,
    }
}

/// Why there is no mesh.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No socket can be had, or this host is not online.
    #[error(
        "no UDP socket for other players ({0}): check that this host is online, and that no other program has the port"
    )]
    Socket(#[from] io::Error),
    /// The operating system gives no random bytes, so keys cannot be generated.
    #[error("the operating system gives no random bytes ({0}): on Linux, check that getrandom(2) is not forbidden")]
    Random(getrandom::Error),
}

/// A mesh over UDP sockets of the standard library: one for IPv4, one for IPv6. A family without a route has none.
///
/// No call blocks, except [`Self::wait`], and no thread is started. A mesh that is dropped leaves.
///
/// ```no_run
/// # use ringshard_peer::{MeshEvent, PeerSocket};
/// # use ringshard_protocol::wire::Channel;
/// # fn frames(friend: ringshard_world::EntityId) -> Result<(), Box<dyn std::error::Error>> {
/// let mut mesh = PeerSocket::open(*b"the match's name", vec!["198.51.100.1:3478".parse()?], None)?;
/// mesh.join(friend)?;
/// loop {
///     // What the server brought: mesh.introduced(from, &bytes).
///     mesh.poll();
///     while let Some(event) = mesh.event() {
///         match event {
///             MeshEvent::Connected { peer, .. } => mesh.send(peer, Channel::RELIABLE_ORDERED, b"hello")?,
///             MeshEvent::Message(_, _, bytes) => println!("{}", String::from_utf8_lossy(&bytes)),
///             _ => {}
///         }
///     }
///     while let Some((to, bytes)) = mesh.introduction() {
///         // To the server: an introduction of `bytes` for `to`.
///     }
///     mesh.flush();
/// #   return Ok(());
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct PeerSocket {
    mesh: Mesh,
    sockets: Sockets,
    /// The zero of the mesh's clock.
    start: std::time::Instant,
    /// STUN servers and relays, by which the addresses of this host are found.
    toward: Vec<SocketAddr>,
    stats: PeerSocketStats,
    /// The datagram being received or sent. One byte more than the largest, so that larger ones are noticed.
    datagram: Box<[u8; PEER_DATAGRAM_BYTES_MAX + 1]>,
}

impl PeerSocket {
    /// Opens sockets with ports of their own for a mesh with this name. `stun` are the STUN servers, one of each family;
    /// without one, players behind NATs are not found. `relay` is a relay with the ticket for it, which the game's server
    /// gives. The addresses of this host are those from which it reaches the first of them, in each family.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open(session: [u8; 16], stun: Vec<SocketAddr>, relay: Option<RelayConfig>) -> Result<Self, OpenError> {
        Self::open_at(0, session, stun, relay)
    }

    /// As [`Self::open`], with a port for both families that a NAT was told to pass on.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_at(
        port: u16,
        session: [u8; 16],
        stun: Vec<SocketAddr>,
        relay: Option<RelayConfig>,
    ) -> Result<Self, OpenError> {
        let of_relay = relay.iter().flat_map(|relay| &relay.addresses);
        let toward: Vec<SocketAddr> = stun.iter().chain(of_relay).copied().collect();
        let sockets = Sockets::open(port, &toward)?;
        let mut config = MeshConfig::new(session, sockets.host());
        (config.stun, config.relay) = (stun, relay);
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(OpenError::Random)?;
        Ok(PeerSocket {
            mesh: Mesh::new(config, Instant::ZERO, seed),
            sockets,
            start: std::time::Instant::now(),
            toward,
            stats: PeerSocketStats::default(),
            datagram: Box::new([0; PEER_DATAGRAM_BYTES_MAX + 1]),
        })
    }

    /// Receives everything that has arrived, does what is due, and sends. Call it once per frame.
    pub fn poll(&mut self) {
        for _ in 0..DATAGRAMS_PER_POLL {
            match self.sockets.receive(&mut self.datagram[..]) {
                Ok((len, from)) => {
                    self.stats.datagrams_in += 1;
                    let now = self.now();
                    self.mesh.receive(now, from, &mut self.datagram[..len]);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => self.stats.receive_failed += 1,
            }
        }
        self.mesh.advance(self.now());
        self.flush();
    }

    /// The oldest event that was not taken. Take all of them in each frame.
    pub fn event(&mut self) -> Option<MeshEvent> {
        self.mesh.poll_event()
    }

    /// Names the player of `entity` as a member. See [`Mesh::join`].
    ///
    /// # Errors
    /// [`JoinError`].
    pub fn join(&mut self, entity: EntityId) -> Result<PeerId, JoinError> {
        self.mesh.join(self.now(), entity)
    }

    /// Takes an introduction that the server brought.
    pub fn introduced(&mut self, from: EntityId, bytes: &[u8]) {
        self.mesh.introduced(self.now(), from, bytes);
    }

    /// The next introduction to send over the server, if one is due: for whom, and its bytes.
    pub fn introduction(&mut self) -> Option<(EntityId, Vec<u8>)> {
        self.mesh.poll_introduction(self.now())
    }

    /// Queues a message, which leaves with the next [`Self::flush`] or [`Self::poll`].
    ///
    /// # Errors
    /// [`SendError`]; the message was not taken.
    pub fn send(&mut self, peer: PeerId, channel: Channel, message: &[u8]) -> Result<(), SendError> {
        self.mesh.send(self.now(), peer, channel, message)
    }

    /// Sends what is due. Never blocks: when the send buffer of the operating system is full, the rest is lost, as on the way.
    pub fn flush(&mut self) {
        let now = self.now();
        while let Some((to, len)) = self.mesh.poll_transmit(now, &mut self.datagram[..PEER_DATAGRAM_BYTES_MAX]) {
            // An error may be about a datagram before this one.
            let sent = self.sockets.send(to, &self.datagram[..len]).or_else(|error| match error.kind() {
                ErrorKind::WouldBlock => Err(error),
                _ => self.sockets.send(to, &self.datagram[..len]),
            });
            match sent {
                Ok(_) => self.stats.datagrams_out += 1,
                Err(_) => self.stats.send_failed += 1,
            }
        }
    }

    /// Waits until something has arrived or is due, for `timeout` at most. For programs without frames.
    pub fn wait(&mut self, timeout: Duration) {
        let timeout = self.mesh.deadline().since(self.now()).min(timeout);
        self.sockets.wait(timeout);
    }

    /// Moves the mesh to new sockets. Call it when the network of this host has changed, for example from Wi-Fi to mobile:
    /// paths are looked for anew, and the sessions go on.
    ///
    /// # Errors
    /// The system's error; the former sockets stay in use.
    pub fn rebind(&mut self) -> io::Result<()> {
        self.sockets = Sockets::open(0, &self.toward)?;
        self.mesh.set_host(self.now(), self.sockets.host());
        self.flush();
        Ok(())
    }

    /// The mesh.
    pub fn mesh(&self) -> &Mesh {
        &self.mesh
    }

    /// The mesh, to name and remove players.
    pub fn mesh_mut(&mut self) -> &mut Mesh {
        &mut self.mesh
    }

    /// The time by the mesh's clock.
    pub fn now(&self) -> Instant {
        Instant::ZERO + self.start.elapsed()
    }

    /// The addresses of this host, one per family, with the ports of the sockets.
    pub fn local_addresses(&self) -> Vec<SocketAddr> {
        self.sockets.host()
    }

    /// What the sockets did so far.
    pub fn stats(&self) -> &PeerSocketStats {
        &self.stats
    }
}

impl Drop for PeerSocket {
    fn drop(&mut self) {
        self.mesh.leave();
        self.flush();
    }
}
