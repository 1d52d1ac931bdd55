/** The step of actions against a slow model that counts absolute ticks. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Reader } from '../../src/bytes/reader.js';
import { Writer } from '../../src/bytes/writer.js';
import {
  action,
  actionState,
  Asking,
  CANCEL,
  checkAction,
  stepActions,
  tableDigest,
  type Action,
  type ActionInput,
  type ActionOutcome,
  type ActionState,
  type Aim,
} from '../../src/world/index.js';
import { entityId } from '../../src/world/entity.js';
import { Seeded } from '../seeded.js';

const [STUNNED, WALKING, ARMED] = [1, 2, 4];
const TABLE: readonly Action[] = [
  action('strike', { target: 'Entity', cooldown: 7, sharedCooldown: 3, cost: [[0, 5]], forbids: STUNNED }),
  action('bolt', { target: 'Point', cooldown: 5, sharedCooldown: 4, cast: 6, cost: [[0, 9]], forbids: STUNNED | WALKING }),
  action('shout', { cooldown: 20, needs: ARMED }),
  action('wave'),
  action('rite', { cast: 2, sharedCooldown: 9, cost: [[1, 1], [0, 1]] }),
];
const STATE = actionState(5, 2);
const NOTHING: Aim = { is: 'Nothing' };
const HERE: Aim = { is: 'Point', point: [1, 2, 3] };
const THAT: Aim = { is: 'Entity', id: entityId(3, 9) };

class Model {
  now = 0;
  readonly readyAt = [0, 0, 0, 0, 0];
  sharedUntil = 0;
  resources = [30, 4];
  cast: { action: number; at: number; aim: Aim } | undefined;
  last = 0;

  step({ number, action: asked, aim }: ActionInput, bits: number): ActionOutcome {
    this.now += 1;
    const forbidden = ({ needs, forbids }: Action): boolean => (needs & ~bits) !== 0 || (forbids & bits) !== 0;
    if (this.cast) {
      const { action: number, at, aim } = this.cast;
      if (forbidden(TABLE[number]!)) return this.interrupt();
      if (at === this.now) {
        this.cast = undefined;
        return this.execute(number, aim);
      }
    }
    if (number === 0 || number === this.last) return { is: 'Nothing' };
    this.last = number;
    if (asked === CANCEL) return this.interrupt();
    const row = TABLE[asked];
    if (!row) return { is: 'Refused', action: asked, why: 'Unknown' };
    const waits = this.readyAt[asked]! > this.now || (row.sharedCooldown > 0 && this.sharedUntil > this.now);
    const reasons = [
      [this.cast !== undefined, 'Busy'],
      [aim.is !== row.target, 'Target'],
      [forbidden(row), 'State'],
      [waits, 'Cooldown'],
      [!this.canPay(row), 'Cost'],
    ] as const;
    const reason = reasons.find(([holds]) => holds);
    if (reason) return { is: 'Refused', action: asked, why: reason[1] };
    if (row.sharedCooldown > 0) this.sharedUntil = this.now + row.sharedCooldown;
    if (row.cast === 0) return this.execute(asked, aim);
    this.cast = { action: asked, at: this.now + row.cast, aim };
    return { is: 'Began', action: asked, aim };
  }

  private canPay({ cost }: Action): boolean {
    return cost.every(([resource, amount]) => this.resources[resource]! >= amount);
  }

  private execute(number: number, aim: Aim): ActionOutcome {
    const row = TABLE[number]!;
    if (!this.canPay(row)) return { is: 'Refused', action: number, why: 'Cost' };
    for (const [resource, amount] of row.cost) this.resources[resource]! -= amount;
    this.readyAt[number] = this.now + row.cooldown;
    return { is: 'Executed', action: number, aim };
  }

  private interrupt(): ActionOutcome {
    const { cast } = this;
    if (!cast) return { is: 'Nothing' };
    this.cast = undefined;
    this.readyAt[cast.action] = this.now + 6;
    return { is: 'Interrupted', action: cast.action, aim: cast.aim };
  }
}

test('the step agrees with a model of absolute ticks, and the state travels', () => {
  const seen = new Map<string, number>();
  for (let seed = 0; seed < 200; seed += 1) {
    const random = new Seeded(seed);
    const model = new Model();
    let state: ActionState = { ...STATE.blank, resources: model.resources };
    let input: ActionInput = { number: 0, action: 0, aim: NOTHING };
    for (let tick = 0; tick < 200; tick += 1) {
      if (random.chance(0.3)) {
        const asked = random.chance(0.1) ? random.pick([CANCEL, 5, 200]) : random.below(5);
        input = { number: random.below(256), action: asked, aim: random.pick([NOTHING, HERE, THAT, HERE, THAT]) };
      }
      if (random.chance(0.05)) {
        model.resources = [random.below(30), random.below(3)];
        state = { ...state, resources: model.resources };
      }
      const bits = random.chance(0.8) ? ARMED : random.below(8);
      const stepped = stepActions(state, TABLE, input, bits);
      assert.deepEqual(stepped.outcome, model.step(input, bits), `seed ${seed}, tick ${tick}`);
      state = stepped.state;
      assert.deepEqual(state.resources, model.resources);
      assert.equal(state.cast === null, model.cast === undefined);
      const left = [...model.readyAt, model.sharedUntil].map((at) => Math.max(0, at - model.now));
      assert.deepEqual(state.cooldowns, left);
      const writer = new Writer();
      STATE.write(state, writer);
      assert.ok(writer.length <= STATE.bytesMax && STATE.equals(STATE.read(new Reader(writer.copy())), state));
      const { outcome } = stepped;
      const key = outcome.is === 'Refused' ? outcome.why : outcome.is;
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
  }
  const all = ['Nothing', 'Began', 'Executed', 'Interrupted', 'Unknown', 'Busy', 'Target', 'State', 'Cooldown', 'Cost'];
  for (const one of all) assert.ok((seen.get(one) ?? 0) > 20, one);
});

test('an ask is repeated in 15 inputs, and executed once', () => {
  const asking = new Asking();
  let state: ActionState = { ...STATE.blank, resources: [30, 4] };
  let executed = 0;
  asking.ask(state, 0, THAT);
  for (let tick = 0; tick < 40; tick += 1) {
    const input = asking.nextInput();
    assert.equal(input.number, tick < 15 ? 1 : 0);
    const stepped = stepActions(state, TABLE, input, 0);
    state = stepped.state;
    if (stepped.outcome.is === 'Executed') executed += 1;
  }
  assert.equal(executed, 1);
  assert.deepEqual(state.decided, { number: 1, verdict: { is: 'Done' } });
  assert.equal(checkAction(state, TABLE, 0, THAT, 0), undefined);
  assert.equal(checkAction(state, TABLE, 0, HERE, 0), 'Target');
  // A client that was started again begins with the number that the state has seen.
  const again = new Asking();
  again.ask(state, 0, THAT);
  assert.equal(again.number, 2);
});

test('tables that differ have different numbers, and none is 0', () => {
  const changes: Partial<Action>[] = [{ cooldown: 8 }, { sight: true }, { range: 9 }, { cost: [] }, { target: 'Point' }];
  const digests = changes.map((change) => tableDigest([{ ...TABLE[0]!, ...change }, ...TABLE.slice(1)]));
  assert.equal(new Set([tableDigest(TABLE), tableDigest([]), ...digests]).size, changes.length + 2);
  assert.ok(!digests.includes(0));
  // What the server's own code gives for this table.
  const strike = action('strike', { target: 'Entity', cooldown: 7, sharedCooldown: 3, cost: [[0, 5]], forbids: STUNNED });
  const cast = { target: 'Point', cooldown: 5, sharedCooldown: 4, cast: 6, cost: [[0, 9]], forbids: 3 } as const;
  const bolt = action('bolt', { ...cast, range: 12.5, sight: true });
  assert.equal(tableDigest([strike, bolt, action('shout', { cooldown: 20, needs: ARMED })]), 850929807);
});
