// The scenarios of scripts/browsers.sh. Run that, not this.
import { readFileSync, mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { Chromium } from './chromium.mjs';
import { Obstacle } from './obstacle.mjs';
import { Bots, Gateway, Server, endAll } from './processes.mjs';

const TRANSPORTS = ['webtransport', 'webrtc', 'websocket'];
/** Longest time until the next carrier is in use, in milliseconds. */
const NEXT_CARRIER_MS = 3000;

const [ringshard, bench, chromium, folder, wanted] = process.argv.slice(2);
const programs = { ringshard, bench };
const transports = TRANSPORTS.filter((transport) => wanted === 'all' || wanted.split(',').includes(transport));
mkdirSync(folder, { recursive: true });

let failures = 0;
const page = await echoPage();
const browser = await Chromium.start(chromium, `${folder}/profile`);
console.log(`           ${browser.product}`);
try {
    await echoScenarios();
    await playScenarios();
    await fallBackScenarios();
} catch (error) {
    failures += 1;
    console.log(`wrong      ${error.message}`);
} finally {
    await browser.stop().catch(() => {});
    page.server.close();
    await endAll();
}
process.exit(failures === 0 ? 0 : 1);

/** Runs a scenario, and reports. Others go on after a failure. */
async function run(name, scenario) {
    const start = performance.now();
    try {
        const said = await scenario();
        console.log(`ok ${`${Math.round(performance.now() - start)}`.padStart(5)} ms  ${name}${said ? `: ${said}` : ''}`);
    } catch (error) {
        failures += 1;
        console.log(`wrong      ${name}: ${error.message}`);
    }
}

function check(condition, what) {
    if (!condition) throw new Error(what);
}

function pass(milliseconds) {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Serves the page that echoes. */
async function echoPage() {
    const script = readFileSync(`${folder}/echo.js`);
    const server = createServer((asked, answer) => {
        const isScript = asked.url === '/echo.js';
        answer.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
        answer.end(isScript ? script : '<!doctype html><title>Echo</title><script src="/echo.js"></script>');
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { server, origin: `http://127.0.0.1:${server.address().port}` };
}

function echoUrl(gateway, carriers) {
    return `${page.origin}/?gateway=${encodeURIComponent(gateway.origin)}&transport=${carriers.join(',')}`;
}

/** Each carrier alone: echoes on all channels, large messages, a restart of the server. */
async function echoScenarios() {
    const server = await Server.start(programs, folder, 'echo', ['--heartbeat-ms', '400', '--timeout-ms', '1500']);
    const gateway = await Gateway.start(programs, folder, 'echo-gateway', server);
    for (const transport of transports) {
        const tab = await browser.open(echoUrl(gateway, [transport]));
        await run(`${transport}: connects`, async () => {
            await tab.until('connected', 'window.echo?.state === "connected"');
            await tab.until('the carrier is known', `window.echo.transport === "${transport}"`);
        });
        await run(`${transport}: echoes on all channels`, async () => `${await tab.value('echo.all()')} messages`);
        await run(`${transport}: echoes of 65,536 bytes`, async () => `${await tab.value('echo.large()')} messages`);
        await run(`${transport}: connects again after the server's restart`, async () => {
            await server.restart();
            await tab.until('connected again', 'window.echo.connections >= 2 && window.echo.state === "connected"', 20);
            await tab.value('echo.once(1, 300)');
            check((await tab.value('echo.transport')) === transport, 'over another carrier');
        });
        await run(`${transport}: the page has no complaint`, async () => noComplaint(tab));
        await tab.close();
    }
    await gateway.end();
    await server.end();
}

/** Each carrier alone: into the world, walk, see a native player move. Pictures of the last one. */
async function playScenarios() {
    const server = await Server.start(programs, folder, 'demo', ['--game', 'demo', '--npcs', '20', '--layout', 'crowd']);
    const gateway = await Gateway.start(programs, folder, 'demo-gateway', server);
    const bots = await Bots.start(programs, folder, server);
    for (const transport of transports) {
        const tab = await browser.open(`${gateway.origin}/?transport=${transport}`);
        await run(`${transport}: enters the world`, async () => {
            await tab.until('in the world', 'window.ringshard?.state === "playing" && window.ringshard.player', 20);
            check((await tab.value('ringshard.transport')) === transport, 'over another carrier');
        });
        await run(`${transport}: walks`, async () => {
            const before = await tab.value('ringshard.player');
            await tab.hold('KeyW', 'w', 1500);
            const after = await tab.value('ringshard.player');
            const way = Math.hypot(after.x - before.x, after.y - before.y);
            check(way > 50, `walked ${way.toFixed(2)} units in 1.5 s`);
            return `${Math.round(way)} units`;
        });
        await run(`${transport}: sees native players move`, async () => {
            bots.check();
            return seesPlayersMove(tab);
        });
        await run(`${transport}: pictures`, () => pictures(gateway, tab, transport));
        await run(`${transport}: the page has no complaint`, async () => noComplaint(tab));
        await tab.close();
    }
    await bots.end();
    await gateway.end();
    await server.end();
}

async function seesPlayersMove(tab) {
    const isPlayer = '({ kind }) => kind === "player"';
    await tab.until('a native player', `ringshard.entities.some(${isPlayer})`);
    const where = async () => new Map((await tab.value(`ringshard.entities.filter(${isPlayer})`)).map((one) => [one.index, one]));
    const before = await where();
    await pass(2000);
    const after = await where();
    let moved = 0;
    for (const [index, { x, y }] of before) {
        const now = after.get(index);
        if (now && Math.hypot(now.x - x, now.y - y) > 1) moved += 1;
    }
    check(moved > 0, `of ${before.size} native players none moved`);
    return `${moved} of ${before.size}`;
}

async function pictures(gateway, tab, transport) {
    await tab.screenshot(`${folder}/${transport}-desktop.png`);
    const phone = await browser.open(`${gateway.origin}/?transport=${transport}`, { width: 360, height: 740, phone: true });
    await phone.until('in the world on a phone', 'window.ringshard?.state === "playing" && window.ringshard.player', 20);
    await pass(1500);
    await phone.screenshot(`${folder}/${transport}-phone.png`);
    noComplaint(phone);
    await phone.close();
}

/** Carriers that are off, or whose packets vanish: the next is taken. */
async function fallBackScenarios() {
    const server = await Server.start(programs, folder, 'fallback', []);
    for (let off = 1; off < TRANSPORTS.length; off += 1) {
        const [without, next] = [TRANSPORTS.slice(0, off), TRANSPORTS[off]];
        await run(`${without.join(' and ')} off: ${next} is taken`, async () => {
            const gateway = await Gateway.start(programs, folder, 'off', server, TRANSPORTS.slice(off));
            const took = await takes(gateway.origin, next);
            await gateway.end();
            check(took < NEXT_CARRIER_MS, `after ${Math.round(took)} ms`);
            return `after ${Math.round(took)} ms`;
        });
    }
    const gateway = await Gateway.start(programs, folder, 'blocked', server);
    for (let off = 1; off < TRANSPORTS.length; off += 1) {
        const [blocked, next] = [TRANSPORTS.slice(0, off), TRANSPORTS[off]];
        await run(`packets of ${blocked.join(' and ')} vanish: ${next} is taken`, async () => {
            const obstacle = await Obstacle.start(gateway, blocked);
            const took = await takes(obstacle.origin, next);
            obstacle.end();
            check(took < NEXT_CARRIER_MS * blocked.length, `after ${Math.round(took)} ms`);
            return `after ${Math.round(took)} ms`;
        });
    }
    await gateway.end();
}

/** How long a page takes until it is connected over `transport`, in milliseconds. */
async function takes(origin, transport) {
    const tab = await browser.open(echoUrl({ origin }, TRANSPORTS));
    await tab.until('the page is there', 'window.echo');
    const took = await tab.until('connected', 'window.echo.state === "connected"', 20);
    check((await tab.value('echo.transport')) === transport, `over ${await tab.value('echo.transport')}`);
    await tab.value('echo.once(1, 300)');
    await tab.close();
    return took;
}

function noComplaint(tab) {
    check(tab.complaints.length === 0, tab.complaints.slice(0, 3).join(' | '));
}
