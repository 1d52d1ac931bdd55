/* Plays with sockets of its own, and goes to the servers that its session is sent to: moves SERVER KEY MOVES.

   Ends with 0 only if it moved that often with one session, saw others at each server, and had an answer to each ask. */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"
#include "sockets.h"

#include <poll.h>
#include <stdbool.h>
#include <unistd.h>

/* Inputs at each server. */
enum { INPUTS_PER_SERVER = 90 };
/* Only a run that fails takes this long. */
static const uint64_t TIMEOUT_NS = 60000000000u;

/* The way to a server. */
typedef struct way {
    uint32_t place;
    int socket;
} way;

typedef struct game {
    rs_client *client;
    demo_rules rules;
    way current, other;
    uint32_t places;
    unsigned inputs, entered, moved, lost, asked, answers, unanswered, others_least;
    /* Since the session is at the present server. */
    unsigned inputs_here, others_here, in_view;
} game;

static void fail(const char *what) {
    fprintf(stderr, "moves: %s: %s\n", what, rs_last_error());
    exit(1);
}

static void demand(const char *what, rs_result result) {
    if (result < 0) {
        fail(what);
    }
}

/* Opens a way to the server that the session is sent to. */
static void follow(game *game) {
    rs_address address;
    const rs_result is_sent = rs_client_change_of_server(game->client, &address);
    demand("change of server", is_sent);
    if (is_sent == 0) {
        return;
    }
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(address.port)};
    if (address.ip_bytes != 4 || game->other.socket >= 0) {
        fail("it is sent to an address of IPv4, and only when it does not move");
    }
    memcpy(&to.sin_addr, address.ip, 4);
    game->other = (way){++game->places, open_socket(&to)};
    demand("move", rs_client_move_to(game->client, now_ns(), game->other.place));
    if (rs_client_is_moving(game->client) != 1) {
        fail("it does not move");
    }
}

/* Closes the way that is no longer needed. */
static void settle(game *game) {
    if (game->other.socket < 0 || rs_client_is_moving(game->client) != 0) {
        return;
    }
    uint32_t place = 0;
    demand("server place", rs_client_server_place(game->client, &place));
    if (place == game->other.place) {
        const way former = game->current;
        game->current = game->other;
        game->other = former;
    }
    if (place != game->current.place) {
        fail("the session is at one of the two");
    }
    close(game->other.socket);
    game->other.socket = -1;
}

static void receive(game *game, int socket) {
    uint8_t datagram[RS_DATAGRAM_BYTES_MAX];
    ssize_t bytes;
    while (socket >= 0 && (bytes = recv(socket, datagram, sizeof datagram, 0)) >= 0) {
        demand("receive", rs_client_receive(game->client, now_ns(), datagram, (size_t)bytes));
        follow(game);
    }
}

static void transmit(game *game) {
    uint8_t datagram[RS_DATAGRAM_BYTES_MAX];
    for (;;) {
        const uint64_t now = now_ns();
        uint32_t place = 0;
        demand("place", rs_client_place(game->client, now, &place));
        const rs_result bytes = rs_client_transmit(game->client, now, datagram, sizeof datagram);
        demand("transmit", bytes);
        if (bytes == 0) {
            return;
        }
        const bool is_other = game->other.socket >= 0 && place == game->other.place;
        if (!is_other && place != game->current.place) {
            fail("each datagram has one of the two places");
        }
        send(is_other ? game->other.socket : game->current.socket, datagram, (size_t)bytes, 0);
    }
}

static void take_news(game *game) {
    rs_news news = {.size = sizeof news};
    while (rs_client_news(game->client, &news) == 1) {
        switch (news.kind) {
        case RS_NEWS_KIND_ENTERED: game->entered++; break;
        case RS_NEWS_KIND_MOVED:
            game->moved++;
            game->others_least = game->others_here < game->others_least ? game->others_here : game->others_least;
            game->inputs_here = 0;
            game->others_here = 0;
            game->in_view = 0;
            break;
        case RS_NEWS_KIND_SPAWNED: game->in_view++; break;
        case RS_NEWS_KIND_DESPAWNED: game->in_view--; break;
        case RS_NEWS_KIND_ANSWER: game->answers++; break;
        case RS_NEWS_KIND_UNANSWERED: game->unanswered++; break;
        case RS_NEWS_KIND_REFUSED:
        case RS_NEWS_KIND_WRONG_SCHEMA:
        case RS_NEWS_KIND_PUT_OUT:
        case RS_NEWS_KIND_RECONNECTING:
        case RS_NEWS_KIND_RENEWED:
        case RS_NEWS_KIND_CLOSED:
            fprintf(stderr, "moves: news %u: %s\n", news.kind, news.text ? news.text : "");
            game->lost++;
            break;
        default: break;
        }
    }
}

static void play(game *game) {
    const rs_result due = rs_client_update(game->client, now_ns());
    demand("update", due);
    for (int at = 0; at < due; at++) {
        const demo_input input = {.forward = 100, .yaw = (uint16_t)(game->inputs * 300), .keys = RS_KEY_RUN};
        demand("input", rs_client_input(game->client, &input));
        game->inputs++;
        game->inputs_here++;
        if (game->inputs % 20 == 0) {
            const uint8_t drink = DEMO_ASK_DRINK;
            demand("ask", rs_client_ask(game->client, &drink, 1, NULL));
            game->asked++;
        }
    }
    const rs_result others = rs_client_others(game->client, NULL, 0);
    demand("others", others);
    /* The own body is in view, too, and not among the others. Nothing of the former server is. */
    if (game->in_view != (unsigned)others && game->in_view != (unsigned)others + 1) {
        fail("the news do not tell what is in view");
    }
    game->others_here = (unsigned)others > game->others_here ? (unsigned)others : game->others_here;
}

static void wait_for_datagrams(const game *game) {
    /* A negative one is ignored. */
    struct pollfd readable[] = {{.fd = game->current.socket, .events = POLLIN}, {.fd = game->other.socket, .events = POLLIN}};
    poll(readable, 2, 8);
}

int main(int count, char **words) {
    if (count != 4) {
        return 2;
    }
    const unsigned moves = (unsigned)strtoul(words[3], NULL, 10);
    struct sockaddr_in server = address_of(words[1]);
    game game = {.current = {0, open_socket(&server)}, .other = {0, -1}, .others_least = UINT32_MAX};
    demand("map", demo_open_rules(&game.rules, NULL));
    rs_config config = demo_config(&game.rules);
    demand("key", rs_key(words[2], config.server_key));
    demand("new", rs_client_new(&config, NULL, now_ns(), &game.client));
    const uint64_t until = now_ns() + TIMEOUT_NS;
    while ((game.moved < moves || game.inputs_here < INPUTS_PER_SERVER || game.answers < game.asked) && !game.lost &&
           now_ns() < until) {
        receive(&game, game.current.socket);
        receive(&game, game.other.socket);
        settle(&game);
        take_news(&game);
        play(&game);
        transmit(&game);
        wait_for_datagrams(&game);
    }
    const unsigned others_last = game.others_here;
    rs_stats stats = {.size = sizeof stats};
    demand("stats", rs_client_stats(game.client, &stats));
    demand("close", rs_client_close(game.client));
    transmit(&game);
    rs_client_free(game.client);
    demo_close_rules(&game.rules);
    printf("entered %u, moved %u, lost %u, place %u, inputs %u, others at least %u and %u, asked %u, answers %u, unanswered %u, "
           "malformed %u, refused %u\n",
           game.entered, game.moved, game.lost, game.current.place, game.inputs, game.others_least, others_last, game.asked,
           game.answers, game.unanswered, (unsigned)stats.malformed, (unsigned)stats.snapshots_refused);
    const bool good = game.entered == 1 && game.moved == moves && game.lost == 0 && game.current.place == moves &&
                      game.other.socket < 0 && game.others_least > 0 && others_last > 0 && game.asked > 0 &&
                      game.answers == game.asked && game.unanswered == 0 && stats.malformed == 0 && stats.snapshots_refused == 0;
    close(game.current.socket);
    return good ? 0 : 1;
}
