/* Plays with a socket and a clock of its own, changes its address on the way, and calls the library from its callbacks. */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"
#include "sockets.h"

#include <poll.h>
#include <unistd.h>

/* The rules first, for demo_step. */
typedef struct host {
    demo_rules rules;
    rs_client *client;
    unsigned steps, refused;
} host;

static void step(void *own, const void *input, void *user) {
    host *host = user;
    demo_step(own, input, &host->rules);
    host->steps++;
    /* A call inside a call is refused, and a client cannot be freed inside one. */
    if (rs_client_is_in_world(host->client) == RS_ERROR_BUSY && strlen(rs_last_error()) > 0) {
        host->refused++;
    }
    rs_client_free(host->client);
}

/* Waits for a datagram, until the client wants to be called. */
static void wait_for(int socket, const rs_client *client) {
    uint64_t deadline = 0, now = now_ns();
    if (rs_client_deadline(client, &deadline) < 0) {
        exit(2);
    }
    const uint64_t left = deadline > now ? deadline - now : 0;
    struct pollfd readable = {.fd = socket, .events = POLLIN};
    poll(&readable, 1, left > 16000000 ? 16 : (int)(left / 1000000));
}

int main(int count, char **words) {
    if (count < 4) {
        return 2;
    }
    host host = {0};
    if (demo_open_rules(&host.rules, NULL) < 0) {
        return 2;
    }
    rs_config config = demo_config(&host.rules);
    config.step = step;
    config.user = &host;
    struct sockaddr_in server = address_of(words[1]);
    const unsigned inputs_wanted = (unsigned)strtoul(words[3], NULL, 10) * 60;
    int socket = open_socket(&server);
    if (rs_key(words[2], config.server_key) < 0 || rs_client_new(&config, NULL, now_ns(), &host.client) < 0) {
        fprintf(stderr, "%s\n", rs_last_error());
        return 2;
    }
    uint8_t datagram[RS_DATAGRAM_BYTES_MAX];
    unsigned inputs = 0, entered = 0, closed = 0, moved = 0, others = 0;
    while (inputs < inputs_wanted && !closed) {
        ssize_t bytes;
        while ((bytes = recv(socket, datagram, sizeof datagram, 0)) >= 0) {
            rs_client_receive(host.client, now_ns(), datagram, (size_t)bytes);
        }
        rs_news news = {.size = sizeof news};
        while (rs_client_news(host.client, &news) == 1) {
            entered += news.kind == RS_NEWS_KIND_ENTERED;
            closed += news.kind == RS_NEWS_KIND_CLOSED;
        }
        const rs_result due = rs_client_update(host.client, now_ns());
        for (int at = 0; at < due; at++, inputs++) {
            const demo_input input = {.forward = 100, .yaw = (uint16_t)(inputs * 300), .keys = RS_KEY_RUN};
            if (rs_client_input(host.client, &input) < 0) {
                return 1;
            }
        }
        if (inputs >= inputs_wanted / 2 && !moved) {
            close(socket);
            socket = open_socket(&server);
            moved = rs_client_address_changed(host.client, now_ns()) == 0;
        }
        rs_result written;
        while ((written = rs_client_transmit(host.client, now_ns(), datagram, sizeof datagram)) > 0) {
            send(socket, datagram, (size_t)written, 0);
        }
        const rs_result seen = rs_client_others(host.client, NULL, 0);
        others = seen > (int)others ? (unsigned)seen : others;
        wait_for(socket, host.client);
    }
    rs_stats stats = {.size = sizeof stats};
    rs_client_stats(host.client, &stats);
    rs_map map = {.size = sizeof map};
    const int has_map = rs_client_map(host.client, &map) == 0 && map.corner[0] == 819200.0f && map.step > 0.0f;
    /* The datagrams that say goodbye. */
    rs_client_close(host.client);
    unsigned goodbyes = 0;
    while (rs_client_transmit(host.client, now_ns(), datagram, sizeof datagram) > 0) {
        goodbyes++;
    }
    const int is_closed = rs_client_is_closed(host.client);
    rs_client_free(host.client);
    demo_close_rules(&host.rules);
    close(socket);
    printf("entered %u, closed %u, moved %u, others %u, map %d, steps %u, refused %u, goodbyes %u; snapshots %u, mispredicted %u\n",
           entered, closed, moved, others, has_map, host.steps, host.refused, goodbyes, (unsigned)stats.snapshots,
           (unsigned)stats.mispredicted);
    const int good = entered == 1 && !closed && moved && others > 0 && has_map && host.steps >= inputs &&
                     host.refused == host.steps && goodbyes > 0 && is_closed == 1 && stats.snapshots > inputs_wanted / 2 &&
                     stats.mispredicted * 2 <= stats.predicted && stats.snapshots_refused == 0;
    return good ? 0 : 1;
}
