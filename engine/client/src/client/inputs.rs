//! Which inputs are due, and sending them.

use super::Client;
use super::scene::Scene;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_protocol::wire::Channel;
use ringshard_world::Rules;
use ringshard_world::clock::ticks_in;
use ringshard_world::limits::INPUTS_PER_MESSAGE_MAX;
use ringshard_world::messages::{InputHeader, TimedInput};
use ringshard_world::prediction::PREDICTED_TICKS_MAX;

/// Inputs that one frame asks for at most. If more are due, the frame took so long that most of them would be late.
pub const INPUTS_PER_FRAME_MAX: u32 = 8;
/// The client tells the server a digest of its view so often.
const DIGEST_EVERY: Duration = Duration::from_secs(1);

impl<R: Rules> Client<R> {
    /// Lets time pass, and calls `input` for the input of each tick that is due, with the scene as it is shown then. Call it
    /// once per frame.
    pub fn update(&mut self, now: Instant, mut input: impl FnMut(&Scene<'_, R>) -> R::Input) {
        for _ in 0..self.advance(now) {
            let made = input(&self.scene());
            self.input(&made);
        }
    }

    /// Lets time pass. Gives for how many ticks an input is due: call [`Self::input`] that often. [`Self::update`] does both.
    ///
    /// After a frame that took too long, only the inputs that can still be in time are due. The other ticks are stepped as
    /// the server has stepped them: with the last input, or a neutral one.
    pub fn advance(&mut self, now: Instant) -> u32 {
        self.now = self.now.max(now);
        self.connection.advance(self.now);
        self.read_messages();
        self.show_frame();
        self.due = self.due_inputs();
        self.due
    }

    fn show_frame(&mut self) {
        self.smoother.fade(self.now.since(self.frame_at), &self.smoothing);
        self.frame_at = self.now;
        let Some(clock) = &mut self.shown_clock else { return };
        self.stats.frames += 1;
        if clock.advance(self.now, &self.interpolation) {
            self.stats.starved += 1;
            let past = clock.ticks() - self.view.tick() as f64;
            self.stats.extrapolated += u64::from(past <= ticks_in(self.interpolation.extrapolation_max));
        }
    }

    fn due_inputs(&mut self) -> u32 {
        let Some(clock) = &mut self.input_clock else { return 0 };
        clock.advance(self.now);
        if clock.tick() > self.view.tick() + PREDICTED_TICKS_MAX as u64 {
            // Without news for so long, nothing can be predicted. The clock starts anew with the next snapshot.
            self.input_clock = None;
            return 0;
        }
        // The prediction is ahead of the clock while the clock waits.
        let due = clock.tick().saturating_sub(self.prediction.newest());
        if due <= u64::from(INPUTS_PER_FRAME_MAX) {
            return due as u32;
        }
        let in_time = (clock.margin().ceil() as u64 + 1).min(u64::from(INPUTS_PER_FRAME_MAX));
        for _ in in_time..due {
            self.prediction.skip(&self.rules);
        }
        self.stats.ticks_skipped += due - in_time;
        in_time as u32
    }

    /// Takes the input of the next tick that is due, and steps the own state with it. It is sent by the next
    /// [`Self::transmit`]. False, and nothing is done, if none is due.
    pub fn input(&mut self, input: &R::Input) -> bool {
        let Some(clock) = self.input_clock.as_mut().filter(|_| self.due > 0) else { return false };
        let tick = self.prediction.newest() + 1;
        let shown = self.shown_clock.as_ref().map_or(0.0, |clock| clock.ticks());
        // The cast clamps what is out of range.
        let view_delay = ((tick as f64 - shown) * 256.0).round() as u16;
        let leap = self.prediction.own().map(|own| self.rules.pose(own).leap);
        self.prediction.step(&self.rules, TimedInput { input: *input, view_delay });
        clock.made(tick);
        if self.prediction.own().map(|own| self.rules.pose(own).leap) != leap {
            self.smoother.clear();
        }
        self.due -= 1;
        self.unsent += 1;
        self.stats.inputs_made += 1;
        true
    }

    /// Sends the inputs that were made since the last time, with those before that can still arrive in time.
    pub(super) fn send_inputs(&mut self) {
        // An overloaded server asks for fewer messages. Each has the inputs of all ticks since the last one.
        let interval = self.view.newest().map_or(1, |newest| newest.input_interval);
        if self.unsent < usize::from(interval) || !self.is_in_world() {
            return;
        }
        let Some(clock) = &self.input_clock else { return };
        let most = clock.inputs_per_message().max(self.unsent);
        let neutral = self.rules.neutral_input();
        let mut inputs = [TimedInput { input: neutral, view_delay: 0 }; INPUTS_PER_MESSAGE_MAX];
        let count = self.prediction.last_inputs(most, &mut inputs);
        let received = self.view.received();
        let digest = (self.now >= self.digest_at && received.is_some() && !self.is_inexact).then(|| self.view.digest());
        let header = InputHeader { received, digest, tick: self.prediction.newest() as u32 };
        let sent = self.send(Channel::UNRELIABLE, |writer| header.write(&neutral, &inputs[..count], writer));
        if !sent {
            // The open datagram is full: the next call of `transmit` tries again.
            return;
        }
        self.unsent = 0;
        self.stats.inputs_sent += 1;
        if digest.is_some() {
            self.digest_at = self.now + DIGEST_EVERY;
        }
    }
}
