//! STUN Binding without credentials (RFC 8489), by which a host learns the address that others see.
//!
//! A request is padded to the size of the largest answer, and only such a request is answered: no attacker's traffic grows by
//! asking with a forged address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A request, in bytes: as long as the answer with an IPv6 address.
pub const REQUEST_BYTES: usize = 44;
/// The largest answer, in bytes.
pub const ANSWER_BYTES_MAX: usize = 44;

pub(crate) const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xA4, 0x42];
const HEADER_BYTES: usize = 20;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const BINDING_SUCCESS: [u8; 2] = [0x01, 0x01];
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const SOFTWARE: [u8; 2] = [0x80, 0x22];

/// What distinguishes a request from others.
pub type TransactionId = [u8; 12];

/// A Binding request.
pub fn request(id: TransactionId) -> [u8; REQUEST_BYTES] {
    let mut message = [b' '; REQUEST_BYTES];
    message[..2].copy_from_slice(&BINDING_REQUEST);
    message[2..4].copy_from_slice(&((REQUEST_BYTES - HEADER_BYTES) as u16).to_be_bytes());
    message[4..8].copy_from_slice(&MAGIC_COOKIE);
    message[8..20].copy_from_slice(&id);
    message[20..22].copy_from_slice(&SOFTWARE);
    message[22..24].copy_from_slice(&((REQUEST_BYTES - HEADER_BYTES - 4) as u16).to_be_bytes());
    message[24..33].copy_from_slice(b"ringshard");
    message
}

/// The id of a request; None if the message is something else.
pub(crate) fn request_id(message: &[u8]) -> Option<&TransactionId> {
    id_of(message, BINDING_REQUEST)
}

/// The id of the request that a message answers; None if it is no answer.
pub(crate) fn answered_id(message: &[u8]) -> Option<&TransactionId> {
    id_of(message, BINDING_SUCCESS)
}

fn id_of(message: &[u8], kind: [u8; 2]) -> Option<&TransactionId> {
    message.strip_prefix(&kind)?.get(6..HEADER_BYTES - 2)?.first_chunk()
}

/// Writes the answer to a Binding request that came from `from` into `answer`. Returns its size; None if the datagram is no
/// such request, or is shorter than the answer.
pub fn answer(request: &[u8], from: SocketAddr, answer: &mut [u8; ANSWER_BYTES_MAX]) -> Option<usize> {
    let (header, attributes) = request.split_first_chunk::<HEADER_BYTES>()?;
    let len = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[..2] != BINDING_REQUEST || header[4..8] != MAGIC_COOKIE || attributes.len() != len || len % 4 != 0 {
        return None;
    }
    let (family, address, address_len) = match from.ip().to_canonical() {
        IpAddr::V4(ip) => (1, ip.to_ipv6_mapped().octets(), 4),
        IpAddr::V6(ip) => (2, ip.octets(), 16),
    };
    let total = HEADER_BYTES + 8 + address_len;
    if request.len() < total {
        return None;
    }
    answer[..2].copy_from_slice(&BINDING_SUCCESS);
    answer[2..4].copy_from_slice(&((total - HEADER_BYTES) as u16).to_be_bytes());
    answer[4..20].copy_from_slice(&header[4..20]);
    answer[20..22].copy_from_slice(&XOR_MAPPED_ADDRESS.to_be_bytes());
    answer[22..24].copy_from_slice(&(4 + address_len as u16).to_be_bytes());
    answer[24..26].copy_from_slice(&[0, family]);
    answer[26..28].copy_from_slice(&from.port().to_be_bytes());
    answer[28..total].copy_from_slice(&address[16 - address_len..]);
    exclusive_or(&mut answer[26..28], &header[4..6]);
    exclusive_or(&mut answer[28..total], &header[4..20]);
    Some(total)
}

/// The address in the answer to the request with this id; None if the datagram is no such answer.
pub fn mapped_address(datagram: &[u8], id: &TransactionId) -> Option<SocketAddr> {
    let (header, mut attributes) = datagram.split_first_chunk::<HEADER_BYTES>()?;
    if header[..2] != BINDING_SUCCESS || header[4..8] != MAGIC_COOKIE || header[8..20] != *id {
        return None;
    }
    while let Some((&[kind_high, kind_low, len_high, len_low], rest)) = attributes.split_first_chunk::<4>() {
        let len = usize::from(u16::from_be_bytes([len_high, len_low]));
        let value = rest.get(..len)?;
        if u16::from_be_bytes([kind_high, kind_low]) == XOR_MAPPED_ADDRESS {
            return read_address(value, header);
        }
        attributes = rest.get(len.next_multiple_of(4)..)?;
    }
    None
}

fn read_address(value: &[u8], header: &[u8; HEADER_BYTES]) -> Option<SocketAddr> {
    let (&[_, family, port_high, port_low], bytes) = value.split_first_chunk::<4>()?;
    let mut port = [port_high, port_low];
    exclusive_or(&mut port, &header[4..6]);
    let ip: IpAddr = match family {
        1 => {
            let mut bytes = <[u8; 4]>::try_from(bytes).ok()?;
            exclusive_or(&mut bytes, &header[4..8]);
            Ipv4Addr::from(bytes).into()
        }
        2 => {
            let mut bytes = <[u8; 16]>::try_from(bytes).ok()?;
            exclusive_or(&mut bytes, &header[4..20]);
            Ipv6Addr::from(bytes).into()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, u16::from_be_bytes(port)))
}

fn exclusive_or(bytes: &mut [u8], mask: &[u8]) {
    for (byte, mask) in bytes.iter_mut().zip(mask) {
        *byte ^= mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_the_address_and_is_never_larger_than_its_request() {
        let id = [7; 12];
        let request = request(id);
        for from in ["192.0.2.1:32853", "[2001:db8:1234:5678:11:2233:4455:6677]:32853"] {
            let from: SocketAddr = from.parse().unwrap();
            let mut buffer = [0; ANSWER_BYTES_MAX];
            let len = answer(&request, from, &mut buffer).unwrap();
            assert!(len <= request.len());
            assert_eq!(mapped_address(&buffer[..len], &id), Some(from));
            assert_eq!(mapped_address(&buffer[..len], &[8; 12]), None, "another request's answer");
            for cut in 0..len {
                assert_eq!(mapped_address(&buffer[..cut], &id), None);
            }
        }
    }

    /// RFC 5769, section 2.2: a response with the address 192.0.2.1:32853.
    #[test]
    fn the_answer_of_the_rfc_is_read() {
        let id = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];
        let mut message = vec![0x01, 0x01, 0x00, 0x1c, 0x21, 0x12, 0xa4, 0x42];
        message.extend_from_slice(&id);
        message.extend_from_slice(b"\x80\x22\x00\x0btest vector\x20");
        message.extend_from_slice(&[0x00, 0x20, 0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43]);
        assert_eq!(mapped_address(&message, &id), Some("192.0.2.1:32853".parse().unwrap()));
    }

    #[test]
    fn what_is_no_request_or_too_short_gets_no_answer() {
        let from = "[2001:db8::1]:5".parse().unwrap();
        let full = request([1; 12]);
        let mut buffer = [0; ANSWER_BYTES_MAX];
        for len in 0..full.len() {
            assert_eq!(answer(&full[..len], from, &mut buffer), None);
        }
        let mut bare = [0; HEADER_BYTES];
        bare.copy_from_slice(&full[..HEADER_BYTES]);
        bare[3] = 0;
        assert_eq!(answer(&bare, "192.0.2.1:5".parse().unwrap(), &mut buffer), None, "its answer would be larger");
        for at in [0, 1, 3, 4] {
            let mut changed = full;
            changed[at] ^= 0x40;
            assert_eq!(answer(&changed, from, &mut buffer), None);
        }
    }
}
