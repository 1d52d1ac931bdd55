//! What keeps a gateway from serving, and what fixes it. `ringshard doctor gateway` prints it, after what it finds about the
//! host.
//!
//! It changes nothing and reads no secret but those of the settings. It binds the gateway's ports for a moment, and connects
//! to the servers as a client does.
//!
//! | file | has |
//! |---|---|
//! | `certificate` | the files, their end, their names |
//! | `ports` | whether the ports are free, or the gateway's |
//! | `servers` | whether the servers answer, with their keys, and believe this gateway |

mod certificate;
mod ports;
mod servers;
#[cfg(test)]
mod tests;

use crate::carrier::Carrier;
use crate::settings::Settings;
use crate::start;
use ringshard_operation::Finding;

/// Open files beside those of clients and of sockets to servers.
const OTHER_FILES: u64 = 64;

/// What a gateway needs of its host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Needs {
    /// Files that it may have open.
    pub open_files: u64,
    /// Bytes of the largest socket buffer that it asks for.
    pub socket_buffer_bytes: u64,
}

/// What a gateway with these settings needs of its host.
pub fn needs(settings: &Settings) -> Needs {
    let doors = settings.servers.iter().filter(|server| server.bulk.is_some()).count();
    let of_thread = settings.flows * settings.servers.len() + crate::carriers::quic::BULK_STREAMS_MAX * doors.min(1);
    let count = settings.limits.connections + settings.threads * of_thread;
    Needs { open_files: count as u64 + OTHER_FILES, socket_buffer_bytes: start::BUFFER_BYTES as u64 }
}

/// Examines a gateway. `reached_at` is the host name or address that its clients use, if it is known.
pub fn examine(settings: &Settings, reached_at: Option<&str>) -> Vec<Finding> {
    let mut findings = certificate::examine(settings, reached_at);
    findings.push(ports::examine(settings));
    findings.extend(public_address(settings));
    findings.extend(servers::examine(settings));
    findings
}

/// Where clients of WebRTC send to.
fn public_address(settings: &Settings) -> Option<Finding> {
    const CHECK: &str = "public address";
    if !settings.carriers.contains(&Carrier::WebRtc) {
        return None;
    }
    Some(match (settings.public_address, settings.listen.ip()) {
        (Some(address), _) => Finding::ok(CHECK, format!("WebRTC clients send to {address}")),
        (None, listen) if listen.is_unspecified() => Finding::fail(
            CHECK,
            "WebRTC needs the address that clients send to, but listen is a wildcard",
            "set public-address to this host's public address, or leave webrtc out of carriers",
        ),
        (None, listen) => Finding::ok(CHECK, format!("WebRTC clients send to {listen}, the address of listen")),
    })
}
