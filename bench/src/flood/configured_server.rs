//! The server, controlled as an operator does: by a settings file and signals.
//!
//! Limits per address apply to loopback here. All players share one address, and the default limit would refuse
//! hundreds of them: they join under a higher limit, and a reload restores the default before the flood begins.

use crate::scenario::Scenario;
use crate::server_process::{Server, TemporaryFolder};
use ringshard::ops::report::ConnectionSnapshot;
use ringshard_protocol::crypto::Suite;
use ringshard_protocol::wire::{ConnectionId, Flags, flags};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

/// The only exempt network: a documentation network (RFC 5737), without hosts.
const ALLOWED: &str = "192.0.2.0/24";
/// The limit that is raised while players join.
const AT_ONCE: &str = "address-handshakes-at-once";
/// How long a server may take to act on a signal.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Time between two checks.
const LOOK: Duration = Duration::from_millis(20);

/// A player, as the server sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    pub id: ConnectionId,
    pub address: SocketAddr,
    /// Flags of its datagrams.
    pub flags: Flags,
}

/// A server of our own, and its files.
pub struct ConfiguredServer {
    server: Server,
    folder: TemporaryFolder,
}

/// The parts of a server's dump that are used here.
#[derive(Deserialize)]
struct Dump {
    sessions: Vec<ConnectionSnapshot>,
    config: Vec<Setting>,
}

#[derive(Deserialize)]
struct Setting {
    name: String,
    source: String,
}

impl ConfiguredServer {
    /// Starts a server that accepts all the scenario's clients at once.
    pub fn start(scenario: &Scenario) -> Result<Self, String> {
        let folder = TemporaryFolder::new()?;
        let settings = folder.path().join("settings.toml");
        // Some clients try twice because an answer was late.
        write(&settings, &format!("{AT_ONCE} = {}\n", scenario.clients * 2 + 500))?;
        let text = |path: &Path| path.display().to_string();
        let options = ["--allow", ALLOWED, "--config", &text(&settings), "--dump-dir", &text(folder.path())];
        let server = Server::start_with(scenario, &options.map(str::to_owned))?;
        Ok(ConfiguredServer { server, folder })
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Restores the default limits. Returns the connected players.
    pub fn apply_default_limits(&self) -> Result<Vec<Target>, String> {
        write(&self.folder.path().join("settings.toml"), "")?;
        let pid = self.server.report()?.pid;
        let deadline = Instant::now() + TIMEOUT;
        signal(pid, Signal::HUP)?;
        while Instant::now() < deadline {
            let dump = self.dump(pid, deadline)?;
            if dump.config.iter().any(|setting| setting.name == AT_ONCE && setting.source == "default") {
                return dump.sessions.iter().map(target).collect();
            }
            std::thread::sleep(LOOK);
        }
        Err(format!("the server did not restore the default {AT_ONCE} on reload"))
    }

    /// Requests a dump by signal, and reads it.
    fn dump(&self, pid: u32, deadline: Instant) -> Result<Dump, String> {
        signal(pid, Signal::USR2)?;
        while Instant::now() < deadline {
            let files = std::fs::read_dir(self.folder.path()).into_iter().flatten().flatten();
            for path in files.map(|file| file.path()).filter(|path| is_dump(path)) {
                // The file may not be complete yet.
                if let Ok(dump) = serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_default()) {
                    let _ = std::fs::remove_file(path);
                    return Ok(dump);
                }
            }
            std::thread::sleep(LOOK);
        }
        Err(format!("the server wrote no readable dump within {} s", TIMEOUT.as_secs()))
    }

    /// Stops it as an operator does. It must exit by itself, with success.
    pub fn stop(self) -> Result<(), String> {
        self.server.stop()
    }
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn signal(pid: u32, signal: Signal) -> Result<(), String> {
    let pid = Pid::from_raw(pid.cast_signed()).ok_or("the server has no process id")?;
    kill_process(pid, signal).map_err(|error| format!("cannot signal the server: {error}"))
}

fn is_dump(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("ringshard-dump-"))
}

fn target(session: &ConnectionSnapshot) -> Result<Target, String> {
    let id = connection_id(&session.id).ok_or_else(|| format!("{} is not a connection id", session.id))?;
    let cipher = if session.suite == Suite::ChaCha20Poly1305.name() { flags::CHACHA20_POLY1305 } else { 0 };
    Ok(Target { id, address: session.address, flags: flags::ENCRYPTED | cipher })
}

/// Parses an id as the server prints it: core.slot.generation.
fn connection_id(text: &str) -> Option<ConnectionId> {
    let mut parts = text.split('.');
    let (core, slot, generation) = (parts.next()?, parts.next()?, parts.next()?);
    let (core, slot, generation) = (core.parse().ok()?, slot.parse().ok()?, generation.parse().ok()?);
    (generation != 0 && parts.next().is_none()).then(|| ConnectionId::new(core, generation, slot))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_parsed_as_printed() {
        for id in [ConnectionId::new(0, 1, 0), ConnectionId::new(255, 255, 65_535), ConnectionId::new(3, 77, 1_000)] {
            assert_eq!(connection_id(&id.to_string()), Some(id));
        }
        for wrong in ["", "1", "1.2", "1.2.0", "1.2.3.4", "256.1.1", "1.65536.1", "a.b.c"] {
            assert_eq!(connection_id(wrong), None, "{wrong}");
        }
    }
}
