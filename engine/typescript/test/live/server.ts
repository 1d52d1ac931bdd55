/** A real server for live tests. RINGSHARD names its program; default: the one of this repository's release build. */

import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { fromHex } from '../vectors.js';
import { until } from './waiting.js';

/** The program of the server. */
const PROGRAM = process.env['RINGSHARD'] ?? fileURLToPath(new URL('../../../../../target/release/ringshard', import.meta.url));

/** Runs the program to its end, and gives what it prints. */
export function ringshard(...args: string[]): string {
  return execFileSync(PROGRAM, args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString().trim();
}

export class LiveServer {
  private process: ChildProcess | undefined;
  /** What the program has printed since its last start. */
  private output = '';

  private constructor(
    readonly port: number,
    readonly key: Uint8Array,
    private readonly admin: number,
    private readonly folder: string,
    private readonly args: readonly string[],
  ) {}

  /** Starts a server on the loopback address. `args`: further options of `ringshard serve`. */
  static async start(...args: string[]): Promise<LiveServer> {
    const folder = mkdtempSync(join(tmpdir(), 'ringshard-live-'));
    const key = join(folder, 'key');
    const printed = ringshard('keygen', '--out', key);
    const [port, admin] = [await freePort(), await freePort()];
    const all = ['serve', '--key', key, '--listen', `127.0.0.1:${port}`, '--admin', `127.0.0.1:${admin}`];
    all.push('--admin-socket', socketIn(folder), '--cpus', '0', '--idle', 'park', ...args);
    const server = new LiveServer(port, fromHex(printed), admin, folder, all);
    await server.launch();
    return server;
  }

  /** How often an event of METRICS.md has happened. */
  async events(name: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.admin}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.includes(`event="${name}"`));
    if (lines.length === 0) throw new Error(`the server does not count ${name}`);
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  /** Starts the program. Resolves when it says that it serves. */
  async launch(): Promise<void> {
    const child = spawn(PROGRAM, this.args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        this.output += chunk.toString();
      });
    }
    this.process = child;
    await this.says('serving');
  }

  /** Asks the program to end. Resolves when it has ended. */
  async shutDown(): Promise<void> {
    const ended = this.ended();
    this.process?.kill('SIGTERM');
    await ended;
  }

  /** Ends the program without a word to its clients. */
  async kill(): Promise<void> {
    const ended = this.ended();
    this.process?.kill('SIGKILL');
    await ended;
  }

  /** Ends all connections, as an operator does. */
  async kickAll(): Promise<void> {
    await promisify(execFile)(PROGRAM, ['kick', '127.0.0.1', '--admin-socket', socketIn(this.folder)]);
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true });
  }

  private get hasEnded(): boolean {
    const { process } = this;
    return !process || process.exitCode !== null || process.signalCode !== null;
  }

  private async says(word: string): Promise<void> {
    await until(`the server says: ${word}`, () => this.output.includes(word) || this.hasEnded);
    if (!this.output.includes(word)) throw new Error(`the server ended: ${this.output}`);
  }

  private async ended(): Promise<void> {
    await until('the server has ended', () => this.hasEnded);
  }
}

function socketIn(folder: string): string {
  return join(folder, 'admin.sock');
}

/** A port that nobody uses. The kernel gives ports from 32768 on to other sockets at any time, so this one is lower. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_768);
    if ((await isFreeForUdp(port)) && (await isFreeForTcp(port))) return port;
  }
}

function isFreeForUdp(port: number): Promise<boolean> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.once('error', () => resolve(false));
    socket.bind(port, '127.0.0.1', () => socket.close(() => resolve(true)));
  });
}

function isFreeForTcp(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
