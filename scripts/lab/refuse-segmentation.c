// Preloaded, imitates a kernel that does not segment for one client: sendmmsg fails with $REFUSE_ERRNO if a message to
// $REFUSE_PORT carries UDP_SEGMENT. Everything else reaches the kernel unchanged.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdlib.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

static int is_refused(struct msghdr *message) {
    const struct sockaddr_in *name = message->msg_name; // The port is at the same offset in both families.
    const char *port = getenv("REFUSE_PORT");
    if (!name || !port || ntohs(name->sin_port) != atoi(port))
        return 0;
    for (struct cmsghdr *control = CMSG_FIRSTHDR(message); control; control = CMSG_NXTHDR(message, control))
        if (control->cmsg_level == SOL_UDP && control->cmsg_type == UDP_SEGMENT)
            return 1;
    return 0;
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags) {
    static int (*next)(int, struct mmsghdr *, unsigned, int);
    if (!next)
        next = dlsym(RTLD_NEXT, "sendmmsg");
    unsigned fine = 0;
    while (fine < count && !is_refused(&messages[fine].msg_hdr))
        fine++;
    if (fine == 0 && count > 0) {
        errno = atoi(getenv("REFUSE_ERRNO"));
        return -1;
    }
    return next(fd, messages, fine, flags);
}
