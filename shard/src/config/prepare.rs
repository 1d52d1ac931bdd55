//! From settings to what a server is started with. Key files are read here, and values are checked against each other.

use super::settings::{Cipher, Settings};
use super::{Configuration, SettingError, Wrong};
use crate::config::key_files::{self, KeyFileError, load_integrity_keys, load_pre_shared, load_secret};
use crate::game::simulation::WorldConfig;
use crate::runtime::entropy::random_bytes;
use crate::runtime::out_of_range::OutOfRange;
use crate::runtime::server::ServerConfig;
use crate::world::replication::Pacing;
use ringshard_protocol::connection::{HeartbeatConfig, TransportConfig};
use ringshard_protocol::crypto::{SecretKey, Suite, Suites};
use ringshard_protocol::endpoint::{IntegrityConfig, Network, Policy};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Time between two checks of a client's integrity.
const INTEGRITY_PERIOD: Duration = Duration::from_secs(60);
/// The least length of the secret that questions bear.
const TOKEN_CHARACTERS_MIN: usize = 16;

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What its cores are started with.
    pub server: ServerConfig,
    /// The shape of the world, where it serves one.
    pub world: WorldConfig,
    /// Where questions are answered, and the secret that they must bear.
    pub admin: Option<(SocketAddr, Option<String>)>,
    /// The Unix socket where questions are answered and orders are taken.
    pub admin_socket: Option<PathBuf>,
    /// Where dumps go.
    pub dump_folder: PathBuf,
}

impl Configuration {
    /// Checks the values against each other, and reads every file that they name; once, as it may be a pipe.
    pub(super) fn prepare(&self) -> Result<Prepared, Wrong> {
        match (self.server(), self.world(), self.admin(), self.admin_socket(), self.dump_folder()) {
            (Ok(server), Ok(world), Ok(admin), Ok(admin_socket), Ok(dump_folder)) => {
                Ok(Prepared { server, world, admin, admin_socket, dump_folder })
            }
            (server, world, admin, admin_socket, dump_folder) => {
                let wrong = [server.err(), world.err(), admin.err(), admin_socket.err(), dump_folder.err()];
                Err(Wrong(wrong.into_iter().flatten().flat_map(|wrong| wrong.0).collect()))
            }
        }
    }

    /// What the cores of a server are started with; or all that does not go together, and every key file that cannot be
    /// used.
    fn server(&self) -> Result<ServerConfig, Wrong> {
        let settings = &self.settings;
        let mut wrong = Vec::new();
        let secret = self.key_file("key", &settings.key, load_secret, &mut wrong);
        let pre_shared = self.key_file("pre-shared-key", &settings.pre_shared_key, load_pre_shared, &mut wrong);
        let integrity = self.key_file("integrity-keys", &settings.integrity_keys, load_integrity_keys, &mut wrong);
        let config = ServerConfig {
            listen: settings.listen,
            cpus: settings.cpus.clone(),
            datapath: settings.datapath,
            idle: settings.idle,
            connections_max: settings.max_connections as usize,
            socket_buffer_bytes: settings.socket_buffer_kib as usize * 1024,
            arrival_stamps: settings.arrival_stamps,
            suites: self.suites(&mut wrong),
            heartbeat: HeartbeatConfig {
                interval: Duration::from_millis(settings.heartbeat_ms),
                timeout: Duration::from_millis(settings.timeout_ms),
            },
            secret: secret.unwrap_or_else(|| SecretKey::from_bytes(random_bytes())),
            pre_shared,
            transport: TransportConfig {
                congestion: settings.congestion,
                compression: settings.compression,
                retransmission_first: Duration::from_millis(settings.retransmission_ms),
            },
            message_bytes_max: (settings.message_memory_mib as usize) << 20,
            integrity: integrity.map(|keys| IntegrityConfig { keys: keys.into(), period: INTEGRITY_PERIOD }),
            policy: self.policy(),
        };
        let violations = config.violations().into_iter().chain(never_sent_again(settings));
        wrong.extend(violations.map(|misfit| self.together(misfit.settings, misfit.text)));
        if wrong.is_empty() { Ok(config) } else { Err(Wrong(wrong)) }
    }

    /// What is in the file that a setting names, if it names one that can be used.
    fn key_file<T>(
        &self,
        setting: &'static str,
        path: &Option<PathBuf>,
        load: impl Fn(&Path) -> Result<T, KeyFileError>,
        wrong: &mut Vec<SettingError>,
    ) -> Option<T> {
        let loaded = load(path.as_deref()?);
        loaded.map_err(|error| wrong.push(self.together(&[setting], error.to_string()))).ok()
    }

    fn suites(&self, wrong: &mut Vec<SettingError>) -> Suites {
        match self.settings.cipher {
            Cipher::Auto => Suites::native(),
            Cipher::Chacha => Suites::only(&[Suite::ChaCha20Poly1305]),
            Cipher::Aes => {
                if Suites::native().bits() & Suite::Aes128Gcm as u8 == 0 {
                    let text =
                        "cipher is `aes`, and this processor has no instructions for it: it takes chacha or auto";
                    wrong.push(self.together(&["cipher"], text.into()));
                }
                Suites::only(&[Suite::Aes128Gcm])
            }
        }
    }

    /// The shape of the world; or all that does not go together.
    fn world(&self) -> Result<WorldConfig, Wrong> {
        let settings = &self.settings;
        let world = WorldConfig {
            entities_max: settings.entities as usize,
            visible_max: settings.visible as usize,
            near: settings.near as f32,
            pacing: Pacing { bytes_max: settings.snapshot_bytes as usize, ..Pacing::default() },
            seed: settings.seed,
            ..WorldConfig::default()
        };
        let violations = world.violations(settings.cpus.len()).into_iter().chain(no_room_for_players(settings));
        let wrong: Vec<_> = violations.map(|misfit| self.together(misfit.settings, misfit.text)).collect();
        if wrong.is_empty() { Ok(world) } else { Err(Wrong(wrong)) }
    }

    /// What can change while a server runs, of what its cores go by.
    pub fn policy(&self) -> Policy {
        let settings = &self.settings;
        let cores = settings.cpus.len().max(1) as u64;
        let unless_zero = |number: u64| (number > 0).then_some(number);
        let networks = |list: &[ipnet::IpNet]| {
            list.iter().map(|network| Network::new(network.network(), network.prefix_len())).collect()
        };
        Policy {
            handshakes_per_second: settings.handshakes_per_second.div_ceil(cores),
            address_handshakes_per_second: settings.address_handshakes_per_second,
            address_handshakes_at_once: settings.address_handshakes_at_once,
            connection_messages_per_second: unless_zero(settings.connection_messages_per_second),
            connection_bytes_per_second: unless_zero(settings.connection_bytes_per_second),
            connection_send_bytes_per_second: unless_zero(settings.connection_send_bytes_per_second),
            denied: networks(&settings.deny),
            allowed: networks(&settings.allow),
        }
    }

    /// Where questions are answered, and the secret that they must bear. An address that others reach needs one.
    fn admin(&self) -> Result<Option<(SocketAddr, Option<String>)>, Wrong> {
        let Some(address) = self.settings.admin else { return Ok(None) };
        let token = match &self.settings.admin_token_file {
            Some(path) => {
                let token = key_files::read_private(path)
                    .map_err(|error| Wrong(vec![self.together(&["admin-token-file"], error.to_string())]))?;
                let token = token.trim();
                if token.len() < TOKEN_CHARACTERS_MIN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                    let text = format!(
                        "{} holds no secret for admin: it takes {TOKEN_CHARACTERS_MIN} letters and digits or more, \
                         as of `openssl rand -hex 32`",
                        path.display()
                    );
                    return Err(Wrong(vec![self.together(&["admin-token-file"], text)]));
                }
                Some(token.to_owned())
            }
            None if !address.ip().is_loopback() => {
                let text = format!(
                    "admin is {address}, which others can reach: give a secret with admin-token-file, or use 127.0.0.1"
                );
                return Err(Wrong(vec![self.together(&["admin", "admin-token-file"], text)]));
            }
            None => None,
        };
        Ok(Some((address, token)))
    }

    /// The Unix socket where questions are answered and orders are taken, if there is a folder for it.
    fn admin_socket(&self) -> Result<Option<PathBuf>, Wrong> {
        let Some(path) = &self.settings.admin_socket else { return Ok(None) };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if folder.is_some_and(|folder| !folder.is_dir()) {
            let text = format!("admin-socket is {}, and there is no such folder: make it first", path.display());
            return Err(Wrong(vec![self.together(&["admin-socket"], text)]));
        }
        Ok(Some(path.clone()))
    }

    /// Where dumps go, if there is such a folder.
    fn dump_folder(&self) -> Result<PathBuf, Wrong> {
        let folder = self.settings.dump_dir.clone().unwrap_or_else(|| ".".into());
        if folder.is_dir() {
            return Ok(folder);
        }
        let text = format!("dump-dir is {}, and there is no such folder: make it", folder.display());
        Err(Wrong(vec![self.together(&["dump-dir"], text)]))
    }

    fn together(&self, settings: &[&'static str], text: String) -> SettingError {
        let settings = settings.iter().map(|name| (*name, self.texts.get(name).1.clone())).collect();
        SettingError::Together { text, settings }
    }
}

/// A connection that is given up before anything could be sent again.
fn never_sent_again(settings: &Settings) -> Option<OutOfRange> {
    let Settings { retransmission_ms: again, timeout_ms: timeout, .. } = settings;
    let text = format!("retransmission-ms is {again} and timeout-ms is {timeout}; the timeout must be the longer one");
    (again >= timeout).then_some(OutOfRange { settings: &["retransmission-ms", "timeout-ms"], text })
}

/// A world that is full of NPCs.
fn no_room_for_players(settings: &Settings) -> Option<OutOfRange> {
    let Settings { npcs, entities, .. } = settings;
    let text = format!("npcs is {npcs} and entities is {entities}; entities must be more, as players need room too");
    (npcs >= entities).then_some(OutOfRange { settings: &["npcs", "entities"], text })
}
