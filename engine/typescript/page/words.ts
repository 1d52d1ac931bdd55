/** What the page tells the player, in words. */

import type { DemoContract } from '../src/demo/index.js';
import type { TransportKind } from '../src/transports/transport.js';
import { SERVER_REASONS, type AnswerOf, type ContractPart, type Unanswered } from '../src/world/index.js';

/** The names of what carries datagrams. */
export const TRANSPORTS: Readonly<Record<TransportKind, string>> = {
  webtransport: 'WebTransport',
  webrtc: 'WebRTC',
  websocket: 'WebSocket',
  udp: 'UDP',
};

/** Why the server refuses a client, or puts it out. */
export function reasonInWords(reason: number): string {
  switch (reason) {
    case 1:
      return 'there is no room for another player';
    case SERVER_REASONS.backlog:
      return 'this page was silent for too long';
    case SERVER_REASONS.ticket:
      return 'the ticket is not valid';
    case SERVER_REASONS.busy:
      return 'the server is busy: try again in a moment';
    case SERVER_REASONS.elsewhere:
      return 'the account has entered from another client';
    case SERVER_REASONS.disabled:
      return 'the account was disabled';
    default:
      return `reason ${reason}`;
  }
}

export function wrongPart(part: ContractPart): string {
  return `this page and the server differ in ${part}: one of the two is outdated`;
}

export function answerInWords(answer: AnswerOf<DemoContract>): string {
  switch (answer.is) {
    case 'Drunk':
      return `You drink a potion: ${percent(answer.health)} health, ${answer.potions} left.`;
    case 'Hidden':
      return `You are invisible for ${Math.round(answer.ticks / 60)} s.`;
    case 'Restarted':
      return 'You start again.';
    case 'Refused':
      return refusedInWords(answer.why);
  }
}

function refusedInWords(why: Extract<AnswerOf<DemoContract>, { is: 'Refused' }>['why']): string {
  switch (why.is) {
    case 'NoBody':
      return 'You have no body.';
    case 'Unhurt':
      return 'You are unhurt.';
    case 'NoPotion':
      return 'You have no potion left.';
    case 'NoMana':
      return 'You have too little mana.';
    case 'TooEarly':
      return `Not yet: wait ${Math.ceil(why.ticks / 60)} s.`;
  }
}

export function unansweredInWords(why: Unanswered): string {
  return why === 'TooMany' ? 'You ask too much at once.' : 'The server did not answer.';
}

export function percent(of255: number): string {
  return `${Math.round((100 * of255) / 255)} %`;
}
