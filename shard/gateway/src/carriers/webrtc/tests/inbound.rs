//! Attacks on str0m's SCTP, and what correct clients may do.

use super::super::bounds::{AHEAD_MAX, CHUNKS_PER_SECOND, INITS_MAX, ORDERED_MAX, STRANDED_MAX};
use super::super::end::End;
use super::super::inbound::{Inbound, verdict};
use super::attacker::{attacker, chunk, data, packet};
use super::browser::Browser;
use super::{PATIENCE, connect, connected, play};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::cell::Cell;
use std::time::{Duration, Instant};

const WHOLE: u8 = 7;
const BEGINNING: u8 = 6;
const MIDDLE: u8 = 4;
const END: u8 = 5;
const ORDERED_WHOLE: u8 = 3;
/// TSN of the first chunk.
const FIRST: u32 = u32::MAX - 5;

fn tsn_of(packet: &[u8]) -> u32 {
    u32::from_be_bytes(packet[16..20].try_into().unwrap())
}

/// 58 fragments of messages that never end, each on another stream.
fn fragments_on_many_streams(message: &[u8]) -> Vec<Vec<u8>> {
    let first = tsn_of(message);
    let of_packet = |start: u32| {
        let chunks: Vec<_> = (start..start + 58).map(|n| data(BEGINNING, first + n, n as u16, 0, &[1])).collect();
        packet(message, &chunks)
    };
    (0..4).map(|n| of_packet(n * 58)).collect()
}

/// The same, on one stream.
fn fragments_on_one_stream(message: &[u8]) -> Vec<Vec<u8>> {
    let first = tsn_of(message);
    let stream = u16::from_be_bytes([message[20], message[21]]);
    let of_packet = |start: u32| {
        let chunks: Vec<_> = (start..start + 58).map(|n| data(BEGINNING, first + n, stream, 0, &[1])).collect();
        packet(message, &chunks)
    };
    (0..8).map(|n| of_packet(n * 58)).collect()
}

/// Acknowledgments that name two million chunks.
fn wide_acknowledgments(message: &[u8]) -> Vec<Vec<u8>> {
    let mut value = vec![0; 12];
    value[8..10].copy_from_slice(&30_u16.to_be_bytes());
    for _ in 0..30 {
        value.extend_from_slice(&[0, 1, 0xff, 0xff]);
    }
    vec![packet(message, &[chunk(3, 0, &value)])]
}

#[test]
fn a_client_that_makes_sctp_hold_fragments_or_work_long_is_ended_and_others_go_on() {
    for attack in [fragments_on_many_streams, fragments_on_one_stream, wide_acknowledgments] {
        play(|webrtc| async move {
            let mut player = connected(&webrtc).await;
            let mut attacker = attacker(attack).await;
            connect(&webrtc, &mut attacker).await;
            assert!(attacker.until(PATIENCE, Browser::is_open).await);
            attacker.linger(Duration::from_millis(50)).await;
            attacker.send(&super::datagram(8, 100)).await;
            attacker.until(PATIENCE, |attacker| attacker.is_closed).await;
            assert_eq!((webrtc.count(), webrtc.thread.counters().webrtc_misbehaved.get()), ((1, 0), 1));
            player.send(&super::datagram(7, 100)).await;
            assert!(player.until(PATIENCE, |player| !player.received.is_empty()).await);
        });
    }
}

/// SCTP that has begun.
fn begun(now: Instant) -> Inbound {
    let mut inbound = Inbound::new(now);
    let mut init = vec![0; 16];
    init[12..].copy_from_slice(&FIRST.to_be_bytes());
    assert!(inbound.passes(&packet(&[0; 12], &[chunk(1, 0, &init)]), now));
    inbound
}

thread_local! {
    /// How many packets have arrived.
    static ARRIVED: Cell<u32> = const { Cell::new(0) };
}

/// Has a packet arrive, a second after the one before. Returns whether the peer may go on.
fn arrives(inbound: &mut Inbound, chunks: &[Vec<u8>]) -> bool {
    ARRIVED.set(ARRIVED.get() + 1);
    let now = Instant::now() + Duration::from_secs(1) * ARRIVED.get();
    let passes = inbound.passes(&packet(&[0; 12], chunks), now);
    assert_eq!(verdict().is_none(), passes, "nothing is dropped for its rate");
    passes
}

/// Has the gateway acknowledge all before `next`.
fn acknowledges(inbound: &mut Inbound, next: u32) -> bool {
    let mut value = vec![0; 12];
    value[..4].copy_from_slice(&FIRST.wrapping_add(next).wrapping_sub(1).to_be_bytes());
    inbound.sends(&packet(&[0; 12], &[chunk(3, 0, &value)]));
    verdict().is_none()
}

fn chunk_at(flags: u8, index: u32) -> Vec<u8> {
    data(flags, FIRST.wrapping_add(index), 0, 0, &[1])
}

/// How many of these chunks, acknowledged one after another, a peer may send.
fn endured(flags: impl Fn(u32) -> u8) -> u32 {
    let mut inbound = begun(Instant::now());
    let goes_on = |index: &u32| {
        arrives(&mut inbound, &[chunk_at(flags(*index), *index)]) && acknowledges(&mut inbound, *index + 1)
    };
    (0..3_000).take_while(goes_on).count() as u32
}

#[test]
fn whole_messages_and_fragmented_ones_are_taken_without_end() {
    assert_eq!(endured(|_| WHOLE), 3_000);
    assert_eq!(endured(|index| if index % 2 == 0 { BEGINNING } else { END }), 3_000);
    assert_eq!(endured(|index| [BEGINNING, MIDDLE, END, WHOLE][index as usize % 4]), 3_000);
}

#[test]
fn fragments_that_cannot_become_messages_are_bounded() {
    let limit = STRANDED_MAX as u32 + 2;
    assert!(endured(|_| BEGINNING) <= limit);
    assert!(endured(|_| MIDDLE) <= limit);
    assert!(endured(|_| END) <= limit);
    assert!(endured(|index| if index % 2 == 0 { BEGINNING } else { WHOLE }) <= 2 * limit);
    assert!(endured(|index| if index == 0 { BEGINNING } else { MIDDLE }) <= limit);
    assert!(endured(|index| if index % 2 == 0 { BEGINNING } else { END - MIDDLE }) <= 2 * limit);
}

#[test]
fn what_arrives_after_a_gap_is_bounded() {
    let mut inbound = begun(Instant::now());
    let taken = (1..5_000).take_while(|index| arrives(&mut inbound, &[chunk_at(WHOLE, *index)])).count();
    assert_eq!(taken, AHEAD_MAX - 1);
}

#[test]
fn chunks_of_one_number_that_differ_end_the_peer() {
    let mut inbound = begun(Instant::now());
    assert!(arrives(&mut inbound, &[chunk_at(BEGINNING, 0), chunk_at(END, 1)]));
    assert!(arrives(&mut inbound, &[chunk_at(END, 1)]));
    assert!(!arrives(&mut inbound, &[chunk_at(WHOLE, 1)]));
}

#[test]
fn ordered_messages_are_few() {
    let mut inbound = begun(Instant::now());
    let ordered = |number| data(ORDERED_WHOLE, FIRST, 0, number, &[1]);
    assert!(arrives(&mut inbound, &[ordered(ORDERED_MAX - 1)]));
    assert!(!arrives(&mut inbound, &[ordered(ORDERED_MAX)]));
}

#[test]
fn a_chunk_cannot_hide_others() {
    let hidden = chunk_at(BEGINNING, 0);
    let mut sack = vec![0; 12];
    sack.extend_from_slice(&hidden);
    for (kind, value) in [(3, &sack), (7, &sack), (8, &hidden), (11, &hidden), (4, &hidden), (194, &hidden)] {
        assert!(!arrives(&mut begun(Instant::now()), &[chunk(kind, 0, value)]), "{kind}");
    }
    let mut long = chunk(0, WHOLE, &[0; 12]);
    long[3] += 1;
    assert!(!arrives(&mut begun(Instant::now()), &[long]));
    assert!(!arrives(&mut begun(Instant::now()), &[vec![0, 7, 0, 3]]));
}

#[test]
fn a_skip_of_another_stream_and_many_beginnings_end_the_peer() {
    let mut inbound = begun(Instant::now());
    assert!(arrives(&mut inbound, &[chunk_at(WHOLE, 0), chunk(192, 0, &[0, 0, 0, 9, 0, 0, 0, 1])]));
    assert!(!arrives(&mut inbound, &[chunk(192, 0, &[0, 0, 0, 9, 0, 1, 0, 1])]));
    let mut inbound = begun(Instant::now());
    let begins = (0..50).take_while(|_| arrives(&mut inbound, &[chunk(1, 0, &[0; 16])])).count();
    assert_eq!(begins as u32, INITS_MAX - 1);
}

#[test]
fn a_client_that_resets_its_stream_has_closed_its_channel() {
    let mut inbound = begun(Instant::now());
    assert!(!inbound.passes(&packet(&[0; 12], &[chunk(130, 0, &[0; 16])]), Instant::now()));
    assert_eq!(verdict(), Some(End::Closed));
}

#[test]
fn chunks_beyond_the_rate_are_dropped_and_the_peer_stays() {
    let now = Instant::now();
    let mut inbound = begun(now);
    let heartbeat = packet(&[0; 12], &[chunk(4, 0, &[0, 1, 0, 4])]);
    let taken = (0..CHUNKS_PER_SECOND).filter(|_| inbound.passes(&heartbeat, now)).count();
    assert!((CHUNKS_PER_SECOND as usize / 2 - 2..=CHUNKS_PER_SECOND as usize / 2).contains(&taken), "{taken}");
    assert_eq!(verdict(), None);
    assert!(inbound.passes(&heartbeat, now + Duration::from_secs(1)));
}

#[test]
fn a_correct_client_may_lose_packets_for_hours() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut inbound = begun(Instant::now());
    let mut next = 0;
    for _ in 0..20_000 {
        let flags: &[u8] = [&[WHOLE][..], &[BEGINNING, END], &[BEGINNING, MIDDLE, END]][random.next_u32() as usize % 3];
        let mut lost = false;
        for flags in flags {
            if random.next_u32() % 100 < 10 {
                lost = true;
            } else {
                assert!(arrives(&mut inbound, &[chunk_at(*flags, next)]));
            }
            next += 1;
        }
        // The client gives up a message that is lost in part. The gateway acknowledges that now or with later ones.
        if !lost && random.next_u32() % 3 == 0 || random.next_u32() % 40 == 0 {
            assert!(acknowledges(&mut inbound, next));
        }
    }
}
