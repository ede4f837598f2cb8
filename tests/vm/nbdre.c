// SPDX-License-Identifier: GPL-2.0-only
/*
 * nbdre connect|again SOCKET INDEX
 *
 * Connects /dev/nbdINDEX to the server that listens on the unix socket SOCKET, such that the kernel keeps what is under way
 * when the connection breaks, for 60 s, and sends it again once "again" has brought another one. nbd-client asks for neither.
 */
#include <endian.h>
#include <linux/genetlink.h>
#include <linux/nbd-netlink.h>
#include <linux/netlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct {
	struct nlmsghdr n;
	struct genlmsghdr g;
	char a[512];
} m;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void all(int fd, void *buf, size_t n, int send)
{
	char *p = buf;

	while (n) {
		ssize_t r = send ? write(fd, p, n) : read(fd, p, n);

		if (r <= 0)
			die("the server");
		p += r;
		n -= r;
	}
}

/* Fixed newstyle, the default export. The server's size and flags. */
static int handshake(const char *path, uint64_t *size, uint64_t *flags)
{
	struct sockaddr_un u = { .sun_family = AF_UNIX };
	struct { uint64_t magic, opt; uint16_t flags; } __attribute__((packed)) hi;
	struct { uint32_t flags; uint64_t magic; uint32_t opt, len; } __attribute__((packed)) want;
	struct { uint64_t size; uint16_t flags; } __attribute__((packed)) has;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(u.sun_path, sizeof(u.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&u, sizeof(u)))
		die(path);
	all(fd, &hi, sizeof(hi), 0);
	if (hi.opt != htobe64(0x49484156454f5054))	/* IHAVEOPT */
		die("not a newstyle server");
	want.flags = htobe32(3);		/* fixed newstyle, no zeroes */
	want.magic = hi.opt;
	want.opt = htobe32(1);			/* NBD_OPT_EXPORT_NAME */
	want.len = 0;
	all(fd, &want, sizeof(want), 1);
	all(fd, &has, sizeof(has), 0);
	*size = be64toh(has.size);
	*flags = be16toh(has.flags);
	return fd;
}

static struct nlattr *put(int type, const void *v, int len)
{
	struct nlattr *a = (void *)((char *)&m + NLMSG_ALIGN(m.n.nlmsg_len));

	a->nla_type = type;
	a->nla_len = NLA_HDRLEN + len;
	memcpy((char *)a + NLA_HDRLEN, v, len);
	m.n.nlmsg_len = NLMSG_ALIGN(m.n.nlmsg_len) + NLA_ALIGN(a->nla_len);
	return a;
}

static void put64(int type, uint64_t v)
{
	put(type, &v, sizeof(v));
}

/* Sends @m, and waits for its answer or error, which is then in @m. */
static void talk(int nl)
{
	ssize_t r;

	m.n.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	if (send(nl, &m, m.n.nlmsg_len, 0) < 0)
		die("netlink");
	r = recv(nl, &m, sizeof(m), 0);
	if (r < 0)
		die("netlink");
	if (m.n.nlmsg_type == NLMSG_ERROR && *(int *)&m.g) {
		fprintf(stderr, "nbd: %s\n", strerror(-*(int *)&m.g));
		exit(1);
	}
}

static void begin(int type, int cmd)
{
	memset(&m, 0, sizeof(m));
	m.n.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	m.n.nlmsg_type = type;
	m.g.cmd = cmd;
	m.g.version = 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_nl nla = { .nl_family = AF_NETLINK };
	struct nlattr *socks, *item, *a;
	uint64_t size, flags;
	uint32_t index, fd;
	int nl, family = -1, again;

	if (argc != 4)
		return 2;
	again = !strcmp(argv[1], "again");
	index = atoi(argv[3]);
	fd = handshake(argv[2], &size, &flags);
	nl = socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC);
	if (nl < 0 || bind(nl, (struct sockaddr *)&nla, sizeof(nla)))
		die("netlink");

	begin(GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	put(CTRL_ATTR_FAMILY_NAME, NBD_GENL_FAMILY_NAME, sizeof(NBD_GENL_FAMILY_NAME));
	talk(nl);
	for (a = (void *)m.a; (char *)a < (char *)&m + m.n.nlmsg_len; a = (void *)((char *)a + NLA_ALIGN(a->nla_len)))
		if (a->nla_type == CTRL_ATTR_FAMILY_ID)
			family = *(uint16_t *)((char *)a + NLA_HDRLEN);
	if (recv(nl, &m, sizeof(m), 0) < 0 || family < 0)	/* the acknowledgement */
		die("no nbd");

	begin(family, again ? NBD_CMD_RECONFIGURE : NBD_CMD_CONNECT);
	put(NBD_ATTR_INDEX, &index, sizeof(index));
	if (!again) {
		put64(NBD_ATTR_SIZE_BYTES, size);
		put64(NBD_ATTR_BLOCK_SIZE_BYTES, 512);
		put64(NBD_ATTR_SERVER_FLAGS, flags);
		put64(NBD_ATTR_TIMEOUT, 3);	/* after which it looks whether there is another connection */
	}
	put64(NBD_ATTR_DEAD_CONN_TIMEOUT, 60);
	socks = put(NBD_ATTR_SOCKETS | NLA_F_NESTED, NULL, 0);
	item = put(NBD_SOCK_ITEM | NLA_F_NESTED, NULL, 0);
	put(NBD_SOCK_FD, &fd, sizeof(fd));
	item->nla_len = (char *)&m + m.n.nlmsg_len - (char *)item;
	socks->nla_len = (char *)&m + m.n.nlmsg_len - (char *)socks;
	talk(nl);
	return 0;
}
