//! Checks with forged sources, and clients that move.

use super::super::crypto;
use super::super::end::End;
use super::browser::{Browser, channel};
use super::{PATIENCE, connect, connected, play};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use str0m::ice::{StunMessage, TransId};
use tokio::net::UdpSocket;

/// A STUN check that the browser has sent.
fn check_of(browser: &Browser) -> Vec<u8> {
    browser.sent.iter().rfind(|packet| packet[..2] == [0, 1]).expect("a browser checks").clone()
}

/// A check that nominates a pair which is preferred to every other one.
fn strongest_check(answer: &str, offer: &str) -> Vec<u8> {
    let value = |sdp: &str, name| sdp.lines().find_map(|line| line.strip_prefix(name)).unwrap().to_owned();
    let names = format!("{}:{}", value(answer, "a=ice-ufrag:"), value(offer, "a=ice-ufrag:"));
    let check = StunMessage::binding_request(&names, TransId::new(), true, 1, i32::MAX as u32, true);
    let mut packet = vec![0; 500];
    let length = check.to_bytes(Some(value(answer, "a=ice-pwd:").as_bytes()), &mut packet, crypto::sha1_hmac);
    packet.truncate(length.unwrap());
    packet
}

/// Packets that have arrived.
async fn arrived(socket: &UdpSocket) -> Vec<Vec<u8>> {
    let mut buffer = [0; 2_048];
    let mut packets = Vec::new();
    let wait = Duration::from_millis(100);
    while let Ok(received) = tokio::time::timeout(wait, socket.recv_from(&mut buffer)).await {
        packets.push(buffer[..received.unwrap().0].to_vec());
    }
    packets
}

#[test]
fn a_forged_check_sends_a_victim_one_packet_of_its_size_and_moves_nothing() {
    play(|webrtc| async move {
        let mut attacker = Browser::new(&[channel()]).await;
        let answer = webrtc.answer("home", attacker.address(), &attacker.offer).await.unwrap();
        let check = strongest_check(&answer, &attacker.offer);
        attacker.accept(&answer).await;
        assert!(attacker.until(PATIENCE, Browser::is_open).await);
        let victim = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let forged = 7;
        for _ in 0..forged {
            webrtc.peers.borrow_mut().receive(victim.local_addr().unwrap(), &check, Instant::now());
        }
        webrtc.settle();
        attacker.send(&super::datagram(7, super::FLOOD_BYTES)).await;
        assert!(attacker.until(PATIENCE, |attacker| attacker.received.len() > 10).await);
        let packets = arrived(&victim).await;
        assert_eq!(packets.len(), forged);
        assert!(packets.iter().all(|packet| packet[0] < 4 && packet.len() <= check.len()), "{packets:?}");
        assert_eq!(webrtc.peers.borrow().clients(), [attacker.address()]);
    });
}

#[test]
fn a_peer_that_opens_under_forged_addresses_joins_from_the_one_that_it_has_proven() {
    play(|webrtc| async move {
        let victim = SocketAddr::from(([203, 0, 113, 7], 5_000));
        let mut attacker = Browser::new(&[channel()]).await;
        connect(&webrtc, &mut attacker).await;
        attacker.until(PATIENCE, |attacker| attacker.sent.iter().any(|packet| packet[0] == 22)).await;
        let hello = attacker.sent.iter().find(|packet| packet[0] == 22).unwrap().clone();
        for packet in [check_of(&attacker), hello] {
            webrtc.peers.borrow_mut().receive(victim, &packet, Instant::now());
        }
        assert!(attacker.until(PATIENCE, Browser::is_open).await);
        assert_eq!(webrtc.peers.borrow().clients(), [attacker.address()]);
        assert_eq!(webrtc.peers.borrow().addresses(), 1);
    });
}

#[test]
fn checks_that_somebody_repeats_do_not_end_the_session_of_their_client() {
    play(|webrtc| async move {
        let mut player = connected(&webrtc).await;
        let check = check_of(&player);
        for port in 1_000..1_500 {
            webrtc.peers.borrow_mut().receive(([198, 51, 100, 1], port).into(), &check, Instant::now());
        }
        assert_eq!((webrtc.count(), webrtc.peers.borrow().addresses()), ((1, 0), 1));
        player.received.clear();
        player.send(&super::datagram(7, 100)).await;
        assert!(player.until(PATIENCE, |player| !player.received.is_empty()).await);
    });
}

#[test]
fn an_answer_from_another_address_proves_nothing() {
    play(|webrtc| async move {
        let player = connected(&webrtc).await;
        let answers: Vec<_> = player.sent.iter().filter(|packet| packet[..2] == [1, 1]).cloned().collect();
        assert!(!answers.is_empty());
        let unknown = webrtc.thread.counters().webrtc_unknown.get();
        for answer in &answers {
            webrtc.peers.borrow_mut().receive(([198, 51, 100, 1], 5_000).into(), answer, Instant::now());
        }
        assert_eq!(webrtc.thread.counters().webrtc_unknown.get() - unknown, answers.len() as u64);
        assert_eq!(webrtc.peers.borrow().addresses(), 1);
    });
}

#[test]
fn a_client_whose_nat_gives_it_another_port_proves_that_and_is_reached_there() {
    play(|webrtc| async move {
        let mut player = connected(&webrtc).await;
        let former = player.address();
        player.rebind().await;
        assert_ne!(player.address(), former);
        let check = check_of(&player);
        player.send_packet(&check).await;
        assert!(player.until(PATIENCE, |_| webrtc.peers.borrow().addresses() == 2).await);
        // str0m leaves the former address when no check has come from there for 15 s.
        let now = Instant::now();
        webrtc.peers.borrow_mut().receive(player.address(), &check, now + Duration::from_secs(10));
        webrtc.peers.borrow_mut().expire(now + Duration::from_secs(16));
        webrtc.peers.borrow_mut().close(0, End::Going);
        webrtc.settle();
        assert!(player.until(PATIENCE, |player| player.is_closed).await, "the farewell arrives at the new port");
    });
}

#[test]
fn a_forged_alert_does_not_end_a_handshake() {
    play(|webrtc| async move {
        let mut player = Browser::new(&[channel()]).await;
        connect(&webrtc, &mut player).await;
        assert!(player.until(PATIENCE, |player| !player.sizes.is_empty()).await, "the gateway is amid its handshake");
        let alert = [21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 9, 0, 2, 2, 40];
        webrtc.peers.borrow_mut().receive(player.address(), &alert, Instant::now());
        assert!(player.until(PATIENCE, Browser::is_open).await);
    });
}
