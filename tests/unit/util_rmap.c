// SPDX-License-Identifier: GPL-2.0-only
/* The reverse mapping btrees of a volume against all that uses blocks: see util_vol.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_vol.h"
#include "dx_alloc.h"
#include "dx_walk.h"
#include "dx_bmap.h"
#include "dx_log.h"

struct run { u32 bno, len; u64 owner, offset; };
struct runs { struct run *r; u32 n, cap; };

static struct runs *want;		/* by AG */
static struct dx_mount *vol;

static void add_run(struct runs *s, u32 bno, u32 len, u64 owner, u64 offset)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? s->cap * 2 : 64;
		s->r = realloc(s->r, s->cap * sizeof(*s->r));
	}
	s->r[s->n++] = (struct run){ bno, len, owner, offset };
}

static int cmp(u64 a, u64 b)
{
	return a < b ? -1 : a > b;
}

/* As the tree has them; then so that those of one owner that follow each other are together. */
static int by_key(const void *a, const void *b)
{
	const struct run *x = a, *y = b;
	int c = cmp(x->bno, y->bno);

	c = c ? c : cmp(x->owner, y->owner);
	return c ? c : cmp(x->offset & ~DX_RMAP_UNWRITTEN, y->offset & ~DX_RMAP_UNWRITTEN);
}

static int by_place(const void *a, const void *b)
{
	const struct run *x = a, *y = b;
	int c = cmp(x->owner, y->owner);

	c = c ? c : cmp(x->offset & DX_RMAP_FLAGS & ~DX_RMAP_UNWRITTEN, y->offset & DX_RMAP_FLAGS & ~DX_RMAP_UNWRITTEN);
	if (!c && dx_rmap_has_offset(x->owner, x->offset))
		c = cmp(DX_RMAP_OFF(x->offset), DX_RMAP_OFF(y->offset));
	return c ? c : cmp(x->bno, y->bno);
}

/* Blocks that others may have, too. */
static bool may_share(const struct run *r)
{
	return r->owner && !(r->owner >> 63) && !(r->offset >> 62) && dx_has_reflink(vol);
}

static bool one(const struct run *a, const struct run *b)
{
	bool file = !(a->owner >> 63) && !(a->offset >> 62 & 1);

	return a->bno + a->len == b->bno && a->owner == b->owner && a->offset + (file ? a->len : 0) == b->offset;
}

/* In order, as few as can be; false: two have the same block that may not. */
static bool settle(struct runs *s)
{
	const struct run *longest = NULL;
	u32 i, n = 0;

	qsort(s->r, s->n, sizeof(*s->r), by_place);
	for (i = 0; i < s->n; i++) {
		if (n && one(&s->r[n - 1], &s->r[i]))
			s->r[n - 1].len += s->r[i].len;
		else
			s->r[n++] = s->r[i];
	}
	s->n = n;
	qsort(s->r, s->n, sizeof(*s->r), by_key);
	for (i = 0; i < s->n; i++) {
		const struct run *r = &s->r[i];

		if (longest && longest->bno + longest->len > r->bno && !(may_share(longest) && may_share(r))) {
			printf("  block %u is used twice: owners 0x%llx and 0x%llx\n", r->bno, (unsigned long long)longest->owner,
			       (unsigned long long)r->owner);
			return false;
		}
		if (!longest || longest->bno + longest->len < r->bno + r->len)
			longest = r;
	}
	return true;
}

/* ---- what uses blocks ---- */

struct tree_arg { u64 owner, offset; };

static int tree_block(struct dx_btree_cur *cur, int level, struct dx_buf *bp, void *data)
{
	const struct tree_arg *t = data;
	u64 block = bp->b_daddr >> vol->blkbb_log;

	add_run(&want[block / vol->sb.agblocks], block % vol->sb.agblocks, 1, t->owner, t->offset);
	return 0;
}

static int tree(struct dx_btree_cur *cur, u64 owner, u64 offset)
{
	struct tree_arg t = { owner, offset };
	int error = dx_btree_visit_blocks(cur, tree_block, &t);

	dx_btree_del_cursor(cur, error);
	return error;
}

static int chunks(dx_agno_t agno, struct dx_buf *agibp)
{
	struct dx_btree_cur *cur = dx_inobt_cursor(vol, NULL, agibp, agno, DX_BTNUM_INO);
	union dx_btree_rec rec;
	int stat, error, i;

	cur->rec.inobt.startino = 0;
	error = dx_btree_lookup(cur, DX_LOOKUP_GE, &stat);
	while (!error && stat) {
		error = dx_btree_get_rec(cur, &rec, &stat);
		if (error)
			break;
		/* blocks of several inodes, or inodes of several blocks: each of an inode once */
		for (i = 0; i < DX_INODES_PER_CHUNK; i += max_t(u32, 1, vol->sb.inopblock))
			if (dx_inobt_alloc_mask(rec.inobt.holemask) >> i & 1)
				add_run(&want[agno], (rec.inobt.startino + i) >> vol->sb.inopblog, 1, DX_RMAP_OWN_INODES, 0);
		error = dx_btree_increment(cur, 0, &stat);
	}
	dx_btree_del_cursor(cur, error);
	return error;
}

static int free_extent(dx_agbno_t bno, dx_extlen_t len, void *data)
{
	add_run(data, bno, len, 0, 0);
	return 0;
}

/* Nobody's, for copies on write: what the refcountbt says must be so. */
static int staged(struct dx_buf *agf, dx_agno_t agno)
{
	struct dx_btree_cur *cur = dx_refcountbt_cursor(vol, NULL, agf, agno);
	union dx_btree_rec rec;
	int stat, error;

	cur->rec.refc.startblock = DX_REFC_COWFLAG;
	error = dx_btree_lookup(cur, DX_LOOKUP_GE, &stat);
	while (!error && stat) {
		error = dx_btree_get_rec(cur, &rec, &stat);
		if (error || !stat)
			break;
		add_run(&want[agno], rec.refc.startblock & ~DX_REFC_COWFLAG, rec.refc.blockcount, DX_RMAP_OWN_COW, 0);
		error = dx_btree_increment(cur, 0, &stat);
	}
	dx_btree_del_cursor(cur, error);
	return error;
}

static int headers(dx_agno_t agno)
{
	struct dx_buf *agf, *agi, *fl;
	const struct dx_agf *f;
	u32 first, n, i;
	int error;

	add_run(&want[agno], 0, DIV_ROUND_UP(4 * vol->sb.sectsize, vol->sb.blocksize), DX_RMAP_OWN_FS, 0);
	if (dx_fsb_to_agno(vol, vol->sb.logstart) == agno)
		add_run(&want[agno], dx_fsb_to_agbno(vol, vol->sb.logstart), vol->sb.logblocks, DX_RMAP_OWN_LOG, 0);
	error = dx_alloc_query_all(vol, agno, free_extent, &want[agno]);
	if (!error)
		error = dx_agi_read(vol, NULL, agno, &agi);
	if (error)
		return error;
	error = tree(dx_inobt_cursor(vol, NULL, agi, agno, DX_BTNUM_INO), DX_RMAP_OWN_INOBT, 0);
	if (!error && dx_has_finobt(vol))
		error = tree(dx_inobt_cursor(vol, NULL, agi, agno, DX_BTNUM_FINO), DX_RMAP_OWN_INOBT, 0);
	if (!error)
		error = chunks(agno, agi);
	dx_buf_leave(agi);
	if (!error)
		error = dx_agf_read(vol, NULL, agno, 0, &agf);
	if (error)
		return error;
	f = agf->b_addr;
	error = tree(dx_bnobt_cursor(vol, NULL, agf, agno, DX_BTNUM_BNO), DX_RMAP_OWN_AG, 0);
	if (!error)
		error = tree(dx_bnobt_cursor(vol, NULL, agf, agno, DX_BTNUM_CNT), DX_RMAP_OWN_AG, 0);
	n = want[agno].n;
	if (!error)
		error = tree(dx_rmapbt_cursor(vol, NULL, agf, agno), DX_RMAP_OWN_AG, 0);
	CHECK_EQ(want[agno].n - n, be32_to_cpu(f->agf_rmapblocks));
	if (!error && !dx_is_readonly(vol))
		CHECK_EQ(dx_perag(vol, agno)->resv[DX_AGRESV_RMAPBT].used, be32_to_cpu(f->agf_rmapblocks));
	if (!error && dx_has_reflink(vol))
		error = tree(dx_refcountbt_cursor(vol, NULL, agf, agno), DX_RMAP_OWN_REFC, 0);
	if (!error && dx_has_reflink(vol))
		error = staged(agf, agno);
	first = be32_to_cpu(f->agf_flfirst);
	n = be32_to_cpu(f->agf_flcount);
	if (!error)
		error = dx_agfl_read(vol, NULL, agno, &fl);
	for (i = 0; !error && i < n; i++)
		add_run(&want[agno], be32_to_cpu(((struct dx_agfl *)fl->b_addr)->agfl_bno[(first + i) % vol->agfl_size]), 1,
			DX_RMAP_OWN_AG, 0);
	if (!error)
		dx_buf_leave(fl);
	dx_buf_leave(agf);
	return error;
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
		u64 flag = w == DX_ATTR_FORK ? DX_RMAP_ATTRFORK : 0;
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
				add_run(&want[dx_fsb_to_agno(mp, r.startblock)], dx_fsb_to_agbno(mp, r.startblock), r.blockcount, ino,
					r.startoff | flag | (r.state == DX_EXT_UNWRITTEN ? DX_RMAP_UNWRITTEN : 0));
		if (f->format == DX_DINODE_FMT_BTREE)
			error = tree(dx_bmbt_cursor(mp, NULL, ip, w), ino, DX_RMAP_BMBT | flag);
	}
	dx_iunlock(ip, DX_ILOCK_EXCL);
	dx_idrop(ip);
	return error;
}

/* ---- what the tree says ---- */

struct span { union dx_btree_key low, high; };
static struct span *said, *saying;	/* of the blocks of this level by the one above; of the next one by this */
static u32 nsaid, at_said, nsaying;
static int last_level;

static void get_key(const struct dx_rmap_key *k, union dx_btree_key *key)
{
	key->rmap.startblock = be32_to_cpu(k->rm_startblock);
	key->rmap.owner = be64_to_cpu(k->rm_owner);
	key->rmap.offset = be64_to_cpu(k->rm_offset) & ~DX_RMAP_UNWRITTEN;
}

static void rec_span(const struct dx_rmap_rec *r, struct span *s)
{
	u32 more = be32_to_cpu(r->rm_blockcount) - 1;

	s->low.rmap.startblock = be32_to_cpu(r->rm_startblock);
	s->low.rmap.owner = be64_to_cpu(r->rm_owner);
	s->low.rmap.offset = be64_to_cpu(r->rm_offset) & ~DX_RMAP_UNWRITTEN;
	s->high = s->low;
	s->high.rmap.startblock += more;
	if (!(s->low.rmap.owner >> 63) && !(s->low.rmap.offset >> 62 & 1))
		s->high.rmap.offset += more;
}

/* Blocks come top down, each level from left to right: what was said of each must be true. */
static int key_block(struct dx_btree_cur *cur, int level, struct dx_buf *bp, void *data)
{
	u32 n = be16_to_cpu(((struct dx_btree_sblock *)bp->b_addr)->bb_numrecs), i;
	struct span all = { }, s;
	bool root = last_level < 0;

	if (level != last_level) {
		CHECK_EQ(at_said, nsaid);
		free(said);
		said = saying;
		nsaid = nsaying;
		saying = NULL;
		at_said = nsaying = 0;
		last_level = level;
	}
	for (i = 0; i < n; i++) {
		if (level) {
			const struct dx_rmap_key *k = dx_buf_off(bp, DX_BTREE_SBLOCK_LEN + i * 2 * sizeof(*k));

			get_key(&k[0], &s.low);
			get_key(&k[1], &s.high);
			saying = realloc(saying, (nsaying + 1) * sizeof(*saying));
			saying[nsaying++] = s;
		} else {
			rec_span(dx_buf_off(bp, DX_BTREE_SBLOCK_LEN + i * sizeof(struct dx_rmap_rec)), &s);
		}
		if (!i)
			all = s;
		else if (cur->ops->key_cmp(&s.high, &all.high) > 0)
			all.high = s.high;
	}
	if (!root && CHECK(at_said < nsaid)) {
		CHECK(!cur->ops->key_cmp(&said[at_said].low, &all.low));
		CHECK(!cur->ops->key_cmp(&said[at_said].high, &all.high));
		at_said++;
	}
	return 0;
}

static int compare(dx_agno_t agno)
{
	struct runs *w = &want[agno];
	struct dx_btree_cur *cur;
	union dx_btree_rec rec;
	struct dx_buf *agf;
	u32 i = 0, at = 0;
	int stat, error;

	for (i = 0; i < w->n; i++) {
		if (w->r[i].bno > at) {
			printf("  AG %u: block %u is nobody's and not free\n", agno, at);
			return -EUCLEAN;
		}
		at = max(at, w->r[i].bno + w->r[i].len);
	}
	if (at != dx_perag(vol, agno)->length) {
		printf("  AG %u: block %u is nobody's and not free\n", agno, at);
		return -EUCLEAN;
	}
	error = dx_agf_read(vol, NULL, agno, 0, &agf);
	if (error)
		return error;
	last_level = -1;
	nsaid = at_said = nsaying = 0;
	cur = dx_rmapbt_cursor(vol, NULL, agf, agno);
	error = dx_btree_visit_blocks(cur, key_block, NULL);
	dx_btree_del_cursor(cur, error);
	CHECK(error || at_said == nsaid);
	free(said);
	free(saying);
	said = saying = NULL;

	cur = dx_rmapbt_cursor(vol, NULL, agf, agno);
	if (!error)
		error = dx_btree_lookup(cur, DX_LOOKUP_GE, &stat);
	for (i = 0; !error; i++) {
		while (i < w->n && !w->r[i].owner)
			i++;		/* free */
		error = stat ? dx_btree_get_rec(cur, &rec, &stat) : 0;
		if (error || (!stat && i == w->n))
			break;
		if (!stat || i == w->n || rec.rmap.startblock != w->r[i].bno || rec.rmap.blockcount != w->r[i].len ||
		    rec.rmap.owner != w->r[i].owner || rec.rmap.offset != w->r[i].offset) {
			if (i < w->n)
				printf("  AG %u: block %u length %u owner 0x%llx offset 0x%llx:", agno, w->r[i].bno, w->r[i].len,
				       (unsigned long long)w->r[i].owner, (unsigned long long)w->r[i].offset);
			if (stat)
				printf(" the rmapbt has block %u length %u owner 0x%llx offset 0x%llx", rec.rmap.startblock,
				       rec.rmap.blockcount, (unsigned long long)rec.rmap.owner, (unsigned long long)rec.rmap.offset);
			printf("\n");
			error = -EUCLEAN;
			break;
		}
		error = dx_btree_increment(cur, 0, &stat);
	}
	dx_btree_del_cursor(cur, error);
	dx_buf_leave(agf);
	return error;
}

static int look(struct dx_mount *mp, dx_ino_t ino, void *data)
{
	struct dx_inode *ip;

	if (!dx_is_internal_ino(mp, ino) && !dx_iget(mp, NULL, ino, 0, &ip))
		dx_idrop(ip);
	return 0;
}

/*
 * Before space is compared with inodes: they give back what a crash has left past their ends when one is read and let go of, by who
 * walks them for a check, too.
 */
void uv_settle(struct dx_mount *mp)
{
	dx_inobt_walk(mp, 0, look, NULL);
	dx_icache_flush_inactive(mp);
}

int uv_check_rmaps(struct dx_mount *mp)
{
	dx_agno_t agno;
	int error = 0;

	if (!dx_has_rmapbt(mp))
		return 0;
	uv_settle(mp);
	vol = mp;
	want = calloc(dx_agcount(mp), sizeof(*want));
	for (agno = 0; !error && agno < dx_agcount(mp); agno++)
		error = headers(agno);
	if (!error)
		error = dx_inobt_walk(mp, 0, inode, NULL);
	for (agno = 0; !error && agno < dx_agcount(mp); agno++)
		error = settle(&want[agno]) ? compare(agno) : -EUCLEAN;
	for (agno = 0; agno < dx_agcount(mp); agno++)
		free(want[agno].r);
	free(want);
	if (error && error != -EUCLEAN)
		printf("  comparing reverse mappings: error %d\n", error);
	return error;
}
