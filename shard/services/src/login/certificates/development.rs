//! Makes a self-signed certificate for development.
//!
//! It is valid for as long as a certificate can be, because clients trust it by its fingerprint alone. It is made anew when the
//! server gets a name that it does not have.

use super::files::{CertificateError, failed};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::client::verify_server_name;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::ParsedCertificate;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// Returns the paths of the certificate and of its key. Makes both unless both are there, and the certificate has all names.
pub(super) fn make_unless_there(folder: &Path, names: &[String]) -> Result<(PathBuf, PathBuf), CertificateError> {
    let (chain, key) = (folder.join("development.pem"), folder.join("development.key"));
    if chain.exists() && key.exists() {
        match names.iter().find(|name| lacks(&chain, name)) {
            None => return Ok((chain, key)),
            Some(name) => tracing::warn!(
                %name,
                "the development certificate has not the name of `public-address`: a new one is made, which clients must pin"
            ),
        }
    }
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed(folder, "make the folder"))?;
    let (certificate, private) = make(names).map_err(CertificateError::Make)?;
    // The key first: a certificate without its key is made again.
    replace(&key, &private, 0o600)?;
    replace(&chain, &certificate, 0o644)?;
    Ok((chain, key))
}

/// Whether the certificate is one for other names. One that cannot be read is not: loading it says why.
fn lacks(chain: &Path, name: &str) -> bool {
    let Ok(certificate) = CertificateDer::from_pem_file(chain) else { return false };
    let (Ok(certificate), Ok(name)) = (ParsedCertificate::try_from(&certificate), ServerName::try_from(name)) else {
        return false;
    };
    verify_server_name(&certificate, &name).is_err()
}

fn make(names: &[String]) -> Result<(String, String), rcgen::Error> {
    let mut all: Vec<String> = NAMES.map(str::to_owned).to_vec();
    all.extend(names.iter().filter(|name| !NAMES.contains(&name.as_str())).cloned());
    let mut params = CertificateParams::new(all)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Ringshard development certificate");
    let key = KeyPair::generate()?;
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
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
