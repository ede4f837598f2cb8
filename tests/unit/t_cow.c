// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copy on write, and files that share blocks: random operations on files that are clones of each other in parts, with a model that
 * knows what every block must show; each block that is written has a tag of its own, so a write that shows in a twin is
 * seen at once.  A power cut behind each step of what copies, clones and frees: every block shows what it did or what it should.
 * What was reserved for copies is enough where nothing is free.  Changes of maps that other kernels' logs promise.
 * The counts and owners of all blocks are compared with the maps of all inodes, and xfs_repair -n is content.
 *
 *	t_cow SEED OPS		other random operations, or more
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_vol.h"
#include "dx_alloc.h"
#include "dx_bmap.h"
#include "dx_cow.h"
#include "dx_log_int.h"

#define FILES	5
#define SPAN	160u			/* blocks of a file that are used */

struct file {
	struct dx_inode	*ip;
	u64	disk[SPAN];		/* what the data fork must show; 0: zeroes */
	u64	page[SPAN];		/* of dirty pages */
	bool	dirty[SPAN];
	u64	size;			/* blocks */
};

static struct file files[FILES];
static u64 last_tag, seed;
static u32 bs, ops_wanted;
static struct host_dev_snap *snap;

static u32 rnd(u32 n) { return uv_rand(&seed) % n; }

static struct dx_mount *mount_shared(int *error)
{
	struct dx_mount_opts o = { .logbsize = uv_logbsize };

	return uv_mount_dev(uv_dev, &o, error);
}

static const char *name_of(int i)
{
	static char name[8];

	sprintf(name, "f%d", i);
	return name;
}

static struct dx_inode *make(struct dx_mount *mp, int i)
{
	struct dx_create_args a = { .mode = S_IFREG | 0600 };
	struct dx_name n = { .name = (u8 *)name_of(i), .len = 2, .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_inode *ip = NULL;

	CHECK(!dx_create(mp->rootip, &n, &a, &ip));
	return ip;
}

static struct dx_inode *look(struct dx_mount *mp, int i)
{
	struct dx_name n = { .name = (u8 *)name_of(i), .len = 2 };
	struct dx_inode *ip = NULL;
	dx_ino_t ino;

	if (!dx_dir_lookup(NULL, mp->rootip, &n, &ino, NULL))
		CHECK(!dx_iget(mp, NULL, ino, 0, &ip));
	return ip;
}

static int drop_name(struct dx_mount *mp, int i, struct dx_inode *ip)
{
	struct dx_name n = { .name = (u8 *)name_of(i), .len = 2, .ftype = DX_DIR3_FT_REG_FILE };
	int error = dx_remove(mp->rootip, &n, ip);

	dx_idrop(ip);
	dx_icache_flush_inactive(mp);
	return error;
}

/* ---- blocks ---- */

static void put_block(struct dx_mount *mp, dx_fsbno_t fsbno, u64 tag)
{
	u64 *b = malloc(bs);
	struct dx_io io = { .op = DX_IO_WRITE, .bdev = mp->bdev, .daddr_bb = dx_fsb_to_daddr(mp, fsbno), .data = b, .len_bytes = bs };
	u32 i;

	for (i = 0; i < bs / 8; i++)
		b[i] = tag;
	CHECK(!dx_plat_io_wait(&io));
	free(b);
}

static u64 get_block(struct dx_mount *mp, dx_fsbno_t fsbno)
{
	static u64 b[512];
	u32 i;

	host_dev_peek(uv_dev, dx_fsb_to_daddr(mp, fsbno) << DX_BBSHIFT, b, bs);
	for (i = 1; i < bs / 8; i++)
		CHECK_EQ(b[i], b[0]);
	return b[0];
}

static u64 shown(struct dx_inode *ip, u32 b)
{
	struct dx_mapped m;
	int error;

	dx_ilock(ip, DX_ILOCK_EXCL);
	error = dx_bmap_look(ip, b, 1, 0, &m);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	if (!CHECK(!error) || !dx_irec_is_real(&m.rec) || m.rec.state == DX_EXT_UNWRITTEN)
		return 0;
	return get_block(ip->mp, m.rec.startblock);
}

/* ---- what the VFS does ---- */

static u32 part(u32 off, u32 len, const struct dx_irec *r)
{
	return min_t(u64, len, dx_irec_end(r) - off);
}

/* A buffered write, up to the pages. */
static int write_pages(struct file *f, u32 off, u32 len)
{
	struct dx_inode *ip = f->ip;

	while (len) {
		struct dx_mapped m;
		bool shared;
		int error;
		u32 n;

		dx_ilock(ip, DX_ILOCK_EXCL);
		error = dx_iread_extents(NULL, ip, DX_DATA_FORK);
		if (!error)
			error = dx_cow_look(ip, off, len, &m);
		n = part(off, len, &m.rec);
		if (!error && dx_irec_is_hole(&m.rec)) {
			error = dx_bmap_look(ip, off, n, 0, &m);
			if (!error)
				error = dx_cow_trim_shared(ip, &m.rec, &shared);
			n = part(off, len, &m.rec);
			if (!error && shared)
				error = dx_cow_reserve(ip, off, n, &m);
			else if (!error && dx_irec_is_hole(&m.rec))
				error = dx_bmap_reserve_delalloc(ip, off, n, 0, &m.rec);
			n = min_t(u32, n, part(off, len, &m.rec));
		}
		dx_iunlock(ip, DX_ILOCK_EXCL);
		if (error)
			return error;
		for (; n; n--, off++, len--) {
			f->page[off] = ++last_tag;
			f->dirty[off] = true;
			f->size = max_t(u64, f->size, off + 1);
		}
	}
	return 0;
}

struct io { u32 off, n; dx_fsbno_t fsbno; bool copy; };

static void io_done(struct file *f, const struct io *io, bool fails)
{
	struct dx_inode *ip = f->ip;
	u32 i;

	for (i = 0; i < io->n; i++) {
		if (!fails || rnd(2))
			put_block(ip->mp, io->fsbno + i, fails ? 0xbad0bad0bad0bad0 : f->page[io->off + i]);
		f->dirty[io->off + i] = false;
		if (!fails)
			f->disk[io->off + i] = f->page[io->off + i];
	}
	if (fails) {
		CHECK(!dx_cow_cancel(ip, io->off * bs, io->n * bs, true));
		return;
	}
	CHECK(!dx_cow_end(ip, io->off * bs, io->n * bs));
	CHECK(!dx_iomap_write_unwritten(ip, io->off * bs, io->n * bs, f->size * bs));
}

static int map_page(struct file *f, u32 off, u32 len, struct io *io)
{
	struct dx_inode *ip = f->ip;
	struct dx_mapped m;
	int error;

	dx_ilock(ip, DX_ILOCK_EXCL);
	error = dx_iread_extents(NULL, ip, DX_DATA_FORK);
	if (!error)
		error = dx_cow_look(ip, off, len, &m);
	io->copy = !error && !dx_irec_is_hole(&m.rec);
	if (!error && !io->copy)
		error = dx_bmap_look(ip, off, part(off, len, &m.rec), 0, &m);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	if (!error && dx_irec_is_delay(&m.rec))
		error = io->copy ? dx_cow_convert_delalloc(ip, off, &m) : dx_bmap_convert_delalloc(ip, off, &m);
	if (error)
		return error;
	if (!CHECK(dx_irec_is_real(&m.rec) && m.rec.startoff <= off && dx_irec_end(&m.rec) > off))
		return -EIO;
	io->off = off;
	io->n = part(off, len, &m.rec);
	io->fsbno = m.rec.startblock + (off - m.rec.startoff);
	if (io->copy)
		dx_cow_submit(ip, off * bs, io->n * bs);
	return 0;
}

/* Writeback of dirty pages in a range; some fails, if @failing, where a copy is to be written. */
static int write_back(struct file *f, u32 off, u32 end, bool failing)
{
	struct io io[4];
	int error = 0;
	u32 i, n = 0, last;

	for (;;) {
		while (off < end && !f->dirty[off])
			off++;
		for (last = off; last < end && f->dirty[last] && last - off < 24; last++)
			;
		if (off < end) {
			error = map_page(f, off, last - off, &io[n]);
			if (error)
				break;
			off += io[n++].n;
		}
		if (n == ARRAY_SIZE(io) || (off >= end && n)) {
			/* in any order */
			for (; n; n--) {
				i = rnd(n);
				io_done(f, &io[i], failing && io[i].copy && !rnd(3));
				io[i] = io[n - 1];
			}
		}
		if (off >= end)
			break;
	}
	CHECK(error || !n);
	return error;
}

static int flush(struct file *f) { return write_back(f, 0, SPAN, false); }

static void forget_pages(struct file *f, u32 off, u32 end)
{
	for (; off < end; off++)
		f->dirty[off] = false;
}

/* A direct write; it may end early, as when the memory of its caller goes away. */
static int direct(struct file *f, u32 off, u32 len, bool early)
{
	struct dx_inode *ip = f->ip;
	u32 at, end = off + len, stop = early ? off + rnd(len + 1) : end, b;
	int error = write_back(f, off, end, false);

	for (at = off; !error && at < stop; ) {
		struct dx_mapped m;

		error = dx_cow_alloc(ip, at, end - at, &m);
		if (!error && dx_irec_is_hole(&m.rec)) {
			u32 n = part(at, end - at, &m.rec);

			dx_ilock(ip, DX_ILOCK_EXCL);
			error = dx_bmap_look(ip, at, n, 0, &m);
			dx_iunlock(ip, DX_ILOCK_EXCL);
			if (!error && dx_irec_is_delay(&m.rec))
				error = dx_bmap_convert_delalloc(ip, at, &m);
			else if (!error && dx_irec_is_hole(&m.rec))
				error = dx_iomap_alloc(ip, at, part(at, n, &m.rec), false, false, &m);
		}
		if (error || !CHECK(dx_irec_is_real(&m.rec) && m.rec.startoff <= at && dx_irec_end(&m.rec) > at))
			break;
		for (b = at; b < min_t(u64, dx_irec_end(&m.rec), end); b++) {
			if (b >= stop) {
				/* marked, and will not be written */
				CHECK(!dx_cow_cancel(ip, b * bs, (min_t(u64, dx_irec_end(&m.rec), end) - b) * bs, true));
				break;
			}
			f->page[b] = ++last_tag;
			put_block(ip->mp, m.rec.startblock + (b - m.rec.startoff), f->page[b]);
		}
		at = b;
	}
	if (at > off) {
		f->size = max_t(u64, f->size, at);
		CHECK(!dx_cow_end(ip, off * bs, (at - off) * bs));
		CHECK(!dx_iomap_write_unwritten(ip, off * bs, (at - off) * bs, f->size * bs));
		memcpy(&f->disk[off], &f->page[off], (at - off) * sizeof(u64));
	}
	return error;
}

static int punch(struct file *f, u32 off, u32 len)
{
	int error;

	forget_pages(f, off, off + len);
	error = dx_free_file_space(f->ip, off * bs, len * bs);
	if (!error)
		memset(&f->disk[off], 0, len * sizeof(u64));
	return error;
}

static int truncate(struct file *f, u32 to)
{
	forget_pages(f, to, SPAN);
	memset(&f->disk[to], 0, (SPAN - to) * sizeof(u64));
	f->size = to;
	return dx_setsize_trans(f->ip, to * bs, true, false);
}

static int clone(struct file *s, u32 soff, struct file *d, u32 doff, u32 len)
{
	int error = flush(s);
	u64 done = 0;

	if (!error)
		error = flush(d);
	if (error)
		return error;
	error = dx_reflink_remap(s->ip, soff * bs, d->ip, doff * bs, len * bs, &done);
	CHECK(error || done == len * bs);
	memmove(&d->disk[doff], &s->disk[soff], done / bs * sizeof(u64));
	if (done && doff + done / bs > d->size) {
		d->size = doff + done / bs;
		CHECK(!dx_iomap_setsize(d->ip, d->size * bs));
	}
	return error;
}

/* ---- random operations ---- */

static void check_files(struct dx_mount *mp)
{
	u64 held = 0;
	u32 i, b;

	for (i = 0; i < FILES; i++) {
		struct dx_inode *ip = files[i].ip;
		struct dx_fork *forks[2] = { &ip->df, dx_ifork(ip, DX_COW_FORK) };
		u64 cow = 0, want = 0;
		struct dx_iext_cur icur;
		struct dx_irec r;
		bool more;
		int k;

		for (b = 0; b < SPAN; b++) {
			u64 tag = shown(ip, b);

			if (tag != files[i].disk[b]) {
				printf("  file %u block %u shows 0x%llx, not 0x%llx\n", i, b, (unsigned long long)tag,
				       (unsigned long long)files[i].disk[b]);
				CHECK(!"what it should show");
				return;
			}
		}
		for (k = 0; k < 2 && forks[k]; k++) {
			for (more = dx_iext_first(&forks[k]->ext, &icur, &r); more; more = dx_iext_next(&forks[k]->ext, &icur, &r)) {
				if (dx_irec_is_delay(&r))
					held += r.blockcount + r.indlen;
				if (k) {
					cow += r.blockcount;
					want += dx_bmap_tree_worst(ip, 2 * r.blockcount);
				}
			}
		}
		CHECK_EQ(dx_cow_blocks(ip), cow);
		if (ip->cf) {
			CHECK_EQ(ip->cf->want, want);
			CHECK_EQ(ip->cf->resv, want);
			held += ip->cf->resv;
		}
	}
	CHECK_EQ(held, atomic64_read(&mp->delalloc_resv));
}

static void walk(struct dx_mount *mp)
{
	CHECK(!uv_check_refcounts(mp));
	CHECK(!uv_check_rmaps(mp));
}

static const char *const op_names[] = {
	"write", "write back", "write back with errors", "direct", "direct, ends early", "clone", "clone within", "punch", "truncate",
	"preallocate", "collapse", "insert", "cancel", "drop from memory", "remove", "no sharing any more?",
};

static int one_op(struct dx_mount *mp, u32 op, struct file *f, u32 off, u32 len)
{
	struct file *g = &files[rnd(FILES)];
	u32 i, other = rnd(SPAN - len + 1);

	switch (op) {
	case 0:
		return write_pages(f, off, len);
	case 1:
	case 2:
		return write_back(f, off, off + len, op == 2);
	case 3:
	case 4:
		return direct(f, off, len, op == 4);
	case 5:
		return g == f ? 0 : clone(f, off, g, other, len);
	case 6:
		if (other < off + len && off < other + len) {
			CHECK_EQ(dx_reflink_remap(f->ip, off * bs, f->ip, other * bs, len * bs, &(u64){ 0 }), -EINVAL);
			return 0;
		}
		return clone(f, off, f, other, len);
	case 7:
		return punch(f, off, len);
	case 8:
		return truncate(f, off);
	case 9:
		return dx_alloc_file_space(f->ip, off * bs, len * bs);
	case 10:
		if (flush(f) || punch(f, off, len))
			return -ENOSPC;
		memmove(&f->disk[off], &f->disk[off + len], (SPAN - off - len) * sizeof(u64));
		memset(&f->disk[SPAN - len], 0, len * sizeof(u64));
		return dx_collapse_file_space(f->ip, off * bs, len * bs);
	case 11:
		if (flush(f) || (off + len < SPAN && truncate(f, SPAN - len)))
			return -ENOSPC;
		if (off + len >= SPAN)
			return 0;
		f->size = SPAN;
		CHECK(!dx_iomap_setsize(f->ip, f->size * bs));
		memmove(&f->disk[off + len], &f->disk[off], (SPAN - off - len) * sizeof(u64));
		memset(&f->disk[off], 0, len * sizeof(u64));
		return dx_insert_file_space(f->ip, off * bs, len * bs);
	case 12:
		if (flush(f))
			return -ENOSPC;
		return rnd(2) ? dx_cow_cancel_all(f->ip) : dx_cow_cancel(f->ip, off * bs, len * bs, rnd(2));
	case 13:
		if (flush(f))
			return -ENOSPC;
		dx_idrop(f->ip);
		dx_icache_flush_inactive(mp);
		f->ip = look(mp, f - files);
		return 0;
	case 14:
		i = f - files;
		CHECK(!drop_name(mp, i, f->ip));
		memset(f, 0, sizeof(*f));
		f->ip = make(mp, i);
		return 0;
	default:
		if (flush(f))
			return -ENOSPC;
		return dx_reflink_try_clear(f->ip);
	}
}

static void open_files(struct dx_mount *mp)
{
	int i;

	memset(files, 0, sizeof(files));
	for (i = 0; i < FILES; i++) {
		files[i].ip = make(mp, i);
		/* few blocks more than asked for in some, none, or the default */
		if (i > 1 && files[i].ip) {
			files[i].ip->d.flags2 |= DX_DIFLAG2_COWEXTSIZE;
			files[i].ip->d.cowextsize = i == 2 ? 1 : i;
		}
	}
}

static void close_files(void)
{
	int i;

	for (i = 0; i < FILES; i++)
		dx_idrop(files[i].ip);
}

static int random_ops(void *arg)
{
	u32 done[ARRAY_SIZE(op_names)] = { }, i, op;
	int error;
	struct dx_mount *mp = mount_shared(&error);

	if (!CHECK(mp))
		return error;
	bs = mp->sb.blocksize;
	open_files(mp);
	for (i = 0; i < ops_wanted && !host_checks_failed; i++) {
		static const u8 often[] = { 0, 0, 0, 0, 1, 1, 1, 2, 3, 3, 3, 4, 5, 5, 5, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
		struct file *f = &files[rnd(FILES)];
		u32 len = 1 + rnd(rnd(3) ? 8 : 60), off = rnd(SPAN - len + 1);

		op = often[rnd(ARRAY_SIZE(often))];
		/* removing and cutting must not win */
		if ((op == 8 || op == 14) && rnd(3))
			continue;
		error = one_op(mp, op, f, off, len);
		CHECK(!error);
		done[op]++;
		check_files(mp);
		if (i % 16 == 0)
			walk(mp);
		if (i % 40 == 0)
			CHECK(!dx_log_force(mp, true));
		if (host_checks_failed)
			printf("  operation %u: %s, file %d, block %u, length %u: %d\n", i, op_names[op], (int)(f - files), off, len, error);
	}
	for (op = 0; op < ARRAY_SIZE(op_names); op++)
		CHECK(done[op] || host_checks_failed);
	for (i = 0; i < FILES; i++)
		CHECK(!flush(&files[i]));
	check_files(mp);
	close_files();
	dx_icache_flush_inactive(mp);
	walk(mp);
	return uv_umount(mp);
}

/* ---- a power cut behind each step ---- */

static u64 was[FILES][SPAN], will[FILES][SPAN];
static u32 steps_left;

/* What is in the checkpoint becomes durable, and nothing after it. */
static void cut(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c)
{
	if ((strcmp(what, "trans_roll") && strcmp(what, "trans_commit")) || !c || !steps_left || --steps_left)
		return;
	CHECK(!dx_log_force(mp, true));
	host_stop_world();
}

/* Clones in pieces: file 1 is file 0, 2 has every other run of 0 elsewhere, 3 parts of 2, 4 is a quiet twin. */
static int prepare(void *arg)
{
	int error;
	struct dx_mount *mp = mount_shared(&error);
	u32 b;

	if (!CHECK(mp))
		return error;
	bs = mp->sb.blocksize;
	open_files(mp);
	for (b = 0; b < SPAN; b += 10)
		CHECK(!direct(&files[0], b, 9, false));
	CHECK(!dx_alloc_file_space(files[0].ip, 0, 30 * bs));
	CHECK(!clone(&files[0], 0, &files[1], 0, SPAN));
	CHECK(!clone(&files[0], 0, &files[4], 0, SPAN));
	for (b = 0; b + 20 < SPAN; b += 20)
		CHECK(!clone(&files[0], b, &files[2], b + 7, 11));
	CHECK(!clone(&files[2], 5, &files[3], 0, 100));
	check_files(mp);
	walk(mp);
	close_files();
	return uv_umount(mp);
}

static int op_buffered(void) { return write_pages(&files[1], 3, 40) ?: flush(&files[1]); }
static int op_direct(void) { return direct(&files[2], 20, 30, false); }
static int op_single(void) { return direct(&files[1], 64, 1, false); }
static int op_clone(void) { return clone(&files[0], 4, &files[3], 30, 50); }
static int op_clone_within(void) { return clone(&files[2], 0, &files[2], 80, 40); }
static int op_clone_holes(void) { return clone(&files[2], 0, &files[1], 0, 60); }
static int op_punch(void) { return punch(&files[1], 5, 60); }
static int op_truncate(void) { return truncate(&files[2], 30); }
static int op_collapse(void) { return one_op(files[0].ip->mp, 10, &files[1], 11, 20); }

static int op_staged(void)
{
	int error = direct(&files[1], 70, 2, false);

	return error ?: dx_cow_cancel_all(files[1].ip);
}

static int op_unlink(void)
{
	int error = drop_name(files[3].ip->mp, 3, files[3].ip);

	files[3].ip = NULL;
	memset(files[3].disk, 0, sizeof(files[3].disk));
	return error;
}

static const struct cut_op { const char *name; int (*fn)(void); u32 steps, moves; } cut_ops[] = {
	{ "a buffered write", op_buffered, 8 },
	{ "a direct write", op_direct, 8 },
	{ "a write of one block", op_single, 3 },
	{ "freeing what is staged", op_staged, 5 },
	{ "a clone", op_clone, 10 },
	{ "a clone within a file", op_clone_within, 5 },
	{ "a clone of holes", op_clone_holes, 10 },
	{ "a punch", op_punch, 5 },
	{ "a truncate", op_truncate, 6 },
	{ "a collapse", op_collapse, 5, .moves = 1 },
	{ "an unlink", op_unlink, 6 },
};

static int get_files(struct dx_mount *mp)
{
	int i;

	memset(files, 0, sizeof(files));
	for (i = 0; i < FILES; i++) {
		u32 b;

		files[i].ip = look(mp, i);
		if (!files[i].ip)
			continue;
		files[i].size = files[i].ip->d.size / bs;
		for (b = 0; b < SPAN; b++)
			files[i].disk[b] = shown(files[i].ip, b);
	}
	return 0;
}

static int cut_op(void *arg)
{
	const struct cut_op *op = arg;
	int error;
	struct dx_mount *mp = mount_shared(&error);
	u32 i;

	if (!CHECK(mp))
		return error;
	get_files(mp);
	for (i = 0; i < FILES; i++)
		memcpy(was[i], files[i].disk, sizeof(was[i]));
	last_tag = 1u << 20;
	mp->trace = cut;
	CHECK(!op->fn());
	mp->trace = NULL;
	for (i = 0; i < FILES; i++) {
		memcpy(will[i], files[i].disk, sizeof(will[i]));
		if (files[i].ip)
			dx_idrop(files[i].ip);
	}
	return uv_umount(mp);
}

static int recover(void *arg)
{
	const struct cut_op *op = arg;
	int error;
	struct dx_mount *mp = mount_shared(&error);
	u32 i, b;

	if (!CHECK(mp))
		return error;
	get_files(mp);
	for (i = 0; i < FILES; i++) {
		/* a file whose blocks are moving shows anything of it, and a hole that is not closed yet */
		for (b = 0; b < SPAN && (!op->moves || i != op->moves); b++) {
			u64 tag = files[i].disk[b];

			if (tag == was[i][b] || tag == will[i][b])
				continue;
			printf("  file %u block %u shows 0x%llx, neither 0x%llx nor 0x%llx\n", i, b, (unsigned long long)tag,
			       (unsigned long long)was[i][b], (unsigned long long)will[i][b]);
			CHECK(!"old or new");
			break;
		}
	}
	walk(mp);
	for (i = 0; i < FILES; i++)
		if (files[i].ip)
			dx_idrop(files[i].ip);
	return uv_umount(mp);
}

static void cut_everywhere(const struct cut_op *op)
{
	char name[100];
	u32 n;
	int ret;

	snprintf(name, sizeof(name), "a power cut at each step of %s", op->name);
	host_test_begin(name);
	/* what it should be is known when it was done without */
	host_dev_snap_restore(uv_dev, snap);
	steps_left = 0;
	seed = 1;
	host_init(1);
	CHECK_EQ(host_run(cut_op, (void *)op), 0);
	host_kill_world();
	CHECK(uv_repair_clean("whole"));
	for (n = 1; n < 400 && !host_checks_failed; n++) {
		u64 then[FILES][SPAN];

		memcpy(then, will, sizeof(then));
		host_dev_snap_restore(uv_dev, snap);
		steps_left = n;
		seed = 1;
		host_init(n);
		ret = host_run(cut_op, (void *)op);
		host_kill_world();
		if (!ret)
			break;
		memcpy(will, then, sizeof(will));
		if (!CHECK_EQ(ret, HOST_CRASHED))
			break;
		host_dev_crash(uv_dev, n % 2 ? HOST_LOSE_ALL : n % HOST_CRASH_MODES, n);
		host_init(n);
		CHECK_EQ(host_run(recover, (void *)op), 0);
		CHECK_EQ(host_warn_count, 0);
		host_kill_world();
		if (n % 8 == 1)
			CHECK(uv_repair_clean("cut"));
		if (host_checks_failed)
			printf("  at step %u\n", n);
	}
	CHECK(n > op->steps);
	printf("# %u steps\n", n - 1);
	host_test_end();
}

/* ---- nothing is free ---- */

static u64 avail(struct dx_mount *mp)
{
	struct dx_statfs st;

	dx_mount_statfs(mp, &st);
	return st.bavail;
}

static int when_full(void *arg)
{
	int error;
	struct dx_mount *mp = mount_shared(&error);
	struct dx_inode *ip, *twin, *filler;
	u32 nblocks = 6000, i, k, n = 0, order[6000];
	struct dx_mapped m;
	u64 done, step, off = 0, taken;

	(void)arg;
	if (!CHECK(mp))
		return error;
	bs = mp->sb.blocksize;
	dx_reserve_set(mp, 0);
	ip = make(mp, 0);
	twin = make(mp, 1);
	filler = make(mp, 2);
	CHECK(!dx_iomap_alloc(ip, 0, nblocks, false, false, &m));
	nblocks = dx_irec_end(&m.rec);
	CHECK(!dx_iomap_write_unwritten(ip, 0, (u64)nblocks * bs, (u64)nblocks * bs));
	CHECK(!dx_reflink_remap(ip, 0, twin, 0, (u64)nblocks * bs, &done));
	ip->d.flags2 |= DX_DIFLAG2_COWEXTSIZE;
	ip->d.cowextsize = 1;
	for (step = 4 << 20; step >= bs; ) {
		if (avail(mp) < 4000)
			break;
		error = dx_alloc_file_space(filler, off, step);
		if (!error)
			off += step;
		else
			step /= 2;
	}
	CHECK(!dx_log_force(mp, true));
	for (i = 0; i < nblocks; i += 5) {
		dx_ilock(ip, DX_ILOCK_EXCL);
		error = dx_cow_reserve(ip, i, 1 + i % 3, &m);
		dx_iunlock(ip, DX_ILOCK_EXCL);
		if (error)
			break;
		order[n++] = i;
	}
	CHECK_EQ(error, -ENOSPC);
	CHECK(n > 200);
	printf("# %u copies reserved, %llu blocks held, %llu free\n", n, (unsigned long long)atomic64_read(&mp->delalloc_resv),
	       (unsigned long long)avail(mp));
	for (i = n - 1; i; i--) {
		u32 t = order[i];

		k = rnd(i + 1);
		order[i] = order[k];
		order[k] = t;
	}
	for (i = 0; i < n && !host_checks_failed; i++) {
		taken = avail(mp);
		if (taken && dx_mod_fdblocks(mp, -(s64)taken, false))
			taken = 0;
		/* in as many pieces as there are */
		for (k = order[i]; k < order[i] + 1 + order[i] % 3; k++) {
			CHECK(!dx_cow_convert_delalloc(ip, k, &m));
			CHECK(dx_irec_is_real(&m.rec));
		}
		dx_cow_submit(ip, order[i] * bs, (1 + order[i] % 3) * bs);
		CHECK(!dx_cow_end(ip, order[i] * bs, (1 + order[i] % 3) * bs));
		dx_mod_fdblocks(mp, taken, false);
	}
	CHECK(!dx_is_shutdown(mp));
	CHECK(ip->df.nextents >= 2 * n - 1);
	CHECK_EQ(dx_cow_blocks(ip), 0);
	CHECK_EQ(atomic64_read(&mp->delalloc_resv), 0);
	walk(mp);
	dx_idrop(ip);
	dx_idrop(twin);
	dx_idrop(filler);
	return uv_umount(mp);
}

/* ---- what a clone costs ---- */

static u32 steps;

static void count_steps(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c)
{
	steps += !strcmp(what, "trans_roll") || !strcmp(what, "trans_commit");
}

static u32 clone_steps(struct dx_mount *mp, struct dx_inode *src, struct dx_inode *dst, u32 n)
{
	u64 done;

	steps = 0;
	mp->trace = count_steps;
	CHECK(!dx_reflink_remap(src, 0, dst, 0, (u64)2 * n * bs, &done));
	mp->trace = NULL;
	CHECK_EQ(dst->df.nextents, n);
	return steps;
}

/* As many transactions for each run, whether there are few or many, in the file or of those who share it. */
static int clone_cost(void *arg)
{
	int error;
	struct dx_mount *mp = mount_shared(&error);
	struct dx_inode *few, *many, *copy[8];
	u32 n = 300, i, first, last = 0, large;
	struct dx_mapped m;

	(void)arg;
	if (!CHECK(mp))
		return error;
	bs = mp->sb.blocksize;
	few = make(mp, 0);
	many = make(mp, 1);
	for (i = 0; i < 10 * n; i++) {
		if (i < n)
			CHECK(!dx_iomap_alloc(few, 2 * i, 1, false, false, &m));
		CHECK(!dx_iomap_alloc(many, 2 * i, 1, false, false, &m));
	}
	CHECK(!dx_iomap_write_unwritten(few, 0, 2 * n * bs, 2 * n * bs));
	CHECK(!dx_iomap_write_unwritten(many, 0, 20 * n * bs, 20 * n * bs));
	for (i = 0; i < ARRAY_SIZE(copy); i++) {
		copy[i] = make(mp, 2 + i);
		last = clone_steps(mp, few, copy[i], n);
		if (!i)
			first = last;
	}
	large = clone_steps(mp, many, copy[0], 10 * n);
	printf("# %u steps for %u runs, %u with %u sharers, %u for %u runs\n", first, n, last, i + 1, large, 10 * n);
	CHECK(last <= first * 13 / 10);
	CHECK(large <= first * 13);
	/* the same once more: there is nothing to do */
	CHECK(clone_steps(mp, many, copy[0], 10 * n) < 10);
	walk(mp);
	for (i = 0; i < ARRAY_SIZE(copy); i++)
		dx_idrop(copy[i]);
	dx_idrop(few);
	dx_idrop(many);
	return uv_umount(mp);
}

/* ---- what the logs of others promise ---- */

static void promise(struct dx_mount *mp, struct dx_trans *tp, struct dx_inode *ip, u32 type, const struct dx_irec *r)
{
	struct dx_map_extent e = {
		.me_owner = ip->ino, .me_startblock = r->startblock, .me_startoff = r->startoff, .me_len = r->blockcount,
		.me_flags = type | (r->state == DX_EXT_UNWRITTEN ? DX_BUI_UNWRITTEN : 0),
	};
	struct dx_defer_work *w;
	LIST_HEAD(works);

	CHECK(!dx_bmap_type.parse(mp, &e, &w));
	list_add_tail(&w->list, &works);
	dx_intent_log(tp, &dx_bmap_type, &works, 1);
	kfree(w);
}

/* File 0 is to have its first extent at another place; the same in file 1, which is unlinked and open. */
static int promise_all(void *arg)
{
	int error, i;
	struct dx_mount *mp = mount_shared(&error);
	struct dx_trans *tp;

	(void)arg;
	if (!CHECK(mp))
		return error;
	bs = mp->sb.blocksize;
	for (i = 0; i < 2; i++) {
		struct dx_inode *ip = make(mp, i);
		struct dx_name n = { .name = (u8 *)name_of(i), .len = 2, .ftype = DX_DIR3_FT_REG_FILE };
		struct dx_mapped m;
		struct dx_irec r;

		CHECK(!dx_iomap_alloc(ip, 0, 8, false, false, &m));
		CHECK(!dx_iomap_write_unwritten(ip, 0, 4 * bs, 60 * bs));
		if (i)
			CHECK(!dx_remove(mp->rootip, &n, ip));
		r = m.rec;
		r.blockcount = 4;
		r.state = DX_EXT_NORM;
		CHECK(!dx_trans_alloc(mp, DX_RESV_WRITE, 0, 0, &tp));
		r.startoff++;
		r.startblock++;
		r.blockcount = 2;	/* a cut in the middle */
		promise(mp, tp, ip, DX_BUI_UNMAP, &r);
		r.startoff = 50;
		promise(mp, tp, ip, DX_BUI_MAP, &r);
		/* and one that goes in two parts, for it is two extents */
		r = m.rec;
		r.startoff = 3;
		r.startblock += 3;
		r.blockcount = 2;
		promise(mp, tp, ip, DX_BUI_UNMAP, &r);
		r.startoff = 20;
		r.state = DX_EXT_UNWRITTEN;
		promise(mp, tp, ip, DX_BUI_MAP, &r);
		CHECK(!dx_trans_commit(tp));
	}
	CHECK(!dx_log_force(mp, true));
	host_stop_world();
	return 0;
}

static int promised(void *arg)
{
	int error, i;
	struct dx_mount *mp = mount_shared(&error);
	static const struct { u32 off, len, dist, state; } want[] = {
		{ 0, 1, 0, DX_EXT_NORM }, { 5, 3, 5, DX_EXT_UNWRITTEN }, { 20, 2, 3, DX_EXT_UNWRITTEN }, { 50, 2, 1, DX_EXT_NORM },
	};
	struct dx_inode *ip;
	struct dx_iext_cur icur;
	struct dx_irec r;
	dx_fsbno_t first;
	bool more;

	(void)arg;
	if (!CHECK(mp))
		return error;
	ip = look(mp, 0);
	CHECK(!look(mp, 1));
	CHECK_EQ(ip->df.nextents, ARRAY_SIZE(want));
	CHECK_EQ(ip->d.nblocks, 8);
	more = dx_iext_first(&ip->df.ext, &icur, &r);
	first = r.startblock;
	for (i = 0; i < ARRAY_SIZE(want) && CHECK(more); i++, more = dx_iext_next(&ip->df.ext, &icur, &r)) {
		CHECK_EQ(r.startoff, want[i].off);
		CHECK_EQ(r.blockcount, want[i].len);
		CHECK_EQ(r.startblock, first + want[i].dist);
		CHECK_EQ(r.state, want[i].state);
	}
	walk(mp);
	dx_idrop(ip);
	return uv_umount(mp);
}

static void intents_of_others(const struct uv_profile *p)
{
	u32 k;

	host_test_begin("changes of maps that a log promises");
	CHECK(!uv_make(p));
	host_init(1);
	CHECK_EQ(host_run(promise_all, NULL), HOST_CRASHED);
	host_kill_world();
	host_dev_crash(uv_dev, HOST_LOSE_ALL, 1);
	snap = host_dev_snap_take(uv_dev);
	/* recovery is cut, too */
	for (k = 0; k < 40 && !host_checks_failed; k++) {
		int ret;

		host_dev_snap_restore(uv_dev, snap);
		host_init(k);
		host_dev_crash_at(uv_dev, k, k % 2);
		ret = host_run(promised, NULL);
		host_dev_crash_at(uv_dev, 0, 0);
		host_kill_world();
		if (ret == HOST_CRASHED) {
			host_dev_crash(uv_dev, HOST_LOSE_ALL, k);
			host_init(k);
			ret = host_run(promised, NULL);
			host_kill_world();
		}
		CHECK_EQ(ret, 0);
		CHECK_EQ(host_warn_count, 0);
		if (k % 10 == 0)
			CHECK(uv_repair_clean("promised"));
	}
	host_dev_snap_free(snap);
	host_test_end();
}

/* ---- */

static const struct uv_profile volumes[] = {
	{ "1 KiB blocks, rmapbt", "--unsupported -b size=1024 -d agcount=2 -l size=14m -m rmapbt=1,reflink=1", 80 },
	{ "1 KiB blocks", "--unsupported -b size=1024 -d agcount=3 -l size=14m -m rmapbt=0,reflink=1", 80 },
};

static void run(const char *what, const struct uv_profile *p, int (*fn)(void *arg), u64 s)
{
	char name[160];

	snprintf(name, sizeof(name), "%s (%s)", what, p->name);
	seed = s;
	if (!host_test(name, s, fn, NULL))
		return;
	host_test_begin("... and xfs_repair is content");
	CHECK(uv_repair_clean("cow"));
	host_test_end();
}

int main(int argc, char **argv)
{
	u64 s = argc > 1 ? atoll(argv[1]) : 1;
	u32 i, k;

	ops_wanted = argc > 2 ? atoi(argv[2]) : 500;
	uv_setup("t_cow");
	for (i = 0; i < ARRAY_SIZE(volumes); i++) {
		if (uv_make(&volumes[i]))
			return 1;
		run("random operations", &volumes[i], random_ops, s + i);
		if (uv_make(&volumes[i]))
			return 1;
		run("nothing is free", &volumes[i], when_full, s);
		if (uv_make(&volumes[i]))
			return 1;
		run("the cost of a clone is that of its runs", &volumes[i], clone_cost, s);
		if (uv_make(&volumes[i]))
			return 1;
		run("clones to cut", &volumes[i], prepare, s);
		snap = host_dev_snap_take(uv_dev);
		for (k = 0; k < ARRAY_SIZE(cut_ops); k++)
			cut_everywhere(&cut_ops[k]);
		host_dev_snap_free(snap);
		intents_of_others(&volumes[i]);
	}
	uv_teardown();
	return host_test_exit();
}
