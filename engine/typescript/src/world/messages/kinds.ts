/** The first byte of a message: PROTOCOL.md#world-message-kinds. */

export const KINDS = {
  inputs: 1,
  enter: 3,
  snapshot: 6,
  event: 7,
  ask: 8,
  answer: 9,
  changeServer: 28,
} as const;

/** Channels on which a client sends: any of a kind would do. */
export const CHANNELS = { unreliable: 0, reliableOrdered: 1, reliableUnordered: 2, sequenced: 3 } as const;
