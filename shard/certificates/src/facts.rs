//! What a certificate says of itself.

use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::{ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, Error, RootCertStore};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Later than the end of any certificate: the year 10000.
const NEVER: UnixTime = UnixTime::since_unix_epoch(Duration::from_secs(253_402_300_800));

/// From when to when it is valid. The check of a certificate reports that first, before it looks at the signature.
pub(super) fn validity(certified: &CertifiedKey) -> (SystemTime, SystemTime) {
    let begin = match verdict(certified, UnixTime::since_unix_epoch(Duration::ZERO)) {
        Some(CertificateError::NotValidYetContext { not_before, .. }) => system(not_before),
        _ => UNIX_EPOCH,
    };
    let end = match verdict(certified, NEVER) {
        Some(CertificateError::ExpiredContext { not_after, .. }) => system(not_after),
        _ => system(NEVER),
    };
    (begin, end)
}

/// Whether it is for this host name or address.
pub(super) fn is_for(certified: &CertifiedKey, name: &str) -> bool {
    match (parsed(certified), ServerName::try_from(name)) {
        (Some(certificate), Ok(name)) => verify_server_name(&certificate, &name).is_ok(),
        _ => false,
    }
}

fn verdict(certified: &CertifiedKey, at: UnixTime) -> Option<CertificateError> {
    let algorithms = default_provider().signature_verification_algorithms.all;
    let nobody = RootCertStore::empty();
    match verify_server_cert_signed_by_trust_anchor(&parsed(certified)?, &nobody, &[], at, algorithms) {
        Err(Error::InvalidCertificate(error)) => Some(error),
        _ => None,
    }
}

fn parsed(certified: &CertifiedKey) -> Option<ParsedCertificate<'_>> {
    certified.cert.first().and_then(|leaf| ParsedCertificate::try_from(leaf).ok())
}

fn system(time: UnixTime) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(time.as_secs())
}
