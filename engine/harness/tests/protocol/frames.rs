//! The vectors of frames: how each is written and read, and what a connection does with it.

use crate::document::Vector;
use crate::vectors::{any_connection, ingest, read, resources};
use ringshard_protocol::connection::Ingested;
use ringshard_protocol::limits::*;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::*;
use std::ops::RangeInclusive;

pub fn frames(vector: &Vector) {
    use DisconnectReason::*;
    let (value, id, public_key) = (vector.u64("value"), vector.connection("id"), vector.array("public_key"));
    let challenge = IntegrityFrame::Challenge { index: vector.byte("index"), nonce: vector.array("nonce") };
    let answer = IntegrityFrame::Answer {
        to: vector.array::<16>("nonce")[..8].try_into().unwrap(),
        mac: vector.array("answer"),
    };
    let to = *public_key.first_chunk().unwrap();
    let probe_len = vector.get("probe").len() - FRAME_HEADER_BYTES;
    type Write<'a> = Box<dyn Fn(&mut FrameWriter<'_>) -> bool + 'a>;
    let mut cases: Vec<(&str, Frame<'_>, Write<'_>)> = vec![
        ("path_challenge", Frame::PathChallenge(value), Box::new(|writer| writer.path_challenge(value))),
        ("path_response", Frame::PathResponse(value), Box::new(|writer| writer.path_response(value))),
        ("ping", Frame::Ping(value), Box::new(|writer| writer.ping(value))),
        ("pong", Frame::Pong(value), Box::new(|writer| writer.pong(value))),
        ("new_id", Frame::NewId(id), Box::new(|writer| writer.new_id(id))),
        ("integrity_challenge", Frame::Integrity(challenge), Box::new(|writer| writer.integrity(&challenge))),
        ("integrity_answer", Frame::Integrity(answer), Box::new(|writer| writer.integrity(&answer))),
        ("rekey_request", Frame::RekeyRequest(&public_key), Box::new(|writer| writer.rekey_request(&public_key))),
        (
            "rekey_response",
            Frame::RekeyResponse { to, key: &public_key },
            Box::new(|writer| writer.rekey_response(&to, &public_key)),
        ),
        ("probe", Frame::Probe, Box::new(|writer| writer.probe(probe_len))),
        ("probe_empty", Frame::Probe, Box::new(|writer| writer.probe(0))),
    ];
    let reasons = [
        ("disconnect_closed", Closed),
        ("disconnect_shutting_down", ShuttingDown),
        ("disconnect_key_exhausted", KeyExhausted),
        ("disconnect_protocol_violation", ProtocolViolation),
        ("disconnect_overflow", Overflow),
        ("disconnect_bad_compression", BadCompression),
        ("disconnect_short_of_memory", ShortOfMemory),
        ("disconnect_integrity_failed", IntegrityFailed),
        ("disconnect_not_resumable", NotResumable),
        ("disconnect_denied", Denied),
    ];
    for (name, reason) in reasons {
        cases.push((name, Frame::Disconnect(reason), Box::new(move |writer| writer.disconnect(reason))));
    }
    for (name, frame, write) in cases {
        check_frame(name, vector.get(name), frame, write);
    }
}

pub fn messages(vector: &Vector) {
    let (text, number) = (vector.get("text"), vector.u16("number"));
    let numbered = |text: &[u8]| [&number.to_le_bytes()[..], text].concat();
    for channel in Channel::all() {
        let name = format!("channel_{}", channel.number());
        if channel.delivery() == Delivery::Unreliable {
            let frame = Frame::Message(channel, text);
            check_frame(&name, vector.get(&name), frame, |writer| writer.message(channel, text));
        } else {
            let body = numbered(text);
            let frame = Frame::Message(channel, &body);
            check_frame(&name, vector.get(&name), frame, |writer| writer.numbered(channel, number, false, text));
        }
    }
    let empty = Frame::Message(Channel::UNRELIABLE, &[]);
    check_frame("empty_0", vector.get("empty_0"), empty, |writer| writer.message(Channel::UNRELIABLE, &[]));
    let (channel, body) = (Channel::RELIABLE_ORDERED, numbered(&[]));
    let empty = Frame::Message(channel, &body);
    check_frame("empty_1", vector.get("empty_1"), empty, |writer| writer.numbered(channel, number, false, &[]));
}

/// The value is written as the frame, and the frame reads as the value, alone and padded.
fn check_frame(name: &str, bytes: &[u8], frame: Frame<'_>, write: impl Fn(&mut FrameWriter<'_>) -> bool) {
    let mut buffer = [0; 2048];
    let mut writer = FrameWriter::new(&mut buffer, 0);
    assert!(write(&mut writer), "{name}");
    let used = writer.used();
    assert_eq!(buffer[..used], *bytes, "{name}");
    assert_eq!(read(bytes), [frame], "{name}");
    assert_eq!(read(&buffer), [frame], "{name}, padded");
}

pub fn frames_bad(vector: &Vector) {
    let frames = read(vector.get("plaintext"));
    let bad = frames.iter().filter(|&&frame| frame == Frame::Bad).count();
    assert_eq!(bad, usize::from(vector.byte("bad")));
    let messages = ["message_1", "message_2"].into_iter().filter(|key| vector.has(key)).map(|key| vector.get(key));
    let expected: Vec<_> = messages.map(|message| Frame::Message(Channel::UNRELIABLE, message)).collect();
    let good: Vec<_> = frames.into_iter().filter(|&frame| frame != Frame::Bad).collect();
    assert_eq!(good, expected);

    // Bad frames are counted and are not ack-eliciting.
    let (mut server, mut resources) = (any_connection(), resources());
    let ingested = ingest(&mut server, 1, vector.get("plaintext"), &mut resources);
    assert_eq!(ingested, Ok(Ingested::Acted(expected.len() as u32)));
    assert_eq!(resources.drops.bad_frame, bad as u64);
    assert!(!server.wants_datagram(Instant::ZERO + Duration::from_secs(1)));
}

pub fn compressed(vector: &Vector) {
    let (message, number) = (vector.get("message"), vector.u16("number"));
    let (literals, matched) = (vector.get("literals"), vector.get("matched"));
    for (name, number, bytes) in [("channel_15_literals", Some(number), literals)]
        .into_iter()
        .chain([("channel_0", None, matched), ("channel_1", Some(number), matched)])
        .chain([("channel_2", Some(number), matched), ("channel_3", Some(number), matched)])
    {
        let channel = name.split('_').nth(1).and_then(|number| Channel::new(number.parse().ok()?)).expect("a channel");
        let body = [&number.map_or(vec![], |number| number.to_le_bytes().to_vec())[..], bytes].concat();
        let frame = Frame::Compressed(channel, &body);
        check_frame(name, vector.get(name), frame, |writer| match number {
            Some(number) => writer.numbered(channel, number, true, bytes),
            None => writer.compressed(channel, bytes),
        });
    }
    for bytes in [literals, matched] {
        for (channel, frame) in compressed_frames(bytes) {
            assert_eq!(delivered(&[&frame]), [(channel, message.to_vec())], "{channel}");
        }
    }
}

pub fn compressed_bad(vector: &Vector) {
    for (name, bytes) in vector.values() {
        for (channel, frame) in compressed_frames(bytes) {
            let (mut server, mut resources) = (any_connection(), resources());
            ingest(&mut server, 1, &frame, &mut resources).expect("the error appears when the message is read");
            let read = server.read(&mut Vec::new(), &mut resources);
            assert_eq!(read, Err(DisconnectReason::BadCompression), "{name}, {channel}");
        }
    }
}

/// The first message of a channel of each delivery, compressed.
fn compressed_frames(bytes: &[u8]) -> [(Channel, Vec<u8>); 4] {
    [Channel::UNRELIABLE, Channel::RELIABLE_ORDERED, Channel::RELIABLE_UNORDERED, Channel::UNRELIABLE_SEQUENCED].map(
        |channel| {
            let mut buffer = vec![0; 2048];
            let mut writer = FrameWriter::new(&mut buffer, 0);
            assert!(match channel.delivery() {
                Delivery::Unreliable => writer.compressed(channel, bytes),
                _ => writer.numbered(channel, 0, true, bytes),
            });
            let used = writer.used();
            buffer.truncate(used);
            (channel, buffer)
        },
    )
}

pub fn fragments(vector: &Vector) {
    let (message, number) = (vector.get("message"), vector.u16("number"));
    let (long, compressed) = (vector.get("compressed_message"), vector.get("compressed"));
    let cuts = [
        ("reliable_1", 1, false, 0..128),
        ("reliable_2", 1, false, 128..300),
        ("reliable_again", 1, false, 0..256),
        ("unreliable_1", 0, false, 0..256),
        ("unreliable_2", 0, false, 256..300),
        ("sequenced_1", 3, false, 0..256),
        ("sequenced_2", 3, false, 256..300),
        ("compressed_1", 2, true, 0..512),
        ("compressed_2", 2, true, 512..compressed.len()),
    ];
    for (name, channel, compressed_too, cut) in cuts {
        let whole = if compressed_too { compressed } else { message };
        let channel = Channel::new(channel).expect("a channel");
        let (offset, total) = (cut.start, whole.len());
        let fragment = Fragment { channel, number, offset, total, compressed: compressed_too, bytes: &whole[cut] };
        check_frame(name, vector.get(name), Frame::Fragment(fragment), |writer| writer.fragment(&fragment));
    }
    let cases: [(u8, &[u8], &[&str]); 6] = [
        (1, message, &["reliable_1", "reliable_2"]),
        (1, message, &["reliable_2", "reliable_2", "reliable_again"]),
        (1, message, &["reliable_again", "reliable_1", "reliable_2", "reliable_1"]),
        (0, message, &["unreliable_2", "unreliable_1"]),
        (3, message, &["sequenced_1", "sequenced_2"]),
        (2, long, &["compressed_1", "compressed_2"]),
    ];
    for (channel, expected, names) in cases {
        let pieces: Vec<_> = names.iter().map(|name| vector.get(name)).collect();
        let channel = Channel::new(channel).expect("a channel");
        assert_eq!(delivered(&pieces), [(channel, expected.to_vec())], "{names:?}");
        assert_eq!(delivered(&pieces[..1]), [], "{names:?}");
    }
}

/// What a connection delivers of these frames, each in a datagram of its own.
fn delivered(datagrams: &[&[u8]]) -> Vec<(Channel, Vec<u8>)> {
    let (mut server, mut resources, mut messages) = (any_connection(), resources(), Vec::new());
    for (sequence, plaintext) in (1..).zip(datagrams) {
        assert_eq!(ingest(&mut server, sequence, plaintext, &mut resources), Ok(Ingested::Acted(0)));
        let mut message = Vec::new();
        while let Some(channel) = server.read(&mut message, &mut resources).expect("the message is sound") {
            messages.push((channel, message.clone()));
        }
    }
    messages
}

pub fn ack(vector: &Vector) {
    let [Frame::Ack(ack)] = read(vector.get("frame"))[..] else { panic!("one acknowledgment") };
    assert_eq!(ack.largest, vector.u64("largest"));
    assert_eq!(ack.delay, Duration::from_micros(8) * vector.u16("delay").into());
    assert!(vector.get("frame").ends_with(vector.get("runs")));
    let ends: Vec<_> = vector.get("received").as_chunks().0.iter().map(|&end| u64::from_le_bytes(end)).collect();
    let received: Vec<_> = ends.chunks_exact(2).map(|pair| pair[0]..=pair[1]).collect();
    // Runs above 255 read as adjacent ranges.
    let mut read: Vec<RangeInclusive<u64>> = Vec::new();
    for range in ack.ranges() {
        match read.last_mut() {
            Some(newer) if *newer.start() == range.end() + 1 => *newer = *range.start()..=*newer.end(),
            _ => read.push(range),
        }
    }
    assert_eq!(read, received);

    // Received below the largest, missing, received...
    let mut runs = vec![received[0].end() - received[0].start()];
    for pair in received.windows(2) {
        runs.extend([pair[0].start() - pair[1].end() - 1, pair[1].end() - pair[1].start() + 1]);
    }
    if runs == [0] {
        runs.clear();
    }
    let mut buffer = [0; 128];
    let mut writer = FrameWriter::new(&mut buffer, 0);
    assert!(writer.ack(ack.largest, ack.delay, runs.into_iter()));
    let used = writer.used();
    assert_eq!(buffer[..used], *vector.get("frame"));
}

pub fn ack_bad(vector: &Vector) {
    for (name, frame) in vector.values() {
        assert_eq!(read(frame), [Frame::BadAck], "{name}");
        let mut server = any_connection();
        let ended = ingest(&mut server, 1, frame, &mut resources());
        assert_eq!(ended, Ok(Ingested::End(DisconnectReason::ProtocolViolation)), "{name}");
    }
}
