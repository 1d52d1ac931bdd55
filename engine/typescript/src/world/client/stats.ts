/** Counts of a client, and its clocks. */

/** What a client did. */
export interface WorldStats {
  /** Snapshots applied, and their bytes. */
  snapshots: number;
  snapshotBytes: number;
  /** Updates of entities in those, without entities that came into view or left it. */
  updates: number;
  /** Snapshots that were malformed, or built on something unknown: the server violates the protocol. */
  snapshotsRefused: number;
  /** Snapshots older than one that was applied. */
  snapshotsLate: number;
  /** Snapshots that arrived while the client was not in the world. */
  snapshotsOutside: number;
  /** Numbers of snapshots that were passed over: they were lost, or came too late. */
  snapshotsMissing: number;
  /** Predicted ticks that were compared with the server's. */
  predicted: number;
  /** Of those, the ones that differed. */
  mispredicted: number;
  /** Corrections that moved the own pose, and the farthest of them, in units. */
  corrections: number;
  worstCorrection: number;
  /** Inputs that the game made. */
  inputsMade: number;
  /** Input messages sent. */
  inputsSent: number;
  /** Snapshots whose tick the server stepped without the player's input. */
  inputsMissed: number;
  /** Ticks that were stepped without asking the game for an input, because a frame took too long. */
  ticksSkipped: number;
  /** Frames shown. */
  frames: number;
  /** Frames whose shown tick was past the newest snapshot. */
  starved: number;
  /** Of those, the ones that extrapolation could still bridge. */
  extrapolated: number;
  /** Moves to the world of another server. */
  moves: number;
  /** Messages that were malformed: the server violates the protocol. */
  malformed: number;
}

export function noStats(): WorldStats {
  return {
    snapshots: 0,
    snapshotBytes: 0,
    updates: 0,
    snapshotsRefused: 0,
    snapshotsLate: 0,
    snapshotsOutside: 0,
    snapshotsMissing: 0,
    predicted: 0,
    mispredicted: 0,
    corrections: 0,
    worstCorrection: 0,
    inputsMade: 0,
    inputsSent: 0,
    inputsMissed: 0,
    ticksSkipped: 0,
    frames: 0,
    starved: 0,
    extrapolated: 0,
    moves: 0,
    malformed: 0,
  };
}

/** The clocks of a client, in ticks of the server that do not wrap at 2^32. */
export interface Clocks {
  /** The server's tick as it probably is there now. */
  readonly server: number;
  /** The tick at which others are shown. */
  readonly shown: number;
  /** How far the own inputs are ahead of the server. */
  readonly ahead: number;
  /** How much faster than time the clock of the own inputs runs: at most 0.02 faster or slower. */
  readonly rate: number;
  /** Mean deviation of the arrivals of snapshots, in milliseconds. */
  readonly jitter: number;
}
