//! A client's side of the server's services: calls, downloads, and notices.

use crate::client::Client;
use ringshard_requests::caller::{Calls, CannotCall, End, Received};
use ringshard_requests::codec::Malformed;
use ringshard_requests::download::{self, Downloads, Verify};
use ringshard_requests::message::{Notice, kinds};
use ringshard_requests::value::{Mismatch, Typed, Value};
use ringshard_world::Rules;
use std::collections::VecDeque;
use std::time::Duration;

/// Notices that wait for the application. The oldest are dropped.
const NOTICES_MAX: usize = 256;

/// Calls, downloads and notices of one client program. They outlive connections and presences: calls are repeated, and
/// downloads continue.
///
/// Each frame, after [`Client::receive`] and before [`Client::transmit`]: [`Self::update`], then [`Self::poll`] until there is
/// nothing.
pub struct Services {
    calls: Calls,
    downloads: Downloads,
    /// The presence of the client that the server's services know.
    presence: Option<u64>,
    notices: VecDeque<(String, Value)>,
    /// Messages that were malformed, or of an unknown kind: the server violates the protocol.
    malformed: u64,
    message: Vec<u8>,
}

/// What happened, for the application.
#[derive(Debug)]
pub enum ServiceEvent {
    /// A call has ended. Each call ends exactly once.
    Ended(u32, End),
    /// Something happened to a download.
    Download(download::Event),
    /// A notice of the server, with its topic: chat, presence, a notification.
    Notice(String, Value),
}

impl Services {
    /// For a program that starts. `instance` is 16 random bytes, made when the program starts; `verify` checks the
    /// signatures of downloads, such as [`crate::signed_by`].
    pub fn new(instance: [u8; 16], verify: Option<Verify>) -> Services {
        let seed = u64::from_le_bytes(instance[..8].try_into().expect("eight bytes"));
        Services {
            calls: Calls::new(instance, seed),
            downloads: Downloads::new(verify),
            presence: None,
            notices: VecDeque::new(),
            malformed: 0,
            message: Vec::new(),
        }
    }

    /// Calls an action, and returns the call's number. It is executed at most once. [`ServiceEvent::Ended`] reports its end
    /// within `deadline`. `now` is the time by the client's clock.
    ///
    /// # Errors
    /// [`CannotCall`].
    pub fn call<Q: Typed>(
        &mut self,
        now: Duration,
        path: &str,
        request: Q,
        deadline: Duration,
    ) -> Result<u32, CannotCall> {
        self.calls.call(now, path, &request.into_value().to_bytes(), deadline)
    }

    /// Cancels a call, unless it was executed already.
    pub fn cancel(&mut self, now: Duration, number: u32) {
        self.calls.cancel(now, number);
    }

    /// The calls, for values that are made while the program runs.
    pub fn calls_mut(&mut self) -> &mut Calls {
        &mut self.calls
    }

    /// The downloads: open and cancel them here.
    pub fn downloads_mut(&mut self) -> &mut Downloads {
        &mut self.downloads
    }

    /// Messages of the server that were malformed.
    pub fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Processes what the client has received, and gives it what is to be sent. `now` is the time by the client's clock.
    pub fn update<R: Rules>(&mut self, now: Duration, client: &mut Client<R>) {
        self.follow(now, client.is_in_world().then(|| client.presences()));
        while let Some(message) = client.service_message() {
            self.malformed += u64::from(self.receive(now, &message).is_err());
        }
        while let Some(message) = self.calls.next_send(now) {
            if !client.send_to_services(message) {
                // The call is repeated.
                break;
            }
        }
        let millis = now.as_millis() as u64;
        let mut message = std::mem::take(&mut self.message);
        message.clear();
        while self.downloads.poll_send(millis, &mut message) {
            if !client.send_to_services(&message) {
                break;
            }
            message.clear();
        }
        self.message = message;
    }

    /// The next event, if there is one.
    pub fn poll(&mut self, now: Duration) -> Option<ServiceEvent> {
        if let Some((number, end)) = self.calls.poll(now) {
            return Some(ServiceEvent::Ended(number, end));
        }
        if let Some(event) = self.downloads.poll_event() {
            return Some(ServiceEvent::Download(event));
        }
        self.notices.pop_front().map(|(topic, value)| ServiceEvent::Notice(topic, value))
    }

    /// When to call [`Self::update`] again, if nothing arrives before; None: never.
    pub fn deadline(&self) -> Option<Duration> {
        let downloads = self.downloads.deadline().map(Duration::from_millis);
        [self.calls.next_deadline(), downloads].into_iter().flatten().min()
    }

    /// A presence begins or ends.
    fn follow(&mut self, now: Duration, presence: Option<u64>) {
        if self.presence == presence {
            return;
        }
        if self.presence.take().is_some() {
            self.calls.disconnected();
            self.downloads.offline();
        }
        if presence.is_some() {
            self.calls.connected(now);
            self.downloads.online(now.as_millis() as u64);
        }
        self.presence = presence;
    }

    fn receive(&mut self, now: Duration, message: &[u8]) -> Result<(), Malformed> {
        match message.first() {
            Some(&(kinds::OPENED | kinds::PIECE)) => {
                let millis = now.as_millis() as u64;
                self.downloads.receive(millis, message).map_err(|_| Malformed("a message of a download is malformed"))
            }
            Some(&kinds::NOTICE) => {
                let notice = Notice::read(message)?;
                let value = Value::from_bytes(notice.value).map_err(|_| Malformed("a notice has no value"))?;
                if self.notices.len() == NOTICES_MAX {
                    self.notices.pop_front();
                }
                self.notices.push_back((notice.topic.to_owned(), value));
                Ok(())
            }
            _ => match self.calls.receive(now, message)? {
                Received::Taken | Received::Outdated => Ok(()),
                Received::Foreign => Err(Malformed("the message is of an unknown kind")),
            },
        }
    }
}

/// The answer of a call, as its type.
///
/// # Errors
/// The bytes are not a value of this type: the server's action has other fields.
pub fn answer<A: Typed>(bytes: &[u8]) -> Result<A, Mismatch> {
    let value = Value::from_bytes(bytes).map_err(|why| Mismatch::new(why.to_string()))?;
    A::from_value(&value)
}
