/** The downloads of a server, as PROTOCOL.md#downloads describes them, for tests. */

import { sha256 } from '@noble/hashes/sha2.js';

import { Reader } from '../../src/bytes/reader.js';
import { Writer } from '../../src/bytes/writer.js';
import { isResourceName } from '../../src/services/downloads/messages.js';
import { toHex } from '../vectors.js';

interface Fetch {
  readonly download: number;
  readonly content: Uint8Array;
  offset: number;
  readonly end: number;
}

const FETCHES_OPEN_MAX = 32;

export class DownloadServer {
  readonly out: Uint8Array[] = [];
  readonly contents = new Map<string, Uint8Array>();
  readonly signatures = new Map<string, Uint8Array>();
  /** Statuses of the next answers to Open. */
  readonly refusals: { readonly status: number; readonly wait: number }[] = [];
  /** Pieces that are sent in a step, and their bytes. */
  pieces = 4;
  pieceBytes = 1000;
  malformed = 0;
  readonly counts = { opens: 0, fetches: 0, stops: 0 };
  readonly open = new Map<number, string>();
  private fetches: Fetch[] = [];
  private readonly used = new Map<number, string>();

  /** A presence begins or ends. */
  restart(): void {
    this.open.clear();
    this.fetches = [];
    this.out.length = 0;
  }

  /** Closes a download, such as one that was idle. */
  close(download: number): void {
    this.open.delete(download);
    this.fetches = this.fetches.filter((fetch) => fetch.download !== download);
    this.refuse(download, 410, 0);
  }

  receive(message: Uint8Array): void {
    const reader = new Reader(message);
    const [kind, download] = [reader.u8(), reader.u32()];
    if (kind === 21) {
      const name = reader.utf8(reader.u8());
      if (reader.complete && isResourceName(name)) this.takeOpen(download, name);
      else this.malformed += 1;
    } else if (kind === 23) {
      const [hash, offset, length] = [toHex(reader.bytes(32)), reader.u53(), reader.u32()];
      if (reader.complete && length > 0 && length <= 262_144) this.takeFetch(download, hash, offset, length);
      else this.malformed += 1;
    } else if (kind === 25 && reader.complete) {
      this.counts.stops += 1;
      this.open.delete(download);
      this.fetches = this.fetches.filter((fetch) => fetch.download !== download);
    } else this.malformed += 1;
  }

  /** Sends the next pieces. */
  step(): void {
    for (let count = this.pieces; count > 0 && this.fetches.length > 0; count -= 1) {
      const fetch = this.fetches[0]!;
      const { content } = fetch;
      const end = Math.min(fetch.end, fetch.offset + this.pieceBytes);
      const writer = new Writer().u8(24).u32(fetch.download).u53(fetch.offset).bytes(content.subarray(fetch.offset, end));
      this.out.push(writer.copy());
      fetch.offset = end;
      if (end === fetch.end) this.fetches.shift();
    }
  }

  private takeOpen(download: number, name: string): void {
    this.counts.opens += 1;
    const refusal = this.refusals.shift();
    if (refusal) return this.refuse(download, refusal.status, refusal.wait);
    const content = this.contents.get(name);
    if (!content) return this.refuse(download, 404, 0);
    // A number stands for one download.
    if ((this.used.get(download) ?? name) !== name) this.malformed += 1;
    this.used.set(download, name);
    this.open.set(download, name);
    const signature = this.signatures.get(name) ?? new Uint8Array(64);
    this.out.push(new Writer().u8(22).u32(download).u16(200).u32(0).bytes(sha256(content)).u53(content.length).bytes(signature).copy());
  }

  private takeFetch(download: number, hash: string, offset: number, length: number): void {
    this.counts.fetches += 1;
    const name = this.open.get(download);
    if (name === undefined) return this.refuse(download, 410, 0);
    const content = this.contents.get(name)!;
    if (toHex(sha256(content)) !== hash) return this.refuse(download, 409, 0);
    const end = offset + length;
    if (end > content.length) return this.refuse(download, 416, 0);
    const isKnown = this.fetches.some((fetch) => fetch.download === download && fetch.offset <= offset && end <= fetch.end);
    if (!isKnown && this.fetches.length < FETCHES_OPEN_MAX) this.fetches.push({ download, content, offset, end });
  }

  private refuse(download: number, status: number, wait: number): void {
    this.open.delete(download);
    this.out.push(new Writer().u8(22).u32(download).u16(status).u32(wait).zeros(32 + 8 + 64).copy());
  }
}
