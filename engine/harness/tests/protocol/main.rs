//! `PROTOCOL.md` against the implementation: its vectors and tables, a client written from the document alone, decoders that
//! take any bytes, and the cryptography against other implementations.

mod bare_client;
mod contract;
mod conversations;
mod decoders;
mod document;
mod frames;
mod oracles;
mod readme;
mod reserved;
mod vectors;
mod world_messages;
mod world_tables;

use document::{fenced_blocks, prose, table};
use ringshard_protocol::limits::*;
use ringshard_protocol::wire::*;
use ringshard_requests::limits as services;
use ringshard_world::limits::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[test]
fn the_limits_are_those_of_the_code() {
    let document: BTreeMap<_, _> =
        table(&["name", "value"]).into_iter().map(|row| (row[0], row[1].to_owned())).collect();
    assert_eq!(table(&["name", "value"]).len(), document.len(), "the document lists a limit twice");
    assert_eq!(document, limits());
}

fn limits() -> BTreeMap<&'static str, String> {
    let number = |name, value: &dyn Display| (name, value.to_string());
    let time = |name, value: Duration| (name, format!("{} ms", value.as_millis()));
    let list = |name, values: &[u16]| (name, values.iter().map(u16::to_string).collect::<Vec<_>>().join(", "));
    BTreeMap::from([
        number("PROTOCOL_VERSION", &PROTOCOL_VERSION),
        number("PORT_DEFAULT", &PORT_DEFAULT),
        number("DATAGRAM_BYTES_MIN", &DATAGRAM_BYTES_MIN),
        number("DATAGRAM_BYTES_BASE", &DATAGRAM_BYTES_BASE),
        number("DATAGRAM_BYTES_MAX", &DATAGRAM_BYTES_MAX),
        number("HEADER_BYTES", &HEADER_BYTES),
        number("TAG_BYTES", &TAG_BYTES),
        number("FRAMES_BYTES_BASE", &FRAMES_BYTES_BASE),
        number("FRAMES_BYTES_MAX", &FRAMES_BYTES_MAX),
        number("FRAME_HEADER_BYTES", &FRAME_HEADER_BYTES),
        number("WHOLE_MESSAGE_BYTES_MAX", &WHOLE_MESSAGE_BYTES_MAX),
        number("MESSAGE_BYTES_MAX", &MESSAGE_BYTES_MAX),
        number("CONNECT_BYTES", &CONNECT_BYTES),
        number("COOKIE_BYTES", &COOKIE_BYTES),
        time("COOKIE_LIFETIME", COOKIE_LIFETIME),
        number("RESUME_TOKEN_BYTES", &RESUME_TOKEN_BYTES),
        number("REPLAY_WINDOW", &REPLAY_WINDOW),
        number("SKIPPED_NUMBER_PERIOD", &SKIPPED_NUMBER_PERIOD),
        number("PACKETS_PER_KEY_MAX_AES_GCM", &PACKETS_PER_KEY_MAX_AES_GCM),
        number("PACKETS_PER_KEY_MAX_CHACHA", &PACKETS_PER_KEY_MAX_CHACHA),
        number("REKEY_BYTES", &REKEY_BYTES),
        time("REKEY_PERIOD", REKEY_PERIOD),
        time("REKEY_PERIOD_MIN", REKEY_PERIOD_MIN),
        time("CONNECT_RETRY_FIRST", CONNECT_RETRY_FIRST),
        time("RECONNECT_AFTER", RECONNECT_AFTER),
        time("CONNECT_RETRY_MAX", CONNECT_RETRY_MAX),
        time("CONNECT_TIMEOUT", CONNECT_TIMEOUT),
        time("BUSY_WAIT", BUSY_WAIT),
        time("BUSY_WAIT_MAX", BUSY_WAIT_MAX),
        time("BUSY_TIMEOUT", BUSY_TIMEOUT),
        time("SILENT_AFTER", SILENT_AFTER),
        time("FRAGMENT_STALL", FRAGMENT_STALL),
        time("HALF_OPEN_TIMEOUT", HALF_OPEN_TIMEOUT),
        time("HEARTBEAT_DEFAULT", HEARTBEAT_DEFAULT),
        time("TIMEOUT_DEFAULT", TIMEOUT_DEFAULT),
        number("DISCONNECT_COPIES", &DISCONNECT_COPIES),
        time("DISCONNECT_INTERVAL", DISCONNECT_INTERVAL),
        number("CHANNELS", &CHANNELS),
        number("CHANNEL_WINDOW_MESSAGES", &CHANNEL_WINDOW_MESSAGES),
        number("RELIABLE_WINDOW_BYTES", &RELIABLE_WINDOW_BYTES),
        number("MESSAGE_COST_BYTES", &MESSAGE_COST_BYTES),
        number("FRAGMENT_GRAIN_BYTES", &FRAGMENT_GRAIN_BYTES),
        number("FORWARDED_BYTES", &FORWARDED_BYTES),
        number("FORWARDED_DATAGRAM_BYTES_MAX", &FORWARDED_DATAGRAM_BYTES_MAX),
        number("FRAGMENTED_OPEN_MAX", &FRAGMENTED_OPEN_MAX),
        number("FRAGMENTED_BYTES_MAX", &FRAGMENTED_BYTES_MAX),
        time("FRAGMENT_TIMEOUT", FRAGMENT_TIMEOUT),
        number("COMPRESSION_BYTES_MIN", &COMPRESSION_BYTES_MIN),
        time("ACK_DELAY_MAX", ACK_DELAY_MAX),
        number("ACK_POSITIONS_MAX", &ACK_POSITIONS_MAX),
        number("REORDERING_PACKETS", &REORDERING_PACKETS),
        time("RETRANSMISSION_TIMEOUT_FIRST", RETRANSMISSION_TIMEOUT_FIRST),
        time("PROBE_TIMEOUT_MAX", PROBE_TIMEOUT_MAX),
        list("MTU_PROBE_BYTES", &MTU_PROBE_BYTES),
        number("MTU_PROBES_MAX", &MTU_PROBES_MAX),
        time("MTU_RETRY", MTU_RETRY),
        number("BLACK_HOLE_TIMEOUTS", &BLACK_HOLE_TIMEOUTS),
        time("PATH_CHALLENGE_PERIOD", PATH_CHALLENGE_PERIOD),
        number("PATH_CHALLENGES_MAX", &PATH_CHALLENGES_MAX),
        time("RESUME_PERIOD", RESUME_PERIOD),
        time("EXPECTED_PERIOD", EXPECTED_PERIOD),
        time("RECONNECT_FIRST", RECONNECT_FIRST),
        time("RECONNECT_MAX", RECONNECT_MAX),
        number("CONNECTIONS_PER_CORE_MAX", &CONNECTIONS_PER_CORE_MAX),
        number("CORES_MAX", &CORES_MAX),
        number("WORLD_SECTIONS_MAX", &WORLD_SECTIONS_MAX),
        number("WORLD_ENTITIES_MAX", &WORLD_ENTITIES_MAX),
        number("TICKS_PER_SECOND", &TICKS_PER_SECOND),
        number("BASELINE_AGE_MAX", &BASELINE_AGE_MAX),
        number("SNAPSHOTS_ACKNOWLEDGED", &SNAPSHOTS_ACKNOWLEDGED),
        number("OWNER_BASELINE_MAX", &OWNER_BASELINE_MAX),
        number("INPUT_BYTES_MAX", &INPUT_BYTES_MAX),
        number("OWN_BYTES_MAX", &OWN_BYTES_MAX),
        number("SHOWN_BYTES_MAX", &SHOWN_BYTES_MAX),
        number("ASK_BYTES_MAX", &ASK_BYTES_MAX),
        number("EVENT_BYTES_MAX", &EVENT_BYTES_MAX),
        number("TICKET_BYTES_MAX", &TICKET_BYTES_MAX),
        number("INTRODUCTION_BYTES_MAX", &INTRODUCTION_BYTES_MAX),
        number("INPUTS_PER_MESSAGE_MAX", &INPUTS_PER_MESSAGE_MAX),
        number("INPUT_MESSAGE_BYTES_MAX", &INPUT_MESSAGE_BYTES_MAX),
        number("INPUT_AHEAD_MAX", &INPUT_AHEAD_MAX),
        number("INPUT_REPEAT_TICKS", &INPUT_REPEAT_TICKS),
        number("INPUT_INTERVAL_MAX", &INPUT_INTERVAL_MAX),
        number("ASKS_OPEN_MAX", &ASKS_OPEN_MAX),
        number("CALL_BYTES_MAX", &services::CALL_BYTES_MAX),
        number("OUTCOME_BYTES_MAX", &services::OUTCOME_BYTES_MAX),
        number("NOTICE_BYTES_MAX", &services::NOTICE_BYTES_MAX),
        number("PATH_BYTES_MAX", &services::PATH_BYTES_MAX),
        number("TOPIC_BYTES_MAX", &services::TOPIC_BYTES_MAX),
        number("CALLS_OPEN_MAX", &services::CALLS_OPEN_MAX),
        number("CALLS_SPAN_MAX", &services::CALLS_SPAN_MAX),
        time("CALL_RETRY_FIRST", services::CALL_RETRY_FIRST),
        time("CALL_RETRY_MAX", services::CALL_RETRY_MAX),
        time("DEADLINE_MAX", services::DEADLINE_MAX),
        time("OUTCOME_LIFETIME", services::OUTCOME_LIFETIME),
        number("SCHEMA_BYTES_MAX", &services::SCHEMA_BYTES_MAX),
        number("SCHEMA_DEPTH_MAX", &services::SCHEMA_DEPTH_MAX),
        number("FIELDS_MAX", &services::FIELDS_MAX),
        number("FIELD_NAME_BYTES_MAX", &services::FIELD_NAME_BYTES_MAX),
        number("VALUE_PARTS_MAX", &services::VALUE_PARTS_MAX),
        number("DOWNLOADS_OPEN_MAX", &services::DOWNLOADS_OPEN_MAX),
        number("FETCHES_OPEN_MAX", &services::FETCHES_OPEN_MAX),
        number("FETCH_BYTES_MAX", &services::FETCH_BYTES_MAX),
        number("PIECE_BYTES_MAX", &services::PIECE_BYTES_MAX),
        number("RESOURCE_NAME_BYTES_MAX", &services::RESOURCE_NAME_BYTES_MAX),
    ])
}

/// The sections, as links name them.
fn anchors() -> BTreeSet<String> {
    let anchor = |title: &str| {
        let letters = title.to_lowercase().replace(' ', "-");
        letters.chars().filter(|c| c.is_alphanumeric() || *c == '-').collect()
    };
    prose().filter(|line| line.starts_with('#')).map(|line| anchor(line.trim_start_matches('#').trim())).collect()
}

#[test]
fn links_lead_to_sections() {
    let text = prose().collect::<Vec<_>>().join(" ");
    let links: Vec<_> = text.split("](#").skip(1).filter_map(|rest| rest.split_once(')')).map(|(to, _)| to).collect();
    assert!(links.len() > 100);
    let dead: Vec<_> = links.into_iter().filter(|to| !anchors().contains(*to)).collect();
    assert!(dead.is_empty(), "{dead:?}");
}

/// Comments and other documents cite the sections of this one.
#[test]
fn citations_name_sections() {
    let anchors = anchors();
    let mut cited = 0;
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")) {
        let text = std::fs::read_to_string(&file).expect("a source is text");
        for (at, rest) in text.match_indices("PROTOCOL.md#").map(|(at, head)| (at, &text[at + head.len()..])) {
            let end = rest.find(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '-');
            let anchor = &rest[..end.unwrap_or(rest.len())];
            let line = text[..at].lines().count();
            assert!(anchor.is_empty() || anchors.contains(anchor), "{}:{line}: {anchor}", file.display());
            cited += 1;
        }
    }
    assert!(cited > 100, "{cited}");
}

/// The sources of the repository.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        let name = entry.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_source = ["rs", "md", "py", "lua"].iter().any(|kind| entry.extension().is_some_and(|it| it == *kind));
        if entry.is_dir() && !entry.is_symlink() && !name.starts_with('.') && name != "target" && name != "corpus" {
            found.append(&mut sources(&entry));
        } else if is_source {
            found.push(entry);
        }
    }
    found
}

/// Every name in capitals is a limit, and figures in the text agree with the limits.
#[test]
fn the_text_names_only_existing_limits() {
    let flags: BTreeSet<_> = table(&["bit", "name", "in version 1"]).into_iter().map(|row| row[1]).collect();
    let is_name = |word: &&str| {
        word.len() > 1
            && word.contains('_')
            && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    };
    let named: BTreeSet<_> = prose()
        .filter(|line| !limits().keys().any(|name| line.starts_with(&format!("| {name} |"))))
        .flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'))
        .filter(is_name)
        .filter(|word| !flags.contains(word))
        .collect();
    let unknown: Vec<_> = named.iter().filter(|name| !limits().contains_key(*name)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let text = prose().collect::<Vec<_>>().join(" ");
    assert!(text.contains(&format!("The highest is {} (2^62)", 1_u64 << 62)));
    assert!(text.contains(&format!("every size from 30 to {DATAGRAM_BYTES_MAX} bytes")));
    assert!(text.contains(&format!("fewer than {HEADER_BYTES} or more than {DATAGRAM_BYTES_MAX} bytes")));
    assert!(text.contains(&format!("padded to {CONNECT_BYTES} bytes")));
    assert!(text.contains(&format!("takes: {DATAGRAM_BYTES_MAX} in version 1")));
    assert!(text.contains("| 4096 to 32767 | beyond the window") && CHANNEL_WINDOW_MESSAGES == 4096);
}

#[test]
fn the_buckets_are_those_of_the_code() {
    let blocks: Vec<_> = fenced_blocks().filter(|(info, _)| *info == "buckets").collect();
    let [(_, text)] = blocks[..] else { panic!("the document must list the buckets once") };
    let buckets: Vec<u16> = text.split_whitespace().map(|size| size.parse().expect("a size is a number")).collect();
    assert_eq!(buckets, DATAGRAM_BUCKETS);
}

/// Each frame of the table reads as that frame and is ack-eliciting as the table says.
#[test]
fn the_frames_are_those_of_the_code() {
    let mut kinds = BTreeSet::new();
    for row in table(&["kind", "frame", "length", "ack-eliciting", "body"]) {
        let [kind, name, length, ack_eliciting, _] = row[..] else { panic!("five columns") };
        let channels = if name == "Message" { CHANNELS as u16 } else { 1 };
        let first: u16 = kind.trim_end_matches(" + c").parse().expect("a kind is a number");
        for channel in 0..channels {
            let kind = first + channel;
            kinds.insert(kind);
            for length in lengths(length) {
                check_frame(name, kind, length, ack_eliciting, channel as u8);
            }
        }
    }
    for kind in (0..32).filter(|kind| !kinds.contains(kind)) {
        assert_eq!(frames_of(kind, &[0; 32]), [Frame::Bad], "kind {kind}");
    }
}

fn lengths(text: &str) -> Vec<usize> {
    let numbers = text.split_whitespace().filter_map(|word| word.parse().ok()).collect::<Vec<_>>();
    if text == "any" { vec![0, 5] } else { numbers }
}

fn check_frame(name: &str, kind: u16, length: usize, ack_eliciting: &str, channel: u8) {
    let mut body = vec![0; length];
    let channel = Channel::new(channel).expect("a channel");
    match name {
        "Fragment" => body[5] = 1,
        "NewId" => body[1] = 1,
        "Ack" => body[0] = 1,
        // A channel with numbers needs a number.
        "Message" if channel.delivery() != Delivery::Unreliable => body = vec![0; 2],
        _ => {}
    }
    let frames = frames_of(kind, &body);
    let frame = match (name, &frames[..]) {
        ("End", []) => return,
        (_, [frame]) => frame,
        _ => panic!("{name}: {frames:?}"),
    };
    let read = format!("{frame:?}");
    assert!(read.starts_with(name), "{name} is read as {read}");
    let expected = match ack_eliciting {
        "yes" => true,
        "no" => false,
        "as its message" => name == "Message" && channel.delivery().is_reliable(),
        _ => panic!("{ack_eliciting}"),
    };
    assert_eq!(frame.is_ack_eliciting(), expected, "{read}");
}

fn frames_of(kind: u16, body: &[u8]) -> Vec<Frame<'static>> {
    let plaintext = [&(kind << 11 | body.len() as u16).to_le_bytes()[..], body].concat().leak();
    Frames::new(plaintext).collect()
}

/// The reasons of a Disconnect have the names that the code has.
#[test]
fn the_reasons_are_those_of_the_code() {
    let rows = table(&["reason", "name", "meaning"]);
    let codes: Vec<u8> = rows.iter().map(|row| row[0].parse().expect("a number")).collect();
    assert_eq!(codes, [0, 1, 3, 4, 5, 6, 7, 9, 10, 11], "reasons 2 and 8 are never sent");
    for (code, row) in codes.into_iter().zip(rows) {
        let read = frames_of(6, &[code]);
        let name: String = row[1].split(' ').map(|word| word[..1].to_uppercase() + &word[1..]).collect();
        assert_eq!(format!("{read:?}"), format!("[Disconnect({name})]"));
    }
}

/// The number of a channel gives its delivery.
#[test]
fn the_deliveries_are_those_of_the_code() {
    let rows = table(&["channel modulo 4", "delivery", "number", "a message is delivered"]);
    for channel in Channel::all() {
        let row = &rows[usize::from(channel.number()) % 4];
        assert_eq!(row[0], (channel.number() % 4).to_string());
        assert_eq!(row[1].replace(", ", "-"), channel.delivery().name());
        let numbered = row[2] == "always";
        assert_eq!(numbered, frames_of(16 + u16::from(channel.number()), &[1]) == [Frame::Bad]);
    }
}
