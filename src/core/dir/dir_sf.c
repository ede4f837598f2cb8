// SPDX-License-Identifier: GPL-2.0-only
/*
 * Short form directories: all entries inside the inode ("Short Form
 * Directories"), and the way to a single block.
 *
 * Every change decodes the entries into an array, changes that, and encodes it
 * again: a handful of short names, and one encoder that decides on 4 or 8 byte inode numbers.
 * Entries are ordered by their offset, the place that they would have in a
 * block: readdir's cookie, kept when the directory becomes a block.
 *
 * Lock context: ILOCK of the directory, exclusive to change.
 */
#include "dx_dir_int.h"
#include "dx_dir.h"

#define SF_MAXENTS	255

static inline bool wide_ino(dx_ino_t ino)
{
	return ino > U32_MAX;
}

static dx_ino_t get_ino(const u8 *p, bool wide)
{
	return wide ? get_unaligned_be64(p) : get_unaligned_be32(p);
}

static u8 *put_ino(u8 *p, dx_ino_t ino, bool wide)
{
	if (wide)
		put_unaligned_be64(ino, p);
	else
		put_unaligned_be32(ino, p);
	return p + (wide ? 8 : 4);
}

/**
 * dx_dir_sf_parent - inode number of ".."
 * @h: verified short form directory
 */
dx_ino_t dx_dir_sf_parent(const struct dx_dir2_sf_hdr *h)
{
	return get_ino(h->parent, h->i8count);
}

/**
 * dx_dir_sf_decode - unpack a short form directory
 * @mp: mount
 * @data: the fork's data, verified
 * @bytes: its length
 * @parent: out: inode number of ".."
 * @ents: out: array with room for one more entry; caller frees; names point into @data
 * @count: out: entries
 */
int dx_dir_sf_decode(struct dx_mount *mp, const void *data, u32 bytes, dx_ino_t *parent,
		     struct dx_sf_ent **ents, int *count)
{
	const struct dx_dir2_sf_hdr *h = data;
	const u8 *p, *end;
	struct dx_sf_ent *e;
	bool wide;
	int i;

	if (!data || bytes < sizeof(*h) + 4)
		return -EFSCORRUPTED;
	p = h->parent;
	end = (const u8 *)data + bytes;
	wide = h->i8count;
	e = kmalloc_array(h->count + 1, sizeof(*e), GFP_NOFS | __GFP_NOFAIL);
	*parent = get_ino(p, wide);
	p += wide ? 8 : 4;
	for (i = 0; i < h->count; i++) {
		const struct dx_dir2_sf_entry *se = (const struct dx_dir2_sf_entry *)p;
		u32 len = sizeof(*se);

		if (p + len > end || p + len + se->namelen + 1 + (wide ? 8 : 4) > end) {
			kfree(e);
			return dx_corrupt(mp, "directory", 0, "short form entry %d is outside the fork", i);
		}
		e[i].namelen = se->namelen;
		e[i].off = get_unaligned_be16(se->offset);
		e[i].name = se->name;
		e[i].ftype = se->name[se->namelen];
		e[i].ino = get_ino(&se->name[se->namelen + 1], wide);
		p = &se->name[se->namelen + 1] + (wide ? 8 : 4);
	}
	*ents = e;
	*count = h->count;
	return 0;
}

/**
 * dx_dir_sf_verify - check a short form directory before it is believed
 * @mp: mount
 * @ino: the directory, for the message
 * @data: local data of the fork
 * @bytes: its length (di_size)
 *
 * "Short Form Directories".  Returns 0 or -EFSCORRUPTED.
 */
int dx_dir_sf_verify(struct dx_mount *mp, dx_ino_t ino, const void *data, u32 bytes)
{
	const struct dx_dir2_sf_hdr *h = data;
	const char *bad = NULL;
	struct dx_sf_ent *e;
	u32 off = DX_DIR_FIRST_OFF, used;
	dx_ino_t parent;
	int i, count, wide;

	if (bytes < sizeof(*h) + 4 || (h->i8count && bytes < sizeof(*h) + 8))
		return dx_corrupt(mp, "directory", 0, "inode %llu: short form of %u bytes", (unsigned long long)ino, bytes);
	if (dx_dir_sf_decode(mp, data, bytes, &parent, &e, &count))
		return -EFSCORRUPTED;
	used = sizeof(*h) + (count + 1) * (h->i8count ? 8 : 4);
	wide = parent > U32_MAX;
	if (!dx_verify_ino(mp, parent))
		bad = "parent";
	for (i = 0; i < count && !bad; i++) {
		if (!e[i].namelen)
			bad = "namelen";
		else if (e[i].off < off || (e[i].off & 7))
			bad = "offset";
		else if (!dx_verify_ino(mp, e[i].ino))
			bad = "inumber";
		else if (e[i].ftype >= DX_DIR3_FT_MAX)
			bad = "filetype";
		off = e[i].off + dx_dir_entsize(e[i].namelen);
		wide += e[i].ino > U32_MAX;
		used += sizeof(struct dx_dir2_sf_entry) + e[i].namelen + 1;
	}
	if (!bad && wide != h->i8count)
		bad = "i8count";
	if (!bad && used != bytes)
		bad = "size";
	if (!bad && off + (count + 2) * sizeof(struct dx_dir2_leaf_entry) + sizeof(struct dx_dir2_block_tail) > mp->dirblksize)
		bad = "offset beyond a block";
	kfree(e);
	if (bad)
		return dx_corrupt(mp, "directory", 0, "inode %llu: bad short form %s", (unsigned long long)ino, bad);
	return 0;
}

/* Bytes that these entries take, and how many inode numbers need 8 bytes. */
static u32 sf_size(dx_ino_t parent, const struct dx_sf_ent *e, int count, int *i8count)
{
	u32 names = 0;
	int i, wide = wide_ino(parent);

	for (i = 0; i < count; i++) {
		names += sizeof(struct dx_dir2_sf_entry) + e[i].namelen + 1;
		wide += wide_ino(e[i].ino);
	}
	*i8count = wide;
	return sizeof(struct dx_dir2_sf_hdr) + names + (count + 1) * (wide ? 8 : 4);
}

static void *sf_encode(dx_ino_t parent, const struct dx_sf_ent *e, int count, u32 *bytes)
{
	struct dx_dir2_sf_hdr *h;
	int i, i8count;
	u8 *p;

	*bytes = sf_size(parent, e, count, &i8count);
	h = kmalloc(*bytes, GFP_NOFS | __GFP_NOFAIL);
	h->count = count;
	h->i8count = i8count;
	p = put_ino(h->parent, parent, i8count);
	for (i = 0; i < count; i++) {
		struct dx_dir2_sf_entry *se = (struct dx_dir2_sf_entry *)p;

		se->namelen = e[i].namelen;
		put_unaligned_be16(e[i].off, se->offset);
		memcpy(se->name, e[i].name, e[i].namelen);
		se->name[e[i].namelen] = e[i].ftype;
		p = put_ino(&se->name[e[i].namelen + 1], e[i].ino, i8count);
	}
	return h;
}

/* Store encoded entries, and free that.  @empty: the fork maps nothing and becomes local. */
static int sf_store_encoded(struct dx_da_args *a, void *data, u32 bytes, bool empty)
{
	int error;

	error = empty ? dx_fork_empty_to_local(a->dp, DX_DATA_FORK, data, bytes) :
			dx_fork_local_replace(a->dp, DX_DATA_FORK, data, bytes);
	kfree(data);
	if (error)
		return error;
	a->dp->d.size = bytes;
	dx_trans_log_inode(a->tp, a->dp, DX_ILOG_CORE | DX_ILOG_DDATA);
	return 0;
}

static int sf_store(struct dx_da_args *a, dx_ino_t parent, const struct dx_sf_ent *e, int count, bool empty)
{
	u32 bytes;
	void *data = sf_encode(parent, e, count, &bytes);

	return sf_store_encoded(a, data, bytes, empty);
}

/**
 * dx_dir_sf_create - contents of a fresh directory
 * @a: operation
 * @parent: inode number of ".."
 */
int dx_dir_sf_create(struct dx_da_args *a, dx_ino_t parent)
{
	struct dx_fork *f = &a->dp->df;

	if (f->format != DX_DINODE_FMT_LOCAL)
		return sf_store(a, parent, NULL, 0, true);
	return sf_store(a, parent, NULL, 0, false);
}

static int sf_open(struct dx_da_args *a, dx_ino_t *parent, struct dx_sf_ent **ents, int *count)
{
	return dx_dir_sf_decode(a->mp, a->dp->df.data, a->dp->df.bytes, parent, ents, count);
}

static int sf_find(struct dx_da_args *a, const struct dx_sf_ent *e, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (e[i].namelen == a->namelen && !memcmp(e[i].name, a->name, a->namelen))
			return i;
	return -ENOENT;
}

static int sf_lookup(struct dx_da_args *a)
{
	const struct dx_dir2_sf_hdr *h = a->dp->df.data;
	const u8 *p, *end = (const u8 *)h + a->dp->df.bytes;
	bool wide;
	int i;

	if (a->dp->df.bytes < sizeof(*h) + 4)
		return -EFSCORRUPTED;
	if (a->namelen == 1 && a->name[0] == '.') {
		a->ino = a->dp->ino;
		a->ftype = DX_DIR3_FT_DIR;
		return 0;
	}
	if (a->namelen == 2 && a->name[0] == '.' && a->name[1] == '.') {
		a->ino = dx_dir_sf_parent(h);
		a->ftype = DX_DIR3_FT_DIR;
		return 0;
	}
	wide = h->i8count;
	p = h->parent + (wide ? 8 : 4);
	for (i = 0; i < h->count; i++) {
		const struct dx_dir2_sf_entry *se = (const struct dx_dir2_sf_entry *)p;
		const u8 *next = p + sizeof(*se);

		if (next > end)
			break;
		next += se->namelen + 1 + (wide ? 8 : 4);
		if (next > end)
			break;
		if (se->namelen == a->namelen && !memcmp(se->name, a->name, a->namelen)) {
			a->ino = get_ino(&se->name[se->namelen + 1], wide);
			a->ftype = se->name[se->namelen];
			return 0;
		}
		p = next;
	}
	return i < h->count ? dx_da_corrupt(a, NULL, "short form entries exceed the fork") : -ENOENT;
}

/*
 * Where the new entry goes in the order of offsets: behind the last one
 * while a block would still hold everything, else into a gap that removals left.
 */
static int sf_place(struct dx_da_args *a, const struct dx_sf_ent *e, int count, u16 *off)
{
	u32 size = dx_dir_entsize(a->namelen), at = DX_DIR_FIRST_OFF;
	u32 limit = a->mp->dirblksize - sizeof(struct dx_dir2_block_tail) -
		    (count + 3) * sizeof(struct dx_dir2_leaf_entry);
	int i;

	if (count)
		at = e[count - 1].off + dx_dir_entsize(e[count - 1].namelen);
	if (at + size <= limit) {
		*off = at;
		return count;
	}
	if (count && at > limit)
		return -ENOSPC;
	for (at = DX_DIR_FIRST_OFF, i = 0; i < count; i++) {
		if (at + size <= e[i].off) {
			*off = at;
			return i;
		}
		at = e[i].off + dx_dir_entsize(e[i].namelen);
	}
	return -ENOSPC;
}

static int sf_add(struct dx_da_args *a)
{
	struct dx_sf_ent *e, new;
	dx_ino_t parent;
	int count, i8count, pos, error;

	error = sf_open(a, &parent, &e, &count);
	if (error)
		return error;
	new.name = a->name;
	new.namelen = a->namelen;
	new.ino = a->ino;
	new.ftype = a->ftype;
	new.off = 0;
	e[count] = new;
	pos = -ENOSPC;
	if (count < SF_MAXENTS && sf_size(parent, e, count + 1, &i8count) <= dx_inode_dfork_size(a->dp))
		pos = sf_place(a, e, count, &new.off);
	if (pos < 0) {
		kfree(e);
		if (a->justcheck)
			return -ENOSPC;
		error = dx_dir_sf_to_block(a);
		return error ? error : dx_dir_block_form.add(a);
	}
	if (!a->justcheck) {
		memmove(&e[pos + 1], &e[pos], (count - pos) * sizeof(*e));
		e[pos] = new;
		error = sf_store(a, parent, e, count + 1, false);
	}
	kfree(e);
	return error;
}

static int sf_remove(struct dx_da_args *a)
{
	struct dx_sf_ent *e;
	dx_ino_t parent;
	int count, i, error;

	error = sf_open(a, &parent, &e, &count);
	if (error)
		return error;
	i = sf_find(a, e, count);
	if (i < 0) {
		error = i;
	} else if (a->ino && e[i].ino != a->ino) {
		error = dx_da_corrupt(a, NULL, "entry to remove names another inode");
	} else {
		memmove(&e[i], &e[i + 1], (count - i - 1) * sizeof(*e));
		error = sf_store(a, parent, e, count - 1, false);
	}
	kfree(e);
	return error;
}

static int sf_replace(struct dx_da_args *a)
{
	struct dx_sf_ent *e;
	dx_ino_t parent;
	int count, i8count, i, error;

	error = sf_open(a, &parent, &e, &count);
	if (error)
		return error;
	if (a->namelen == 2 && a->name[0] == '.' && a->name[1] == '.') {
		parent = a->ino;
	} else {
		i = sf_find(a, e, count);
		if (i < 0) {
			kfree(e);
			return i;
		}
		e[i].ino = a->ino;
		e[i].ftype = a->ftype;
	}
	if (sf_size(parent, e, count, &i8count) > dx_inode_dfork_size(a->dp)) {
		/* wider inode numbers do not fit */
		kfree(e);
		if (a->justcheck)
			return -ENOSPC;
		error = dx_dir_sf_to_block(a);
		return error ? error : dx_dir_block_form.replace(a);
	}
	if (!a->justcheck)
		error = sf_store(a, parent, e, count, false);
	kfree(e);
	return error;
}

const struct dx_dir_form_ops dx_dir_sf_form = {
	.lookup = sf_lookup, .add = sf_add, .remove = sf_remove, .replace = sf_replace,
};

static int cmp_hash(const void *x, const void *y)
{
	u32 hx = be32_to_cpu(((const struct dx_dir2_leaf_entry *)x)->hashval);
	u32 hy = be32_to_cpu(((const struct dx_dir2_leaf_entry *)y)->hashval);

	return hx < hy ? -1 : hx > hy;
}

static void block_put(struct dx_da_args *a, void *blk, struct dx_dir2_leaf_entry *le, u32 off,
		      dx_ino_t ino, const u8 *name, int namelen, u8 ftype)
{
	dx_dir_data_put_entry(blk, off, ino, name, namelen, ftype);
	le->hashval = cpu_to_be32(dx_da_hashname(name, namelen));
	le->address = cpu_to_be32(dx_dir_off_to_dataptr(a->mp, 0, off));
}

/**
 * dx_dir_sf_to_block - move the entries out of the inode into one block
 * @a: operation
 *
 * Entries keep their offsets, and with them the cookies that readers hold.
 */
int dx_dir_sf_to_block(struct dx_da_args *a)
{
	struct dx_mount *mp = a->mp;
	struct dx_dir2_leaf_entry *le;
	struct dx_dir2_block_tail *tail;
	struct dx_sf_ent *e;
	struct dx_buf *bp;
	u32 bytes = a->dp->df.bytes, at, end, db;
	dx_ino_t parent;
	int count, i, error;
	void *copy, *blk;

	copy = kmemdup(a->dp->df.data, bytes, GFP_NOFS | __GFP_NOFAIL);
	error = dx_dir_sf_decode(mp, copy, bytes, &parent, &e, &count);
	if (error) {
		kfree(copy);
		return error;
	}
	end = mp->dirblksize - sizeof(*tail) - (count + 2) * sizeof(*le);
	for (at = DX_DIR_FIRST_OFF, i = 0; i < count; i++) {
		if (e[i].off < at || (e[i].off & 7) || e[i].off + dx_dir_entsize(e[i].namelen) > end) {
			error = dx_da_corrupt(a, NULL, "short form offsets out of order");
			goto out;
		}
		at = e[i].off + dx_dir_entsize(e[i].namelen);
	}
	dx_fork_local_to_empty(a->dp, DX_DATA_FORK);
	a->dp->d.size = 0;
	dx_trans_log_inode(a->tp, a->dp, DX_ILOG_CORE);
	error = dx_dir_grow_data(a, &db);
	if (error)
		goto out;
	if (db) {
		error = dx_da_corrupt(a, NULL, "first block is not block 0");
		goto out;
	}
	error = dx_da_get(a, 0, &bp);
	if (error)
		goto out;
	blk = bp->b_addr;
	dx_da_init_blkhdr(a, bp, DX_DIR3_BLOCK_MAGIC);
	dx_da_set_type(a, bp, DX_BLFT_DIR_BLOCK, &dx_dir3_block_buf_ops);
	tail = dx_dir_block_tail(mp, blk);
	tail->count = cpu_to_be32(count + 2);
	tail->stale = 0;
	le = dx_dir_block_ents(mp, blk);
	block_put(a, blk, &le[0], DX_DIR_DOT_OFF, a->dp->ino, (const u8 *)".", 1, DX_DIR3_FT_DIR);
	block_put(a, blk, &le[1], DX_DIR_DOTDOT_OFF, parent, (const u8 *)"..", 2, DX_DIR3_FT_DIR);
	for (at = DX_DIR_FIRST_OFF, i = 0; i < count; i++) {
		if (e[i].off > at)
			dx_dir_data_put_unused(blk, at, e[i].off - at);
		block_put(a, blk, &le[i + 2], e[i].off, e[i].ino, e[i].name, e[i].namelen, e[i].ftype);
		at = e[i].off + dx_dir_entsize(e[i].namelen);
	}
	if (at < end)
		dx_dir_data_put_unused(blk, at, end - at);
	sort(le, count + 2, sizeof(*le), cmp_hash, NULL);
	dx_dir_data_scan(mp, blk);
	dx_da_log_all(a, bp);
out:
	kfree(e);
	kfree(copy);
	return error;
}

/**
 * dx_dir_block_to_sf - move the entries of a single block back into the inode
 * @a: operation
 * @bp: the block
 *
 * Does nothing, and returns 0, when they do not fit.
 */
int dx_dir_block_to_sf(struct dx_da_args *a, struct dx_buf *bp)
{
	struct dx_mount *mp = a->mp;
	void *blk = bp->b_addr;
	u32 off, end = dx_dir_data_end(mp, blk), room = dx_inode_dfork_size(a->dp);
	struct dx_dir2_block_tail *tail = dx_dir_block_tail(mp, blk);
	int live = be32_to_cpu(tail->count) - be32_to_cpu(tail->stale), count = 0, i8count, error = 0;
	dx_ino_t parent = DX_NULLINO;
	struct dx_sf_ent *e;
	void *data;
	u32 bytes;

	/* the smallest entry has a name of one byte and a 4-byte inode number */
	if (live > SF_MAXENTS + 2 || live < 2 || (live - 2) * (sizeof(struct dx_dir2_sf_entry) + 6) + 6 > room)
		return 0;
	e = kmalloc_array(live, sizeof(*e), GFP_NOFS | __GFP_NOFAIL);
	for (off = DX_DIR_DATA_HDR; off < end; ) {
		struct dx_dir2_data_unused *u = (struct dx_dir2_data_unused *)((char *)blk + off);
		struct dx_dir2_data_entry *de = (struct dx_dir2_data_entry *)u;

		if (be16_to_cpu(u->freetag) == DX_DIR2_DATA_FREE_TAG) {
			off += be16_to_cpu(u->length);
			continue;
		}
		if (off == DX_DIR_DOTDOT_OFF) {
			parent = be64_to_cpu(de->inumber);
		} else if (off != DX_DIR_DOT_OFF) {
			if (count == live) {
				error = dx_da_corrupt(a, bp, "more entries than leaf entries");
				goto out;
			}
			e[count].name = de->name;
			e[count].namelen = de->namelen;
			e[count].off = off;
			e[count].ftype = *dx_dir_ent_ftype(de);
			e[count++].ino = be64_to_cpu(de->inumber);
		}
		off += dx_dir_entsize(de->namelen);
	}
	if (parent == DX_NULLINO) {
		error = dx_da_corrupt(a, bp, "no entry \"..\"");
		goto out;
	}
	if (sf_size(parent, e, count, &i8count) > room)
		goto out;
	data = sf_encode(parent, e, count, &bytes);
	error = dx_da_unmap(a, 0, bp);
	if (error) {
		kfree(data);
		if (error == -ENOSPC)
			error = 0;
	} else {
		error = sf_store_encoded(a, data, bytes, true);
	}
out:
	kfree(e);
	return error;
}
