//! Headers, unencrypted packets and connection parameters.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use ringshard_protocol::limits::*;
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::*;

fn any_connect() -> impl Strategy<Value = Connect> {
    (any::<Option<u8>>(), any::<u8>(), any::<bool>(), any_array(), any_array()).prop_map(
        |(core, suites, pre_shared_key, cookie, noise)| {
            let options = Options { pre_shared_key };
            let mut connect = Connect { core, tag: 0, suites, options, cookie, noise };
            connect.tag = Connect::tag_of(connect.client_key());
            connect
        },
    )
}

pub fn any_cookie() -> impl Strategy<Value = Cookie> {
    (any::<u64>(), any_array()).prop_map(|(tag, cookie)| Cookie { tag, cookie })
}

pub fn any_accepted() -> impl Strategy<Value = Accepted> {
    (any::<u64>(), any::<u32>(), any_array()).prop_map(|(tag, bits, noise)| Accepted {
        tag,
        connection: ConnectionId::from_bits(bits),
        noise,
    })
}

fn any_denied() -> impl Strategy<Value = Denied> {
    use DeniedReason::*;
    let reasons = vec![WrongVersion, ServerFull, WrongKey, NoCommonSuite, ShuttingDown, PreSharedKeyMismatch, Busy];
    (any::<u64>(), prop::sample::select(reasons), any::<u16>(), any::<u16>())
        .prop_map(|(tag, reason, server_version, wait_ms)| Denied { tag, reason, server_version, wait_ms })
}

pub fn any_packet() -> impl Strategy<Value = UnencryptedPacket> {
    prop_oneof![
        any_connect().prop_map(UnencryptedPacket::Connect),
        any_cookie().prop_map(UnencryptedPacket::Cookie),
        any_accepted().prop_map(UnencryptedPacket::Accepted),
        any_denied().prop_map(UnencryptedPacket::Denied),
    ]
}

/// The datagram of a packet; None for a Connect of another version, which this version cannot write.
pub fn encode(packet: &UnencryptedPacket) -> Option<Vec<u8>> {
    match packet {
        UnencryptedPacket::Connect(connect) => Some(connect.encode().to_vec()),
        UnencryptedPacket::ForeignConnect { .. } => None,
        UnencryptedPacket::Cookie(cookie) => Some(cookie.encode().to_vec()),
        UnencryptedPacket::Accepted(accepted) => Some(accepted.encode().to_vec()),
        UnencryptedPacket::Denied(denied) => Some(denied.encode().to_vec()),
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn any_bytes_are_a_header_or_not(bytes in any_bytes()) {
        match Header::decode(&bytes) {
            Ok(header) => prop_assert_eq!(&header.encode()[..], &bytes[..HEADER_BYTES]),
            Err(Malformed::TooShort) => prop_assert!(bytes.len() < HEADER_BYTES),
            Err(error) => {
                prop_assert_eq!(error, Malformed::TooLong);
                prop_assert!(bytes.len() > DATAGRAM_BYTES_MAX);
            }
        }
    }

    #[test]
    fn a_header_reads_back(bits: u32, channel: u8, flags: u8, sequence: u64) {
        let header = Header { connection: ConnectionId::from_bits(bits), channel, flags, sequence };
        prop_assert_eq!(Header::decode(&header.encode()), Ok(header));
    }

    #[test]
    fn a_packet_needs_its_checksum(bytes in any_bytes()) {
        // The chance of a correct checksum is 2^-32.
        prop_assert!(decode_unencrypted(&bytes).is_err());
        if let Ok(packet) = decode_unencrypted(&with_checksum(bytes.clone()))
            && let Some(encoded) = encode(&packet)
        {
            prop_assert_eq!(encoded, with_checksum(bytes));
        }
    }

    #[test]
    fn a_packet_reads_back(packet in any_packet()) {
        prop_assert_eq!(decode_unencrypted(&encode(&packet).unwrap()), Ok(packet));
    }

    #[test]
    fn accepted_packets_are_canonical(
        packet in any_packet(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
        cut in 0usize..3,
        appended in vec(any::<u8>(), 0..3),
    ) {
        let mut bytes = encode(&packet).unwrap();
        for (at, byte) in &changes {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        bytes.truncate(bytes.len() - cut);
        bytes.extend(&appended);
        let bytes = with_checksum(bytes);
        if let Ok(packet) = decode_unencrypted(&bytes)
            && let Some(encoded) = encode(&packet)
        {
            prop_assert_eq!(encoded, bytes);
        }
    }

    #[test]
    fn a_connect_of_another_version_is_recognised_whatever_its_rest(
        connect in any_connect(),
        version: u16,
        rest in vec(any::<u8>(), CONNECT_BYTES - HEADER_BYTES - 7..DATAGRAM_BYTES_MAX - 20),
    ) {
        prop_assume!(version != PROTOCOL_VERSION);
        let head = &connect.encode()[..HEADER_BYTES + 1];
        let datagram = with_checksum([head, &version.to_le_bytes(), &rest, &[0; 4]].concat());
        prop_assert_eq!(
            decode_unencrypted(&datagram),
            Ok(UnencryptedPacket::ForeignConnect { tag: connect.tag, version })
        );
    }

    #[test]
    fn any_bytes_are_parameters_or_not(
        random in any_array::<16>(),
        generation in 1u8..,
        sound: bool,
        resumed: bool,
    ) {
        let mut bytes = random;
        if sound {
            bytes[1] = generation;
            bytes[5] = resumed.into();
            bytes[6..8].copy_from_slice(&(DATAGRAM_BYTES_MAX as u16).to_le_bytes());
            bytes[11] = 0;
            bytes[15] = 1;
            bytes[8] |= 1;
        }
        match ConnectionParameters::decode(&bytes) {
            Ok(parameters) => prop_assert_eq!(parameters.encode(), bytes),
            Err(_) => prop_assert!(!sound),
        }
        bytes[5] |= 2;
        prop_assert!(ConnectionParameters::decode(&bytes).is_err(), "resumed is 0 or 1");
    }

    #[test]
    fn parameters_read_back(
        bits: u32,
        generation in 1u8..,
        suite: u8,
        resumed: bool,
        heartbeat in 1u32..u32::MAX,
        longer in 1u32..,
    ) {
        let parameters = ConnectionParameters {
            connection: ConnectionId::new(bits as u8, generation, (bits >> 16) as u16),
            suite,
            resumed,
            datagram_bytes_max: DATAGRAM_BYTES_MAX as u16,
            heartbeat: Duration::from_millis(heartbeat.into()),
            timeout: Duration::from_millis(heartbeat.saturating_add(longer).into()),
        };
        prop_assert_eq!(ConnectionParameters::decode(&parameters.encode()), Ok(parameters));
    }
}
