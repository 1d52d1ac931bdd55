/* The rules of the demonstration, in C: the step that the server runs, and the bytes of its messages. The step only adds and
   multiplies 32-bit floats, so it gives the server's results bit for bit. Compilers must not fuse the two: gcc and clang do
   not with -std=c11 or -ffp-contract=off. */
#ifndef DEMO_H
#define DEMO_H

#include "demo_types.h"

#include <string.h>

typedef struct demo_rules {
    float size[2];
} demo_rules;

static inline demo_rules demo_default_rules(void) {
    demo_rules rules;
    rules.size[0] = DEMO_MAP_WIDTH;
    rules.size[1] = DEMO_MAP_DEPTH;
    return rules;
}

/* The vector of length 1 in a direction, in 65,536ths of a turn. */
static inline void demo_direction(uint16_t turn, float axes[2]) {
    const uint16_t quarter = (uint16_t)((uint16_t)(turn + (1u << 13)) >> 14);
    const int16_t rest = (int16_t)(uint16_t)(turn - (uint16_t)(quarter << 14));
    const float angle = (float)rest * (6.28318530717958647692f / 65536.0f);
    const float square = angle * angle;
    const float sine = angle * (1.0f - square / 6.0f * (1.0f - square / 20.0f * (1.0f - square / 42.0f)));
    const float cosine =
        1.0f - square / 2.0f * (1.0f - square / 12.0f * (1.0f - square / 30.0f * (1.0f - square / 56.0f)));
    axes[0] = quarter == 0 ? cosine : quarter == 1 ? -sine : quarter == 2 ? -cosine : sine;
    axes[1] = quarter == 0 ? sine : quarter == 1 ? cosine : quarter == 2 ? -sine : -cosine;
}

static inline float demo_clamp(float value, float most) {
    return value < 0.0f ? 0.0f : value > most ? most : value;
}

static inline float demo_speed_max(const demo_own *own) {
    return own->stunned || own->frozen ? 0.0f : own->slowed ? DEMO_WALK_MAX / 2.0f : DEMO_WALK_MAX;
}

static inline void demo_walk(demo_own *own, const demo_input *input) {
    const float speed = demo_speed_max(own) * (float)input->pace / 255.0f;
    if (speed == 0.0f) {
        own->velocity[0] = own->velocity[1] = 0.0f;
        return;
    }
    float axes[2];
    demo_direction(input->direction, axes);
    own->direction = input->direction;
    own->velocity[0] = axes[0] * speed;
    own->velocity[1] = axes[1] * speed;
}

/* An rs_step. */
static inline void demo_step(void *own_state, const void *input_state, void *user) {
    demo_own *own = (demo_own *)own_state;
    const demo_input *input = (const demo_input *)input_state;
    const demo_rules *rules = (const demo_rules *)user;
    own->shot = (uint16_t)(own->shot > 0 ? own->shot - 1 : 0);
    demo_walk(own, input);
    for (int axis = 0; axis < 2; axis++) {
        const float way = own->velocity[axis] / 60.0f;
        own->point[axis] = demo_clamp(own->point[axis] + way, rules->size[axis]);
    }
    if ((input->actions & DEMO_SHOOT) && !own->stunned && own->shot == 0) {
        own->shot = DEMO_SHOT_COOLDOWN;
    }
}

/* An rs_place. */
static inline void demo_place(const void *own_state, rs_pose *pose, void *user) {
    const demo_own *own = (const demo_own *)own_state;
    (void)user;
    pose->point[0] = own->point[0];
    pose->point[1] = own->point[1];
    pose->velocity[0] = own->velocity[0];
    pose->velocity[1] = own->velocity[1];
    pose->rotation[0] = own->direction;
    pose->leap = own->leap;
}

/* A configuration for the demonstration. `rules` must outlive the client. */
static inline rs_config demo_config(demo_rules *rules) {
    rs_config config;
    memset(&config, 0, sizeof config);
    config.size = sizeof config;
    config.schema[0] = DEMO_SCHEMA_ASK;
    config.schema[1] = DEMO_SCHEMA_ANSWER;
    config.schema[2] = DEMO_SCHEMA_EVENT;
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
