use super::*;
use crate::wire::ack;

fn at(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

fn part(number: u32) -> SentFrame {
    SentFrame::Message(Channel::RELIABLE_ORDERED, MessagePart { number, first: 0, count: 1 })
}

#[test]
fn memory_is_bounded_if_the_peer_never_acknowledges() {
    let mut recovery = Recovery::new(at(0), RETRANSMISSION_TIMEOUT_FIRST);
    for sequence in 1..=100_000 {
        recovery.add_frame(part(1));
        recovery.sent(at(2_000 * sequence), sequence, 100, 1);
        recovery.probe_timeout_expired(at(2_000 * sequence + 1_000), |_| {});
    }
    assert!(recovery.sent.len() <= PRESUMED_LOST_MAX + 2, "{} packets", recovery.sent.len());
    assert_eq!(recovery.sent.len(), recovery.frames.len());
}

/// Sends datagrams 1 to `count`, one a millisecond.
fn with_sent(count: u64) -> Recovery {
    let mut recovery = Recovery::new(at(0), RETRANSMISSION_TIMEOUT_FIRST);
    for sequence in 1..=count {
        recovery.add_frame(part(sequence as u32));
        recovery.sent(at(sequence), sequence, 100, 1);
    }
    recovery
}

fn acknowledge(
    recovery: &mut Recovery,
    now: Instant,
    largest: u64,
    runs: &[u64],
) -> Result<Vec<SentFrame>, ImpossibleAck> {
    let mut body = [0; Ack::BYTES_MAX];
    let used = ack::encode(largest, Duration::ZERO, runs.iter().copied(), &mut body);
    let mut acked = Vec::new();
    recovery.acknowledge(now, &Ack::decode(&body[..used]).unwrap(), 1000, |frame| acked.push(frame))?;
    Ok(acked)
}

fn losses(recovery: &mut Recovery, now: Instant) -> Vec<SentFrame> {
    let mut lost = Vec::new();
    recovery.detect_losses(now, |frame| lost.push(frame));
    lost
}

#[test]
fn three_overtaking_packets_or_time_make_a_loss() {
    let mut recovery = with_sent(10);
    assert_eq!(acknowledge(&mut recovery, at(30), 7, &[1, 1, 1]), Ok(vec![part(6), part(7), part(4)]));
    // 1 to 3 are overtaken by three; 5 is not, and waits for its time.
    assert_eq!(losses(&mut recovery, at(30)), [part(1), part(2), part(3)]);
    let due = recovery.deadline();
    assert!(due > at(30) && due < at(60));
    assert_eq!(losses(&mut recovery, due), [part(5)]);
    assert_eq!(recovery.in_flight(), 300);
    assert_eq!(recovery.rtt.smoothed(), Some(Duration::from_millis(23)));
}

#[test]
fn an_acknowledgment_twice_counts_once() {
    let mut recovery = with_sent(4);
    assert_eq!(acknowledge(&mut recovery, at(9), 3, &[2]).unwrap().len(), 3);
    assert_eq!(acknowledge(&mut recovery, at(9), 3, &[2]).unwrap(), []);
    assert_eq!((recovery.in_flight(), recovery.frames.len()), (100, 1));
}

#[test]
fn an_acknowledgment_of_what_was_not_sent_is_detected() {
    let mut recovery = with_sent(10);
    assert_eq!(acknowledge(&mut recovery, at(20), 1000, &[]), Err(ImpossibleAck));
    recovery.skipped(12);
    assert!(acknowledge(&mut recovery, at(20), 11, &[1]).is_ok());
    assert_eq!(acknowledge(&mut recovery, at(20), 15, &[4]), Err(ImpossibleAck));
}

#[test]
fn probes_double_their_wait_up_to_a_bound() {
    let mut recovery = with_sent(10);
    assert_eq!(recovery.deadline(), at(10) + RETRANSMISSION_TIMEOUT_FIRST);
    let mut waits = Vec::new();
    for _ in 0..6 {
        waits.push(recovery.probe_timeout().as_millis());
        let due = recovery.deadline();
        let mut lost = 0;
        recovery.probe_timeout_expired(due, |_| lost += 1);
        assert_eq!(lost, 1);
    }
    assert_eq!(waits, [250, 500, 1000, 2000, 2000, 2000]);
}

#[test]
fn the_rate_is_what_arrived_over_the_time_it_took() {
    let mut recovery = Recovery::new(at(0), RETRANSMISSION_TIMEOUT_FIRST);
    // 100 bytes a millisecond, 20 ms there and back.
    for sequence in 1..=100 {
        recovery.add_frame(part(sequence as u32));
        recovery.sent(at(sequence), sequence, 100, 1);
        if sequence > 20 {
            let acked = sequence - 20;
            let mut body = [0; Ack::BYTES_MAX];
            let used = ack::encode(acked, Duration::ZERO, [acked - 1].into_iter(), &mut body);
            let ack = Ack::decode(&body[..used]).unwrap();
            let progress = recovery.acknowledge(at(sequence), &ack, 1000, |_| {}).unwrap().unwrap();
            if acked > 40 {
                let rate = progress.rate.unwrap();
                assert!(rate.bytes_per_second.abs_diff(100_000) <= 6_000, "{rate:?}");
            }
        }
    }
}

#[test]
fn an_acknowledgment_after_the_probe_counts() {
    let mut recovery = with_sent(1);
    let mut again = Vec::new();
    recovery.probe_timeout_expired(at(2000), |frame| again.push(frame));
    assert_eq!((again, recovery.in_flight()), (vec![part(1)], 0));
    recovery.add_frame(part(1));
    recovery.sent(at(2000), 2, 100, 1);
    assert_eq!(acknowledge(&mut recovery, at(3001), 1, &[]), Ok(vec![part(1)]));
    assert_eq!((recovery.rtt.smoothed(), recovery.in_flight()), (Some(Duration::from_secs(3)), 100));
    assert!(recovery.probe_timeout() <= PROBE_TIMEOUT_MAX);
}

#[test]
fn frames_added_to_a_datagram_presumed_lost_are_not_forgotten() {
    let mut recovery = with_sent(1);
    recovery.probe_timeout_expired(at(300), |_| {});
    recovery.add_frame(part(2));
    recovery.sent(at(301), 1, 400, 1);
    assert_eq!(recovery.in_flight(), 400);
    let mut again = Vec::new();
    recovery.probe_timeout_expired(at(2000), |frame| again.push(frame));
    assert_eq!((again, recovery.in_flight()), (vec![part(1), part(2)], 0));
}
