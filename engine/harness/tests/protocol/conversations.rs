//! Conversations between a client written from `PROTOCOL.md` alone and a real server.

use crate::bare_client::{
    INTEGRITY_KEYS, INTEGRITY_PERIOD, ask, connect, deliver, find, flush, frame, hkdf, id_of, joined, kind, message,
    receive_for, stay_for, wait,
};
use crate::document::table;
use ringshard_protocol::crypto::{SecretKey, hmac_sha256};
use ringshard_protocol::endpoint::Event;
use ringshard_protocol::limits::*;
use ringshard_protocol::time::Duration;
use ringshard_protocol::wire::Channel;

/// The first reliable ordered channel.
const RELIABLE: u8 = 1;

#[test]
fn a_client_joins_and_receives_the_parameters() {
    let (_, client) = joined();
    let parameters = client.parameters;
    assert_ne!(parameters[1], 0, "the generation is never 0");
    assert_eq!((parameters[4], parameters[5]), (0x01, 0), "ChaCha20-Poly1305, a new session");
    assert_eq!(u16::from_le_bytes([parameters[6], parameters[7]]), 1472);
    let times = [&parameters[8..12], &parameters[12..]].map(|word| u32::from_le_bytes(word.try_into().unwrap()));
    assert_eq!(times, [5000, 15_000]);
}

#[test]
fn messages_of_both_ends_are_acknowledged_or_sent_again() {
    let (mut server, mut client) = joined();
    let id = id_of(&client);
    // Three datagrams, the second arrives last: the gap is acknowledged at once. PROTOCOL.md#ack-timing.
    let datagrams = [0, 1, 2].map(|number| client.seal(&[message(RELIABLE, number, &[b'a' + number as u8])]));
    assert_eq!(ask(&mut server, &mut client, &datagrams[0]), [], "the acknowledgment of one datagram may wait");
    let frames = ask(&mut server, &mut client, &datagrams[2]);
    let ack = find(&frames, kind::ACK).expect("a gap is acknowledged at once");
    assert_eq!((&ack[..8], &ack[10..]), (&4_u64.to_le_bytes()[..], &[0, 1, 2][..]));
    ask(&mut server, &mut client, &datagrams[1]);
    let texts: Vec<_> = server.messages.iter().map(|(_, text)| &text[..]).collect();
    assert_eq!(texts, [b"a", b"b", b"c"]);

    server.endpoint.send(server.now, id, Channel::RELIABLE_ORDERED, b"reply").unwrap();
    let first = flush(&mut server);
    let [(_, datagram)] = &first[..] else { panic!("one datagram") };
    let again = wait(&mut server, Duration::from_millis(300));
    let again: Vec<_> = again.iter().map(|(_, datagram)| datagram).collect();
    assert!(!again.is_empty() && !again.contains(&datagram), "the message is sent again, in a new datagram");
    for datagram in again {
        client.open(datagram);
    }
    assert_eq!(client.messages.first(), Some(&(RELIABLE, b"reply".to_vec())));
    let ack = client.ack();
    let ack = client.seal(&[ack]);
    ask(&mut server, &mut client, &ack);
    assert_eq!(server.endpoint.info(id).unwrap().unacknowledged_bytes, 0);
}

#[test]
fn large_messages_arrive_in_fragments_and_compressed() {
    let (mut server, mut client) = joined();
    let id = id_of(&client);
    let noise = hkdf::<5000>(&[], b"", "bytes that do not compress");
    let text = b"players move, fight, trade and talk; ".repeat(200);
    for channel in Channel::all().take(4) {
        for sent in [&noise[..], &text] {
            server.endpoint.send(server.now, id, channel, sent).unwrap();
        }
        let frames = receive_for(&mut server, &mut client, Duration::from_millis(500));
        assert!(find(&frames, kind::FRAGMENT).is_some() && find(&frames, kind::COMPRESSED).is_some());
        let mut received = std::mem::take(&mut client.messages);
        received.sort_unstable_by_key(|(_, message)| message.len());
        assert_eq!(received, [(channel.number(), noise.to_vec()), (channel.number(), text.clone())]);
    }
}

#[test]
fn either_end_can_rekey() {
    let (mut server, mut client) = joined();
    // The client asks for a rekey.
    let ours = SecretKey::from_bytes([0x62; 32]);
    let request = frame(kind::REKEY_REQUEST, ours.public().as_bytes());
    let asking = client.seal(std::slice::from_ref(&request));
    let frames = ask(&mut server, &mut client, &asking);
    let response = find(&frames, kind::REKEY_RESPONSE).expect("an answer")[8..].to_vec();
    client.next_splits(&ours, &response);
    let late = client.seal(&[message(0, 0, b"late")]);
    client.change_phase(0);
    client.change_phase(1);
    let ack = client.ack();
    let first = client.seal(&[ack, message(0, 0, b"first"), frame(kind::PING, &[1; 8])]);
    let frames = ask(&mut server, &mut client, &first);
    assert!(find(&frames, kind::PONG).is_some(), "the server seals in the new phase");
    ask(&mut server, &mut client, &late);
    let texts: Vec<_> = server.messages.iter().map(|(_, text)| &text[..]).collect();
    assert_eq!(texts, [&b"first"[..], b"late"]);
    assert_eq!(server.endpoint.info(id_of(&client)).unwrap().key_changes, 1);

    // Later the server asks.
    stay_for(&mut server, &mut client, Duration::from_secs(30));
    server.endpoint.rekey(server.now, id_of(&client));
    let sent = flush(&mut server);
    let frames: Vec<_> = sent.iter().flat_map(|(_, datagram)| client.open(datagram)).collect();
    let theirs = find(&frames, kind::REKEY_REQUEST).expect("a request").to_vec();
    let ours = SecretKey::from_bytes([0x63; 32]);
    client.next_splits(&ours, &theirs);
    let ack = client.ack();
    let named = [&theirs[..8], ours.public().as_bytes()].concat();
    let answer = client.seal(&[ack, frame(kind::REKEY_RESPONSE, &named)]);
    client.change_phase(1);
    ask(&mut server, &mut client, &answer);
    let ping = client.seal(&[frame(kind::PING, &[3; 8])]);
    let frames = ask(&mut server, &mut client, &ping);
    assert!(find(&frames, kind::PONG).is_some(), "the server uses the new phase at once");
    client.change_phase(0);
    let ack = client.ack();
    let ping = client.seal(&[ack, frame(kind::PING, &[4; 8])]);
    let frames = ask(&mut server, &mut client, &ping);
    assert!(find(&frames, kind::PONG).is_some());
    assert_eq!(server.endpoint.info(id_of(&client)).unwrap().key_changes, 2);
}

#[test]
fn an_unused_rekey_response_changes_nothing() {
    let (mut server, mut client) = joined();
    for (byte, use_it) in [(0x66, false), (0x67, true)] {
        let ours = SecretKey::from_bytes([byte; 32]);
        let asking = client.seal(&[frame(kind::REKEY_REQUEST, ours.public().as_bytes())]);
        let frames = ask(&mut server, &mut client, &asking);
        let response = find(&frames, kind::REKEY_RESPONSE).expect("an answer")[8..].to_vec();
        if use_it {
            client.next_splits(&ours, &response);
            client.change_phase(0);
            client.change_phase(1);
        }
        let ack = client.ack();
        let ping = client.seal(&[ack, frame(kind::PING, &[byte; 8])]);
        let frames = ask(&mut server, &mut client, &ping);
        assert!(find(&frames, kind::PONG).is_some());
        assert_eq!(server.endpoint.info(id_of(&client)).unwrap().key_changes, u64::from(use_it));
        stay_for(&mut server, &mut client, REKEY_PERIOD_MIN);
    }
}

#[test]
fn an_integrity_challenge_is_answered() {
    let (mut server, mut client) = joined();
    let frames = stay_for(&mut server, &mut client, INTEGRITY_PERIOD + Duration::from_secs(5));
    let challenge = find(&frames, kind::INTEGRITY).expect("one challenge per period").to_vec();
    assert_eq!(challenge.len(), 17);
    let transcript: [u8; 32] = hkdf(&[], &client.first_splits.concat(), "ringshard 1 integrity");
    let answer = hmac_sha256(&INTEGRITY_KEYS[usize::from(challenge[0])], &[&transcript, &challenge[1..]]);
    let answer = [&challenge[1..9], &answer[..]].concat();
    let answer = client.seal(&[frame(kind::INTEGRITY, &answer)]);
    ask(&mut server, &mut client, &answer);
    assert!(matches!(server.events[..], [Event::Joined { .. }, Event::Integrity(_, true)]), "{:?}", server.events);
}

#[test]
fn a_new_path_is_challenged_before_anything_else_goes_there() {
    let (mut server, mut client) = joined();
    let (old_port, new_port) = (client.port, 50_000);
    let older = client.seal(&[message(0, 0, b"older")]);
    let moved = client.seal(&[frame(kind::PING, &[5; 8])]);
    let bytes_in = moved.len();
    let mut sent = deliver(&mut server, new_port, &moved);
    sent.extend(deliver(&mut server, 60_000, &older));
    sent.extend(wait(&mut server, Duration::from_secs(1)));
    assert!(
        sent.iter().all(|(port, _)| [old_port, new_port].contains(port)),
        "an older datagram makes no candidate path"
    );
    let (to_new, to_old): (Vec<_>, Vec<_>) = sent.into_iter().partition(|(port, _)| *port == new_port);
    assert!(to_new.iter().map(|(_, datagram)| datagram.len()).sum::<usize>() <= 3 * bytes_in);
    let mut challenges: Vec<_> = to_new.iter().map(|(_, datagram)| client.open(datagram)).collect();
    assert!(to_old.iter().any(|(_, datagram)| find(&client.open(datagram), kind::PONG).is_some()));
    assert!(
        challenges.len() >= 2 && challenges.iter().all(|frames| *frames == challenges[0]),
        "the challenge is repeated with the same value"
    );
    let [(kind::PATH_CHALLENGE, value)] = &challenges.remove(0)[..] else {
        panic!("the candidate path gets a challenge alone")
    };

    // A response over the old path validates nothing.
    let wrong = client.seal(&[frame(kind::PATH_RESPONSE, value)]);
    assert_eq!(deliver(&mut server, old_port, &wrong), []);
    let right = client.seal(&[frame(kind::PATH_RESPONSE, value)]);
    let sent = deliver(&mut server, new_port, &right);
    let [(port, datagram)] = &sent[..] else { panic!("one datagram") };
    assert_eq!(*port, new_port);
    let frames = client.open(datagram);
    let new_id: [u8; 4] = find(&frames, kind::NEW_ID).expect("a new id").try_into().expect("four bytes");
    let (old_id, old) = (client.id, client.header());
    assert_eq!((new_id[0], &new_id[2..]), (old_id[0], &old_id[2..]), "core and slot stay");
    assert!(new_id[1] != 0 && new_id[1] != old_id[1]);
    client.port = new_port;
    client.id = new_id;
    client.sequence += 1;
    let ack = client.ack();
    let ping = client.seal(&[ack, frame(kind::PING, &[6; 8])]);
    let frames = ask(&mut server, &mut client, &ping);
    assert!(find(&frames, kind::PONG).is_some(), "the server uses the new id");
    let dropped = server.endpoint.drops().unknown_connection;
    deliver(&mut server, new_port, &client.seal_as(old, &[frame(kind::PING, &[6; 8])]));
    assert_eq!(server.endpoint.drops().unknown_connection, dropped + 1, "the old id is unknown");
}

#[test]
fn a_session_is_resumed_over_another_connection() {
    let (mut server, mut client) = joined();
    let sent = client.seal(&[message(RELIABLE, 0, b"zero"), message(RELIABLE, 1, b"one")]);
    ask(&mut server, &mut client, &sent);
    server.endpoint.send(server.now, id_of(&client), Channel::RELIABLE_ORDERED, b"not acknowledged").unwrap();
    wait(&mut server, Duration::from_secs(16));
    assert!(matches!(server.events.last(), Some(Event::Suspended { .. })), "the connection has timed out");

    let mut next = connect(&mut server, 41_000, 0x01, 0x64, Some(&client));
    assert_eq!(next.parameters[5], 1, "resumed");
    // The client repeats the second message, as if its acknowledgment was lost.
    let proof = next.seal(&[message(RELIABLE, 1, b"one"), message(RELIABLE, 2, b"two")]);
    ask(&mut server, &mut next, &proof);
    receive_for(&mut server, &mut next, Duration::from_secs(1));
    let texts: Vec<_> = server.messages.iter().map(|(_, text)| &text[..]).collect();
    assert_eq!(texts, [&b"zero"[..], b"one", b"two"]);
    assert_eq!(next.messages, [(RELIABLE, b"not acknowledged".to_vec())]);

    // The former token is still valid: the client may not know that the session was resumed.
    let mut again = connect(&mut server, 42_000, 0x01, 0x65, Some(&client));
    assert_eq!(again.parameters[5], 1);
    let proof = again.seal(&[frame(kind::PING, &[5; 8])]);
    ask(&mut server, &mut again, &proof);
    let last = connect(&mut server, 43_000, 0x01, 0x66, Some(&next));
    assert_eq!(last.parameters[5], 0, "the token in between is no longer valid");
    assert_ne!(next.token(), client.token());
}

/// Violations end the connection with the reason that the document names.
#[test]
fn violations_end_the_connection() {
    let beyond = CHANNEL_WINDOW_MESSAGES as u16;
    let fragment = |number: u16| {
        let header = [&[RELIABLE][..], &number.to_le_bytes(), &[0, 0], &65_536_u32.to_le_bytes()].concat();
        frame(kind::FRAGMENT, &[&header[..], &[0; 128]].concat())
    };
    let ack = |largest: u64| frame(kind::ACK, &[&largest.to_le_bytes()[..], &[0, 0]].concat());
    let compressed = frame(kind::COMPRESSED, &[0, 1, 0, 0, 0, 0x20, b'x', b'y']);
    let fragments = (0..5).map(fragment).collect::<Vec<_>>().concat();
    let cases = [
        ("protocol violation", message(RELIABLE, beyond, b"beyond")),
        ("protocol violation", fragments),
        ("protocol violation", ack(1000)),
        ("protocol violation", frame(kind::ACK, &[0; 9])),
        ("bad compression", compressed),
    ];
    for (name, frames) in cases {
        let (mut server, mut client) = joined();
        let datagram = client.seal(&[frames]);
        let answers = ask(&mut server, &mut client, &datagram);
        let reasons: Vec<_> =
            answers.iter().filter(|frame| frame.0 == kind::DISCONNECT).map(|frame| frame.1[0]).collect();
        let row = table(&["reason", "name", "meaning"]).into_iter().find(|row| row[1] == name).expect("a reason");
        assert_eq!(reasons, [row[0].parse::<u8>().expect("a number"); DISCONNECT_COPIES], "{name}");
    }
    // The largest number within the window is accepted.
    let (mut server, mut client) = joined();
    let datagram =
        client.seal(&[message(RELIABLE, beyond - 1, b"last"), fragment(0), fragment(1), fragment(2), fragment(3)]);
    let answers = ask(&mut server, &mut client, &datagram);
    assert_eq!(find(&answers, kind::DISCONNECT), None);
}
