//! The server as who runs it handles it: by a file of settings and by signals.
//!
//! Loopback is not exempt from the limits per address here. The players, who are behind one address as everybody on this
//! host is, could not come in by their hundreds under the limit of an address: they come in under a wider one, and a
//! reload puts the default back before the flood begins.

use crate::process::{Folder, Server};
use crate::scenario::Scenario;
use ringshard::ops::report::ConnectionSnapshot;
use ringshard_protocol::crypto::Suite;
use ringshard_protocol::wire::{ConnectionId, Flags, flags};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

/// The only network that the limits per address do not hold for: one for documentation, where nobody is.
const ALLOWED: &str = "192.0.2.0/24";
/// The limit that is wider while players come in.
const AT_ONCE: &str = "address-handshakes-at-once";
/// How long a server may take to do what a signal tells it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Time between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// A player as the server sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Target {
    pub id: ConnectionId,
    pub address: SocketAddr,
    /// Flags of its datagrams.
    pub flags: Flags,
}

/// A server of our own, and where its files are.
pub struct Operated {
    server: Server,
    folder: Folder,
}

/// What a server dumps.
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

impl Operated {
    /// Starts one that lets all the scenario's clients in at once.
    pub fn start(scenario: &Scenario) -> Result<Self, String> {
        let folder = Folder::new()?;
        let settings = folder.path().join("settings.toml");
        // Some come twice, because what answers them was late.
        write(&settings, &format!("{AT_ONCE} = {}\n", scenario.clients * 2 + 500))?;
        let text = |path: &Path| path.display().to_string();
        let options = ["--allow", ALLOWED, "--config", &text(&settings), "--dump-dir", &text(folder.path())];
        let server = Server::start_with(scenario, &options.map(str::to_owned))?;
        Ok(Operated { server, folder })
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Has it go by the default limits from here on; gives the players that it has.
    pub fn tighten(&self) -> Result<Vec<Target>, String> {
        write(&self.folder.path().join("settings.toml"), "")?;
        let pid = self.server.report()?.pid;
        let give_up = Instant::now() + PATIENCE;
        signal(pid, Signal::HUP)?;
        while Instant::now() < give_up {
            let dump = self.dump(pid, give_up)?;
            if dump.config.iter().any(|setting| setting.name == AT_ONCE && setting.source == "default") {
                return dump.sessions.iter().map(target).collect();
            }
            std::thread::sleep(LOOK);
        }
        Err(format!("the server does not go by the default {AT_ONCE} after a reload"))
    }

    /// What it says of itself when it is told to by a signal.
    fn dump(&self, pid: u32, give_up: Instant) -> Result<Dump, String> {
        signal(pid, Signal::USR2)?;
        while Instant::now() < give_up {
            let files = std::fs::read_dir(self.folder.path()).into_iter().flatten().flatten();
            for path in files.map(|file| file.path()).filter(|path| is_dump(path)) {
                // It may not have been written to its end yet.
                if let Ok(dump) = serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_default()) {
                    let _ = std::fs::remove_file(path);
                    return Ok(dump);
                }
            }
            std::thread::sleep(LOOK);
        }
        Err(format!("the server has dumped nothing that can be read within {} s", PATIENCE.as_secs()))
    }

    /// Stops it as an operator would; it must end by itself, with success.
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
    let id = connection_id(&session.id).ok_or_else(|| format!("{} is no connection id", session.id))?;
    let cipher = if session.suite == Suite::ChaCha20Poly1305.name() { flags::CHACHA20_POLY1305 } else { 0 };
    Ok(Target { id, address: session.address, flags: flags::ENCRYPTED | cipher })
}

/// An id as the server writes it: core, slot and generation, with points between.
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
    fn ids_are_read_as_they_are_written() {
        for id in [ConnectionId::new(0, 1, 0), ConnectionId::new(255, 255, 65_535), ConnectionId::new(3, 77, 1_000)] {
            assert_eq!(connection_id(&id.to_string()), Some(id));
        }
        for wrong in ["", "1", "1.2", "1.2.0", "1.2.3.4", "256.1.1", "1.65536.1", "a.b.c"] {
            assert_eq!(connection_id(wrong), None, "{wrong}");
        }
    }
}
