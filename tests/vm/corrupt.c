// SPDX-License-Identifier: GPL-2.0-only
/*
 * corrupt FILE SEED COUNT FROM TO: inverts COUNT random bytes between FROM and TO,
 * half of them in sectors that have something in them.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	uint64_t s, from, to;
	int fd, n;

	if (argc != 6 || (fd = open(argv[1], O_RDWR)) < 0)
		return 2;
	s = strtoull(argv[2], NULL, 0) * 0x9e3779b97f4a7c15ull + 1;
	from = strtoull(argv[4], NULL, 0);
	to = strtoull(argv[5], NULL, 0);
	for (n = atoi(argv[3]); n > 0; n--) {
		char sector[512];
		int tries = n & 1 ? 200 : 1, used = 0;
		uint64_t at = from;

		while (tries-- && !used) {
			s ^= s << 13, s ^= s >> 7, s ^= s << 17;
			at = from + s % (to - from);
			if (pread(fd, sector, 512, at & ~511ull) != 512)
				return 1;
			for (int i = 0; i < 512; i++)
				used += sector[i] != 0;
		}
		sector[at & 511] ^= 0xff;
		if (pwrite(fd, sector + (at & 511), 1, at) != 1)
			return 1;
	}
	return 0;
}
