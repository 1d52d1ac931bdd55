//! The PROXY protocol, version 2: a proxy that forwards TCP tells the client's address before the first byte of TLS
//! (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>, section 2.2).

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use tokio::io::{AsyncRead, AsyncReadExt};

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// Signature 12, version and command 1, family 1, length of the rest 2.
const FIXED_BYTES: usize = 16;
/// Addresses, and what the proxy adds to them. A longer rest is no header.
const REST_BYTES_MAX: usize = 536;
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;
const UNSPECIFIED: u8 = 0x00;
const TCP_IPV4: u8 = 0x11;
const TCP_IPV6: u8 = 0x21;

/// Reads a header, and nothing beyond it. Returns the client's address; None if the proxy connects for itself, for example to
/// see whether the door is open, or does not know it.
///
/// # Errors
/// The connection ends, or does not begin with such a header.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<IpAddr>> {
    let mut fixed = [0; FIXED_BYTES];
    stream.read_exact(&mut fixed).await?;
    let [command, family, high, low] = *fixed.last_chunk().expect("the header is longer");
    let rest_bytes = usize::from(u16::from_be_bytes([high, low]));
    if !fixed.starts_with(&SIGNATURE) || rest_bytes > REST_BYTES_MAX {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut rest = [0; REST_BYTES_MAX];
    let rest = &mut rest[..rest_bytes];
    stream.read_exact(rest).await?;
    match (command, family) {
        (LOCAL, _) | (PROXY, UNSPECIFIED) => Ok(None),
        (PROXY, TCP_IPV4) if rest_bytes >= 12 => {
            Ok(rest.first_chunk::<4>().map(|source| Ipv4Addr::from(*source).into()))
        }
        (PROXY, TCP_IPV6) if rest_bytes >= 36 => {
            Ok(rest.first_chunk::<16>().map(|source| Ipv6Addr::from(*source).into()))
        }
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = (rest.len() as u16).to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    fn read_all(mut bytes: &[u8]) -> (io::Result<Option<IpAddr>>, usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let read = runtime.block_on(read(&mut bytes));
        (read, bytes.len())
    }

    #[test]
    fn the_source_is_read_and_what_follows_the_header_is_left() {
        let v4 = [203, 0, 113, 7, 10, 0, 0, 1, 0x12, 0x34, 1, 187];
        let mut bytes = header(PROXY, TCP_IPV4, &v4);
        bytes.extend(*b"\x16\x03");
        let (read, left) = read_all(&bytes);
        assert_eq!((read.unwrap(), left), (Some([203, 0, 113, 7].into()), 2));

        let source: Ipv6Addr = "2001:db8::7".parse().unwrap();
        let additions = [4, 0, 1, 0];
        let v6 = [&source.octets()[..], &[0; 20], &additions].concat();
        assert_eq!(read_all(&header(PROXY, TCP_IPV6, &v6)).0.unwrap(), Some(source.into()));
    }

    #[test]
    fn a_proxy_that_connects_for_itself_has_no_client() {
        assert_eq!(read_all(&header(LOCAL, TCP_IPV4, &[0; 12])).0.unwrap(), None);
        assert_eq!(read_all(&header(PROXY, UNSPECIFIED, &[])).0.unwrap(), None);
    }

    #[test]
    fn what_is_no_header_of_a_stream_is_refused() {
        let datagrams = header(PROXY, 0x12, &[0; 12]);
        let short = header(PROXY, TCP_IPV6, &[0; 12]);
        let long = header(PROXY, TCP_IPV4, &[0; REST_BYTES_MAX + 1]);
        let other_command = header(0x22, TCP_IPV4, &[0; 12]);
        let version_1 = *b"PROXY TCP4 203.0.113.7 10.0.0.1 4660 443\r\n";
        for bytes in [&datagrams[..], &short, &long, &other_command, &version_1, &[0x16; 600]] {
            assert!(read_all(bytes).0.is_err(), "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(command in 0x1f_u8..0x23, family in 0_u8..0x32, rest in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = read_all(&header(command, family, &rest));
        }
    }
}
