//! str0m's own client half plays the browser, over loopback, before a server that sends everything back.

mod addresses;
mod attacker;
mod browser;
mod fuzz;
mod inbound;
mod limits;

use super::*;
use crate::counters::Counters;
use crate::limits::Limits;
use crate::settings::{LimitSettings, ServerEntry, Settings};
use crate::thread::Order;
use browser::{Browser, channel};
use ringshard_protocol::crypto::PublicKey;
use std::sync::Arc;
use std::time::Duration;
use str0m::channel::{ChannelConfig, Reliability};
use tokio::task::LocalSet;

const PATIENCE: Duration = Duration::from_secs(8);

/// Runs a scene in which there is a gateway's thread before an echoing server.
fn play<F: Future<Output = ()>>(scene: impl FnOnce(Rc<WebRtc>) -> F) {
    play_at("127.0.0.1:0", None, scene);
}

/// The same with WebRTC at another address.
fn play_at<F: Future<Output = ()>>(listen: &str, public: Option<&str>, scene: impl FnOnce(Rc<WebRtc>) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    LocalSet::new().block_on(&runtime, async {
        let server = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let limits = LimitSettings { datagrams_per_second: 100_000, bytes_per_second: 1 << 28, ..Default::default() };
        let entry = ServerEntry {
            name: "home".to_owned(),
            address: server.local_addr().unwrap(),
            key: PublicKey::from_bytes([1; 32]),
            bulk: None,
        };
        let allow = vec!["127.0.0.0/8".parse().unwrap()];
        let public_address = public.map(|address| address.parse().unwrap());
        let settings =
            Settings { servers: vec![entry], limits, allow, flows: 1, public_address, ..Settings::default() };
        let settings = Arc::new(settings);
        spawn_local(echo(server));
        let thread = Thread::start(0, settings.clone(), Limits::new(&settings), Arc::new(Counters::default())).unwrap();
        let socket = std::net::UdpSocket::bind(listen).unwrap();
        let webrtc = WebRtc::open(thread, socket).unwrap();
        spawn_local(webrtc.clone().serve());
        scene(webrtc).await;
    });
}

/// The server answers a datagram of this length with 600 numbered ones.
const FLOOD_BYTES: usize = 33;

async fn echo(server: UdpSocket) {
    let mut buffer = [0; 2_048];
    loop {
        // A client that is gone costs an error here.
        let Ok((length, from)) = server.recv_from(&mut buffer).await else { continue };
        let repeats = if length == FLOOD_BYTES { 600 } else { 1 };
        for number in 0..repeats {
            let mut answer = buffer[..length].to_vec();
            if repeats > 1 {
                answer.resize(1_000, number as u8);
                answer[14..18].copy_from_slice(&u32::to_le_bytes(number));
            }
            let _ = server.send_to(&answer, from).await;
        }
    }
}

/// A datagram with the header of an encrypted one, of a connection of this slot.
fn datagram(slot: u8, length: usize) -> Vec<u8> {
    let mut datagram = vec![1, 1, slot, 0, 0, 1];
    datagram.resize(length, slot);
    datagram
}

async fn connect(webrtc: &Rc<WebRtc>, browser: &mut Browser) {
    let answer = webrtc.answer("home", browser.address(), &browser.offer).await.unwrap();
    browser.accept(&answer).await;
}

/// A browser whose channel is open.
async fn connected(webrtc: &Rc<WebRtc>) -> Browser {
    let mut browser = Browser::new(&[channel()]).await;
    connect(webrtc, &mut browser).await;
    assert!(browser.until(PATIENCE, Browser::is_open).await, "{:?}", webrtc.thread.counters());
    browser
}

async fn until(what: impl Fn() -> bool) {
    let waited = tokio::time::timeout(PATIENCE, async {
        while !what() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    });
    waited.await.expect("it happens in time");
}

#[test]
fn datagrams_of_all_sizes_go_to_the_server_and_come_back() {
    play(|webrtc| async move {
        let mut browser = connected(&webrtc).await;
        for length in [14, 64, 1_152, 1_200, 1_472] {
            browser.received.clear();
            assert!(browser.send(&datagram(7, length)).await);
            assert!(browser.until(PATIENCE, |browser| !browser.received.is_empty()).await, "{length} bytes");
            assert_eq!(browser.received, [datagram(7, length)]);
        }
        assert_eq!(webrtc.count(), (1, 0));
    });
}

/// What the admin port tells of the one client.
async fn details(webrtc: &Rc<WebRtc>) -> serde_json::Value {
    let (orders, ordered) = tokio::sync::mpsc::unbounded_channel();
    spawn_local(Rc::clone(&webrtc.thread).run_orders(ordered));
    let (answer, answered) = tokio::sync::oneshot::channel();
    orders.send(Order::Connections(10, answer)).unwrap();
    answered.await.unwrap().remove(0).details.expect("WebRTC tells its figures")
}

#[test]
fn the_admin_port_tells_packets_bytes_and_what_waits() {
    play(|webrtc| async move {
        let mut browser = connected(&webrtc).await;
        let before = details(&webrtc).await;
        assert!(before["packets_received"].as_u64().unwrap() > 5 && before["addresses"] == 1, "{before}");
        for _ in 0..20 {
            browser.received.clear();
            browser.send(&datagram(7, 1_000)).await;
            assert!(browser.until(PATIENCE, |browser| !browser.received.is_empty()).await);
        }
        let after = details(&webrtc).await;
        let grown = |field: &str| after[field].as_u64().unwrap() - before[field].as_u64().unwrap();
        assert!(grown("packets_received") >= 20 && grown("packets_sent") >= 20, "{after}");
        assert!(grown("bytes_received") >= 20_000 && grown("bytes_sent") >= 20_000, "{after}");
        assert!(after["buffered_bytes"].as_u64().unwrap() < 20_000 && after["stalls"] == 0, "{after}");
    });
}

#[test]
fn a_datagram_of_1152_bytes_is_one_packet_of_at_most_1232_bytes() {
    play(|webrtc| async move {
        let mut browser = connected(&webrtc).await;
        browser.linger(Duration::from_millis(300)).await;
        browser.sizes.clear();
        browser.send(&datagram(7, 1_152)).await;
        assert!(browser.until(PATIENCE, |browser| !browser.received.is_empty()).await);
        assert_eq!(browser.sizes.iter().filter(|size| **size > 600).count(), 1, "{:?}", browser.sizes);
        assert!(browser.sizes.iter().all(|size| *size <= bounds::PACKET_BYTES), "{:?}", browser.sizes);
    });
}

#[test]
fn a_socket_that_takes_both_families_serves_ipv4_clients() {
    play_at("[::]:0", Some("127.0.0.1"), |webrtc| async move {
        let mut browser = connected(&webrtc).await;
        browser.send(&datagram(7, 100)).await;
        assert!(browser.until(PATIENCE, |browser| !browser.received.is_empty()).await);
    });
}

#[test]
fn an_unknown_server_is_refused_before_anything_is_spent() {
    play(|webrtc| async move {
        let browser = Browser::new(&[channel()]).await;
        assert_eq!(webrtc.answer("away", browser.address(), &browser.offer).await, Err(Refused::UnknownServer));
        assert_eq!(webrtc.count(), (0, 0));
    });
}

#[test]
fn two_browsers_are_not_mixed_up() {
    play(|webrtc| async move {
        let (mut one, mut two) = (connected(&webrtc).await, connected(&webrtc).await);
        for _ in 0..20 {
            one.send(&datagram(1, 100)).await;
            two.send(&datagram(2, 100)).await;
        }
        assert!(one.until(PATIENCE, |browser| browser.received.len() == 20).await);
        assert!(two.until(PATIENCE, |browser| browser.received.len() == 20).await);
        assert!(one.received.iter().all(|message| *message == datagram(1, 100)));
        assert!(two.received.iter().all(|message| *message == datagram(2, 100)));
    });
}

/// Sends 200 datagrams. Returns how many come back.
async fn exchange(browser: &mut Browser) -> usize {
    browser.received.clear();
    for _ in 0..200 {
        browser.send(&datagram(7, 300)).await;
        browser.linger(Duration::from_millis(3)).await;
    }
    browser.linger(Duration::from_millis(200)).await;
    browser.received.len()
}

#[test]
fn with_three_percent_of_packets_lost_datagrams_do_not_queue() {
    play(|webrtc| async move {
        let mut browser = connected(&webrtc).await;
        browser.loss_percent = 3;
        let returned = exchange(&mut browser).await;
        assert!(returned >= 160, "{returned} of 200 came back");
    });
}

#[test]
fn with_ten_percent_of_packets_lost_it_connects_and_goes_on_at_full_rate_when_the_loss_ends() {
    play(|webrtc| async move {
        let mut browser = Browser::new(&[channel()]).await;
        for attempt in 1.. {
            browser.loss_percent = 10;
            connect(&webrtc, &mut browser).await;
            if browser.until(PATIENCE / 2, Browser::is_open).await {
                break;
            }
            assert!(attempt < 3, "{:?}", webrtc.thread.counters());
            browser = Browser::new(&[channel()]).await;
        }
        let returned = exchange(&mut browser).await;
        assert!(returned >= 40, "{returned} of 200 came back");
        browser.loss_percent = 0;
        browser.linger(Duration::from_secs(2)).await;
        assert!(exchange(&mut browser).await >= 195);
    });
}

#[test]
fn a_client_that_closes_leaves_its_place() {
    play(|webrtc| async move {
        let mut browser = connected(&webrtc).await;
        assert_eq!(webrtc.thread.clients(), 1);
        browser.close().await;
        until(|| webrtc.thread.clients() == 0).await;
        assert_eq!(webrtc.count(), (0, 0));
        assert_eq!(webrtc.thread.counters().webrtc_closed.get(), 1);
    });
}

#[test]
fn a_client_that_the_thread_wants_gone_is_told() {
    play(|webrtc| async move {
        let mut browser = connected(&webrtc).await;
        webrtc.thread.drain(Duration::from_millis(1));
        assert!(browser.until(PATIENCE, |browser| browser.is_closed).await);
        until(|| webrtc.thread.clients() == 0).await;
    });
}

#[test]
fn a_client_that_stops_checking_is_lost() {
    play(|webrtc| async move {
        let _browser = connected(&webrtc).await;
        webrtc.peers.borrow_mut().expire(Instant::now() + Duration::from_secs(10));
        webrtc.settle();
        assert_eq!(webrtc.count(), (1, 0), "a browser may miss a check or two");
        webrtc.peers.borrow_mut().expire(Instant::now() + Duration::from_secs(16));
        webrtc.settle();
        assert_eq!((webrtc.count(), webrtc.thread.counters().webrtc_lost.get()), ((0, 0), 1));
        until(|| webrtc.thread.clients() == 0).await;
    });
}

#[test]
fn other_channels_than_the_one_for_datagrams_are_refused() {
    let ordered = ChannelConfig { ordered: true, ..channel() };
    let reliable = ChannelConfig { reliability: Reliability::Reliable, ..channel() };
    let other = ChannelConfig { label: "chat".to_owned(), ..channel() };
    let second = [channel(), other.clone()];
    for channels in [&[ordered][..], &[reliable], &[other], &second] {
        play(|webrtc| async move {
            let mut browser = Browser::new(channels).await;
            connect(&webrtc, &mut browser).await;
            assert!(browser.until(PATIENCE, |browser| browser.is_closed).await);
            let counters = webrtc.thread.counters();
            assert_eq!(counters.webrtc_misbehaved.get(), 1);
            until(|| webrtc.count() == (0, 0)).await;
        });
    }
}

#[test]
fn text_and_datagrams_that_no_client_sends_end_the_connection() {
    for (binary, message) in [(false, datagram(7, 40)), (true, vec![1; 13]), (true, vec![0xff; 100])] {
        play(|webrtc| async move {
            let mut browser = connected(&webrtc).await;
            browser.send_as(binary, &message).await;
            assert!(browser.until(PATIENCE, |browser| browser.is_closed).await);
            assert_eq!(webrtc.thread.counters().webrtc_misbehaved.get(), 1);
        });
    }
}

#[test]
fn a_message_that_is_larger_than_a_datagram_does_not_arrive() {
    play(|webrtc| async move {
        let mut browser = Browser::new(&[channel()]).await;
        let answer = webrtc.answer("home", browser.address(), &browser.offer).await.unwrap();
        browser.accept(&answer.replace("max-message-size:1472", "max-message-size:65536")).await;
        assert!(browser.until(PATIENCE, Browser::is_open).await);
        browser.send(&datagram(7, 30_000)).await;
        browser.linger(Duration::from_millis(200)).await;
        assert_eq!(browser.received.len(), 0);
        assert_eq!(webrtc.thread.counters().datagrams_up.get(), 0);
    });
}

#[test]
fn another_certificate_than_that_of_the_offer_is_refused() {
    play(|webrtc| async move {
        let mut browser = Browser::new(&[channel()]).await;
        let stranger = Browser::new(&[channel()]).await;
        let fingerprint =
            |offer: &str| offer.lines().find(|line| line.starts_with("a=fingerprint")).unwrap().to_owned();
        let forged = browser.offer.replace(&fingerprint(&browser.offer), &fingerprint(&stranger.offer));
        let answer = webrtc.answer("home", browser.address(), &forged).await.unwrap();
        browser.accept(&answer).await;
        browser.until(PATIENCE, |_| webrtc.thread.counters().webrtc_failed.get() == 1).await;
        assert_eq!(webrtc.count(), (0, 0));
        assert_eq!(webrtc.thread.clients(), 0);
    });
}

#[test]
fn what_a_server_sends_to_a_client_that_does_not_read_is_bounded_and_the_newest_arrives() {
    play(|webrtc| async move {
        let mut browser = connected(&webrtc).await;
        browser.send(&datagram(7, FLOOD_BYTES)).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        // On a busy machine, what waits takes longer to arrive.
        let mut newest = 0;
        for _ in 0..20 {
            browser.linger(Duration::from_secs(1)).await;
            newest = browser.received.last().map_or(0, |last| u32::from_le_bytes(last[14..18].try_into().unwrap()));
            if browser.received.len() > 30 && newest > 500 {
                break;
            }
        }
        assert!(
            browser.received.len() > 30 && newest > 500,
            "{} arrived, the newest is {newest}",
            browser.received.len()
        );
    });
}
