// A bad network between a page and a gateway: carriers that the gateway offers, and whose packets vanish.
import { createSocket } from 'node:dgram';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';

/** Passes HTTP and WebSockets on to a gateway. What the gateway says about blocked carriers points to a port that is silent. */
export class Obstacle {
    static async start(gateway, blocked) {
        const obstacle = new Obstacle();
        const hole = createSocket('udp4');
        await new Promise((resolve) => hole.bind(0, '127.0.0.1', resolve));
        const server = createServer((asked, answer) => obstacle.#pass(asked, answer));
        server.on('upgrade', (asked, socket, head) => obstacle.#upgrade(asked, socket, head));
        await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
        obstacle.origin = `http://127.0.0.1:${server.address().port}`;
        Object.assign(obstacle, { gateway, blocked, hole, server });
        return obstacle;
    }

    end() {
        this.hole.close();
        this.server.closeAllConnections();
        this.server.close();
    }

    #pass(asked, answer) {
        const { method, url, headers } = asked;
        const to = { host: '127.0.0.1', port: this.gateway.port, method, path: url, headers: { ...headers, host: this.#host() } };
        const passed = request(to, (from) => {
            const chunks = [];
            from.on('data', (chunk) => chunks.push(chunk));
            from.on('end', () => {
                const body = this.#mislead(url, Buffer.concat(chunks));
                const { 'transfer-encoding': _, ...kept } = from.headers;
                answer.writeHead(from.statusCode, { ...kept, 'content-length': body.length });
                answer.end(body);
            });
        });
        passed.on('error', () => answer.destroy());
        asked.pipe(passed);
    }

    #mislead(url, body) {
        const { port } = this.hole.address();
        if (url === '/v1/gateway' && this.blocked.includes('webtransport')) {
            const said = JSON.parse(body);
            if (said.webtransport) said.webtransport.port = port;
            return Buffer.from(JSON.stringify(said));
        }
        if (url.endsWith('/webrtc') && this.blocked.includes('webrtc')) {
            return Buffer.from(body.toString().replaceAll(` ${this.gateway.webrtcPort} typ`, ` ${port} typ`));
        }
        return body;
    }

    #upgrade(asked, socket, head) {
        const passed = connect(this.gateway.port, '127.0.0.1', () => {
            const lines = [`${asked.method} ${asked.url} HTTP/1.1`];
            for (let at = 0; at < asked.rawHeaders.length; at += 2) {
                const [name, value] = asked.rawHeaders.slice(at, at + 2);
                lines.push(`${name}: ${name.toLowerCase() === 'host' ? this.#host() : value}`);
            }
            passed.write(`${lines.join('\r\n')}\r\n\r\n`);
            passed.write(head);
            passed.pipe(socket);
            socket.pipe(passed);
        });
        passed.on('error', () => socket.destroy());
        socket.on('error', () => passed.destroy());
    }

    #host() {
        return `127.0.0.1:${this.gateway.port}`;
    }
}
