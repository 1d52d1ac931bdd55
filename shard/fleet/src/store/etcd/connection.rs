//! Connecting to a node of etcd.

use super::answers::error_of;
use crate::store::{EtcdSettings, StoreError};
use etcd_client::{Certificate, Client, ConnectOptions, Error, Identity, TlsOptions};
use ringshard::config::key_files::{KeyFileError, read_private};
use ringshard_certificates::{CertificateError, CertificateSource, Certificates, read_certificates};
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
    #[error("{0}: {1}")]
    Certificate(&'static str, Box<CertificateError>),
    /// A certificate that was there a moment ago.
    #[error("{0} is {1}, which cannot be read: {2}")]
    Read(&'static str, PathBuf, std::io::Error),
}

/// Everything that it takes to connect.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) endpoints: Vec<String>,
    options: ConnectOptions,
    /// The file of the setting `ca-certificate`.
    authority: Option<PathBuf>,
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
            read_certificates(authority).map_err(|error| certificate("etcd.ca-certificate", error))?;
            let authority = read("etcd.ca-certificate", authority)?;
            let mut tls = TlsOptions::new().ca_certificate(Certificate::from_pem(authority));
            if let (Some(chain), Some(key)) = (&settings.certificate, &settings.certificate_key) {
                tls = tls.identity(identity(chain, key)?);
            }
            options = options.with_tls(tls);
        }
        Ok(Connector { endpoints: settings.endpoints.clone(), options, authority: settings.ca_certificate.clone() })
    }

    /// A client of one node. It logs in if there is a user.
    pub(super) async fn connect(&self, node: usize) -> Result<Client, Error> {
        Client::connect([&self.endpoints[node]], Some(self.options.clone())).await
    }

    /// An error of etcd. If a certificate is the reason, it says which setting is to be corrected.
    pub(super) fn explained(&self, error: &Error) -> StoreError {
        let (error, Some(authority)) = (error_of(error), &self.authority) else { return error_of(error) };
        match error {
            StoreError::Unavailable(text) if text.contains("invalid peer certificate") => {
                let file = authority.display();
                StoreError::Unavailable(format!(
                    "{text}; etcd.ca-certificate must name the certificate that signed that of etcd, but is {file}; etcd's must \
                     be valid now, and for the host in etcd.endpoints"
                ))
            }
            StoreError::Unavailable(text) if text.contains("received fatal alert") => StoreError::Denied(format!(
                "{text}; etcd.certificate and etcd.certificate-key must name a certificate that etcd's --trusted-ca-file has signed"
            )),
            error => error,
        }
    }
}

/// This client's certificate, if its two files belong together.
fn identity(chain: &Path, key: &Path) -> Result<Identity, ConnectError> {
    let secret = read_private(key).map_err(|error| ConnectError::Secret("etcd.certificate-key", error))?;
    let files = CertificateSource::Files { chain: chain.to_owned(), key: key.to_owned() };
    Certificates::open(&files).map_err(|error| certificate("etcd.certificate", error))?;
    Ok(Identity::from_pem(read("etcd.certificate", chain)?, secret))
}

fn certificate(setting: &'static str, error: CertificateError) -> ConnectError {
    ConnectError::Certificate(setting, Box::new(error))
}

fn read(setting: &'static str, path: &Path) -> Result<Vec<u8>, ConnectError> {
    std::fs::read(path).map_err(|error| ConnectError::Read(setting, path.to_owned(), error))
}
