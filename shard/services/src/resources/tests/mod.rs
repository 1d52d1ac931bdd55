//! The real client against the real server, over links that lose, repeat and reorder messages; and hostile clients.

use super::store::Addition;
use super::*;
use ringshard_requests::download::{
    DownloadId, Downloads as Client, Event, Failure, Held as HeldBytes, Verify, Wanted,
};
use ringshard_requests::limits::{DOWNLOADS_OPEN_MAX, FETCHES_OPEN_MAX, PIECE_BYTES_MAX};
use ringshard_requests::message::download::{FromClient, FromServer, Hash, Opened};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

mod crash;

/// A folder that is removed at the end.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("ringshard-resources-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    fn store(&self) -> Store {
        Store::new(self.0.join("resources"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn key() -> SigningKey {
    SigningKey::from_seed(&[5; 32])
}

fn verify() -> Option<Verify> {
    let public = key().public();
    Some(Box::new(move |message, signature| public.verify(message, signature)))
}

pub(super) fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + at / 251) as u8).collect()
}

fn add(folder: &Folder, name: &str, bytes: &[u8]) {
    let file = folder.0.join("source");
    std::fs::write(&file, bytes).unwrap();
    folder.store().add(&[Addition { name: name.to_owned(), file }], Some(&key()), 1).unwrap();
}

/// Settings without rates.
fn fast() -> ResourceSettings {
    ResourceSettings { session_bytes_per_second: 0, all_bytes_per_second: 0, ..ResourceSettings::default() }
}

struct Channel(mpsc::Sender<Vec<u8>>);

impl Outlet for Channel {
    async fn send(&self, message: &[u8]) -> Result<(), Gone> {
        self.0.send(message.to_vec()).await.map_err(|_| Gone)
    }
}

/// A server's end and a client's end of a session.
fn session(resources: &Arc<Resources>) -> (Downloads<Channel>, mpsc::Receiver<Vec<u8>>) {
    let (sender, receiver) = mpsc::channel(8);
    (Downloads::new(resources.clone(), Channel(sender)), receiver)
}

/// Pseudo-random numbers (xorshift).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

/// A link that loses, repeats and reorders messages, each with a chance in percent.
struct Link {
    chances: [u64; 3],
    waiting: Vec<Vec<u8>>,
}

impl Link {
    fn push(&mut self, dice: &mut Dice, message: Vec<u8>) {
        let [loss, repeat, reorder] = self.chances;
        if dice.roll(100) < loss {
            return;
        }
        let place = match dice.roll(100) < reorder {
            true => dice.roll(self.waiting.len() as u64 + 1) as usize,
            false => self.waiting.len(),
        };
        self.waiting.insert(place, message.clone());
        if dice.roll(100) < repeat {
            self.waiting.push(message);
        }
    }
}

/// What a client's program keeps in a file.
#[derive(Default)]
struct Sink {
    bytes: Vec<u8>,
    begun: Option<Hash>,
}

impl Sink {
    /// Takes what has happened; the end of the download, if it has ended.
    fn take(&mut self, client: &mut Client) -> Option<Result<(), Failure>> {
        while let Some(event) = client.poll_event() {
            match event {
                Event::Opened { hash, .. } => self.begun = Some(hash),
                Event::Bytes { offset, bytes, .. } => {
                    assert_eq!(offset, self.bytes.len() as u64);
                    self.bytes.extend(bytes);
                }
                Event::Done { .. } => return Some(Ok(())),
                Event::Failed { why, .. } => return Some(Err(why)),
            }
        }
        None
    }

    /// A new program that goes on where the file ends.
    fn client(&self, name: &str, now: u64) -> Client {
        let mut client = Client::new(verify());
        client.online(now);
        let mut held = HeldBytes::default();
        held.add(&self.bytes);
        client.open(now, Wanted::new(name).after(held, self.begun)).unwrap();
        client
    }
}

/// Downloads `name` over links of this seed, and returns how it ended.
async fn simulate(folder: &Folder, name: &str, seed: u64, kills: u64) -> (Result<(), Failure>, Vec<u8>) {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let start = Instant::now();
    let now = || start.elapsed().as_millis() as u64;
    let chances = [dice.roll(25), dice.roll(20), dice.roll(30)];
    let mut resources = Arc::new(Resources::new(folder.store(), &fast()));
    let (mut server, mut receiver) = session(&resources);
    let mut links = [0, 1].map(|_| Link { chances, waiting: Vec::new() });
    let mut sink = Sink::default();
    let mut client = sink.client(name, now());
    loop {
        let mut message = Vec::new();
        while client.poll_send(now(), &mut message) {
            links[0].push(&mut dice, message.clone());
        }
        for message in links[0].waiting.drain(..) {
            server.receive(&message).unwrap();
        }
        sleep(Duration::from_millis(1 + dice.roll(30))).await;
        while let Ok(message) = receiver.try_recv() {
            links[1].push(&mut dice, message);
        }
        for message in links[1].waiting.drain(..) {
            client.receive(now(), &message).unwrap();
        }
        if let Some(end) = sink.take(&mut client) {
            return (end, sink.bytes);
        }
        match dice.roll(1_000) {
            roll if roll < kills => {
                (server, receiver) = session(&resources);
                client = sink.client(name, now());
            }
            roll if roll < 2 * kills => {
                resources = Arc::new(Resources::new(folder.store(), &fast()));
                (server, receiver) = session(&resources);
                client.online(now());
            }
            _ => {}
        }
        assert!(start.elapsed() < Duration::from_secs(900), "seed {seed}: no end after 15 minutes");
    }
}

#[tokio::test(start_paused = true)]
async fn downloads_arrive_whole_over_any_link_and_over_kills_of_both_ends() {
    let folder = Folder::new("links");
    let sizes = [0, 1, PIECE_BYTES_MAX, 65_536, 262_145, 700_000];
    for size in sizes {
        add(&folder, &format!("of/{size}"), &content(size));
    }
    let seeds = std::env::var("RINGSHARD_SEEDS").map_or(24, |seeds| seeds.parse().unwrap());
    for seed in 1..=seeds {
        let size = sizes[seed as usize % sizes.len()];
        let (end, bytes) = simulate(&folder, &format!("of/{size}"), seed, seed % 3 * 8).await;
        assert_eq!(end, Ok(()), "seed {seed}");
        assert!(bytes == content(size), "seed {seed}");
    }
}

/// A client on a link without faults.
struct Player {
    client: Client,
    server: Downloads<Channel>,
    receiver: mpsc::Receiver<Vec<u8>>,
    start: Instant,
    bytes: u64,
}

impl Player {
    fn new(resources: &Arc<Resources>) -> Player {
        let (server, receiver) = session(resources);
        let mut client = Client::new(verify());
        client.online(0);
        Player { client, server, receiver, start: Instant::now(), bytes: 0 }
    }

    fn now(&self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    fn open(&mut self, wanted: Wanted) -> DownloadId {
        self.client.open(self.now(), wanted).unwrap()
    }

    fn send(&mut self) {
        let (now, mut message) = (self.now(), Vec::new());
        while self.client.poll_send(now, &mut message) {
            self.server.receive(&message).unwrap();
        }
    }

    fn take_event(&mut self) -> Option<Event> {
        let event = self.client.poll_event();
        if let Some(Event::Bytes { bytes, .. }) = &event {
            self.bytes += bytes.len() as u64;
        }
        event
    }

    /// Sends, and takes one message, or waits for the time when something is due.
    async fn turn(&mut self) {
        self.send();
        let due = self
            .client
            .deadline()
            .map_or(Duration::from_secs(1), |due| Duration::from_millis(due.saturating_sub(self.now()).max(1)));
        if let Ok(Some(message)) = tokio::time::timeout(due, self.receiver.recv()).await {
            self.client.receive(self.now(), &message).unwrap();
        }
    }

    /// Runs until a download has ended.
    async fn run(&mut self) -> Result<(), Failure> {
        loop {
            while let Some(event) = self.take_event() {
                match event {
                    Event::Done { .. } => return Ok(()),
                    Event::Failed { why, .. } => return Err(why),
                    _ => {}
                }
            }
            self.turn().await;
        }
    }

    async fn run_for(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while Instant::now() < end {
            while self.take_event().is_some() {}
            let _ = tokio::time::timeout_at(end, self.turn()).await;
        }
    }
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
}

fn counter(resources: &Resources, name: &str) -> u64 {
    let mut found = None;
    resources.counters().each(&mut |counter, value| {
        if counter == format!("services_resources_{name}") {
            found = Some(value);
        }
    });
    found.unwrap_or_else(|| panic!("there is no counter {name}"))
}

#[tokio::test(start_paused = true)]
async fn a_flipped_bit_in_the_store_is_found_before_and_after_the_blob_is_open() {
    let folder = Folder::new("flip");
    let bytes = content(600_000);
    add(&folder, "a", &bytes);
    let entry = folder.store().manifest().unwrap()["a"].clone();
    let path = folder.store().blob_path(&entry.hash);
    let resources = Arc::new(Resources::new(folder.store(), &fast()));

    let mut player = Player::new(&resources);
    player.open(Wanted::new("a"));
    while player.client.progress(DownloadId(1)).is_none() {
        player.turn().await;
    }
    // Longer than a step of the clock of files.
    std::thread::sleep(Duration::from_millis(20));
    flip(&path, 599_999);
    assert_eq!(player.run().await, Err(Failure::Damaged), "the server has opened it before, the client finds it");
    drop(player);

    // The catalogue looks at the store once a second.
    sleep(Duration::from_secs(2)).await;
    let mut player = Player::new(&resources);
    player.open(Wanted::new("a"));
    assert_eq!(player.run().await, Err(Failure::Refused(500)), "the server finds it");
    assert_eq!(counter(&resources, "corrupt"), 1);
    let problems = folder.store().check(Some(&key().public())).unwrap().problems;
    assert!(problems.len() == 1 && problems[0].what.contains("damaged"), "{problems:?}");

    add(&folder, "a", &bytes);
    sleep(Duration::from_secs(2)).await;
    player.open(Wanted::new("a"));
    assert_eq!(player.run().await, Ok(()), "adding the file again repairs it");
    assert_eq!(folder.store().check(Some(&key().public())).unwrap().sound, 1);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_vanishes_comes_back() {
    let folder = Folder::new("vanish");
    add(&folder, "a", &content(100_000));
    let resources = Arc::new(Resources::new(folder.store(), &fast()));
    let mut player = Player::new(&resources);
    player.open(Wanted::new("a"));
    assert_eq!(player.run().await, Ok(()));
    player.send();
    sleep(Duration::from_secs(2)).await;
    let (here, away) = (folder.0.join("resources"), folder.0.join("away"));
    std::fs::rename(&here, &away).unwrap();
    player.open(Wanted::new("a"));
    player.run_for(Duration::from_secs(12)).await;
    assert!(counter(&resources, "read_errors") >= 2, "it is asked for again");
    std::fs::rename(&away, &here).unwrap();
    assert_eq!(player.run().await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_client_with_many_downloads_gets_no_more_than_one_with_a_single_download() {
    let folder = Folder::new("fair");
    add(&folder, "a", &content(2_000_000));
    let settings = ResourceSettings { all_bytes_per_second: 200_000, ..fast() };
    let resources = Arc::new(Resources::new(folder.store(), &settings));
    let (mut one, mut many) = (Player::new(&resources), Player::new(&resources));
    one.open(Wanted::new("a"));
    (0..DOWNLOADS_OPEN_MAX).for_each(|_| drop(many.open(Wanted::new("a"))));
    tokio::join!(one.run_for(Duration::from_secs(10)), many.run_for(Duration::from_secs(10)));
    let (one_sent, many_sent) = (one.client.stats().bytes, many.client.stats().bytes);
    assert!((900_000..1_100_000).contains(&one_sent), "{one_sent}");
    assert!((900_000..1_100_000).contains(&many_sent), "{many_sent}");

    resources.set_rates(50_000, 0);
    let before = one.client.stats().bytes;
    tokio::join!(one.run_for(Duration::from_secs(10)), many.run_for(Duration::from_secs(10)));
    let sent = one.client.stats().bytes - before;
    assert!((450_000..650_000).contains(&sent), "the new rate of each client: {sent}");
}

fn opened(message: &[u8]) -> Opened {
    match FromServer::read(message).unwrap() {
        FromServer::Opened(opened) => opened,
        piece => panic!("{piece:?} instead of an answer to an Open"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_hostile_client_fills_nothing_beyond_the_bounds_and_is_told_why() {
    let folder = Folder::new("hostile");
    add(&folder, "a", &content(300_000));
    let resources = Arc::new(Resources::new(folder.store(), &fast()));
    let (server, mut receiver) = session(&resources);
    let send = |message: FromClient| {
        let mut bytes = Vec::new();
        message.write(&mut bytes);
        server.receive(&bytes)
    };
    send(FromClient::Open { download: 1, name: "a" }).unwrap();
    let hash = opened(&receiver.recv().await.unwrap()).hash;
    // Nothing takes the pieces: ranges pile up to their bound.
    for at in 0..10_000 {
        send(FromClient::Fetch { download: 1, hash, offset: at % 200_000, length: 1 + at as u32 % 50_000 }).unwrap();
    }
    let (downloads, ranges) = server.load();
    assert_eq!((downloads, ranges), (1, FETCHES_OPEN_MAX));
    let left = counter(&resources, "fetches_dropped") + counter(&resources, "fetches_repeated");
    assert_eq!(left, 10_000 - FETCHES_OPEN_MAX as u64);
    // A range past the end ends the download, with its ranges.
    send(FromClient::Fetch { download: 1, hash, offset: 299_999, length: 2 }).unwrap();
    assert_eq!(server.load(), (0, 0));
    // Opens without end.
    for download in 0..10_000 {
        send(FromClient::Open { download, name: "a" }).unwrap();
    }
    assert!(server.load().0 <= DOWNLOADS_OPEN_MAX);
    let statuses: Vec<u16> = {
        let mut statuses = Vec::new();
        while let Ok(Some(message)) = tokio::time::timeout(Duration::from_secs(1), receiver.recv()).await {
            if let Ok(FromServer::Opened(opened)) = FromServer::read(&message) {
                statuses.push(opened.status);
            }
        }
        statuses
    };
    assert_eq!(statuses[0], 416);
    assert!(statuses[1..].iter().all(|status| matches!(status, 200 | 429)), "{statuses:?}");
    assert!(statuses.len() < 100, "{}", statuses.len());
    assert!(counter(&resources, "open_dropped") > 9_000);
    // What cannot be read: an offset past the largest.
    let mut bytes = vec![23, 1, 0, 0, 0];
    bytes.extend_from_slice(&hash);
    bytes.extend_from_slice(&u64::MAX.to_le_bytes());
    bytes.extend_from_slice(&1u32.to_le_bytes());
    assert!(server.receive(&bytes).is_err());
    assert_eq!(counter(&resources, "malformed"), 1);
    send(FromClient::Fetch { download: 77_777, hash, offset: 0, length: 1 }).unwrap();
    assert_eq!(opened(&receiver.recv().await.unwrap()).status, 410, "a download that is not open");
}

/// Opens nothing, and says when it was dropped.
struct Slow(mpsc::Sender<()>);

impl Source for Slow {
    fn open<'a>(&'a self, name: &'a str) -> Opening<'a> {
        struct Dropped(mpsc::Sender<()>);
        impl Drop for Dropped {
            fn drop(&mut self) {
                let _ = self.0.try_send(());
            }
        }
        Box::pin(async move {
            if name.ends_with("/ready") {
                return Ok(Content::from_bytes(content(20_000).into()));
            }
            let _dropped = Dropped(self.0.clone());
            std::future::pending().await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_has_the_names_of_its_prefix_and_stops_when_the_client_does() {
    let folder = Folder::new("source");
    let (sender, mut dropped) = mpsc::channel(8);
    let mut resources = Resources::new(folder.store(), &fast());
    resources.add_source("tile/", Arc::new(Slow(sender)));
    let resources = Arc::new(resources);
    let mut player = Player::new(&resources);
    player.open(Wanted::unsigned("tile/ready"));
    assert_eq!(player.run().await, Ok(()));
    assert_eq!(player.bytes, 20_000);
    let slow = player.open(Wanted::unsigned("tile/slow"));
    player.run_for(Duration::from_secs(1)).await;
    player.client.cancel(slow);
    player.send();
    dropped.recv().await.unwrap();
    player.open(Wanted::unsigned("tile/slow"));
    player.run_for(Duration::from_secs(1)).await;
    drop(player);
    dropped.recv().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn contents_in_memory_are_bounded_and_given_up_when_idle() {
    let folder = Folder::new("held");
    let (sender, _dropped) = mpsc::channel(8);
    let settings = ResourceSettings { held_bytes: 50_000, ..fast() };
    let mut resources = Resources::new(folder.store(), &settings);
    resources.add_source("tile/", Arc::new(Slow(sender)));
    let resources = Arc::new(resources);
    let (server, mut receiver) = session(&resources);
    let mut statuses = Vec::new();
    for download in 1..=3 {
        let mut bytes = Vec::new();
        FromClient::Open { download, name: "tile/ready" }.write(&mut bytes);
        server.receive(&bytes).unwrap();
        statuses.push(opened(&receiver.recv().await.unwrap()).status);
    }
    assert_eq!(statuses, [200, 200, 503]);
    sleep(Duration::from_secs(61)).await;
    assert_eq!(server.load(), (0, 0), "idle downloads are closed");
    assert!(resources.held.take(50_000).is_some(), "and hold nothing");
}
