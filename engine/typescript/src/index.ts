/** What a game or a page imports. */

export { Reader } from './bytes/reader.js';
export { Writer } from './bytes/writer.js';
export { crc32c } from './bytes/crc32c.js';
