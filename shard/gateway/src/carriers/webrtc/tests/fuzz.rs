//! Nonsense: it neither ends the thread nor grows what it keeps.

use super::browser::{Browser, channel};
use super::{connect, connected, play};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::time::{Duration, Instant};

fn below(random: &mut ChaCha8Rng, bound: usize) -> usize {
    random.next_u32() as usize % bound
}

/// Changes a few bytes, the length, or all of it.
fn mutate(random: &mut ChaCha8Rng, packet: &mut Vec<u8>) {
    match below(random, 8) {
        0 => packet.truncate(below(random, packet.len() + 1)),
        1 => packet.extend((0..below(random, 200)).map(|_| 0xff)),
        2 => {
            let keep = below(random, 3);
            packet.iter_mut().skip(keep).for_each(|byte| *byte = random.next_u32() as u8);
        }
        _ => {
            for _ in 0..=below(random, 4) {
                let bits = 1 << below(random, 8);
                let length = packet.len().max(1);
                if let Some(byte) = packet.get_mut(below(random, length)) {
                    *byte ^= bits;
                }
            }
        }
    }
}

#[test]
fn mutated_packets_of_an_open_and_a_half_open_peer_are_survived() {
    play(|webrtc| async move {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let mut open = connected(&webrtc).await;
        open.send(&super::datagram(7, 200)).await;
        open.linger(Duration::from_millis(20)).await;
        let mut opening = Browser::new(&[channel()]).await;
        connect(&webrtc, &mut opening).await;
        opening.until(Duration::from_secs(5), |browser| browser.sent.iter().any(|packet| packet[0] == 22)).await;
        let now = Instant::now();
        for round in 0..20_000_u64 {
            let browser = if round % 3 == 0 { &opening } else { &open };
            let mut packet = browser.sent[below(&mut random, browser.sent.len())].clone();
            mutate(&mut random, &mut packet);
            webrtc.peers.borrow_mut().receive(browser.address(), &packet, now + Duration::from_micros(round));
            if round % 256 == 0 {
                webrtc.settle();
            }
        }
        webrtc.settle();
        {
            let peers = webrtc.peers.borrow();
            let deadlines = peers.deadlines();
            assert!(peers.count().0 <= 2 && peers.addresses() <= 4 && deadlines < 1_000, "{deadlines}");
        }
        connected(&webrtc).await;
    });
}

#[test]
fn mutated_offers_are_refused_or_answered_and_nothing_stays_of_them() {
    play(|webrtc| async move {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        let offer = Browser::new(&[channel()]).await.offer;
        for round in 0..1_500 {
            let mut mutated = offer.clone().into_bytes();
            mutate(&mut random, &mut mutated);
            let from = std::net::SocketAddr::from(([10, 0, (round >> 8) as u8, round as u8], 1));
            if let Ok(text) = std::str::from_utf8(&mutated) {
                let _ = webrtc.answer("home", from, text).await;
            }
            if webrtc.count().1 > 400 {
                webrtc.peers.borrow_mut().expire(Instant::now() + Duration::from_secs(11));
            }
        }
        webrtc.peers.borrow_mut().expire(Instant::now() + Duration::from_secs(11));
        webrtc.settle();
        assert_eq!(webrtc.count(), (0, 0));
        assert_eq!(webrtc.peers.borrow().names(), 0);
    });
}
