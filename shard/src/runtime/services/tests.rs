use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::mpsc;
use std::task::{Context, Wake as TaskWake, Waker};
use std::thread::Thread;

/// Runs a future on this thread.
fn block_on<T>(mut future: impl FnMut(&mut Context<'_>) -> std::task::Poll<T>) -> T {
    struct Unpark(Thread);
    impl TaskWake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut cx = Context::from_waker(&waker);
    let mut future = std::pin::pin!(poll_fn(|cx| future(cx)));
    loop {
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            return value;
        }
        std::thread::park();
    }
}

fn pair() -> (ServicesPort, ServicesEnd) {
    let (mut ports, mut ends) = between(1);
    (ports.remove(0), ends.remove(0))
}

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

proptest! {
    #[test]
    fn records_of_all_lengths_come_out_as_they_went_in(
        lengths in prop::collection::vec(prop_oneof![0..40_usize, 0..records::RECORD_BYTES_MAX], 1..20),
    ) {
        let (mut writer, mut reader) = records::ring(2 * records::RECORD_BYTES_MAX);
        let (mut waiting, mut record) = (VecDeque::new(), Vec::new());
        for (number, length) in lengths.into_iter().enumerate() {
            let content: Vec<u8> = (0..length).map(|at| (at + number) as u8).collect();
            let (front, back) = content.split_at(length / 3);
            while !writer.push(&[front, back]) {
                let oldest: Vec<u8> = waiting.pop_front().expect("a ring without records has room for any");
                prop_assert_eq!(reader.next(&mut record), Some(&oldest[..]));
            }
            waiting.push_back(content);
        }
        for content in waiting {
            prop_assert_eq!(reader.next(&mut record), Some(&content[..]));
        }
        prop_assert_eq!(reader.next(&mut record), None);
    }
}

#[test]
fn what_a_core_says_arrives_as_it_was_said() {
    let (mut port, mut end) = pair();
    let account = Some(AccountId(u64::MAX));
    port.knock(1, HERE, b"ticket").unwrap();
    port.entered(2, "2001:db8::1".parse().unwrap(), account);
    port.suspended(3);
    port.resumed(4);
    port.left(5);
    port.message(6, &[7; 9]).unwrap();
    assert_eq!(end.take(), Some(FromCore::Knock { player: 1, address: HERE, ticket: b"ticket" }));
    let address = "2001:db8::1".parse().unwrap();
    assert_eq!(end.take(), Some(FromCore::Entered { player: 2, address, account }));
    assert_eq!(end.take(), Some(FromCore::Suspended { player: 3 }));
    assert_eq!(end.take(), Some(FromCore::Resumed { player: 4 }));
    assert_eq!(end.take(), Some(FromCore::Left { player: 5 }));
    assert_eq!(end.take(), Some(FromCore::Message { player: 6, bytes: &[7; 9] }));
    assert_eq!(end.take(), None);
}

#[test]
fn what_services_say_arrives_as_it_was_said() {
    let mut record = Vec::new();
    let (mut port, mut end) = pair();
    let letters = [
        ToCore::Admit { player: 1, account: Some(AccountId(9)), shown: b"name" },
        ToCore::Admit { player: u64::MAX, account: None, shown: b"" },
        ToCore::Refuse { player: 2, reason: 254 },
        ToCore::PutOut { player: 3, reason: 1 },
        ToCore::Message { player: 4, is_bulk: true, bytes: &[1; 100] },
    ];
    letters.iter().for_each(|letter| block_on(|cx| end.poll_send(cx, letter)));
    letters.iter().for_each(|letter| assert_eq!(port.take(&mut record), Some(*letter)));
    assert_eq!(port.take(&mut record), None);
}

#[test]
fn a_full_ring_refuses_messages_but_keeps_who_enters_and_leaves() {
    let mut record = Vec::new();
    let (mut port, mut end) = pair();
    while port.message(1, &[0; 1_000]).is_ok() {}
    (0..10_000).for_each(|player| port.left(player));
    // Messages must not overtake the news of a life.
    assert_eq!(port.message(2, b""), Err(Busy));
    assert_eq!(port.knock(2, HERE, b""), Err(Busy));
    assert_eq!(port.stats.refused, 3);
    let mut left = 0;
    loop {
        match end.take() {
            Some(FromCore::Left { player }) => {
                assert_eq!(player, left);
                left += 1;
            }
            Some(_) => {}
            None if left == 10_000 => break,
            None => assert_eq!(port.take(&mut record), None),
        }
    }
    assert_eq!(port.message(2, b""), Ok(()));
}

#[test]
fn a_port_without_services_refuses() {
    let mut record = Vec::new();
    let mut port = ServicesPort::closed();
    assert_eq!(port.knock(1, HERE, b""), Err(Busy));
    port.entered(1, HERE, None);
    assert_eq!(port.take(&mut record), None);
}

/// A lost wake-up leaves this test waiting for ever.
#[test]
fn both_sides_are_woken_through_full_and_empty_rings() {
    const LETTERS: u64 = 5_000;
    let (mut port, mut end) = pair();
    let (done, is_done) = mpsc::channel();
    let services = std::thread::spawn(move || {
        let mut bytes = vec![0; 5_000];
        for number in 0..LETTERS {
            let player = loop {
                match end.take() {
                    Some(FromCore::Message { player, .. }) => break player,
                    Some(other) => panic!("{other:?}"),
                    None => block_on(|cx| end.poll_ready(cx)),
                }
            };
            assert_eq!(player, number);
            bytes[0] = number as u8;
            // Ten answers to each, so that the ring to the core is often full.
            for _ in 0..10 {
                block_on(|cx| end.poll_send(cx, &ToCore::Message { player, is_bulk: false, bytes: &bytes }));
            }
        }
        done.send(()).unwrap();
    });
    let (mut sent, mut answers, mut record) = (0, 0, Vec::new());
    while answers < 10 * LETTERS {
        if sent < LETTERS && port.message(sent, &[0; 100]).is_ok() {
            sent += 1;
        }
        if sent % 7 == 0 {
            std::thread::yield_now();
        }
        while let Some(letter) = port.take(&mut record) {
            assert_eq!(
                letter,
                ToCore::Message {
                    player: answers / 10,
                    is_bulk: false,
                    bytes: match letter {
                        ToCore::Message { bytes, .. } => bytes,
                        _ => panic!("{letter:?}"),
                    }
                }
            );
            answers += 1;
        }
    }
    is_done.recv().unwrap();
    services.join().unwrap();
}
