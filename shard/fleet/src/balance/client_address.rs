//! The address of a client. Behind proxies, it is what they say; nobody else's word counts.

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use std::net::IpAddr;

/// The header in which each proxy adds the address that it was asked from, at the end.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Entries that are looked at, from the end.
const ENTRIES_MAX: usize = 16;

/// The address of the client whose request came from `connection`.
///
/// From the end of the header, entries of trusted proxies are passed over: the first other one was written by a trusted proxy,
/// so it is true. Entries before it are the client's word. An entry that is no address ends the search: then the address is the
/// last one that is known.
pub(super) fn client_address(connection: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(&address));
    let mut known = connection.to_canonical();
    if trusted.is_empty() {
        return known;
    }
    let lines: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok()).collect();
    let entries = lines.iter().rev().flat_map(|line| line.rsplit(','));
    for entry in entries.take(ENTRIES_MAX) {
        if !is_trusted(known) {
            return known;
        }
        let Some(address) = address(entry.trim()) else { return known };
        known = address;
    }
    known
}

/// An address, with or without a port: some proxies add it.
fn address(entry: &str) -> Option<IpAddr> {
    let with_port = || entry.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    entry.parse::<IpAddr>().ok().or_else(with_port).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(connection: &str, lines: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client_address(connection.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(of("203.0.113.1", &["198.51.100.1"], &[]), "203.0.113.1");
        assert_eq!(of("203.0.113.1", &["198.51.100.1"], &trusted), "203.0.113.1");
        assert_eq!(of("10.0.0.1", &["198.51.100.1"], &trusted), "198.51.100.1");
        assert_eq!(of("10.0.0.1", &[], &trusted), "10.0.0.1");
        // The client wrote the first entry itself.
        assert_eq!(of("10.0.0.1", &["192.0.2.9, 198.51.100.1, 10.0.0.2"], &trusted), "198.51.100.1");
        assert_eq!(of("10.0.0.1", &["192.0.2.9", "198.51.100.1"], &trusted), "198.51.100.1");
    }

    #[test]
    fn what_is_no_address_is_not_believed() {
        let trusted = ["10.0.0.0/8"];
        assert_eq!(of("10.0.0.1", &["198.51.100.1, unknown"], &trusted), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &["198.51.100.1, "], &trusted), "10.0.0.1");
        assert_eq!(of("10.0.0.1", &["[2001:db8::1]:443"], &trusted), "2001:db8::1");
        assert_eq!(of("10.0.0.1", &["198.51.100.1:7"], &trusted), "198.51.100.1");
        assert_eq!(of("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], &trusted), "198.51.100.1");
        let all_trusted = vec!["10.0.0.9"; 40].join(",");
        assert_eq!(of("10.0.0.1", &[&all_trusted], &trusted), "10.0.0.9");
    }
}
