//! Downloads: their messages, and what a client makes of a server that sends anything.

use crate::input::Input;
use ringshard_requests::download::{DownloadId, Downloads, Event, Held, Trust, Wanted};
use ringshard_requests::limits::{DOWNLOADS_OPEN_MAX, FETCH_BYTES_MAX, FETCHES_OPEN_MAX, PIECE_BYTES_MAX};
use ringshard_requests::message::download::{FromClient, FromServer, Opened};
use std::collections::BTreeMap;

/// Messages about downloads: they are written as the same bytes.
pub fn download_messages(message: &[u8]) {
    let mut again = Vec::new();
    if let Ok(read) = FromClient::read(message) {
        read.write(&mut again);
        assert_eq!(again, message);
    }
    again.clear();
    if let Ok(read) = FromServer::read(message) {
        read.write(&mut again);
        assert_eq!(again, message);
    }
}

/// What the application has of each download: bytes, and the size that the server said.
#[derive(Default)]
struct Application {
    downloads: BTreeMap<DownloadId, (u64, Option<u64>)>,
}

impl Application {
    fn take_events(&mut self, downloads: &mut Downloads) {
        while let Some(event) = downloads.poll_event() {
            let (has, size) = self.downloads.get_mut(&event.id()).expect("events are about downloads that go on");
            match event {
                Event::Opened { size: said, .. } => assert!(size.replace(said).is_none(), "a download is opened once"),
                Event::Bytes { offset, bytes, .. } => {
                    assert_eq!(offset, *has, "bytes come in order");
                    *has += bytes.len() as u64;
                    assert!(!bytes.is_empty() && Some(*has) <= *size);
                }
                Event::Done { id, size: end, .. } => {
                    assert_eq!((*has, *size), (end, Some(end)));
                    self.downloads.remove(&id);
                }
                Event::Failed { id, .. } => drop(self.downloads.remove(&id)),
            }
        }
        assert!(self.downloads.len() <= DOWNLOADS_OPEN_MAX);
    }
}

/// Takes everything that the client sends. All of it must be what a server accepts.
fn drain(downloads: &mut Downloads, now: u64) {
    let (mut message, mut count) = (Vec::new(), 0);
    while downloads.poll_send(now, &mut message) {
        count += 1;
        assert!(count <= 8 * DOWNLOADS_OPEN_MAX + FETCHES_OPEN_MAX, "it sends for ever");
        if let FromClient::Fetch { length, .. } = FromClient::read(&message).expect("a client sends what can be read") {
            assert!(length <= FETCH_BYTES_MAX);
        }
    }
}

/// A server's answer: mostly a content of zeros, so that downloads can end well.
fn opened(input: &mut Input, download: u32) -> Opened {
    let shape = input.byte();
    let status = match shape % 8 {
        0 => 404,
        1 => 503,
        2 => 410,
        3 => input.word(),
        _ => 200,
    };
    let size = if shape >= 250 { u64::from_le_bytes(input.array()) } else { u64::from(input.byte()) * 700 };
    let mut held = Held::default();
    held.add(&vec![0; size.min(1 << 20) as usize]);
    Opened { download, status, wait: u32::from(input.word()), hash: held.hash(), size, signature: [shape; 64] }
}

/// A client with up to 16 downloads, whose server sends anything, in any order, at any time.
pub fn downloads(data: &[u8]) {
    let mut input = Input::new(data);
    let mut downloads = Downloads::new(Some(Box::new(|_, signature| signature[0] % 2 == 0)));
    let mut application = Application::default();
    let (mut now, mut message) = (0, Vec::new());
    while !input.is_empty() {
        let (order, number) = (input.byte(), u32::from(input.byte() % 20));
        match order % 10 {
            0 => downloads.online(now),
            1 if order > 200 => downloads.offline(),
            1 | 2 => {
                let trust = if number % 2 == 0 { Trust::Server } else { Trust::Signature };
                let wanted = Wanted { trust, priority: number as i32 % 3, ..Wanted::new("a/b") };
                if let Ok(id) = downloads.open(now, wanted) {
                    application.downloads.insert(id, (0, None));
                }
            }
            3 => {
                downloads.cancel(DownloadId(number));
                application.downloads.remove(&DownloadId(number));
            }
            4 => now += u64::from(input.word()),
            5 => {
                message.clear();
                FromServer::Opened(opened(&mut input, number)).write(&mut message);
                downloads.receive(now, &message).expect("it was written as a message");
            }
            6 | 7 => {
                let offset = if order > 250 { u64::from_le_bytes(input.array()) } else { u64::from(input.word()) };
                let length = 1 + usize::from(input.word()) % PIECE_BYTES_MAX;
                message.clear();
                FromServer::Piece { download: number, offset, bytes: &vec![order / 230; length] }.write(&mut message);
                downloads.receive(now, &message).expect("it was written as a message");
            }
            8 => downloads.set_window_max(u32::from(input.word()) * 256),
            _ => {
                let length = usize::from(input.byte()) % 140;
                let _ = downloads.receive(now, input.take(length));
            }
        }
        application.take_events(&mut downloads);
        drain(&mut downloads, now);
        assert!(downloads.deadline().is_none_or(|due| due > now), "what is due was not sent");
    }
}
