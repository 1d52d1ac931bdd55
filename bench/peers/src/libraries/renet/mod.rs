//! renet over renet_netcode.
//!
//! Settings: [`ConnectionConfig::default`](https://docs.rs/renet/2.0.1/renet/struct.ConnectionConfig.html), so 60,000 bytes per
//! client and tick, on the 60 Hz loop of its [readme](https://github.com/lucaspoffo/renet#usage). It has no other loop: without
//! a tick, each acknowledgment would be acknowledged at once. The loop sleeps until the next tick, not for a whole tick. A
//! client sends at most once per tick, and at once if the last time is a tick ago.

use super::netcode::{connection, is_connected, server_config};
use super::tick::{TICK, Tick};
use super::{Client, ClientOptions, ServeOptions, bind, print_ready};
use crate::conversation::{Flow, TRANSFER_BYTES, Task};
use crate::datagrams::Datagrams;
use renet::{ConnectionConfig, DefaultChannel, RenetServer};
use renet_netcode::NetcodeServerTransport;
use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

/// Runs the server.
pub fn serve(options: &ServeOptions) -> Result<Infallible, String> {
    let socket = bind(options.listen)?;
    let mut transport =
        NetcodeServerTransport::new(server_config(options), socket).map_err(|error| error.to_string())?;
    let mut server = RenetServer::new(ConnectionConfig::default());
    let mut flows = HashMap::new();
    print_ready(&[]);
    let mut tick = Tick::begin();
    loop {
        let passed = tick.wait();
        server.update(passed);
        transport.update(passed, &mut server).map_err(|error| error.to_string())?;
        while server.get_event().is_some() {}
        match options.task {
            Task::Echo => echo(&mut server),
            Task::Transfer => transfer(&mut server, &mut flows),
        }
        transport.send_packets(&mut server);
    }
}

fn echo(server: &mut RenetServer) {
    for client in server.clients_id() {
        while let Some(message) = server.receive_message(client, DefaultChannel::Unreliable) {
            server.send_message(client, DefaultChannel::Unreliable, message);
        }
    }
}

fn transfer(server: &mut RenetServer, flows: &mut HashMap<u64, Flow>) {
    for client in server.clients_id() {
        let flow = flows.entry(client).or_default();
        while let Some(message) = server.receive_message(client, DefaultChannel::ReliableOrdered) {
            flow.grant(&message);
        }
        while server.can_send_message(client, DefaultChannel::ReliableOrdered, TRANSFER_BYTES)
            && let Some(message) = flow.next()
        {
            server.send_message(client, DefaultChannel::ReliableOrdered, message.to_vec());
            flow.sent();
        }
    }
}

/// A client of renet.
pub struct RenetClient {
    connection: renetcode::NetcodeClient,
    client: renet::RenetClient,
    channel: u8,
    ticked_at: Duration,
}

impl RenetClient {
    pub fn new(now: Duration, options: &ClientOptions) -> Result<Self, String> {
        let channel = match options.task {
            Task::Echo => DefaultChannel::Unreliable,
            Task::Transfer => DefaultChannel::ReliableOrdered,
        };
        Ok(RenetClient {
            connection: connection(options)?,
            client: renet::RenetClient::new(ConnectionConfig::default()),
            channel: channel.into(),
            ticked_at: now,
        })
    }
}

impl Client for RenetClient {
    fn receive(&mut self, _now: Duration, datagram: &mut [u8], _messages: &mut dyn FnMut(&[u8])) {
        if let Some(packet) = self.connection.process_packet(datagram) {
            self.client.process_packet(packet);
        }
    }

    fn poll(&mut self, _now: Duration, messages: &mut dyn FnMut(&[u8])) {
        while let Some(message) = self.client.receive_message(self.channel) {
            messages(&message);
        }
    }

    fn send(&mut self, _now: Duration, message: &[u8]) -> bool {
        let has_room = self.client.can_send_message(self.channel, message.len());
        if has_room {
            self.client.send_message(self.channel, message.to_vec());
        }
        has_room
    }

    fn transmit(&mut self, now: Duration, out: &mut Datagrams) {
        if now < self.deadline() {
            return;
        }
        let passed = now - self.ticked_at;
        self.ticked_at = now;
        if let Some((datagram, _)) = self.connection.update(passed) {
            out.push(datagram);
        }
        if self.connection.is_connected() {
            self.client.set_connected();
        }
        self.client.update(passed);
        for packet in self.client.get_packets_to_send() {
            if let Ok((_, datagram)) = self.connection.generate_payload_packet(&packet) {
                out.push(datagram);
            }
        }
    }

    fn deadline(&self) -> Duration {
        self.ticked_at + TICK
    }

    fn is_connected(&self) -> Result<bool, String> {
        match self.client.disconnect_reason() {
            Some(reason) => Err(reason.to_string()),
            None => Ok(is_connected(&self.connection)? && self.client.is_connected()),
        }
    }
}
