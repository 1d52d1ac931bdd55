//! How to reach the bus.

use ringshard_operation::private_file;
use serde::Deserialize;
use std::fmt;
use std::path::PathBuf;

/// Longest prefix of subjects, in bytes.
const SUBJECT_BYTES_MAX: usize = 64;
/// Most updates of an entity per second: worlds have so many ticks.
const HZ_MAX: u32 = 60;
/// Fewest bytes per second to a neighbour.
const BORDER_BYTES_MIN: u32 = 10_000;
/// Longest time between two checkpoints.
const CHECKPOINT_SECS_MAX: u64 = 300;
/// Most servers of a list.
const SERVERS_MAX: usize = 16;

/// The table `[bus]` of a fleet's file.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BusSettings {
    /// Servers of NATS: `nats://HOST:PORT` or `tls://HOST:PORT`. One that does not answer is left for the next.
    pub servers: Vec<String>,
    /// File with the fleet's key: 64 hexadecimal digits. All hosts have the same, and nobody else has it.
    pub key_file: PathBuf,
    /// What the subjects of this fleet begin with.
    #[serde(default = "usual_subject")]
    pub subject: String,
    /// How far a player may be outside of its host's zones before it moves, in units of the map.
    #[serde(default = "usual_margin")]
    pub margin: f32,
    /// Up to this distance from a neighbour's zones, in units of the map, that neighbour hears often of an entity.
    #[serde(default = "usual_border_near")]
    pub border_near: f32,
    /// Updates per second that a neighbour gets of such an entity, 1 to 60.
    #[serde(default = "usual_border_near_hz")]
    pub border_near_hz: u32,
    /// The same, of an entity that is farther away.
    #[serde(default = "usual_border_far_hz")]
    pub border_far_hz: u32,
    /// Most bytes of entities per second to one neighbour. If there are more, the farthest entities wait.
    #[serde(default = "usual_border_bytes")]
    pub border_bytes_per_second: u32,
    /// Seconds between two checkpoints of a player, 1 to 300; 0: none are kept.
    #[serde(default = "usual_checkpoint_secs")]
    pub checkpoint_secs: u64,
    /// The key-value bucket of NATS that has them. Two fleets on one NATS need two.
    #[serde(default = "usual_checkpoint_bucket")]
    pub checkpoint_bucket: String,
    /// The user, where NATS has users.
    pub user: Option<String>,
    /// File with the password of that user. Other users of this host must not be able to read it.
    pub password_file: Option<PathBuf>,
    /// PEM file with the certificates that sign those of NATS. Needed for `tls`.
    pub ca_certificate: Option<PathBuf>,
    /// PEM file with the certificate chain of this client, where NATS asks for one.
    pub certificate: Option<PathBuf>,
    /// PEM file with the private key of that certificate. Other users of this host must not be able to read it.
    pub certificate_key: Option<PathBuf>,
}

fn usual_subject() -> String {
    "ringshard".into()
}

fn usual_margin() -> f32 {
    200.0
}

fn usual_border_near() -> f32 {
    2_000.0
}

fn usual_border_near_hz() -> u32 {
    30
}

fn usual_border_far_hz() -> u32 {
    10
}

fn usual_border_bytes() -> u32 {
    4_000_000
}

fn usual_checkpoint_secs() -> u64 {
    10
}

fn usual_checkpoint_bucket() -> String {
    "ringshard-checkpoints".into()
}

impl BusSettings {
    /// How often neighbours hear of entities.
    #[cfg(feature = "nats")]
    pub(crate) fn border_rates(&self) -> ringshard::world::border::BorderRates {
        let interval = |hz: u32| ringshard_protocol::time::Duration::from_micros(1_000_000 / u64::from(hz));
        ringshard::world::border::BorderRates {
            near: self.border_near,
            near_interval: interval(self.border_near_hz),
            far_interval: interval(self.border_far_hz),
            bytes_per_second: self.border_bytes_per_second,
        }
    }

    /// What is wrong, each with what it must be.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !(1..=SERVERS_MAX).contains(&self.servers.len()) {
            faults.push(format!("bus.servers must have 1 to {SERVERS_MAX} addresses"));
        }
        let address = |server: &str| {
            let address = server.strip_prefix("nats://").or_else(|| server.strip_prefix("tls://"));
            address.is_some_and(|address| {
                address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
            })
        };
        let wrong = self.servers.iter().filter(|server| !address(server));
        faults.extend(
            wrong.map(|server| format!("{server:?} in bus.servers must be nats://HOST:PORT or tls://HOST:PORT")),
        );
        let has_tls = self.servers.iter().any(|server| server.starts_with("tls://"));
        if has_tls != self.ca_certificate.is_some() {
            faults.push("bus.ca-certificate must name the PEM file that signs the certificates of NATS if, and only if, bus.servers has tls://".into());
        }
        if self.certificate.is_some() != self.certificate_key.is_some() {
            faults.push("bus.certificate and bus.certificate-key belong together: set both or none".into());
        } else if self.certificate.is_some() && !has_tls {
            faults.push("bus.servers has no tls://, so bus.certificate has no effect: use tls://".into());
        }
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if self.subject.is_empty() || self.subject.len() > SUBJECT_BYTES_MAX || !self.subject.bytes().all(is_token) {
            faults.push(format!(
                "bus.subject is {:?}, but must be 1 to {SUBJECT_BYTES_MAX} of the characters a-z, A-Z, 0-9, - and _",
                self.subject
            ));
        }
        if !(0.0..=1e6).contains(&self.margin) {
            faults.push(format!("bus.margin is {}, but must be 0 to 1000000", self.margin));
        }
        if !(0.0..=1e6).contains(&self.border_near) {
            faults.push(format!("bus.border-near is {}, but must be 0 to 1000000", self.border_near));
        }
        for (name, hz) in [("border-near-hz", self.border_near_hz), ("border-far-hz", self.border_far_hz)] {
            if !(1..=HZ_MAX).contains(&hz) {
                faults.push(format!("bus.{name} is {hz}, but must be 1 to {HZ_MAX}"));
            }
        }
        if self.border_bytes_per_second < BORDER_BYTES_MIN {
            faults.push(format!(
                "bus.border-bytes-per-second is {}, but must be at least {BORDER_BYTES_MIN}",
                self.border_bytes_per_second
            ));
        }
        if self.checkpoint_secs > CHECKPOINT_SECS_MAX {
            faults.push(format!(
                "bus.checkpoint-secs is {}, but must be 1 to {CHECKPOINT_SECS_MAX}, or 0 for none",
                self.checkpoint_secs
            ));
        }
        let bucket = &self.checkpoint_bucket;
        if bucket.is_empty() || bucket.len() > SUBJECT_BYTES_MAX || !bucket.bytes().all(is_token) {
            faults.push(format!(
                "bus.checkpoint-bucket is {bucket:?}, but must be 1 to {SUBJECT_BYTES_MAX} of the characters a-z, A-Z, 0-9, - and _"
            ));
        }
        if self.user.is_some() != self.password_file.is_some() {
            faults.push("bus.user and bus.password-file belong together".into());
        }
        faults
    }
}

/// The key that all hosts of a fleet share.
#[derive(Clone, PartialEq, Eq)]
pub struct BusKey([u8; 32]);

impl fmt::Debug for BusKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("BusKey(..)")
    }
}

impl BusKey {
    /// A key of these bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        BusKey(bytes)
    }

    /// Reads the file that the settings name.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub fn load(settings: &BusSettings) -> Result<Self, String> {
        let path = &settings.key_file;
        private_file::read_key(path)?.map(BusKey).ok_or_else(|| {
            format!(
                "{0} is no key of a fleet, which is 64 hexadecimal digits: make one with \
                 `ringshard fleet keygen --out {0}`, and copy it to all hosts",
                path.display()
            )
        })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> String {
        toml::from_str::<BusSettings>(text)
            .map_or_else(|error| error.to_string(), |settings| settings.faults().join("\n"))
    }

    #[test]
    fn each_wrong_setting_is_named() {
        let good = "servers = ['nats://10.0.0.1:4222']\nkey-file = 'k'\n";
        assert_eq!(faults(good), "");
        for (text, named) in [
            ("servers = []\nkey-file = 'k'".to_owned(), "bus.servers must have 1 to"),
            ("servers = ['10.0.0.1:4222']\nkey-file = 'k'".into(), "must be nats://HOST:PORT or tls://HOST:PORT"),
            ("servers = ['tls://a:4222']\nkey-file = 'k'".into(), "bus.ca-certificate must name"),
            (format!("{good}ca-certificate = 'a'"), "bus.ca-certificate must name"),
            (format!("{good}certificate = 'a'"), "bus.certificate and bus.certificate-key belong together"),
            (format!("{good}certificate = 'a'\ncertificate-key = 'b'"), "so bus.certificate has no effect"),
            (format!("{good}subject = 'a.b'"), "bus.subject is \"a.b\""),
            (format!("{good}margin = -1"), "bus.margin is -1"),
            (format!("{good}border-near = -1"), "bus.border-near is -1"),
            (format!("{good}border-near-hz = 61"), "bus.border-near-hz is 61"),
            (format!("{good}border-far-hz = 0"), "bus.border-far-hz is 0"),
            (format!("{good}border-bytes-per-second = 1"), "bus.border-bytes-per-second is 1"),
            (format!("{good}checkpoint-secs = 301"), "bus.checkpoint-secs is 301"),
            (format!("{good}checkpoint-bucket = 'a.b'"), "bus.checkpoint-bucket is \"a.b\""),
            (format!("{good}user = 'a'"), "bus.user and bus.password-file belong together"),
            (format!("{good}server = 'a'"), "unknown field `server`"),
            ("servers = ['nats://a:1']".into(), "missing field `key-file`"),
        ] {
            let error = faults(&text);
            assert!(error.contains(named), "{named}: {error}");
        }
    }
}
