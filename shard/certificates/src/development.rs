//! Makes self-signed certificates for development. Clients trust them by their fingerprint alone. One is made again when the
//! server gets a name that it does not have.
//!
//! The common one is valid for as long as a certificate can be. Browsers pin only a certificate that is valid for at most 14
//! days and has an ECDSA P-256 key (<https://www.w3.org/TR/webtransport/#custom-certificate-requirements>): they get the
//! short-lived one.

use super::files::{CertificateError, failed, refuse_foreign};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::RootCertStore;
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Days that a short-lived certificate is valid, the allowance for slow clocks included. Browsers take at most 14.
pub const SHORT_LIVED_DAYS: u32 = 13;
/// Days before its end at which a short-lived certificate is made again.
pub const RENEWAL_DAYS: u32 = 2;

const DAY: Duration = Duration::from_secs(86_400);
/// A short-lived certificate is valid from this long before it is made, for clients whose clocks are slow.
const SLOW_CLOCK: Duration = DAY;
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Returns the paths of the certificate and of its key. Makes both unless both are there, and the certificate has all names.
pub(super) fn make_unless_there(folder: &Path, names: &[String]) -> Result<(PathBuf, PathBuf), CertificateError> {
    let (chain, key) = (folder.join("development.pem"), folder.join("development.key"));
    make_folder(folder)?;
    if !(chain.exists() && key.exists()) || lacks_any(&chain, names) {
        store(&chain, &key, &parameters(names).map_err(CertificateError::Make)?)?;
    }
    Ok((chain, key))
}

/// Whether the certificate is for other names. One that cannot be read is not: loading it says why.
fn lacks_any(chain: &Path, names: &[String]) -> bool {
    let Some(name) = names.iter().find(|name| lacks(chain, name)) else { return false };
    tracing::warn!(%name, "the development certificate lacks this name: a new one is made, which clients must pin");
    true
}

fn lacks(chain: &Path, name: &str) -> bool {
    let Ok(certificate) = CertificateDer::from_pem_file(chain) else { return false };
    let (Ok(certificate), Ok(name)) = (ParsedCertificate::try_from(&certificate), ServerName::try_from(name)) else {
        return false;
    };
    verify_server_name(&certificate, &name).is_err()
}

/// Makes a short-lived certificate, and makes it again.
#[derive(Debug)]
pub(super) struct Renewal {
    folder: PathBuf,
    names: Vec<String>,
}

impl Renewal {
    pub(super) fn new(folder: &Path, names: &[String]) -> Renewal {
        Renewal { folder: folder.to_owned(), names: names.to_vec() }
    }

    /// Returns the paths of the certificate and of its key. Makes both unless both are there.
    pub(super) fn make_unless_there(&self, now: SystemTime) -> Result<(PathBuf, PathBuf), CertificateError> {
        let (chain, key) = self.paths();
        make_folder(&self.folder)?;
        if !(chain.exists() && key.exists()) || lacks_any(&chain, &self.names) {
            self.make(now)?;
        }
        Ok((chain, key))
    }

    /// Makes a certificate that is valid now, and replaces the one that is there.
    pub(super) fn make(&self, now: SystemTime) -> Result<(), CertificateError> {
        let (chain, key) = self.paths();
        make_folder(&self.folder)?;
        let mut params = parameters(&self.names).map_err(CertificateError::Make)?;
        params.not_before = (now - SLOW_CLOCK).into();
        params.not_after = (now - SLOW_CLOCK + DAY * SHORT_LIVED_DAYS).into();
        store(&chain, &key, &params)
    }

    fn paths(&self) -> (PathBuf, PathBuf) {
        (self.folder.join("short-lived.pem"), self.folder.join("short-lived.key"))
    }
}

/// Whether a self-signed certificate ends within [`RENEWAL_DAYS`], or is not valid already.
pub(super) fn is_due(certified: &CertifiedKey) -> bool {
    let now = since_1970(SystemTime::now());
    let [now, then] = [now, now + DAY * RENEWAL_DAYS].map(UnixTime::since_unix_epoch);
    !is_valid(certified, now) || !is_valid(certified, then)
}

/// Time since 1970; none if the clock is before that, as it is where its battery is empty.
fn since_1970(now: SystemTime) -> Duration {
    now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// Whether a self-signed certificate, trusted as its own issuer, is valid at a time.
fn is_valid(certified: &CertifiedKey, at: UnixTime) -> bool {
    let Some(leaf) = certified.cert.first() else { return false };
    let mut roots = RootCertStore::empty();
    let (Ok(()), Ok(parsed)) = (roots.add(leaf.clone()), ParsedCertificate::try_from(leaf)) else { return false };
    let algorithms = default_provider().signature_verification_algorithms.all;
    verify_server_cert_signed_by_trust_anchor(&parsed, &roots, &[], at, algorithms).is_ok()
}

fn parameters(names: &[String]) -> Result<CertificateParams, rcgen::Error> {
    let mut all: Vec<String> = NAMES.map(str::to_owned).to_vec();
    all.extend(names.iter().filter(|name| !NAMES.contains(&name.as_str())).cloned());
    let mut params = CertificateParams::new(all)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Ringshard development certificate");
    Ok(params)
}

/// Makes the folder unless it is there. Nobody else may replace what is in it.
fn make_folder(folder: &Path) -> Result<(), CertificateError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed(folder, "make the folder"))?;
    refuse_foreign(folder)
}

/// Makes a key, signs the certificate with it, and writes both.
fn store(chain: &Path, key: &Path, params: &CertificateParams) -> Result<(), CertificateError> {
    let pair = KeyPair::generate().map_err(CertificateError::Make)?;
    let certificate = params.self_signed(&pair).map_err(CertificateError::Make)?;
    // The key first: a certificate without its key is made again.
    replace(key, &pair.serialize_pem(), 0o600)?;
    replace(chain, &certificate.pem(), 0o644)
}

/// Writes a file whole or not at all.
fn replace(path: &Path, text: &str, mode: u32) -> Result<(), CertificateError> {
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    let written = write(&partial, text, mode).and_then(|()| std::fs::rename(&partial, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&partial);
    }
    written.map_err(failed(path, "write"))
}

fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_before_1970_is_no_panic() {
        assert_eq!(since_1970(SystemTime::UNIX_EPOCH - DAY), Duration::ZERO);
        assert_eq!(since_1970(SystemTime::UNIX_EPOCH + DAY), DAY);
    }
}
