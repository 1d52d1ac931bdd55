//! A flood: connections from other addresses, which do what no honest client does.

use crate::Outcome;
use crate::clients::{Tally, endpoint, open_session, upgrade};
use crate::options::{Flood, Kind, Options};
use quinn::Endpoint;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout};

/// How long a connection is held that is meant to be.
const HOLD: Duration = Duration::from_secs(60);
/// How long any other connection may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// A client that reads nothing sends this many datagrams of this many bytes per second.
const SLOW_PER_SECOND: u32 = 200;
const SLOW_BYTES: usize = 1_000;
/// The header of a message of 1 MiB.
const OVERSIZE: [u8; 14] = [0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0];

/// Floods until it is killed.
pub async fn run(options: &Options) -> Outcome<()> {
    let flood = options.flood.ok_or("the process of a flood needs --flood KIND")?;
    let gateway = options.target.ok_or("the process of a flood needs --target ADDRESS")?;
    let kind = *options.carriers.first().ok_or("the process of a flood needs --carriers")?;
    let sources: Vec<IpAddr> =
        (1..=options.flood_addresses).map(|host| IpAddr::V4(Ipv4Addr::new(127, 0, 1, host))).collect();
    let mut endpoints = Vec::new();
    if kind != Kind::Websocket {
        let certificate =
            options.folder.as_deref().ok_or("the process of a flood needs --folder")?.join("short-lived.pem");
        for source in &sources {
            endpoints.push(endpoint(*source, kind, &certificate)?);
        }
    }
    let (start, mut begun) = (Instant::now(), 0);
    loop {
        sleep(Duration::from_millis(2)).await;
        let due = (start.elapsed().as_secs_f64() * f64::from(options.flood_rate)) as usize;
        while begun < due {
            let number = begun % sources.len();
            match endpoints.get(number) {
                Some(endpoint) => drop(spawn_local(over_quic(flood, kind, endpoint.clone(), gateway))),
                None => drop(spawn_local(over_tcp(flood, sources[number], gateway, begun))),
            }
            begun += 1;
        }
    }
}

/// The gateway refuses many of these connections: every step may fail.
async fn over_tcp(flood: Flood, from: IpAddr, gateway: SocketAddr, number: usize) {
    let _ = match flood {
        Flood::Handshakes => timeout(PATIENCE, async { upgrade(connect(from, gateway).await?).await.map(drop) }).await,
        Flood::HalfOpen => timeout(HOLD, half_open(from, gateway)).await,
        Flood::Slow => timeout(HOLD, slow(from, gateway, number)).await,
        Flood::Oversize => timeout(PATIENCE, oversize(from, gateway)).await,
    };
}

async fn connect(from: IpAddr, gateway: SocketAddr) -> Outcome<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    Ok(socket.connect(gateway).await?)
}

async fn half_open(from: IpAddr, gateway: SocketAddr) -> Outcome<()> {
    let mut stream = connect(from, gateway).await?;
    stream.write_all(b"GET /v1/servers/echo/websocket HTTP/1.1\r\nhost: ").await?;
    // Until the gateway closes it.
    stream.readable().await?;
    Ok(())
}

async fn slow(from: IpAddr, gateway: SocketAddr, number: usize) -> Outcome<()> {
    let mut stream = upgrade(connect(from, gateway).await?).await?;
    let mut frame = vec![0x82, 0xfe];
    frame.extend((SLOW_BYTES as u16).to_be_bytes());
    frame.resize(8 + SLOW_BYTES, 0);
    // Slots far from those of the honest clients.
    Tally::new().stamp(&mut frame[8..], 1_000_000 + number);
    loop {
        stream.write_all(&frame).await?;
        sleep(Duration::from_secs(1) / SLOW_PER_SECOND).await;
    }
}

async fn oversize(from: IpAddr, gateway: SocketAddr) -> Outcome<()> {
    let mut stream = upgrade(connect(from, gateway).await?).await?;
    stream.write_all(&OVERSIZE).await?;
    let chunk = vec![0; 64 << 10];
    for _ in 0..16 {
        stream.write_all(&chunk).await?;
    }
    Ok(())
}

async fn over_quic(flood: Flood, kind: Kind, endpoint: Endpoint, gateway: SocketAddr) {
    let Ok(connecting) = endpoint.connect(gateway, "localhost") else { return };
    let Ok(Ok(connection)) = timeout(PATIENCE, connecting).await else { return };
    match flood {
        // It asks for no session.
        Flood::HalfOpen => drop(timeout(HOLD, connection.closed()).await),
        _ if kind == Kind::Webtransport => drop(timeout(PATIENCE, open_session(connection, gateway)).await),
        _ => {}
    }
}
