//! The clocks of a client, each alone.

use crate::random::Random;
use ringshard_protocol::time::{Duration, Instant};
use ringshard_world::clock::{INPUT_RATE_MAX, InputClock, SHOWN_RATE_MAX, ShownClock, time_of};
use ringshard_world::interpolation::Interpolation;
use ringshard_world::limits::INPUTS_PER_MESSAGE_MAX;
use ringshard_world::messages::NO_LEAD;
use std::collections::VecDeque;

/// An input clock with an ideal server, which answers after `delay` ticks: the server's tick is the time in ticks.
struct Loop {
    clock: InputClock,
    /// Ticks that pass before a report arrives: the whole round trip.
    delay: usize,
    way: f64,
    time: f64,
    newest: u64,
    /// When each input arrives.
    arrivals: VecDeque<(u64, f64)>,
    reports: VecDeque<(u64, i8, bool)>,
    missed: u64,
}

impl Loop {
    fn new(first: u64, guess: Duration, way: f64, delay: usize) -> Self {
        let clock = InputClock::start(Instant::ZERO, first, guess);
        let newest = clock.tick() - 1;
        let (arrivals, reports) = (VecDeque::new(), VecDeque::new());
        Loop { clock, delay, way, time: first as f64 + delay as f64 - way, newest, arrivals, reports, missed: 0 }
    }

    /// A tick of the server and a frame of the client. `late` is how much later than usual inputs arrive.
    fn tick(&mut self, now: Instant, late: f64) {
        self.time += 1.0;
        self.clock.advance(now);
        while self.newest < self.clock.tick() {
            self.newest += 1;
            self.clock.made(self.newest);
            self.arrivals.push_back((self.newest, self.time + self.way + late));
        }
        let tick = self.time as u64;
        let here = self.arrivals.iter().filter(|(_, at)| *at <= self.time).map(|(input, _)| *input);
        let lead = here.clone().max().map_or(NO_LEAD, |newest| (newest as i64 - tick as i64).clamp(-127, 127) as i8);
        let in_time = here.clone().any(|input| input == tick);
        self.missed += u64::from(!in_time && lead != NO_LEAD);
        self.reports.push_back((tick, lead, !in_time && lead != NO_LEAD));
        while self.arrivals.len() > 128 {
            self.arrivals.pop_front();
        }
        if self.reports.len() > self.delay {
            let (tick, lead, missed) = self.reports.pop_front().unwrap();
            self.clock.report(now, tick, lead, missed, time_of(self.delay as f64));
        }
    }
}

fn at(tick: u64) -> Instant {
    Instant::ZERO + time_of(tick as f64)
}

#[test]
fn a_wrong_first_guess_is_corrected_whichever_way_it_is_wrong() {
    // 200 ms of round trip, guessed as nothing, right, and much more.
    for guess in [0, 200, 700] {
        let mut turns = Loop::new(5_000, Duration::from_millis(guess), 6.0, 12);
        (0..1_200).for_each(|tick| turns.tick(at(tick), 0.0));
        let missed = turns.missed;
        (1_200..3_000).for_each(|tick| turns.tick(at(tick), 0.0));
        assert_eq!(turns.missed, missed, "{guess} ms: all inputs are in time");
        let ahead = turns.clock.ticks() - turns.time - turns.way;
        assert!((0.5..4.0).contains(&ahead), "{guess} ms: {ahead}");
        assert!(missed < 40, "{guess} ms: {missed}");
    }
}

#[test]
fn the_margin_grows_with_jitter_and_shrinks_again() {
    let mut random = Random::new(7);
    let mut turns = Loop::new(5_000, Duration::from_millis(100), 3.0, 6);
    (0..1_000).for_each(|tick| turns.tick(at(tick), 0.0));
    let calm = turns.clock.margin();
    (1_000..3_000).for_each(|tick| turns.tick(at(tick), random.below(600) as f64 / 100.0));
    let rough = turns.clock.margin();
    assert!(rough > calm + 0.5, "{calm} {rough}");
    assert!(turns.clock.inputs_per_message() as f64 >= rough + 2.0);
    (3_000..20_000).for_each(|tick| turns.tick(at(tick), 0.0));
    assert!(turns.clock.margin() < rough - 0.4, "{calm} {rough} {}", turns.clock.margin());
}

/// Such as a server that thousands join at once.
#[test]
fn six_seconds_after_a_disturbance_inputs_wait_for_no_more_than_two_ticks() {
    for seed in 0..20 {
        let mut random = Random::new(seed);
        let mut turns = Loop::new(5_000, Duration::from_millis(1), 0.05, 1);
        (0..180).for_each(|tick| turns.tick(at(tick), random.below(500) as f64 / 100.0));
        (180..540).for_each(|tick| turns.tick(at(tick), 0.0));
        let missed = turns.missed;
        for tick in 540..3_000 {
            turns.tick(at(tick), 0.0);
            let ahead = turns.clock.ticks() - turns.time - turns.way;
            assert!((0.5..2.5).contains(&ahead), "seed {seed}, tick {tick}: {ahead}");
        }
        assert_eq!(turns.missed, missed, "seed {seed}");
    }
}

#[test]
fn ticks_never_go_back_more_than_a_leap_and_rates_stay_in_their_bounds() {
    for seed in 0..50 {
        let mut random = Random::new(seed);
        let mut clock = InputClock::start(Instant::ZERO, 1 << 32, Duration::from_millis(50));
        let (mut now, mut made) = (0, clock.tick());
        for _ in 0..2_000 {
            now += random.below(40_000_000);
            clock.advance(Instant::from_nanos(now));
            while made < clock.tick() {
                made += 1;
                clock.made(made);
            }
            let tick = (1_u64 << 32) + now * 60 / 1_000_000_000;
            // Whatever a server says.
            let (lead, missed) = (random.below(256) as u8 as i8, random.below(2) == 0);
            clock.report(Instant::from_nanos(now), tick, lead, missed, Duration::from_millis(random.below(5_000)));
            assert!(clock.rate().abs() <= INPUT_RATE_MAX && clock.ticks().is_finite());
            assert!((3..=INPUTS_PER_MESSAGE_MAX).contains(&clock.inputs_per_message()));
            assert!(clock.next_tick_at() > Instant::from_nanos(now));
        }
    }
}

#[test]
fn the_next_tick_is_due_when_the_clock_says() {
    for first in [100, 60 * 86_400 * 100, 1 << 34] {
        let mut clock = InputClock::start(Instant::ZERO, first, Duration::from_millis(70));
        for _ in 0..1_000 {
            let (tick, due) = (clock.tick(), clock.next_tick_at());
            clock.advance(due);
            assert_eq!(clock.tick(), tick + 1);
        }
        assert!((clock.next_tick_at().as_nanos() as f64 / 1e9 - 1_000.0 / 60.0).abs() < 0.02);
    }
}

/// Snapshots that arrive irregularly, and not at all for a second: the shown tick never goes back, nor leaves its rate.
#[test]
fn the_shown_tick_never_goes_back() {
    for seed in 0..50 {
        let mut random = Random::new(seed);
        let settings = Interpolation::default();
        let mut clock = ShownClock::start(Instant::ZERO, 1_000, &settings);
        let mut last = clock.ticks();
        let mut newest = 1_000;
        for frame in 1..3_000 {
            let now = at(frame);
            let silent = (1_000..1_060).contains(&frame);
            if random.below(10) > 0 && !silent {
                let tick = 1_000 + frame - random.below(4);
                if tick > newest {
                    newest = tick;
                    clock.arrived(now, tick, false);
                }
            }
            clock.advance(now, &settings);
            let moved = clock.ticks() - last;
            assert!(moved >= 0.0, "seed {seed}, frame {frame}: {moved}");
            assert!((moved - 1.0).abs() <= SHOWN_RATE_MAX + 1e-6, "seed {seed}, frame {frame}: {moved}");
            last = clock.ticks();
        }
        let late = 4_000.0 - clock.ticks();
        assert!((2.0..13.0).contains(&late), "seed {seed}: {late}");
    }
}

#[test]
fn the_delay_keeps_within_its_settings() {
    let settings = Interpolation {
        delay_min: Duration::from_millis(50),
        delay_max: Duration::from_millis(100),
        ..Interpolation::default()
    };
    let mut clock = ShownClock::start(Instant::ZERO, 1_000, &settings);
    (1..600).for_each(|tick| {
        clock.arrived(at(tick), 1_000 + tick, false);
        clock.advance(at(tick), &settings);
    });
    assert!((clock.delay(&settings) - 3.0).abs() < 1e-6, "{}", clock.delay(&settings));
    // A snapshot in a second.
    (10..20).for_each(|second| {
        clock.arrived(at(second * 60), 1_000 + second * 60, false);
        clock.advance(at(second * 60), &settings);
    });
    assert!((clock.delay(&settings) - 6.0).abs() < 1e-6, "{}", clock.delay(&settings));
}

/// The server tells nothing for minutes, and then something every tick: others are shown as early as if it never was silent.
#[test]
fn a_quiet_world_is_not_shown_later() {
    let settings = Interpolation::default();
    let mut clock = ShownClock::start(Instant::ZERO, 1_000, &settings);
    for tick in 1..6_000 {
        let is_quiet = (600..4_800).contains(&tick);
        if !is_quiet || tick % 10 == 0 {
            // The first snapshot after a silence tells something again, but nothing was lost.
            clock.arrived(at(tick), 1_000 + tick, (600..=4_800).contains(&tick));
        }
        clock.advance(at(tick), &settings);
        let late = (1_000 + tick) as f64 - clock.ticks();
        assert!(tick < 100 || late < 3.5, "tick {tick}: {late}");
    }
}

/// Snapshots that are lost are no silence.
#[test]
fn lost_snapshots_make_others_be_shown_later() {
    let settings = Interpolation::default();
    let mut clock = ShownClock::start(Instant::ZERO, 1_000, &settings);
    for tick in 1..1_000 {
        if tick % 8 == 0 {
            clock.arrived(at(tick), 1_000 + tick, false);
        }
        clock.advance(at(tick), &settings);
    }
    assert!(1_999.0 - clock.ticks() > 8.0, "{}", clock.ticks());
}
