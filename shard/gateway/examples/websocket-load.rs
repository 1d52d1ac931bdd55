//! What a WebSocket client costs a gateway: CPU per datagram, latency that the gateway adds, and memory per client; beside a bare
//! echo over tokio-tungstenite under the same load.
//!
//! `cargo run --release -p ringshard-gateway --example websocket-load -- CLIENTS HERTZ SECONDS BYTES`
//!
//! Needs three CPUs that are otherwise idle: for the gateway, for the server, and for the clients. The server here echoes
//! datagrams and has no sessions, so that it costs little.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use quinn_udp::{RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use ringshard_client::PublicKey;
use ringshard_gateway::settings::{LimitSettings, ServerEntry};
use ringshard_gateway::{Carrier, Gateway, Settings};
use std::cell::RefCell;
use std::error::Error;
use std::io::{BufRead, BufReader, IoSliceMut};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{MissedTickBehavior, interval_at, sleep};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::{WebSocketStream, accept_async, client_async};

type Socket = WebSocketStream<TcpStream>;

#[derive(Clone, Copy)]
struct Load {
    clients: usize,
    hertz: f64,
    seconds: u64,
    bytes: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("gateway") => return gateway(words[1].parse()?),
        Some("bare") => return run(bare()),
        _ => {}
    }
    let number = |at: usize, default: f64| words.get(at).map_or(Ok(default), |word| word.parse());
    let load = Load {
        clients: number(0, 2_000.0)? as usize,
        hertz: number(1, 60.0)?,
        seconds: number(2, 10.0)? as u64,
        bytes: (number(3, 100.0)? as usize).max(30),
    };
    println!("{} clients, {} Hz, {} bytes, {} s", load.clients, load.hertz, load.bytes, load.seconds);
    println!("echo     us/datagram   p50 us   p99 us  KiB/client  echoes of what was sent");
    let server = start_server()?;
    measure("gateway", &["gateway", &server.to_string()], load)?;
    measure("bare", &["bare"], load)
}

/// Runs `role` in a process of its own under the load, and prints a line.
fn measure(role: &str, words: &[&str], load: Load) -> Result<(), Box<dyn Error>> {
    let mut child =
        Command::new(std::env::current_exe()?).args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line)?;
    let address: SocketAddr = line.trim().parse()?;
    let result = run(drive(address, &child, load));
    child.kill()?;
    child.wait()?;
    let mut figures = result?;
    figures.latencies_us.sort_unstable();
    let at = |share: f64| figures.latencies_us.get((figures.latencies_us.len() as f64 * share) as usize).copied();
    // Each echo is a datagram up and a datagram down.
    let datagrams = 2 * figures.latencies_us.len().max(1);
    println!(
        "{role:<8} {:>11.2} {:>8} {:>8} {:>11.1}  {:.1} %",
        figures.cpu.as_secs_f64() * 1e6 / datagrams as f64,
        at(0.5).unwrap_or_default(),
        at(0.99).unwrap_or_default(),
        figures.memory_bytes as f64 / 1024.0 / load.clients as f64,
        figures.latencies_us.len() as f64 / figures.sent.max(1) as f64 * 100.0,
    );
    Ok(())
}

fn run<T>(future: impl Future<Output = Result<T, Box<dyn Error>>>) -> Result<T, Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, future)
}

#[derive(Default)]
struct Figures {
    sent: u64,
    latencies_us: Vec<u32>,
    cpu: Duration,
    memory_bytes: u64,
}

async fn drive(address: SocketAddr, child: &Child, load: Load) -> Result<Figures, Box<dyn Error>> {
    let empty = memory_bytes(child)?;
    let figures = Rc::new(RefCell::new(Figures::default()));
    let mut sockets = Vec::new();
    for number in 0..load.clients {
        sockets.push(connect(address, number).await?);
    }
    let start = Instant::now();
    for (number, socket) in sockets.into_iter().enumerate() {
        spawn_local(play(socket, number, load, start, Rc::clone(&figures)));
    }
    // The first second is not counted.
    sleep(Duration::from_secs(1)).await;
    let before = cpu(child)?;
    *figures.borrow_mut() = Figures::default();
    sleep(Duration::from_secs(load.seconds)).await;
    let mut figures = std::mem::take(&mut *figures.borrow_mut());
    figures.cpu = cpu(child)? - before;
    figures.memory_bytes = memory_bytes(child)?.saturating_sub(empty);
    Ok(figures)
}

async fn connect(address: SocketAddr, number: usize) -> Result<Socket, Box<dyn Error>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut request = format!("ws://{address}/v1/servers/echo/websocket").into_client_request()?;
    request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("ringshard.1"));
    let (mut socket, _) = client_async(request, stream).await?;
    let mut connect = vec![0; 144];
    connect[6..14].copy_from_slice(&(number as u64 + 1).to_le_bytes());
    socket.send(Message::binary(connect)).await?;
    // The server accepts; the bare echo returns the Connect.
    socket.next().await.ok_or("the connection ended")??;
    Ok(socket)
}

/// Sends and receives, until the program ends.
async fn play(mut socket: Socket, number: usize, load: Load, start: Instant, figures: Rc<RefCell<Figures>>) {
    let period = Duration::from_secs_f64(1.0 / load.hertz);
    let first = tokio::time::Instant::now() + period.mul_f64(number as f64 / load.clients as f64);
    let mut ticks = interval_at(first, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let [low, high] = (number as u16).to_le_bytes();
    let mut datagram = vec![0; load.bytes];
    datagram[..6].copy_from_slice(&[0, 1, low, high, 0, 1]);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                datagram[14..22].copy_from_slice(&(start.elapsed().as_micros() as u64).to_le_bytes());
                if socket.send(Message::Binary(Bytes::copy_from_slice(&datagram))).await.is_err() {
                    return;
                }
                figures.borrow_mut().sent += 1;
            }
            message = socket.next() => {
                let Some(Ok(Message::Binary(echo))) = message else { return };
                let sent = u64::from_le_bytes(echo[14..22].try_into().expect("eight bytes"));
                let latency = (start.elapsed().as_micros() as u64).saturating_sub(sent);
                figures.borrow_mut().latencies_us.push(latency as u32);
            }
        }
    }
}

/// A gateway on one thread. It prints its address and runs until the process is killed.
fn gateway(server: SocketAddr) -> Result<(), Box<dyn Error>> {
    let entry =
        ServerEntry { name: "echo".to_owned(), address: server, key: PublicKey::from_bytes([7; 32]), bulk: None };
    let gateway = Gateway::start(Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        servers: vec![entry],
        carriers: vec![Carrier::WebSocket],
        admin: None,
        limits: LimitSettings { clients: 100_000, connections: 100_000, ..LimitSettings::default() },
        ..Settings::default()
    })?;
    println!("{}", gateway.listen());
    loop {
        std::thread::park();
    }
}

/// A WebSocket echo and nothing else.
async fn bare() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        spawn_local(async move {
            let Ok(mut socket) = accept_async(stream).await else { return };
            while let Some(Ok(message)) = socket.next().await {
                if socket.send(message).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// A server that accepts every Connect and echoes everything else, in runs as they arrive.
fn start_server() -> Result<SocketAddr, Box<dyn Error>> {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0")?;
    let address = socket.local_addr()?;
    let _ = socket2::SockRef::from(&socket).set_recv_buffer_size(8 << 20);
    std::thread::spawn(move || run(serve(socket)).expect("the server runs"));
    Ok(address)
}

async fn serve(socket: std::net::UdpSocket) -> Result<(), Box<dyn Error>> {
    let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
    let socket = UdpSocket::from_std(socket)?;
    let (mut buffer, mut accepted) = (vec![0; 1 << 16], 0_u16);
    loop {
        socket.readable().await?;
        let mut metas = [RecvMeta::default()];
        let received = socket.try_io(Interest::READABLE, || {
            state.recv(UdpSockRef::from(&socket), &mut [IoSliceMut::new(&mut buffer)], &mut metas)
        });
        if received.is_err() {
            continue;
        }
        let RecvMeta { addr, len, stride, .. } = metas[0];
        let send = |contents: &[u8], segment_size| {
            let transmit = Transmit { destination: addr, ecn: None, contents, segment_size, src_ip: None };
            // A full buffer loses datagrams, as networks do.
            let _ = socket.try_io(Interest::WRITABLE, || state.try_send(UdpSockRef::from(&socket), &transmit));
        };
        if buffer[5] != 0 {
            send(&buffer[..len], (stride < len).then_some(stride));
            continue;
        }
        for connect in buffer[..len].chunks(stride) {
            let mut answer = vec![0; 83];
            answer[1] = 1;
            answer[2..4].copy_from_slice(&accepted.to_le_bytes());
            answer[6..14].copy_from_slice(&connect[6..14]);
            answer[14] = 2;
            send(&answer, None);
            accepted = accepted.wrapping_add(1);
        }
    }
}

/// CPU time of all threads of the process.
fn cpu(child: &Child) -> Result<Duration, Box<dyn Error>> {
    let mut nanos = 0;
    for task in std::fs::read_dir(format!("/proc/{}/task", child.id()))? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        nanos += text.split(' ').next().ok_or("schedstat is empty")?.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// Resident memory of the process.
fn memory_bytes(child: &Child) -> Result<u64, Box<dyn Error>> {
    let text = std::fs::read_to_string(format!("/proc/{}/statm", child.id()))?;
    Ok(text.split(' ').nth(1).ok_or("statm is short")?.parse::<u64>()? * 4096)
}
