//! A player: what it sends, and what must arrive.

use crate::Failure;
use ringshard_peer::{MeshEvent, PeerId, PeerSocket, RelayConfig};
use ringshard_protocol::connection::SendError;
use ringshard_protocol::gateway::RelayTicket;
use ringshard_protocol::wire::Channel;
use ringshard_world::EntityId;
use std::collections::BTreeMap;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

const MESH: [u8; 16] = *b"mesh of examples";
const TEXT: &[u8] = "Grüße an alle".as_bytes();
/// The mebibyte goes in as many messages of the largest size.
const BLOCKS: usize = 16;
const BLOCK_BYTES: usize = 65_536;
const BULK: Channel = Channel::new(5).expect("there is such a channel");
/// Numbered messages that show whether anything reliable is lost.
const COUNTED: Channel = Channel::new(9).expect("there is such a channel");
const VOICE: Channel = Channel::UNRELIABLE;
const VOICE_BYTES: usize = 80;
const VOICE_PERIOD: Duration = Duration::from_millis(20);
const COUNT_PERIOD: Duration = Duration::from_millis(100);
/// Time that the last messages have to arrive.
const FAREWELL: Duration = Duration::from_secs(30);
/// How often the meeting point sees this player's address.
const SHOW_PERIOD: Duration = Duration::from_millis(500);

pub struct Options {
    /// Addresses of the meeting point, at most one per family.
    pub meeting: Vec<SocketAddr>,
    pub number: u8,
    pub players: u8,
    /// The port of the socket; 0 for any.
    pub port: u16,
    /// How long the players talk, once all are connected.
    pub time: Duration,
    /// Time between two changes of the socket.
    pub rebind: Option<Duration>,
}

/// What a peer got and gave.
#[derive(Default)]
struct Talk {
    kind: &'static str,
    took: Option<Duration>,
    connected: bool,
    texts: u32,
    bytes: usize,
    mebibyte_took: Option<Duration>,
    voice: u64,
    counted_out: u32,
    counted_in: u32,
    /// What it counted when it said that it is done.
    said_done: Option<u32>,
    is_done: bool,
    paths: u32,
    lost_paths: u32,
    round_trip: Duration,
    /// Anything that must not happen.
    fault: Option<String>,
}

struct Player {
    mesh: PeerSocket,
    number: u8,
    talks: BTreeMap<PeerId, (u8, Talk)>,
    began: Instant,
    /// When all others were connected.
    met: Option<Instant>,
    /// How long they talked.
    talked: Duration,
}

pub fn play(options: Options) -> Result<bool, Failure> {
    let Options { meeting, number, players, port, time, rebind } = options;
    let server = connect(&meeting)?;
    let relay = RelayConfig { addresses: meeting.clone(), ticket: ticket(&server, number)? };
    server.set_nonblocking(true)?;
    let mut player = Player {
        mesh: PeerSocket::open_at(port, MESH, meeting, Some(relay))?,
        number,
        talks: BTreeMap::new(),
        began: Instant::now(),
        met: None,
        talked: Duration::ZERO,
    };
    for other in (0..players).filter(|&other| other != number) {
        let peer = player.mesh.join(entity(other))?;
        player.talks.insert(peer, (other, Talk::default()));
    }
    let (mut shown, mut voiced, mut counted, mut rebound) = (None, player.began, player.began, player.began);
    loop {
        let now = Instant::now();
        if shown.is_none_or(|at| now >= at + SHOW_PERIOD) {
            shown = Some(now);
            let _ = server.send(&[number, number]);
        }
        player.carry_introductions(&server);
        player.mesh.poll();
        player.take_events();
        let talking = player.talks(now, time);
        if now >= voiced + VOICE_PERIOD {
            voiced += VOICE_PERIOD;
            player.send_voice();
        }
        if now >= counted + COUNT_PERIOD {
            counted += COUNT_PERIOD;
            player.count(talking);
        }
        if rebind.is_some_and(|period| talking && now >= rebound + period) {
            rebound = now;
            player.mesh.rebind()?;
            println!("player {number}: has another socket");
        }
        if player.is_complete() || now >= player.met.unwrap_or(player.began) + time + FAREWELL {
            break;
        }
        player.mesh.wait(Duration::from_millis(5));
    }
    player.measure();
    // What the others still lack of this player leaves meanwhile.
    let until = Instant::now() + Duration::from_secs(1);
    while Instant::now() < until {
        player.carry_introductions(&server);
        player.mesh.poll();
        while player.mesh.event().is_some() {}
        player.mesh.wait(Duration::from_millis(5));
    }
    Ok(player.report())
}

/// A socket to the meeting point, over a family that this host has.
fn connect(meeting: &[SocketAddr]) -> Result<UdpSocket, Failure> {
    let mut error = "the meeting point has no address".into();
    for address in meeting {
        let own = if address.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" };
        match UdpSocket::bind(own).and_then(|socket| socket.connect(address).map(|()| socket)) {
            Ok(socket) => return Ok(socket),
            Err(failure) => error = failure.into(),
        }
    }
    Err(error)
}

/// Asks the meeting point for a ticket for its relay.
fn ticket(server: &UdpSocket, number: u8) -> Result<RelayTicket, Failure> {
    server.set_read_timeout(Some(SHOW_PERIOD))?;
    let mut datagram = [0; 2_048];
    for _ in 0..20 {
        server.send(&[number, number])?;
        if let Ok(len) = server.recv(&mut datagram)
            && let [from, to, bytes @ ..] = &datagram[..len]
            && from == to
            && let Ok(bytes) = bytes.try_into()
        {
            return Ok(RelayTicket::from_bytes(bytes));
        }
    }
    Err("the meeting point does not answer".into())
}

fn entity(number: u8) -> EntityId {
    EntityId { index: number.into(), generation: 1 }
}

impl Player {
    /// Whether the players still talk at this time.
    fn talks(&mut self, now: Instant, time: Duration) -> bool {
        if self.met.is_none() && self.talks.values().all(|(_, talk)| talk.took.is_some()) {
            self.met = Some(now);
        }
        let talked = self.met.map_or(Duration::ZERO, |met| now - met);
        if talked < time {
            self.talked = talked;
        }
        talked < time
    }

    /// Between the mesh and the server of the game, whose place the meeting point takes.
    fn carry_introductions(&mut self, server: &UdpSocket) {
        let mut datagram = [0; 2_048];
        while let Ok(len) = server.recv(&mut datagram) {
            if let [from, to, bytes @ ..] = &datagram[..len]
                && from != to
            {
                self.mesh.introduced(entity(*from), bytes);
            }
        }
        while let Some((to, bytes)) = self.mesh.introduction() {
            let _ = server.send(&[&[self.number, to.index as u8], &bytes[..]].concat());
        }
    }

    fn take_events(&mut self) {
        while let Some(event) = self.mesh.event() {
            match event {
                MeshEvent::Message(peer, channel, bytes) => self.take_message(peer, channel, &bytes),
                MeshEvent::Connected { peer, resumed, took } => self.connected(peer, resumed, took),
                MeshEvent::Path(peer, path) => {
                    if let Some((other, talk)) = self.talks.get_mut(&peer) {
                        (talk.kind, talk.paths) = (path.kind.name(), talk.paths + 1);
                        println!(
                            "player {}: {:.1} s: path to {other}: {} {}",
                            self.number,
                            self.began.elapsed().as_secs_f64(),
                            talk.kind,
                            path.address
                        );
                    }
                }
                MeshEvent::PathLost(peer) => {
                    if let Some((other, talk)) = self.talks.get_mut(&peer) {
                        talk.lost_paths += 1;
                        let after = self.began.elapsed().as_secs_f64();
                        println!("player {}: {after:.1} s: lost the path to {other}", self.number);
                    }
                }
                MeshEvent::Suspended(peer) => {
                    if let Some((other, talk)) = self.talks.get_mut(&peer) {
                        talk.connected = false;
                        println!("player {}: lost the connection to {other}", self.number);
                    }
                }
                MeshEvent::BeganAnew(peer) | MeshEvent::Left(peer, _) => {
                    if let Some((_, talk)) = self.talks.get_mut(&peer)
                        && !talk.is_complete()
                    {
                        talk.fault = Some("it left".into());
                    }
                }
            }
        }
    }

    fn connected(&mut self, peer: PeerId, resumed: bool, took: Duration) {
        let Some((_, talk)) = self.talks.get_mut(&peer) else { return };
        talk.connected = true;
        if talk.took.is_some() {
            if !resumed {
                talk.fault = Some("its session was not resumed".into());
            }
            return;
        }
        talk.took = Some(took);
        let sent = self
            .mesh
            .send(peer, Channel::RELIABLE_ORDERED, TEXT)
            .and_then(|()| (0..BLOCKS).try_for_each(|number| self.mesh.send(peer, BULK, &block(number))));
        if let Err(error) = sent {
            talk.fault = Some(error.to_string());
        }
    }

    fn take_message(&mut self, peer: PeerId, channel: Channel, bytes: &[u8]) {
        let Some((_, talk)) = self.talks.get_mut(&peer) else { return };
        match channel {
            VOICE => talk.voice += 1,
            BULK => {
                if bytes != block(talk.bytes / BLOCK_BYTES) {
                    talk.fault = Some("a block differs".into());
                }
                talk.bytes += bytes.len();
                if talk.bytes == BLOCKS * BLOCK_BYTES {
                    talk.mebibyte_took = Some(self.began.elapsed());
                }
            }
            COUNTED => match bytes {
                b"done" => talk.said_done = Some(talk.counted_in),
                _ if bytes == talk.counted_in.to_le_bytes() => talk.counted_in += 1,
                _ => talk.fault = Some(format!("message {} is missing", talk.counted_in)),
            },
            _ if bytes == TEXT => talk.texts += 1,
            _ => talk.fault = Some("an unknown message".into()),
        }
    }

    fn send_voice(&mut self) {
        for peer in self.talks.iter().filter(|(_, (_, talk))| talk.connected).map(|(&peer, _)| peer) {
            // Whatever is lost is lost.
            let _ = self.mesh.send(peer, VOICE, &[7; VOICE_BYTES]);
        }
    }

    /// Sends the next number, and at the end that it was the last.
    fn count(&mut self, talking: bool) {
        for (&peer, (_, talk)) in self.talks.iter_mut().filter(|(_, (_, talk))| talk.connected && !talk.is_done) {
            let sent = match talking {
                true => self.mesh.send(peer, COUNTED, &talk.counted_out.to_le_bytes()),
                false => self.mesh.send(peer, COUNTED, b"done"),
            };
            match sent {
                Ok(()) if talking => talk.counted_out += 1,
                Ok(()) => talk.is_done = true,
                Err(SendError::NotConnected) => {}
                Err(error) => talk.fault = Some(error.to_string()),
            }
        }
    }

    fn is_complete(&self) -> bool {
        self.talks.iter().all(|(&peer, (_, talk))| {
            talk.fault.is_some() || (talk.is_complete() && self.mesh.mesh().unacknowledged_bytes(peer) == 0)
        })
    }

    fn measure(&mut self) {
        for (&peer, (_, talk)) in &mut self.talks {
            talk.round_trip = self.mesh.mesh().quality(peer).0.unwrap_or_default();
        }
    }

    fn report(&self) -> bool {
        let mut good = true;
        for (other, talk) in self.talks.values() {
            let millis = |time: Option<Duration>| time.map_or(-1, |time| time.as_millis() as i64);
            let fault = match &talk.fault {
                Some(fault) => fault.as_str(),
                None if talk.took.is_none() => "no session",
                None if !talk.is_complete() => "not everything arrived",
                None => "none",
            };
            println!(
                "player {}: result to={other} path={} connect_ms={} mebibyte_ms={} talked_secs={:.1} voice={} reliable_out={} \
                 reliable_in={} paths={} lost_paths={} rtt_us={} fault={}",
                self.number,
                if talk.kind.is_empty() { "none" } else { talk.kind },
                millis(talk.took),
                millis(talk.mebibyte_took),
                self.talked.as_secs_f64(),
                talk.voice,
                talk.counted_out,
                talk.counted_in,
                talk.paths,
                talk.lost_paths,
                talk.round_trip.as_micros(),
                fault.replace(' ', "-"),
            );
            good &= fault == "none";
        }
        good
    }
}

impl Talk {
    fn is_complete(&self) -> bool {
        self.is_done && self.said_done.is_some() && self.texts == 1 && self.bytes == BLOCKS * BLOCK_BYTES
    }
}

/// A block of the mebibyte. It does not compress well.
fn block(number: usize) -> Vec<u8> {
    let mut state = number as u32 + 1;
    (0..BLOCK_BYTES)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect()
}
