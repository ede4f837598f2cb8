// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading a directory in order of its cookies.
 *
 * A cookie is the place of an entry in the data space, in units of 8 bytes:
 * entries never move, and a short form entry knows the place that it will have in a
 * block; so a reader that comes back finds its place whatever was added or
 * removed meanwhile, and whatever form the directory has changed to.
 *
 * Lock context: takes the ILOCK shared (exclusive if the extents must be
 * read first).  emit() copies to user space and may fault, which must not
 * happen under a buffer lock or the ILOCK: entries are gathered in a page, both are
 * dropped, then they are emitted.
 */
#include "dx_dir_int.h"
#include "dx_dir.h"

#define COOKIE_MASK	0x7fffffffU
#define GATHER_BYTES	8192
#define READAHEAD_BYTES	(32 * 1024)

struct gathered {
	dx_ino_t ino;
	u32	cookie;
	u8	namelen;
	u8	ftype;
	u8	name[];
};

struct gather {
	char	*buf;
	u32	used;
	u64	next;		/* cookie after the last one gathered */
	bool	full;
};

static u32 gathered_size(int namelen)
{
	return ALIGN(sizeof(struct gathered) + namelen, 8);
}

/* false: no room */
static bool gather_add(struct gather *g, u32 cookie, u32 next, dx_ino_t ino, const u8 *name, int namelen, u8 ftype)
{
	struct gathered *e = (struct gathered *)(g->buf + g->used);

	if (g->used + gathered_size(namelen) > GATHER_BYTES) {
		g->full = true;
		g->next = cookie & COOKIE_MASK;
		return false;
	}
	e->ino = ino;
	e->cookie = cookie & COOKIE_MASK;
	e->namelen = namelen;
	e->ftype = ftype < DX_DIR3_FT_MAX ? ftype : DX_DIR3_FT_UNKNOWN;
	memcpy(e->name, name, namelen);
	g->used += gathered_size(namelen);
	g->next = next & COOKIE_MASK;
	return true;
}

static int gather_sf(struct dx_da_args *a, u64 pos, struct gather *g)
{
	struct dx_mount *mp = a->mp;
	u32 dot = dx_dir_off_to_dataptr(mp, 0, DX_DIR_DOT_OFF), dotdot = dx_dir_off_to_dataptr(mp, 0, DX_DIR_DOTDOT_OFF);
	u32 end = dx_dir_off_to_dataptr(mp, 1, 0);
	struct dx_sf_ent *e;
	dx_ino_t parent;
	int count, i, error;

	error = dx_dir_sf_decode(mp, a->dp->df.data, a->dp->df.bytes, &parent, &e, &count);
	if (error)
		return error;
	if (pos <= dot && !gather_add(g, dot, dotdot, a->dp->ino, (const u8 *)".", 1, DX_DIR3_FT_DIR))
		goto out;
	if (pos <= dotdot && !gather_add(g, dotdot, dotdot + 1, parent, (const u8 *)"..", 2, DX_DIR3_FT_DIR))
		goto out;
	for (i = 0; i < count; i++) {
		u32 cookie = dx_dir_off_to_dataptr(mp, 0, e[i].off);

		if (cookie < pos)
			continue;
		if (!gather_add(g, cookie, cookie + 1, e[i].ino, e[i].name, e[i].namelen, e[i].ftype))
			goto out;
	}
	g->next = max_t(u64, pos, end);
out:
	kfree(e);
	return 0;
}

/* Entries of one data (or single) block from @pos on. */
static void gather_block(struct dx_da_args *a, struct dx_buf *bp, u32 db, u64 pos, struct gather *g)
{
	u32 off = DX_DIR_DATA_HDR, end = dx_dir_data_end(a->mp, bp->b_addr);

	while (off < end) {
		struct dx_dir2_data_entry *e = (struct dx_dir2_data_entry *)((char *)bp->b_addr + off);
		struct dx_dir2_data_unused *u = (struct dx_dir2_data_unused *)e;
		u32 cookie = dx_dir_off_to_dataptr(a->mp, db, off) & COOKIE_MASK;

		if (be16_to_cpu(u->freetag) == DX_DIR2_DATA_FREE_TAG) {
			off += be16_to_cpu(u->length);
			continue;
		}
		if (cookie >= pos && !gather_add(g, cookie, cookie + 1, be64_to_cpu(e->inumber), e->name, e->namelen,
						 *dx_dir_ent_ftype(e)))
			return;
		off += dx_dir_entsize(e->namelen);
	}
}

/* Entering block @db: keep the disk busy with the next ones, twice a stride ahead at each stride. */
static void read_ahead(struct dx_da_args *a, u32 db)
{
	u32 stride = max_t(u32, 1, READAHEAD_BYTES / a->mp->dirblksize), i;
	u32 end = (u32)div_u64(a->dp->d.size, a->mp->dirblksize);

	if (db % stride)
		return;
	for (i = db + 1; i <= db + 2 * stride && i < end; i++)
		dx_da_readahead(a, dx_dir_db_to_da(a->mp, i), DX_DAK_DATA);
}

static int gather_blocks(struct dx_da_args *a, u64 pos, struct gather *g)
{
	struct dx_mount *mp = a->mp;
	u32 db = dx_dir_dataptr_db(mp, pos);
	int error = 0;

	while (!g->full && (u64)db * mp->dirblksize < a->dp->d.size) {
		dx_fileoff_t off = dx_dir_db_to_da(mp, db);
		struct dx_iext_cur cur;
		struct dx_irec rec;
		struct dx_buf *bp;

		/* over holes at once */
		if (!dx_iext_lookup(&a->dp->df.ext, off, &cur, &rec) || rec.startoff >= dx_dir_leafblk(mp))
			break;
		if (rec.startoff > off)
			db = dx_dir_da_to_db(mp, rec.startoff);
		if (dx_dir_off_to_dataptr(mp, db, DX_DIR_DATA_HDR) >= pos)
			read_ahead(a, db);
		error = dx_da_read(a, dx_dir_db_to_da(mp, db), DX_DAK_DATA | (db ? 0 : DX_DAK_BLOCK), &bp);
		if (error)
			return error;
		gather_block(a, bp, db, pos, g);
		dx_trans_let_go(a->tp, bp);
		db++;
		cond_resched();
	}
	if (!g->full)	/* never back, also if the directory has shrunk */
		g->next = max_t(u64, pos, (a->dp->d.size >> 3) & COOKIE_MASK);
	return 0;
}

/**
 * dx_dir_readdir - emit the entries of a directory
 * @dp: directory; the caller holds its i_rwsem or equivalent, not the ILOCK
 * @pos: in: cookie to start from, 0 at first; out: where to go on
 * @emit: called for each entry with that entry's own cookie, no locks held; false = full, take it again next time
 * @ctx: for @emit
 *
 * "." and ".." come first.  At the end of the directory *pos lies behind all entries.
 */
int dx_dir_readdir(struct dx_inode *dp, u64 *pos, dx_dir_emit_t emit, void *ctx)
{
	struct dx_mount *mp = dp->mp;
	struct dx_da_args a = { .leaf = &dx_dir_leaf_ops, .dp = dp, .mp = mp, .whichfork = DX_DATA_FORK };
	struct gather g = { 0 };
	bool more = true;
	int error = 0, mode;

	if (dx_is_shutdown(mp))
		return -EIO;
	g.buf = kmalloc(GATHER_BYTES, GFP_KERNEL);
	if (!g.buf)
		return -ENOMEM;
	while (more && *pos <= COOKIE_MASK) {
		enum dx_dir_form form;
		u32 at;

		g.used = 0;
		g.full = false;
		g.next = *pos;
		error = dx_trans_alloc_empty(mp, &a.tp);
		if (error)
			break;
		mode = dx_ilock_data_map_shared(dp);
		error = dx_dir_form(a.tp, dp, &form);
		if (!error)
			error = form == DX_DIR_SF ? gather_sf(&a, *pos, &g) : gather_blocks(&a, *pos, &g);
		dx_trans_cancel(a.tp);
		dx_iunlock(dp, mode);
		if (error)
			break;
		for (at = 0; at < g.used && more; ) {
			struct gathered *e = (struct gathered *)(g.buf + at);

			more = emit(ctx, e->name, e->namelen, e->cookie, e->ino, e->ftype);
			if (!more)
				*pos = e->cookie;
			at += gathered_size(e->namelen);
		}
		if (more)
			*pos = g.next;
		if (!g.full)
			break;
	}
	kfree(g.buf);
	return error;
}
