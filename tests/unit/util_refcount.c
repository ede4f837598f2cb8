// SPDX-License-Identifier: GPL-2.0-only
/* The reference count btrees of a volume against the maps of all inodes: see util_vol.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_vol.h"
#include "dx_alloc.h"
#include "dx_walk.h"
#include "dx_bmap.h"

static struct dx_mount *vol;
static u32 **counts;			/* by AG and block: extents of data forks that map it */
static bool says_so;			/* the second round: has everybody who shares a block the flag? */
static int wrong;

#define NOT_SHARED	0x40000000u	/* by something that cannot share: with anything */
#define FREE		0x20000000u

static void bad(dx_agno_t agno, u32 bno, const char *what, u64 a, u64 b)
{
	if (wrong++ < 5)
		printf("  AG %u block %u: %s (%llu, %llu)\n", agno, bno, what, (unsigned long long)a, (unsigned long long)b);
}

static void mapped(struct dx_inode *ip, const struct dx_irec *r, bool data)
{
	dx_agno_t agno = dx_fsb_to_agno(vol, r->startblock);
	u32 bno = dx_fsb_to_agbno(vol, r->startblock), i;

	for (i = bno; i < bno + r->blockcount; i++) {
		if (says_so) {
			if (data && counts[agno][i] > 1 && !dx_inode_shares(ip))
				bad(agno, i, "shared by an inode that does not say so", ip->ino, counts[agno][i]);
			continue;
		}
		counts[agno][i] += data ? 1 : NOT_SHARED;
		if (counts[agno][i] > NOT_SHARED)
			bad(agno, i, "in use twice by what cannot share", ip->ino, counts[agno][i]);
	}
}

static int one_block(struct dx_btree_cur *cur, int level, struct dx_buf *bp, void *data)
{
	struct dx_irec r = { .startblock = dx_agb_to_fsb(vol, (bp->b_daddr >> vol->blkbb_log) / vol->sb.agblocks,
							 (bp->b_daddr >> vol->blkbb_log) % vol->sb.agblocks), .blockcount = 1 };

	mapped(data, &r, false);
	return 0;
}

static int inode(struct dx_mount *mp, dx_ino_t ino, void *data)
{
	struct dx_inode *ip;
	int error = dx_iget(mp, NULL, ino, DX_IGET_LEFT_OVER, &ip), w;

	if (error)
		return error;
	dx_ilock(ip, DX_ILOCK_EXCL);
	for (w = DX_DATA_FORK; !error && w <= DX_ATTR_FORK; w++) {
		struct dx_fork *f = dx_ifork(ip, w);
		struct dx_iext_cur icur;
		struct dx_irec r;
		bool more;

		if (!f || (f->format != DX_DINODE_FMT_EXTENTS && f->format != DX_DINODE_FMT_BTREE))
			continue;
		error = dx_iread_extents(NULL, ip, w);
		if (error)
			break;
		for (more = dx_iext_first(&f->ext, &icur, &r); more; more = dx_iext_next(&f->ext, &icur, &r))
			if (dx_irec_is_real(&r))
				mapped(ip, &r, w == DX_DATA_FORK);
		if (f->format == DX_DINODE_FMT_BTREE && !says_so) {
			struct dx_btree_cur *cur = dx_bmbt_cursor(mp, NULL, ip, w);

			error = dx_btree_visit_blocks(cur, one_block, ip);
			dx_btree_del_cursor(cur, error);
		}
	}
	dx_iunlock(ip, DX_ILOCK_EXCL);
	dx_idrop(ip);
	return error;
}

static int is_free(dx_agbno_t bno, dx_extlen_t len, void *data)
{
	u32 *c = counts[*(dx_agno_t *)data], i;

	for (i = bno; i < bno + len; i++) {
		if (c[i])
			bad(*(dx_agno_t *)data, i, "free, and in use", c[i], 0);
		c[i] = FREE;
	}
	return 0;
}

static int count_block(struct dx_btree_cur *cur, int level, struct dx_buf *bp, void *data)
{
	++*(u32 *)data;
	return 0;
}

static int compare(dx_agno_t agno)
{
	u32 *c = counts[agno], length = dx_perag(vol, agno)->length, at = 0, last_end = 0, last_count = 0, nblocks = 0;
	struct dx_btree_cur *cur;
	union dx_btree_rec rec;
	const struct dx_agf *f;
	struct dx_buf *agf;
	bool cow = false;
	int stat, error;

	error = dx_agf_read(vol, NULL, agno, 0, &agf);
	if (error)
		return error;
	f = agf->b_addr;
	cur = dx_refcountbt_cursor(vol, NULL, agf, agno);
	error = dx_btree_visit_blocks(cur, count_block, &nblocks);
	dx_btree_del_cursor(cur, error);
	if (nblocks != be32_to_cpu(f->agf_refcntblocks) ||
	    (!dx_is_readonly(vol) && nblocks != dx_perag(vol, agno)->resv[DX_AGRESV_REFCOUNTBT].used))
		bad(agno, 0, "blocks of the tree: counted, in the AGF", nblocks, be32_to_cpu(f->agf_refcntblocks));

	cur = dx_refcountbt_cursor(vol, NULL, agf, agno);
	if (!error)
		error = dx_btree_lookup(cur, DX_LOOKUP_GE, &stat);
	while (!error && stat && !wrong) {
		u32 start, i;

		error = dx_btree_get_rec(cur, &rec, &stat);
		if (error || !stat)
			break;
		start = rec.refc.startblock & ~DX_REFC_COWFLAG;
		if (!cow && rec.refc.startblock & DX_REFC_COWFLAG) {
			for (; at < length; at++)
				if (c[at] > 1 && c[at] < FREE)
					bad(agno, at, "shared without a record", c[at], 0);
			cow = true;
			last_end = last_count = 0;
		}
		if (start < last_end || (start == last_end && rec.refc.refcount == last_count))
			bad(agno, start, "record that overlaps the one before, or should be one with it", last_end, last_count);
		last_end = start + rec.refc.blockcount;
		last_count = rec.refc.refcount;
		for (; !cow && at < start; at++)
			if (c[at] > 1 && c[at] < FREE)
				bad(agno, at, "shared without a record", c[at], 0);
		for (i = start; i < last_end; i++)
			if (c[i] != (cow ? 0 : rec.refc.refcount))
				bad(agno, i, cow ? "staged, and in use or free" : "count: of the maps, of the record", c[i],
				    rec.refc.refcount);
		at = cow ? at : last_end;
		error = dx_btree_increment(cur, 0, &stat);
	}
	for (; !cow && at < length; at++)
		if (c[at] > 1 && c[at] < FREE)
			bad(agno, at, "shared without a record", c[at], 0);
	dx_btree_del_cursor(cur, error);
	dx_buf_leave(agf);
	return error;
}

int uv_check_refcounts(struct dx_mount *mp)
{
	dx_agno_t agno, n = dx_agcount(mp);
	int error;

	if (!dx_has_reflink(mp))
		return 0;
	uv_settle(mp);
	vol = mp;
	wrong = 0;
	says_so = false;
	counts = calloc(n, sizeof(*counts));
	for (agno = 0; agno < n; agno++)
		counts[agno] = calloc(dx_perag(mp, agno)->length, sizeof(u32));
	error = dx_inobt_walk(mp, 0, inode, NULL);
	says_so = true;
	if (!error)
		error = dx_inobt_walk(mp, 0, inode, NULL);
	for (agno = 0; !error && agno < n; agno++)
		error = dx_alloc_query_all(mp, agno, is_free, &agno);
	for (agno = 0; !error && agno < n; agno++)
		error = compare(agno);
	for (agno = 0; agno < n; agno++)
		free(counts[agno]);
	free(counts);
	if (error)
		printf("  comparing reference counts: error %d\n", error);
	return error ? error : wrong ? -EUCLEAN : 0;
}
