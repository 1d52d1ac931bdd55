//! From settings to what a server is started with. Reads the files that settings name, and checks values against each other.

use super::errors::{SettingError, SettingErrors};
use super::key_files::{self, KeyFileError, load_gateway_keys, load_integrity_keys, load_pre_shared, load_secret};
use super::raw_values::RawValues;
use super::settings::{Cipher, Settings};
use crate::game::simulation::WorldConfig;
use crate::runtime::entropy::random_bytes;
use crate::runtime::jobs::{JobSettings, spare_cpus};
use crate::runtime::out_of_range::OutOfRange;
use crate::runtime::server::ServerConfig;
use crate::runtime::tick::TICKS_PER_SECOND;
use crate::world::map_file::open_map;
use crate::world::replication::Pacing;
use crate::world::rewind::RewindSettings;
use ringshard_protocol::connection::{HeartbeatConfig, TransportConfig};
use ringshard_protocol::crypto::{SecretKey, Suite, Suites};
use ringshard_protocol::endpoint::{IntegrityConfig, Network, Policy};
use ringshard_terrain::Terrain;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Time between two integrity checks of a client.
const INTEGRITY_PERIOD: Duration = Duration::from_secs(60);
/// Least length of the admin token.
const TOKEN_CHARACTERS_MIN: usize = 16;

/// What a server is started with.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// What its cores are started with.
    pub server: ServerConfig,
    /// The shape of the world, if the game has one.
    pub world: WorldConfig,
    /// The workers for a game's jobs, if it has any; `workers` can be 0.
    pub jobs: JobSettings,
    /// The address of the admin port, and its token.
    pub admin: Option<(SocketAddr, Option<String>)>,
    /// The Unix socket that also accepts commands.
    pub admin_socket: Option<PathBuf>,
    /// The folder for dumps.
    pub dump_folder: PathBuf,
}

/// Checks the values against each other, and reads every file that they name. Each is read once, because it may be a pipe.
pub(super) fn prepare(settings: &Settings, raw: &RawValues) -> Result<Prepared, SettingErrors> {
    let preparation = Preparation { settings, raw };
    let (server, world, admin) = (preparation.server(), preparation.world(), preparation.admin());
    let (services, fleet) = (preparation.services(), preparation.fleet());
    match (server, world, admin, preparation.admin_socket(), preparation.dump_folder()) {
        (Ok(server), Ok(world), Ok(admin), Ok(admin_socket), Ok(dump_folder)) if services.is_ok() && fleet.is_ok() => {
            Ok(Prepared { jobs: jobs(settings), server, world, admin, admin_socket, dump_folder })
        }
        (server, world, admin, admin_socket, dump_folder) => {
            let errors = [server.err(), world.err(), admin.err(), admin_socket.err(), dump_folder.err()];
            let errors = errors.into_iter().chain([services.err(), fleet.err()]);
            Err(SettingErrors(errors.flatten().flat_map(|errors| errors.0).collect()))
        }
    }
}

/// The settings of the cores that can change while a server runs, or every file of theirs that cannot be used.
pub(super) fn policy(settings: &Settings, raw: &RawValues) -> Result<Policy, SettingErrors> {
    let mut errors = Vec::new();
    let policy = Preparation { settings, raw }.policy(&mut errors);
    if errors.is_empty() { Ok(policy) } else { Err(SettingErrors(errors)) }
}

/// The part of the world's configuration that can change while a server runs.
pub(super) fn live_world(settings: &Settings) -> RewindSettings {
    RewindSettings {
        max_ticks: settings.rewind_ms as f64 / 1000.0 * f64::from(TICKS_PER_SECOND),
        beyond: settings.rewind_beyond,
    }
}

/// The workers for a game's jobs, on CPUs of their own if there are any.
fn jobs(settings: &Settings) -> JobSettings {
    JobSettings {
        workers: settings.workers as usize,
        per_core: settings.jobs as usize,
        cpus: spare_cpus(&settings.cpus),
    }
}

struct Preparation<'a> {
    settings: &'a Settings,
    raw: &'a RawValues,
}

impl Preparation<'_> {
    /// What the cores are started with, or everything that does not fit together and every key file that cannot be used.
    fn server(&self) -> Result<ServerConfig, SettingErrors> {
        let settings = self.settings;
        let mut errors = Vec::new();
        let secret = self.key_file("key", &settings.key, load_secret, &mut errors);
        let pre_shared = self.key_file("pre-shared-key", &settings.pre_shared_key, load_pre_shared, &mut errors);
        let integrity = self.key_file("integrity-keys", &settings.integrity_keys, load_integrity_keys, &mut errors);
        let config = ServerConfig {
            listen: settings.listen,
            cpus: settings.cpus.clone(),
            datapath: settings.datapath,
            idle: settings.idle,
            connections_max: settings.max_connections as usize,
            socket_buffer_bytes: settings.socket_buffer_kib as usize * 1024,
            receive_buffer: Duration::from_millis(settings.receive_buffer_ms),
            queue_max: (settings.queue_ms > 0).then(|| Duration::from_millis(settings.queue_ms)),
            arrival_stamps: settings.arrival_stamps,
            suites: self.suites(&mut errors),
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
            policy: self.policy(&mut errors),
        };
        errors.extend(settings.script.as_deref().and_then(|path| self.unreadable_script(path)));
        let violations = config.violations().into_iter().chain(retransmission_too_late(settings));
        errors.extend(violations.map(|violation| self.together(violation.settings, violation.text)));
        if errors.is_empty() { Ok(config) } else { Err(SettingErrors(errors)) }
    }

    fn policy(&self, errors: &mut Vec<SettingError>) -> Policy {
        let settings = self.settings;
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
            gateways: self
                .key_file("gateway-keys", &settings.gateway_keys, load_gateway_keys, errors)
                .unwrap_or_default(),
        }
    }

    /// What is wrong with the file of a script, if it cannot be read.
    fn unreadable_script(&self, path: &Path) -> Option<SettingError> {
        let error = std::fs::File::open(path).err()?;
        Some(self.together(&["script"], format!("cannot open the script {}: {error}", path.display())))
    }

    /// The content of the file that a setting names, if it names one that can be used.
    fn key_file<T>(
        &self,
        setting: &'static str,
        path: &Option<PathBuf>,
        load: impl Fn(&Path) -> Result<T, KeyFileError>,
        errors: &mut Vec<SettingError>,
    ) -> Option<T> {
        let loaded = load(path.as_deref()?);
        loaded.map_err(|error| errors.push(self.together(&[setting], error.to_string()))).ok()
    }

    fn suites(&self, errors: &mut Vec<SettingError>) -> Suites {
        match self.settings.cipher {
            Cipher::Auto => Suites::native(),
            Cipher::Chacha => Suites::only(&[Suite::ChaCha20Poly1305]),
            Cipher::Aes => {
                if Suites::native().bits() & Suite::Aes128Gcm as u8 == 0 {
                    let text = "cipher is `aes`, but this CPU has no AES instructions: use chacha or auto";
                    errors.push(self.together(&["cipher"], text.into()));
                }
                Suites::only(&[Suite::Aes128Gcm])
            }
        }
    }

    /// The shape of the world, or everything that does not fit together.
    fn world(&self) -> Result<WorldConfig, SettingErrors> {
        let settings = self.settings;
        let (terrain, unusable) = self.terrain();
        let world = WorldConfig {
            terrain,
            entities_max: settings.entities as usize,
            visible_max: settings.visible as usize,
            near: settings.near as f32,
            pacing: Pacing { bytes_max: settings.snapshot_bytes as usize, ..Pacing::default() },
            admits_when_overloaded: settings.admit_when_overloaded,
            seed: settings.seed,
            rewind: live_world(settings),
            view_radius: settings.view_radius.clone(),
            first_tick: 0,
        };
        let violations = world.violations(settings.cpus.len()).into_iter().chain(self.no_room_for_players());
        let violations = violations.map(|violation| self.together(violation.settings, violation.text));
        let errors: Vec<_> = unusable.into_iter().chain(violations).collect();
        if errors.is_empty() { Ok(world) } else { Err(SettingErrors(errors)) }
    }

    /// The terrain in the map file, or level ground and what is wrong with the file.
    fn terrain(&self) -> (Arc<Terrain>, Option<SettingError>) {
        let opened = self.settings.map.as_deref().map(open_map).transpose();
        match opened {
            Ok(terrain) => (terrain.map_or_else(Terrain::shared_flat, Arc::new), None),
            Err(error) => (Terrain::shared_flat(), Some(self.together(&["map"], error.to_string()))),
        }
    }

    /// The address of the admin port, and its token. An address that other hosts can reach needs one.
    fn admin(&self) -> Result<Option<(SocketAddr, Option<String>)>, SettingErrors> {
        let Some(address) = self.settings.admin else { return Ok(None) };
        let token = match &self.settings.admin_token_file {
            Some(path) => {
                let token = key_files::read_private(path)
                    .map_err(|error| SettingErrors(vec![self.together(&["admin-token-file"], error.to_string())]))?;
                let token = token.trim();
                if token.len() < TOKEN_CHARACTERS_MIN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                    let text = format!(
                        "{} holds no valid admin token: it must be {TOKEN_CHARACTERS_MIN} or more printable characters \
                         without spaces, such as `openssl rand -hex 32` makes",
                        path.display()
                    );
                    return Err(SettingErrors(vec![self.together(&["admin-token-file"], text)]));
                }
                Some(token.to_owned())
            }
            None if !address.ip().is_loopback() => {
                let text =
                    format!("admin is {address}, which other hosts can reach: set admin-token-file, or use 127.0.0.1");
                return Err(SettingErrors(vec![self.together(&["admin", "admin-token-file"], text)]));
            }
            None => None,
        };
        Ok(Some((address, token)))
    }

    /// The Unix socket that also accepts commands, if its folder exists.
    fn admin_socket(&self) -> Result<Option<PathBuf>, SettingErrors> {
        let Some(path) = &self.settings.admin_socket else { return Ok(None) };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if folder.is_some_and(|folder| !folder.is_dir()) {
            let text = format!("admin-socket is {}, but its folder does not exist: create it first", path.display());
            return Err(SettingErrors(vec![self.together(&["admin-socket"], text)]));
        }
        Ok(Some(path.clone()))
    }

    /// Whether the folder of the services can be made, and the files exist that they read.
    fn services(&self) -> Result<(), SettingErrors> {
        let settings = self.settings;
        let mut errors = Vec::new();
        let folder = settings.services.as_ref().filter(|folder| !folder.is_dir());
        let above = folder.and_then(|folder| folder.parent()).filter(|above| !above.as_os_str().is_empty());
        if let (Some(folder), Some(above)) = (folder, above)
            && !above.is_dir()
        {
            let text = format!("services is {}, but the folder above it does not exist: create it", folder.display());
            errors.push(self.together(&["services"], text));
        }
        for (name, file) in [
            ("login-certificate", &settings.login_certificate),
            ("login-certificate-key", &settings.login_certificate_key),
            ("tiles-token-file", &settings.tiles_token_file),
            ("accounts-hook-token-file", &settings.accounts_hook_token_file),
        ] {
            let missing = file.as_ref().filter(|file| !file.is_file());
            errors.extend(missing.map(|file| {
                self.together(&[name], format!("{name} is {}, but there is no such file", file.display()))
            }));
        }
        if settings.login_certificate.is_some() != settings.login_certificate_key.is_some() {
            let text = "login-certificate and login-certificate-key belong together: set both or none".into();
            errors.push(self.together(&["login-certificate", "login-certificate-key"], text));
        }
        if errors.is_empty() { Ok(()) } else { Err(SettingErrors(errors)) }
    }

    /// Whether the file of the fleet exists, and clients can be told where the server is.
    fn fleet(&self) -> Result<(), SettingErrors> {
        let Settings { fleet, fleet_address, public_address, listen, .. } = self.settings;
        let Some(file) = fleet else { return Ok(()) };
        let mut errors = Vec::new();
        if !file.is_file() {
            let text = format!("fleet is {}, but there is no such file", file.display());
            errors.push(self.together(&["fleet"], text));
        }
        if fleet_address.is_empty() && public_address.is_empty() && listen.ip().is_unspecified() {
            let text = format!(
                "listen is {listen}, which is no address that balancers can send clients to: set fleet-address to the \
                 host name or address, and UDP port, at which clients reach this server"
            );
            errors.push(self.together(&["fleet", "listen", "fleet-address"], text));
        }
        if errors.is_empty() { Ok(()) } else { Err(SettingErrors(errors)) }
    }

    /// The folder for dumps, if it exists.
    fn dump_folder(&self) -> Result<PathBuf, SettingErrors> {
        let folder = self.settings.dump_dir.clone().unwrap_or_else(|| ".".into());
        if folder.is_dir() {
            return Ok(folder);
        }
        let text = format!("dump-dir is {}, but this folder does not exist: create it", folder.display());
        Err(SettingErrors(vec![self.together(&["dump-dir"], text)]))
    }

    /// A world that NPCs fill. The server of a game has none of the demonstration's.
    fn no_room_for_players(&self) -> Option<OutOfRange> {
        let Settings { npcs, entities, .. } = self.settings;
        self.raw.setting("npcs")?;
        let text = format!(
            "npcs is {npcs} and entities is {entities}, but entities must be more than npcs: players need room too"
        );
        (npcs >= entities).then_some(OutOfRange { settings: &["npcs", "entities"], text })
    }

    fn together(&self, settings: &[&'static str], text: String) -> SettingError {
        let settings = settings.iter().map(|name| (*name, self.raw.get(name).1.clone())).collect();
        SettingError::Together { text, settings }
    }
}

/// A timeout that ends a connection before anything can be sent again.
fn retransmission_too_late(settings: &Settings) -> Option<OutOfRange> {
    let Settings { retransmission_ms, timeout_ms, .. } = settings;
    let text = format!(
        "retransmission-ms is {retransmission_ms} and timeout-ms is {timeout_ms}, but timeout-ms must be the larger one"
    );
    (retransmission_ms >= timeout_ms).then_some(OutOfRange { settings: &["retransmission-ms", "timeout-ms"], text })
}
