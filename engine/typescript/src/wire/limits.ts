/** The limits of a session: PROTOCOL.md#limits. Times are milliseconds. Those of the world are in `world/`. */

export const PROTOCOL_VERSION = 1;
export const PORT_DEFAULT = 3565;

export const DATAGRAM_BYTES_MIN = 512;
export const DATAGRAM_BYTES_BASE = 1200;
export const DATAGRAM_BYTES_MAX = 1472;
export const HEADER_BYTES = 14;
export const TAG_BYTES = 16;
export const FRAME_HEADER_BYTES = 2;
export const WHOLE_MESSAGE_BYTES_MAX = 1168;
export const MESSAGE_BYTES_MAX = 65536;

export const CONNECT_BYTES = 144;
export const COOKIE_BYTES = 48;
export const TOKEN_BYTES = 16;
export const HANDSHAKE_TAG_BYTES = 8;

export const SEQUENCE_MAX = Number.MAX_SAFE_INTEGER;
export const REPLAY_WINDOW = 1024;
export const SKIPPED_NUMBER_PERIOD = 2048;

export const REKEY_BYTES = 1073741824;
export const REKEY_PERIOD = 3600000;
export const REKEY_PERIOD_MIN = 10000;

export const CONNECT_RETRY_FIRST = 250;
export const CONNECT_RETRY_MAX = 2000;
export const CONNECT_TIMEOUT = 10000;
export const BUSY_WAIT_MAX = 2000;
export const BUSY_TIMEOUT = 60000;

export const DISCONNECT_COPIES = 3;
export const DISCONNECT_INTERVAL = 50;

export const CHANNELS = 16;
export const CHANNEL_WINDOW_MESSAGES = 4096;
export const RELIABLE_WINDOW_BYTES = 2097152;
export const MESSAGE_COST_BYTES = 64;
export const FRAGMENT_GRAIN_BYTES = 128;
export const FRAGMENTED_OPEN_MAX = 8;
export const FRAGMENTED_BYTES_MAX = 262144;
export const FRAGMENT_TIMEOUT = 10000;
export const FRAGMENT_STALL = 1000;
export const COMPRESSION_BYTES_MIN = 512;

export const ACK_DELAY_MAX = 25;
export const ACK_POSITIONS_MAX = 512;
export const REORDERING_PACKETS = 3;
export const RETRANSMISSION_TIMEOUT_FIRST = 250;
export const PROBE_TIMEOUT_MAX = 2000;

export const MTU_PROBE_BYTES: readonly number[] = [1328, 1408, 1472];
export const MTU_PROBES_MAX = 3;
export const MTU_RETRY = 600000;
export const BLACK_HOLE_TIMEOUTS = 3;

export const RECONNECT_AFTER = 2000;
export const RECONNECT_FIRST = 100;
export const RECONNECT_MAX = 5000;

/** The sizes of encrypted datagrams: PROTOCOL.md#padding. */
export const BUCKETS: readonly number[] = [
  46, 62, 78, 94, 110, 126, 158, 190, 222, 254, 318, 382, 446, 512, 638, 766, 894, 1022, 1200, 1328, 1408, 1472,
];
