// Chromium without a window, driven over the DevTools protocol: JSON over file descriptors 3 and 4, with a NUL byte after
// each message (--remote-debugging-pipe). It needs no library.
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';

const FLAGS = [
    '--headless=new',
    '--remote-debugging-pipe',
    '--no-first-run',
    '--no-default-browser-check',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
    '--disable-gpu',
    '--mute-audio',
    // A hidden page would get fewer frames.
    '--disable-background-timer-throttling',
    '--disable-backgrounding-occluded-windows',
    '--disable-renderer-backgrounding',
    // Both are needed for WebRTC on a host that has loopback alone.
    '--allow-loopback-in-peer-connection',
    '--disable-features=WebRtcHideLocalIpsWithMdns,Translate',
];

export class Chromium {
    #process;
    #number = 0;
    #asked = new Map();
    #listeners = new Map();
    #rest = '';

    /** Starts a browser with a new profile in `folder`. */
    static async start(program, folder) {
        rmSync(folder, { recursive: true, force: true });
        mkdirSync(folder, { recursive: true });
        const browser = new Chromium();
        // As root, Chromium has no sandbox.
        const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : [];
        const args = [...FLAGS, ...sandbox, `--user-data-dir=${folder}`, 'about:blank'];
        browser.#process = spawn(program, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
        process.on('exit', () => browser.#process.kill('SIGKILL'));
        browser.#process.on('error', (error) => browser.#ended(`${program} cannot be started: ${error.message}`));
        browser.#process.on('exit', (code) => browser.#ended(`${program} ended with status ${code}`));
        browser.#process.stdio[3].on('error', () => {});
        browser.#process.stdio[4].setEncoding('utf8').on('data', (text) => browser.#read(text));
        const { product } = await browser.ask('Browser.getVersion');
        browser.product = product;
        return browser;
    }

    /** Sends a command. Resolves with its result. */
    ask(method, params = {}, sessionId = undefined) {
        const id = (this.#number += 1);
        return new Promise((resolve, reject) => {
            this.#asked.set(id, { resolve, reject, method });
            this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
        });
    }

    /** Opens a page. `phone`: a small screen with touch. */
    async open(url, { width = 1280, height = 800, phone = false } = {}) {
        const { targetId } = await this.ask('Target.createTarget', { url: 'about:blank' });
        const { sessionId } = await this.ask('Target.attachToTarget', { targetId, flatten: true });
        const page = new Page(this, targetId, sessionId);
        this.#listeners.set(sessionId, (method, params) => page.heard(method, params));
        await page.ask('Page.enable');
        await page.ask('Runtime.enable');
        await page.ask('Log.enable');
        const deviceScaleFactor = phone ? 2 : 1;
        await page.ask('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor, mobile: phone });
        if (phone) await page.ask('Emulation.setTouchEmulationEnabled', { enabled: true, maxTouchPoints: 5 });
        await page.ask('Page.navigate', { url });
        return page;
    }

    async stop() {
        const gone = new Promise((resolve) => this.#process.once('exit', resolve));
        if (this.#process.exitCode === null) {
            this.ask('Browser.close').catch(() => {});
            setTimeout(() => this.#process.kill('SIGKILL'), 5000).unref();
            await gone;
        }
    }

    #read(text) {
        const parts = (this.#rest + text).split('\0');
        this.#rest = parts.pop();
        for (const part of parts) {
            const { id, result, error, method, params, sessionId } = JSON.parse(part);
            const asked = this.#asked.get(id);
            this.#asked.delete(id);
            if (error) asked?.reject(new Error(`${asked.method}: ${error.message}`));
            else if (id) asked?.resolve(result);
            else this.#listeners.get(sessionId)?.(method, params);
        }
    }

    #ended(why) {
        for (const { reject } of this.#asked.values()) reject(new Error(why));
        this.#asked.clear();
    }
}

class Page {
    /** What the page complained about: uncaught exceptions and errors that it logged. */
    complaints = [];

    constructor(browser, targetId, sessionId) {
        Object.assign(this, { browser, targetId, sessionId });
    }

    ask(method, params) {
        return this.browser.ask(method, params, this.sessionId);
    }

    heard(method, params) {
        if (method === 'Runtime.exceptionThrown') {
            const { text, exception } = params.exceptionDetails;
            this.complaints.push(exception?.description ?? text);
        } else if (method === 'Runtime.consoleAPICalled' && params.type === 'error') {
            this.complaints.push(params.args.map(({ value, description }) => value ?? description).join(' '));
        }
    }

    /** The value of an expression of JavaScript, as JSON carries it. A promise is awaited. */
    async value(expression) {
        const params = { expression, returnByValue: true, awaitPromise: true };
        const { result, exceptionDetails } = await this.ask('Runtime.evaluate', params);
        if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
        return result.value;
    }

    /** Waits until an expression is true. Resolves with the milliseconds that took. */
    async until(what, expression, seconds = 15) {
        const start = performance.now();
        while (!(await this.value(`Boolean(${expression})`))) {
            if (performance.now() - start > seconds * 1000) {
                const seen = JSON.stringify(await this.value('window.ringshard ?? window.echo ?? document.body?.innerText'));
                throw new Error(`waited ${seconds} s in vain: ${what}. The page has: ${seen?.slice(0, 800)}`);
            }
            await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return performance.now() - start;
    }

    /** Holds a key down for so many milliseconds. */
    async hold(code, key, milliseconds) {
        await this.ask('Input.dispatchKeyEvent', { type: 'keyDown', code, key });
        await new Promise((resolve) => setTimeout(resolve, milliseconds));
        await this.ask('Input.dispatchKeyEvent', { type: 'keyUp', code, key });
    }

    async screenshot(file) {
        const { data } = await this.ask('Page.captureScreenshot', { format: 'png' });
        writeFileSync(file, Buffer.from(data, 'base64'));
    }

    async close() {
        await this.browser.ask('Target.closeTarget', { targetId: this.targetId });
    }
}
