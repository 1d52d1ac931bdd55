//! The load of the echo: messages that the server sends back.
//!
//! ```text
//! | intended send time u64 | client u32 | number u32 | epoch u16 | filler |
//! ```
//!
//! Numbers are little-endian. Messages of one measurement share an epoch. Latency counts from the intended time, so a harness
//! that falls behind shows as latency.

use super::load::Load;
use crate::conversation::FILLER;
use crate::libraries::Client;
use hdrhistogram::Histogram;
use std::collections::VecDeque;
use std::time::Duration;

/// A message without an answer for so long is lost.
pub const LOST_AFTER: Duration = Duration::from_secs(1);
/// How often clients without answers are looked for.
const STALL_CHECK: Duration = Duration::from_millis(100);
const HEADER_BYTES: usize = 18;
/// The epoch of messages that are not measured.
const NOT_MEASURED: u16 = 0;

/// When clients send.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Pace {
    /// Not at all.
    Stopped,
    /// Each client has that many messages under way.
    Window(u32),
    /// Each client sends at fixed times, so often per second. The clients' times are spread evenly.
    Hz(f64),
}

/// What was measured.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Messages sent in the measured time.
    pub sent: u64,
    /// Answers to those, whenever they came.
    pub answered: u64,
    /// Answers that arrived in the measured time, to whichever message.
    pub arrived: u64,
    /// Intended time to arrival of the answer, in nanoseconds.
    pub round_trip: Histogram<u64>,
}

impl Tally {
    fn new() -> Self {
        let round_trip = Histogram::new_with_bounds(1, 60_000_000_000, 3).expect("the bounds are valid");
        Tally { sent: 0, answered: 0, arrived: 0, round_trip }
    }

    /// Share of the messages that came back.
    pub fn delivered(&self) -> f64 {
        self.answered as f64 / self.sent.max(1) as f64
    }
}

#[derive(Clone, Debug, Default)]
struct Progress {
    /// Number of the next message.
    next: u32,
    /// All messages below this are answered or lost.
    settled: u32,
    heard: Duration,
    /// The time of a message that is due but not sent.
    due: Option<Duration>,
}

/// The load of the echo.
pub struct Echo {
    pace: Pace,
    members: Vec<Progress>,
    message: Vec<u8>,
    /// Clients that have to begin to send.
    kicked: VecDeque<usize>,
    /// Begin of the schedule, and messages of it that were due.
    schedule: (Duration, u64),
    stalls_at: Duration,
    epoch: u16,
    measuring: bool,
    pub tally: Tally,
    failure: Option<String>,
}

impl Echo {
    /// # Panics
    /// When a message has no room for its header, or more bytes than the filler has.
    pub fn new(clients: usize, bytes: usize) -> Self {
        assert!(bytes >= HEADER_BYTES, "a message has at least {HEADER_BYTES} bytes");
        Echo {
            pace: Pace::Stopped,
            members: vec![Progress::default(); clients],
            message: FILLER[..bytes].to_vec(),
            kicked: VecDeque::with_capacity(clients),
            schedule: (Duration::ZERO, 0),
            stalls_at: Duration::ZERO,
            epoch: NOT_MEASURED,
            measuring: false,
            tally: Tally::new(),
            failure: None,
        }
    }

    /// Changes when clients send, from now on.
    pub fn set_pace(&mut self, now: Duration, pace: Pace) {
        self.pace = pace;
        self.schedule = (now, 0);
        self.kicked.clear();
        if let Pace::Window(_) = pace {
            self.kicked.extend(0..self.members.len());
        }
    }

    /// What is sent from now on counts.
    pub fn begin(&mut self) {
        self.epoch += 1;
        self.measuring = true;
        self.tally = Tally::new();
    }

    /// What is sent from now on does not count. Late answers still do.
    pub fn end(&mut self) {
        self.measuring = false;
    }

    /// Whether no message is under way.
    pub fn is_settled(&self) -> bool {
        self.members.iter().all(|member| member.next == member.settled)
    }

    fn scheduled_at(&self, hz: f64) -> Duration {
        let (begin, count) = self.schedule;
        begin + Duration::from_secs_f64(count as f64 / (hz * self.members.len() as f64))
    }

    fn send(&mut self, intended: Duration, number: usize, client: &mut dyn Client, now: Duration) -> bool {
        let member = &mut self.members[number];
        let epoch = if self.measuring { self.epoch } else { NOT_MEASURED };
        self.message[..8].copy_from_slice(&(intended.as_nanos() as u64).to_le_bytes());
        self.message[8..12].copy_from_slice(&(number as u32).to_le_bytes());
        self.message[12..16].copy_from_slice(&member.next.to_le_bytes());
        self.message[16..HEADER_BYTES].copy_from_slice(&epoch.to_le_bytes());
        if !client.send(now, &self.message) {
            return false;
        }
        if member.next == member.settled {
            member.heard = now;
        }
        member.next += 1;
        self.tally.sent += u64::from(self.measuring);
        true
    }

    /// Gives up messages of clients that hear nothing.
    fn settle_stalled(&mut self, now: Duration) {
        for (number, member) in self.members.iter_mut().enumerate() {
            if member.next != member.settled && now.saturating_sub(member.heard) >= LOST_AFTER {
                member.settled = member.next;
                if let Pace::Window(_) = self.pace {
                    self.kicked.push_back(number);
                }
            }
        }
    }
}

/// Header of a message: intended time, client, number, epoch.
fn read_header(message: &[u8]) -> Option<(Duration, usize, u32, u16)> {
    let (time, rest) = message.split_first_chunk()?;
    let (client, rest) = rest.split_first_chunk()?;
    let (number, rest) = rest.split_first_chunk()?;
    let (epoch, _) = rest.split_first_chunk()?;
    Some((
        Duration::from_nanos(u64::from_le_bytes(*time)),
        u32::from_le_bytes(*client) as usize,
        u32::from_le_bytes(*number),
        u16::from_le_bytes(*epoch),
    ))
}

impl Load for Echo {
    fn message(&mut self, now: Duration, number: usize, message: &[u8]) {
        let intact = message.len() == self.message.len() && message[HEADER_BYTES..] == self.message[HEADER_BYTES..];
        let header = read_header(message).filter(|&(_, client, ..)| intact && client == number);
        let Some((intended, _, answered, epoch)) = header else {
            self.failure.get_or_insert_with(|| format!("an answer of {} bytes is not what was sent", message.len()));
            return;
        };
        let member = &mut self.members[number];
        // A message before this one that has no answer yet is late or lost: its place under way is free.
        member.settled = member.settled.max(answered + 1).min(member.next);
        member.heard = now;
        self.tally.arrived += u64::from(self.measuring);
        if epoch == self.epoch && epoch != NOT_MEASURED {
            let round_trip = now.saturating_sub(intended);
            if round_trip < LOST_AFTER {
                self.tally.answered += 1;
            }
            self.tally.round_trip.saturating_record(round_trip.as_nanos() as u64);
        }
    }

    fn fill(&mut self, now: Duration, number: usize, client: &mut dyn Client) -> bool {
        match self.pace {
            Pace::Stopped => true,
            Pace::Window(window) => loop {
                let Progress { next, settled, .. } = self.members[number];
                if next - settled >= window {
                    return true;
                }
                if !self.send(now, number, client, now) {
                    return false;
                }
            },
            Pace::Hz(_) => {
                let Some(intended) = self.members[number].due else { return true };
                let sent = self.send(intended, number, client, now);
                if sent {
                    self.members[number].due = None;
                }
                sent
            }
        }
    }

    fn due(&mut self, now: Duration) -> Option<usize> {
        if now >= self.stalls_at {
            self.stalls_at = now + STALL_CHECK;
            self.settle_stalled(now);
        }
        if let Some(number) = self.kicked.pop_front() {
            return Some(number);
        }
        let Pace::Hz(hz) = self.pace else { return None };
        let at = self.scheduled_at(hz);
        if at > now {
            return None;
        }
        let number = (self.schedule.1 % self.members.len() as u64) as usize;
        self.schedule.1 += 1;
        if self.members[number].due.replace(at).is_some() {
            // The one before found no room in a whole period: it counts as lost.
            self.tally.sent += u64::from(self.measuring);
        }
        Some(number)
    }

    fn next_due(&self) -> Duration {
        match self.pace {
            _ if !self.kicked.is_empty() => Duration::ZERO,
            Pace::Hz(hz) => self.scheduled_at(hz).min(self.stalls_at),
            _ => self.stalls_at,
        }
    }

    fn failure(&mut self) -> Option<String> {
        self.failure.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datagrams::Datagrams;

    /// A client that keeps what it sends.
    #[derive(Default)]
    struct Kept(Vec<Vec<u8>>);

    impl Client for Kept {
        fn receive(&mut self, _now: Duration, _datagram: &mut [u8], _messages: &mut dyn FnMut(&[u8])) {}
        fn poll(&mut self, _now: Duration, _messages: &mut dyn FnMut(&[u8])) {}
        fn send(&mut self, _now: Duration, message: &[u8]) -> bool {
            self.0.push(message.to_vec());
            true
        }
        fn transmit(&mut self, _now: Duration, _out: &mut Datagrams) {}
        fn deadline(&self) -> Duration {
            Duration::MAX
        }
        fn is_connected(&self) -> Result<bool, String> {
            Ok(true)
        }
    }

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_window_stays_full_and_a_lost_message_frees_its_place() {
        let (mut echo, mut client) = (Echo::new(1, 64), Kept::default());
        echo.set_pace(MS, Pace::Window(4));
        echo.begin();
        assert_eq!(echo.due(MS), Some(0));
        echo.fill(MS, 0, &mut client);
        assert_eq!(client.0.len(), 4);
        let third = client.0[2].clone();
        echo.message(MS * 3, 0, &third);
        echo.fill(MS * 3, 0, &mut client);
        assert_eq!(client.0.len(), 7, "the first two are lost, so that three places are free");
        let (answered, p50) = (echo.tally.answered, echo.tally.round_trip.value_at_quantile(0.5));
        assert_eq!(answered, 1);
        assert!((1_990_000..=2_010_000).contains(&p50), "{p50} ns are not 2 ms");
        assert!((echo.tally.delivered() - 1.0 / 7.0).abs() < 1e-9);
    }

    #[test]
    fn a_client_that_hears_nothing_begins_anew() {
        let (mut echo, mut client) = (Echo::new(1, 64), Kept::default());
        echo.set_pace(MS, Pace::Window(2));
        assert_eq!(echo.due(MS), Some(0));
        echo.fill(MS, 0, &mut client);
        assert_eq!(echo.due(MS * 500), None, "it may still be answered");
        assert!(!echo.is_settled());
        assert_eq!(echo.due(MS * 1_100), Some(0));
        assert!(echo.is_settled());
    }

    #[test]
    fn scheduled_messages_are_spread_evenly_and_count_from_their_time() {
        let mut echo = Echo::new(4, 64);
        echo.set_pace(Duration::ZERO, Pace::Hz(25.0));
        let mut times = Vec::new();
        for ms in 0..80 {
            while let Some(number) = echo.due(MS * ms) {
                times.push((ms, number));
                let mut client = Kept::default();
                echo.fill(MS * (ms + 5), number, &mut client);
                let intended = u64::from_le_bytes(*client.0[0].first_chunk().unwrap());
                assert_eq!(intended, u64::from(ms) * 1_000_000, "not the time of sending, 5 ms later");
            }
        }
        let expected: Vec<_> = (0..8).map(|turn| (turn * 10, turn as usize % 4)).collect();
        assert_eq!(times, expected);
    }

    #[test]
    fn a_damaged_or_misdirected_answer_is_a_failure() {
        let (mut echo, mut client) = (Echo::new(2, 64), Kept::default());
        echo.set_pace(MS, Pace::Window(1));
        echo.fill(MS, 0, &mut client);
        let sent = client.0[0].clone();
        echo.message(MS, 1, &sent);
        assert!(echo.failure().is_some(), "it was sent by another client");
        let mut damaged = sent.clone();
        damaged[40] ^= 1;
        echo.message(MS, 0, &damaged);
        assert!(echo.failure().is_some(), "it is damaged");
        echo.message(MS, 0, &sent[..63]);
        assert!(echo.failure().is_some(), "it is cut");
        echo.message(MS, 0, &sent);
        assert_eq!(echo.failure(), None);
    }
}
