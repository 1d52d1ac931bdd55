/* Ringshard's client, for C and everything that calls C. README.md is the guide.

   A call gives 0 or more, or a negative rs_error: rs_text and rs_last_error say what to do.
   A client is used by one thread at a time. No call blocks, except where its description says so.
   A struct that begins with `size` may grow: set the size to its sizeof. An older library refuses what it does not know,
   and a newer one takes what is missing for 0.

   Generated from engine/client/c/src. Do not edit. */

#ifndef RINGSHARD_H
#define RINGSHARD_H

#include <stddef.h>
#include <stdint.h>

/* Declares layouts. For example:
     static const rs_field fields[] = {RS_FIELD(my_own, height, RS_KIND_F32), RS_ARRAY(my_own, point, RS_KIND_F32, 2)};
     config.own = RS_LAYOUT(my_own, fields); */
#define RS_FIELD(type, field, kind) {#field, (uint16_t)offsetof(type, field), (uint8_t)(kind), 0}
#define RS_ARRAY(type, field, kind, count) {#field, (uint16_t)offsetof(type, field), (uint8_t)(kind), (uint8_t)(count)}
#define RS_STRING(type, field, bytes) {#field, (uint16_t)offsetof(type, field), (uint8_t)RS_KIND_TEXT, (uint8_t)(bytes)}
#ifdef __cplusplus
#define RS_LAYOUT(type, fields) (rs_layout{fields, (uint32_t)(sizeof(fields) / sizeof((fields)[0])), (uint32_t)sizeof(type)})
#else
#define RS_LAYOUT(type, fields) ((rs_layout){fields, (uint32_t)(sizeof(fields) / sizeof((fields)[0])), (uint32_t)sizeof(type)})
#endif

/* A text of at most `count` bytes of UTF-8, as a field of a struct. It does not end with a 0. */
#define RS_TEXT(count) struct { uint8_t bytes; char text[count]; }

// The version of this interface. It changes when a function or a struct changes so that older programs cannot use it.
#define RS_ABI 1

// Bytes of a datagram, at most: the room that `rs_client_transmit` needs.
#define RS_DATAGRAM_BYTES_MAX 1472

// Bytes of a ticket, at most.
#define RS_TICKET_BYTES_MAX 1024

// Bytes of an ask and of an answer, at most.
#define RS_ASK_BYTES_MAX 1024

// Bytes of an event, at most.
#define RS_EVENT_BYTES_MAX 232

// Bytes of a struct of inputs or states, at most.
#define RS_RECORD_BYTES_MAX 256

// Runs instead of walking.
#define RS_KEY_RUN 1

// Jumps from the ground; in water, swims up.
#define RS_KEY_JUMP 2

// In water, swims down.
#define RS_KEY_DIVE 4

// The server did not answer.
#define RS_REASON_UNREACHABLE 1

// The server does not hold the pinned key.
#define RS_REASON_WRONG_KEY 2

// The server was silent, and answers a new connection: it may have restarted.
#define RS_REASON_SILENT 3

// The server denied the client: this, and the code of PROTOCOL.md#connectiondenied.
#define RS_REASON_DENIED 100

// The connection was closed: this, and the code of PROTOCOL.md#disconnect.
#define RS_REASON_DISCONNECTED 200

// Why a call failed. A call that fails changes nothing, unless its description says otherwise.
enum rs_error
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // A pointer is null that must not be.
    RS_ERROR_NULL = -1,
    // The `size` of a struct is wrong.
    RS_ERROR_SIZE = -2,
    // A layout is impossible.
    RS_ERROR_LAYOUT = -3,
    // Text is not UTF-8, or longer than its field.
    RS_ERROR_TEXT = -4,
    // A number is none of those that are allowed.
    RS_ERROR_VALUE = -5,
    // A ticket, an ask or an event has too many bytes.
    RS_ERROR_TOO_LONG = -6,
    // The server's public key is not valid.
    RS_ERROR_KEY = -7,
    // The client is not in the world.
    RS_ERROR_NOT_IN_WORLD = -8,
    // Too much waits to be sent.
    RS_ERROR_FULL = -9,
    // The client is in the world, on its way, or closed.
    RS_ERROR_NOT_OUTSIDE = -10,
    // The buffer is too small.
    RS_ERROR_ROOM = -11,
    // A call with this client runs already.
    RS_ERROR_BUSY = -12,
    // An earlier call failed inside the library. The client can only be freed.
    RS_ERROR_POISONED = -13,
    // The client has no socket of its own.
    RS_ERROR_NO_SOCKET = -14,
    // The server's address cannot be resolved.
    RS_ERROR_ADDRESS = -15,
    // No socket can reach the server.
    RS_ERROR_SOCKET = -16,
    // The operating system gives no random bytes.
    RS_ERROR_RANDOM = -17,
    // No input is due.
    RS_ERROR_NOT_DUE = -18,
    // The library has failed.
    RS_ERROR_INTERNAL = -19,
    // The client has a socket of its own, and a clock.
    RS_ERROR_HAS_SOCKET = -20,
    // The map file cannot be read.
    RS_ERROR_MAP = -21,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rs_error rs_error;
#else
typedef int32_t rs_error;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What a field is. The comments say what it is in C, and in a `wire!` struct of the server.
enum rs_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // `uint8_t`; `u8`.
    RS_KIND_U8 = 1,
    // `uint16_t`; `u16`.
    RS_KIND_U16 = 2,
    // `uint32_t`; `u32`.
    RS_KIND_U32 = 3,
    // `uint64_t`; `u64`.
    RS_KIND_U64 = 4,
    // `int8_t`; `i8`.
    RS_KIND_I8 = 5,
    // `int16_t`; `i16`.
    RS_KIND_I16 = 6,
    // `int32_t`; `i32`.
    RS_KIND_I32 = 7,
    // `int64_t`; `i64`.
    RS_KIND_I64 = 8,
    // `float`; `f32`. What is not finite is sent as 0.
    RS_KIND_F32 = 9,
    // `uint8_t` or `bool`, 0 or 1; `bool`.
    RS_KIND_BOOL = 10,
    // `rs_entity`, of which 0 is none; `Option<EntityId>`.
    RS_KIND_ENTITY = 11,
    // `uint16_t`, in ticks; `Cooldown`.
    RS_KIND_COOLDOWN = 12,
    // `RS_TEXT(count)`; `Text<count>`.
    RS_KIND_TEXT = 13,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rs_kind rs_kind;
#else
typedef uint8_t rs_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// What happened.
enum rs_news_kind
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // The client is in the world. Nothing is in view yet.
    RS_NEWS_KIND_ENTERED = 1,
    // The game refuses the client, with a `reason` of its own. `rs_client_enter` asks again.
    RS_NEWS_KIND_REFUSED = 2,
    // The server's contract differs in a part: `reason` is an `rs_type`. If it is a type, one of the two ends is outdated.
    // If it is `RS_TYPE_LEVEL`, the client's map differs from the server's: the player installs the same map file.
    RS_NEWS_KIND_WRONG_SCHEMA = 3,
    // The client is no longer in the world; `reason` is the game's. Nothing is in view, without an `RS_NEWS_KIND_DESPAWNED` for
    // each.
    RS_NEWS_KIND_PUT_OUT = 4,
    // `entity` came into view.
    RS_NEWS_KIND_SPAWNED = 5,
    // `entity` is gone, or too far away.
    RS_NEWS_KIND_DESPAWNED = 6,
    // The player controls `entity`, or none.
    RS_NEWS_KIND_BODY_CHANGED = 7,
    // An event: `bytes`. It may arrive before `RS_NEWS_KIND_ENTERED`, because channels do not wait for each other.
    RS_NEWS_KIND_EVENT = 8,
    // The answer to `ask`: `bytes`.
    RS_NEWS_KIND_ANSWER = 9,
    // There will be no answer to `ask`: `reason` is an `rs_unanswered`.
    RS_NEWS_KIND_UNANSWERED = 10,
    // The server's own state differed from the predicted one: the own pose moved `by` units.
    RS_NEWS_KIND_CORRECTED = 11,
    // The connection is lost, and the client connects again. `reason` is an `RS_REASON`, `text` says it.
    RS_NEWS_KIND_RECONNECTING = 12,
    // The client is connected again, and goes on in the world.
    RS_NEWS_KIND_RESUMED = 13,
    // The client is connected again, with a new session. Nothing is in view, without an `RS_NEWS_KIND_DESPAWNED` for each. It
    // enters again by itself, with the same ticket.
    RS_NEWS_KIND_RENEWED = 14,
    // There is no connection, and will be none. It is the last news. `reason` is an `RS_REASON`, `text` says it.
    RS_NEWS_KIND_CLOSED = 15,
    // The client is in the world of another server: it moved there without a word of the game. Nothing is in view, without an
    // `RS_NEWS_KIND_DESPAWNED` for each; entities have other ids there. Asks that wait go on.
    RS_NEWS_KIND_MOVED = 16,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rs_news_kind rs_news_kind;
#else
typedef uint32_t rs_news_kind;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The parts of a contract: its types, and the level.
enum rs_type
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // What a player does in one tick.
    RS_TYPE_INPUT = 0,
    // The player's own state.
    RS_TYPE_OWN = 1,
    // What an entity shows.
    RS_TYPE_SHOWN = 2,
    // What a client asks.
    RS_TYPE_ASK = 3,
    // The answer.
    RS_TYPE_ANSWER = 4,
    // What happens.
    RS_TYPE_EVENT = 5,
    // What both ends must have alike beside the types: the map.
    RS_TYPE_LEVEL = 6,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rs_type rs_type;
#else
typedef uint32_t rs_type;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// Why there is no answer.
enum rs_unanswered
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // Too many asks of this client waited at the server.
    RS_UNANSWERED_TOO_MANY = 1,
    // The server could not read the ask.
    RS_UNANSWERED_MALFORMED = 2,
    // The client was put out of the world first.
    RS_UNANSWERED_PUT_OUT = 3,
    // The session ended first.
    RS_UNANSWERED_SESSION_LOST = 4,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rs_unanswered rs_unanswered;
#else
typedef uint32_t rs_unanswered;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// The channels of events. The numbers of each delivery go on in steps of 4, up to 15; channels do not block each other.
enum rs_channel
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint8_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // May be lost, and may overtake another.
    RS_CHANNEL_UNRELIABLE = 0,
    // Arrives, in order.
    RS_CHANNEL_RELIABLE_ORDERED = 1,
    // Arrives, in any order.
    RS_CHANNEL_RELIABLE_UNORDERED = 2,
    // May be lost; one that was overtaken is dropped.
    RS_CHANNEL_UNRELIABLE_SEQUENCED = 3,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rs_channel rs_channel;
#else
typedef uint8_t rs_channel;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// How poses of others between two known ones are found.
enum rs_mode
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : uint32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    // On a curve that has the known velocities at its ends.
    RS_MODE_HERMITE = 0,
    // On a straight line.
    RS_MODE_LINEAR = 1,
    // The last known one.
    RS_MODE_HOLD = 2,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum rs_mode rs_mode;
#else
typedef uint32_t rs_mode;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

// A client of a game. Use it from one thread at a time.
typedef struct rs_client rs_client;

// The ground, walls, water and places of a map. It does not change: any number of threads and clients can use one.
typedef struct rs_terrain rs_terrain;

// What a call gives: 0 or more, or a negative `rs_error`.
typedef int32_t rs_result;

// A field of a struct of inputs or states. `RS_FIELD`, `RS_ARRAY` and `RS_STRING` make one.
typedef struct rs_field {
    // Its name in the server's struct.
    const char *name;
    // Where it lies in the struct, in bytes.
    uint16_t offset;
    // An `rs_kind`.
    uint8_t kind;
    // Items of an array, or bytes of a text; 0 for anything else.
    uint8_t count;
} rs_field;

// The fields of a struct, in the order of the server's struct. `RS_LAYOUT` makes one. Nothing of it is used after the call
// that takes it.
typedef struct rs_layout {
    // The fields; may be null if there are none.
    const struct rs_field *fields;
    // How many.
    uint32_t count;
    // `sizeof` the struct.
    uint32_t bytes;
} rs_layout;

// Names an entity; 0 is none.
typedef uint32_t rs_entity;

// Advances `own` by one tick with `input`, as the server does. It must depend on nothing but what it is given, and on what
// never changes. It is called on the thread that calls the library, from `rs_client_input`, `rs_client_update`,
// `rs_client_receive`, `rs_udp_poll` and `rs_udp_flush`. It must not call the library with the same client, throw, or
// `longjmp`.
typedef void (*rs_step)(void *own, const void *input, void *user);

// Where something is, how it moves and where it looks.
typedef struct rs_pose {
    // The point, in units of the map.
    float point[3];
    // The velocity, in units per second.
    float velocity[3];
    // Yaw, pitch and roll, in 65,536ths of a turn.
    uint16_t rotation[3];
    // Counts teleports. Between two poses that differ in it, nothing is interpolated.
    uint8_t leap;
    // 0.
    uint8_t reserved;
} rs_pose;

// Says where a player with this state is. `pose` is zeroed before. It has the duties of `rs_step`; every call may call it.
typedef void (*rs_place)(const void *own, struct rs_pose *pose, void *user);

// Says whether a predicted state is as good as the server's: not 0 if it is. It has the duties of `rs_step`.
typedef int32_t (*rs_agrees)(const void *predicted, const void *authoritative, void *user);

// What a client is made with. Set all of it to 0, and then what differs.
typedef struct rs_config {
    // `sizeof(rs_config)`.
    uint32_t size;
    // Not 0: the client connects again by itself when the connection is lost, and goes on if the server still knows it.
    uint8_t reconnect;
    // The server's public key. `rs_key` reads it from its text.
    uint8_t server_key[32];
    // 0.
    uint8_t reserved[3];
    // A key of 32 bytes that the server has, too; null for none.
    const uint8_t *pre_shared_key;
    // What the game on the server lets the player in by.
    const uint8_t *ticket;
    // Bytes of the ticket: at most `RS_TICKET_BYTES_MAX`.
    uint32_t ticket_bytes;
    // The schema numbers of the server's asks, answers and events, in this order; 0 is not compared.
    uint32_t schema[3];
    // Stands for what both ends must have alike beside the types: the digest of a map. 0 is not compared.
    uint32_t level;
    // The server's `Input`.
    struct rs_layout input;
    // The server's `Own`.
    struct rs_layout own;
    // The server's `Shown`.
    struct rs_layout shown;
    // The struct that an input begins from, if the server's rules change it; null for zeros.
    const void *neutral_input;
    // The struct that the own state begins from, if the server's rules change it; null for zeros.
    const void *blank_own;
    // The struct that what is shown begins from, if the server's rules change it; null for zeros.
    const void *blank_shown;
    // The game's step.
    rs_step step;
    // Where a player is.
    rs_place place;
    // Null: states agree if all fields are equal.
    rs_agrees agrees;
    // Given to the three functions. It must outlive the client.
    void *user;
} rs_config;

// The address of a server.
typedef struct rs_address {
    // The IP address, in the order of the network; behind an IPv4 address are 0s.
    uint8_t ip[16];
    // Bytes of `ip`: 4 for IPv4, 16 for IPv6.
    uint8_t ip_bytes;
    // 0.
    uint8_t reserved;
    // The UDP port, in the order of this machine.
    uint16_t port;
} rs_address;

// An entity in view, at the shown tick.
typedef struct rs_other {
    // What the game shows of it: the struct of `rs_config.shown`. It lives until a call with the client that does not take it
    // as const.
    const void *shown;
    // Its name.
    rs_entity entity;
    // Where it is.
    struct rs_pose pose;
} rs_other;

// The clocks of a client, in ticks of the server, of which there are 60 per second. All 0 before the first snapshot.
typedef struct rs_clock {
    // `sizeof(rs_clock)`.
    uint32_t size;
    // The tick of the own state. The next input is for the tick after it.
    uint32_t own_tick;
    // The server's tick as it probably is there now.
    double server;
    // The tick at which others are shown.
    double shown;
    // How far the own inputs are ahead of the server.
    double ahead;
    // How much faster than time the clock of the own inputs runs: at most 0.02 faster or slower.
    double rate;
    // Mean deviation of the arrivals of snapshots, in milliseconds.
    float jitter_ms;
    // The connection's round trip, in milliseconds; 0 before it is measured.
    float round_trip_ms;
} rs_clock;

// The map of the world.
typedef struct rs_map {
    // `sizeof(rs_map)`.
    uint32_t size;
    // The far corner, in units; the near one is 0, 0, 0.
    float corner[3];
    // Poses on the wire are rounded to this many units.
    float step;
} rs_map;

// What a client did so far.
typedef struct rs_stats {
    // `sizeof(rs_stats)`.
    uint32_t size;
    // The farthest that a correction moved the own pose, in units.
    float worst_correction;
    // Snapshots applied.
    uint64_t snapshots;
    // Snapshots that were malformed: the server violates the protocol, or the layouts are not the server's.
    uint64_t snapshots_refused;
    // Snapshots older than one that was applied.
    uint64_t snapshots_late;
    // Predicted ticks that were compared with the server's.
    uint64_t predicted;
    // Of those, the ones that differed.
    uint64_t mispredicted;
    // Corrections that moved the own pose.
    uint64_t corrections;
    // Inputs that the game made.
    uint64_t inputs_made;
    // Snapshots whose tick the server stepped without the player's input.
    uint64_t inputs_missed;
    // Ticks that were stepped without an input of the game, because a frame took too long.
    uint64_t ticks_skipped;
    // Frames shown.
    uint64_t frames;
    // Frames whose shown tick was past the newest snapshot.
    uint64_t starved;
    // Connections that were lost, after which the client connects again.
    uint64_t reconnects;
    // Messages that were malformed.
    uint64_t malformed;
    // Datagrams that were ignored because the program does not take its news.
    uint64_t ignored;
    // Datagrams received.
    uint64_t datagrams_in;
    // Bytes of those.
    uint64_t bytes_in;
    // Datagrams sent.
    uint64_t datagrams_out;
    // Bytes of those.
    uint64_t bytes_out;
} rs_stats;

// How others are shown.
typedef struct rs_interpolation {
    // `sizeof(rs_interpolation)`.
    uint32_t size;
    // An `rs_mode`.
    uint32_t mode;
    // Others are shown at least so late; 33.3 by default.
    float delay_min_ms;
    // Others are shown at most so late; 250 by default.
    float delay_max_ms;
    // Without news, an entity goes on with its velocity for so long, and then stands; 250 by default.
    float extrapolation_max_ms;
} rs_interpolation;

// How corrections of the own pose are shown.
typedef struct rs_smoothing {
    // `sizeof(rs_smoothing)`.
    uint32_t size;
    // In this time, a correction fades to 37 %; 100 by default. 0: corrections show at once.
    float time_ms;
    // A correction by more units shows at once; 500 by default.
    float snap;
    // Not 0: the own pose is shown between the last two ticks, up to a tick later. 0 by default.
    uint32_t between_ticks;
} rs_smoothing;

// One thing that happened. Which fields are set depends on its kind; the others are 0.
typedef struct rs_news {
    // `sizeof(rs_news)`.
    uint32_t size;
    // An `rs_news_kind`.
    uint32_t kind;
    rs_entity entity;
    uint32_t ask;
    int32_t reason;
    // In units.
    float by;
    // Lives until the next `rs_client_news`, or until the client is freed.
    const uint8_t *bytes;
    // Lives as long as `bytes`. Null if the kind has none.
    const char *text;
    // How many bytes.
    uint32_t bytes_count;
    // 0.
    uint32_t reserved;
} rs_news;

// How fast, high and steep a character can go: the server's `Tuning`. `rs_tuning_default` fills it.
typedef struct rs_tuning {
    // `sizeof(rs_tuning)`.
    uint32_t size;
    // Half of its width, in units.
    float radius;
    // Its height, in units.
    float height;
    // The highest step that it climbs without a jump, in units.
    float step_height;
    // The steepest ground that it can stand on: the z of the normal.
    float slope_limit;
    // Speeds, in units per second.
    float walk_speed;
    // While it runs.
    float run_speed;
    // While it swims.
    float swim_speed;
    // Upwards, at the beginning of a jump.
    float jump_speed;
    // It falls no faster.
    float fall_speed_max;
    // In units per second squared, on the ground and in water.
    float acceleration;
    // In the air, and while it slides.
    float air_acceleration;
    // In units per second squared.
    float gravity;
    // It swims where the water is deeper than this above its feet, in units.
    float swim_depth;
} rs_tuning;

// The state of a character that moves: the server's `Walker`.
typedef struct rs_walker {
    // Where its feet are, in units.
    float point[3];
    // How it moves, in units per second.
    float velocity[3];
    // Where it looks, in 65,536ths of a turn.
    uint16_t yaw;
    // 0: it stands or goes; 1: it jumps or falls; 2: it slides; 3: it swims.
    uint8_t gait;
    // Counts teleports.
    uint8_t leap;
} rs_walker;

// How a player steers its character in one tick: the server's `Steering`.
typedef struct rs_steering {
    // Where it looks, in 65,536ths of a turn from the x axis towards the y axis.
    uint16_t yaw;
    // How fast it goes where it looks: 127 is full speed, -127 full speed backwards.
    int8_t forward;
    // How fast it goes to its left.
    int8_t left;
    // The keys that it holds, added: `RS_KEY_RUN`, `RS_KEY_JUMP`, `RS_KEY_DIVE`.
    uint8_t keys;
    // 0.
    uint8_t reserved;
} rs_steering;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The version of the library's interface: `RS_ABI` of its header. Compare them before any other call if the library is loaded
// when the program runs.
uint32_t rs_abi(void);

// What a result means, and what to do. It lives for ever.
const char *rs_text(rs_result result);

// What the last call that failed on this thread says, with names and numbers. It lives until the next call that fails.
const char *rs_last_error(void);

// Reads a public key from its 64 hexadecimal digits, as `ringshard keygen` prints them.
rs_result rs_key(const char *text, uint8_t *key);

// The schema number of a struct: that of a server's struct with the same fields. Give it to whoever writes the server, or
// compare it with what the server prints.
rs_result rs_schema(const struct rs_layout *layout,
                    uint32_t *number);

// The number of an entity, of which a message of the game has the two parts.
rs_entity rs_entity_of(uint16_t index, uint8_t generation);

// Makes a client that connects, and enters the world. It has no socket and no clock: the program moves datagrams
// (`rs_client_receive`, `rs_client_transmit`) and gives the time, in nanoseconds since any moment.
// `rs_client_change_of_server` says when it moves to another server. `rs_udp_connect` makes one that has both, and moves by
// itself.
//
// `seed` is 32 secret, fresh, random bytes, from which the connection draws its keys; null: the operating system gives them.
// Free the client with `rs_client_free`.
rs_result rs_client_new(const struct rs_config *config,
                        const uint8_t *seed,
                        uint64_t now_ns,
                        struct rs_client **client);

// Frees a client. One with a socket disconnects first. Null is allowed. A client must not be freed from its own callbacks: then
// it stays, and `rs_last_error` says so.
void rs_client_free(struct rs_client *client);

// Asks to enter again, after `RS_NEWS_KIND_REFUSED` or `RS_NEWS_KIND_PUT_OUT`.
rs_result rs_client_enter(struct rs_client *client, const uint8_t *ticket, uint32_t ticket_bytes);

// Leaves the world, and disconnects. The datagrams that follow tell the server; `RS_NEWS_KIND_CLOSED` follows. A client with a
// socket needs calls of `rs_udp_poll` for about 100 ms until then; one that is freed before tells the server at once.
rs_result rs_client_close(struct rs_client *client);

// 1 if the server has let the client into the world, or 0.
rs_result rs_client_is_in_world(const struct rs_client *client);

// 1 if there is no connection and will be none, or 0.
rs_result rs_client_is_closed(const struct rs_client *client);

// Hands in a datagram from the server, or from the one that the session moves to. It is decrypted where it lies. Anything may
// be handed in: what is not authentic is dropped.
rs_result rs_client_receive(struct rs_client *client,
                            uint64_t now_ns,
                            uint8_t *datagram,
                            size_t bytes);

// Writes the next datagram for the server, and gives its bytes; 0 if there is none. Call it until it gives 0. `room` is at
// least `RS_DATAGRAM_BYTES_MAX`. While the session moves, `rs_client_place` says which server it is for.
rs_result rs_client_transmit(struct rs_client *client,
                             uint64_t now_ns,
                             uint8_t *datagram,
                             size_t room);

// When to call `rs_client_update` and `rs_client_transmit` next, at the latest.
rs_result rs_client_deadline(const struct rs_client *client, uint64_t *deadline_ns);

// Lets time pass. Gives for how many ticks an input is due: call `rs_client_input` that often. Call it once per frame.
rs_result rs_client_update(struct rs_client *client, uint64_t now_ns);

// Takes the input of the next tick that is due, the struct of `rs_config.input`, and steps the own state with it.
rs_result rs_client_input(struct rs_client *client, const void *input);

// The client's own address has changed, for example from Wi-Fi to mobile: the connection goes on from the new one at once.
rs_result rs_client_address_changed(struct rs_client *client,
                                    uint64_t now_ns);

// Gives the server that the present one wants the session to move to. 1 if there is one, or 0: then nothing is written. Each
// is given once. Call it after each `rs_client_receive`. The program opens a socket to that address, and calls
// `rs_client_move_to`. A program that cannot reach it does nothing: the session stays.
rs_result rs_client_change_of_server(struct rs_client *client,
                                     struct rs_address *address);

// Begins to move to the server of `rs_client_change_of_server`; without one, it does nothing. `place` is the program's number
// for the socket to that server. That of the first server is 0. The number of the present server's socket is refused. A session
// that ends does not move: `rs_client_is_moving` says whether it does.
//
// The present connection stays until the other server accepts: both sockets are in use until `rs_client_is_moving` gives 0.
// Then only that of `rs_client_server_place` is, and the program closes the other. `RS_NEWS_KIND_MOVED` follows if the session
// has moved.
rs_result rs_client_move_to(struct rs_client *client,
                            uint64_t now_ns,
                            uint32_t place);

// Gives the place of the datagram that the next `rs_client_transmit` with this time writes. Call it before each.
rs_result rs_client_place(struct rs_client *client, uint64_t now_ns, uint32_t *place);

// 1 if the session moves, or 0. It moves until the other server is heard, or the session stays.
rs_result rs_client_is_moving(const struct rs_client *client);

// Gives the place of the server that has the session, or that the client tries to reach.
rs_result rs_client_server_place(const struct rs_client *client, uint32_t *place);

// Gives the player's own state, predicted, and its pose with what is left of corrections. Either may be null. 1 if there is
// one, or 0 before the first snapshot: then nothing is written. `own` is the struct of `rs_config.own`.
rs_result rs_client_own(const struct rs_client *client,
                        void *own,
                        struct rs_pose *pose);

// Gives the entity that the player controls; 0 for none.
rs_result rs_client_body(const struct rs_client *client, rs_entity *body);

// Gives all entities in view but the own body, in no particular order, at the shown tick. Fills `others` as far as it has
// room, for that many entities, and gives how many entities there are. It may be null if there is no room.
rs_result rs_client_others(const struct rs_client *client,
                           struct rs_other *others,
                           size_t room);

// Gives where an entity in view is at the shown tick; of the own body, the own pose. 1 if it is in view, or 0: then nothing is
// written.
rs_result rs_client_pose(const struct rs_client *client,
                         rs_entity entity,
                         struct rs_pose *pose);

// Gives what an entity in view shows at the shown tick; of the own body, the newest that is known. 1 if it is in view, or 0:
// then nothing is written. `shown` is the struct of `rs_config.shown`.
rs_result rs_client_shown(const struct rs_client *client,
                          rs_entity entity,
                          void *shown);

// Gives the clocks.
rs_result rs_client_clock(const struct rs_client *client, struct rs_clock *clock);

// Gives the map of the world, once entered.
rs_result rs_client_map(const struct rs_client *client, struct rs_map *map);

// Gives what the client did so far.
rs_result rs_client_stats(const struct rs_client *client, struct rs_stats *stats);

// Sets how others are shown.
rs_result rs_client_set_interpolation(struct rs_client *client, const struct rs_interpolation *interpolation);

// Sets how corrections of the own pose are shown.
rs_result rs_client_set_smoothing(struct rs_client *client, const struct rs_smoothing *smoothing);

// Takes the oldest news that was not taken. 1 if there was one, or 0: then nothing is written. Take all of them in each frame:
// while 1024 wait, nothing is received.
rs_result rs_client_news(struct rs_client *client,
                         struct rs_news *news);

// Asks the server, and gives the ask's name, of at most 65535. `RS_NEWS_KIND_ANSWER` or `RS_NEWS_KIND_UNANSWERED` follows, once.
// `RS_ERROR_FULL` if 64 asks wait, or the queue of reliable messages is full.
rs_result rs_client_ask(struct rs_client *client,
                        const uint8_t *ask,
                        size_t bytes,
                        uint32_t *id);

// Tells the server an event, over a channel of 0 to 15: see `rs_channel`. `RS_ERROR_FULL` if the queue of reliable messages is
// full, or an unreliable event does not fit the datagram that is about to be sent.
rs_result rs_client_tell(struct rs_client *client,
                         uint8_t channel,
                         const uint8_t *event,
                         size_t bytes);

// Makes a client that connects to `server`, HOST:PORT, and enters the world. To resolve a name may block; an address does
// not. No other call blocks, except `rs_udp_wait`, and no thread is started. A server that does not answer is no error here:
// `RS_NEWS_KIND_CLOSED` reports it. Free the client with `rs_client_free`.
rs_result rs_udp_connect(const struct rs_config *config,
                         const char *server,
                         struct rs_client **client);

// Receives what has arrived, and lets time pass. Gives for how many ticks an input is due: call `rs_client_input` that often,
// and then `rs_udp_flush`. Call it once per frame.
rs_result rs_udp_poll(struct rs_client *client);

// Sends what is due.
rs_result rs_udp_flush(struct rs_client *client);

// Waits until something has arrived or an input is due, for `timeout_ns` at most. For programs without frames.
rs_result rs_udp_wait(struct rs_client *client, uint64_t timeout_ns);

// Moves the connection to a new socket. Call it when the network of this host has changed, for example from Wi-Fi to mobile:
// the connection goes on from the new address at once. After a failure, the former socket stays in use.
rs_result rs_udp_rebind(struct rs_client *client);

// Reads the map file at a path. Free the terrain with `rs_terrain_free`.
rs_result rs_terrain_open(const char *path, struct rs_terrain **terrain);

// Reads the content of a map file, for a program whose files lie in an archive. The bytes are copied. Free the terrain with
// `rs_terrain_free`.
rs_result rs_terrain_read(const uint8_t *bytes,
                          size_t count,
                          struct rs_terrain **terrain);

// Level ground on the default map: that of a server without a map file. Free the terrain with `rs_terrain_free`.
rs_result rs_terrain_flat(struct rs_terrain **terrain);

// Frees a terrain. Null is allowed. No client may use it any more.
void rs_terrain_free(struct rs_terrain *terrain);

// The digest of the map, for `rs_config.level`. 0 for null.
uint32_t rs_terrain_digest(const struct rs_terrain *terrain);

// The height of the ground at a point, in units. Outside the map it is that of the nearest edge.
rs_result rs_terrain_height(const struct rs_terrain *terrain, float x, float y, float *height);

// Sets everything but the size to what the server's `Tuning` has by default: a person, if a unit is a centimetre.
rs_result rs_tuning_default(struct rs_tuning *tuning);

// Advances a character by one tick: the step of the server, with the same bits. An `rs_step` may call it.
rs_result rs_walk(const struct rs_terrain *terrain,
                  const struct rs_tuning *tuning,
                  struct rs_walker *walker,
                  const struct rs_steering *steering);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* RINGSHARD_H */
