/**
 * Downloads of bulk data while the player is in the world: PROTOCOL.md#downloads. Hand in each message of the session
 * (`received`), and call `update` once per frame.
 */

import { Writer } from '../../bytes/writer.js';
import type { MessagePort } from '../../connection/types.js';
import { ServiceError } from '../error.js';
import type { Presences } from '../services.js';
import {
  DOWNLOAD_KINDS, DOWNLOADS_OPEN_MAX, FETCH_BYTES_MAX, FETCHES_OPEN_MAX, isResourceName, PIECE_BYTES_MAX, readOpened, readPiece,
  signedBytes, writeFetch, writeOpen, writeStop, type Opened,
} from './messages.js';
import type { Range } from './range.js';
import { REPEAT, TIMES_MAX, Transfer } from './transfer.js';

export interface DownloadsOptions {
  /**
   * The operator's public key, Ed25519, 32 bytes: `ringshard resources keygen` prints it. With it, a content must be signed,
   * unless the page says otherwise or knows its hash. The platform's WebCrypto must know Ed25519.
   */
  readonly operatorKey?: Uint8Array | undefined;
  /** Milliseconds of a clock that does not go back. Default: the platform's. */
  readonly clock?: () => number;
}

export interface DownloadOptions {
  /** Bytes of the content that the page takes. Default: 64 MiB. */
  readonly bytesMax?: number;
  /** The SHA-256 of the content, if the page knows it: then no signature is needed. */
  readonly hash?: Uint8Array | undefined;
  /** Takes whatever the server has, such as tiles of a map: no signature is needed. */
  readonly trustServer?: boolean;
  /** Is called as bytes arrive. */
  readonly onProgress?: (arrived: number, size: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Counts since the start. */
export interface DownloadsStats {
  /** Messages that break the rules. */
  malformed: number;
  /** Messages about downloads that have ended. */
  strays: number;
  /** Opens and Fetches that were sent again. */
  repeats: number;
}

/** A transfer, and whom it is for. */
interface Entry {
  readonly transfer: Transfer;
  readonly resolve: (content: Promise<Uint8Array>) => void;
  readonly reject: (why: ServiceError) => void;
}

const BYTES_MAX_DEFAULT = 64 << 20;
/** Messages about downloads leave on this channel: reliable, and not in the way of the game's own. */
const CHANNEL = 2;
/** Bytes that are asked for at once: at least, at the start, at most. */
const WINDOW = { least: 64 << 10, start: 128 << 10, most: 2 << 20 } as const;
/** A range that takes no longer makes the window grow; one that takes longer makes it shrink. Milliseconds. */
const [FAST, SLOW] = [500, 2000];
const NAME_OF_HASH = /^sha256\/([0-9a-f]{64})$/;

export class Downloads {
  readonly stats: DownloadsStats = { malformed: 0, strays: 0, repeats: 0 };

  private readonly entries: Entry[] = [];
  private readonly stops: number[] = [];
  private readonly clock: () => number;
  private nextNumber = 1;
  /** The presence in which the downloads are open; 0: none. */
  private presence = 0;
  private window: number = WINDOW.start;
  /** When a byte arrived last that was missing. */
  private arrived = 0;
  /** When the youngest range was asked for of which bytes have arrived. */
  private served = 0;
  private readonly writer = new Writer(256);

  constructor(
    private readonly client: Presences,
    private readonly options: DownloadsOptions = {},
  ) {
    if (options.operatorKey && options.operatorKey.length !== 32) throw new RangeError('the key of an operator has 32 bytes');
    this.clock = options.clock ?? (() => performance.now());
  }

  /** Downloads that have not ended. */
  get open(): number {
    return this.entries.length;
  }

  /**
   * Downloads a content: `maps/north.ringmap`, `sha256/HEX`, or `tile/SET/Z/X/Y`. It goes on over lost connections. While the
   * client is outside the world, it waits.
   *
   * Rejects with a RangeError if the name is none, and with a ServiceError if the download fails.
   */
  async get(name: string, options: DownloadOptions = {}): Promise<Uint8Array> {
    if (!isResourceName(name)) throw new RangeError(`"${name}" is no name of a resource`);
    const { signal, bytesMax = BYTES_MAX_DEFAULT, onProgress = (): void => {} } = options;
    if (signal?.aborted === true) throw cancelled(name);
    if (this.entries.length >= DOWNLOADS_OPEN_MAX) {
      throw new ServiceError('full', `${name} was not downloaded: ${DOWNLOADS_OPEN_MAX} downloads are open`);
    }
    const hash = options.hash ?? hashIn(name);
    const key = hash || options.trustServer === true ? undefined : this.options.operatorKey;
    const verify = (opened: Opened): Promise<boolean> => isSigned(name, opened, key);
    const transfer = new Transfer(this.number(), { name, hash, bytesMax, progress: onProgress, verify }, this.clock());
    const cancel = (): void => this.fail(transfer, cancelled(name));
    signal?.addEventListener('abort', cancel);
    try {
      return await new Promise<Uint8Array>((resolve, reject) => this.entries.push({ transfer, resolve, reject }));
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  /** Takes a message of the session. False if it is none of a download. Whatever its bytes are, nothing is thrown. */
  received(message: Uint8Array): boolean {
    this.follow();
    if (message[0] !== DOWNLOAD_KINDS.opened && message[0] !== DOWNLOAD_KINDS.piece) return false;
    const [opened, piece] = [readOpened(message), readPiece(message)];
    const number = (opened ?? piece)?.download;
    const entry = this.entries.find(({ transfer }) => transfer.number === number);
    if (number === undefined) this.stats.malformed += 1;
    else if (!entry || this.presence === 0) this.stats.strays += 1;
    else {
      const { transfer } = entry;
      this.attempt(transfer, () => {
        if (opened) this.takeOpened(transfer, opened);
        else this.takePiece(transfer, piece!);
      });
      if (transfer.isComplete) this.remove(transfer)?.resolve(transfer.finish());
    }
    return true;
  }

  /** Sends what is due. Call it once per frame. */
  update(port: MessagePort): void {
    this.follow();
    if (this.presence === 0 || !this.client.isConnected) return;
    const now = this.clock();
    this.noteLost(now);
    while (this.writeNext(now)) {
      // What does not leave is repeated.
      if (port.send(CHANNEL, this.writer.written()) !== 'queued') return;
    }
  }

  private follow(): void {
    const presence = this.client.isInWorld ? this.client.presences : 0;
    if (presence === this.presence) return;
    this.presence = presence;
    this.stops.length = 0;
    this.window = Math.min(this.window, WINDOW.start);
    const now = this.clock();
    if (presence > 0) for (const { transfer } of this.entries) transfer.reopen(this.number(), now);
  }

  private number(): number {
    const number = this.nextNumber;
    this.nextNumber = (number + 1) >>> 0;
    return number;
  }

  private takeOpened(transfer: Transfer, opened: Opened): void {
    const again = transfer.opened(this.clock(), opened);
    if (again === undefined) return;
    if (opened.status === 200) this.stop(transfer.number);
    transfer.reopen(this.number(), again);
  }

  private takePiece(transfer: Transfer, piece: NonNullable<ReturnType<typeof readPiece>>): void {
    const taken = transfer.piece(piece);
    if (taken.is === 'useless') return;
    const now = this.clock();
    const { asked = 0, isComplete, bytes } = taken.range;
    this.arrived = now;
    this.served = Math.max(this.served, asked);
    if (!isComplete) return;
    const took = now - asked;
    const change = took <= FAST ? bytes.length : took > SLOW ? -bytes.length / 2 : 0;
    this.window = Math.min(WINDOW.most, Math.max(WINDOW.least, this.window + change));
  }

  /** The server sends ranges in the order of the Fetches: one that a younger one has overtaken is lost. */
  private noteLost(now: number): void {
    let isLost = false;
    for (const { asked, range } of this.waiting()) {
      if (now - (asked < this.served ? asked : Math.max(asked, this.arrived)) < REPEAT) continue;
      range.asked = undefined;
      isLost = true;
    }
    if (isLost) this.window = Math.max(WINDOW.least, this.window / 2);
  }

  /** The ranges that were asked for and have not arrived. */
  private waiting(): { readonly asked: number; readonly range: Range }[] {
    return this.entries.flatMap(({ transfer }) =>
      transfer.ranges.flatMap((range) =>
        range.asked === undefined || range.isComplete ? [] : [{ asked: range.asked, range }],
      ),
    );
  }

  /** Writes the next message. False: there is none now. */
  private writeNext(now: number): boolean {
    this.writer.clear();
    const stop = this.stops.shift();
    if (stop !== undefined) {
      writeStop(stop, this.writer);
      return true;
    }
    return this.writeOpen(now) || this.writeFetch(now);
  }

  private writeOpen(now: number): boolean {
    const entry = this.entries.find(({ transfer: { openAt } }) => openAt !== undefined && openAt <= now);
    if (!entry) return false;
    const { transfer } = entry;
    if (transfer.opens >= TIMES_MAX) {
      this.fail(transfer, silent(transfer));
      return this.writeOpen(now);
    }
    this.stats.repeats += transfer.opens > 0 ? 1 : 0;
    transfer.opens += 1;
    transfer.openAt = now + REPEAT;
    writeOpen(transfer.number, transfer.wanted.name, this.writer);
    return true;
  }

  private writeFetch(now: number): boolean {
    const found = this.nextRange();
    if (!found) return false;
    const { transfer, range } = found;
    if (range.times >= TIMES_MAX) {
      this.fail(transfer, silent(transfer));
      return this.writeFetch(now);
    }
    this.stats.repeats += range.times > 0 ? 1 : 0;
    range.asked = now;
    range.times += 1;
    const [offset, length] = range.missing();
    writeFetch(transfer.number, transfer.hash, offset, length, this.writer);
    return true;
  }

  /** The range that is asked for next; a new one if the window has room. */
  private nextRange(): { readonly transfer: Transfer; readonly range: Range } | undefined {
    if (this.waiting().length >= FETCHES_OPEN_MAX) return undefined;
    const open = this.entries.map(({ transfer }) => transfer).filter(({ openAt }) => openAt === undefined);
    const bytes = open.reduce((sum, { ranges }) => ranges.reduce((all, range) => all + range.bytes.length, sum), 0);
    const grain = Math.ceil(this.window / 8 / PIECE_BYTES_MAX) * PIECE_BYTES_MAX;
    const length = Math.min(FETCH_BYTES_MAX, Math.max(2 * PIECE_BYTES_MAX, grain));
    const hasRoom = bytes === 0 || bytes + length <= this.window;
    for (const transfer of open) {
      const again = transfer.ranges.find(({ asked, isComplete }) => asked === undefined && !isComplete);
      const range = again ?? (hasRoom && transfer.addRange(length) ? transfer.ranges.at(-1) : undefined);
      if (range) return { transfer, range };
    }
    return undefined;
  }

  /** Ends the download with the error that a step throws. */
  private attempt(transfer: Transfer, step: () => void): void {
    try {
      step();
    } catch (why) {
      this.fail(transfer, why instanceof ServiceError ? why : new ServiceError('cancelled', String(why)));
    }
  }

  private fail(transfer: Transfer, why: ServiceError): void {
    this.remove(transfer)?.reject(why);
  }

  private remove(transfer: Transfer): Entry | undefined {
    const at = this.entries.findIndex((entry) => entry.transfer === transfer);
    if (at < 0) return undefined;
    if (this.presence > 0 && (transfer.opens > 0 || transfer.openAt === undefined)) this.stop(transfer.number);
    return this.entries.splice(at, 1)[0];
  }

  private stop(number: number): void {
    // Without room for it, the server closes the download when it is idle.
    if (this.stops.length < DOWNLOADS_OPEN_MAX) this.stops.push(number);
  }
}

function cancelled(name: string): ServiceError {
  return new ServiceError('cancelled', `the download of ${name} was cancelled`);
}

function silent({ wanted }: Transfer): ServiceError {
  return new ServiceError('expired', `the server does not answer to the download of ${wanted.name}`);
}

/** The hash in a name such as `sha256/HEX`. */
function hashIn(name: string): Uint8Array | undefined {
  const hex = NAME_OF_HASH.exec(name)?.[1];
  return hex === undefined ? undefined : Uint8Array.from({ length: 32 }, (_, at) => parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}

/** Whether a content is signed with a key; without a key, it need not be. */
async function isSigned(name: string, { size, hash, signature }: Opened, key: Uint8Array | undefined): Promise<boolean> {
  if (!key) return true;
  if (signature.every((byte) => byte === 0)) return false;
  const message = signedBytes(name, size, hash) as Uint8Array<ArrayBuffer>;
  try {
    const imported = await crypto.subtle.importKey('raw', key as Uint8Array<ArrayBuffer>, 'Ed25519', false, ['verify']);
    return await crypto.subtle.verify('Ed25519', imported, signature as Uint8Array<ArrayBuffer>, message);
  } catch (why) {
    throw new ServiceError('damaged', `this platform cannot check the signature of ${name}: ${String(why)}`);
  }
}
