//! netcode: renetcode, the implementation in Rust that renet uses, without renet. It carries unreliable messages alone, one per
//! datagram.
//!
//! Settings: a private key and connect tokens
//! ([`ServerAuthentication::Secure`](https://docs.rs/renetcode/2.0.0/renetcode/enum.ServerAuthentication.html)); the timeout of
//! its examples. A server is updated 60 times per second, as in the loop of
//! [netcode](https://github.com/mas-bandwidth/netcode#server). At the maximum rate it answers on arrival.

use super::tick::{TICK, Tick};
use super::{Client, ClientOptions, ServeOptions, bind, print_ready, wait_readable};
use crate::datagrams::Datagrams;
use renetcode::{
    ClientAuthentication, ConnectToken, NETCODE_MAX_PACKET_BYTES, NetcodeServer, ServerAuthentication, ServerConfig,
    ServerResult,
};
use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A run's clients and server share this key, so that the clients can make their own tokens.
const PRIVATE_KEY: [u8; 32] = [7; 32];
const PROTOCOL_ID: u64 = 1;
/// How long a token is valid, in seconds.
const TOKEN_S: u64 = 300;
/// After this silence a connection ends, in seconds.
const TIMEOUT_S: i32 = 15;

/// The configuration of a server.
pub fn server_config(options: &ServeOptions) -> ServerConfig {
    ServerConfig {
        current_time: since_epoch(),
        max_clients: options.clients,
        protocol_id: PROTOCOL_ID,
        public_addresses: vec![options.listen],
        authentication: ServerAuthentication::Secure { private_key: PRIVATE_KEY },
    }
}

/// A connection that begins.
pub fn connection(options: &ClientOptions) -> Result<renetcode::NetcodeClient, String> {
    let now = since_epoch();
    let (number, server) = (options.number as u64 + 1, vec![options.server]);
    let connect_token =
        ConnectToken::generate(now, PROTOCOL_ID, TOKEN_S, number, TIMEOUT_S, server, None, &PRIVATE_KEY)
            .map_err(|error| error.to_string())?;
    renetcode::NetcodeClient::new(now, ClientAuthentication::Secure { connect_token })
        .map_err(|error| error.to_string())
}

/// Whether it is connected, or why it no longer is.
pub fn is_connected(connection: &renetcode::NetcodeClient) -> Result<bool, String> {
    match connection.disconnect_reason() {
        Some(reason) => Err(reason.to_string()),
        None => Ok(connection.is_connected()),
    }
}

fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is past 1970")
}

/// Runs the server.
pub fn serve(options: &ServeOptions) -> Result<Infallible, String> {
    let socket = bind(options.listen)?;
    socket.set_nonblocking(true).map_err(|error| error.to_string())?;
    let mut server = NetcodeServer::new(server_config(options));
    print_ready(&[]);
    let mut tick = Tick::begin();
    loop {
        let passed = match options.on_tick {
            true => Some(tick.wait()),
            false => {
                wait_readable(&socket, TICK)?;
                tick.is_due().then(|| tick.pass())
            }
        };
        if let Some(passed) = passed {
            server.update(passed);
            for client in server.clients_id() {
                answer(&socket, server.update_client(client));
            }
        }
        receive(&socket, &mut server)?;
    }
}

/// Receives and echoes what has arrived.
fn receive(socket: &UdpSocket, server: &mut NetcodeServer) -> Result<(), String> {
    let mut buffer = [0; NETCODE_MAX_PACKET_BYTES];
    loop {
        let (len, address) = match socket.recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionReset) => continue,
            Err(error) => return Err(format!("cannot receive: {error}")),
        };
        match server.process_packet(address, &mut buffer[..len]) {
            ServerResult::Payload { client_id, payload } => {
                if let Ok((address, datagram)) = server.generate_payload_packet(client_id, payload) {
                    send(socket, datagram, address);
                }
            }
            result => answer(socket, result),
        }
    }
}

fn answer(socket: &UdpSocket, result: ServerResult<'_, '_>) {
    match result {
        ServerResult::PacketToSend { addr, payload }
        | ServerResult::ClientConnected { addr, payload, .. }
        | ServerResult::ClientDisconnected { addr, payload: Some(payload), .. } => send(socket, payload, addr),
        _ => {}
    }
}

/// What cannot be sent is lost, as datagrams are.
fn send(socket: &UdpSocket, datagram: &[u8], address: SocketAddr) {
    let _ = socket.send_to(datagram, address);
}

/// A client of netcode. It sends messages at once, and is updated 60 times per second.
pub struct NetcodeClient {
    connection: renetcode::NetcodeClient,
    queued: Datagrams,
    updated_at: Duration,
}

impl NetcodeClient {
    pub fn new(now: Duration, options: &ClientOptions) -> Result<Self, String> {
        Ok(NetcodeClient { connection: connection(options)?, queued: Datagrams::default(), updated_at: now })
    }
}

impl Client for NetcodeClient {
    fn receive(&mut self, _now: Duration, datagram: &mut [u8], messages: &mut dyn FnMut(&[u8])) {
        if let Some(message) = self.connection.process_packet(datagram) {
            messages(message);
        }
    }

    fn poll(&mut self, _now: Duration, _messages: &mut dyn FnMut(&[u8])) {}

    fn send(&mut self, _now: Duration, message: &[u8]) -> bool {
        let Ok((_, datagram)) = self.connection.generate_payload_packet(message) else { return false };
        self.queued.push(datagram);
        true
    }

    fn transmit(&mut self, now: Duration, out: &mut Datagrams) {
        if now >= self.deadline() {
            if let Some((datagram, _)) = self.connection.update(now - self.updated_at) {
                out.push(datagram);
            }
            self.updated_at = now;
        }
        out.append(&mut self.queued);
    }

    fn deadline(&self) -> Duration {
        self.updated_at + TICK
    }

    fn is_connected(&self) -> Result<bool, String> {
        is_connected(&self.connection)
    }
}
