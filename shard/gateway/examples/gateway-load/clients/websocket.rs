//! A WebSocket client that costs little: frames are written by hand, masked with zeros.

use super::Tally;
use crate::Outcome;
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::{AbortHandle, spawn_local};

/// Largest frame that is sent here, its header included.
const FRAME_BYTES_MAX: usize = 1_280;
const READ_BYTES: usize = 4 << 10;
const BINARY: u8 = 0x82;

pub struct Client {
    stream: Rc<TcpStream>,
    reader: AbortHandle,
}

impl Client {
    pub async fn connect(address: SocketAddr, tally: Rc<Tally>) -> Outcome<Client> {
        let stream = Rc::new(upgrade(TcpSocket::new_v4()?.connect(address).await?).await?);
        let reader = spawn_local(read(Rc::clone(&stream), tally)).abort_handle();
        Ok(Client { stream, reader })
    }

    /// Sends a datagram, unless the socket is full.
    pub fn send(&self, datagram: &[u8]) -> bool {
        let mut bytes = [0; FRAME_BYTES_MAX];
        let length = frame(&mut bytes, datagram);
        // A frame that fits in part spoils the stream. It then ends, which is counted.
        self.stream.try_write(&bytes[..length]).is_ok_and(|written| written == length)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Writes a binary frame of a client. Returns its length.
fn frame(bytes: &mut [u8], datagram: &[u8]) -> usize {
    bytes[0] = BINARY;
    let head = match u8::try_from(datagram.len()) {
        Ok(length) if length < 126 => {
            bytes[1] = 0x80 | length;
            2
        }
        _ => {
            bytes[1] = 0x80 | 126;
            bytes[2..4].copy_from_slice(&(datagram.len() as u16).to_be_bytes());
            4
        }
    };
    let body = head + 4;
    bytes[head..body].fill(0);
    bytes[body..body + datagram.len()].copy_from_slice(datagram);
    body + datagram.len()
}

/// Asks for a WebSocket on a fresh connection.
pub async fn upgrade(mut stream: TcpStream) -> Outcome<TcpStream> {
    stream.set_nodelay(true)?;
    let request = "GET /v1/servers/echo/websocket HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                   sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                   sec-websocket-protocol: ringshard.1\r\n\r\n";
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await?);
    }
    match answer.starts_with(b"HTTP/1.1 101 ") {
        true => Ok(stream),
        false => Err(String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().into()),
    }
}

/// Reads frames until the connection ends.
async fn read(stream: Rc<TcpStream>, tally: Rc<Tally>) {
    let (mut buffer, mut filled) = (vec![0; READ_BYTES], 0);
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut buffer[filled..]) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
            Ok(0) | Err(_) => break,
            Ok(length) => filled += length,
        }
        let mut at = 0;
        while let Some((body, end)) = parse(&buffer[at..filled]) {
            if buffer[at] == BINARY {
                tally.receive(&buffer[at + body..at + end]);
            }
            at += end;
        }
        buffer.copy_within(at..filled, 0);
        filled -= at;
    }
    tally.count_ended();
}

/// Where the body of the first frame begins and ends, if it is complete.
fn parse(bytes: &[u8]) -> Option<(usize, usize)> {
    let (body, length) = match *bytes.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]))),
        length => (2, usize::from(length)),
    };
    (bytes.len() >= body + length).then_some((body, body + length))
}
