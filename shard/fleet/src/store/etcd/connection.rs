//! Connecting to a node of etcd.

use crate::store::EtcdSettings;
use etcd_client::{Certificate, Client, ConnectOptions, Identity, TlsOptions};
use ringshard::config::key_files::{KeyFileError, read_private};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a node may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// A connection is tested this often, so that one that is cut is noticed.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// How long a node may take to answer such a test.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// Files that the settings name and that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// A secret.
    #[error("{0}: {1}")]
    Secret(&'static str, KeyFileError),
    /// A certificate.
    #[error("{0} is {1}, which cannot be read: {2}")]
    Certificate(&'static str, PathBuf, std::io::Error),
}

/// Everything that it takes to connect.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) endpoints: Vec<String>,
    options: ConnectOptions,
}

impl Connector {
    /// Reads the files that the settings name.
    pub(super) fn new(settings: &EtcdSettings) -> Result<Self, ConnectError> {
        let mut options = ConnectOptions::new()
            .with_connect_timeout(CONNECT_TIMEOUT)
            .with_keep_alive(PING_INTERVAL, PING_TIMEOUT)
            // A node that is cut off from the others must not answer from what it remembers.
            .with_require_leader(true);
        if let (Some(user), Some(file)) = (&settings.user, &settings.password_file) {
            let password = read_private(file).map_err(|error| ConnectError::Secret("etcd.password-file", error))?;
            options = options.with_user(user, password.trim_end_matches(['\r', '\n']));
        }
        if let Some(authority) = &settings.ca_certificate {
            let authority = read("etcd.ca-certificate", authority)?;
            let mut tls = TlsOptions::new().ca_certificate(Certificate::from_pem(authority));
            if let (Some(chain), Some(key)) = (&settings.certificate, &settings.certificate_key) {
                let chain = read("etcd.certificate", chain)?;
                let key = read_private(key).map_err(|error| ConnectError::Secret("etcd.certificate-key", error))?;
                tls = tls.identity(Identity::from_pem(chain, key));
            }
            options = options.with_tls(tls);
        }
        Ok(Connector { endpoints: settings.endpoints.clone(), options })
    }

    /// A client of one node. It logs in if there is a user.
    pub(super) async fn connect(&self, node: usize) -> Result<Client, etcd_client::Error> {
        Client::connect([&self.endpoints[node]], Some(self.options.clone())).await
    }
}

fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, ConnectError> {
    std::fs::read(path).map_err(|error| ConnectError::Certificate(setting, path.to_owned(), error))
}
