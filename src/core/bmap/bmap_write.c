// SPDX-License-Identifier: GPL-2.0-only
/*
 * Putting blocks into a fork: where to allocate, and dx_bmap_assign(), which fills holes, makes delayed extents
 * real and turns unwritten extents into written ones and back.
 *
 * Placement: behind the extent before the hole, else before the one behind it, else near the
 * inode, or with inode32 in the next AG that is not kept for inodes.  A whole extent somewhere beats pieces nearby; the
 * smallest piece beats -ENOSPC.
 *
 * On stripes (mp->sunit) what makes a file longer by a stripe unit or more begins at a multiple of it, unless it can go right
 * behind what the file has: each piece is looked for there first, in all AGs, and then anywhere.  Blocks of an AG count
 * from its start, as mkfs.xfs makes AGs that are multiples of the stripe unit.
 * ILOCK exclusive, inode joined, and the transaction has reserved what may be taken: the blocks and, for each
 * extent that is added, one more for each level of the btree.
 */
#include "dx_bmap_int.h"

#define ZERO_CHUNK_BYTES	(256 * 1024)

/* Zeroes on the device, waited for: the blocks are ours and nothing maps them yet. */
static int zero_blocks(struct dx_mount *mp, dx_fsbno_t fsbno, dx_filblks_t len)
{
	u64 left = dx_fsb_to_b(mp, len), at = dx_fsb_to_daddr(mp, fsbno);
	size_t chunk = min_t(u64, left, ZERO_CHUNK_BYTES);
	void *zeroes = kvzalloc(chunk, GFP_NOFS);
	int error = 0;

	if (!zeroes) {
		/* the transaction is dirty: it goes on, more slowly */
		chunk = mp->sb.blocksize;
		zeroes = kzalloc(chunk, GFP_NOFS | __GFP_NOFAIL);
	}
	while (left && !error) {
		struct dx_io io = {
			.op = DX_IO_WRITE, .bdev = mp->bdev, .daddr_bb = at, .data = zeroes,
			.len_bytes = min_t(u64, left, chunk), .flags = DX_IOF_SYNC,
		};

		error = dx_plat_io_wait(&io);
		at += io.len_bytes >> DX_BBSHIFT;
		left -= io.len_bytes;
	}
	kvfree(zeroes);
	return error;
}

/* ---- where ------------------------------------------------------------------------ */

/* Where the data of a file begins when AGs are kept for inodes: files go round the others. */
static dx_fsbno_t next_data_ag(struct dx_mount *mp)
{
	dx_agno_t agno = 0, i;

	for (i = 0; i < dx_agcount(mp); i++) {
		agno = (u32)atomic_inc_return(&mp->agfrotor) % dx_agcount(mp);
		if (!READ_ONCE(dx_perag(mp, agno)->inodes_first))
			break;
	}
	return dx_agb_to_fsb(mp, agno, 0);
}

/* Block to be near for a mapping at @off. */
static dx_fsbno_t pick_target(struct dx_inode *ip, struct dx_fork *f, bool data, dx_fileoff_t off, dx_filblks_t len)
{
	struct dx_mount *mp = ip->mp;
	struct dx_iext_cur icur;
	struct dx_irec r;
	dx_fsbno_t t;
	bool more;

	more = dx_iext_lookup(&f->ext, off, &icur, &r);
	if (dx_iext_prev(&f->ext, &icur, &r) && dx_irec_is_real(&r)) {
		u64 gap = off - dx_irec_end(&r);

		t = r.startblock + r.blockcount;
		/* keep the place of a small hole free for whoever fills it */
		if (gap && gap <= 4 * r.blockcount && gap + len <= mp->sb.agblocks &&
		    dx_fsb_to_agno(mp, t + gap) == dx_fsb_to_agno(mp, r.startblock) &&
		    dx_verify_fsbno(mp, t + gap))
			t += gap;
		if (dx_fsb_to_agno(mp, t) == dx_fsb_to_agno(mp, r.startblock) && dx_verify_fsbno(mp, t))
			return t;
		return r.startblock;
	}
	if (more && dx_iext_lookup(&f->ext, off, &icur, &r)) {
		if (r.startoff <= off)		/* the delayed extent that becomes real */
			more = dx_iext_next(&f->ext, &icur, &r);
		if (more && dx_irec_is_real(&r)) {
			u64 back = r.startoff - off;

			t = r.startblock;
			if (back <= dx_fsb_to_agbno(mp, t) && dx_verify_fsbno(mp, t - back))
				t -= back;
			return t;
		}
	}
	if (data && READ_ONCE(mp->inode_agcount) < dx_agcount(mp))
		return next_data_ag(mp);
	return dx_agb_to_fsb(mp, dx_ino_to_agno(mp, ip->ino),
			     dx_agino_to_agbno(mp, dx_ino_to_agino(mp, ip->ino)));
}

/* Does the transaction hold no AGF yet?  Then it may choose any AG, and must choose with what follows in mind. */
static bool first_alloc(struct dx_trans *tp)
{
	return tp->t_highest_agno == DX_NULLAGNO;
}

/* blocks that the AG must keep after the first allocation, for the btree of this map; @room: extents that fit into the inode */
static u32 write_minleft(struct dx_trans *tp, struct dx_fork *f, u32 room)
{
	if (!first_alloc(tp))
		return 0;
	if (f->format != DX_DINODE_FMT_BTREE)
		return f->nextents >= room;
	return ((struct dx_bmbt_root *)f->data)->level + 1;
}

struct want {
	dx_fileoff_t	off;
	dx_filblks_t	len;		/* <= DX_BMBT_MAX_BLOCKCOUNT */
	dx_extlen_t	minlen;		/* less is no use */
	dx_extlen_t	prod;		/* extent size hint, 0 = none */
	dx_extlen_t	align;		/* the first block is a multiple of it; 0 = any */
	dx_extlen_t	total;
	bool		userdata;
	bool		spare_inodes;
};

static int try_alloc(struct dx_trans *tp, const struct want *w, enum dx_alloc_type type, dx_fsbno_t target,
		     dx_extlen_t minlen, u32 minleft, bool must, dx_fsbno_t *fsbno, dx_extlen_t *len)
{
	struct dx_alloc_arg args = {
		.tp = tp, .mp = tp->t_mp, .fsbno = target, .type = type,
		.minlen = minlen, .maxlen = w->len, .prod = 1, .alignment = max_t(u32, w->align, 1),
		.chance = w->align > 1 || type == DX_ALLOC_EXACT,
		.minleft = minleft, .total = w->total, .userdata = w->userdata, .spare_inodes = w->spare_inodes, .must = must,
		/* the last resorts wait for what is busy; before that there are others to ask */
		.no_wait = !must && type != DX_ALLOC_ANY_AG && type != DX_ALLOC_LOWEST_AG,
	};
	int error;

	if (w->prod > 1) {
		args.prod = w->prod;
		div_u64_rem(w->len, w->prod, &args.mod);
	}
	error = dx_alloc_extents(&args);
	*fsbno = error ? DX_NULLFSBNO : args.fsbno;
	*len = args.len;
	return error;
}

/* The multiple of what a mapping of the data fork should begin at; 0: it need not. */
static dx_extlen_t stripe_of(struct dx_inode *ip, const struct want *w)
{
	struct dx_mount *mp = ip->mp;
	struct dx_iext_cur icur;
	struct dx_irec r;

	if (!mp->sunit || w->len < mp->sunit)
		return 0;
	/* behind all that is there; the last extent may be the delayed one that becomes real */
	if (dx_iext_last(&ip->df.ext, &icur, &r) && w->off < dx_irec_end(&r) &&
	    (dx_irec_is_real(&r) || w->off < r.startoff))
		return 0;
	return mp->opts.swalloc && w->len >= mp->swidth ? mp->swidth : mp->sunit;
}

/* The block behind the extent that ends at @off. */
static dx_fsbno_t block_behind(struct dx_inode *ip, dx_fileoff_t off)
{
	struct dx_iext_cur icur;
	dx_fileoff_t end = off;
	struct dx_irec r;
	dx_fsbno_t t;

	if (!dx_iext_lookup_before(&ip->df.ext, &end, &icur, &r) || end != off || !dx_irec_is_real(&r))
		return DX_NULLFSBNO;
	t = r.startblock + r.blockcount;
	return dx_fsb_to_agno(ip->mp, t) == dx_fsb_to_agno(ip->mp, r.startblock) && dx_verify_fsbno(ip->mp, t) ? t : DX_NULLFSBNO;
}

/* All of it on a stripe, or at least a stripe unit of it right behind the file. */
static int alloc_striped(struct dx_trans *tp, struct dx_inode *ip, const struct want *win, dx_extlen_t stripe,
			 dx_fsbno_t target, u32 minleft, dx_fsbno_t *fsbno, dx_extlen_t *len)
{
	dx_fsbno_t behind = block_behind(ip, win->off);
	u32 unit = ip->mp->sunit;
	struct want w = *win;
	int error;

	if (behind != DX_NULLFSBNO) {
		dx_extlen_t minlen = max_t(u32, w.minlen, unit);

		w.total = minlen;
		error = try_alloc(tp, &w, DX_ALLOC_EXACT, behind, minlen, minleft, false, fsbno, len);
		if (error || *fsbno != DX_NULLFSBNO)
			return error;
		w.total = win->total;
	}
	for (w.align = stripe; ; w.align = unit) {
		error = try_alloc(tp, &w, DX_ALLOC_NEAR, target, w.len, minleft, false, fsbno, len);
		if (!error && *fsbno == DX_NULLFSBNO)
			error = try_alloc(tp, &w, DX_ALLOC_START_AG, target, w.len, minleft, false, fsbno, len);
		if (error || *fsbno != DX_NULLFSBNO || w.align == unit)
			return error;
	}
}

/* A piece on a stripe, as long as there is one inside of any @piece blocks, a stripe unit at least. */
static int alloc_striped_piece(struct dx_trans *tp, const struct want *win, dx_fsbno_t target, dx_extlen_t piece, u32 minleft,
			       dx_fsbno_t *fsbno, dx_extlen_t *len)
{
	u32 unit = tp->t_mp->sunit;
	struct want w = *win;

	w.align = unit;
	piece = max(w.minlen, max_t(u32, unit, piece >= unit ? piece - unit + 1 : 0));
	return try_alloc(tp, &w, DX_ALLOC_START_AG, target, piece, minleft, false, fsbno, len);
}

/* Sets *fsbno and *len; DX_NULLFSBNO: there is no space. */
static int alloc_blocks(struct dx_trans *tp, struct dx_inode *ip, struct dx_fork *f, const struct want *win,
			dx_fsbno_t *fsbno, dx_extlen_t *len)
{
	bool copy = ip->cf && f == &ip->cf->f, data = win->userdata && f != ip->af;
	/* a first copy goes near what is copied */
	dx_fsbno_t target = pick_target(ip, copy && !dx_iext_count(&f->ext) ? &ip->df : f, data, win->off, win->len);
	u32 minleft = copy ? 0 : write_minleft(tp, f, dx_fork_inline_max(ip, f == &ip->df ? DX_DATA_FORK : DX_ATTR_FORK));
	struct want w = *win;
	dx_extlen_t minlen, stripe;
	int error;

	w.spare_inodes = data;
	w.len = min_t(u64, w.len, dx_ag_max_usable(tp->t_mp));
	w.total = max_t(u64, w.total, w.len);
	if (w.minlen > w.len)
		w.minlen = w.len;

	stripe = data && !copy ? stripe_of(ip, &w) : 0;
	/* all of it here, else all of it anywhere, else in large pieces anywhere */
	if (stripe)
		error = alloc_striped(tp, ip, &w, stripe, target, minleft, fsbno, len);
	else
		error = try_alloc(tp, &w, DX_ALLOC_NEAR, target, w.len, minleft, false, fsbno, len);
	if (error || *fsbno != DX_NULLFSBNO)
		return error;
	for (minlen = w.len; minlen > w.minlen && minlen >= 16; minlen /= 8) {
		w.total = min_t(u64, w.total, minlen);
		if (stripe) {
			error = alloc_striped_piece(tp, &w, target, minlen, minleft, fsbno, len);
			if (error || *fsbno != DX_NULLFSBNO)
				return error;
		}
		error = try_alloc(tp, &w, DX_ALLOC_START_AG, target, minlen, minleft, false, fsbno, len);
		if (error || *fsbno != DX_NULLFSBNO)
			return error;
	}
	/* metadata: an AG that has room for all that the transaction will need */
	if (!w.userdata && first_alloc(tp) && w.total > w.minlen) {
		error = try_alloc(tp, &w, DX_ALLOC_START_AG, target, w.minlen, minleft, false, fsbno, len);
		if (error || *fsbno != DX_NULLFSBNO)
			return error;
	}
	w.total = w.minlen;
	if (stripe && w.minlen < w.len) {
		error = alloc_striped_piece(tp, &w, target, w.minlen, minleft, fsbno, len);
		if (error || *fsbno != DX_NULLFSBNO)
			return error;
	}
	/* no AG has: begin with the lowest one, so that the rest may come from any other */
	if (w.userdata || !first_alloc(tp)) {
		error = try_alloc(tp, &w, DX_ALLOC_NEAR, target, w.minlen, minleft, false, fsbno, len);
		if (error || *fsbno != DX_NULLFSBNO)
			return error;
		error = try_alloc(tp, &w, DX_ALLOC_START_AG, target, w.minlen, minleft, false, fsbno, len);
		if (error || *fsbno != DX_NULLFSBNO)
			return error;
	}
	w.prod = 0;
	w.spare_inodes = false;
	error = try_alloc(tp, &w, first_alloc(tp) ? DX_ALLOC_LOWEST_AG : DX_ALLOC_ANY_AG, target, w.minlen, minleft,
			  false, fsbno, len);
	if (error || *fsbno != DX_NULLFSBNO)
		return error;
	/* what has begun must be done; a file's data may come short, and is reported so */
	if (data || w.minlen > 1 || !(tp->t_flags & DX_TRANS_DIRTY))
		return 0;
	return try_alloc(tp, &w, DX_ALLOC_START_AG, target, 1, 0, true, fsbno, len);
}

/**
 * dx_bmap_alloc_copy - blocks for an extent of the CoW fork
 * @tp: transaction with so many in its reservation
 * @ip: inode, ILOCK exclusive; it has a CoW fork
 * @off: where, fsblocks
 * @len: how many are wanted
 * @fsbno: result; DX_NULLFSBNO: there are none
 * @got: how many there are, from @off on
 */
int dx_bmap_alloc_copy(struct dx_trans *tp, struct dx_inode *ip, dx_fileoff_t off, dx_extlen_t len, dx_fsbno_t *fsbno,
		       dx_extlen_t *got)
{
	const struct want w = { .off = off, .len = len, .minlen = 1, .total = len, .userdata = true };

	return alloc_blocks(tp, ip, &ip->cf->f, &w, fsbno, got);
}

/**
 * dx_bmap_extsz_align - widen a range to multiples of the extent size hint.
 * @ip: inode; no further than the last block that a file can have
 * @extsz: hint, fsblocks; 0 or 1 = leave it
 * @lo: the hole's start
 * @hi: the hole's end
 * @off: start, in and out
 * @len: length, in and out; never shorter than before, at most DX_BMBT_MAX_BLOCKCOUNT
 */
void dx_bmap_extsz_align(struct dx_inode *ip, u32 extsz, dx_fileoff_t lo, dx_fileoff_t hi, dx_fileoff_t *off,
			 dx_filblks_t *len)
{
	dx_fileoff_t a = *off, b = *off + *len;

	if (extsz <= 1)
		return;
	a = max_t(u64, div_u64(a, extsz) * extsz, lo);
	b = min_t(u64, DIV_ROUND_UP_ULL(b, extsz) * extsz, hi);
	b = max(min(b, dx_file_end(ip->mp)), *off + *len);
	if (b - a > DX_BMBT_MAX_BLOCKCOUNT) {	/* the range itself must stay inside */
		a = *off;
		b = min_t(u64, b, a + DX_BMBT_MAX_BLOCKCOUNT);
	}
	*off = a;
	*len = b - a;
}

/* ---- one mapping -------------------------------------------------------------------------- */

/*
 * Allocate for a hole or for a delayed extent (@old) around [off, end); *got is what maps @off afterwards, or
 * blockcount 0 when there is no space.
 */
static int write_alloc(struct dx_bmap_edit *e, const struct dx_irec *old, dx_fileoff_t hole_lo,
		       dx_fileoff_t hole_hi, dx_fileoff_t off, dx_fileoff_t end, u32 flags, dx_extlen_t total,
		       struct dx_irec *got)
{
	struct dx_inode *ip = e->ip;
	struct want w = { .off = off, .len = min_t(u64, end - off, DX_BMBT_MAX_BLOCKCOUNT), .minlen = 1 };
	u64 blocks_before = ip->d.nblocks, btree_blocks;
	dx_filblks_t moved = 0, rest;
	dx_fsbno_t fsbno;
	dx_extlen_t len;
	int error;

	got->blockcount = 0;
	error = dx_bmap_may_grow(ip, e->whichfork, 1);
	if (error)
		return error;
	w.total = total;
	w.userdata = !(flags & DX_BMAPI_METADATA);
	if (flags & DX_BMAPI_CONTIG)
		w.minlen = w.len;
	if (old) {
		/* the whole of it when that is what writeback asks for */
		if (flags & DX_BMAPI_DELALLOC) {
			w.off = old->startoff;
			w.len = old->blockcount;
		}
		/* what was set aside for it becomes this transaction's */
		moved = w.len + old->indlen;
		e->tp->t_blk_res += moved;
	} else if ((flags & DX_BMAPI_PREALLOC) && w.userdata && e->whichfork == DX_DATA_FORK) {
		w.prod = dx_get_extsz_hint(ip);
		dx_bmap_extsz_align(ip, w.prod, hole_lo, hole_hi, &w.off, &w.len);
		/* what the caller has not reserved for must not be taken, the btree's part of it neither */
		if (w.len > min_t(u64, end - off, DX_BMBT_MAX_BLOCKCOUNT) &&
		    w.len + ip->mp->bm_maxlevels[DX_DATA_FORK] > e->tp->t_blk_res) {
			w.off = off;
			w.len = min_t(u64, end - off, DX_BMBT_MAX_BLOCKCOUNT);
			w.prod = 0;
		}
	}
	if (!old && e->whichfork == DX_DATA_FORK) {
		error = dx_delalloc_expect(NULL, ip, w.len, dx_fork_inline_max(ip, DX_DATA_FORK));
		if (error)
			goto undo;
	}
	error = alloc_blocks(e->tp, ip, e->f, &w, &fsbno, &len);
	if (error || fsbno == DX_NULLFSBNO)
		goto undo;
	if (WARN_ON_ONCE(!len || len > w.len)) {
		error = -EFSCORRUPTED;
		goto undo;
	}
	if (flags & DX_BMAPI_ZERO) {
		error = zero_blocks(ip->mp, fsbno, len);
		if (error)
			return error;
	}
	/* a short answer to a widened request must still cover what was asked for */
	if (w.off < off && w.off + len <= off && !(flags & DX_BMAPI_DELALLOC))
		w.off = min_t(u64, off, w.off + w.len - len);

	*got = (struct dx_irec){
		.startoff = w.off, .startblock = fsbno, .blockcount = len,
		.state = flags & DX_BMAPI_PREALLOC ? DX_EXT_UNWRITTEN : DX_EXT_NORM,
	};
	ip->d.nblocks += len;
	blocks_before += len;
	error = dx_bmap_remap(e, old, got, w.off, len);
	if (error)
		return error;
	e->dirty = true;
	if (old) {
		/* blocks not allocated after all, and what the rest needs, go back to being delayed */
		btree_blocks = ip->d.nblocks - blocks_before;
		rest = w.len - len + dx_delalloc_resettle(ip, old->startoff, dx_irec_end(old),
				old->indlen > btree_blocks ? old->indlen - btree_blocks : 0);
		dx_delalloc_count(ip, -(s64)len, rest - (s64)moved);
		e->tp->t_blk_res -= rest;
	}
	return 0;
undo:
	e->tp->t_blk_res -= moved;
	return error;
}

/**
 * dx_bmap_assign - map a range to blocks.
 * @tp: transaction; @ip joined, blocks reserved
 * @ip: inode, ILOCK exclusive
 * @off: start, fsblocks
 * @len: length, fsblocks
 * @flags: DX_BMAPI_*
 * @total: blocks that the transaction will need in all (0 = just these)
 * @map: the mappings, in order
 * @nmap: in: room; out: number filled in
 *
 * Holes and delayed extents are allocated (PREALLOC: unwritten).  With CONVERT, extents in the range become
 * unwritten (PREALLOC) or written; holes then are not filled but reported, unless ZERO asks for blocks.  ZERO
 * writes zeroes before it maps.  CONTIG: one extent or nothing.  DELALLOC: delayed extents
 * are allocated from their start and as a whole, which may or may not cover @off.
 *
 * Works from @off upwards until the range, @map or the space ends.  Returns 0 or -errno; -EFBIG before anything is
 * changed when the first step could make too many extents: who takes several asks dx_bmap_may_grow() before.  No
 * mappings and 0 mean that there is no space: the allocator may have refilled a free list, so the transaction must be
 * committed then, too.
 */
int dx_bmap_assign(struct dx_trans *tp, struct dx_inode *ip, dx_fileoff_t off, dx_filblks_t len, u32 flags,
		   dx_extlen_t total, struct dx_irec *map, int *nmap)
{
	int w = flags & DX_BMAPI_ATTRFORK ? DX_ATTR_FORK : DX_DATA_FORK, n = 0, error;
	enum dx_ext_state state = flags & DX_BMAPI_PREALLOC ? DX_EXT_UNWRITTEN : DX_EXT_NORM;
	struct dx_fork *f = dx_ifork(ip, w);
	dx_fileoff_t end = off + len;
	struct dx_bmap_edit e;

	if (WARN_ON_ONCE(!f || !len || *nmap < 1) || end - 1 > DX_BMBT_MAX_STARTOFF)
		return -EINVAL;
	if (dx_is_shutdown(ip->mp))
		return -EIO;
	if (f->format != DX_DINODE_FMT_EXTENTS && f->format != DX_DINODE_FMT_BTREE)
		return -EFSCORRUPTED;
	error = dx_iread_extents(tp, ip, w);
	if (error)
		return error;

	dx_bmap_edit_begin(&e, tp, ip, w);
	while (off < end && n < *nmap) {
		struct dx_iext_cur icur;
		struct dx_irec got, m;
		bool more = dx_iext_lookup(&f->ext, off, &icur, &got);
		bool hole = !more || got.startoff > off;
		dx_fileoff_t at = off;

		if (hole && (flags & DX_BMAPI_CONVERT) && !(flags & DX_BMAPI_ZERO)) {
			m = (struct dx_irec){ .startoff = off, .startblock = DX_HOLESTARTBLOCK };
			m.blockcount = (more ? min(got.startoff, end) : end) - off;
		} else if (hole || dx_irec_is_delay(&got)) {
			dx_fileoff_t hi = more ? got.startoff : DX_BMBT_MAX_STARTOFF + 1, lo = 0;
			struct dx_irec prev;

			if (hole && dx_iext_prev(&f->ext, &icur, &prev))
				lo = dx_irec_end(&prev);
			error = write_alloc(&e, hole ? NULL : &got, lo, hi, off,
					    min(end, hole ? hi : dx_irec_end(&got)), flags, total, &m);
			if (error || !m.blockcount)
				break;
			if (flags & DX_BMAPI_DELALLOC) {
				/* perhaps only a step towards @off; one allocation is all the log has room for */
				map[n++] = m;
				break;
			}
		} else if ((flags & DX_BMAPI_CONVERT) && got.state != state) {
			if (flags & DX_BMAPI_ZERO) {
				m = got;
				dx_irec_trim(&m, off, end);
				error = zero_blocks(ip->mp, m.startblock, m.blockcount);
				if (error)
					break;
			}
			m = got;
			dx_irec_trim(&m, max(off, got.startoff), min(end, dx_irec_end(&got)));
			m.state = state;
			error = dx_bmap_remap(&e, &got, &m, m.startoff, m.blockcount);
			if (error)
				break;
		} else {
			m = got;
		}
		off = min(end, dx_irec_end(&m));
		if (!(flags & DX_BMAPI_ENTIRE))
			dx_irec_trim(&m, at, end);
		map[n++] = m;
	}
	error = dx_bmap_edit_end(&e, error);
	*nmap = error ? 0 : n;
	return error;
}
