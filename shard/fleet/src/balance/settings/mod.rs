//! The settings of a balancer: a TOML file, flags and environment variables, checked once.
//!
//! | file | has |
//! |---|---|
//! | `sources` | where the settings come from |
//! | `raw` | the settings as they are written |
//! | `check` | turns them into [`Settings`], or says what is wrong, where, and what to do |

mod check;
mod raw;
mod sources;

pub use raw::Raw;
pub use sources::{SettingsError, Sources};

use crate::balancer::KEY_BYTES;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The settings of a balancer, checked.
#[derive(Clone, PartialEq)]
pub struct Settings {
    /// The file of the fleet.
    pub fleet: PathBuf,
    /// TCP. Port 0: any free port.
    pub listen: SocketAddr,
    /// The certificate's PEM files. None: HTTP.
    pub certificate: Option<CertificateFiles>,
    /// The key that all balancers share. None: a new one for this run.
    pub key: Option<[u8; KEY_BYTES]>,
    /// The policy's file. None: the usual policy.
    pub policy: Option<PathBuf>,
    /// The location database. None: no location is known.
    pub location: Option<PathBuf>,
    /// The login door. None: no client gets a ticket.
    pub login: Option<LoginSettings>,
    /// The file of tokens. None: this host may read, and nobody may write.
    pub tokens: Option<PathBuf>,
    /// The file of the audit. None: the log has it.
    pub audit: Option<PathBuf>,
    /// Proxies whose word about addresses counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Values of `Origin` whose pages may ask for routes; `*`: all.
    pub origins: Vec<String>,
    /// Threads.
    pub threads: usize,
    /// Limits.
    pub limits: LimitSettings,
    /// How long requests may take to end.
    pub drain: Duration,
    /// Time between two looks at files.
    pub look_every: Duration,
    /// For the head of a request, counted from the end of the one before. So it is the time for an idle connection, too.
    pub head: Duration,
}

/// Limits. An IPv6 address counts as its /64; a /48 has the limits of 16 of these.
#[derive(Clone, PartialEq, Debug)]
pub struct LimitSettings {
    /// Connections.
    pub connections: usize,
    /// Connections of one address.
    pub connections_per_address: usize,
    /// Requests of one address, per second. Ten times as many may come at once.
    pub requests_per_second: u32,
    /// Networks that limits per address do not apply to.
    pub allow: Vec<IpNet>,
}

/// The login door.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoginSettings {
    /// Its URL, without a slash at the end.
    pub url: String,
    /// PEM file with the certificates that sign the door's.
    pub certificate: Option<PathBuf>,
}

/// PEM files of a certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CertificateFiles {
    /// The certificate and its chain.
    pub chain: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            fleet: PathBuf::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 3580)),
            certificate: None,
            key: None,
            policy: None,
            location: None,
            login: None,
            tokens: None,
            audit: None,
            trusted_proxies: Vec::new(),
            origins: Vec::new(),
            threads: 1,
            limits: LimitSettings::default(),
            drain: Duration::from_secs(5),
            look_every: Duration::from_secs(2),
            head: Duration::from_secs(20),
        }
    }
}

impl Default for LimitSettings {
    fn default() -> LimitSettings {
        LimitSettings {
            connections: 8_192,
            connections_per_address: 64,
            requests_per_second: 20,
            allow: vec![
                Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8).into(),
                Ipv6Net::from(Ipv6Addr::LOCALHOST).into(),
            ],
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("fleet", &self.fleet)
            .field("listen", &self.listen)
            .finish_non_exhaustive()
    }
}
