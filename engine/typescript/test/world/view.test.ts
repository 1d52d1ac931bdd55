/** Views against a model of the server: random worlds over a network that loses, repeats and reorders. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { View, type OwnOf, type ShownOf } from '../../src/world/index.js';
import { blankState, sameState, type State } from '../../src/world/state.js';
import { Seeded } from '../seeded.js';
import { example, type Example } from './example.js';
import { idOf, SnapshotSender } from './server/world.js';

type Shown = ShownOf<Example>;

function randomShown(random: Seeded, base: Shown): Shown {
  const fields: Partial<Shown>[] = [
    { health: random.below(256) },
    { name: 'Ådèle2'.slice(0, random.below(6)) },
    { carries: random.chance(0.5) ? null : idOf({ index: random.below(65536), generation: 1 + random.below(255) }) },
    { color: { ...base.color, green: random.below(256) } },
  ];
  return { ...base, ...random.pick(fields) };
}

function randomState(random: Seeded, base: State<Shown>): State<Shown> {
  const by = (): number => Math.round((random.next() - 0.5) * 2 ** (1 + random.below(32)));
  const axes = (of: State<Shown>['position'], wrap: (value: number) => number): State<Shown>['position'] =>
    of.map((axis) => (random.chance(0.5) ? axis : wrap(axis + by()))) as unknown as State<Shown>['position'];
  const change = random.below(5);
  return {
    position: change === 0 ? axes(base.position, (value) => value >>> 0) : base.position,
    velocity: change === 1 ? axes(base.velocity, (value) => (value << 16) >> 16) : base.velocity,
    rotation: change === 2 ? axes(base.rotation, (value) => value & 0xffff) : base.rotation,
    leap: change === 3 ? random.below(256) : base.leap,
    shown: change === 4 ? randomShown(random, base.shown) : base.shown,
  };
}

/** Lets a random thing happen to the world. */
function happen(sender: SnapshotSender<Example>, random: Seeded, indices: number): void {
  const index = random.below(indices);
  const truth = sender.truths.get(index);
  const isNew = !truth || random.chance(0.02);
  if (isNew) {
    const generation = ((truth?.generation ?? random.below(255)) % 255) + 1;
    const state = randomState(random, blankState(example.shown.blank));
    sender.put({ index, generation, version: 1 + random.below(100), state, isInView: true });
  } else if (random.chance(0.03)) {
    sender.truths.delete(index);
  } else if (random.chance(0.05)) {
    truth.isInView = !truth.isInView;
  } else {
    const state = randomState(random, truth.state);
    if (!sameState(state, truth.state, example.shown)) truth.version += 1;
    truth.state = state;
  }
}

class Wire<T> {
  private readonly flying: T[] = [];

  constructor(
    private readonly random: Seeded,
    private readonly loss: number,
  ) {}

  send(message: T): void {
    if (this.random.chance(this.loss)) return;
    // The newer ones arrive first now and then, and some arrive twice.
    this.flying.splice(this.random.chance(0.2) ? this.random.below(this.flying.length + 1) : this.flying.length, 0, message);
    if (this.random.chance(0.05)) this.flying.push(message);
  }

  arrive(most: number): T[] {
    return this.flying.splice(0, most);
  }
}

function run(seed: number): { readonly digests: number; readonly entities: number } {
  const random = new Seeded(seed);
  const sender = new SnapshotSender(example, 0x1_0000 + random.below(0x1_0000), random);
  const view = new View(example, { own: example.own.blank, shown: example.shown.blank });
  view.begin(sender.first & 0xffff);
  const loss = random.pick([0, 0.1, 0.4]);
  const down = new Wire<Uint8Array>(random, loss);
  const up = new Wire<{ received: NonNullable<ReturnType<typeof view.acknowledgment>>; digest: number }>(random, loss);
  const inView = new Set<number>();
  let [own, tick, digests, rounds]: [OwnOf<Example>, number, number, number] = [example.own.blank, 0xffff_ffc0, 0, 0];
  for (let calm = false; rounds < 4000 && !(calm && sender.isAtRest); rounds += 1) {
    calm = rounds > 300;
    for (let times = random.below(6); !calm && times > 0; times -= 1) happen(sender, random, 24);
    if (random.chance(0.3)) own = { ...own, clock: own.clock + 1n, spot: [random.below(9), -1], fuel: random.below(256) };
    tick += 1 + random.below(3);
    const body = random.chance(0.5) ? null : idOf({ index: 5, generation: 1 });
    const start = { tick: tick % 2 ** 32, lead: 0, inputAge: 0, inputInterval: random.pick([1, 1, 3]), owner: { body, own } };
    down.send(sender.snapshot(start, calm ? 1 : 0.4));
    for (const message of down.arrive(random.below(3))) {
      const taken = view.take(message, ({ is, entity }) => {
        assert.equal(inView.has(entity), is !== 'Entered');
        if (is === 'Left') inView.delete(entity);
        else inView.add(entity);
      });
      assert.notEqual(taken, 'refused');
    }
    const received = view.acknowledgment();
    if (received && random.chance(0.8)) up.send({ received, digest: view.digest() });
    for (const { received: arrived, digest } of up.arrive(random.below(4))) {
      const newest = sender.next - ((sender.next - arrived.newest) & 0xffff);
      sender.acknowledged(arrived);
      if (!sender.isMirrorExact || newest !== sender.newest) continue;
      assert.equal(sender.mirrorDigest(), digest);
      digests += 1;
    }
  }
  assert.ok(sender.isAtRest, `seed ${seed} comes to rest`);
  const truths = [...sender.truths.values()].filter((truth) => truth.isInView);
  assert.deepEqual([...inView].sort(), truths.map(idOf).sort());
  for (const truth of truths) assert.deepEqual(view.entity(idOf(truth))?.state, truth.state);
  for (const seen of view.entities()) assert.ok(seen.samples.length >= 1 && seen.samples.length <= 32);
  return { digests, entities: truths.length };
}

test('whatever is lost and reordered, the view is the world at rest, and digests agree on the way', () => {
  let [digests, entities] = [0, 0];
  for (let seed = 1; seed <= 40; seed += 1) {
    const done = run(seed);
    digests += done.digests;
    entities += done.entities;
  }
  assert.ok(digests > 1000, `${digests} digests`);
  assert.ok(entities > 100, `${entities} entities`);
});
