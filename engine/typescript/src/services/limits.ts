/** The bounds of services that both ends share: PROTOCOL.md#limits. Times are milliseconds. */

/** Bytes of a call, with its path and its request. */
export const CALL_BYTES_MAX = 16_384;
/** Bytes of an outcome, with its answer. */
export const OUTCOME_BYTES_MAX = 16_384;
/** Bytes of a notice, with its topic. */
export const NOTICE_BYTES_MAX = 16_384;
/** Bytes of the path of an action. */
export const PATH_BYTES_MAX = 64;
/** Bytes of the topic of a notice. */
export const TOPIC_BYTES_MAX = 64;
/** Calls that have not ended. */
export const CALLS_OPEN_MAX = 100;
/** The number of a call is less than this above the smallest number of a call that has not ended. */
export const CALLS_SPAN_MAX = 1024;
/** A call is first repeated after this time. */
export const CALL_RETRY_FIRST = 250;
/** Each wait is twice as long as the one before, but not longer. */
export const CALL_RETRY_MAX = 4000;
/** The longest deadline of a call. */
export const DEADLINE_MAX = 40_000;
/** Bytes of a schema. */
export const SCHEMA_BYTES_MAX = 2048;
/** Types of a schema inside each other, with the outermost. */
export const SCHEMA_DEPTH_MAX = 8;
/** Fields of a record. */
export const FIELDS_MAX = 64;
/** Bytes of the name of a field. */
export const FIELD_NAME_BYTES_MAX = 32;
/** Parts of a value: itself, and all elements, fields and optional values inside it. */
export const VALUE_PARTS_MAX = 8192;
