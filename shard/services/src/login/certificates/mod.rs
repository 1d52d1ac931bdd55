//! The certificate of the login door. It is read from files, and again when they change, or made for development.
//!
//! A connection keeps the certificate that it began with. A reload that fails leaves the certificate in use as it is.

mod development;
mod files;

pub use files::CertificateError;

use files::Stamp;
use ring::digest;
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

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
}

/// The certificate in use.
#[derive(Debug)]
pub struct Certificates {
    chain: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
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
        let (chain, key) = match source {
            CertificateSource::Files { chain, key } => (chain.clone(), key.clone()),
            CertificateSource::Development { folder, names } => development::make_unless_there(folder, names)?,
        };
        let stamp = Stamp::of(&chain, &key);
        let current = files::load(&chain, &key, &provider)?;
        let certificates =
            Certificates { chain, key, current: RwLock::new(Arc::new(current)), loaded: Mutex::new(stamp), provider };
        let fingerprint = certificates.fingerprint();
        if matches!(source, CertificateSource::Development { .. }) {
            tracing::warn!(%fingerprint, "the login door uses a development certificate: clients must pin it");
        } else {
            tracing::info!(%fingerprint, "the login door has its certificate");
        }
        Ok(certificates)
    }

    /// Reads the files again. New connections get the new certificate.
    ///
    /// # Errors
    /// As [`Certificates::open`]; the certificate in use stays.
    pub fn reload(&self) -> Result<(), CertificateError> {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = Stamp::of(&self.chain, &self.key);
        let fresh = files::load(&self.chain, &self.key, &self.provider)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh);
        *loaded = stamp;
        Ok(())
    }

    /// Whether a file has changed since it was read.
    pub fn changed(&self) -> bool {
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        *loaded != Stamp::of(&self.chain, &self.key)
    }

    /// SHA-256 of the server's certificate (DER), as lower-case hexadecimal digits. Clients pin a development certificate
    /// by it.
    pub fn fingerprint(&self) -> String {
        let key = self.current();
        let leaf = key.cert.first().expect("a certificate that was loaded has a leaf");
        digest::digest(&digest::SHA256, leaf).as_ref().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// TLS 1.3 alone, HTTP/2 before HTTP/1.1, no early data, no client certificates.
    ///
    /// Sessions are not resumed: every new connection sees the certificate in use.
    pub(in crate::login) fn tls(self: &Arc<Self>) -> Arc<ServerConfig> {
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(self) as _;
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("ring has cipher suites of TLS 1.3")
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

#[cfg(test)]
mod tests;
