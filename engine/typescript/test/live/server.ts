/** A real server for live tests. RINGSHARD names its program; default: the one of this repository's release build. */

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { fromHex } from '../vectors.js';

/** The program of the server. */
const PROGRAM = process.env['RINGSHARD'] ?? fileURLToPath(new URL('../../../../../target/release/ringshard', import.meta.url));

/** Runs the program to its end, and gives what it prints. */
export function ringshard(...args: string[]): string {
  return execFileSync(PROGRAM, args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString().trim();
}

export class LiveServer {
  private constructor(
    readonly port: number,
    readonly key: Uint8Array,
    private readonly admin: number,
    private readonly folder: string,
    private readonly args: readonly string[],
    private process: ChildProcess,
  ) {}

  /** Starts a server on the loopback address. `args`: further options of `ringshard serve`. */
  static async start(...args: string[]): Promise<LiveServer> {
    const folder = mkdtempSync(join(tmpdir(), 'ringshard-live-'));
    const key = join(folder, 'key');
    const printed = ringshard('keygen', '--out', key);
    const [port, admin] = [await freePort(), await freePort()];
    const all = ['serve', '--key', key, '--listen', `127.0.0.1:${port}`, '--admin', `127.0.0.1:${admin}`];
    all.push('--cpus', '0', '--idle', 'park', ...args);
    const server = new LiveServer(port, fromHex(printed), admin, folder, all, await launch(all));
    return server;
  }

  /** How often an event of METRICS.md has happened. */
  async events(name: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.admin}/metrics`)).text();
    const lines = text.split('\n').filter((line) => line.includes(`event="${name}"`));
    if (lines.length === 0) throw new Error(`the server does not count ${name}`);
    return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
  }

  /** Ends the server without a word to its clients, and starts it again. */
  async restart(): Promise<void> {
    await this.kill();
    this.process = await launch(this.args);
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true });
  }

  private kill(): Promise<void> {
    return new Promise((resolve) => {
      this.process.once('exit', () => resolve());
      this.process.kill('SIGKILL');
    });
  }
}

/** Resolves when the server says that it serves. */
function launch(args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(PROGRAM, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  return new Promise((resolve, reject) => {
    let output = '';
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      if (output.includes('serving')) resolve(child);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.once('exit', () => reject(new Error(`the server ended: ${output}`)));
  });
}

export function freePort(): Promise<number> {
  const socket = createSocket('udp4');
  return new Promise((resolve) => {
    socket.bind(0, '127.0.0.1', () => {
      const { port } = socket.address();
      socket.close(() => resolve(port));
    });
  });
}
