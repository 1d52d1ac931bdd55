//! A client of the server whose datagrams go through a WebSocket.

use crate::server::PATIENCE;
use ringshard_client::{Channel, ClientConfig, PublicKey};
use ringshard_protocol::client::{Client, ClientEvent};
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use ringshard_protocol::time::Instant;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Request;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket, client};

/// Opens a WebSocket to the gateway.
pub fn open(gateway: SocketAddr, server: &str) -> Result<WebSocket<TcpStream>, u16> {
    open_with(gateway, request(gateway, server))
}

/// A request for a WebSocket, as browsers send it.
pub fn request(gateway: SocketAddr, server: &str) -> Request {
    let url = format!("ws://{gateway}/v1/servers/{server}/websocket");
    let mut request = url.into_client_request().expect("a sound URL");
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("ringshard.1"));
    request
}

/// Opens a WebSocket with this request. An error is the status of HTTP.
pub fn open_with(gateway: SocketAddr, request: Request) -> Result<WebSocket<TcpStream>, u16> {
    let stream = TcpStream::connect(gateway).expect("the gateway listens");
    stream.set_nodelay(true).unwrap();
    match client(request, stream) {
        Ok((socket, answer)) => {
            assert_eq!(answer.headers()["sec-websocket-protocol"], "ringshard.1");
            Ok(socket)
        }
        Err(error) => match error {
            tokio_tungstenite::tungstenite::HandshakeError::Failure(Error::Http(answer)) => {
                Err(answer.status().as_u16())
            }
            error => panic!("neither a WebSocket nor an answer: {error}"),
        },
    }
}

/// The player.
pub struct Player {
    pub socket: WebSocket<TcpStream>,
    pub client: Client,
    pub messages: Vec<(Channel, Vec<u8>)>,
    pub connects: usize,
    pub losses: usize,
    /// How the gateway closed the WebSocket.
    pub closed: Option<Option<CloseFrame>>,
    started: std::time::Instant,
}

impl Player {
    pub fn new(gateway: SocketAddr, key: PublicKey, reconnect: bool) -> Player {
        let config = ClientConfig { reconnect, ..ClientConfig::new(key) };
        let seed = ringshard::runtime::entropy::random_bytes();
        let client = Client::new(config, Instant::ZERO, seed).expect("a sound key");
        let socket = open(gateway, "echo").expect("the gateway admits");
        let mut player = Player {
            socket,
            client,
            messages: Vec::new(),
            connects: 0,
            losses: 0,
            closed: None,
            started: std::time::Instant::now(),
        };
        player.socket.get_mut().set_nonblocking(true).unwrap();
        player
    }

    /// Connects and returns once the server has accepted.
    pub fn connected(gateway: SocketAddr, key: PublicKey) -> Player {
        let mut player = Player::new(gateway, key, false);
        player.run_until("the client is connected", |player| player.connects == 1);
        player
    }

    /// Goes on over another WebSocket. Returns the former one, which is still open.
    pub fn move_to(&mut self, socket: WebSocket<TcpStream>) -> WebSocket<TcpStream> {
        socket.get_ref().set_nonblocking(true).unwrap();
        let now = self.now();
        self.client.address_changed(now);
        std::mem::replace(&mut self.socket, socket)
    }

    pub fn send(&mut self, channel: Channel, message: &[u8]) {
        let now = self.now();
        self.client.send(now, channel, message).expect("the client takes the message");
    }

    /// Runs until something holds.
    pub fn run_until(&mut self, what: &str, holds: impl Fn(&Player) -> bool) {
        let end = std::time::Instant::now() + PATIENCE;
        while !holds(self) {
            assert!(std::time::Instant::now() < end, "waited in vain until {what}");
            self.step();
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Receives what has arrived and sends what is due.
    pub fn step(&mut self) {
        self.receive();
        let now = self.now();
        self.client.advance(now);
        self.take_events();
        let mut datagram = [0; DATAGRAM_BYTES_MAX];
        while let Some(len) = self.client.poll_transmit(now, &mut datagram) {
            match self.socket.write(Message::binary(datagram[..len].to_vec())) {
                Ok(()) => {}
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(_) => return,
            }
        }
        let _ = self.socket.flush();
    }

    fn receive(&mut self) {
        loop {
            match self.socket.read() {
                Ok(Message::Binary(datagram)) => self.take(datagram.to_vec()),
                Ok(Message::Close(frame)) => self.closed = Some(frame),
                Ok(_) => {}
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.closed.get_or_insert(None);
                    return;
                }
            }
        }
    }

    fn take(&mut self, mut datagram: Vec<u8>) {
        let now = self.now();
        let messages = &mut self.messages;
        let received = self.client.receive(now, &mut datagram);
        received.into_iter().flatten().for_each(|message| messages.push((message.channel, message.bytes.to_vec())));
        let mut message = Vec::new();
        while let Some(channel) = self.client.read(&mut message) {
            self.messages.push((channel, message.clone()));
        }
        self.take_events();
    }

    fn take_events(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                ClientEvent::Connected { .. } => self.connects += 1,
                ClientEvent::Moved { .. } => {}
                ClientEvent::Reconnecting(_) | ClientEvent::Closed(_) => self.losses += 1,
            }
        }
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.started.elapsed()
    }
}
