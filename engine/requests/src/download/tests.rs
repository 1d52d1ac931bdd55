//! The client's downloads against a small server that can lie.

use super::*;
use crate::message::download::{Hash, Opened, UNSIGNED};
use std::collections::BTreeMap;

/// Serves contents at once. Its fields say how it lies.
#[derive(Default)]
struct Server {
    contents: BTreeMap<String, Vec<u8>>,
    signed: bool,
    /// Sends this instead of an answer to each Open.
    refusal: Option<(u16, u32)>,
    /// Says another size.
    size: Option<u64>,
    /// Flips a bit of the byte at this offset.
    flip: Option<u64>,
    /// Pieces to send before each range.
    before: Vec<(u64, usize)>,
    silent: bool,
    /// Open downloads.
    open: BTreeMap<u32, String>,
    /// Fetches in the order in which they came.
    fetched: Vec<(u32, u64, u32)>,
}

fn hash(bytes: &[u8]) -> Hash {
    let mut held = Held::default();
    held.add(bytes);
    held.hash()
}

/// Stands for an Ed25519 signature.
fn sign(name: &str, bytes: &[u8]) -> [u8; 64] {
    let message = crate::message::download::signed_bytes(name, bytes.len() as u64, &hash(bytes));
    std::array::from_fn(|at| hash(&message)[at % 32])
}

fn verify() -> Option<Verify> {
    Some(Box::new(|message, signature| signature[..32] == hash(message) && signature[32..] == hash(message)))
}

impl Server {
    fn with(name: &str, bytes: Vec<u8>) -> Server {
        Server { contents: [(name.to_owned(), bytes)].into(), signed: true, ..Server::default() }
    }

    fn answer(&mut self, message: &[u8]) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        let mut send = |message: FromServer| {
            let mut bytes = Vec::new();
            message.write(&mut bytes);
            out.push(bytes);
        };
        match FromClient::read(message).unwrap() {
            _ if self.silent => {}
            FromClient::Open { download, name } => match (self.refusal, self.contents.get(name)) {
                (Some((status, wait)), _) => send(FromServer::Opened(Opened::refusal(download, status, wait))),
                (None, None) => send(FromServer::Opened(Opened::refusal(download, 404, 0))),
                (None, Some(bytes)) => {
                    self.open.insert(download, name.to_owned());
                    let signature = if self.signed { sign(name, bytes) } else { UNSIGNED };
                    let size = self.size.unwrap_or(bytes.len() as u64);
                    let hash = hash(bytes);
                    send(FromServer::Opened(Opened { download, status: 200, wait: 0, hash, size, signature }));
                }
            },
            FromClient::Fetch { download, offset, length, .. } => {
                let Some(name) = self.open.get(&download) else {
                    send(FromServer::Opened(Opened::refusal(download, 410, 0)));
                    return out;
                };
                self.fetched.push((download, offset, length));
                for (offset, count) in &self.before {
                    send(FromServer::Piece { download, offset: *offset, bytes: &vec![0xee; *count] });
                }
                let mut content = self.contents[name].clone();
                content.resize(self.size.map_or(content.len(), |size| size as usize), 0);
                if let Some(flip) = self.flip {
                    content[flip as usize] ^= 1;
                }
                let range = offset as usize..offset as usize + length as usize;
                for (at, piece) in content[range].chunks(PIECE_BYTES_MAX).enumerate() {
                    let offset = offset + (at * PIECE_BYTES_MAX) as u64;
                    send(FromServer::Piece { download, offset, bytes: piece });
                }
            }
            FromClient::Stop { download } => {
                self.open.remove(&download);
            }
        }
        out
    }
}

/// A client, its sink for each download, and how downloads ended.
struct Client {
    downloads: Downloads,
    now: u64,
    sinks: BTreeMap<DownloadId, Vec<u8>>,
    ends: BTreeMap<DownloadId, Result<(), Failure>>,
}

impl Client {
    fn new() -> Client {
        let mut downloads = Downloads::new(verify());
        downloads.online(0);
        Client { downloads, now: 0, sinks: BTreeMap::new(), ends: BTreeMap::new() }
    }

    fn open(&mut self, wanted: Wanted, held: &[u8]) -> DownloadId {
        let id = self.downloads.open(self.now, wanted).unwrap();
        self.sinks.insert(id, held.to_vec());
        id
    }

    fn take_events(&mut self) {
        while let Some(event) = self.downloads.poll_event() {
            match event {
                Event::Opened { .. } => {}
                Event::Bytes { id, offset, bytes } => {
                    let sink = self.sinks.get_mut(&id).unwrap();
                    assert_eq!(sink.len() as u64, offset, "bytes come in order, without a gap");
                    sink.extend(bytes);
                }
                Event::Done { id, size, .. } => {
                    assert_eq!(self.sinks[&id].len() as u64, size);
                    assert!(self.ends.insert(id, Ok(())).is_none(), "a download ends once");
                }
                Event::Failed { id, why } => assert!(self.ends.insert(id, Err(why)).is_none(), "a download ends once"),
            }
        }
    }

    /// Talks to the server until both have nothing to say. Returns how many messages went each way.
    fn talk(&mut self, server: &mut Server) -> usize {
        let (mut message, mut count) = (Vec::new(), 0);
        while self.downloads.poll_send(self.now, &mut message) {
            for answer in server.answer(&message) {
                self.downloads.receive(self.now, &answer).unwrap();
                count += 1;
            }
            count += 1;
            assert!(count < 100_000, "they talk for ever");
            self.take_events();
        }
        count
    }

    /// Talks until all downloads have ended, or nothing is due any more.
    fn run(&mut self, server: &mut Server) {
        loop {
            self.take_events();
            if self.talk(server) > 0 {
                continue;
            }
            match self.downloads.deadline() {
                Some(deadline) => self.now = deadline.max(self.now + 1),
                None => break,
            }
        }
        self.take_events();
    }
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 31 + at / 251) as u8).collect()
}

/// Downloads `wanted`, and says how it ended.
fn ended(server: &mut Server, wanted: Wanted) -> Result<(), Failure> {
    let mut client = Client::new();
    let id = client.open(wanted, b"");
    client.run(server);
    assert!(server.open.is_empty(), "an ended download is stopped");
    client.ends[&id]
}

#[test]
fn contents_of_every_size_at_an_edge_arrive_whole() {
    let piece = PIECE_BYTES_MAX;
    let range = RANGE_MIN as usize;
    let window = WINDOW_START as usize;
    for edge in [0, 1, piece, range, 2 * range, window, 3 * window] {
        for length in edge.saturating_sub(1)..=edge + 1 {
            let bytes = content(length);
            let mut server = Server::with("a", bytes.clone());
            let mut client = Client::new();
            let id = client.open(Wanted::new("a"), b"");
            client.run(&mut server);
            assert_eq!(client.ends[&id], Ok(()), "{length} bytes");
            assert!(client.sinks[&id] == bytes, "{length} bytes");
        }
    }
}

#[test]
fn a_download_goes_on_after_any_number_of_bytes_of_an_earlier_program() {
    let bytes = content(100_000);
    for held in [0, 1, 8_191, 8_192, 65_536, 99_999, 100_000] {
        let mut server = Server::with("a", bytes.clone());
        let mut client = Client::new();
        let mut before = Held::default();
        bytes[..held].chunks(777).for_each(|part| before.add(part));
        let id = client.open(Wanted::new("a").after(before, Some(hash(&bytes))), &bytes[..held]);
        client.run(&mut server);
        assert_eq!(client.ends[&id], Ok(()), "{held} bytes held");
        assert!(client.sinks[&id] == bytes);
        let fetched: usize = server.fetched.iter().map(|it| it.2 as usize).sum();
        assert_eq!(fetched, bytes.len() - held, "only the rest is fetched");
    }
}

#[test]
fn bytes_held_that_are_damaged_or_of_another_content_are_found() {
    let bytes = content(50_000);
    let mut damaged = bytes[..20_000].to_vec();
    damaged[7] ^= 4;
    let mut client = Client::new();
    let held = |bytes: &[u8]| {
        let mut held = Held::default();
        held.add(bytes);
        held
    };
    let first = client.open(Wanted::new("a").after(held(&damaged), None), &damaged);
    let second = client.open(Wanted::new("a").after(held(&bytes[..9]), Some([3; 32])), &bytes[..9]);
    let third = client.open(Wanted::new("a").after(held(&content(50_001)), None), &content(50_001));
    client.run(&mut Server::with("a", bytes));
    let ends = [first, second, third].map(|id| client.ends[&id]);
    assert_eq!(ends, [Err(Failure::Damaged), Err(Failure::Changed), Err(Failure::Changed)]);
}

#[test]
fn a_download_outlives_its_session_and_keeps_parts_of_ranges() {
    let bytes = content(60_000);
    let mut server = Server::with("a", bytes.clone());
    let mut client = Client::new();
    let id = client.open(Wanted::new("a"), b"");
    let mut message = Vec::new();
    // Only the first piece of each answer arrives before the session ends.
    let mut rounds = 0;
    while !client.ends.contains_key(&id) {
        rounds += 1;
        let mut arrived = 0;
        while client.downloads.poll_send(client.now, &mut message) {
            for answer in server.answer(&message).into_iter().take(1) {
                client.downloads.receive(client.now, &answer).unwrap();
                arrived += 1;
            }
            client.take_events();
        }
        assert!(arrived > 0 && rounds < 20);
        client.downloads.offline();
        assert!(!client.downloads.poll_send(client.now, &mut message), "nothing leaves without a session");
        assert_eq!(client.downloads.deadline(), None);
        server.open.clear();
        client.now += 100;
        client.downloads.online(client.now);
    }
    assert_eq!(client.ends[&id], Ok(()));
    assert!(client.sinks[&id] == bytes);
    assert!(client.downloads.stats().bytes == 60_000, "no byte was needed twice");
}

#[test]
fn a_content_that_changes_during_a_download_ends_it() {
    let mut server = Server::with("a", content(3_000_000));
    let mut client = Client::new();
    let id = client.open(Wanted::new("a"), b"");
    let mut message = Vec::new();
    for _ in 0..4 {
        assert!(client.downloads.poll_send(0, &mut message));
        server.answer(&message).iter().for_each(|answer| client.downloads.receive(0, answer).unwrap());
    }
    server.contents.insert("a".to_owned(), content(2_999_999));
    client.downloads.online(10);
    client.run(&mut server);
    assert_eq!(client.ends[&id], Err(Failure::Changed));
}

#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    for flip in [0, 1, 8_191, 8_192, 65_535, 99_999] {
        let mut server = Server { flip: Some(flip), ..Server::with("a", content(100_000)) };
        assert_eq!(ended(&mut server, Wanted::new("a")), Err(Failure::Damaged));
    }
}

#[test]
fn only_what_is_signed_or_has_the_right_hash_is_downloaded() {
    let bytes = content(1_000);
    let digits: String = hash(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let name = format!("sha256/{digits}");
    let mut server = Server::with("a", bytes.clone());
    server.contents.insert(name.clone(), bytes.clone());
    server.contents.insert("b".to_owned(), bytes.clone());
    server.signed = false;
    assert_eq!(ended(&mut server, Wanted::new("a")), Err(Failure::NotSigned));
    assert_eq!(ended(&mut server, Wanted::unsigned("a")), Ok(()));
    assert_eq!(ended(&mut server, Wanted::new(name.clone())), Ok(()), "its name is its hash");
    server.contents.insert(name.clone(), content(1_001));
    assert_eq!(ended(&mut server, Wanted::new(name)), Err(Failure::OtherContent));
    assert_eq!(server.fetched.iter().filter(|it| it.1 == 0).count(), 2, "nothing is fetched of the others");
    let no_key = Downloads::new(None).open(0, Wanted::new("a"));
    assert_eq!(no_key, Err(CannotOpen::NoKey));
}

#[test]
fn a_wrong_size_is_found() {
    let bytes = content(1_000);
    let mut longer = Server { size: Some(5_000), ..Server::with("a", bytes.clone()) };
    assert_eq!(ended(&mut longer, Wanted::new("a")), Err(Failure::NotSigned), "the signature covers the size");
    assert_eq!(ended(&mut longer, Wanted::unsigned("a")), Err(Failure::Damaged));
    let mut shorter = Server { size: Some(999), ..Server::with("a", bytes.clone()) };
    assert_eq!(ended(&mut shorter, Wanted::unsigned("a")), Err(Failure::Damaged));
    let mut huge = Server { size: Some(u64::MAX), ..Server::with("a", bytes) };
    let too_large = Failure::TooLarge { size: u64::MAX, size_max: 1 << 30 };
    assert_eq!(ended(&mut huge, Wanted::unsigned("a")), Err(too_large));
}

#[test]
fn pieces_that_nobody_asked_for_change_nothing_and_too_many_end_the_download() {
    let bytes = content(200_000);
    let some = vec![(u64::MAX, 1), (u64::MAX - 8_191, 8_192), (200_000, 1), (199_999, 2)];
    let mut server = Server { before: some, ..Server::with("a", bytes.clone()) };
    let mut client = Client::new();
    let id = client.open(Wanted::new("a"), b"");
    client.run(&mut server);
    assert_eq!(client.ends[&id], Ok(()));
    assert!(client.sinks[&id] == bytes);
    assert!(client.downloads.stats().bytes_unasked > 8_192);

    let mut server = Server { before: vec![(1 << 40, 8_192); 100], ..Server::with("a", bytes) };
    assert!(matches!(ended(&mut server, Wanted::new("a")), Err(Failure::NotAskedFor(_))));
}

#[test]
fn wrong_pieces_inside_a_range_are_found_as_damage() {
    let mut server = Server { before: vec![(5, 3)], ..Server::with("a", content(1_000)) };
    assert_eq!(ended(&mut server, Wanted::new("a")), Err(Failure::Damaged));
}

#[test]
fn a_server_that_refuses_or_is_silent_is_given_up_in_the_end() {
    let server = || Server::with("a", content(1_000));
    assert_eq!(ended(&mut server(), Wanted::new("other")), Err(Failure::Refused(404)));
    for status in [429, 503, 410] {
        let mut busy = Server { refusal: Some((status, u32::MAX)), ..server() };
        assert_eq!(ended(&mut busy, Wanted::new("a")), Err(Failure::Refused(status)));
    }
    assert_eq!(ended(&mut Server { silent: true, ..server() }, Wanted::new("a")), Err(Failure::NoAnswer));
}

#[test]
fn a_client_that_is_put_off_asks_again_after_the_wait_and_not_before() {
    let mut server = Server { refusal: Some((503, 3_000)), ..Server::with("a", content(1_000)) };
    let mut client = Client::new();
    let id = client.open(Wanted::new("a"), b"");
    assert_eq!(client.talk(&mut server), 2, "one Open, one answer");
    assert_eq!(client.downloads.deadline(), Some(3_000));
    client.now = 2_999;
    assert_eq!(client.talk(&mut server), 0);
    server.refusal = None;
    client.now = 3_000;
    client.run(&mut server);
    assert_eq!(client.ends[&id], Ok(()));
}

#[test]
fn a_lost_fetch_is_repeated_soon_although_later_ranges_arrive() {
    let bytes = content(400_000);
    let mut server = Server::with("a", bytes.clone());
    let mut client = Client::new();
    let id = client.open(Wanted::new("a"), b"");
    let (mut message, mut fetches) = (Vec::new(), 0);
    while client.downloads.poll_send(client.now, &mut message) {
        fetches += usize::from(matches!(FromClient::read(&message), Ok(FromClient::Fetch { .. })));
        client.now += 1;
        if fetches == 2 {
            fetches += 1;
            continue;
        }
        server.answer(&message).iter().for_each(|answer| client.downloads.receive(client.now, answer).unwrap());
    }
    assert!(client.now < 100);
    client.now = client.downloads.deadline().unwrap();
    assert!(client.now <= FETCH_REPEAT_MS + 100, "{}", client.now);
    client.run(&mut server);
    assert_eq!((client.ends[&id], client.downloads.stats().repeats), (Ok(()), 1));
    assert!(client.sinks[&id] == bytes);
}

#[test]
fn the_highest_priority_goes_first_and_no_more_is_asked_for_than_the_window() {
    let bytes = content(2_000_000);
    let mut server = Server::with("a", bytes);
    let mut client = Client::new();
    let low = client.open(Wanted::new("a"), b"");
    let high = client.open(Wanted { priority: 5, ..Wanted::new("a") }, b"");
    let later = client.open(Wanted::new("a"), b"");
    client.downloads.set_priority(later, 9);
    client.downloads.set_window_max(WINDOW_MIN);
    let mut message = Vec::new();
    for _ in 0..3 {
        assert!(client.downloads.poll_send(0, &mut message));
        server.answer(&message).iter().for_each(|answer| client.downloads.receive(0, answer).unwrap());
    }
    // The application takes nothing yet.
    let mut asked = 0;
    while client.downloads.poll_send(0, &mut message) {
        server.answer(&message).iter().for_each(|answer| client.downloads.receive(0, answer).unwrap());
        asked += 1;
    }
    assert_eq!(asked, WINDOW_MIN / RANGE_MIN, "the window is full");
    client.run(&mut server);
    let mut order: Vec<u32> = server.fetched.iter().map(|it| it.0).collect();
    order.dedup();
    assert_eq!(order, [later.0, high.0, low.0]);
}

#[test]
fn a_cancelled_download_is_stopped_and_nothing_more_is_heard_of_it() {
    let mut server = Server::with("a", content(300_000));
    let mut client = Client::new();
    let id = client.open(Wanted::new("a"), b"");
    let mut message = Vec::new();
    let mut late = Vec::new();
    for _ in 0..3 {
        assert!(client.downloads.poll_send(0, &mut message));
        let answers = server.answer(&message);
        late = answers.clone();
        answers.iter().for_each(|answer| client.downloads.receive(0, answer).unwrap());
    }
    client.downloads.cancel(id);
    client.talk(&mut server);
    assert!(server.open.is_empty() && client.downloads.deadline().is_none());
    late.iter().for_each(|answer| client.downloads.receive(0, answer).unwrap());
    assert_eq!(client.downloads.poll_event(), None);
    assert_eq!(client.downloads.stats().strays, late.len() as u64);
}

#[test]
fn there_are_never_more_downloads_than_the_server_keeps() {
    let mut downloads = Downloads::new(verify());
    for _ in 0..DOWNLOADS_OPEN_MAX {
        downloads.open(0, Wanted::new("a")).unwrap();
    }
    assert_eq!(downloads.open(0, Wanted::new("a")), Err(CannotOpen::TooMany));
    assert_eq!(downloads.open(0, Wanted::new("../a")), Err(CannotOpen::Name(crate::message::download::BadName::Part)));
}
