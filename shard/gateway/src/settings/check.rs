//! Turns settings as they are written into [`Settings`]. It reports every fault, with what to do.

use super::raw::Raw;
use super::{AdminSettings, CertificateFiles, LimitSettings, QUIC_PACKET_BYTES, ServerEntry, Settings, THREADS_MAX};
use crate::carrier::Carrier;
use ringshard_operation::private_file;
use ringshard_protocol::gateway::GatewayKey;
use ringshard_protocol::limits::DATAGRAM_BYTES_MAX;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Longest time of a setting.
const DAY: Duration = Duration::from_secs(86_400);
const FLOWS_MAX: usize = 64;

/// Checks the settings.
///
/// # Errors
/// One text for each fault.
pub(super) fn check(raw: Raw) -> Result<Settings, Vec<String>> {
    let mut faults = Vec::new();
    let defaults = Settings::default();
    let listen = raw.listen.unwrap_or(defaults.listen);
    let certificate = certificate(&raw, listen, &mut faults);
    let threads = raw.threads.unwrap_or_else(|| core_affinity::get_core_ids().map_or(1, |cpus| cpus.len()));
    let settings = Settings {
        name: raw.name.clone().unwrap_or(defaults.name),
        listen,
        webrtc_port: raw.webrtc_port.unwrap_or(defaults.webrtc_port),
        peers: raw.peers,
        servers: servers(&raw.servers, &mut faults),
        page: raw.page.unwrap_or(certificate.is_none()),
        certificate,
        development_folder: raw.development_folder.clone().unwrap_or(defaults.development_folder),
        public_address: raw.public_address,
        origins: raw.origins.clone(),
        carriers: if raw.carriers.is_empty() { Carrier::ALL.to_vec() } else { raw.carriers.clone() },
        threads: threads.min(THREADS_MAX),
        flows: raw.flows.unwrap_or(defaults.flows),
        key: raw.key.as_deref().and_then(|path| gateway_key(path).map_err(|fault| faults.push(fault)).ok()),
        admin: admin(&raw, defaults.admin, &mut faults),
        early_data: raw.early_data.unwrap_or(defaults.early_data),
        idle_timeout: raw.idle_timeout.map_or(defaults.idle_timeout, Duration::from_secs),
        quic_packet_bytes: raw.quic_packet_bytes.unwrap_or(defaults.quic_packet_bytes),
        drain: raw.drain_secs.map_or(defaults.drain, Duration::from_secs),
        limits: limits(&raw),
        deny: raw.deny,
        allow: raw.allow.unwrap_or(defaults.allow),
    };
    check_ranges(&settings, raw.threads, &mut faults);
    if faults.is_empty() { Ok(settings) } else { Err(faults) }
}

fn servers(texts: &[String], faults: &mut Vec<String>) -> Vec<ServerEntry> {
    let mut servers: Vec<ServerEntry> = Vec::new();
    for text in texts {
        match text.parse::<ServerEntry>() {
            Ok(server) if servers.iter().any(|other| other.name == server.name) => {
                faults.push(format!("two servers have the name {}: each needs its own", server.name));
            }
            Ok(server) => servers.push(server),
            Err(fault) => faults.push(fault),
        }
    }
    if texts.is_empty() {
        faults.push(
            "there is no server: pass --server NAME=ADDRESS,KEY, or set `servers`; KEY is the public key that `ringshard \
             keygen` printed"
                .to_owned(),
        );
    }
    servers
}

fn certificate(raw: &Raw, listen: SocketAddr, faults: &mut Vec<String>) -> Option<CertificateFiles> {
    match (&raw.certificate, &raw.certificate_key) {
        (Some(chain), Some(key)) => return Some(CertificateFiles { chain: chain.clone(), key: key.clone() }),
        (None, None) if listen.ip().is_loopback() => {}
        (None, None) => faults.push(format!(
            "listen is {listen}, which others can reach, but there is no certificate: set `certificate` and \
             `certificate-key`, or listen on 127.0.0.1"
        )),
        (Some(_), None) => faults.push("`certificate` is set, but not `certificate-key`: set both".to_owned()),
        (None, Some(_)) => faults.push("`certificate-key` is set, but not `certificate`: set both".to_owned()),
    }
    None
}

/// Reads a key file, as `ringshard keygen` writes it: 64 hexadecimal digits.
fn gateway_key(path: &Path) -> Result<GatewayKey, String> {
    let text = private_file::read(path)?;
    GatewayKey::from_hex(&text)
        .map_err(|error| format!("{} holds no key, {error}: make one with `ringshard keygen --out`", path.display()))
}

fn admin(raw: &Raw, default: Option<AdminSettings>, faults: &mut Vec<String>) -> Option<AdminSettings> {
    let token = raw.admin_token_file.as_deref().and_then(|path: &Path| {
        let token = private_file::read(path).map(|text| text.trim().to_owned());
        match token {
            Ok(token) if token.len() >= 16 => Some(token),
            Ok(_) => {
                let path: PathBuf = path.to_owned();
                faults.push(format!(
                    "{} holds no token of at least 16 characters: make one with `(umask 077; openssl rand -hex 32 > {})`",
                    path.display(),
                    path.display()
                ));
                None
            }
            Err(fault) => {
                faults.push(fault);
                None
            }
        }
    });
    let listen = match raw.admin.as_deref() {
        None => default?.listen,
        Some("off") => return None,
        Some(text) => match text.parse::<SocketAddr>() {
            Ok(listen) => listen,
            Err(_) => {
                faults.push(format!("admin is `{text}`, but must be an address and a port, or `off`"));
                return None;
            }
        },
    };
    if !listen.ip().is_loopback() && raw.admin_token_file.is_none() {
        faults.push(format!(
            "admin is {listen}, which others can reach: set `admin-token-file`, or use an address of loopback"
        ));
    }
    Some(AdminSettings { listen, token })
}

fn limits(raw: &Raw) -> LimitSettings {
    let defaults = LimitSettings::default();
    LimitSettings {
        clients: raw.max_clients.unwrap_or(defaults.clients),
        clients_per_address: raw.max_clients_per_address.unwrap_or(defaults.clients_per_address),
        connections: raw.max_connections.unwrap_or(defaults.connections),
        connections_per_address: raw.max_connections_per_address.unwrap_or(defaults.connections_per_address),
        connects_per_second: raw.connects_per_second.unwrap_or(defaults.connects_per_second),
        datagrams_per_second: raw.datagrams_per_second.unwrap_or(defaults.datagrams_per_second),
        bytes_per_second: raw.bytes_per_second.unwrap_or(defaults.bytes_per_second),
        queue_bytes: raw.queue_bytes.unwrap_or(defaults.queue_bytes),
        queue_bytes_per_thread: raw.queue_bytes_per_thread.unwrap_or(defaults.queue_bytes_per_thread),
    }
}

fn check_ranges(settings: &Settings, threads: Option<usize>, faults: &mut Vec<String>) {
    let mut demand = |fits: bool, what: String| {
        if !fits {
            faults.push(what);
        }
    };
    let (threads, flows) = (threads.unwrap_or(settings.threads), settings.flows);
    demand((1..=THREADS_MAX).contains(&threads), format!("threads is {threads}, but must be 1 to {THREADS_MAX}"));
    demand((1..=FLOWS_MAX).contains(&flows), format!("flows is {flows}, but must be 1 to {FLOWS_MAX}"));
    let last = usize::from(settings.webrtc_port) + settings.threads.max(1) - 1;
    demand(
        last <= usize::from(u16::MAX),
        format!("webrtc-port is {} with {threads} threads, but the last port would be {last}", settings.webrtc_port),
    );
    let bytes = settings.quic_packet_bytes;
    demand(
        QUIC_PACKET_BYTES.contains(&bytes),
        format!(
            "quic-packet-bytes is {bytes}, but must be {} to {}",
            QUIC_PACKET_BYTES.start(),
            QUIC_PACKET_BYTES.end()
        ),
    );
    let limits = &settings.limits;
    let counts = [
        ("idle-timeout", settings.idle_timeout.as_secs()),
        ("max-clients", limits.clients as u64),
        ("max-clients-per-address", limits.clients_per_address as u64),
        ("max-connections", limits.connections as u64),
        ("max-connections-per-address", limits.connections_per_address as u64),
        ("connects-per-second", limits.connects_per_second.into()),
        ("datagrams-per-second", limits.datagrams_per_second.into()),
    ];
    for (name, count) in counts {
        demand(count > 0, format!("{name} is 0, but must be at least 1"));
    }
    for (name, time) in [("idle-timeout", settings.idle_timeout), ("drain-secs", settings.drain)] {
        let seconds = time.as_secs();
        demand(time <= DAY, format!("{name} is {seconds} s, but must be at most {} s, a day", DAY.as_secs()));
    }
    for (name, bytes) in [("bytes-per-second", limits.bytes_per_second as usize), ("queue-bytes", limits.queue_bytes)] {
        demand(
            bytes >= DATAGRAM_BYTES_MAX,
            format!("{name} is {bytes}, but one datagram has up to {DATAGRAM_BYTES_MAX}"),
        );
    }
    let (one, all) = (limits.queue_bytes, limits.queue_bytes_per_thread);
    demand(
        all / 4 >= one,
        format!("queue-bytes-per-thread is {all}, but must be at least four times queue-bytes, which is {one}"),
    );
    for origin in &settings.origins {
        let host = origin.strip_prefix("https://").or(origin.strip_prefix("http://"));
        let sound = host.is_some_and(|host| !host.is_empty() && !host.contains('/'));
        demand(sound, format!("origins has `{origin}`, but an origin looks like https://game.example"));
    }
}
