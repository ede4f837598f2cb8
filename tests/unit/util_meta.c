// SPDX-License-Identifier: GPL-2.0-only
/* The metadata on a volume, block by block: see util_meta.h. */
#include <stdlib.h>
#include <string.h>
#include "util_meta.h"
#include "dx_log.h"

const struct meta_type meta_types[T_MAX] = {
	[T_SB]	= { "superblock", 224, 32 },
	[T_AGF]	= { "AGF", 216, 64 },
	[T_AGI]	= { "AGI", 312, 296 },
	[T_AGFL] = { "AGFL", 32, 8 },
	[T_BNO]	= { "bnobt", 52, 32, 48, 16 },
	[T_CNT]	= { "cntbt", 52, 32, 48, 16 },
	[T_INO]	= { "inobt", 52, 32, 48, 16 },
	[T_FINO] = { "finobt", 52, 32, 48, 16 },
	[T_RMAP] = { "rmapbt", 52, 32, 48, 16 },
	[T_REFC] = { "refcountbt", 52, 32, 48, 16 },
	[T_BMBT] = { "bmbt", 64, 40, 56, 24 },
	[T_DIRB] = { "directory block", 4, 24, 40, 8 },
	[T_DIRD] = { "directory data", 4, 24, 40, 8 },
	[T_DIRF] = { "directory free", 4, 24, 40, 8 },
	[T_LEAF1] = { "directory leaf", 12, 32, 48, 16 },
	[T_LEAFN] = { "directory leafn", 12, 32, 48, 16 },
	[T_NODE] = { "hash node", 12, 32, 48, 16 },
	[T_ATTR] = { "attr leaf", 12, 32, 48, 16 },
	[T_RMT]	= { "remote value", 12, 16, 32, 40 },
	[T_SYM]	= { "symlink", 12, 16, 32, 40 },
	[T_DINODE] = { "inode", 100, 160, 152 },
};

struct meta_target *meta_targets[T_MAX];
u32 nmeta_targets[T_MAX];
static struct { u32 blocklog, agblklog, agblocks, inodelog, inopblog, dirblksize; } geo;

/* ---- finding ---- */

static void add_target(int type, u64 off, u32 len)
{
	meta_targets[type] = realloc(meta_targets[type], (nmeta_targets[type] + 1) * sizeof(struct meta_target));
	meta_targets[type][nmeta_targets[type]++] = (struct meta_target){ off, len };
}

static int type_of(const u8 *b)
{
	static const struct { char magic[5]; u8 type; } m[] = {
		{ "AB3B", T_BNO }, { "AB3C", T_CNT }, { "IAB3", T_INO }, { "FIB3", T_FINO }, { "RMB3", T_RMAP }, { "R3FC", T_REFC },
		{ "BMA3", T_BMBT }, { "XDB3", T_DIRB }, { "XDD3", T_DIRD }, { "XDF3", T_DIRF }, { "XARM", T_RMT },
		{ "XSLM", T_SYM },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(m); i++)
		if (!memcmp(b, m[i].magic, 4))
			return m[i].type;
	switch (get_unaligned_be16(b + 8)) {
	case 0x3df1: return T_LEAF1;
	case 0x3dff: return T_LEAFN;
	case 0x3ebe: return T_NODE;
	case 0x3bee: return T_ATTR;
	}
	return b[0] == 'I' && b[1] == 'N' ? T_DINODE : -1;
}

void meta_find(struct dx_mount *mp)
{
	u32 bs = mp->sb.blocksize, isize = mp->sb.inodesize, t, i;
	u64 off, end = mp->sb.dblocks * bs, log = dx_log_daddr(mp) * 512, log_end = log + (u64)mp->sb.logblocks * bs;
	u8 *b = malloc(mp->dirblksize);
	dx_agno_t agno;

	for (t = 0; t < T_MAX; t++) {
		free(meta_targets[t]);
		meta_targets[t] = NULL;
		nmeta_targets[t] = 0;
	}
	geo.blocklog = mp->sb.blocklog;
	geo.agblklog = mp->sb.agblklog;
	geo.agblocks = mp->sb.agblocks;
	geo.inodelog = mp->sb.inodelog;
	geo.inopblog = mp->sb.inopblog;
	geo.dirblksize = mp->dirblksize;
	add_target(T_SB, 0, mp->sb.sectsize);
	for (agno = 0; agno < mp->sb.agcount; agno++) {
		u64 at = dx_agb_to_daddr(mp, agno, 0) * 512;

		add_target(T_AGF, at + mp->sb.sectsize, mp->sb.sectsize);
		add_target(T_AGI, at + 2 * mp->sb.sectsize, mp->sb.sectsize);
		add_target(T_AGFL, at + 3 * mp->sb.sectsize, mp->sb.sectsize);
	}
	for (off = 0; off < end; off += bs) {
		int type;

		if (off >= log && off < log_end)
			continue;
		host_dev_peek(mp->bdev, off, b, bs);
		type = type_of(b);
		if (type < 0)
			continue;
		if (type == T_DINODE) {
			for (i = 0; i + isize <= bs; i += isize)
				if (get_unaligned_be16(b + i + 2))	/* in use */
					add_target(T_DINODE, off + i, isize);
		} else {
			add_target(type, off, type >= T_DIRB && type <= T_LEAFN ? mp->dirblksize : bs);
		}
	}
	free(b);
}

/* ---- fields ---- */

void meta_put(u8 *b, u32 at, u32 width, u64 v)
{
	switch (width) {
	case 1: b[at] = v; break;
	case 2: put_unaligned_be16(v, b + at); break;
	case 4: put_unaligned_be32(v, b + at); break;
	case 8: put_unaligned_be64(v, b + at); break;
	}
}

u64 meta_get(const u8 *b, u32 at, u32 width)
{
	return width == 1 ? b[at] : width == 2 ? get_unaligned_be16(b + at) : width == 4 ? get_unaligned_be32(b + at) :
	       get_unaligned_be64(b + at);
}

void meta_fix_crc(int type, u8 *b, u32 len)
{
	u32 at = meta_types[type].crc, crc;

	memset(b + at, 0, 4);
	crc = ~crc32c(~0u, b, len);
	put_unaligned_le32(crc, b + at);
}

/* ---- pointers ---- */

struct links { struct meta_link *l; u32 n, max; };

static void add(struct links *s, u32 at, enum meta_space space, u32 len)
{
	if (s->n < s->max && at + 8 <= len)
		s->l[s->n++] = (struct meta_link){ at, space };
}

/* Some of @n entries of @size bytes, the first among them. */
static void add_some(struct links *s, u32 base, u32 n, u32 size, enum meta_space space, u32 len, u64 *rnd)
{
	u32 i, step = n / 6 + 1;

	for (i = 0; i < n; i += step)
		add(s, base + (i ? i + *rnd % step < n ? i + *rnd % step : i : 0) * size, space, len);
}

static void fork_links(struct links *s, const u8 *b, u32 at, u32 room, int format, u32 nextents, u64 *rnd)
{
	u32 max = (room - 4) / 16, n;

	if (format == 2 && nextents <= room / 16) {
		add_some(s, at, nextents, 16, P_EXTENT, at + room, rnd);
	} else if (format == 3) {
		n = get_unaligned_be16(b + at + 2);
		add_some(s, at + 4 + max * 8, n, 8, P_FSBNO, at + room, rnd);
	}
}

static void dinode_links(struct links *s, const u8 *b, u32 len, u64 *rnd)
{
	u32 room = len - 176, forkoff = b[82] * 8;

	add(s, 96, P_AGINO, len);
	fork_links(s, b, 176, forkoff ? forkoff : room, b[5], get_unaligned_be32(b + 76), rnd);
	if (forkoff && forkoff < room)
		fork_links(s, b, 176 + forkoff, room - forkoff, b[83], get_unaligned_be16(b + 80), rnd);
}

/* Blocks of the six short-pointer trees and of the bmbt. */
static void tree_links(struct links *s, int type, const u8 *b, u32 len, u64 *rnd)
{
	bool lng = type == T_BMBT;
	u32 hdr = lng ? 72 : 56, key = type == T_RMAP ? 40 : type <= T_CNT ? 8 : lng ? 8 : 4, ptr = lng ? 8 : 4;
	u32 level = get_unaligned_be16(b + 4), n = get_unaligned_be16(b + 6);

	add(s, 8, lng ? P_FSBNO : P_AGBNO, len);
	add(s, 8 + ptr, lng ? P_FSBNO : P_AGBNO, len);
	if (level)
		add_some(s, hdr + (len - hdr) / (key + ptr) * key, n, ptr, lng ? P_FSBNO : P_AGBNO, len, rnd);
	else
		add_some(s, hdr, n, type == T_RMAP ? 24 : type == T_REFC ? 12 : type <= T_CNT ? 8 : 16,
			 type == T_RMAP || type == T_REFC || type <= T_CNT ? P_AGBNO : lng ? P_EXTENT : P_AGINO, len, rnd);
}

u32 meta_links(int type, const u8 *b, u32 len, struct meta_link *l, u32 max, u64 *rnd)
{
	struct links s = { l, 0, max };
	u32 i;

	switch (type) {
	case T_AGF:
		add(&s, offsetof(struct dx_agf, agf_roots[0]), P_AGBNO, len);
		add(&s, offsetof(struct dx_agf, agf_roots[1]), P_AGBNO, len);
		if (nmeta_targets[T_RMAP])
			add(&s, offsetof(struct dx_agf, agf_roots[2]), P_AGBNO, len);
		add(&s, offsetof(struct dx_agf, agf_refcntroot), P_AGBNO, len);
		break;
	case T_AGI:
		add(&s, offsetof(struct dx_agi, agi_root), P_AGBNO, len);
		add(&s, offsetof(struct dx_agi, agi_free_root), P_AGBNO, len);
		add(&s, offsetof(struct dx_agi, agi_newino), P_AGINO, len);
		add_some(&s, offsetof(struct dx_agi, agi_unlinked), DX_AGI_UNLINKED_BUCKETS, 4, P_AGINO, len, rnd);
		break;
	case T_AGFL:
		for (i = 0; i < 8; i++)
			add(&s, sizeof(struct dx_agfl) + i * 4, P_AGBNO, len);
		break;
	case T_BNO:
	case T_CNT:
	case T_INO:
	case T_FINO:
	case T_RMAP:
	case T_REFC:
	case T_BMBT:
		tree_links(&s, type, b, len, rnd);
		break;
	case T_DIRF:
		add(&s, 48, P_DABLK, len);
		break;
	case T_LEAF1:
	case T_LEAFN:
	case T_NODE:
		add(&s, 0, P_DABLK, len);
		add(&s, 4, P_DABLK, len);
		add_some(&s, 64 + 4, get_unaligned_be16(b + 56), 8, P_DABLK, len, rnd);
		break;
	case T_ATTR:
		add(&s, 0, P_DABLK, len);
		add(&s, 4, P_DABLK, len);
		for (i = 0; i < get_unaligned_be16(b + 56) && i < 100; i++)
			if (!(b[80 + i * 8 + 6] & 1))	/* a value in blocks of its own */
				add(&s, get_unaligned_be16(b + 80 + i * 8 + 4), P_DABLK, len);
		break;
	case T_DINODE:
		dinode_links(&s, b, len, rnd);
		break;
	}
	if (meta_types[type].owner)
		add(&s, meta_types[type].owner, type >= T_BNO && type <= T_REFC ? P_OWNER32 : P_OWNER64, len);
	return s.n;
}

static u32 width_of(const struct meta_link *l)
{
	return l->space == P_FSBNO || l->space == P_OWNER64 ? 8 : 4;
}

u64 meta_link_get(const u8 *b, const struct meta_link *l)
{
	if (l->space == P_EXTENT)
		return (get_unaligned_be64(b + l->at) & 0x1ff) << 43 | get_unaligned_be64(b + l->at + 8) >> 21;
	return meta_get(b, l->at, width_of(l));
}

void meta_link_set(u8 *b, const struct meta_link *l, u64 v)
{
	if (l->space == P_EXTENT) {
		u64 hi = get_unaligned_be64(b + l->at), lo = get_unaligned_be64(b + l->at + 8);

		put_unaligned_be64((hi & ~0x1ffULL) | (v >> 43 & 0x1ff), b + l->at);
		put_unaligned_be64((lo & 0x1fffff) | v << 21, b + l->at + 8);
	} else {
		meta_put(b, l->at, width_of(l), v);
	}
}

u64 meta_name(enum meta_space space, u64 off)
{
	u64 block = off >> geo.blocklog, agno = block / geo.agblocks, agbno = block % geo.agblocks;
	u64 agino = agbno << geo.inopblog | (off & ((1u << geo.blocklog) - 1)) >> geo.inodelog;

	switch (space) {
	case P_AGBNO:
		return agbno;
	case P_FSBNO:
	case P_EXTENT:
		return agno << geo.agblklog | agbno;
	case P_AGINO:
		return agino;
	case P_OWNER32:
		return agno;
	case P_OWNER64:
		return agno << (geo.agblklog + geo.inopblog) | agino;
	case P_DABLK:
		break;
	}
	return block % 64;
}
