// SPDX-License-Identifier: GPL-2.0-only
/* Usage of quota, counted by somebody else: by sums over all inodes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_vol.h"
#include "dx_quota.h"
#include "dx_walk.h"

#define MOST	4096

struct sum { u32 id; u64 blocks, inodes; };
static struct sums { struct sum s[MOST]; int n; } sums[DX_QTYPES];

static void count(enum dx_qtype t, u32 id, u64 blocks)
{
	struct sums *s = &sums[t];
	int i;

	for (i = 0; i < s->n && s->s[i].id != id; i++)
		;
	if (i == MOST)
		return;
	if (i == s->n)
		s->s[s->n++] = (struct sum) { .id = id };
	s->s[i].blocks += blocks;
	s->s[i].inodes++;
}

static int count_inode(struct dx_mount *mp, dx_ino_t ino, void *data)
{
	struct dx_inode *ip;
	u64 blocks;
	int error;

	(void)data;
	if (ino == mp->sb.uquotino || ino == mp->sb.gquotino || ino == mp->sb.pquotino)
		return 0;
	error = dx_iget(mp, NULL, ino, DX_IGET_LEFT_OVER, &ip);
	if (error) {
		printf("  inode 0x%llx: %d\n", (unsigned long long)ino, error);
		return error;
	}
	blocks = ip->d.nblocks + ip->delayed_blks + ip->delayed_indlen + dx_cow_blocks(ip);
	count(DX_QUSER, ip->d.uid, blocks);
	count(DX_QGROUP, ip->d.gid, blocks);
	count(DX_QPROJ, ip->d.projid, blocks);
	dx_idrop(ip);
	return 0;
}

static const char * const kind[DX_QTYPES] = { "user", "group", "project" };

static int compare(struct dx_mount *mp, enum dx_qtype t)
{
	struct sums *s = &sums[t];
	struct dx_quota_rec rec;
	int i, error, found = 0, bad = 0;
	u32 id = 0;

	for (;;) {
		error = dx_quota_next(mp, t, id, &rec);
		if (error == -ENOENT)
			break;
		if (error) {
			printf("  record of %s after %u: %d\n", kind[t], id, error);
			return error;
		}
		for (i = 0; i < s->n && s->s[i].id != rec.id; i++)
			;
		if (i < s->n)
			found++;
		if (rec.blk.used != (i < s->n ? s->s[i].blocks : 0) || rec.ino.used != (i < s->n ? s->s[i].inodes : 0)) {
			printf("  %s %u: %llu blocks and %llu inodes are charged, %llu and %llu used\n", kind[t], rec.id,
			       (unsigned long long)rec.blk.used, (unsigned long long)rec.ino.used,
			       (unsigned long long)(i < s->n ? s->s[i].blocks : 0), (unsigned long long)(i < s->n ? s->s[i].inodes : 0));
			bad++;
		}
		id = rec.id + 1;
		if (!id)
			break;
	}
	if (found != s->n) {
		printf("  %d of %d %ss have a record\n", found, s->n, kind[t]);
		bad++;
	}
	return bad ? -EUCLEAN : 0;
}

int uv_check_quota(struct dx_mount *mp)
{
	static const u16 acct[DX_QTYPES] = { DX_UQUOTA_ACCT, DX_GQUOTA_ACCT, DX_PQUOTA_ACCT };
	int t, error;

	if (!mp->qflags)
		return 0;
	dx_icache_flush_inactive(mp);
	memset(sums, 0, sizeof(sums));
	error = dx_inobt_walk(mp, 0, count_inode, NULL);
	for (t = 0; t < DX_QTYPES && !error; t++)
		if (mp->qflags & acct[t])
			error = compare(mp, t);
	return error;
}
