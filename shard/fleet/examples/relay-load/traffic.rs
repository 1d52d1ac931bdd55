//! A host that echoes, and clients. Nodes see no difference between their datagrams and sealed ones.

use ringshard_protocol::wire::{Cookie, UnencryptedPacket, decode_unencrypted};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

/// Time between two rounds, in each of which a part of the clients sends.
const ROUND: Duration = Duration::from_millis(1);

/// Starts a host: it answers probes with a cookie and echoes everything else.
pub fn echo() -> io::Result<SocketAddr> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let address = socket.local_addr()?;
    thread::spawn(move || {
        let mut buffer = [0; 2_048];
        while let Ok((len, from)) = socket.recv_from(&mut buffer) {
            // What cannot be sent is lost.
            let _ = match decode_unencrypted(&buffer[..len]) {
                Ok(UnencryptedPacket::Connect(connect)) => {
                    socket.send_to(&Cookie { tag: connect.tag, cookie: [1; 48] }.encode(), from)
                }
                _ => socket.send_to(&buffer[..len], from),
            };
        }
    });
    Ok(address)
}

/// The clients.
pub struct Clients {
    sockets: Vec<UdpSocket>,
    bytes: usize,
    sent: u64,
    received: u64,
    /// The client whose turn it is.
    turn: usize,
}

impl Clients {
    /// Clients of this door, each with a socket of its own.
    pub fn new(count: u16, bytes: usize, door: SocketAddr) -> io::Result<Clients> {
        let socket = |_| {
            let socket = UdpSocket::bind("127.0.0.1:0")?;
            socket.connect(door)?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        let sockets = (0..count).map(socket).collect::<io::Result<_>>()?;
        Ok(Clients { sockets, bytes: bytes.clamp(16, 1_200), sent: 0, received: 0, turn: 0 })
    }

    /// Datagrams sent so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Echoes so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// Each client sends `rate` datagrams per second, for this time.
    pub fn play(&mut self, rate: u32, time: Duration) {
        let (began, mut owed) = (Instant::now(), 0.0);
        let per_round = self.sockets.len() as f64 * f64::from(rate) * ROUND.as_secs_f64();
        let mut rounds = 0;
        while began.elapsed() < time {
            owed += per_round;
            while owed >= 1.0 {
                self.send();
                owed -= 1.0;
            }
            self.receive();
            rounds += 1;
            thread::sleep((ROUND * rounds).saturating_sub(began.elapsed()));
        }
    }

    fn send(&mut self) {
        let at = self.turn;
        self.turn = (self.turn + 1) % self.sockets.len();
        let [low, high] = (at as u16).to_le_bytes();
        self.sent += 1;
        // The header of an encrypted datagram (PROTOCOL.md#header).
        let mut datagram = vec![0, 1, low, high, 0, 3];
        datagram.extend_from_slice(&self.sent.to_le_bytes());
        datagram.resize(self.bytes, 7);
        // What cannot be sent is lost.
        let _ = self.sockets[at].send(&datagram);
    }

    fn receive(&mut self) {
        let mut buffer = [0; 2_048];
        for socket in &self.sockets {
            while socket.recv(&mut buffer).is_ok() {
                self.received += 1;
            }
        }
    }
}
