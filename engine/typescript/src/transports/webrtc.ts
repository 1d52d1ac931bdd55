/** WebRTC: a data channel without order and without retransmission. One message is one datagram. */

import { DATAGRAM_BYTES_BASE } from '../wire/limits.js';
import { listening } from './listening.js';
import type { Opener, Transport } from './transport.js';

const CHANNEL = 'ringshard';
/** What waits in the browser beyond this is dropped: it would arrive too late. The largest message in pieces fits. */
const BUFFERED_BYTES_MAX = 131072;

/** `url`: takes the offer as text and gives the answer. */
export function webRtc(url: string): Opener {
  return {
    kind: 'webrtc',
    async open(events, signal) {
      if (typeof RTCPeerConnection === 'undefined') throw new Error('there is no WebRTC here');
      const peer = new RTCPeerConnection();
      const channel = peer.createDataChannel(CHANNEL, { ordered: false, maxRetransmits: 0 });
      channel.binaryType = 'arraybuffer';
      const ofPeer = listening(peer);
      const ofChannel = listening(channel);
      const close = (): void => {
        ofPeer.stop();
        ofChannel.stop();
        peer.close();
      };
      signal.addEventListener('abort', close);
      const opened = new Promise<Transport>((resolve, reject) => {
        let isOpen = false;
        const ended = (why: string): void => {
          close();
          if (isOpen) events.closed(why);
          else reject(new Error(why));
        };
        ofChannel.listen('open', () => {
          isOpen = true;
          resolve(transportOf(channel, close));
        });
        ofChannel.listen('message', (event) => {
          const { data } = event as MessageEvent<unknown>;
          if (data instanceof ArrayBuffer) events.received(new Uint8Array(data));
        });
        ofChannel.listen('close', () => ended('the data channel closed'));
        ofPeer.listen('connectionstatechange', () => {
          if (peer.connectionState === 'failed') ended('no pair of addresses works');
        });
      });
      try {
        await exchange(peer, url, signal);
      } catch (error) {
        opened.catch(() => undefined);
        close();
        throw error;
      }
      return opened;
    },
  };
}

/** Offers, and takes the answer. The gateway names its own addresses, and learns those of this end from its checks. */
async function exchange(peer: RTCPeerConnection, url: string, signal: AbortSignal): Promise<void> {
  await peer.setLocalDescription(await peer.createOffer());
  const body = peer.localDescription?.sdp ?? '';
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/sdp' }, body, signal });
  if (!response.ok) throw new Error(`the gateway refused the offer with status ${response.status}`);
  const sdp = await response.text();
  signal.throwIfAborted();
  await peer.setRemoteDescription({ type: 'answer', sdp });
}

function transportOf(channel: RTCDataChannel, close: () => void): Transport {
  return {
    kind: 'webrtc',
    largestDatagram: DATAGRAM_BYTES_BASE,
    send(datagram) {
      if (channel.readyState !== 'open' || channel.bufferedAmount >= BUFFERED_BYTES_MAX) return;
      try {
        channel.send(datagram as Uint8Array<ArrayBuffer>);
      } catch {
        // The browser's own buffer is full: the datagram is lost.
      }
    },
    close,
  };
}
