/* In the world, frames allocate nothing once warm. What may allocate is an entity, if more are in view than ever before. Built
   without sanitizers, which have an allocator of their own. */
#include "demo.h"

#include <stdio.h>
#include <stdlib.h>

/* Those of the C library, behind the ones below. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t bytes);
void *__libc_realloc(void *memory, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);

static unsigned counted;
static int counts;

void *malloc(size_t bytes) {
    counted += counts ? 1 : 0;
    return __libc_malloc(bytes);
}
void *calloc(size_t count, size_t bytes) {
    counted += counts ? 1 : 0;
    return __libc_calloc(count, bytes);
}
void *realloc(void *memory, size_t bytes) {
    counted += counts ? 1 : 0;
    return __libc_realloc(memory, bytes);
}
int posix_memalign(void **memory, size_t alignment, size_t bytes) {
    counted += counts ? 1 : 0;
    *memory = __libc_memalign(alignment, bytes);
    return *memory ? 0 : 12;
}

static rs_other others[256];

static void frame(rs_client *client, unsigned *inputs) {
    rs_news news = {.size = sizeof news};
    demo_own own;
    rs_pose pose;
    rs_stats stats = {.size = sizeof stats};
    for (int due = rs_udp_poll(client); due > 0; due--) {
        const demo_input input = {.forward = 127, .yaw = (uint16_t)(*inputs * 100), .keys = RS_KEY_RUN};
        rs_client_input(client, &input);
        ++*inputs;
    }
    while (rs_client_news(client, &news) == 1) {
        if (news.kind == RS_NEWS_KIND_CLOSED) {
            fprintf(stderr, "closed: %s\n", news.text);
            exit(2);
        }
    }
    rs_client_own(client, &own, &pose);
    rs_client_others(client, others, 256);
    rs_client_stats(client, &stats);
    rs_udp_flush(client);
    rs_udp_wait(client, 16000000);
}

int main(int count, char **words) {
    if (count < 4) {
        return 2;
    }
    demo_rules rules;
    if (demo_open_rules(&rules, NULL) < 0) {
        return 2;
    }
    rs_config config = demo_config(&rules);
    rs_client *client = NULL;
    if (rs_key(words[2], config.server_key) < 0 || rs_udp_connect(&config, words[1], &client) < 0) {
        fprintf(stderr, "%s\n", rs_last_error());
        return 2;
    }
    const unsigned half = (unsigned)strtoul(words[3], NULL, 10) * 30;
    unsigned inputs = 0;
    while (inputs < half) {
        frame(client, &inputs);
    }
    counts = 1;
    while (inputs < 2 * half) {
        frame(client, &inputs);
    }
    counts = 0;
    rs_client_free(client);
    demo_close_rules(&rules);
    /* The counters work. */
    counts = 1;
    free(malloc(inputs));
    counts = 0;
    printf("%u allocations in %u inputs\n", counted - 1, half);
    return counted >= 1 && counted - 1 < half / 4 ? 0 : 1;
}
