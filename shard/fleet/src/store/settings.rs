//! How to reach etcd.

use serde::Deserialize;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// The bounds of a lease, in seconds. etcd grants no shorter one than its election takes.
const LEASE_SECS: RangeInclusive<u64> = 2..=60;
/// Most nodes of etcd.
const ENDPOINTS_MAX: usize = 16;

/// How to reach etcd: the table `[etcd]` in the file of the fleet.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EtcdSettings {
    /// Its nodes: `http://HOST:PORT` or `https://HOST:PORT`. One that does not answer is left for the next.
    pub endpoints: Vec<String>,
    /// What the keys of this fleet begin with.
    #[serde(default = "usual_prefix")]
    pub prefix: String,
    /// Seconds after which a host that is silent is gone.
    #[serde(default = "usual_lease_secs")]
    pub lease_secs: u64,
    /// The user, where etcd has users.
    pub user: Option<String>,
    /// File with the password of that user. Other users of this host must not be able to read it.
    pub password_file: Option<PathBuf>,
    /// PEM file with the certificates that sign those of etcd. Needed for `https`.
    pub ca_certificate: Option<PathBuf>,
    /// PEM file with the certificate chain of this client, where etcd asks for one.
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key of that certificate. Other users of this host must not be able to read it.
    pub certificate_key: Option<PathBuf>,
}

fn usual_prefix() -> String {
    "/ringshard/".into()
}

fn usual_lease_secs() -> u64 {
    5
}

impl EtcdSettings {
    /// The settings that reach these nodes, and nothing else.
    pub fn at(endpoints: Vec<String>) -> Self {
        EtcdSettings {
            endpoints,
            prefix: usual_prefix(),
            lease_secs: usual_lease_secs(),
            user: None,
            password_file: None,
            ca_certificate: None,
            certificate: None,
            certificate_key: None,
        }
    }

    /// Time after which a host that is silent is gone.
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_secs)
    }

    /// What is wrong, with what it must be. It reads no file.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.endpoints.is_empty() || self.endpoints.len() > ENDPOINTS_MAX {
            faults
                .push(format!("etcd.endpoints must have 1 to {ENDPOINTS_MAX} addresses, such as http://10.0.0.1:2379"));
        }
        let is_secure = |endpoint: &&String| endpoint.starts_with("https://");
        for endpoint in &self.endpoints {
            let host = endpoint.strip_prefix("http://").or(endpoint.strip_prefix("https://"));
            let sound = host
                .and_then(|host| host.rsplit_once(':'))
                .is_some_and(|(host, port)| !host.is_empty() && !host.contains('/') && port.parse::<u16>().is_ok());
            if !sound {
                faults.push(format!(
                    "etcd.endpoints has {endpoint:?}, but it must be http://HOST:PORT or https://HOST:PORT"
                ));
            }
        }
        if !LEASE_SECS.contains(&self.lease_secs) {
            let (least, most) = (LEASE_SECS.start(), LEASE_SECS.end());
            faults.push(format!("etcd.lease-secs is {}, but must be {least} to {most}", self.lease_secs));
        }
        if self.user.is_some() != self.password_file.is_some() {
            faults.push("etcd.user and etcd.password-file belong together: set both or none".into());
        }
        if self.certificate.is_some() != self.certificate_key.is_some() {
            faults.push("etcd.certificate and etcd.certificate-key belong together: set both or none".into());
        }
        if self.endpoints.iter().any(|endpoint| is_secure(&endpoint)) {
            if self.ca_certificate.is_none() {
                faults.push(
                    "etcd.endpoints has https, so etcd.ca-certificate must name the PEM file that verifies it".into(),
                );
            }
            if !self.endpoints.iter().all(|endpoint| is_secure(&endpoint)) {
                faults.push("etcd.endpoints mixes http and https: use one of them".into());
            }
        } else if self.ca_certificate.is_some() || self.certificate.is_some() {
            faults.push("etcd.endpoints has no https, so certificates have no effect: use https://".into());
        }
        faults
    }
}
