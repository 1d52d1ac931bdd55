//! What each step does.

use super::relay::Badness;
use super::stage::Stage;
use super::steps::{AskName, Content, EventName, Step};
use ringshard_client::Channel;
use std::time::{Duration, Instant};

/// A message on an unreliable channel that has not come back for so long is replaced, so many times.
const REPLACE_AFTER: Duration = Duration::from_secs(1);
const REPLACEMENTS_MAX: usize = 10;

impl Stage {
    /// Takes a step.
    ///
    /// # Panics
    /// When something else happens than the step says.
    pub fn take(&mut self, step: &Step) {
        match *step {
            Step::Connect { client, key, reconnect } => self.connect(client, key, reconnect),
            Step::Expect { client, event, ref reason } => self.expect(client, event, reason.as_deref()),
            Step::Echo { client, ref channels, ref bytes, content, carried_most } => {
                self.echo_all(client, channels, bytes, content, carried_most.unwrap_or(u64::MAX));
            }
            Step::Send { client, ref channels, count, ref bytes, every } => {
                for _ in 0..count {
                    self.send_each(client, channels, bytes);
                    self.rest(Duration::from_millis(every));
                }
            }
            Step::ExpectEchoes { client, share } => self.expect_echoes(client, share),
            Step::Refuse { client, channel, bytes } => self.echoing(client).refuse(of(channel), bytes),
            Step::Network { loss, repeat, delay } => {
                self.relay.badness = Badness { loss, repeat, delay: delay.map(Duration::from_millis) };
            }
            Step::Cut {} => self.relay.is_cut = true,
            Step::Restore {} => self.relay.is_cut = false,
            Step::Move {} => self.relay.change_addresses(),
            Step::Rekey { client } => self.rekey(client),
            Step::Rest { time } => self.rest(Duration::from_millis(time)),
            Step::RestartServer {} | Step::StartServer {} => self.restart_server(),
            Step::ShutDownServer {} => self.shut_down_server(),
            Step::Kick {} => self.kick_all(),
            Step::Close { client } => self.member(client).close(),
            Step::Enter { client, level } => self.enter(client, level),
            Step::Walk { client, ticks, moved_least, mispredicted_most } => {
                self.set_walking(true);
                self.walk(client, ticks, moved_least, mispredicted_most);
                self.set_walking(false);
            }
            Step::Sees { client, other, within, others } => self.sees(client, other, within, others),
            Step::ExpectDigests { least } => self.expect_digests(least),
            Step::Ask { client, ask, ref answer } => self.ask(client, ask, answer),
            Step::Say { client, ref text } => self.say(client, text),
        }
    }

    fn expect(&mut self, client: usize, event: EventName, reason: Option<&str>) {
        let mut told = None;
        self.until(&format!("{event:?} of client {client}"), |stage| {
            told = stage.member(client).events().next(event);
            told.is_some()
        });
        let (is, why) = told.expect("it was told");
        assert!(is == event, "expected {event:?}, told {is:?} ({why:?})");
        assert!(reason.is_none() || reason == why.as_deref(), "expected {reason:?}, told {why:?}");
    }

    fn echo_all(&mut self, client: usize, channels: &[u8], sizes: &[usize], content: Content, carried_most: u64) {
        let before = self.relay.carried;
        for &channel in channels {
            for &size in sizes {
                self.echo(client, of(channel), size, content);
            }
        }
        let carried = self.relay.carried - before;
        assert!(carried <= carried_most, "{carried} bytes were carried");
    }

    /// Sends a message and waits for its echo.
    fn echo(&mut self, client: usize, channel: Channel, size: usize, content: Content) {
        let (from, mut sent) = (self.echoing(client).ledger.count(channel), Vec::new());
        for _ in 0..=REPLACEMENTS_MAX {
            let message = self.echoing(client).ledger.make(size, content);
            sent.push(message.clone());
            self.send(client, channel, &message);
            let replace_at = Instant::now() + REPLACE_AFTER;
            self.until(&format!("the echo of {size} bytes on channel {channel}"), |stage| {
                let is_late = !channel.delivery().is_reliable() && Instant::now() >= replace_at;
                is_late || stage.echoing(client).ledger.has_come_back(channel, &sent, from)
            });
            if self.echoing(client).ledger.has_come_back(channel, &sent, from) {
                return;
            }
        }
        panic!("no echo of {size} bytes on channel {channel}");
    }

    /// Sends a message of each size on each channel.
    fn send_each(&mut self, client: usize, channels: &[u8], sizes: &[usize]) {
        for &channel in channels {
            for &size in sizes {
                let message = self.echoing(client).ledger.make(size, Content::Random);
                self.send(client, of(channel), &message);
            }
        }
    }

    /// Sends a message, as soon as the client has room for it.
    fn send(&mut self, client: usize, channel: Channel, message: &[u8]) {
        self.until("room for a message", |stage| stage.echoing(client).send(channel, message));
    }

    fn expect_echoes(&mut self, client: usize, share: f64) {
        let give_up = Instant::now() + crate::shared::TIMEOUT;
        while !(self.echoing(client).ledger.is_complete(share) && self.echoing(client).is_idle()) {
            if Instant::now() > give_up {
                break;
            }
            self.turn();
        }
        self.echoing(client).ledger.check(share);
    }

    fn rekey(&mut self, client: usize) {
        let before = self.echoing(client).key_changes();
        self.echoing(client).rekey();
        self.until("new keys", |stage| stage.echoing(client).key_changes() > before);
    }

    fn walk(&mut self, client: usize, ticks: u64, moved_least: f32, mispredicted_most: u64) {
        self.until("an own state", |stage| stage.player(client).point().is_some());
        let (start, before) = (self.player(client).point().expect("it has one"), self.player(client).stats());
        self.until(&format!("{ticks} inputs"), |stage| {
            let now = stage.player(client).stats();
            now.inputs_made >= before.inputs_made + ticks && 2 * (now.predicted - before.predicted) >= ticks
        });
        let (end, now) = (self.player(client).point().expect("it has one"), self.player(client).stats());
        let moved = distance(start, end);
        let predicted = now.predicted - before.predicted;
        let mispredicted = now.mispredicted - before.mispredicted;
        let missed = now.inputs_missed - before.inputs_missed;
        let what = format!("moved {moved}, predicted {predicted}, mispredicted {mispredicted}, missed {missed}");
        let is_good = moved >= moved_least && mispredicted <= mispredicted_most + 3 * missed;
        assert!(is_good, "a walk of {ticks} ticks: {what}");
        assert_eq!(now.snapshots_refused + now.malformed, 0, "messages of the server are malformed");
    }

    fn sees(&mut self, client: usize, other: usize, within: f32, others: usize) {
        self.until(&format!("player {other} within {within} units, and {others} others"), |stage| {
            let (body, is) = (stage.player(other).body(), stage.player(other).point());
            let seen = body.and_then(|body| stage.player(client).sees(body));
            let is_near = seen.zip(is).is_some_and(|(seen, is)| distance(seen, is) <= within);
            is_near && stage.player(client).others() >= others
        });
    }

    fn expect_digests(&mut self, least: u64) {
        self.until(&format!("{least} digests that agree"), |stage| {
            stage.rest(Duration::from_millis(50));
            stage.server_events("world_digests_agreed") >= least
        });
        assert_eq!(self.server_events("world_digests_differ"), 0, "digests differ");
    }

    fn ask(&mut self, client: usize, ask: AskName, answer: &str) {
        let number = self.player(client).ask(ask);
        self.until("an answer", |stage| stage.player(client).answer(number).is_some());
        assert_eq!(self.player(client).answer(number), Some(answer));
    }

    fn say(&mut self, client: usize, text: &str) {
        self.player(client).say(text);
        self.until("what it says", |stage| stage.player(client).has_heard(text));
    }
}

fn of(channel: u8) -> Channel {
    Channel::new(channel).unwrap_or_else(|| panic!("there is no channel {channel}"))
}

fn distance(one: [f32; 3], other: [f32; 3]) -> f32 {
    f32::hypot(one[0] - other[0], one[1] - other[1])
}
