//! The certificate: whether its files can be used, how long it lasts, and whether it is for the gateway's name.

use crate::settings::{CertificateFiles, Settings};
use ringshard_certificates::{CertificateSource, Certificates};
use ringshard_operation::Finding;
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(86_400);
/// Certificates that are renewed by a program are renewed before this many days are left.
const SOON_DAYS: u64 = 14;

pub(super) fn examine(settings: &Settings, reached_at: Option<&str>) -> Vec<Finding> {
    const CHECK: &str = "certificate";
    let Some(CertificateFiles { chain, key }) = &settings.certificate else {
        return vec![Finding::ok(CHECK, "for development: the gateway makes one at its start, which pages pin")];
    };
    match Certificates::open(&CertificateSource::Files { chain: chain.clone(), key: key.clone() }) {
        Err(error) => {
            let fix = "set certificate and certificate-key to PEM files that belong together and that the gateway's user can \
                       read; in a unit: LoadCredential=";
            vec![Finding::fail(CHECK, error.to_string(), fix)]
        }
        Ok(certificates) => vec![end(&certificates, SystemTime::now()), name(&certificates, reached_at)],
    }
}

/// How long it lasts.
pub(super) fn end(certificates: &Certificates, now: SystemTime) -> Finding {
    const CHECK: &str = "certificate's end";
    const RENEW: &str = "renew it: the gateway reads the new files within 10 s, without a restart";
    let (begin, end) = certificates.validity();
    if begin > now {
        let fix = "check this host's clock: `timedatectl`";
        return Finding::fail(CHECK, "the certificate is not valid yet", fix);
    }
    match end.duration_since(now).map(|left| left.as_secs() / DAY.as_secs()) {
        Err(ago) => Finding::fail(CHECK, format!("it expired {} days ago", ago.duration().as_secs() / 86_400), RENEW),
        Ok(days @ ..SOON_DAYS) => Finding::warn(CHECK, format!("it expires in {days} days"), RENEW),
        Ok(days) => Finding::ok(CHECK, format!("in {days} days")),
    }
}

/// Whether clients that use this name accept it.
pub(super) fn name(certificates: &Certificates, reached_at: Option<&str>) -> Finding {
    const CHECK: &str = "certificate's name";
    match reached_at {
        None => Finding::warn(
            CHECK,
            "unknown: nobody says which name clients use",
            "ringshard doctor gateway --reached-at NAME",
        ),
        Some(name) if certificates.is_for(name) => Finding::ok(CHECK, format!("it is for {name}")),
        Some(name) => Finding::fail(
            CHECK,
            format!("it is not for {name}, so browsers refuse it"),
            format!("get a certificate with {name} among its subject alternative names"),
        ),
    }
}
