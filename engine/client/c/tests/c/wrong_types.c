/* A client whose types differ from the server's is refused, and told which type differs. */
#include "demo.h"

#include <stdio.h>

/* The kind of the first news that decides; `reason` is its reason. */
static uint32_t outcome(rs_config *config, const char *server, int32_t *reason) {
    rs_client *client = NULL;
    if (rs_udp_connect(config, server, &client) < 0) {
        fprintf(stderr, "connect: %s\n", rs_last_error());
        return 0;
    }
    uint32_t kind = 0;
    for (int frame = 0; frame < 500 && kind == 0; frame++) {
        rs_news news = {.size = sizeof news};
        rs_udp_poll(client);
        while (rs_client_news(client, &news) == 1) {
            if (news.kind == RS_NEWS_KIND_WRONG_SCHEMA || news.kind == RS_NEWS_KIND_ENTERED || news.kind == RS_NEWS_KIND_CLOSED) {
                kind = news.kind;
                *reason = news.reason;
            }
        }
        rs_udp_flush(client);
        rs_udp_wait(client, 10000000);
    }
    rs_client_free(client);
    return kind;
}

static int expect(const char *what, rs_config *config, const char *server, uint32_t kind, int32_t reason) {
    int32_t got_reason = 0;
    const uint32_t got = outcome(config, server, &got_reason);
    if (got == kind && got_reason == reason) {
        return 0;
    }
    fprintf(stderr, "%s: news %u with reason %d, not %u with %d\n", what, got, got_reason, kind, reason);
    return 1;
}

int main(int count, char **words) {
    if (count < 3) {
        return 2;
    }
    int failures = 0;
    demo_rules rules;
    if (demo_open_rules(&rules, NULL) < 0) {
        return 2;
    }
    rs_config config = demo_config(&rules);
    if (rs_key(words[2], config.server_key) < 0) {
        return 2;
    }
    failures += expect("the same types", &config, words[1], RS_NEWS_KIND_ENTERED, 0);

    config.level ^= 1;
    failures += expect("another map", &config, words[1], RS_NEWS_KIND_WRONG_SCHEMA, RS_TYPE_LEVEL);
    config.level = 0;
    failures += expect("a map that is not compared", &config, words[1], RS_NEWS_KIND_ENTERED, 0);

    config.schema[0] ^= 1;
    failures += expect("another ask", &config, words[1], RS_NEWS_KIND_WRONG_SCHEMA, RS_TYPE_ASK);
    config.schema[0] = 0;
    failures += expect("an ask that is not compared", &config, words[1], RS_NEWS_KIND_ENTERED, 0);

    rs_field fields[sizeof demo_own_fields / sizeof demo_own_fields[0]];
    memcpy(fields, demo_own_fields, sizeof fields);
    fields[0].name = "place";
    config.own = RS_LAYOUT(demo_own, fields);
    failures += expect("another name", &config, words[1], RS_NEWS_KIND_WRONG_SCHEMA, RS_TYPE_OWN);

    config.own = RS_LAYOUT(demo_own, demo_own_fields);
    config.shown.count--;
    failures += expect("a field less", &config, words[1], RS_NEWS_KIND_WRONG_SCHEMA, RS_TYPE_SHOWN);
    demo_close_rules(&rules);
    return failures > 0;
}
