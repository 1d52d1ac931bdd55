//! What a server is told to be (O1): one set of settings, with the same names in a file, in the environment and as flags.
//!
//! Texts are gathered from their sources, read once into values, and checked against each other; the rest of the code sees
//! values alone. Every error names the setting, its value, who said it, and what it takes.

mod form;
mod settings;
mod texts;

pub use form::Kind;
pub use settings::{Cipher, Key, Served, Settings, keys};
pub use texts::{Source, Sources, Texts};

use crate::keys::{load_integrity_keys, load_pre_shared, load_secret, random_bytes};
use crate::replication::Pacing;
use crate::server::ServerConfig;
use crate::simulation::WorldConfig;
use ringshard_engine::crypto::{SecretKey, Suite, Suites};
use ringshard_engine::endpoint::{IntegrityConfig, Network, Policy};
use ringshard_engine::session::{HeartbeatConfig, TransportConfig};
use serde_json::{Value, json};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// Time between two checks of a client's integrity.
const INTEGRITY_PERIOD: Duration = Duration::from_secs(60);
/// The least length of the secret that questions bear.
const TOKEN_CHARACTERS_MIN: usize = 16;

/// Something wrong with the settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    /// A value that the setting does not take.
    #[error("{key} is `{value}` ({said_by}): it takes {expects}")]
    Value {
        /// The setting.
        key: String,
        /// Its text.
        value: String,
        /// Who said so.
        said_by: Source,
        /// What it takes.
        expects: String,
    },
    /// Values that do not go together, or not on this host.
    #[error("{text} ({who})", who = sources(.settings))]
    Together {
        /// What is wrong, and what would be right.
        text: String,
        /// The settings concerned, and who said what they are.
        settings: Vec<(&'static str, Source)>,
    },
    /// Nothing is called so.
    #[error("{place} says {key}, and there is no such setting: did you mean {near}?")]
    Unknown {
        /// What was said.
        key: String,
        /// Where.
        place: String,
        /// The setting whose name is most like it.
        near: String,
    },
    /// A file that cannot be read.
    #[error("cannot read the settings in {path}: {why}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
}

fn sources(settings: &[(&'static str, Source)]) -> String {
    settings.iter().map(|(name, source)| format!("{name}: {source}")).collect::<Vec<_>>().join(", ")
}

/// All that is wrong with the settings.
#[derive(Debug)]
pub struct Wrong(pub Vec<SettingError>);

impl std::error::Error for Wrong {}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

/// A value, or values that do not go together, of a configuration; by the names of its settings.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct OutOfRange {
    /// The settings concerned.
    pub settings: &'static [&'static str],
    /// What is wrong, and what would be right.
    pub text: String,
}

/// What a reload came to.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Reloaded {
    /// Settings that have changed.
    pub changed: Vec<String>,
    /// Settings that would have changed, and cannot while a server runs.
    pub refused: Vec<String>,
}

/// The settings of a server, with where they come from.
#[derive(Clone, Debug)]
pub struct Configuration {
    sources: Sources,
    texts: Texts,
    settings: Settings,
}

impl Configuration {
    /// Reads all sources, and checks everything that can be checked without starting a server.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn load(sources: Sources) -> Result<Self, Wrong> {
        let texts = sources.texts()?;
        let settings = Settings::read(&texts)?;
        Ok(Configuration { sources, texts, settings })
    }

    /// The values.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The texts, and who said them.
    pub fn texts(&self) -> &Texts {
        &self.texts
    }

    /// What the cores of a server are started with. Reads the key files.
    ///
    /// # Errors
    /// What does not go together, and a key file that cannot be used.
    pub fn server(&self) -> Result<ServerConfig, Wrong> {
        let settings = &self.settings;
        let secret = match &settings.key {
            Some(path) => load_secret(path).map_err(|error| self.wrong(&["key"], error.to_string()))?,
            None => SecretKey::from_bytes(random_bytes()),
        };
        let pre_shared = settings.pre_shared_key.as_deref().map(load_pre_shared).transpose();
        let keys = settings.integrity_keys.as_deref().map(load_integrity_keys).transpose();
        let keys = keys.map_err(|error| self.wrong(&["integrity-keys"], error.to_string()))?;
        let config = ServerConfig {
            listen: settings.listen,
            cpus: settings.cpus.clone(),
            datapath: settings.datapath,
            idle: settings.idle,
            connections_max: settings.max_connections as usize,
            socket_buffer_bytes: settings.socket_buffer_kib as usize * 1024,
            arrival_stamps: settings.arrival_stamps,
            suites: self.suites()?,
            heartbeat: HeartbeatConfig {
                interval: Duration::from_millis(settings.heartbeat_ms),
                timeout: Duration::from_millis(settings.timeout_ms),
            },
            secret,
            pre_shared: pre_shared.map_err(|error| self.wrong(&["pre-shared-key"], error.to_string()))?,
            transport: TransportConfig {
                congestion: settings.congestion,
                compression: settings.compression,
                retransmission_first: Duration::from_millis(settings.retransmission_ms),
            },
            message_bytes_max: (settings.message_memory_mib as usize) << 20,
            integrity: keys.map(|keys| IntegrityConfig { keys: keys.into(), period: INTEGRITY_PERIOD }),
            policy: self.policy(),
        };
        config.check().map_err(|error| self.wrong(error.settings, error.text))?;
        Ok(config)
    }

    fn suites(&self) -> Result<Suites, Wrong> {
        Ok(match self.settings.cipher {
            Cipher::Auto => Suites::native(),
            Cipher::Chacha => Suites::only(&[Suite::ChaCha20Poly1305]),
            Cipher::Aes if Suites::native().bits() & Suite::Aes128Gcm as u8 == 0 => {
                return Err(self.wrong(
                    &["cipher"],
                    "cipher is `aes`, and this processor has no instructions for it: \
                                                    it takes chacha or auto here"
                        .to_owned(),
                ));
            }
            Cipher::Aes => Suites::only(&[Suite::Aes128Gcm]),
        })
    }

    /// The shape of the world.
    ///
    /// # Errors
    /// What does not go together.
    pub fn world(&self) -> Result<WorldConfig, Wrong> {
        let settings = &self.settings;
        let world = WorldConfig {
            entities_max: settings.entities as usize,
            visible_max: settings.visible as usize,
            near: settings.near as f32,
            pacing: Pacing { bytes_max: settings.snapshot_bytes as usize, ..Pacing::default() },
            seed: settings.seed,
            ..WorldConfig::default()
        };
        world.check(settings.cpus.len()).map_err(|error| self.wrong(error.settings, error.text))?;
        Ok(world)
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

    /// Where questions are answered, and the secret that they must bear.
    ///
    /// # Errors
    /// An address that others reach, without a secret; a secret that cannot be read, or is too short.
    pub fn admin(&self) -> Result<Option<(std::net::SocketAddr, Option<String>)>, Wrong> {
        let Some(address) = self.settings.admin else { return Ok(None) };
        let token = match &self.settings.admin_token_file {
            Some(path) => {
                let wrong =
                    |why: String| self.wrong(&["admin-token-file"], format!("cannot use {}: {why}", path.display()));
                let token = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?.trim().to_owned();
                if token.len() < TOKEN_CHARACTERS_MIN || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
                    return Err(wrong(format!(
                        "a secret has {TOKEN_CHARACTERS_MIN} letters and digits or more, as of `openssl rand -hex 32`"
                    )));
                }
                Some(token)
            }
            None if !address.ip().is_loopback() => {
                let text = format!(
                    "admin is {address}, which others can reach: give a secret with admin-token-file, or use 127.0.0.1"
                );
                return Err(self.wrong(&["admin", "admin-token-file"], text));
            }
            None => None,
        };
        Ok(Some((address, token)))
    }

    /// The Unix socket where questions are answered and orders are taken, if there is one.
    ///
    /// # Errors
    /// There is no folder for it.
    pub fn admin_socket(&self) -> Result<Option<&std::path::Path>, Wrong> {
        let Some(path) = self.settings.admin_socket.as_deref() else { return Ok(None) };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if folder.is_some_and(|folder| !folder.is_dir()) {
            let text = format!("admin-socket is {}, and there is no such folder: make it first", path.display());
            return Err(self.wrong(&["admin-socket"], text));
        }
        Ok(Some(path))
    }

    /// Where dumps go.
    ///
    /// # Errors
    /// There is no such folder.
    pub fn dump_folder(&self) -> Result<PathBuf, Wrong> {
        let folder = self.settings.dump_dir.clone().unwrap_or_else(|| ".".into());
        match folder.is_dir() {
            true => Ok(folder),
            false => {
                Err(self.wrong(&["dump-dir"], format!("dump-dir is {}, and there is no such folder", folder.display())))
            }
        }
    }

    /// Checks everything that [`Self::server`], [`Self::world`], [`Self::admin`],
    /// [`Self::admin_socket`] and [`Self::dump_folder`] check.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn check(&self) -> Result<(), Wrong> {
        let all = [
            self.server().err(),
            self.world().err(),
            self.admin().err(),
            self.admin_socket().err(),
            self.dump_folder().err(),
        ];
        let wrong: Vec<_> = all.into_iter().flatten().flat_map(|wrong| wrong.0).collect();
        if wrong.is_empty() { Ok(()) } else { Err(Wrong(wrong)) }
    }

    /// Reads all sources anew, and takes over what can change while a server runs. Nothing changes when anything is wrong.
    ///
    /// # Errors
    /// All that is wrong.
    pub fn reload(&mut self) -> Result<Reloaded, Wrong> {
        let fresh = self.sources.texts()?;
        let (mut texts, mut reloaded) = (self.texts.clone(), Reloaded::default());
        Settings::read(&fresh)?;
        for key in keys().iter().filter(|key| fresh.get(&key.name).0 != self.texts.get(&key.name).0) {
            if key.live {
                texts.take_over(key, &fresh);
                reloaded.changed.push(key.name.clone());
            } else {
                reloaded.refused.push(key.name.clone());
            }
        }
        self.settings = Settings::read(&texts)?;
        self.texts = texts;
        Ok(reloaded)
    }

    /// All settings as they are, for machines.
    pub fn describe(&self) -> Value {
        keys()
            .iter()
            .map(|key| {
                let (text, source) = self.texts.get(&key.name);
                let value = serde_json::to_value(key.kind.toml(text)).unwrap_or_default();
                json!({"name": key.name, "value": value, "source": source.to_string(), "live": key.live, "group": key.group})
            })
            .collect()
    }

    fn wrong(&self, settings: &[&'static str], text: String) -> Wrong {
        let settings = settings.iter().map(|name| (*name, self.texts.get(name).1.clone())).collect();
        Wrong(vec![SettingError::Together { text, settings }])
    }
}

/// A JSON Schema of the file, as editors use it.
pub fn schema() -> Value {
    let properties: serde_json::Map<String, Value> = keys()
        .iter()
        .map(|key| {
            let mut schema = key.kind.schema();
            schema["description"] = format!("{} It takes {}.", key.help, key.expects).into();
            schema["default"] = serde_json::to_value(key.kind.toml(key.default)).unwrap_or_default();
            schema["x-live"] = key.live.into();
            (key.name.clone(), schema)
        })
        .collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of a Ringshard server",
        "type": "object",
        "additionalProperties": false,
        "properties": properties,
    })
}
