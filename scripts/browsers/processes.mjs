// The programs of a run: servers, gateways and bots, on free ports of loopback. All end with the run.
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createWriteStream } from 'node:fs';
import { createServer } from 'node:net';
import { cpus } from 'node:os';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

/** Starts a program, and resolves once its output has `words`; without words at once. Its output goes to `log`. */
function start(program, args, log, words) {
    const file = createWriteStream(log, { flags: 'a' });
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(child);
    return new Promise((resolve, reject) => {
        let output = '';
        const read = (chunk) => {
            file.write(chunk);
            if (output.length < 65536) output += chunk;
            if (words && output.includes(words)) resolve(child);
        };
        child.stdout.on('data', read);
        child.stderr.on('data', read);
        child.once('error', reject);
        if (!words) child.once('spawn', () => resolve(child));
        child.once('exit', (code) => {
            running.delete(child);
            reject(new Error(`${program} ${args[0]} ended with status ${code}: ${output.slice(-2000)}`));
        });
        setTimeout(() => reject(new Error(`${program} ${args[0]} did not say \`${words}\`: see ${log}`)), 20000).unref();
    });
}

function end(child) {
    if (!child || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
        child.once('exit', resolve);
        child.kill('SIGKILL');
    });
}

/** Ends everything. */
export async function endAll() {
    await Promise.all([...running].map((child) => end(child)));
}

/** A port that neither TCP nor UDP uses. */
export async function freePort() {
    for (;;) {
        const tcp = createServer();
        const port = await new Promise((resolve) => tcp.listen(0, '127.0.0.1', () => resolve(tcp.address().port)));
        const udp = createSocket('udp4');
        const isFree = await new Promise((resolve) => {
            udp.once('error', () => resolve(false));
            udp.bind(port, '127.0.0.1', () => resolve(true));
        });
        udp.close();
        await new Promise((resolve) => tcp.close(resolve));
        if (isFree) return port;
    }
}

/** A server: `ringshard serve`. */
export class Server {
    static async start(programs, folder, name, options) {
        const server = new Server();
        const key = `${folder}/${name}.key`;
        server.key = execFileSync(programs.ringshard, ['keygen', '--out', key], { stdio: ['ignore', 'pipe', 'ignore'] })
            .toString()
            .trim();
        server.address = `127.0.0.1:${await freePort()}`;
        const admin = `127.0.0.1:${await freePort()}`;
        const args = ['serve', '--key', key, '--listen', server.address, '--admin', admin, '--idle', 'park'];
        // The gateway's only thread is on CPU 0.
        args.push('--cpus', `${cpus().length - 1}`);
        server.launch = async () => {
            server.child = await start(programs.ringshard, [...args, ...options], `${folder}/${name}.log`, 'serving');
        };
        await server.launch();
        return server;
    }

    /** Ends the server without a word to its clients, and starts it again. */
    async restart() {
        await this.end();
        await this.launch();
    }

    end() {
        return end(this.child);
    }
}

/** A gateway: `ringshard gateway`, with one thread. `carriers`: those that are on. */
export class Gateway {
    static async start(programs, folder, name, server, carriers = undefined) {
        const gateway = new Gateway();
        gateway.port = await freePort();
        gateway.webrtcPort = await freePort();
        const listen = `127.0.0.1:${gateway.port}`;
        gateway.origin = `http://${listen}`;
        const args = ['gateway', '--listen', listen, '--webrtc-port', `${gateway.webrtcPort}`, '--threads', '1'];
        args.push('--admin', `127.0.0.1:${await freePort()}`, '--development-folder', `${folder}/certificate`);
        args.push('--server', `home=${server.address},${server.key}`);
        if (carriers) args.push('--carriers', carriers.join(','));
        gateway.child = await start(programs.ringshard, args, `${folder}/${name}.log`, 'serv');
        return gateway;
    }

    end() {
        return end(this.child);
    }
}

/** Native players that walk about, until `end`. */
export class Bots {
    static async start(programs, folder, server) {
        const bots = new Bots();
        const args = ['bots', '--server', server.address, '--key', server.key, '--clients', '3', '--observers', '1'];
        args.push('--moving', '1', '--warm-up', '600', '--flows', 'distinct');
        bots.child = await start(programs.bench, args, `${folder}/bots.log`, undefined);
        return bots;
    }

    /** Fails if they have ended by themselves. */
    check() {
        if (this.child.exitCode !== null) throw new Error(`the native players ended with status ${this.child.exitCode}: see bots.log`);
    }

    end() {
        return end(this.child);
    }
}
