/** The clocks of a client, each alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { INPUT_RATE_MAX, InputClock } from '../../src/world/clock/input.js';
import { Peak } from '../../src/world/clock/peak.js';
import { SHOWN_RATE_MAX, ShownClock } from '../../src/world/clock/shown.js';
import { Spread } from '../../src/world/clock/spread.js';
import { timeOf } from '../../src/world/clock/ticks.js';
import { INTERPOLATION_DEFAULT } from '../../src/world/interpolation.js';
import { INPUTS_PER_MESSAGE_MAX } from '../../src/world/limits.js';
import { NO_LEAD } from '../../src/world/messages/snapshot.js';
import { Seeded } from '../seeded.js';

/** An input clock with an ideal server, which answers after `delay` ticks: the server's tick is the time in ticks. */
class Loop {
  readonly clock: InputClock;
  missed = 0;
  time: number;
  private newest: number;
  private readonly arrivals: { readonly tick: number; readonly at: number }[] = [];
  private readonly reports: { readonly tick: number; readonly lead: number; readonly missed: boolean }[] = [];

  constructor(
    first: number,
    guess: number,
    readonly way: number,
    private readonly delay: number,
  ) {
    this.clock = new InputClock(0, first, guess);
    this.newest = this.clock.tick - 1;
    this.time = first + delay - way;
  }

  /** A tick of the server and a frame of the client. `late` is how much later than usual inputs arrive. */
  tick(now: number, late: number): void {
    const { clock } = this;
    this.time += 1;
    clock.advance(now);
    while (this.newest < clock.tick) {
      this.newest += 1;
      clock.made(this.newest);
      this.arrivals.push({ tick: this.newest, at: this.time + this.way + late });
    }
    const tick = Math.floor(this.time);
    const here = this.arrivals.filter(({ at }) => at <= this.time).map((arrival) => arrival.tick);
    const lead = here.length > 0 ? Math.min(Math.max(Math.max(...here) - tick, -127), 127) : NO_LEAD;
    const missed = lead !== NO_LEAD && !here.includes(tick);
    if (missed) this.missed += 1;
    this.reports.push({ tick, lead, missed });
    if (this.arrivals.length > 128) this.arrivals.shift();
    if (this.reports.length <= this.delay) return;
    const report = this.reports.shift()!;
    clock.report(now, report.tick, report.lead, report.missed, timeOf(this.delay));
  }

  run(from: number, to: number, late: () => number = () => 0): this {
    for (let tick = from; tick < to; tick += 1) this.tick(timeOf(tick), late());
    return this;
  }

  get ahead(): number {
    return this.clock.ticks - this.time - this.way;
  }
}

test('a wrong first guess is corrected, whichever way it is wrong', () => {
  for (const guess of [0, 200, 700]) {
    const turns = new Loop(5000, guess, 6, 12).run(0, 1200);
    const { missed } = turns;
    turns.run(1200, 3000);
    assert.equal(turns.missed, missed, `${guess} ms: all inputs are in time`);
    assert.ok(turns.ahead > 0.5 && turns.ahead < 4, `${guess} ms: ${turns.ahead}`);
    assert.ok(missed < 40, `${guess} ms: ${missed}`);
  }
});

test('the margin grows with jitter and shrinks again', () => {
  const random = new Seeded(7);
  const turns = new Loop(5000, 100, 3, 6).run(0, 1000);
  const calm = turns.clock.margin;
  const rough = turns.run(1000, 3000, () => random.next() * 6).clock.margin;
  assert.ok(rough > calm + 0.5, `${calm} ${rough}`);
  assert.ok(turns.clock.inputsPerMessage >= rough + 2);
  turns.run(3000, 20_000);
  assert.ok(turns.clock.margin < rough - 0.4, `${rough} ${turns.clock.margin}`);
});

test('six seconds after a disturbance, inputs wait for no more than two ticks', () => {
  for (let seed = 0; seed < 20; seed += 1) {
    const random = new Seeded(seed);
    const turns = new Loop(5000, 1, 0.05, 1).run(0, 180, () => random.next() * 5).run(180, 540);
    const { missed } = turns;
    for (let tick = 540; tick < 3000; tick += 1) {
      turns.tick(timeOf(tick), 0);
      assert.ok(turns.ahead > 0.5 && turns.ahead < 2.5, `seed ${seed}, tick ${tick}: ${turns.ahead}`);
    }
    assert.equal(turns.missed, missed, `seed ${seed}`);
  }
});

test('whatever a server says of inputs, the rate keeps within its bounds', () => {
  for (let seed = 0; seed < 30; seed += 1) {
    const random = new Seeded(seed);
    const clock = new InputClock(0, 2 ** 32, 50);
    let [now, made] = [0, clock.tick];
    for (let turn = 0; turn < 2000; turn += 1) {
      now += random.next() * 40;
      clock.advance(now);
      for (; made < clock.tick; made += 1) clock.made(made + 1);
      const tick = 2 ** 32 + Math.floor((now * 60) / 1000);
      clock.report(now, tick, random.below(256) - 128, random.chance(0.5), random.next() * 5000);
      assert.ok(Math.abs(clock.rate) <= INPUT_RATE_MAX && Number.isFinite(clock.ticks));
      assert.ok(clock.inputsPerMessage >= 3 && clock.inputsPerMessage <= INPUTS_PER_MESSAGE_MAX);
      assert.ok(clock.nextTickAt > now);
    }
  }
});

test('the next tick is due when the clock says', () => {
  for (const first of [100, 60 * 86_400 * 100, 2 ** 34]) {
    const clock = new InputClock(0, first, 70);
    for (let turn = 0; turn < 1000; turn += 1) {
      const { tick, nextTickAt } = clock;
      clock.advance(nextTickAt);
      assert.equal(clock.tick, tick + 1);
    }
    assert.ok(Math.abs(clock.nextTickAt - 1_000_000 / 60) < 20);
  }
});

test('the shown tick never goes back, however snapshots arrive', () => {
  for (let seed = 0; seed < 30; seed += 1) {
    const random = new Seeded(seed);
    const clock = new ShownClock(0, 1000, INTERPOLATION_DEFAULT);
    let [last, newest] = [clock.ticks, 1000];
    for (let frame = 1; frame < 3000; frame += 1) {
      const tick = 1000 + frame - random.below(4);
      const isSilent = frame >= 1000 && frame < 1060;
      if (random.chance(0.9) && !isSilent && tick > newest) clock.arrived(timeOf(frame), (newest = tick), false);
      clock.advance(timeOf(frame), INTERPOLATION_DEFAULT);
      const moved = clock.ticks - last;
      assert.ok(moved >= 0 && Math.abs(moved - 1) <= SHOWN_RATE_MAX + 1e-6, `seed ${seed}, frame ${frame}: ${moved}`);
      last = clock.ticks;
    }
    const late = 4000 - clock.ticks;
    assert.ok(late > 2 && late < 13, `seed ${seed}: ${late}`);
  }
});

test('the delay keeps within its settings', () => {
  const settings = { ...INTERPOLATION_DEFAULT, delayMin: 50, delayMax: 100 };
  const clock = new ShownClock(0, 1000, settings);
  const arrive = (tick: number): void => {
    clock.arrived(timeOf(tick), 1000 + tick, false);
    clock.advance(timeOf(tick), settings);
  };
  for (let tick = 1; tick < 600; tick += 1) arrive(tick);
  assert.ok(Math.abs(clock.delay(settings) - 3) < 1e-6, `${clock.delay(settings)}`);
  for (let second = 10; second < 20; second += 1) arrive(second * 60);
  assert.ok(Math.abs(clock.delay(settings) - 6) < 1e-6, `${clock.delay(settings)}`);
});

test('a quiet world is not shown later, and lost snapshots make others be shown later', () => {
  const quiet = new ShownClock(0, 1000, INTERPOLATION_DEFAULT);
  const lossy = new ShownClock(0, 1000, INTERPOLATION_DEFAULT);
  for (let tick = 1; tick < 6000; tick += 1) {
    const isQuiet = tick >= 600 && tick < 4800;
    if (!isQuiet || tick % 10 === 0) quiet.arrived(timeOf(tick), 1000 + tick, tick >= 600 && tick <= 4800);
    if (tick % 8 === 0) lossy.arrived(timeOf(tick), 1000 + tick, false);
    quiet.advance(timeOf(tick), INTERPOLATION_DEFAULT);
    lossy.advance(timeOf(tick), INTERPOLATION_DEFAULT);
    const late = 1000 + tick - quiet.ticks;
    assert.ok(tick < 100 || late < 3.5, `tick ${tick}: ${late}`);
  }
  assert.ok(6999 - lossy.ticks > 8, `${lossy.ticks}`);
});

test('mean and deviation settle, an outlier moves little, and a change of path moves all', () => {
  const spread = new Spread();
  assert.equal(spread.mean, undefined);
  for (let at = 0; at < 1000; at += 1) spread.note(5e8 + (at % 2 === 0 ? 1 : -1));
  assert.ok(Math.abs(spread.mean! - 5e8) < 0.1 && Math.abs(spread.deviation - 1) < 0.1);
  const other = new Spread();
  for (let at = 0; at < 100; at += 1) other.note(10);
  other.note(1000);
  assert.ok(Math.abs(other.mean! - 10) < 0.1);
  for (let at = 0; at < 16; at += 1) other.note(50);
  assert.ok(Math.abs(other.mean! - 50) < 2);
});

test('a peak is held and then forgotten', () => {
  const peak = new Peak();
  const note = (from: number, to: number): void => {
    for (let tick = from; tick < to; tick += 1) peak.note(tick, 0.5);
  };
  note(0, 60);
  peak.note(60, 3);
  assert.equal(peak.held, undefined, 'too few samples');
  note(61, 180);
  assert.equal(peak.held, 3);
  note(180, 363);
  assert.equal(peak.held, 0.5);
  peak.holdLonger();
  note(1000, 1480);
  assert.equal(peak.held, undefined);
  peak.note(1480, 0.25);
  assert.equal(peak.held, 0.5);
});
