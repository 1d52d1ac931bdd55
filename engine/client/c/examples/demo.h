/* The rules of the demonstration, in C: the step that the server runs, and the bytes of its messages. The library moves the
   character, so the results are the server's, bit for bit. */
#ifndef DEMO_H
#define DEMO_H

#include "demo_types.h"

#include <string.h>

typedef struct demo_rules {
    rs_terrain *terrain;
    /* What a player can do, and what a slowed one can. */
    rs_tuning tuning, slow;
} demo_rules;

/* Opens the server's map file; null is level ground. Gives 0 or more, or a negative rs_error. */
static inline rs_result demo_open_rules(demo_rules *rules, const char *map) {
    memset(rules, 0, sizeof *rules);
    rules->tuning.size = sizeof rules->tuning;
    rs_tuning_default(&rules->tuning);
    rules->slow = rules->tuning;
    rules->slow.walk_speed /= 2.0f;
    rules->slow.run_speed /= 2.0f;
    rules->slow.swim_speed /= 2.0f;
    return map ? rs_terrain_open(map, &rules->terrain) : rs_terrain_flat(&rules->terrain);
}

/* Frees the map, after the client. */
static inline void demo_close_rules(demo_rules *rules) {
    rs_terrain_free(rules->terrain);
    rules->terrain = NULL;
}

/* What a player can do of what it wants. */
static inline rs_steering demo_steering(const demo_own *own, const demo_input *input) {
    rs_steering steering = {0, 0, 0, 0, 0};
    const int is_neutral = !input->forward && !input->left && !input->yaw && !input->keys && !input->actions;
    if (own->stunned || own->frozen || is_neutral) {
        steering.yaw = own->yaw;
        return steering;
    }
    steering.yaw = input->yaw;
    steering.forward = input->forward;
    steering.left = input->left;
    steering.keys = input->keys;
    return steering;
}

static inline rs_walker demo_walker(const demo_own *own) {
    rs_walker walker;
    walker.point[0] = own->point[0];
    walker.point[1] = own->point[1];
    walker.point[2] = own->height;
    walker.velocity[0] = own->velocity[0];
    walker.velocity[1] = own->velocity[1];
    walker.velocity[2] = own->rise;
    walker.yaw = own->yaw;
    walker.gait = own->gait;
    walker.leap = own->leap;
    return walker;
}

/* An rs_step. */
static inline void demo_step(void *own_state, const void *input_state, void *user) {
    demo_own *own = (demo_own *)own_state;
    const demo_input *input = (const demo_input *)input_state;
    const demo_rules *rules = (const demo_rules *)user;
    rs_walker walker = demo_walker(own);
    const rs_steering steering = demo_steering(own, input);
    own->shot = (uint16_t)(own->shot > 0 ? own->shot - 1 : 0);
    rs_walk(rules->terrain, own->slowed ? &rules->slow : &rules->tuning, &walker, &steering);
    own->point[0] = walker.point[0];
    own->point[1] = walker.point[1];
    own->height = walker.point[2];
    own->velocity[0] = walker.velocity[0];
    own->velocity[1] = walker.velocity[1];
    own->rise = walker.velocity[2];
    own->yaw = walker.yaw;
    own->gait = walker.gait;
    own->leap = walker.leap;
    if ((input->actions & DEMO_SHOOT) && !own->stunned && own->shot == 0) {
        own->shot = DEMO_SHOT_COOLDOWN;
    }
}

/* An rs_place. */
static inline void demo_place(const void *own_state, rs_pose *pose, void *user) {
    const rs_walker walker = demo_walker((const demo_own *)own_state);
    (void)user;
    memcpy(pose->point, walker.point, sizeof pose->point);
    memcpy(pose->velocity, walker.velocity, sizeof pose->velocity);
    pose->rotation[0] = walker.yaw;
    pose->leap = walker.leap;
}

/* A configuration for the demonstration. `rules` must outlive the client. */
static inline rs_config demo_config(demo_rules *rules) {
    rs_config config;
    memset(&config, 0, sizeof config);
    config.size = sizeof config;
    config.schema[0] = DEMO_SCHEMA_ASK;
    config.schema[1] = DEMO_SCHEMA_ANSWER;
    config.schema[2] = DEMO_SCHEMA_EVENT;
    config.level = rs_terrain_digest(rules->terrain);
    config.input = RS_LAYOUT(demo_input, demo_input_fields);
    config.own = RS_LAYOUT(demo_own, demo_own_fields);
    config.shown = RS_LAYOUT(demo_shown, demo_shown_fields);
    config.step = demo_step;
    config.place = demo_place;
    config.user = rules;
    return config;
}

/* Writes a DEMO_EVENT_SAY, and gives its bytes. `event` has room for 3 + DEMO_TEXT_BYTES_MAX bytes. A text that is too long is
   cut; cut it between characters. */
static inline size_t demo_say(uint8_t *event, const char *text) {
    size_t bytes = strlen(text), at = 0;
    if (bytes > DEMO_TEXT_BYTES_MAX) {
        bytes = DEMO_TEXT_BYTES_MAX;
    }
    event[at++] = DEMO_EVENT_SAY;
    /* The length is a varint: 7 bits per byte, the lowest first. */
    if (bytes >= 0x80) {
        event[at++] = (uint8_t)(bytes | 0x80);
        event[at++] = (uint8_t)(bytes >> 7);
    } else {
        event[at++] = (uint8_t)bytes;
    }
    memcpy(event + at, text, bytes);
    return at + bytes;
}

/* Reads an entity: u16 index, little endian, and u8 generation. */
static inline rs_entity demo_entity(const uint8_t *bytes) {
    return rs_entity_of((uint16_t)(bytes[0] | bytes[1] << 8), bytes[2]);
}

#endif
