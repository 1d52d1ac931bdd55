//! A client that enters the world of any game, to use the server's services.

use super::super::door::{Answer, Door};
use crate::failure::Failure;
use crate::login::{self, Entrance};
use crate::output::plain;
use ringshard::runtime::entropy::random_bytes;
use ringshard_client::requests::caller::{Calls, End};
use ringshard_client::requests::download::{Downloads, Verify};
use ringshard_client::requests::message::{Notice, kinds};
use ringshard_client::requests::value::Value;
use ringshard_client::world::codec::Writer;
use ringshard_client::world::contract::Schema;
use ringshard_client::world::limits::TICKET_BYTES_MAX;
use ringshard_client::world::messages::{EnterAnswer, EnterRequest, reason};
use ringshard_client::{Channel, ClientConfig, Driver, Event};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Channel of messages to services.
const SERVICES: Channel = Channel::new(13).expect("there is such a channel");
/// Room that a message to services must find, beside its own bytes.
const SEND_ROOM: usize = 20_000;
/// How long one turn waits at most.
const TURN: Duration = Duration::from_millis(50);
/// For how long the client repeats its Disconnect.
const GOODBYE: Duration = Duration::from_millis(200);
/// After how long a busy server is asked again.
const BUSY_WAIT: Duration = Duration::from_secs(1);
/// Notices that wait. The oldest are dropped.
const NOTICES_MAX: usize = 1_024;

/// What a server says unasked: its topic and its value.
pub type Heard = (String, Value);

/// A client in the world.
pub struct World {
    driver: Driver,
    began: Instant,
    timeout: Duration,
    ticket: Vec<u8>,
    presence: Presence,
    calls: Calls,
    /// The downloads.
    pub downloads: Downloads,
    notices: VecDeque<Heard>,
}

/// How far the client has come.
#[derive(Clone, Copy, PartialEq)]
enum Presence {
    /// There is no connection yet.
    Connecting,
    /// The client asks to enter, at this time.
    Asking(Duration),
    /// The server has not answered.
    Waiting,
    /// The client is in the world.
    Inside,
}

impl World {
    /// Connects and enters.
    ///
    /// # Errors
    /// [`Failure`]: there is no answer within `timeout`, or the server refuses the client.
    pub fn enter(
        address: &str,
        entrance: &Entrance,
        verify: Option<Verify>,
        timeout: Duration,
    ) -> Result<World, Failure> {
        if entrance.ticket.len() > TICKET_BYTES_MAX {
            return Err(Failure::Usage(format!("a ticket has at most {TICKET_BYTES_MAX} bytes")));
        }
        let config = ClientConfig { reconnect: true, ..ClientConfig::new(entrance.key) };
        let driver = Driver::connect(address, config).map_err(|error| Failure::Unreachable(error.to_string()))?;
        let instance: [u8; 32] = random_bytes();
        let (instance, seed) = instance.split_at(16);
        let mut world = World {
            driver,
            began: Instant::now(),
            timeout,
            ticket: entrance.ticket.clone(),
            presence: Presence::Connecting,
            calls: Calls::new(
                instance.try_into().expect("16 bytes"),
                u64::from_le_bytes(seed[..8].try_into().expect("8 bytes")),
            ),
            downloads: Downloads::new(verify),
            notices: VecDeque::new(),
        };
        while world.presence != Presence::Inside {
            world.turn()?;
            if world.now() > timeout {
                return Err(world.no_entry(address));
            }
        }
        Ok(world)
    }

    /// The time since the client began.
    pub fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// How long the user waits for the server.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// The oldest notice that was not taken.
    pub fn notice(&mut self) -> Option<Heard> {
        self.notices.pop_front()
    }

    /// Receives what arrives within a moment, and sends what is due.
    ///
    /// # Errors
    /// [`Failure`]: the client is not in the world any more, or was not let in.
    pub fn turn(&mut self) -> Result<(), Failure> {
        let now = self.now();
        let due = [self.calls.next_deadline(), self.downloads.deadline().map(Duration::from_millis)];
        let wait = due.into_iter().flatten().map(|due| due.saturating_sub(now)).min().unwrap_or(TURN);
        self.driver.wait(wait.clamp(Duration::from_millis(1), TURN));
        self.driver.update();
        let mut messages = Vec::new();
        let mut connected = None;
        while let Some(event) = self.driver.poll_event() {
            match event {
                Event::Connected { resumed, .. } => connected = Some(resumed),
                Event::Message(message) => messages.push(message.bytes.to_vec()),
                // Calls go on if the session is resumed.
                Event::Reconnecting(_) if self.presence != Presence::Connecting => {}
                Event::Reconnecting(reason) | Event::Closed(reason) => {
                    return Err(Failure::Unreachable(reason.to_string()));
                }
            }
        }
        if let Some(resumed) = connected {
            self.connected(resumed)?;
        }
        for message in messages {
            self.receive(&message)?;
        }
        self.send();
        Ok(())
    }

    /// Leaves the world, and tells the server.
    pub fn leave(mut self) {
        self.driver.disconnect();
        let began = Instant::now();
        while !self.driver.is_closed() && began.elapsed() < GOODBYE {
            self.driver.wait(TURN);
            self.driver.update();
            while self.driver.poll_event().is_some() {}
        }
    }

    fn connected(&mut self, resumed: bool) -> Result<(), Failure> {
        match self.presence {
            Presence::Connecting => self.presence = Presence::Asking(self.now()),
            _ if resumed => {}
            _ => {
                let why = "the connection was lost, and a ticket lets a client in once: run the command again";
                return Err(Failure::Unreachable(why.into()));
            }
        }
        Ok(())
    }

    fn receive(&mut self, message: &[u8]) -> Result<(), Failure> {
        let now = self.now();
        if let Ok(answer) = EnterAnswer::read(message) {
            return self.answered(answer);
        }
        match message.first() {
            // A malformed message changes nothing: what it should have said is asked for again.
            Some(&(kinds::OPENED | kinds::PIECE)) => {
                let _ = self.downloads.receive(now.as_millis() as u64, message);
            }
            Some(&(kinds::GREETING | kinds::OUTCOME)) => {
                let _ = self.calls.receive(now, message);
            }
            Some(&kinds::NOTICE) => self.heard(message),
            // Snapshots and events are of a contract that this client does not know.
            _ => {}
        }
        Ok(())
    }

    fn answered(&mut self, answer: EnterAnswer) -> Result<(), Failure> {
        let now = self.now();
        match answer {
            EnterAnswer::Moved(_) => {}
            EnterAnswer::Welcome(_) if self.presence == Presence::Inside => {}
            EnterAnswer::Welcome(_) => {
                self.presence = Presence::Inside;
                self.calls.connected(now);
                self.downloads.online(now.as_millis() as u64);
            }
            EnterAnswer::Refused(reason::BUSY) => self.presence = Presence::Asking(now + BUSY_WAIT),
            EnterAnswer::Refused(why) => {
                return Err(Failure::Wrong(format!("the server lets nobody in: {}", login::said(why))));
            }
            EnterAnswer::PutOut(why) => {
                return Err(Failure::Wrong(format!("put out of the world: {}", login::said(why))));
            }
            EnterAnswer::WrongSchema(part) => {
                let why = format!("the server insists on its own {part}, though this client accepts all");
                return Err(Failure::Wrong(why));
            }
        }
        Ok(())
    }

    fn heard(&mut self, message: &[u8]) {
        let Ok(notice) = Notice::read(message) else { return };
        let Ok(value) = Value::from_bytes(notice.value) else { return };
        if self.notices.len() == NOTICES_MAX {
            self.notices.pop_front();
        }
        self.notices.push_back((notice.topic.to_owned(), value));
    }

    fn send(&mut self) {
        let now = self.now();
        match self.presence {
            Presence::Asking(at) if at <= now => {
                let mut bytes = [0; EnterRequest::BYTES_MAX];
                let mut writer = Writer::new(&mut bytes);
                // Numbers of 0 agree with every contract.
                let request = EnterRequest { schema: Schema::default(), ticket: &self.ticket };
                request.write(&mut writer).expect("the largest request fits");
                if self.driver.send(Channel::RELIABLE_ORDERED, writer.written()).is_ok() {
                    self.presence = Presence::Waiting;
                }
            }
            Presence::Inside => self.send_to_services(now),
            _ => {}
        }
        self.driver.flush();
    }

    fn send_to_services(&mut self, now: Duration) {
        while self.driver.send_room() > SEND_ROOM {
            let Some(message) = self.calls.next_send(now) else { break };
            // A call that does not leave is repeated.
            let _ = self.driver.send(SERVICES, message);
        }
        let mut message = Vec::new();
        while self.driver.send_room() > SEND_ROOM && self.downloads.poll_send(now.as_millis() as u64, &mut message) {
            let _ = self.driver.send(SERVICES, &message);
        }
    }

    fn no_entry(&self, address: &str) -> Failure {
        let text = match self.presence {
            Presence::Connecting => {
                format!("no answer from {address} in time: check the address, the port and the key")
            }
            Presence::Asking(_) => format!("{address} is too busy to check tickets: try again later"),
            _ => format!("{address} does not let the client in: it may run no game, such as an echo server"),
        };
        Failure::Unreachable(text)
    }
}

impl Door for World {
    fn call(&mut self, path: &str, request: &Value) -> Result<Answer, Failure> {
        let call = self.calls.call(self.now(), path, &request.to_bytes(), self.timeout);
        let number = call.map_err(|error| Failure::Usage(error.to_string()))?;
        loop {
            self.turn()?;
            let now = self.now();
            while let Some((ended, end)) = self.calls.poll(now) {
                if ended == number {
                    return answer(end);
                }
            }
        }
    }
}

fn answer(end: End) -> Result<Answer, Failure> {
    match end {
        End::Answered(bytes) => {
            let value = Value::from_bytes(&bytes);
            value.map(Answer::Typed).map_err(|why| Failure::Wrong(format!("the answer cannot be read: {why}")))
        }
        End::Refused { status, wait, value } => {
            let value = Value::from_bytes(&value).ok();
            let message = match value.as_ref().and_then(|value| value.field("message")) {
                Some(Value::Text(text)) => plain(text),
                _ => "the server does not say why".into(),
            };
            Err(Failure::Refused { status, message, wait })
        }
        End::Unknown => {
            let why = "no answer in time: it is not known whether the call was executed";
            Err(Failure::Unreachable(why.into()))
        }
        End::Expired | End::Cancelled => {
            Err(Failure::Unreachable("no answer from the services in time: the call was not executed".into()))
        }
    }
}
