//! The settings as they are written: the same names in the file, as flags and in the environment.

use ipnet::IpNet;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Settings of a balancer, as flags, as environment variables (`RINGSHARD_BALANCE_` and the name in capitals) or in the file.
/// Flags and environment win over the file.
#[derive(clap::Args, Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Raw {
    /// The file of the fleet, which hosts, balancers and operators share: it names etcd, or lists the hosts.
    #[arg(long, value_name = "FILE", env = "RINGSHARD_BALANCE_FLEET", hide_env = true)]
    pub fleet: Option<PathBuf>,
    /// Address and port, TCP. [default: 127.0.0.1:3580]
    #[arg(long, value_name = "ADDRESS", env = "RINGSHARD_BALANCE_LISTEN", hide_env = true)]
    pub listen: Option<SocketAddr>,
    /// PEM file with the certificate and its chain. Without it the balancer speaks HTTP over loopback, and with
    /// `trusted-proxies` that speak HTTPS; it closes other connections.
    #[arg(long, value_name = "FILE", env = "RINGSHARD_BALANCE_CERTIFICATE", hide_env = true)]
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key of the certificate.
    #[arg(long, value_name = "FILE", env = "RINGSHARD_BALANCE_CERTIFICATE_KEY", hide_env = true)]
    pub certificate_key: Option<PathBuf>,
    /// File with the key that all balancers of the fleet share, as `ringshard keygen` makes it. It signs queue tickets.
    /// [default: a key that this instance draws when it starts]
    #[arg(long, value_name = "FILE", env = "RINGSHARD_BALANCE_KEY", hide_env = true)]
    pub key: Option<PathBuf>,
    /// TOML file with the policy: regions, strategy, overflow, queue. It is read again when it changes. [default: the usual
    /// policy]
    #[arg(long, value_name = "FILE", env = "RINGSHARD_BALANCE_POLICY", hide_env = true)]
    pub policy: Option<PathBuf>,
    /// Location database in the MMDB format, such as DB-IP's or GeoLite's. It is read again when it changes. [default: none]
    #[arg(long, value_name = "FILE", env = "RINGSHARD_BALANCE_LOCATION", hide_env = true)]
    pub location: Option<PathBuf>,
    /// URL of the login door, such as `https://login.example:3567`. Clients that send their token get a ticket for their host.
    /// [default: none]
    #[arg(long, value_name = "URL", env = "RINGSHARD_BALANCE_LOGIN", hide_env = true)]
    pub login: Option<String>,
    /// PEM file with the certificates that sign the login door's. Needed for https.
    #[arg(long, value_name = "FILE", env = "RINGSHARD_BALANCE_LOGIN_CERTIFICATE", hide_env = true)]
    pub login_certificate: Option<PathBuf>,
    /// File with a name, a role (`read` or `write`) and a token per line. It is read again when it changes. Without it,
    /// requests of this host may read, and nobody may write.
    #[arg(long, value_name = "FILE", env = "RINGSHARD_BALANCE_TOKENS", hide_env = true)]
    pub tokens: Option<PathBuf>,
    /// File to which a line of JSON is added for each change by an operator, also for one that was refused. [default: the log
    /// has them]
    #[arg(long, value_name = "FILE", env = "RINGSHARD_BALANCE_AUDIT", hide_env = true)]
    pub audit: Option<PathBuf>,
    /// Networks of proxies whose `X-Forwarded-For` is believed. [default: none]
    #[arg(
        long,
        value_name = "LIST",
        env = "RINGSHARD_BALANCE_TRUSTED_PROXIES",
        hide_env = true,
        value_delimiter = ','
    )]
    pub trusted_proxies: Vec<IpNet>,
    /// Origins whose pages may ask for routes, such as `https://game.example`; `*`: all. [default: none]
    #[arg(long, value_name = "LIST", env = "RINGSHARD_BALANCE_ORIGINS", hide_env = true, value_delimiter = ',')]
    pub origins: Vec<String>,
    /// Threads. [default: the CPUs that this process may use, at most 4]
    #[arg(long, value_name = "COUNT", env = "RINGSHARD_BALANCE_THREADS", hide_env = true)]
    pub threads: Option<usize>,
    /// Connections. [default: 8192]
    #[arg(long, value_name = "COUNT", env = "RINGSHARD_BALANCE_MAX_CONNECTIONS", hide_env = true)]
    pub max_connections: Option<usize>,
    /// Connections of one address. An IPv6 address counts as its /64. [default: 64]
    #[arg(long, value_name = "COUNT", env = "RINGSHARD_BALANCE_MAX_CONNECTIONS_PER_ADDRESS", hide_env = true)]
    pub max_connections_per_address: Option<usize>,
    /// Requests of one address per second. Ten times as many may come at once. [default: 20]
    #[arg(long, value_name = "COUNT", env = "RINGSHARD_BALANCE_REQUESTS_PER_SECOND", hide_env = true)]
    pub requests_per_second: Option<u32>,
    /// Networks that limits per address do not apply to. [default: 127.0.0.0/8,::1/128]
    #[arg(long, value_name = "LIST", env = "RINGSHARD_BALANCE_ALLOW", hide_env = true, value_delimiter = ',')]
    pub allow: Option<Vec<IpNet>>,
    /// Seconds that requests may take to end after SIGTERM. [default: 5]
    #[arg(long, value_name = "SECONDS", env = "RINGSHARD_BALANCE_DRAIN_SECS", hide_env = true)]
    pub drain_secs: Option<u64>,
}

impl Raw {
    /// These settings, and those of `below` where these say nothing.
    pub(super) fn over(self, below: Raw) -> Raw {
        fn list<T>(own: Vec<T>, below: Vec<T>) -> Vec<T> {
            if own.is_empty() { below } else { own }
        }
        Raw {
            fleet: self.fleet.or(below.fleet),
            listen: self.listen.or(below.listen),
            certificate: self.certificate.or(below.certificate),
            certificate_key: self.certificate_key.or(below.certificate_key),
            key: self.key.or(below.key),
            policy: self.policy.or(below.policy),
            location: self.location.or(below.location),
            login: self.login.or(below.login),
            login_certificate: self.login_certificate.or(below.login_certificate),
            tokens: self.tokens.or(below.tokens),
            audit: self.audit.or(below.audit),
            trusted_proxies: list(self.trusted_proxies, below.trusted_proxies),
            origins: list(self.origins, below.origins),
            threads: self.threads.or(below.threads),
            max_connections: self.max_connections.or(below.max_connections),
            max_connections_per_address: self.max_connections_per_address.or(below.max_connections_per_address),
            requests_per_second: self.requests_per_second.or(below.requests_per_second),
            allow: self.allow.or(below.allow),
            drain_secs: self.drain_secs.or(below.drain_secs),
        }
    }
}
