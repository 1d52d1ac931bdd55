/* The sockets and the clock of programs that have their own. Define _POSIX_C_SOURCE before. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static uint64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int open_socket(const struct sockaddr_in *server) {
    const int opened = socket(AF_INET, SOCK_DGRAM, 0);
    if (opened < 0 || connect(opened, (const struct sockaddr *)server, sizeof *server) != 0 ||
        fcntl(opened, F_SETFL, O_NONBLOCK) != 0) {
        perror("socket");
        exit(2);
    }
    return opened;
}

static struct sockaddr_in address_of(char *text) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    char *colon = strrchr(text, ':');
    if (!colon) {
        exit(2);
    }
    *colon = 0;
    address.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1) {
        exit(2);
    }
    return address;
}
