//! Reads a certificate and its key from PEM files.

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Bytes of a PEM file. A longer one is a mistake.
const PEM_BYTES_MAX: u64 = 1 << 20;
/// Permissions of all other users.
const OTHERS: u32 = 0o007;
/// The permission of all other users to change a folder.
const OTHERS_WRITE: u32 = 0o002;

/// A certificate that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read or written.
    #[error("cannot {1} {0}: {2}")]
    File(PathBuf, &'static str, io::Error),
    /// A file is too long to be a certificate.
    #[error("{0} is longer than {PEM_BYTES_MAX} bytes: it must hold a certificate or a key in PEM format")]
    Long(PathBuf),
    /// A file without a certificate.
    #[error("{0} holds no certificate: it must begin with -----BEGIN CERTIFICATE----- ({1})")]
    NoCertificate(PathBuf, String),
    /// A file without a private key.
    #[error("{0} holds no private key: it must begin with -----BEGIN PRIVATE KEY----- ({1})")]
    NoKey(PathBuf, String),
    /// Every user of the host can read or change the key.
    #[error("every user of this host can read or change {0} (mode {1:04o}): run `chmod 640 {0}`")]
    Exposed(PathBuf, u32),
    /// Another user owns the folder of a development certificate, or every user can change it.
    #[error(
        "another user can replace the key in {0}: {1}; remove the folder, or run `chown $(id -u) {0} && chmod 700 {0}`"
    )]
    ForeignFolder(PathBuf, String),
    /// The key does not belong to the certificate, or its kind is not supported.
    #[error("the key {1} cannot be used with the certificate {0}: {2}")]
    Mismatch(PathBuf, PathBuf, rustls::Error),
    /// A development certificate cannot be made.
    #[error("cannot make a development certificate: {0}; check the server's names")]
    Make(rcgen::Error),
}

/// When and what the files were. Two equal stamps mean that nothing changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stamp([Option<(SystemTime, u64, u64)>; 2]);

impl Stamp {
    /// Follows links. A file that is not there has a stamp, too.
    pub(super) fn of(chain: &Path, key: &Path) -> Stamp {
        Stamp([chain, key].map(|path| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len(), metadata.ino()))
        }))
    }
}

/// Reads a PEM file of certificates, and checks that it has any.
///
/// # Errors
/// [`CertificateError`]: the file, and what is wrong with it.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let certificates = CertificateDer::pem_slice_iter(&read(path)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| CertificateError::NoCertificate(path.to_owned(), error.to_string()))?;
    if certificates.is_empty() {
        return Err(CertificateError::NoCertificate(path.to_owned(), "it has no such section".to_owned()));
    }
    Ok(certificates)
}

/// Reads both files and checks that they belong together.
pub(super) fn load(chain: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, CertificateError> {
    let certificates = read_certificates(chain)?;
    let private = PrivateKeyDer::from_pem_slice(&read_private(key)?)
        .map_err(|error| CertificateError::NoKey(key.to_owned(), error.to_string()))?;
    let mismatch = |error| CertificateError::Mismatch(chain.to_owned(), key.to_owned(), error);
    let certified = CertifiedKey::from_der(certificates, private, provider).map_err(mismatch)?;
    certified.keys_match().map_err(mismatch)?;
    Ok(certified)
}

fn read(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let file = File::open(path).map_err(failed(path, "open"))?;
    read_all(path, file)
}

fn read_private(path: &Path) -> Result<Vec<u8>, CertificateError> {
    let file = File::open(path).map_err(failed(path, "open"))?;
    let mode = file.metadata().map_err(failed(path, "look at"))?.mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(CertificateError::Exposed(path.to_owned(), mode));
    }
    read_all(path, file)
}

fn read_all(path: &Path, file: File) -> Result<Vec<u8>, CertificateError> {
    let mut bytes = Vec::new();
    file.take(PEM_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed(path, "read"))?;
    if bytes.len() as u64 > PEM_BYTES_MAX {
        return Err(CertificateError::Long(path.to_owned()));
    }
    Ok(bytes)
}

/// Refuses a folder in which another user can replace files. The superuser can anyway.
pub(super) fn refuse_foreign(folder: &Path) -> Result<(), CertificateError> {
    let status = std::fs::metadata(folder).map_err(failed(folder, "look at"))?;
    let fault = match (status.uid(), status.mode() & 0o7777) {
        (owner, _) if is_foreign(owner) => format!("it belongs to the user {owner}"),
        (_, mode) if mode & OTHERS_WRITE != 0 => format!("every user can change it (mode {mode:04o})"),
        _ => return Ok(()),
    };
    Err(CertificateError::ForeignFolder(folder.to_owned(), fault))
}

/// The user who owns a file, unless that is the superuser or the user of this process.
pub(super) fn foreign_owner(path: &Path) -> Option<u32> {
    std::fs::metadata(path).ok().map(|status| status.uid()).filter(|owner| is_foreign(*owner))
}

fn is_foreign(owner: u32) -> bool {
    // This folder belongs to the user of the process.
    owner != 0 && std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() != owner)
}

pub(super) fn failed(path: &Path, step: &'static str) -> impl FnOnce(io::Error) -> CertificateError {
    let path = path.to_owned();
    move |error| CertificateError::File(path, step, error)
}
