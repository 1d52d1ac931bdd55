/** What only Node can use: sessions over UDP. */

import { Session, type SessionOptions } from './session/session.js';
import { udp } from './transports/udp.js';

export { udp };

/** Starts a session with a server at an IP address or name and a UDP port. It follows the server to whatever address that names. */
export function connectUdp(host: string, port: number, options: SessionOptions): Session {
  return new Session([udp(host, port)], { openersTo: ({ address, port }) => [udp(address, port)], ...options });
}
