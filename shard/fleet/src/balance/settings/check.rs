//! Turns settings as they are written into [`Settings`]. It reports every fault, with what to do.

use super::raw::Raw;
use super::{CertificateFiles, LimitSettings, LoginSettings, Settings};
use crate::balancer::KEY_BYTES;
use ringshard_operation::private_file;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

const THREADS_MAX: usize = 64;
/// Threads by default. A balancer needs less than one core.
const USUAL_THREADS_MAX: usize = 4;

/// Checks the settings.
///
/// # Errors
/// One text for each fault.
pub(super) fn check(raw: Raw) -> Result<Settings, Vec<String>> {
    let mut faults = Vec::new();
    let defaults = Settings::default();
    let threads = std::thread::available_parallelism().map_or(1, |cpus| cpus.get().min(USUAL_THREADS_MAX));
    let settings = Settings {
        fleet: raw.fleet.clone().unwrap_or_default(),
        listen: raw.listen.unwrap_or(defaults.listen),
        certificate: certificate(&raw, &mut faults),
        key: raw.key.as_deref().and_then(|path| key(path).map_err(|fault| faults.push(fault)).ok()),
        policy: raw.policy.clone(),
        location: raw.location.clone(),
        login: login(&raw, &mut faults),
        tokens: raw.tokens.clone(),
        audit: raw.audit.clone(),
        trusted_proxies: raw.trusted_proxies.clone(),
        origins: raw.origins.clone(),
        threads: raw.threads.unwrap_or(threads),
        limits: LimitSettings {
            connections: raw.max_connections.unwrap_or(defaults.limits.connections),
            connections_per_address: raw.max_connections_per_address.unwrap_or(defaults.limits.connections_per_address),
            requests_per_second: raw.requests_per_second.unwrap_or(defaults.limits.requests_per_second),
            allow: raw.allow.clone().unwrap_or(defaults.limits.allow),
        },
        drain: raw.drain_secs.map_or(defaults.drain, Duration::from_secs),
        look_every: defaults.look_every,
        head: defaults.head,
    };
    if raw.fleet.is_none() {
        faults.push(
            "there is no fleet: pass --fleet FILE, or set `fleet`; the file names etcd or lists the hosts".to_owned(),
        );
    }
    check_exposure(&settings, &mut faults);
    check_ranges(&settings, &mut faults);
    if faults.is_empty() { Ok(settings) } else { Err(faults) }
}

fn certificate(raw: &Raw, faults: &mut Vec<String>) -> Option<CertificateFiles> {
    match (&raw.certificate, &raw.certificate_key) {
        (Some(chain), Some(key)) => return Some(CertificateFiles { chain: chain.clone(), key: key.clone() }),
        (None, None) => {}
        (Some(_), None) => faults.push("`certificate` is set, but not `certificate-key`: set both".to_owned()),
        (None, Some(_)) => faults.push("`certificate-key` is set, but not `certificate`: set both".to_owned()),
    }
    None
}

/// Players' tokens must not cross a network in the clear. With `trusted-proxies`, connections from elsewhere are closed.
fn check_exposure(settings: &Settings, faults: &mut Vec<String>) {
    let listen = settings.listen;
    if settings.certificate.is_none() && !listen.ip().is_loopback() && settings.trusted_proxies.is_empty() {
        faults.push(format!(
            "listen is {listen}, which others can reach, but there is no certificate: set `certificate` and \
             `certificate-key`, or `trusted-proxies` if proxies speak HTTPS, or listen on 127.0.0.1"
        ));
    }
    for network in &settings.trusted_proxies {
        if network.prefix_len() == 0 {
            faults.push(format!(
                "trusted-proxies has {network}, so every client could forge its address: name the proxies' networks"
            ));
        }
    }
}

fn key(path: &Path) -> Result<[u8; KEY_BYTES], String> {
    private_file::read_key(path)?.ok_or_else(|| {
        let path = path.display();
        format!("{path} holds no key of 64 hexadecimal digits: make one with `ringshard keygen --out {path}`")
    })
}

fn login(raw: &Raw, faults: &mut Vec<String>) -> Option<LoginSettings> {
    let Some(url) = &raw.login else {
        if raw.login_certificate.is_some() {
            faults.push("`login-certificate` is set, but not `login`: set both".to_owned());
        }
        return None;
    };
    let url = url.trim_end_matches('/');
    let host = |rest: &str| !rest.is_empty() && !rest.contains(['/', '?', '#', '@', ' ']);
    match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) if host(rest) => {
            if raw.login_certificate.is_none() {
                faults.push(
                    "login is an https URL: set `login-certificate` to the PEM file that verifies the door".to_owned(),
                );
            }
        }
        (_, Some(rest)) if host(rest) && is_loopback(rest) => {}
        (_, Some(rest)) if host(rest) => {
            faults.push(format!("login is {url}, but players' tokens need https beyond loopback"))
        }
        _ => faults.push(format!("login is `{url}`, but must be a URL such as https://login.example:3567")),
    }
    Some(LoginSettings { url: url.to_owned(), certificate: raw.login_certificate.clone() })
}

fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn check_ranges(settings: &Settings, faults: &mut Vec<String>) {
    let mut demand = |fits: bool, what: String| {
        if !fits {
            faults.push(what);
        }
    };
    let threads = settings.threads;
    demand((1..=THREADS_MAX).contains(&threads), format!("threads is {threads}, but must be 1 to {THREADS_MAX}"));
    let limits = &settings.limits;
    let counts = [
        ("max-connections", limits.connections as u64),
        ("max-connections-per-address", limits.connections_per_address as u64),
        ("requests-per-second", limits.requests_per_second.into()),
    ];
    for (name, count) in counts {
        demand(count > 0, format!("{name} is 0, but must be at least 1"));
    }
    for origin in &settings.origins {
        let host = origin.strip_prefix("https://").or(origin.strip_prefix("http://"));
        let sound = origin == "*" || host.is_some_and(|host| !host.is_empty() && !host.contains('/'));
        demand(sound, format!("origins has `{origin}`, but an origin looks like https://game.example, or is `*`"));
    }
}
