// SPDX-License-Identifier: GPL-2.0-only
/* Files with a tag in each block: what the VFS does to them, and what each must show. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_files.h"
#include "dx_alloc.h"
#include "dx_bmap.h"
#include "dx_cow.h"

struct uf_file uf_files[UF_FILES];
u64 uf_last_tag, uf_seed;
u32 uf_bs;

u32 uf_rnd(u32 n) { return uv_rand(&uf_seed) % n; }

struct dx_mount *uf_mount(int *error)
{
	struct dx_mount_opts o = { .logbsize = uv_logbsize, .quota = uv_quota };

	return uv_mount_dev(uv_dev, &o, error);
}

const char *uf_name(int i)
{
	static char name[8];

	sprintf(name, "f%d", i);
	return name;
}

struct dx_inode *uf_make(struct dx_mount *mp, int i)
{
	struct dx_create_args a = { .mode = S_IFREG | 0600 };
	struct dx_name n = { .name = (u8 *)uf_name(i), .len = 2, .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_inode *ip = NULL;

	CHECK(!dx_create(mp->rootip, &n, &a, &ip));
	return ip;
}

struct dx_inode *uf_look(struct dx_mount *mp, int i)
{
	struct dx_name n = { .name = (u8 *)uf_name(i), .len = 2 };
	struct dx_inode *ip = NULL;
	dx_ino_t ino;

	if (!dx_dir_lookup(NULL, mp->rootip, &n, &ino, NULL))
		CHECK(!dx_iget(mp, NULL, ino, 0, &ip));
	return ip;
}

int uf_drop_name(struct dx_mount *mp, int i, struct dx_inode *ip)
{
	struct dx_name n = { .name = (u8 *)uf_name(i), .len = 2, .ftype = DX_DIR3_FT_REG_FILE };
	int error = dx_remove(mp->rootip, &n, ip);

	dx_idrop(ip);
	dx_icache_flush_inactive(mp);
	return error;
}

/* ---- blocks ---- */

static void put_block(struct dx_mount *mp, dx_fsbno_t fsbno, u64 tag)
{
	u64 *b = malloc(uf_bs);
	struct dx_io io = { .op = DX_IO_WRITE, .bdev = mp->bdev, .daddr_bb = dx_fsb_to_daddr(mp, fsbno), .data = b, .len_bytes = uf_bs };
	u32 i;

	for (i = 0; i < uf_bs / 8; i++)
		b[i] = tag;
	CHECK(!dx_plat_io_wait(&io));
	free(b);
}

static u64 get_block(struct dx_mount *mp, dx_fsbno_t fsbno)
{
	static u64 b[512];
	u32 i;

	host_dev_peek(uv_dev, dx_fsb_to_daddr(mp, fsbno) << DX_BBSHIFT, b, uf_bs);
	for (i = 1; i < uf_bs / 8; i++)
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
int uf_write_pages(struct uf_file *f, u32 off, u32 len)
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
			f->page[off] = ++uf_last_tag;
			f->dirty[off] = true;
			f->size = max_t(u64, f->size, off + 1);
		}
	}
	return 0;
}

struct io { u32 off, n; dx_fsbno_t fsbno; bool copy; };

static void io_done(struct uf_file *f, const struct io *io, bool fails)
{
	struct dx_inode *ip = f->ip;
	u32 i;

	for (i = 0; i < io->n; i++) {
		if (!fails || uf_rnd(2))
			put_block(ip->mp, io->fsbno + i, fails ? 0xbad0bad0bad0bad0 : f->page[io->off + i]);
		f->dirty[io->off + i] = false;
		if (!fails)
			f->disk[io->off + i] = f->page[io->off + i];
	}
	if (fails)
		return;		/* the copy stays, as what it is not */
	CHECK(!dx_cow_end(ip, io->off * uf_bs, io->n * uf_bs));
	CHECK(!dx_iomap_write_unwritten(ip, io->off * uf_bs, io->n * uf_bs, f->size * uf_bs));
}

static int map_page(struct uf_file *f, u32 off, u32 len, struct io *io)
{
	struct dx_inode *ip = f->ip;
	struct dx_mapped m;
	int error;

	dx_ilock(ip, DX_ILOCK_EXCL);
	error = dx_iread_extents(NULL, ip, DX_DATA_FORK);
	if (!error)
		error = dx_cow_look(ip, off, len, &m);
	io->copy = !error && !dx_irec_is_hole(&m.rec);
	if (!error && !io->copy) {
		len = part(off, len, &m.rec);	/* to where there is a copy, whatever comes then */
		error = dx_bmap_look(ip, off, len, 0, &m);
	}
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
		dx_cow_submit(ip, off * uf_bs, io->n * uf_bs);
	return 0;
}

/* Writeback of dirty pages in a range; some fails, if @failing, where a copy is to be written. */
static int write_back(struct uf_file *f, u32 off, u32 end, bool failing)
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
				i = uf_rnd(n);
				io_done(f, &io[i], failing && io[i].copy && !uf_rnd(3));
				io[i] = io[n - 1];
			}
		}
		if (off >= end)
			break;
	}
	CHECK(error || !n);
	return error;
}

int uf_flush(struct uf_file *f) { return write_back(f, 0, UF_SPAN, false); }

static void forget_pages(struct uf_file *f, u32 off, u32 end)
{
	for (; off < end; off++)
		f->dirty[off] = false;
}

/* A direct write; it may end early, as when the memory of its caller goes away. */
int uf_direct(struct uf_file *f, u32 off, u32 len, bool early)
{
	struct dx_inode *ip = f->ip;
	u32 at, end = off + len, stop = early ? off + uf_rnd(len + 1) : end, b;
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
			/* what was asked for ends where the CoW fork has something, and what comes may not */
			if (!error)
				m.rec.blockcount = min_t(u64, m.rec.blockcount, at + n - m.rec.startoff);
		}
		if (error || !CHECK(dx_irec_is_real(&m.rec) && m.rec.startoff <= at && dx_irec_end(&m.rec) > at))
			break;
		for (b = at; b < min_t(u64, dx_irec_end(&m.rec), end); b++) {
			if (b >= stop)	/* the rest is marked, and will not be written: it stays so */
				break;
			f->page[b] = ++uf_last_tag;
			put_block(ip->mp, m.rec.startblock + (b - m.rec.startoff), f->page[b]);
		}
		at = b;
	}
	if (at > off) {
		f->size = max_t(u64, f->size, at);
		CHECK(!dx_cow_end(ip, off * uf_bs, (at - off) * uf_bs));
		CHECK(!dx_iomap_write_unwritten(ip, off * uf_bs, (at - off) * uf_bs, f->size * uf_bs));
		memcpy(&f->disk[off], &f->page[off], (at - off) * sizeof(u64));
	}
	return error;
}

int uf_punch(struct uf_file *f, u32 off, u32 len)
{
	int error;

	forget_pages(f, off, off + len);
	error = dx_free_file_space(f->ip, off * uf_bs, len * uf_bs);
	if (!error)
		memset(&f->disk[off], 0, len * sizeof(u64));
	return error;
}

int uf_truncate(struct uf_file *f, u32 to)
{
	forget_pages(f, to, UF_SPAN);
	memset(&f->disk[to], 0, (UF_SPAN - to) * sizeof(u64));
	f->size = to;
	return dx_setsize_trans(f->ip, to * uf_bs, true, false);
}

int uf_clone(struct uf_file *s, u32 soff, struct uf_file *d, u32 doff, u32 len)
{
	int error = uf_flush(s);
	u64 done = 0;

	if (!error)
		error = uf_flush(d);
	if (error)
		return error;
	error = dx_reflink_remap(s->ip, soff * uf_bs, d->ip, doff * uf_bs, len * uf_bs, &done);
	CHECK(error || done == len * uf_bs);
	memmove(&d->disk[doff], &s->disk[soff], done / uf_bs * sizeof(u64));
	if (done && doff + done / uf_bs > d->size) {
		d->size = doff + done / uf_bs;
		CHECK(!dx_iomap_setsize(d->ip, d->size * uf_bs));
	}
	return error;
}

void uf_check(struct dx_mount *mp)
{
	u64 held = 0;
	u32 i, b;

	for (i = 0; i < UF_FILES; i++) {
		struct dx_inode *ip = uf_files[i].ip;
		struct dx_fork *forks[2] = { &ip->df, dx_ifork(ip, DX_COW_FORK) };
		u64 cow = 0, want = 0;
		struct dx_iext_cur icur;
		struct dx_irec r;
		bool more;
		int k;

		for (b = 0; b < UF_SPAN; b++) {
			u64 tag = shown(ip, b);

			if (tag != uf_files[i].disk[b]) {
				printf("  file %u block %u shows 0x%llx, not 0x%llx\n", i, b, (unsigned long long)tag,
				       (unsigned long long)uf_files[i].disk[b]);
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

void uf_walk(struct dx_mount *mp)
{
	CHECK(!uv_check_refcounts(mp));
	CHECK(!uv_check_rmaps(mp));
}

const char *const uf_op_names[UF_OPS] = {
	"write", "write back", "write back with errors", "direct", "direct, ends early", "clone", "clone within", "punch", "truncate",
	"preallocate", "collapse", "insert", "cancel", "drop from memory", "remove", "no sharing any more?",
};

int uf_op(struct dx_mount *mp, u32 op, struct uf_file *f, u32 off, u32 len)
{
	struct uf_file *g = &uf_files[uf_rnd(UF_FILES)];
	u32 i, other = uf_rnd(UF_SPAN - len + 1);

	switch (op) {
	case 0:
		return uf_write_pages(f, off, len);
	case 1:
	case 2:
		return write_back(f, off, off + len, op == 2);
	case 3:
	case 4:
		return uf_direct(f, off, len, op == 4);
	case 5:
		return g == f ? 0 : uf_clone(f, off, g, other, len);
	case 6:
		if (other < off + len && off < other + len) {
			CHECK_EQ(dx_reflink_remap(f->ip, off * uf_bs, f->ip, other * uf_bs, len * uf_bs, &(u64){ 0 }), -EINVAL);
			return 0;
		}
		return uf_clone(f, off, f, other, len);
	case 7:
		return uf_punch(f, off, len);
	case 8:
		return uf_truncate(f, off);
	case 9:
		return dx_alloc_file_space(f->ip, off * uf_bs, len * uf_bs);
	case 10:
		if (uf_flush(f) || uf_punch(f, off, len))
			return -ENOSPC;
		memmove(&f->disk[off], &f->disk[off + len], (UF_SPAN - off - len) * sizeof(u64));
		memset(&f->disk[UF_SPAN - len], 0, len * sizeof(u64));
		return dx_collapse_file_space(f->ip, off * uf_bs, len * uf_bs);
	case 11:
		if (uf_flush(f) || (off + len < UF_SPAN && uf_truncate(f, UF_SPAN - len)))
			return -ENOSPC;
		if (off + len >= UF_SPAN)
			return 0;
		f->size = UF_SPAN;
		CHECK(!dx_iomap_setsize(f->ip, f->size * uf_bs));
		memmove(&f->disk[off + len], &f->disk[off], (UF_SPAN - off - len) * sizeof(u64));
		memset(&f->disk[off], 0, len * sizeof(u64));
		return dx_insert_file_space(f->ip, off * uf_bs, len * uf_bs, NULL);
	case 12:
		if (uf_flush(f))
			return -ENOSPC;
		return uf_rnd(2) ? dx_cow_cancel_all(f->ip) : dx_cow_cancel(f->ip, off * uf_bs, len * uf_bs, uf_rnd(2));
	case 13:
		if (uf_flush(f))
			return -ENOSPC;
		dx_idrop(f->ip);
		dx_icache_flush_inactive(mp);
		f->ip = uf_look(mp, f - uf_files);
		return 0;
	case 14:
		i = f - uf_files;
		CHECK(!uf_drop_name(mp, i, f->ip));
		memset(f, 0, sizeof(*f));
		f->ip = uf_make(mp, i);
		return 0;
	default:
		if (uf_flush(f))
			return -ENOSPC;
		return dx_reflink_try_clear(f->ip);
	}
}

void uf_open(struct dx_mount *mp)
{
	int i;

	memset(uf_files, 0, sizeof(uf_files));
	for (i = 0; i < UF_FILES; i++) {
		uf_files[i].ip = uf_make(mp, i);
		/* few blocks more than asked for in some, none, or the default */
		if (i > 1 && uf_files[i].ip && dx_has_reflink(mp)) {
			uf_files[i].ip->d.flags2 |= DX_DIFLAG2_COWEXTSIZE;
			uf_files[i].ip->d.cowextsize = i == 2 ? 1 : i;
		}
	}
}

void uf_close(void)
{
	int i;

	for (i = 0; i < UF_FILES; i++)
		if (uf_files[i].ip)
			dx_idrop(uf_files[i].ip);
}

int uf_get(struct dx_mount *mp)
{
	int i;

	memset(uf_files, 0, sizeof(uf_files));
	for (i = 0; i < UF_FILES; i++) {
		u32 b;

		uf_files[i].ip = uf_look(mp, i);
		if (!uf_files[i].ip)
			continue;
		uf_files[i].size = uf_files[i].ip->d.size / uf_bs;
		for (b = 0; b < UF_SPAN; b++)
			uf_files[i].disk[b] = shown(uf_files[i].ip, b);
	}
	return 0;
}
