/* Everything that a program can do wrong is an error with a text. Built with sanitizers. */
#include "demo.h"

#include <stdio.h>
#include <stdlib.h>

static int failures;

/* The call gives this code, and the last error has this word in it. */
static void expect_at(int line, rs_result got, rs_result code, const char *word) {
    const char *text = rs_last_error();
    if (got != code || (word && !strstr(text, word))) {
        fprintf(stderr, "misuse.c:%d: %d (%s), not %d with \"%s\"\n", line, got, text, code, word ? word : "");
        failures++;
    }
}
#define EXPECT(call, code, word) expect_at(__LINE__, (call), (code), (word))

static void step(void *own, const void *input, void *user) {
    (void)own, (void)input, (void)user;
}

static void place(const void *own, rs_pose *pose, void *user) {
    (void)own, (void)pose, (void)user;
}

typedef struct state {
    float a;
    float b;
    uint8_t c;
    RS_TEXT(4) name;
} state;

static rs_field fields[] = {
    RS_FIELD(state, a, RS_KIND_F32),
    RS_FIELD(state, b, RS_KIND_F32),
    RS_FIELD(state, c, RS_KIND_U8),
    RS_STRING(state, name, 4),
};

static rs_config good_config(void) {
    rs_config config;
    memset(&config, 0, sizeof config);
    config.size = sizeof config;
    rs_key("52b8c2c02282c09276bd9aa4a8a9a78b5feeea39dac2b7c316c0a3e817e5a757", config.server_key);
    config.own = RS_LAYOUT(state, fields);
    config.step = step;
    config.place = place;
    return config;
}

static rs_result made(const rs_config *config) {
    rs_client *client = NULL;
    const rs_result result = rs_client_new(config, NULL, 0, &client);
    rs_client_free(client);
    return result;
}

/* What a changed field gives. */
static void wrong_field(int line, rs_field field, const char *word) {
    rs_config config = good_config();
    rs_field changed[sizeof fields / sizeof fields[0]];
    memcpy(changed, fields, sizeof fields);
    changed[1] = field;
    config.own.fields = changed;
    expect_at(line, made(&config), RS_ERROR_LAYOUT, word);
}
#define WRONG_FIELD(word, ...) wrong_field(__LINE__, (rs_field){__VA_ARGS__}, word)

static void layouts(void) {
    WRONG_FIELD("b ends at byte 404", "b", 400, RS_KIND_F32, 0);
    WRONG_FIELD("a and b overlap", "b", 0, RS_KIND_F32, 0);
    WRONG_FIELD("aligned", "b", 5, RS_KIND_F32, 0);
    WRONG_FIELD("kind 99", "b", 4, 99, 0);
    WRONG_FIELD("kind 0", "b", 4, 0, 0);
    WRONG_FIELD("has no room", "b", 4, RS_KIND_TEXT, 0);
    WRONG_FIELD("two fields", "a", 4, RS_KIND_F32, 0);
    WRONG_FIELD("name", "", 4, RS_KIND_F32, 0);
    WRONG_FIELD("name", "b b", 4, RS_KIND_F32, 0);
    rs_config config = good_config();
    rs_field field = fields[0];
    field.name = NULL;
    config.own.fields = &field;
    config.own.count = 1;
    EXPECT(made(&config), RS_ERROR_NULL, "name");
    field.name = "\xFF\xFE";
    EXPECT(made(&config), RS_ERROR_TEXT, "UTF-8");
    config.own.fields = NULL;
    EXPECT(made(&config), RS_ERROR_NULL, "own");
    config = good_config();
    config.own.count = 65;
    EXPECT(made(&config), RS_ERROR_LAYOUT, "64");
    config.own.count = 0xFFFFFFFFu;
    EXPECT(made(&config), RS_ERROR_LAYOUT, "64");
    config = good_config();
    config.own.bytes = 257;
    EXPECT(made(&config), RS_ERROR_LAYOUT, "256");
    config = good_config();
    const rs_field large = {"large", 0, RS_KIND_U8, 65};
    config.input = (rs_layout){&large, 1, 128};
    EXPECT(made(&config), RS_ERROR_LAYOUT, "on the wire");
    config = good_config();
    config.own = (rs_layout){NULL, 0, 0};
    EXPECT(made(&config), 0, NULL);
}

static void configs(void) {
    rs_client *client = NULL;
    rs_config config = good_config();
    EXPECT(rs_client_new(NULL, NULL, 0, &client), RS_ERROR_NULL, "config");
    EXPECT(rs_client_new(&config, NULL, 0, NULL), RS_ERROR_NULL, "client");
    config.size = 0;
    EXPECT(made(&config), RS_ERROR_SIZE, "config.size is 0");
    config.size = sizeof config - 1;
    EXPECT(made(&config), RS_ERROR_SIZE, "sizeof");
    config.size = 0xFFFFFFFFu;
    EXPECT(made(&config), RS_ERROR_SIZE, "sizeof");
    /* A newer program: what this library does not know must be 0. */
    struct { rs_config known; uint64_t more; } newer = {good_config(), 0};
    newer.known.size = sizeof newer;
    EXPECT(made(&newer.known), 0, NULL);
    newer.more = 1;
    EXPECT(made(&newer.known), RS_ERROR_SIZE, "update the library");
    config = good_config();
    config.step = NULL;
    EXPECT(made(&config), RS_ERROR_NULL, "step");
    config = good_config();
    config.place = NULL;
    EXPECT(made(&config), RS_ERROR_NULL, "place");
    config = good_config();
    static uint8_t ticket[RS_TICKET_BYTES_MAX + 1];
    config.ticket = ticket;
    config.ticket_bytes = sizeof ticket;
    EXPECT(made(&config), RS_ERROR_TOO_LONG, "1025");
    config.ticket_bytes = RS_TICKET_BYTES_MAX;
    EXPECT(made(&config), 0, NULL);
    config.ticket = NULL;
    EXPECT(made(&config), RS_ERROR_NULL, "ticket");
    config = good_config();
    memset(config.server_key, 0, sizeof config.server_key);
    EXPECT(made(&config), RS_ERROR_KEY, "key");
    config = good_config();
    state blank = {.name = {5, "ab"}};
    config.blank_own = &blank;
    EXPECT(made(&config), RS_ERROR_TEXT, "name");
    blank.name.bytes = 1;
    blank.name.text[0] = (char)0xFF;
    EXPECT(made(&config), RS_ERROR_TEXT, "UTF-8");
    blank.name.text[0] = 'a';
    EXPECT(made(&config), 0, NULL);
    EXPECT(rs_udp_connect(&config, NULL, &client), RS_ERROR_NULL, "server");
    EXPECT(rs_udp_connect(&config, "\xFF", &client), RS_ERROR_TEXT, "server");
    EXPECT(rs_udp_connect(&config, "no port", &client), RS_ERROR_ADDRESS, "HOST:PORT");
}

static void calls(rs_client *client, int has_socket) {
    static uint8_t bytes[2000];
    uint64_t number;
    rs_news news = {.size = sizeof news};
    rs_clock clock = {.size = sizeof clock};
    rs_entity body = 7;
    rs_address address;
    uint32_t place_of = 7;
    rs_pose pose;
    state own;
    rs_other other;
    EXPECT(rs_client_is_in_world(NULL), RS_ERROR_NULL, "client");
    EXPECT(rs_client_input(client, NULL), RS_ERROR_NULL, "input");
    EXPECT(rs_client_input(client, bytes), RS_ERROR_NOT_DUE, "due");
    EXPECT(rs_client_ask(client, bytes, 1, NULL), RS_ERROR_NOT_IN_WORLD, "ENTERED");
    EXPECT(rs_client_ask(client, bytes, 1025, NULL), RS_ERROR_TOO_LONG, "1024");
    EXPECT(rs_client_ask(client, NULL, 1, NULL), RS_ERROR_NULL, "ask");
    EXPECT(rs_client_tell(client, 16, bytes, 1), RS_ERROR_VALUE, "channel is 16");
    EXPECT(rs_client_tell(client, 0, bytes, 233), RS_ERROR_TOO_LONG, "232");
    EXPECT(rs_client_tell(client, 0, bytes, 1), RS_ERROR_NOT_IN_WORLD, NULL);
    EXPECT(rs_client_enter(client, bytes, 1), RS_ERROR_NOT_OUTSIDE, NULL);
    EXPECT(rs_client_enter(client, bytes, 1025), RS_ERROR_TOO_LONG, "ticket");
    EXPECT(rs_client_news(client, &news), 0, NULL);
    EXPECT(rs_client_news(client, NULL), RS_ERROR_NULL, "news");
    news.size = 4;
    EXPECT(rs_client_news(client, &news), RS_ERROR_SIZE, "news.size is 4");
    EXPECT(rs_client_own(client, &own, &pose), 0, NULL);
    EXPECT(rs_client_body(client, &body), 0, NULL);
    EXPECT((rs_result)body, 0, NULL);
    EXPECT(rs_client_body(client, NULL), RS_ERROR_NULL, "body");
    EXPECT(rs_client_others(client, NULL, 0), 0, NULL);
    EXPECT(rs_client_others(client, NULL, 3), RS_ERROR_NULL, "others");
    EXPECT(rs_client_others(client, &other, 1), 0, NULL);
    EXPECT(rs_client_shown(client, 5, bytes), 0, NULL);
    EXPECT(rs_client_shown(client, 5, NULL), RS_ERROR_NULL, "shown");
    EXPECT(rs_client_pose(client, 0, &pose), 0, NULL);
    EXPECT(rs_client_pose(client, 0xFFFFFFFFu, &pose), 0, NULL);
    EXPECT(rs_client_clock(client, &clock), 0, NULL);
    clock.size = 3;
    EXPECT(rs_client_clock(client, &clock), RS_ERROR_SIZE, "clock");
    /* A newer program gets 0 for what this library does not have. */
    struct { rs_clock known; uint64_t more; } newer = {{.size = sizeof newer}, 99};
    EXPECT(rs_client_clock(client, &newer.known), 0, NULL);
    EXPECT(newer.known.size == sizeof newer && newer.more == 0, 1, NULL);
    rs_map map = {.size = sizeof map};
    EXPECT(rs_client_map(client, &map), RS_ERROR_NOT_IN_WORLD, NULL);
    rs_interpolation interpolation = {sizeof interpolation, 9, 33, 250, 250};
    EXPECT(rs_client_set_interpolation(client, &interpolation), RS_ERROR_VALUE, "mode is 9");
    interpolation.mode = RS_MODE_LINEAR;
    interpolation.delay_min_ms = 300;
    EXPECT(rs_client_set_interpolation(client, &interpolation), RS_ERROR_VALUE, "delay_max_ms");
    interpolation.delay_min_ms = -1;
    EXPECT(rs_client_set_interpolation(client, &interpolation), RS_ERROR_VALUE, "delay_min_ms is -1");
    interpolation.delay_min_ms = 50;
    EXPECT(rs_client_set_interpolation(client, &interpolation), 0, NULL);
    rs_smoothing smoothing = {sizeof smoothing, 100, -1, 0};
    EXPECT(rs_client_set_smoothing(client, &smoothing), RS_ERROR_VALUE, "snap");
    smoothing.snap = 100;
    EXPECT(rs_client_set_smoothing(client, &smoothing), 0, NULL);
    if (has_socket) {
        EXPECT(rs_client_update(client, 0), RS_ERROR_HAS_SOCKET, "rs_udp_poll");
        EXPECT(rs_client_transmit(client, 0, bytes, sizeof bytes), RS_ERROR_HAS_SOCKET, NULL);
        EXPECT(rs_client_receive(client, 0, bytes, 9), RS_ERROR_HAS_SOCKET, NULL);
        EXPECT(rs_client_deadline(client, &number), RS_ERROR_HAS_SOCKET, NULL);
        EXPECT(rs_client_change_of_server(client, &address), RS_ERROR_HAS_SOCKET, NULL);
        EXPECT(rs_client_move_to(client, 0, 1), RS_ERROR_HAS_SOCKET, NULL);
        EXPECT(rs_client_place(client, 0, &place_of), RS_ERROR_HAS_SOCKET, NULL);
        EXPECT(rs_client_server_place(client, &place_of), RS_ERROR_HAS_SOCKET, NULL);
        EXPECT(rs_client_is_moving(client), RS_ERROR_HAS_SOCKET, NULL);
        EXPECT(rs_udp_wait(client, 0), 0, NULL);
        EXPECT(rs_udp_rebind(client), 0, NULL);
        return;
    }
    EXPECT(rs_udp_poll(client), RS_ERROR_NO_SOCKET, "rs_udp_connect");
    EXPECT(rs_udp_flush(client), RS_ERROR_NO_SOCKET, NULL);
    EXPECT(rs_udp_wait(client, 5), RS_ERROR_NO_SOCKET, NULL);
    EXPECT(rs_udp_rebind(client), RS_ERROR_NO_SOCKET, NULL);
    EXPECT(rs_client_receive(client, 0, NULL, 9), RS_ERROR_NULL, "datagram");
    EXPECT(rs_client_receive(client, 0, NULL, 0), 0, NULL);
    EXPECT(rs_client_receive(client, 0, bytes, sizeof bytes), 0, NULL);
    EXPECT(rs_client_transmit(client, 0, bytes, 1471), RS_ERROR_ROOM, "1472");
    EXPECT(rs_client_transmit(client, 0, NULL, 2000), RS_ERROR_NULL, NULL);
    EXPECT(rs_client_deadline(client, NULL), RS_ERROR_NULL, NULL);
    EXPECT(rs_client_change_of_server(client, NULL), RS_ERROR_NULL, "address");
    EXPECT(rs_client_change_of_server(client, &address), 0, NULL);
    EXPECT(rs_client_move_to(client, 0, 0), RS_ERROR_VALUE, "place is 0");
    EXPECT(rs_client_move_to(client, 0, 1), 0, NULL);
    EXPECT(rs_client_is_moving(client), 0, NULL);
    EXPECT(rs_client_place(client, 0, NULL), RS_ERROR_NULL, "place");
    EXPECT(rs_client_place(client, 0, &place_of), 0, NULL);
    EXPECT((rs_result)place_of, 0, NULL);
    EXPECT(rs_client_server_place(client, NULL), RS_ERROR_NULL, "place");
    place_of = 7;
    EXPECT(rs_client_server_place(client, &place_of), 0, NULL);
    EXPECT((rs_result)place_of, 0, NULL);
    EXPECT(rs_client_transmit(client, 0, bytes, sizeof bytes) > 0, 1, NULL);
    EXPECT(rs_client_deadline(client, &number), 0, NULL);
    EXPECT(rs_client_update(client, 1), 0, NULL);
    /* Time that goes back, and the end of time. */
    EXPECT(rs_client_update(client, UINT64_MAX), 0, NULL);
    EXPECT(rs_client_update(client, 0), 0, NULL);
}

static void maps(void) {
    rs_terrain *terrain = NULL;
    EXPECT(rs_terrain_open(NULL, &terrain), RS_ERROR_NULL, "path");
    EXPECT(rs_terrain_open("/", NULL), RS_ERROR_NULL, "terrain");
    EXPECT(rs_terrain_open("/no/such.ringmap", &terrain), RS_ERROR_MAP, "/no/such.ringmap");
    EXPECT(rs_terrain_read((const uint8_t *)"no map", 6, &terrain), RS_ERROR_MAP, "map bake");
    EXPECT(rs_terrain_read(NULL, 0, &terrain), RS_ERROR_MAP, "map bake");
    EXPECT(terrain == NULL && rs_terrain_digest(NULL) == 0, 1, NULL);
    EXPECT(rs_terrain_flat(&terrain), 0, NULL);
    float height = 1.0f;
    EXPECT(rs_terrain_height(terrain, 1.0f, -1e30f, &height), 0, NULL);
    EXPECT(height == 0.0f && rs_terrain_digest(terrain) != 0, 1, NULL);
    EXPECT(rs_terrain_height(NULL, 0, 0, &height), RS_ERROR_NULL, "terrain");
    rs_tuning tuning = {0};
    EXPECT(rs_tuning_default(&tuning), RS_ERROR_SIZE, "tuning.size");
    tuning.size = sizeof tuning;
    EXPECT(rs_tuning_default(&tuning), 0, NULL);
    rs_walker walker = {.point = {1000.0f, 1000.0f, 500.0f}, .gait = 1};
    const rs_steering steering = {.forward = 127, .keys = RS_KEY_RUN};
    EXPECT(rs_walk(terrain, &tuning, &walker, &steering), 0, NULL);
    EXPECT(walker.point[2] < 500.0f && walker.velocity[0] > 0.0f, 1, NULL);
    EXPECT(rs_walk(NULL, &tuning, &walker, &steering), RS_ERROR_NULL, "terrain");
    EXPECT(rs_walk(terrain, NULL, &walker, &steering), RS_ERROR_NULL, "tuning");
    EXPECT(rs_walk(terrain, &tuning, NULL, &steering), RS_ERROR_NULL, "walker");
    EXPECT(rs_walk(terrain, &tuning, &walker, NULL), RS_ERROR_NULL, "steering");
    tuning.radius = -1.0f;
    EXPECT(rs_walk(terrain, &tuning, &walker, &steering), RS_ERROR_VALUE, "rs_tuning_default");
    rs_terrain_free(terrain);
    rs_terrain_free(NULL);
}

int main(void) {
    uint8_t key[32];
    uint32_t number = 0;
    EXPECT(rs_key(NULL, key), RS_ERROR_NULL, "text");
    EXPECT(rs_key("12", key), RS_ERROR_KEY, "64");
    const rs_layout layout = RS_LAYOUT(demo_own, demo_own_fields);
    EXPECT(rs_schema(&layout, &number), 0, NULL);
    EXPECT(number == DEMO_SCHEMA_OWN, 1, NULL);
    EXPECT(rs_schema(NULL, &number), RS_ERROR_NULL, "layout");
    EXPECT(rs_schema(&layout, NULL), RS_ERROR_NULL, "number");
    for (int code = RS_ERROR_MAP; code < 0; code++) {
        EXPECT(strlen(rs_text(code)) > 20, 1, NULL);
    }
    EXPECT(strcmp(rs_text(0), "no error"), 0, NULL);
    layouts();
    configs();
    maps();
    rs_config config = good_config();
    rs_client *client = NULL;
    EXPECT(rs_client_new(&config, key, 0, &client), 0, NULL);
    calls(client, 0);
    EXPECT(rs_client_close(client), 0, NULL);
    EXPECT(rs_client_is_closed(client), 1, NULL);
    rs_client_free(client);
    EXPECT(rs_udp_connect(&config, "127.0.0.1:9", &client), 0, NULL);
    calls(client, 1);
    rs_client_free(client);
    rs_client_free(NULL);
    if (failures) {
        fprintf(stderr, "%d failures\n", failures);
    }
    return failures > 0;
}
