//! The TLS certificate of a listener: read from files, read again when they change, or made for development.
//!
//! A connection keeps the certificate that it began with. A reload that fails leaves the certificate in use as it is. The
//! owner of [`Certificates`] calls [`Certificates::changed`] periodically and [`Certificates::reload`] when that says so;
//! this crate starts no thread. It logs only warnings.
#![forbid(unsafe_code)]

mod development;
mod facts;
mod files;

pub use development::{RENEWAL_DAYS, SHORT_LIVED_DAYS};
pub use files::{CertificateError, read_certificates};

use development::{Renewal, is_due};
use facts::{is_for, validity};
use files::Stamp;
use ring::digest;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::SystemTime;

/// Where the certificate comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CertificateSource {
    /// PEM files: the certificate with its chain, leaf first, and its private key.
    Files {
        /// The certificate and its chain.
        chain: PathBuf,
        /// The private key. Only its owner, or the owner and a group, may read it.
        key: PathBuf,
    },
    /// A self-signed certificate, made on the first start and kept in `folder`. Clients must pin it.
    Development {
        /// The folder of `development.pem` and `development.key`.
        folder: PathBuf,
        /// Names and addresses of the server, beside `localhost`, `127.0.0.1` and `::1`.
        names: Vec<String>,
    },
    /// A self-signed certificate for browsers, valid for [`SHORT_LIVED_DAYS`] and kept in `folder`. A page pins it by its
    /// SHA-256 in `serverCertificateHashes`. It is made again [`RENEWAL_DAYS`] before it ends: then it has another hash.
    ShortLived {
        /// The folder of `short-lived.pem` and `short-lived.key`.
        folder: PathBuf,
        /// Names and addresses of the server, beside `localhost`, `127.0.0.1` and `::1`.
        names: Vec<String>,
    },
}

/// The certificate in use.
#[derive(Debug)]
pub struct Certificates {
    chain: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
    /// What makes a short-lived certificate again.
    renewal: Option<Renewal>,
    /// Held while the files are read, so that an older reading never replaces a younger one.
    loaded: Mutex<Stamp>,
    provider: Arc<CryptoProvider>,
}

impl Certificates {
    /// Reads the certificate, or makes a development certificate.
    ///
    /// # Errors
    /// A file cannot be read or written, holds no certificate or key, or the key belongs to another certificate.
    pub fn open(source: &CertificateSource) -> Result<Certificates, CertificateError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let (chain, key, renewal) = match source {
            CertificateSource::Files { chain, key } => {
                if let Some(owner) = files::foreign_owner(key) {
                    tracing::warn!(key = %key.display(), owner, "another user owns the private key and can replace it");
                }
                (chain.clone(), key.clone(), None)
            }
            CertificateSource::Development { folder, names } => {
                let (chain, key) = development::make_unless_there(folder, names)?;
                (chain, key, None)
            }
            CertificateSource::ShortLived { folder, names } => {
                let renewal = Renewal::new(folder, names);
                let (chain, key) = renewal.make_unless_there(SystemTime::now())?;
                (chain, key, Some(renewal))
            }
        };
        let (current, stamp) = read(&chain, &key, renewal.as_ref(), &provider)?;
        let current = RwLock::new(Arc::new(current));
        Ok(Certificates { chain, key, current, renewal, loaded: Mutex::new(stamp), provider })
    }

    /// Reads the files again, after making a short-lived certificate again if it is due. New connections get the new
    /// certificate.
    ///
    /// # Errors
    /// As [`Certificates::open`]; the certificate in use stays.
    pub fn reload(&self) -> Result<(), CertificateError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let (fresh, stamp) = read(&self.chain, &self.key, self.renewal.as_ref(), &self.provider)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        *loaded = stamp;
        Ok(())
    }

    /// Whether a file has changed since it was read, or a short-lived certificate is due.
    pub fn changed(&self) -> bool {
        let due = self.renewal.is_some() && is_due(&self.current());
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        due || *loaded != Stamp::of(&self.chain, &self.key)
    }

    /// SHA-256 of the server's certificate (DER), as lower-case hexadecimal digits. Clients pin a self-signed certificate by
    /// it.
    pub fn fingerprint(&self) -> String {
        let key = self.current();
        let leaf = key.cert.first().expect("a certificate that was loaded has a leaf");
        digest::digest(&digest::SHA256, leaf).as_ref().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// From when to when the server's certificate is valid.
    pub fn validity(&self) -> (SystemTime, SystemTime) {
        validity(&self.current())
    }

    /// Whether the server's certificate is for this host name or address.
    pub fn is_for(&self, name: &str) -> bool {
        is_for(&self.current(), name)
    }

    /// TLS 1.3 alone, the protocols of `alpn` in this order, no early data, no client certificates.
    ///
    /// Sessions are not resumed: every new connection sees the certificate in use. A caller that wants early data sets
    /// `session_storage` and `max_early_data_size` itself.
    pub fn tls(self: &Arc<Self>, alpn: &[&[u8]]) -> ServerConfig {
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(self) as _;
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("ring has cipher suites of TLS 1.3")
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Reads the files with their stamp. A short-lived certificate that is due is replaced first.
fn read(
    chain: &Path,
    key: &Path,
    renewal: Option<&Renewal>,
    provider: &CryptoProvider,
) -> Result<(CertifiedKey, Stamp), CertificateError> {
    let stamp = Stamp::of(chain, key);
    let certified = files::load(chain, key, provider);
    let Some(renewal) = renewal.filter(|_| certified.as_ref().map_or(true, is_due)) else {
        return Ok((certified?, stamp));
    };
    renewal.make(SystemTime::now())?;
    let stamp = Stamp::of(chain, key);
    Ok((files::load(chain, key, provider)?, stamp))
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

#[cfg(test)]
mod tests;
