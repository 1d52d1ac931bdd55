//! A client's half of a match.

mod timeline;

use crate::messages::{Body, Content, Difference, Relay, Report, StatePart};
use crate::packet::Packet;
use crate::ticks::{extend, first};
use crate::together::{Inputs, Together, check, normalised};
use ringshard_world::Wire;
use ringshard_world::codec::{Malformed, Reader};
use timeline::Timeline;

/// Most ticks of input delay.
pub const DELAY_MAX: u8 = 8;
/// Most ticks that a client predicts.
pub const PREDICTION_MAX: u8 = 60;
/// A report follows this many ticks after the last one.
const REPORT_TICKS: u32 = 3;
/// A state of the same match that is so many ticks older than the settled one came too late: inputs since then are forgotten.
const LATE_STATE_TICKS: u64 = 64;

/// How a client plays a match.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SessionConfig {
    /// Ticks after which an own input shows: 0 to [`DELAY_MAX`]. Each tick of delay is a tick less to predict, so what others
    /// do shows up with smaller leaps.
    pub delay: u8,
    /// Ticks that are predicted at most: 1 to [`PREDICTION_MAX`]. If the server is silent for longer, the match stands still.
    pub prediction_max: u8,
}

impl Default for SessionConfig {
    /// No delay; 30 ticks are predicted, enough for a round trip of 400 ms.
    fn default() -> Self {
        SessionConfig { delay: 0, prediction_max: 30 }
    }
}

/// What [`Session::take`] found in a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// Inputs of so many ticks that were not known.
    Inputs(u32),
    /// A part of a state. Others follow.
    Part,
    /// A match begins for this client.
    Began {
        /// Its seat.
        seat: usize,
        /// Seats of the match.
        seats: usize,
    },
    /// The server has given its state again.
    Resynced {
        /// The tick of the state.
        tick: u32,
    },
    /// The server has found two ends whose states differ.
    Differs(Difference),
    /// The client was away for so long that it cannot go on, and the server has no state to give.
    Lost,
    /// The packet is for another match, or comes too late.
    Stale,
}

/// What [`Session::advance`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// There is no match.
    Waiting,
    /// The match went on.
    Stepped {
        /// Ticks that were stepped again, because their inputs were predicted wrong.
        rolled_back: u32,
    },
    /// The match stands still: the server has been silent for [`SessionConfig::prediction_max`] ticks.
    Stalled,
}

ringshard_protocol::counters! {
    /// What a session did so far.
    SessionStats {
        /// Ticks that were stepped for the first time.
        ticks,
        /// Times that ticks were stepped again.
        rollbacks,
        /// Ticks that were stepped again.
        ticks_rolled_back,
        /// Most ticks that were stepped again at once.
        longest_rollback,
        /// Ticks for which the match stood still.
        ticks_stalled,
        /// Ticks whose inputs were learnt.
        ticks_confirmed,
        /// Those in which the server took another input of this client: the input was late.
        inputs_replaced,
        /// Packets that are for another match, or brought nothing new.
        packets_stale,
        /// Packets that could not be read.
        packets_malformed,
        /// Reports that were made.
        reports,
        /// Digests among them, each counted once.
        digests,
        /// Differences that the server has found.
        differences,
        /// States that the server has given again.
        resyncs,
    }
}

/// What a client knows of its match.
struct Playing<T: Together> {
    number: u16,
    seat: usize,
    is_lost: bool,
    /// Neutral inputs with nobody present: what the first tick of a packet differs from.
    blank: Inputs<T::Input>,
    timeline: Timeline<T>,
}

/// A state of which not all parts have arrived.
struct Assembly {
    number: u16,
    tick: u32,
    filled: usize,
    bytes: Box<[u8]>,
}

/// A client's half of a match: it predicts what all players do, and steps again what it predicted wrong.
///
/// It allocates when a match begins, and not after that.
pub struct Session<T: Together> {
    rules: T,
    config: SessionConfig,
    playing: Option<Playing<T>>,
    assembly: Assembly,
    /// Ticks since the last report.
    since_report: u32,
    /// The newest check that was reported.
    reported: Option<u64>,
    stats: SessionStats,
}

impl<T: Together> Session<T> {
    /// A session without a match: the server says when one begins.
    ///
    /// # Panics
    /// When a value of `config` is out of range.
    pub fn new(rules: T, config: SessionConfig) -> Self {
        const { check::<T>() };
        assert!(config.delay <= DELAY_MAX, "a delay has at most {DELAY_MAX} ticks");
        assert!((1..=PREDICTION_MAX).contains(&config.prediction_max), "1 to {PREDICTION_MAX} ticks are predicted");
        let bytes = vec![0; T::State::BYTES_MAX].into();
        Session {
            rules,
            config,
            playing: None,
            assembly: Assembly { number: 0, tick: 0, filled: 0, bytes },
            since_report: 0,
            reported: None,
            stats: SessionStats::default(),
        }
    }

    /// Takes a packet of the server.
    ///
    /// # Errors
    /// [`Malformed`]. Inputs before the malformed one were taken.
    pub fn take(&mut self, packet: &Packet) -> Result<Taken, Malformed> {
        let taken = self.take_content(packet);
        self.stats.packets_malformed += u64::from(taken.is_err());
        self.stats.packets_stale += u64::from(taken == Ok(Taken::Stale));
        taken
    }

    fn take_content(&mut self, packet: &Packet) -> Result<Taken, Malformed> {
        let Content { number, body } = Content::read(packet)?;
        if let Body::State(part) = body {
            return self.take_part(number, &part);
        }
        let Some(playing) = self.playing.as_mut().filter(|playing| playing.number == number) else {
            return Ok(Taken::Stale);
        };
        match body {
            Body::Inputs(relay) => self.take_relay(&relay),
            Body::Differs(difference) => {
                self.stats.differences += 1;
                Ok(Taken::Differs(difference))
            }
            Body::Lost => {
                playing.is_lost = true;
                Ok(Taken::Lost)
            }
            Body::State(_) | Body::Report(_) => Err(Malformed::UnknownValue),
        }
    }

    fn take_relay(&mut self, relay: &Relay<'_>) -> Result<Taken, Malformed> {
        let Session { playing: Some(Playing { timeline, blank, .. }), stats, .. } = self else {
            return Ok(Taken::Stale);
        };
        let mut fresh = 0;
        relay.each(blank, |tick, inputs| {
            let tick = extend(tick, timeline.confirmed);
            let is_replaced = timeline.is_replaced(tick, inputs);
            if timeline.know(tick, inputs) {
                fresh += 1;
                stats.inputs_replaced += u64::from(is_replaced);
            }
        })?;
        stats.ticks_confirmed += u64::from(fresh);
        Ok(if fresh == 0 { Taken::Stale } else { Taken::Inputs(fresh) })
    }

    fn take_part(&mut self, number: u16, part: &StatePart<'_>) -> Result<Taken, Malformed> {
        let Assembly { bytes, .. } = &self.assembly;
        if part.len as usize > bytes.len() || usize::from(part.seats) > T::SEATS {
            return Err(Malformed::TooLong);
        }
        let assembly = &mut self.assembly;
        if part.at == 0 {
            (assembly.number, assembly.tick, assembly.filled) = (number, part.tick, 0);
        }
        // Parts come in order.
        if (assembly.number, assembly.tick, assembly.filled) != (number, part.tick, part.at as usize) {
            return Err(Malformed::UnknownValue);
        }
        let end = assembly.filled + part.bytes.len();
        assembly.bytes[assembly.filled..end].copy_from_slice(part.bytes);
        assembly.filled = end;
        if end < part.len as usize {
            return Ok(Taken::Part);
        }
        let mut reader = Reader::new(&assembly.bytes[..end]);
        let state = T::State::read(&mut reader)?;
        reader.finish()?;
        Ok(self.take_state(number, part, state))
    }

    fn take_state(&mut self, number: u16, part: &StatePart<'_>, state: T::State) -> Taken {
        let (seat, seats) = (usize::from(part.seat), usize::from(part.seats));
        let neutral = normalised(&self.rules.neutral());
        let base = Inputs::neutral(neutral, seats, part.present);
        let same = self.playing.as_mut().filter(|playing| playing.number == number && playing.seat == seat);
        // Reports begin at once: until then the server sends all inputs since this state.
        (self.since_report, self.reported) = (REPORT_TICKS, None);
        if let Some(playing) = same {
            let tick = extend(part.tick, playing.timeline.confirmed);
            if tick + LATE_STATE_TICKS < playing.timeline.settled {
                return Taken::Stale;
            }
            playing.timeline.go_on_from(tick, state, base);
            playing.is_lost = false;
            self.stats.resyncs += 1;
            return Taken::Resynced { tick: part.tick };
        }
        let (prediction_max, blank) = (self.config.prediction_max, Inputs::neutral(neutral, seats, 0));
        let timeline = Timeline::new(first(part.tick), state, base, seat, prediction_max, part.check_every);
        self.playing = Some(Playing { number, seat, is_lost: false, blank, timeline });
        Taken::Began { seat, seats }
    }

    /// Advances the match. `tick` is the server's tick for which this client has made `input`: with `ringshard_client`, it is
    /// `scene.tick() + 1` where the client asks for the input. Call it once for each input.
    pub fn advance(&mut self, tick: u32, input: &T::Input) -> Progress {
        self.since_report = self.since_report.saturating_add(1);
        let Session { rules, config, playing, stats, .. } = self;
        let Some(Playing { timeline, is_lost: false, .. }) = playing else { return Progress::Waiting };
        let tick = extend(tick, timeline.confirmed);
        timeline.make(tick, normalised(input));
        let run = timeline.run_to(rules, tick.saturating_sub(config.delay.into()));
        stats.ticks += run.stepped;
        stats.ticks_rolled_back += run.again;
        stats.rollbacks += u64::from(run.again > 0);
        stats.longest_rollback = stats.longest_rollback.max(run.again);
        stats.ticks_stalled += u64::from(run.is_stalled);
        if run.is_stalled { Progress::Stalled } else { Progress::Stepped { rolled_back: run.again as u32 } }
    }

    /// A packet for the server, if one is due: send it unreliably. Call it once per frame.
    pub fn report(&mut self) -> Option<Packet> {
        let playing = self.playing.as_ref().filter(|playing| !playing.is_lost)?;
        if self.since_report < REPORT_TICKS {
            return None;
        }
        self.since_report = 0;
        let Timeline { confirmed, check, .. } = playing.timeline;
        self.stats.reports += 1;
        if let Some((tick, _)) = check.filter(|&(tick, _)| self.reported != Some(tick)) {
            self.reported = Some(tick);
            self.stats.digests += 1;
        }
        let check = check.map(|(tick, digest)| (tick as u32, digest));
        Some(Report { confirmed: confirmed as u32, check }.packet(playing.number))
    }

    /// The state after [`Self::tick`]: what to show. None without a match.
    pub fn state(&self) -> Option<&T::State> {
        self.playing.as_ref().map(|playing| playing.timeline.state())
    }

    /// The state after [`Self::settled_tick`]: no input can change it anymore. None without a match.
    pub fn settled_state(&self) -> Option<&T::State> {
        self.playing.as_ref().map(|playing| playing.timeline.settled_state())
    }

    /// The inputs of [`Self::tick`], as far as they are known, and predicted ones. None without a match.
    pub fn inputs(&self) -> Option<&Inputs<T::Input>> {
        self.playing.as_ref().map(|playing| playing.timeline.inputs())
    }

    /// The tick that is shown. None without a match.
    pub fn tick(&self) -> Option<u32> {
        self.playing.as_ref().map(|playing| playing.timeline.present as u32)
    }

    /// The newest tick whose state is final. None without a match.
    pub fn settled_tick(&self) -> Option<u32> {
        self.playing.as_ref().map(|playing| playing.timeline.settled as u32)
    }

    /// The tick up to which all inputs are known. None without a match.
    pub fn confirmed_tick(&self) -> Option<u32> {
        self.playing.as_ref().map(|playing| playing.timeline.confirmed as u32)
    }

    /// The seat of this client. None without a match.
    pub fn seat(&self) -> Option<usize> {
        self.playing.as_ref().map(|playing| playing.seat)
    }

    /// The number of the match. None without a match.
    pub fn number(&self) -> Option<u16> {
        self.playing.as_ref().map(|playing| playing.number)
    }

    /// Forgets the match: the client has left it, or it is over.
    pub fn end(&mut self) {
        self.playing = None;
    }

    /// Sets the input delay. More delay lets the match stand still until then.
    ///
    /// # Panics
    /// When it is more than [`DELAY_MAX`].
    pub fn set_delay(&mut self, delay: u8) {
        assert!(delay <= DELAY_MAX, "a delay has at most {DELAY_MAX} ticks");
        self.config.delay = delay;
    }

    /// The rules.
    pub fn rules(&self) -> &T {
        &self.rules
    }

    /// The configuration.
    pub fn config(&self) -> SessionConfig {
        self.config
    }

    /// What happened so far.
    pub fn stats(&self) -> &SessionStats {
        &self.stats
    }
}

impl<T: Together> std::fmt::Debug for Session<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut debug = f.debug_struct("Session");
        debug.field("seat", &self.seat()).field("tick", &self.tick()).field("settled", &self.settled_tick());
        debug.field("stats", &self.stats).finish_non_exhaustive()
    }
}
