//! `flood`: players at a steady rate while strangers with spoofed addresses ask to connect.
#![allow(unsafe_code)]

use crate::echo::{Run, raise_file_limit};
use crate::generator::{self, Shared};
use crate::process::Server;
use crate::report::{ClientFigures, Load, Report, ServerFigures, grouped};
use crate::scenario::{self, Scenario};
use core_affinity::CoreId;
use ringshard_engine::limits::{CONNECT_BYTES, COOKIE_BYTES};
use ringshard_engine::wire::{Connect, NOISE_MESSAGE_1_BYTES, Options};
use std::mem::zeroed;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Connects sent by one call.
const BATCH: usize = 64;
/// Round trip that 99 in 100 players must keep, in microseconds (F3).
const P99_MAX_US: f64 = 50_000.0;

/// What it takes.
#[derive(clap::Args, Clone, Debug)]
pub struct Arguments {
    /// Connects per second, each from another address of 127.0.0.0/8.
    #[arg(long, value_name = "PPS", default_value_t = 200_000)]
    connects: u64,
    #[command(flatten)]
    load: scenario::Arguments,
}

/// Runs the command.
pub fn run(arguments: &Arguments) -> Result<bool, String> {
    let mut load = arguments.load.clone();
    if load.rate == scenario::Rate::Max {
        load.rate = scenario::Rate::Hz(60.0);
    }
    let scenario = Scenario::new(&load, None)?;
    raise_file_limit();
    let server = Server::start(&scenario)?;
    let shared = Arc::new(Shared::default());
    let generators = generator::start(&scenario, server.address, Some(server.key), &shared);
    let mut run = Run { name: "flood", scenario: &scenario, shared: &shared, generators };
    run.connect()?;
    let flood = Flood::start(server.address, arguments.connects, *scenario.client_cpus.last().unwrap_or(&0));
    let measured = run.through(|| Ok((server.report()?, server.usage(), flood.sent.load(Ordering::Relaxed))))?;
    flood.stop();
    let load = Load::between(measured.elapsed, (measured.before.1, measured.after.1), measured.client_usage);
    let seen = measured.after.0.since(&measured.before.0);
    let figures = ServerFigures::new(&seen, &load, measured.after.1, scenario.server_cpus.len());
    let client = ClientFigures::new(&measured.outcome, &load, scenario.client_cpus.len());
    let mut report = Report::new("flood", &scenario, figures, client);
    report.datapath = seen.datapath.to_string();
    report.cipher = scenario::option_name(scenario.cipher);
    let connects = (measured.after.2 - measured.before.2) as f64 / measured.elapsed.as_secs_f64();
    let (bytes_in, bytes_out) = (seen.total("stranger_bytes_in"), seen.total("stranger_bytes_out"));
    let lost = seen.total("left");
    let mut missed = Vec::new();
    if lost > 0 {
        missed.push(format!("{lost} players lost their connection"));
    }
    if report.client.rtt.p99_us >= P99_MAX_US {
        missed.push(format!("p99 round trip {:.1} ms", report.client.rtt.p99_us / 1000.0));
    }
    if bytes_out > bytes_in {
        missed.push(format!("{bytes_out} bytes to strangers for {bytes_in} from them"));
    }
    report.verdict = if missed.is_empty() { "pass".into() } else { format!("fail: {}", missed.join("; ")) };
    println!("flood: {} Connects/s from spoofed addresses\n{}", grouped(connects), report.page());
    println!(
        "  strangers    {} Connects seen, {} cookies sent, {:.1} MB in, {:.1} MB out\n  players      {lost} of {} lost\n\nverdict: {}",
        grouped(seen.total("connects_in") as f64),
        grouped(seen.total("cookies_out") as f64),
        bytes_in as f64 / 1e6,
        bytes_out as f64 / 1e6,
        scenario.clients,
        report.verdict,
    );
    if let Some(path) = &arguments.load.json {
        report.write_json(path)?;
    }
    server.stop()?;
    Ok(missed.is_empty())
}

/// The strangers.
struct Flood {
    sent: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<()>,
}

impl Flood {
    fn start(server: SocketAddr, per_second: u64, cpu: usize) -> Self {
        let (sent, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, end) = (sent.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            core_affinity::set_for_current(CoreId { id: cpu });
            let socket = UdpSocket::bind("0.0.0.0:0").expect("a port is free");
            let began = Instant::now();
            let mut due = 0;
            // A bound of its own, should the one who stops it be gone.
            while !end.load(Ordering::Relaxed) && began.elapsed() < Duration::from_secs(4000) {
                let wanted = (began.elapsed().as_secs_f64() * per_second as f64) as u64;
                if due + BATCH as u64 > wanted {
                    std::thread::sleep(Duration::from_micros(200));
                    continue;
                }
                send_batch(&socket, server, due);
                due += BATCH as u64;
                count.store(due, Ordering::Relaxed);
            }
        });
        Flood { sent, stop, thread }
    }

    fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.join();
    }
}

/// A control message that sets the source address; aligned as `cmsghdr` is.
#[repr(C, align(8))]
struct SourceControl {
    header: libc::cmsghdr,
    info: libc::in_pktinfo,
    padding: u32,
}

fn send_batch(socket: &UdpSocket, server: SocketAddr, first: u64) {
    let SocketAddr::V4(server) = server else { return };
    let mut datagrams: [[u8; CONNECT_BYTES]; BATCH] = std::array::from_fn(|at| connect(first + at as u64));
    let mut name = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: server.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(server.ip().octets()) },
        sin_zero: [0; 8],
    };
    let mut controls: [SourceControl; BATCH] = std::array::from_fn(|at| {
        let [_, b, c, d] = (first as u32).wrapping_add(at as u32).wrapping_mul(2_654_435_761).to_be_bytes();
        // SAFETY: zeros are a value of these plain C structures.
        let mut control: SourceControl = unsafe { zeroed() };
        control.header.cmsg_len = size_of::<libc::cmsghdr>() + size_of::<libc::in_pktinfo>();
        control.header.cmsg_level = libc::IPPROTO_IP;
        control.header.cmsg_type = libc::IP_PKTINFO;
        control.info.ipi_spec_dst.s_addr = u32::from_ne_bytes([127, b, c, d.clamp(1, 254)]);
        control
    });
    let mut buffers: [libc::iovec; BATCH] =
        std::array::from_fn(|at| libc::iovec { iov_base: datagrams[at].as_mut_ptr().cast(), iov_len: CONNECT_BYTES });
    let mut headers: [libc::mmsghdr; BATCH] = std::array::from_fn(|at| {
        // SAFETY: zeros are a value of these plain C structures.
        let mut header: libc::mmsghdr = unsafe { zeroed() };
        header.msg_hdr.msg_name = (&raw mut name).cast();
        header.msg_hdr.msg_namelen = size_of::<libc::sockaddr_in>() as libc::socklen_t;
        header.msg_hdr.msg_iov = &raw mut buffers[at];
        header.msg_hdr.msg_iovlen = 1;
        header.msg_hdr.msg_control = (&raw mut controls[at]).cast();
        header.msg_hdr.msg_controllen = size_of::<SourceControl>();
        header
    });
    // SAFETY: all that the headers point to lives on this stack frame, and the kernel copies it during the call.
    unsafe { libc::sendmmsg(socket.as_raw_fd(), headers.as_mut_ptr(), BATCH as u32, 0) };
}

/// A first Connect as a client of its own would send it: well-formed, with a key that nobody holds.
fn connect(number: u64) -> [u8; CONNECT_BYTES] {
    let mut noise = [0x5A; NOISE_MESSAGE_1_BYTES];
    noise[..8].copy_from_slice(&number.to_le_bytes());
    Connect { core: None, tag: number, suites: 3, options: Options::default(), cookie: [0; COOKIE_BYTES], noise }
        .encode()
}
