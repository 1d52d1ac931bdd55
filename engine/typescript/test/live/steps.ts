/** The steps of scenarios.json: what each is called, its fields, and what it does. */

import type { Fields } from './fields.js';
import type { Stage } from './stage.js';
import { pass } from './waiting.js';

export type Action = (stage: Stage) => Promise<void> | void;

/** Reads the fields of a step, and gives what it does. */
const STEPS: Readonly<Record<string, (fields: Fields) => Action>> = {
  connect: (fields) => {
    const client = fields.number('client', 0);
    const isRight = fields.word('key', ['right', 'wrong'], 'right') === 'right';
    const reconnect = fields.flag('reconnect', true);
    return (stage) => stage.connect(client, isRight, reconnect);
  },
  expect: (fields) => {
    const client = fields.number('client', 0);
    const events = ['connected', 'resumed', 'reconnecting', 'closed', 'entered', 'renewed', 'refused'] as const;
    const event = fields.word('event', events);
    const reason = fields.text('reason', '') || undefined;
    return (stage) => stage.client(client).events.expect(event, reason);
  },
  echo: (fields) => {
    const client = fields.number('client', 0);
    const [channels, sizes] = [fields.numbers('channels'), fields.numbers('bytes')];
    const content = fields.word('content', ['random', 'text'], 'random');
    const carriedMost = fields.number('carried-most', Infinity);
    return async (stage) => {
      const { carried } = stage.relay;
      for (const channel of channels) {
        for (const size of sizes) await stage.echoing(client).echo(channel, size, content);
      }
      const seen = stage.relay.carried - carried;
      if (seen > carriedMost) throw new Error(`${seen} bytes were carried`);
    };
  },
  send: (fields) => {
    const [client, count, every] = [fields.number('client', 0), fields.number('count'), fields.number('every', 0)];
    const [channels, sizes] = [fields.numbers('channels'), fields.numbers('bytes')];
    return async (stage) => {
      for (let round = 0; round < count; round += 1) {
        await stage.echoing(client).sendEach(channels, sizes);
        if (every > 0) await pass(every);
      }
    };
  },
  'expect-echoes': (fields) => {
    const [client, share] = [fields.number('client', 0), fields.number('share')];
    return (stage) => stage.echoing(client).expectEchoes(share);
  },
  refuse: (fields) => {
    const [client, channel, bytes] = [fields.number('client', 0), fields.number('channel'), fields.number('bytes')];
    return (stage) => stage.echoing(client).refuse(channel, bytes);
  },
  network: (fields) => {
    const [loss, duplicates] = [fields.number('loss', 0) / 100, fields.number('repeat', 0) / 100];
    const [least, most] = fields.has('delay') ? fields.numbers('delay') : [0, 0];
    return (stage) => {
      stage.relay.badness = { loss, duplicates, delay: [least!, most!] };
    };
  },
  cut: () => (stage) => {
    stage.relay.isCut = true;
  },
  restore: () => (stage) => {
    stage.relay.isCut = false;
  },
  move: () => (stage) => stage.relay.changeAddresses(),
  rekey: (fields) => {
    const client = fields.number('client', 0);
    return (stage) => stage.echoing(client).rekey();
  },
  rest: (fields) => {
    const time = fields.number('time');
    return () => pass(time);
  },
  'restart-server': () => async (stage) => {
    await stage.server.kill();
    await stage.server.launch();
  },
  'shut-down-server': () => (stage) => stage.server.shutDown(),
  'start-server': () => (stage) => stage.server.launch(),
  kick: () => (stage) => stage.server.kickAll(),
  close: (fields) => {
    const client = fields.number('client', 0);
    return (stage) => stage.client(client).close();
  },
  enter: (fields) => {
    const client = fields.number('client', 0);
    const isRight = fields.word('level', ['right', 'wrong'], 'right') === 'right';
    return (stage) => stage.enter(client, isRight);
  },
  walk: (fields) => {
    const [client, ticks] = [fields.number('client', 0), fields.number('ticks')];
    const bounds = { movedLeast: fields.number('moved-least'), mispredictedMost: fields.number('mispredicted-most') };
    return (stage) => stage.walk(client, ticks, bounds);
  },
  sees: (fields) => {
    const [client, other] = [fields.number('client', 0), fields.number('other')];
    const [within, others] = [fields.number('within'), fields.number('others')];
    return (stage) => stage.player(client).sees(stage.player(other), within, others);
  },
  'expect-digests': (fields) => {
    const least = fields.number('least');
    return (stage) => stage.expectDigests(least);
  },
  ask: (fields) => {
    const [client, ask, answer] = [fields.number('client', 0), fields.text('ask'), fields.text('answer')];
    return (stage) => stage.player(client).ask(ask, answer);
  },
  say: (fields) => {
    const [client, text] = [fields.number('client', 0), fields.text('text')];
    return (stage) => stage.player(client).say(text);
  },
};

/** What a step does. Throws if there is no such step, or if a field is unknown, missing or wrong. */
export function actionOf(name: string, fields: Fields): Action {
  const read = Object.hasOwn(STEPS, name) ? STEPS[name] : undefined;
  if (!read) throw new Error('no such step');
  const action = read(fields);
  fields.end();
  return action;
}
