/* The types of the demonstration, and their numbers. Made by `cargo run -p ringshard-demo-rules --example schema`. */
#ifndef DEMO_TYPES_H
#define DEMO_TYPES_H

#include "ringshard.h"

#define DEMO_SCHEMA_INPUT 0x66088BF5u
#define DEMO_SCHEMA_OWN 0x18B5B276u
#define DEMO_SCHEMA_SHOWN 0xD2684187u
#define DEMO_SCHEMA_ASK 0x9168F689u
#define DEMO_SCHEMA_ANSWER 0xE849F239u
#define DEMO_SCHEMA_EVENT 0xD145FB13u

#define DEMO_SHOT_COOLDOWN 30
#define DEMO_POTIONS 3
#define DEMO_TEXT_BYTES_MAX 200

/* What a player does in one tick. */
typedef struct demo_input {
    int8_t forward;
    int8_t left;
    uint16_t yaw;
    uint8_t keys;
    uint8_t actions;
} demo_input;

static const rs_field demo_input_fields[] = {
    RS_FIELD(demo_input, forward, RS_KIND_I8),
    RS_FIELD(demo_input, left, RS_KIND_I8),
    RS_FIELD(demo_input, yaw, RS_KIND_U16),
    RS_FIELD(demo_input, keys, RS_KIND_U8),
    RS_FIELD(demo_input, actions, RS_KIND_U8),
};

/* The player's own state. */
typedef struct demo_own {
    float point[2];
    float velocity[2];
    uint16_t yaw;
    float height;
    float rise;
    uint16_t shot;
    uint8_t gait;
    uint8_t leap;
    uint8_t potions;
    uint8_t stunned;
    uint8_t frozen;
    uint8_t slowed;
} demo_own;

static const rs_field demo_own_fields[] = {
    RS_ARRAY(demo_own, point, RS_KIND_F32, 2),
    RS_ARRAY(demo_own, velocity, RS_KIND_F32, 2),
    RS_FIELD(demo_own, yaw, RS_KIND_U16),
    RS_FIELD(demo_own, height, RS_KIND_F32),
    RS_FIELD(demo_own, rise, RS_KIND_F32),
    RS_FIELD(demo_own, shot, RS_KIND_COOLDOWN),
    RS_FIELD(demo_own, gait, RS_KIND_U8),
    RS_FIELD(demo_own, leap, RS_KIND_U8),
    RS_FIELD(demo_own, potions, RS_KIND_U8),
    RS_FIELD(demo_own, stunned, RS_KIND_BOOL),
    RS_FIELD(demo_own, frozen, RS_KIND_BOOL),
    RS_FIELD(demo_own, slowed, RS_KIND_BOOL),
};

/* What everybody in sight knows of a character. */
typedef struct demo_shown {
    uint8_t kind;
    uint8_t faction;
    uint8_t states;
    uint8_t buffs;
    uint8_t health;
    uint8_t mana;
    uint16_t animation;
    uint32_t score;
} demo_shown;

static const rs_field demo_shown_fields[] = {
    RS_FIELD(demo_shown, kind, RS_KIND_U8),
    RS_FIELD(demo_shown, faction, RS_KIND_U8),
    RS_FIELD(demo_shown, states, RS_KIND_U8),
    RS_FIELD(demo_shown, buffs, RS_KIND_U8),
    RS_FIELD(demo_shown, health, RS_KIND_U8),
    RS_FIELD(demo_shown, mana, RS_KIND_U8),
    RS_FIELD(demo_shown, animation, RS_KIND_U16),
    RS_FIELD(demo_shown, score, RS_KIND_U32),
};

/* An ask, an answer and an event begin with one of these numbers, as one byte. The fields follow it. */
enum { DEMO_ASK_DRINK, DEMO_ASK_HIDE, DEMO_ASK_RESTART };
enum {
    DEMO_ANSWER_DRUNK,     /* u8 health, u8 potions */
    DEMO_ANSWER_HIDDEN,    /* u16 ticks, u8 mana */
    DEMO_ANSWER_RESTARTED, /* nothing */
    DEMO_ANSWER_REFUSED    /* u8 why, and u16 ticks if it is DEMO_REFUSAL_TOO_EARLY */
};
enum { DEMO_REFUSAL_NO_BODY, DEMO_REFUSAL_UNHURT, DEMO_REFUSAL_NO_POTION, DEMO_REFUSAL_NO_MANA, DEMO_REFUSAL_TOO_EARLY };
enum {
    DEMO_EVENT_SAY,    /* text */
    DEMO_EVENT_SAID,   /* entity by, text */
    DEMO_EVENT_HIT,    /* entity by, u8 damage */
    DEMO_EVENT_SCORED, /* entity on */
    DEMO_EVENT_BEATEN  /* entity by, entity who */
};

/* Bits of demo_input.actions. */
enum { DEMO_SHOOT = 1 };

#endif
