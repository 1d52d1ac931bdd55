//! Servers of the local network, found by mDNS and DNS-SD (RFC 6762, RFC 6763). For development: anybody in the network can
//! announce any server under any name.

use mdns_sd::{Receiver, ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo};
use ringshard_protocol::crypto::PublicKey;
use serde::Serialize;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// The type of the service in DNS-SD.
pub const SERVICE_TYPE: &str = "_ringshard._udp.local.";

/// What went wrong with mDNS.
#[derive(Debug, thiserror::Error)]
#[error("mDNS does not work here: {0}; it needs UDP port 5353 and a network interface that takes multicast")]
pub struct DiscoveryError(#[from] mdns_sd::Error);

/// An announcement of a server. It ends when this is dropped.
pub struct Announcement(ServiceDaemon);

impl Announcement {
    /// Announces a server under a name. If it listens on all addresses, the addresses of all interfaces are announced.
    ///
    /// # Errors
    /// [`DiscoveryError`].
    pub fn start(name: &str, listen: SocketAddr, key: &PublicKey, serves: &str) -> Result<Self, DiscoveryError> {
        let host = format!("ringshard-{:08x}-{}.local.", std::process::id(), listen.port());
        let key = key.to_string();
        let properties = [("key", key.as_str()), ("serves", serves), ("version", env!("CARGO_PKG_VERSION"))];
        let addresses: &[IpAddr] = if listen.ip().is_unspecified() { &[] } else { &[listen.ip()] };
        let mut service = ServiceInfo::new(SERVICE_TYPE, name, &host, addresses, listen.port(), properties.as_slice())?;
        if addresses.is_empty() {
            service = service.enable_addr_auto();
        }
        let daemon = ServiceDaemon::new()?;
        daemon.register(service)?;
        Ok(Announcement(daemon))
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        // It says goodbye to the network. If that fails, the announcement expires by itself.
        let _ = self.0.shutdown();
    }
}

/// A server that announced itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Debug)]
pub struct FoundServer {
    /// Its name.
    pub name: String,
    /// Its addresses, those of the loopback interface last.
    pub addresses: Vec<SocketAddr>,
    /// Its public key, as 64 hexadecimal digits. Nobody has checked it.
    pub key: String,
    /// What it serves.
    pub serves: String,
    /// Its version.
    pub version: String,
}

/// Listens for a while, and gives each server that announced itself, by name.
///
/// # Errors
/// [`DiscoveryError`].
pub fn find(listen_for: Duration) -> Result<Vec<FoundServer>, DiscoveryError> {
    let daemon = ServiceDaemon::new()?;
    let mut found = collect(&daemon.browse(SERVICE_TYPE)?, Instant::now() + listen_for);
    let _ = daemon.shutdown();
    found.sort();
    Ok(found)
}

fn collect(events: &Receiver<ServiceEvent>, until: Instant) -> Vec<FoundServer> {
    let mut found: Vec<FoundServer> = Vec::new();
    while let Ok(event) = events.recv_deadline(until) {
        if let ServiceEvent::ServiceResolved(service) = event {
            add(&mut found, read(&service));
        }
    }
    found
}

/// Most servers that are listed: anything in the network can announce as many as it likes.
const FOUND_MAX: usize = 1000;
/// Most servers of one address, so that one host does not hide the others.
const FOUND_PER_ADDRESS_MAX: usize = 64;

fn add(found: &mut Vec<FoundServer>, server: FoundServer) {
    // It is resolved again when more of its addresses are known.
    found.retain(|other| (&other.name, &other.key) != (&server.name, &server.key));
    let is_beside = |other: &&FoundServer| {
        other.addresses.iter().any(|address| server.addresses.iter().any(|own| own.ip() == address.ip()))
    };
    if found.len() < FOUND_MAX && found.iter().filter(is_beside).count() < FOUND_PER_ADDRESS_MAX {
        found.push(server);
    }
}

fn read(service: &ResolvedService) -> FoundServer {
    let text = |key: &str| {
        let value = service.txt_properties.get_property_val_str(key).unwrap_or_default();
        shown(value)
    };
    let name = service.fullname.strip_suffix(SERVICE_TYPE).unwrap_or(&service.fullname).trim_end_matches('.');
    let mut addresses: Vec<SocketAddr> =
        service.addresses.iter().map(|address| SocketAddr::new(address.to_ip_addr(), service.port)).collect();
    addresses.sort_by_key(|address| (address.ip().is_loopback(), address.is_ipv6(), *address));
    FoundServer {
        name: shown(&name.replace('\\', "")),
        addresses,
        key: text("key"),
        serves: text("serves"),
        version: text("version"),
    }
}

/// The text without what a terminal does not show, or obeys: control characters (Cc), line and paragraph separators, and format
/// characters (Cf), which can turn the direction of writing or make two names look the same.
fn shown(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control() && !is_format(*letter)).collect()
}

/// The general category Cf of Unicode 16, and U+2028 and U+2029.
fn is_format(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}' | '\u{8e2}'
        | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}'
        | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}'
        | '\u{e0020}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringshard_protocol::crypto::SecretKey;

    fn server(number: usize, host: u8) -> FoundServer {
        let addresses = vec![SocketAddr::from(([192, 0, 2, host], 3565))];
        let text = String::new;
        FoundServer { name: number.to_string(), addresses, key: text(), serves: text(), version: text() }
    }

    #[test]
    fn one_host_with_many_announcements_does_not_hide_the_others() {
        let mut found = Vec::new();
        (0..5_000).for_each(|number| add(&mut found, server(number, 1)));
        add(&mut found, server(5_000, 2));
        add(&mut found, server(5_000, 2));
        assert_eq!(found.len(), FOUND_PER_ADDRESS_MAX + 1);
        assert_eq!(found.last(), Some(&server(5_000, 2)));
    }

    #[test]
    fn a_name_has_nothing_that_a_terminal_obeys_or_hides() {
        assert_eq!(shown("a\u{1b}[2J\u{202e}b\u{200d}\u{ad}\u{feff}\u{e0041}\u{2028}c\u{7f}"), "a[2Jbc");
        assert_eq!(shown("Straße 日本 🎲"), "Straße 日本 🎲");
    }

    #[test]
    fn an_announced_server_is_found_until_its_announcement_ends() {
        let key = SecretKey::from_bytes([7; 32]).public();
        let name = format!("test {}", std::process::id());
        let listen = SocketAddr::from(([127, 0, 0, 1], 3565));
        let Ok(announcement) = Announcement::start(&name, listen, &key, "a test") else {
            println!("skipped: no multicast here");
            return;
        };
        let is_ours = |server: &&FoundServer| server.name == name;
        let deadline = Instant::now() + Duration::from_secs(20);
        let found = loop {
            let all = find(Duration::from_millis(700)).unwrap();
            if let Some(found) = all.iter().find(is_ours) {
                break Some(found.clone());
            }
            if Instant::now() > deadline {
                break None;
            }
        };
        let Some(found) = found else {
            println!("skipped: multicast does not come back here");
            return;
        };
        assert_eq!((found.addresses, found.key), (vec![listen], key.to_string()));
        assert_eq!((found.serves.as_str(), found.version.as_str()), ("a test", env!("CARGO_PKG_VERSION")));
        drop(announcement);
        let gone = (0..10).any(|_| !find(Duration::from_millis(700)).unwrap().iter().any(|server| server.name == name));
        assert!(gone, "the goodbye removes it");
    }
}
