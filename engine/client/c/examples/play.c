/* Plays the demonstration for some seconds: runs, jumps, shoots, talks, asks, and prints what came of it.

     cc -std=c11 play.c $(pkg-config --cflags --libs ringshard-client) -o play
     ./play 127.0.0.1:3565 KEY 10 [MAP]

   MAP is the server's map file, if it has one.

   Ends with 0 only if it entered the world, saw others, had answers and heard itself, predicted well, and nothing failed. */
#include "demo.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

enum { OTHERS_MAX = 256, TICKS_PER_SECOND = 60 };

typedef struct game {
    rs_client *client;
    rs_entity body;
    bool entered, closed;
    unsigned inputs, asked, answers, unanswered, heard, hits, spawned, others_most, failures;
    uint32_t random;
    uint16_t yaw;
} game;

static uint32_t next_random(game *game) {
    game->random = game->random * 1664525u + 1013904223u;
    return game->random >> 8;
}

/* Counts and prints what failed. */
static bool succeeds(game *game, const char *what, rs_result result) {
    if (result < 0) {
        fprintf(stderr, "play: %s: %s\n", what, rs_last_error());
        game->failures++;
    }
    return result >= 0;
}

static void take_event(game *game, const rs_news *news) {
    if (news->bytes_count < 4) {
        return;
    }
    const rs_entity other = demo_entity(news->bytes + 1);
    if (news->bytes[0] == DEMO_EVENT_SAID && other == game->body) {
        game->heard++;
    }
    if (news->bytes[0] == DEMO_EVENT_HIT) {
        game->hits++;
    }
}

static void take_news(game *game) {
    rs_news news = {.size = sizeof news};
    rs_result taken;
    while ((taken = rs_client_news(game->client, &news)) == 1) {
        switch (news.kind) {
        case RS_NEWS_KIND_ENTERED: game->entered = true; break;
        case RS_NEWS_KIND_SPAWNED: game->spawned++; break;
        case RS_NEWS_KIND_BODY_CHANGED: game->body = news.entity; break;
        case RS_NEWS_KIND_EVENT: take_event(game, &news); break;
        case RS_NEWS_KIND_ANSWER: game->answers++; break;
        case RS_NEWS_KIND_UNANSWERED: game->unanswered++; break;
        case RS_NEWS_KIND_REFUSED:
        case RS_NEWS_KIND_PUT_OUT:
        case RS_NEWS_KIND_WRONG_SCHEMA:
            fprintf(stderr, "play: not let in: reason %" PRId32 "%s%s\n", news.reason, news.text ? ": " : "",
                    news.text ? news.text : "");
            game->closed = true;
            break;
        case RS_NEWS_KIND_CLOSED:
            fprintf(stderr, "play: closed: %s\n", news.text);
            game->closed = true;
            break;
        default: break;
        }
    }
    succeeds(game, "news", taken);
}

/* Runs in a direction for a while, and jumps and shoots now and then. */
static demo_input make_input(game *game) {
    if (game->inputs % 45 == 0) {
        game->yaw = (uint16_t)next_random(game);
    }
    demo_input input = {.forward = 127, .yaw = game->yaw, .keys = RS_KEY_RUN};
    if (game->inputs % 100 == 0) {
        input.keys |= RS_KEY_JUMP;
    }
    if (game->inputs % 40 == 0) {
        input.actions = DEMO_SHOOT;
    }
    return input;
}

static void talk(game *game) {
    if (game->inputs % (2 * TICKS_PER_SECOND) == 0) {
        uint8_t event[3 + DEMO_TEXT_BYTES_MAX];
        const size_t bytes = demo_say(event, "Hello from C: gr\xC3\xBC\xC3\x9F dich");
        succeeds(game, "tell", rs_client_tell(game->client, RS_CHANNEL_RELIABLE_ORDERED, event, bytes));
    }
    if (game->inputs % TICKS_PER_SECOND == 30) {
        const uint8_t ask = game->inputs % 4 == 0 ? DEMO_ASK_HIDE : DEMO_ASK_DRINK;
        if (succeeds(game, "ask", rs_client_ask(game->client, &ask, 1, NULL))) {
            game->asked++;
        }
    }
}

static void look(game *game) {
    static rs_other others[OTHERS_MAX];
    const rs_result count = rs_client_others(game->client, others, OTHERS_MAX);
    if (!succeeds(game, "others", count)) {
        return;
    }
    if ((unsigned)count > game->others_most) {
        game->others_most = (unsigned)count;
    }
    for (int at = 0; at < count && at < OTHERS_MAX; at++) {
        const demo_shown *shown = (const demo_shown *)others[at].shown;
        demo_shown copy;
        rs_pose pose;
        if (rs_client_shown(game->client, others[at].entity, &copy) != 1 || memcmp(shown, &copy, sizeof copy) != 0 ||
            rs_client_pose(game->client, others[at].entity, &pose) != 1 || memcmp(&pose, &others[at].pose, sizeof pose) != 0) {
            fprintf(stderr, "play: entity %" PRIu32 " differs from itself\n", others[at].entity);
            game->failures++;
        }
    }
}

static void frame(game *game) {
    const rs_result due = rs_udp_poll(game->client);
    succeeds(game, "poll", due);
    for (int at = 0; at < due; at++) {
        const demo_input input = make_input(game);
        succeeds(game, "input", rs_client_input(game->client, &input));
        game->inputs++;
        if (rs_client_is_in_world(game->client) == 1) {
            talk(game);
        }
    }
    take_news(game);
    look(game);
    succeeds(game, "flush", rs_udp_flush(game->client));
    succeeds(game, "wait", rs_udp_wait(game->client, 16000000));
}

static bool verdict(game *game) {
    rs_stats stats = {.size = sizeof stats};
    rs_clock clock = {.size = sizeof clock};
    demo_own own = {0};
    rs_pose pose = {0};
    succeeds(game, "stats", rs_client_stats(game->client, &stats));
    succeeds(game, "clock", rs_client_clock(game->client, &clock));
    const bool has_own = rs_client_own(game->client, &own, &pose) == 1;
    printf("inputs %u, snapshots %" PRIu64 ", refused %" PRIu64 ", malformed %" PRIu64 "\n", game->inputs, stats.snapshots,
           stats.snapshots_refused, stats.malformed);
    printf("predicted %" PRIu64 ", mispredicted %" PRIu64 ", inputs missed %" PRIu64 ", worst correction %.1f units\n", stats.predicted,
           stats.mispredicted, stats.inputs_missed, (double)stats.worst_correction);
    printf("others at most %u, spawned %u; asked %u, answers %u, unanswered %u; heard %u, hits %u\n", game->others_most,
           game->spawned, game->asked, game->answers, game->unanswered, game->heard, game->hits);
    printf("at %.1f %.1f; tick %" PRIu32 ", ahead %.1f ticks, round trip %.2f ms\n", (double)pose.point[0], (double)pose.point[1],
           clock.own_tick, clock.ahead, (double)clock.round_trip_ms);
    /* Inputs that arrive late are mispredicted, too; with a step that is wrong, nearly all ticks are. */
    const bool predicts = stats.predicted > 0 && stats.mispredicted * 2 <= stats.predicted;
    const bool well_formed = stats.snapshots_refused == 0 && stats.malformed == 0;
    return game->entered && !game->closed && has_own && game->others_most > 0 && game->answers > 0 && game->unanswered == 0 &&
           game->heard > 0 && game->failures == 0 && predicts && well_formed;
}

int main(int count, char **words) {
    if (count < 3 || count > 5) {
        fprintf(stderr, "Usage: play HOST:PORT KEY [SECONDS [MAP]]\n");
        return 2;
    }
    const unsigned seconds = count >= 4 ? (unsigned)strtoul(words[3], NULL, 10) : 10;
    demo_rules rules;
    game game = {.random = 1};
    if (rs_abi() != RS_ABI) {
        fprintf(stderr, "play: the library has interface %" PRIu32 ", the header %d\n", rs_abi(), RS_ABI);
        return 2;
    }
    if (!succeeds(&game, "map", demo_open_rules(&rules, count == 5 ? words[4] : NULL))) {
        return 2;
    }
    rs_config config = demo_config(&rules);
    if (!succeeds(&game, "key", rs_key(words[2], config.server_key)) ||
        !succeeds(&game, "connect", rs_udp_connect(&config, words[1], &game.client))) {
        return 2;
    }
    /* 60 inputs per second; a client that never gets in is ended by RS_NEWS_KIND_CLOSED. */
    while (game.inputs < seconds * TICKS_PER_SECOND && !game.closed) {
        frame(&game);
    }
    const bool good = verdict(&game);
    rs_client_free(game.client);
    demo_close_rules(&rules);
    printf("%s\n", good ? "passed" : "FAILED");
    return good ? 0 : 1;
}
