/** The four kinds of channels: PROTOCOL.md#channels. */

import { CHANNELS } from './limits.js';

/** How a channel delivers, by its number modulo 4. */
export const Delivery = { Unreliable: 0, ReliableOrdered: 1, ReliableUnordered: 2, UnreliableSequenced: 3 } as const;
export type Delivery = (typeof Delivery)[keyof typeof Delivery];

export function isChannel(channel: number): boolean {
  return Number.isInteger(channel) && channel >= 0 && channel < CHANNELS;
}

export function deliveryOf(channel: number): Delivery {
  return (channel & 3) as Delivery;
}

export function isReliable(channel: number): boolean {
  const delivery = deliveryOf(channel);
  return delivery === Delivery.ReliableOrdered || delivery === Delivery.ReliableUnordered;
}

/** Whether whole messages of the channel travel with a number. */
export function isNumbered(channel: number): boolean {
  return deliveryOf(channel) !== Delivery.Unreliable;
}
