//! Floods: what strangers and half-open peers cost.

use super::super::bounds::{
    ADDRESSES_EVER_MAX, ADDRESSES_MAX, OPENING_MAX, OPENING_PEERS_MAX, OPENING_PEERS_PER_ADDRESS_MAX,
};
use super::super::end::End;
use super::browser::{Browser, channel};
use super::{PATIENCE, connect, connected, play};
use crate::limits::Refused;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;

fn from(host: u32) -> SocketAddr {
    (IpAddr::from(Ipv4Addr::from_bits(0xCB00_7100 + host)), 5_000).into()
}

#[test]
fn half_open_peers_are_bounded_per_address_and_altogether_and_end_after_ten_seconds() {
    play(|webrtc| async move {
        let offer = Browser::new(&[channel()]).await.offer;
        for _ in 0..OPENING_PEERS_PER_ADDRESS_MAX {
            webrtc.answer("home", from(1), &offer).await.unwrap();
        }
        assert_eq!(webrtc.answer("home", from(1), &offer).await, Err(Refused::AddressFull));
        let mut refused = None;
        for host in 2..1_000 {
            refused = webrtc.answer("home", from(host), &offer).await.err();
            if refused.is_some() {
                break;
            }
        }
        assert_eq!(refused, Some(Refused::Full));
        assert_eq!(webrtc.count(), (OPENING_PEERS_MAX, OPENING_PEERS_MAX));
        webrtc.peers.borrow_mut().expire(Instant::now() + OPENING_MAX);
        webrtc.settle();
        assert_eq!(webrtc.count(), (0, 0));
        assert_eq!(webrtc.thread.counters().webrtc_late.get(), OPENING_PEERS_MAX as u64);
        connected(&webrtc).await;
    });
}

#[test]
fn an_open_peer_is_no_longer_half_open() {
    play(|webrtc| async move {
        let mut browsers = Vec::new();
        for _ in 0..OPENING_PEERS_PER_ADDRESS_MAX + 3 {
            browsers.push(connected(&webrtc).await);
        }
        assert_eq!(webrtc.count(), (browsers.len(), 0));
    });
}

#[test]
fn strangers_get_no_answer() {
    play(|webrtc| async move {
        let gateway = webrtc.address().unwrap();
        let mut browser = connected(&webrtc).await;
        let stranger = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let check = browser.sent.iter().find(|packet| packet[0] == 0).unwrap().clone();
        let mut forged = check.clone();
        let last = forged.len() - 9;
        forged[last] ^= 1;
        let mut renamed = check.clone();
        renamed[26] ^= 1;
        let hello = browser.sent.iter().find(|packet| packet[0] == 22).unwrap().clone();
        for packet in [forged, renamed, hello, vec![0; 20], vec![128; 100], vec![22]] {
            stranger.send_to(&packet, gateway).await.unwrap();
        }
        let mut buffer = [0; 2_048];
        let answer = tokio::time::timeout(Duration::from_millis(100), stranger.recv_from(&mut buffer)).await;
        assert!(answer.is_err(), "a stranger got {answer:?}");
        let counters = webrtc.thread.counters();
        assert_eq!((counters.webrtc_unknown.get(), counters.webrtc_invalid.get()), (5, 1));
        browser.received.clear();
        browser.send(&super::datagram(7, 100)).await;
        assert!(browser.until(PATIENCE, |browser| !browser.received.is_empty()).await);
    });
}

#[test]
fn an_answer_to_a_check_is_smaller_than_the_check() {
    play(|webrtc| async move {
        let browser = connected(&webrtc).await;
        let smallest = browser.sent.iter().filter(|packet| packet[0] == 0).map(Vec::len).min().unwrap();
        assert!(browser.answers.iter().filter(|packet| packet[0] == 1).all(|answer| answer.len() < smallest));
    });
}

#[test]
fn a_peer_cannot_take_the_address_of_another() {
    play(|webrtc| async move {
        let mut victim = connected(&webrtc).await;
        let attacker = connected(&webrtc).await;
        let check = attacker.sent.iter().find(|packet| packet[0] == 0).unwrap();
        webrtc.peers.borrow_mut().receive(victim.address(), check, Instant::now());
        webrtc.settle();
        victim.linger(Duration::from_millis(50)).await;
        assert_eq!(webrtc.thread.counters().webrtc_address_taken.get(), 0);
        victim.send(&super::datagram(7, 100)).await;
        assert!(victim.until(PATIENCE, |browser| !browser.received.is_empty()).await);
    });
}

#[test]
fn a_port_that_a_nat_gives_to_another_client_is_that_ones() {
    play(|webrtc| async move {
        let former = connected(&webrtc).await;
        let latter = connected(&webrtc).await;
        let (address, id) = (former.address(), 1);
        assert!(webrtc.peers.borrow_mut().uses(id, address));
        assert_eq!(webrtc.thread.counters().webrtc_address_taken.get(), 1);
        webrtc.peers.borrow_mut().close(0, End::Lost);
        assert_eq!(webrtc.peers.borrow().addresses(), 2, "{address} and {}", latter.address());
    });
}

#[test]
fn addresses_of_a_peer_are_bounded_and_too_many_end_it() {
    play(|webrtc| async move {
        let _browser = connected(&webrtc).await;
        let proves = |port| webrtc.peers.borrow_mut().uses(0, SocketAddr::new(from(9).ip(), port));
        assert!((1_000..1_000 + ADDRESSES_EVER_MAX as u16 - 1).all(proves));
        assert!(webrtc.peers.borrow().addresses() <= ADDRESSES_MAX);
        assert_eq!(webrtc.count(), (1, 0));
        assert!(!proves(2_000));
        assert_eq!(webrtc.count(), (0, 0));
        assert_eq!(webrtc.peers.borrow().addresses(), 0);
    });
}

#[test]
fn a_peer_that_sends_much_before_its_channel_is_open_is_not_listened_to() {
    play(|webrtc| async move {
        let mut browser = Browser::new(&[channel()]).await;
        connect(&webrtc, &mut browser).await;
        browser.until(PATIENCE, |browser| browser.sent.iter().any(|packet| packet[0] == 0)).await;
        let check = browser.sent.iter().find(|packet| packet[0] == 0).unwrap();
        for _ in 0..1_000 {
            webrtc.peers.borrow_mut().receive(browser.address(), check, Instant::now());
        }
        assert!(webrtc.thread.counters().webrtc_too_many.get() >= 600);
        webrtc.settle();
    });
}
