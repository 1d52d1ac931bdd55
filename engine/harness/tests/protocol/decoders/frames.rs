//! Frames: what is written reads back, and any bytes read as frames.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use ringshard_protocol::limits::*;
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::*;

/// A frame as a plain value that can be written and compared with a frame that was read.
#[derive(Clone, Debug)]
pub enum Part {
    Ping(u64),
    Pong(u64),
    PathChallenge(u64),
    PathResponse(u64),
    Disconnect(DisconnectReason),
    Message(Channel, Vec<u8>),
    Numbered { channel: Channel, number: u16, compressed: bool, bytes: Vec<u8> },
    Compressed(Channel, Vec<u8>),
    Fragment { channel: Channel, number: u16, offset: usize, total: usize, compressed: bool, bytes: Vec<u8> },
    Ack { largest: u64, delay: u16, runs: Vec<u64> },
    NewId(ConnectionId),
    Integrity(IntegrityFrame),
    RekeyRequest([u8; 32]),
    RekeyResponse([u8; 32]),
    Probe(usize),
}

/// The unit of the delay of an acknowledgment.
const DELAY_UNIT: Duration = Duration::from_micros(8);

impl Part {
    fn write(&self, frames: &mut FrameWriter<'_>) -> bool {
        match self {
            Part::Ping(value) => frames.ping(*value),
            Part::Pong(value) => frames.pong(*value),
            Part::PathChallenge(value) => frames.path_challenge(*value),
            Part::PathResponse(value) => frames.path_response(*value),
            Part::Disconnect(reason) => frames.disconnect(*reason),
            Part::Message(channel, message) => frames.message(*channel, message),
            Part::Numbered { channel, number, compressed, bytes } => {
                frames.numbered(*channel, *number, *compressed, bytes)
            }
            Part::Compressed(channel, message) => frames.compressed(*channel, message),
            Part::Fragment { .. } => frames.fragment(&self.fragment().unwrap()),
            Part::Ack { largest, delay, runs } => {
                frames.ack(*largest, DELAY_UNIT * (*delay).into(), runs.iter().copied())
            }
            Part::NewId(id) => frames.new_id(*id),
            Part::Integrity(frame) => frames.integrity(frame),
            Part::RekeyRequest(key) => frames.rekey_request(key),
            Part::RekeyResponse(key) => frames.rekey_response(&[7; 8], key),
            Part::Probe(length) => frames.probe(*length),
        }
    }

    fn fragment(&self) -> Option<Fragment<'_>> {
        let Part::Fragment { channel, number, offset, total, compressed, bytes } = self else { return None };
        let (channel, number, offset, total, compressed) = (*channel, *number, *offset, *total, *compressed);
        Some(Fragment { channel, number, offset, total, compressed, bytes })
    }

    /// Whether `frame` is what was written.
    fn reads_as(&self, frame: Frame<'_>) -> bool {
        match (self, frame) {
            (Part::Ping(value), Frame::Ping(read)) => *value == read,
            (Part::Pong(value), Frame::Pong(read)) => *value == read,
            (Part::PathChallenge(value), Frame::PathChallenge(read)) => *value == read,
            (Part::PathResponse(value), Frame::PathResponse(read)) => *value == read,
            (Part::Disconnect(reason), Frame::Disconnect(read)) => *reason == read,
            (Part::Message(channel, bytes), Frame::Message(of, body)) => *channel == of && bytes == body,
            (Part::Numbered { channel, number, compressed, bytes }, frame) => {
                let body = match frame {
                    Frame::Message(of, body) if of == *channel && !compressed => body,
                    Frame::Compressed(of, body) if of == *channel && *compressed => body,
                    _ => return false,
                };
                body == [&number.to_le_bytes()[..], bytes].concat()
            }
            (Part::Compressed(channel, bytes), Frame::Compressed(of, body)) => *channel == of && bytes == body,
            (Part::Fragment { .. }, Frame::Fragment(fragment)) => self.fragment() == Some(fragment),
            (Part::Ack { largest, delay, runs }, Frame::Ack(ack)) => {
                let same = ack.largest == *largest && ack.delay == DELAY_UNIT * (*delay).into();
                same && received(&ack) == received_by(*largest, runs)
            }
            (Part::NewId(id), Frame::NewId(read)) => *id == read,
            (Part::Integrity(sent), Frame::Integrity(read)) => *sent == read,
            (Part::RekeyRequest(key), Frame::RekeyRequest(read)) => key == read,
            (Part::RekeyResponse(key), Frame::RekeyResponse { to, key: read }) => to == [7; 8] && key == read,
            (Part::Probe(_), Frame::Probe) => true,
            _ => false,
        }
    }
}

/// The numbers that an acknowledgment acknowledges, newest first.
fn received(ack: &Ack<'_>) -> Vec<u64> {
    ack.ranges().flat_map(|range| range.rev()).collect()
}

/// The same, from the lengths of its runs.
fn received_by(largest: u64, runs: &[u64]) -> Vec<u64> {
    let mut numbers = vec![largest];
    let mut at = largest;
    for (index, &run) in runs.iter().enumerate() {
        if index % 2 == 0 {
            numbers.extend((at - run..at).rev());
        }
        at -= run;
    }
    numbers
}

fn any_channel() -> impl Strategy<Value = Channel> {
    prop::sample::select(Channel::all().collect::<Vec<_>>())
}

fn channel_of(deliveries: &'static [Delivery]) -> impl Strategy<Value = Channel> {
    any_channel().prop_filter("another delivery", |channel| deliveries.contains(&channel.delivery()))
}

const WITH_NUMBERS: &[Delivery] =
    &[Delivery::ReliableOrdered, Delivery::ReliableUnordered, Delivery::UnreliableSequenced];

/// A fragment as a sender makes it.
fn any_fragment() -> impl Strategy<Value = Part> {
    let message = (any_channel(), any::<u16>(), 1usize..=MESSAGE_BYTES_MAX, any::<bool>());
    (message, any::<prop::sample::Index>(), 1usize..4, any::<u8>()).prop_map(
        |((channel, number, total, compressed), first, grains, byte)| {
            let offset = first.index(total.div_ceil(FRAGMENT_GRAIN_BYTES)) * FRAGMENT_GRAIN_BYTES;
            let bytes = vec![byte; (total - offset).min(grains * FRAGMENT_GRAIN_BYTES)];
            Part::Fragment { channel, number, offset, total, compressed, bytes }
        },
    )
}

/// An acknowledgment as a receiver writes it.
fn any_ack() -> impl Strategy<Value = Part> {
    let runs =
        prop_oneof![vec(0u64..8, 0..50), vec(0u64..170, 0..3), (200u64..=ACK_POSITIONS_MAX).prop_map(|run| vec![run])];
    (runs, any::<u16>(), 1u64..1 << 62).prop_map(|(runs, delay, above)| {
        let positions: u64 = runs.iter().sum();
        Part::Ack { largest: positions + above, delay, runs }
    })
}

fn any_integrity() -> impl Strategy<Value = IntegrityFrame> {
    prop_oneof![
        (any::<u8>(), any_array()).prop_map(|(index, nonce)| IntegrityFrame::Challenge { index, nonce }),
        (any_array(), any_array()).prop_map(|(to, mac)| IntegrityFrame::Answer { to, mac }),
    ]
}

pub fn any_part() -> impl Strategy<Value = Part> {
    use DisconnectReason::*;
    let reasons = vec![
        Closed,
        ShuttingDown,
        KeyExhausted,
        ProtocolViolation,
        Overflow,
        BadCompression,
        ShortOfMemory,
        IntegrityFailed,
        NotResumable,
        Denied,
    ];
    let bytes = || vec(any::<u8>(), 0..200);
    let numbered = (channel_of(WITH_NUMBERS), any::<u16>(), bytes());
    let compressed = (channel_of(WITH_NUMBERS), any::<u16>(), vec(any::<u8>(), 1..200));
    prop_oneof![
        any::<u64>().prop_map(Part::Ping),
        any::<u64>().prop_map(Part::Pong),
        any::<u64>().prop_map(Part::PathChallenge),
        any::<u64>().prop_map(Part::PathResponse),
        prop::sample::select(reasons).prop_map(Part::Disconnect),
        (channel_of(&[Delivery::Unreliable]), bytes()).prop_map(|(channel, bytes)| Part::Message(channel, bytes)),
        numbered.prop_map(|(channel, number, bytes)| Part::Numbered { channel, number, compressed: false, bytes }),
        compressed.prop_map(|(channel, number, bytes)| Part::Numbered { channel, number, compressed: true, bytes }),
        (channel_of(&[Delivery::Unreliable]), vec(any::<u8>(), 1..200))
            .prop_map(|(channel, bytes)| Part::Compressed(channel, bytes)),
        any_fragment(),
        any_ack(),
        (any::<u8>(), 1u8.., any::<u16>())
            .prop_map(|(core, generation, slot)| Part::NewId(ConnectionId::new(core, generation, slot))),
        any_integrity().prop_map(Part::Integrity),
        any_array().prop_map(Part::RekeyRequest),
        any_array().prop_map(Part::RekeyResponse),
        (0usize..300).prop_map(Part::Probe),
    ]
}

/// The frames that fit a datagram, and their bytes.
pub fn written(parts: Vec<Part>) -> (Vec<Part>, Vec<u8>) {
    let mut buffer = [0; FRAMES_BYTES_MAX];
    let mut frames = FrameWriter::new(&mut buffer, 0);
    let fitting: Vec<Part> = parts.into_iter().filter(|part| part.write(&mut frames)).collect();
    let used = frames.used();
    (fitting, buffer[..used].to_vec())
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn any_bytes_are_frames(bytes in any_bytes()) {
        let mut bodies = 0;
        for (index, frame) in Frames::new(&bytes).enumerate() {
            prop_assert!(index < bytes.len(), "the frames do not end");
            bodies += FRAME_HEADER_BYTES + match frame {
                Frame::Message(channel, body) => {
                    prop_assert!(channel.delivery() == Delivery::Unreliable || body.len() >= NUMBER_BYTES);
                    body.len()
                }
                Frame::Compressed(channel, body) => {
                    prop_assert!(channel.delivery() == Delivery::Unreliable || body.len() > NUMBER_BYTES);
                    1 + body.len()
                }
                Frame::Fragment(fragment) => Fragment::HEADER_BYTES + fragment.bytes.len(),
                Frame::Bad => 0,
                _ => 0,
            };
        }
        prop_assert!(bodies <= bytes.len() + FRAME_HEADER_BYTES);
    }

    #[test]
    fn frames_read_back_with_any_padding(parts in vec(any_part(), 0..30), padding in 0usize..200) {
        let (parts, mut bytes) = written(parts);
        bytes.resize(bytes.len() + padding, 0);
        let frames: Vec<_> = Frames::new(&bytes).collect();
        prop_assert_eq!(frames.len(), parts.len());
        for (part, frame) in parts.iter().zip(frames) {
            prop_assert!(part.reads_as(frame), "{:?} was read as {:?}", part, frame);
        }
    }

    #[test]
    fn sound_frames_are_canonical(
        parts in vec(any_part(), 0..10),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 0..3),
    ) {
        let (_, mut bytes) = written(parts);
        for (at, byte) in changes.iter().take(bytes.len()) {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        let mut buffer = [0; FRAMES_BYTES_MAX];
        let mut frames = FrameWriter::new(&mut buffer, 0);
        for frame in Frames::new(&bytes) {
            let fits = match frame {
                Frame::Ping(value) => frames.ping(value),
                Frame::Pong(value) => frames.pong(value),
                Frame::PathChallenge(value) => frames.path_challenge(value),
                Frame::PathResponse(value) => frames.path_response(value),
                // Unknown reasons read as this one.
                Frame::Disconnect(DisconnectReason::Closed) => return Ok(()),
                Frame::Disconnect(reason) => frames.disconnect(reason),
                Frame::Message(channel, body) => write_again(&mut frames, channel, body, false),
                Frame::Compressed(channel, body) => write_again(&mut frames, channel, body, true),
                Frame::Fragment(fragment) => frames.fragment(&fragment),
                Frame::NewId(id) => frames.new_id(id),
                Frame::Integrity(frame) => frames.integrity(&frame),
                Frame::RekeyRequest(key) => frames.rekey_request(key),
                Frame::RekeyResponse { to, key } => frames.rekey_response(&to, key),
                // An acknowledgment has several encodings, and a Probe may have any bytes.
                Frame::Ack(_) | Frame::Probe | Frame::BadAck | Frame::Bad => return Ok(()),
            };
            prop_assert!(fits);
        }
        let used = frames.used();
        prop_assert_eq!(&buffer[..used], &bytes[..used]);
        prop_assert!(bytes[used..].iter().take(2).all(|&byte| byte == 0), "the frames ended before the padding");
    }

    #[test]
    fn any_bytes_are_an_acknowledgment_or_not(
        largest in prop_oneof![0u64..2000, any::<u64>(), Just(1 << 62)],
        delay: u16,
        runs in prop_oneof![vec(any::<u8>(), 0..4), vec(0u8..9, 0..140), vec(0u8..2, 0..2000)],
        cut in 0usize..20,
    ) {
        let mut body = [&largest.to_le_bytes()[..], &delay.to_le_bytes(), &runs].concat();
        body.truncate(if cut < 10 { cut } else { body.len() });
        if let Ok(ack) = Ack::decode(&body) {
            prop_assert_eq!((ack.largest, ack.delay), (largest, DELAY_UNIT * delay.into()));
            let mut below = None;
            let mut count = 0;
            for range in ack.ranges() {
                prop_assert!(1 <= *range.start() && range.start() <= range.end() && *range.end() <= largest);
                prop_assert!(below.map_or(*range.end() == largest, |below| *range.end() < below), "descending");
                below = Some(*range.start());
                count += range.end() - range.start() + 1;
            }
            prop_assert!((1..=ACK_POSITIONS_MAX + 1).contains(&count));
            prop_assert!(largest - below.unwrap() <= ACK_POSITIONS_MAX);
        } else {
            let positions: u64 = runs.iter().map(|&run| u64::from(run)).sum();
            prop_assert!(body.len() < 10 || positions >= largest || positions > ACK_POSITIONS_MAX);
        }
    }

    #[test]
    fn any_bytes_are_a_fragment_or_not(
        head in any_array::<9>(),
        sound: bool,
        bytes in prop_oneof![vec(any::<u8>(), 0..600), Just(vec![1; 128]), Just(vec![1; 256])],
    ) {
        let mut head = head;
        if sound {
            head[0] %= 16;
            head[3] &= 0x80;
            head[7] = 0;
            head[8] &= 0x80;
        }
        let body = [&head[..], &bytes].concat();
        if let Ok(fragment) = Fragment::decode(&body) {
            let Fragment { offset, total, bytes, .. } = fragment;
            prop_assert!(!bytes.is_empty() && offset + bytes.len() <= total && total <= MESSAGE_BYTES_MAX);
            prop_assert_eq!(offset % FRAGMENT_GRAIN_BYTES, 0);
            let mut buffer = [0; FRAMES_BYTES_MAX];
            let mut frames = FrameWriter::new(&mut buffer, 0);
            prop_assert!(frames.fragment(&fragment));
            let used = frames.used();
            prop_assert_eq!(&buffer[FRAME_HEADER_BYTES..used], &body[..]);
        }
    }
}

/// Writes a message that was read, behind its number where it has one.
fn write_again(frames: &mut FrameWriter<'_>, channel: Channel, body: &[u8], compressed: bool) -> bool {
    match body.split_first_chunk::<NUMBER_BYTES>() {
        Some((number, bytes)) if channel.delivery() != Delivery::Unreliable => {
            frames.numbered(channel, u16::from_le_bytes(*number), compressed, bytes)
        }
        _ if compressed => frames.compressed(channel, body),
        _ => frames.message(channel, body),
    }
}
