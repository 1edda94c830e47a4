/*
 * Notes when addresses come into sets of nf_tables in this network namespace: "SET ADDRESS
 * MICROSECONDS" a line, from the kernel's own announcements, which it makes when the transaction is
 * committed; "gone TABLE MICROSECONDS" when a table is deleted. "ready" comes first; "lost" when the kernel dropped announcements. Announcements are
 * kept in memory and printed when they cease for 100 ms, so that writing does not disturb the
 * measuring. Form: linux/netfilter/nf_tables.h.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long long micros(void) {
        struct timespec t;
        clock_gettime(CLOCK_REALTIME, &t);
        return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

/* The attribute of a type among those in a block; its payload and length, or NULL. */
static const char *attribute(const char *at, size_t left, int type, size_t *length) {
        while (left >= sizeof(struct nlattr)) {
                const struct nlattr *attr = (const struct nlattr *) at;
                if (attr->nla_len < NLA_HDRLEN || attr->nla_len > left)
                        return NULL;
                if ((attr->nla_type & NLA_TYPE_MASK) == type) {
                        *length = attr->nla_len - (size_t) NLA_HDRLEN;
                        return at + NLA_HDRLEN;
                }
                size_t step = NLA_ALIGN(attr->nla_len);
                if (step > left)
                        return NULL;
                at += step;
                left -= step;
        }
        return NULL;
}

static void print_elements(const char *body, size_t length, long long when) {
        size_t name_length, list_length;
        const char *name = attribute(body, length, NFTA_SET_ELEM_LIST_SET, &name_length);
        const char *list = attribute(body, length, NFTA_SET_ELEM_LIST_ELEMENTS, &list_length);
        while (name && list && list_length >= sizeof(struct nlattr)) {
                const struct nlattr *element = (const struct nlattr *) list;
                size_t size = element->nla_len, key_length, value_length, flags_length;
                if (size < NLA_HDRLEN || size > list_length)
                        return;
                const char *key = attribute(list + NLA_HDRLEN, size - NLA_HDRLEN, NFTA_SET_ELEM_KEY, &key_length);
                const char *value = key ? attribute(key, key_length, NFTA_DATA_VALUE, &value_length) : NULL;
                const char *flags =
                        attribute(list + NLA_HDRLEN, size - NLA_HDRLEN, NFTA_SET_ELEM_FLAGS, &flags_length);
                /* In a set of intervals the address behind one ends it: it is not in the set. */
                int is_end = flags && flags_length == 4 && flags[3] & NFT_SET_ELEM_INTERVAL_END;
                char text[INET6_ADDRSTRLEN];
                if (!is_end && value && (value_length == 4 || value_length == 16) &&
                    inet_ntop(value_length == 4 ? AF_INET : AF_INET6, value, text, sizeof(text)))
                        printf("%s %s %lld\n", name, text, when);
                size_t step = NLA_ALIGN(size);
                if (step > list_length)
                        return;
                list += step;
                list_length -= step;
        }
}

static void print_table(const char *body, size_t length, long long when) {
        size_t name_length;
        const char *name = attribute(body, length, NFTA_TABLE_NAME, &name_length);
        if (name)
                printf("gone %.*s %lld\n", (int) name_length, name, when);
}

struct kept {
        long long when;
        size_t length;
        char *bytes;
};
static struct kept *kept;
static size_t count, room;

static void print_all(void) {
        for (size_t i = 0; i < count; i++) {
                const char *at = kept[i].bytes;
                size_t left = kept[i].length;
                while (left >= sizeof(struct nlmsghdr)) {
                        const struct nlmsghdr *message = (const struct nlmsghdr *) at;
                        size_t head = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nfgenmsg));
                        if (message->nlmsg_len < sizeof(*message) || message->nlmsg_len > left)
                                break;
                        if (message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM) &&
                            message->nlmsg_len > head)
                                print_elements(at + head, message->nlmsg_len - head, kept[i].when);
                        if (message->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE) &&
                            message->nlmsg_len > head)
                                print_table(at + head, message->nlmsg_len - head, kept[i].when);
                        size_t step = NLMSG_ALIGN(message->nlmsg_len);
                        if (step > left)
                                break;
                        at += step;
                        left -= step;
                }
                free(kept[i].bytes);
        }
        count = 0;
        fflush(stdout);
}

int main(void) {
        static char buffer[1 << 18];
        int in = socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER), size = 256 << 20;
        struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1u << (NFNLGRP_NFTABLES - 1) };
        setsockopt(in, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
        if (bind(in, (struct sockaddr *) &address, sizeof(address)) < 0)
                return 71;
        puts("ready");
        fflush(stdout);
        for (;;) {
                struct pollfd wait = { in, POLLIN, 0 };
                if (poll(&wait, 1, count ? 100 : -1) == 0) {
                        print_all();
                        continue;
                }
                ssize_t length = recv(in, buffer, sizeof(buffer), 0);
                if (length < 0) {
                        if (errno == ENOBUFS)
                                puts("lost");
                        continue;
                }
                if (count == room)
                        kept = realloc(kept, (room = room ? 2 * room : 4096) * sizeof(*kept));
                kept[count].when = micros();
                kept[count].length = (size_t) length;
                kept[count].bytes = malloc((size_t) length);
                memcpy(kept[count++].bytes, buffer, (size_t) length);
        }
}
