//! Why a login door's certificate is trusted: its fingerprint, a file of certificates, or this host's certificates.

use crate::failure::Failure;
use ring::digest::{SHA256, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring as provider, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::TLS13;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::path::Path;
use std::sync::Arc;

/// What to do if the certificate is not trusted.
pub(super) const ADVICE: &str =
    ". For a certificate that nobody vouches for, give --fingerprint, which the server logs, or --certificate";
/// Where systems keep the certificates that they trust.
const SYSTEM: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// TLS 1.3 with this trust.
///
/// # Errors
/// [`Failure::Usage`]: the certificates cannot be read.
pub(super) fn tls(fingerprint: Option<[u8; 32]>, certificates: Option<&Path>) -> Result<Arc<ClientConfig>, Failure> {
    let crypto = Arc::new(provider::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&crypto)).with_protocol_versions(&[&TLS13]);
    let builder = builder.expect("the provider has suites of TLS 1.3");
    let mut config = match fingerprint {
        Some(fingerprint) => {
            let pinned = Arc::new(Pinned { fingerprint, crypto });
            builder.dangerous().with_custom_certificate_verifier(pinned).with_no_client_auth()
        }
        None => builder.with_root_certificates(roots(certificates)?).with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn roots(file: Option<&Path>) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    let system = SYSTEM.iter().map(Path::new).find(|path| path.exists());
    let Some(path) = file.or(system) else {
        return Err(Failure::Usage("this host has no certificates: give --certificate or --fingerprint".into()));
    };
    let unfit = |why: String| Failure::Usage(format!("no certificates from {}: {why}", path.display()));
    let found = CertificateDer::pem_file_iter(path).map_err(|error| unfit(error.to_string()))?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(|error| unfit(error.to_string()))?;
    let (added, _) = roots.add_parsable_certificates(found);
    if added == 0 { Err(unfit("the file has none".into())) } else { Ok(roots) }
}

/// Trusts one certificate, without regard to its names and its time.
#[derive(Debug)]
struct Pinned {
    fingerprint: [u8; 32],
    crypto: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let is_it = digest(&SHA256, certificate).as_ref() == self.fingerprint;
        if is_it {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("only TLS 1.3 is spoken".into()))
    }

    /// Without this check, anybody with a copy of the certificate could show it.
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.crypto.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.crypto.signature_verification_algorithms.supported_schemes()
    }
}
