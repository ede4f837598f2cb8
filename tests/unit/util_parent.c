// SPDX-License-Identifier: GPL-2.0-only
/* The parent pointers of a volume against its names: see util_vol.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_vol.h"
#include "dx_parent.h"
#include "dx_alloc.h"
#include "dx_walk.h"

struct pointer { dx_ino_t ino; u32 gen; u32 len; u8 name[256]; };
static struct pointer *have;
static u32 nhave, room;
static int wrong;

static void bad(dx_ino_t ino, const char *what, const struct pointer *p)
{
	if (wrong++ >= 5)
		return;
	printf("  inode 0x%llx: %s", (unsigned long long)ino, what);
	if (p)
		printf(" (0x%llx, %u, \"%.*s\")", (unsigned long long)p->ino, p->gen, p->len, (const char *)p->name);
	printf("\n");
}

static int collect(void *ctx, dx_ino_t ino, u32 gen, const u8 *name, u32 namelen)
{
	struct pointer *p;

	if (nhave == room) {
		room = room ? 2 * room : 64;
		have = realloc(have, room * sizeof(*have));
	}
	p = &have[nhave++];
	p->ino = ino;
	p->gen = gen;
	p->len = namelen;
	memcpy(p->name, name, namelen);
	return 0;
}

static int one_pointer(struct dx_mount *mp, struct dx_inode *ip, const struct pointer *p)
{
	const struct dx_name name = { .name = p->name, .len = p->len };
	struct dx_parent_change c;
	struct dx_inode *dp;
	dx_ino_t ino;
	int error = dx_iget(mp, NULL, p->ino, 0, &dp);

	if (error == -ENOENT) {
		bad(ip->ino, "a parent pointer to an inode that is free", p);
		return 0;
	}
	if (error)
		return error;
	if (dp->d.gen != p->gen)
		bad(ip->ino, "a parent pointer of another generation", p);
	error = S_ISDIR(dp->d.mode) ? dx_lookup(dp, &name, &ino, NULL) : -ENOENT;
	if (error == -ENOENT || (!error && ino != ip->ino)) {
		bad(ip->ino, "a parent pointer, but not that name", p);
		error = 0;
	}
	/* and by its hash */
	c = (struct dx_parent_change) { .old = { dp, p->name, p->len } };
	dx_ilock(ip, DX_ILOCK_EXCL);
	if (!error && dx_parent_check(ip, &c, true))
		bad(ip->ino, "a parent pointer that is not where its hash says", p);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	dx_idrop(dp);
	return error;
}

static int inode(struct dx_mount *mp, dx_ino_t ino, void *data)
{
	struct dx_attr_cursor cur = { };
	struct dx_inode *ip;
	u32 want, i;
	int error = dx_iget(mp, NULL, ino, 0, &ip);

	if (error == -ENOENT)
		return 0;	/* it has lost its last name, and is about to go */
	if (error)
		return error;
	want = S_ISDIR(ip->d.mode) ? ip->d.nlink && ino != mp->sb.rootino : ip->d.nlink;
	if (ino == mp->sb.rbmino || ino == mp->sb.rsumino || ino == mp->sb.uquotino || ino == mp->sb.gquotino ||
	    ino == mp->sb.pquotino)
		want = 0;
	nhave = 0;
	error = dx_parents(ip, &cur, collect, NULL);
	if (!error && nhave != want) {
		bad(ino, "has more or fewer parent pointers than names", NULL);
		printf("  %u for %u\n", nhave, want);
	}
	for (i = 0; !error && i < nhave; i++)
		error = one_pointer(mp, ip, &have[i]);
	dx_idrop(ip);
	return error;
}

int uv_check_parents(struct dx_mount *mp)
{
	int error;

	if (!dx_has_parent(mp))
		return 0;
	wrong = 0;
	error = dx_inobt_walk(mp, 0, inode, NULL);
	free(have);
	have = NULL;
	nhave = room = 0;
	if (error)
		printf("  comparing parent pointers: error %d\n", error);
	return error ? error : wrong ? -EUCLEAN : 0;
}
