/**
 * Runs all scenarios of engine/conformance/scenarios.json against real servers: `node dist/test/live/scenarios.js`. Its exit status
 * says whether all is well. With an argument it runs only the scenarios whose names contain that.
 */

import { readFileSync } from 'node:fs';

import { Fields } from './fields.js';
import { Stage } from './stage.js';
import { type Action, actionOf } from './steps.js';

const LIST = new URL('../../../../conformance/scenarios.json', import.meta.url);
/** Scenarios that run side by side. Most of the time each waits for a timer. */
const AT_ONCE = 3;

interface Listed {
  name: string;
  server: readonly string[];
  steps: readonly { do: string }[];
}

interface Scenario {
  name: string;
  server: readonly string[];
  steps: readonly { name: string; action: Action }[];
}

/** All scenarios. Throws if this program does not know a step of any. */
function scenarios(): Scenario[] {
  const { scenarios } = JSON.parse(readFileSync(LIST, 'utf8')) as { scenarios: Listed[] };
  return scenarios.map(({ name, server, steps }) => ({
    name,
    server,
    steps: steps.map((step, at) => {
      const stepName = `step ${at + 1}, ${step.do}`;
      try {
        return { name: stepName, action: actionOf(step.do, new Fields(step)) };
      } catch (error) {
        throw new Error(`${name}: ${stepName}`, { cause: error });
      }
    }),
  }));
}

async function run({ server, steps }: Scenario): Promise<void> {
  const stage = await Stage.start(server);
  try {
    for (const { name, action } of steps) {
      try {
        await action(stage);
      } catch (error) {
        throw new Error(name, { cause: error });
      }
    }
    stage.end();
  } finally {
    await stage.stop();
  }
}

const part = process.argv[2] ?? '';
const waiting = scenarios().filter(({ name }) => name.includes(part));
let failed = 0;

async function runNext(): Promise<void> {
  for (let scenario = waiting.shift(); scenario; scenario = waiting.shift()) {
    const start = performance.now();
    try {
      await run(scenario);
      console.log(`ok: ${scenario.name} (${Math.round(performance.now() - start)} ms)`);
    } catch (error) {
      failed += 1;
      console.error(`FAILED: ${scenario.name}:`, error);
    }
  }
}

if (waiting.length === 0) throw new Error(`no scenario has "${part}" in its name`);
await Promise.all(Array.from({ length: AT_ONCE }, runNext));
process.exit(failed === 0 ? 0 : 1);
