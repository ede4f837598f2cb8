// SPDX-License-Identifier: GPL-2.0-only
/*
 * Log recovery, the records: where does the log end, where does it begin, is what lies
 * between whole?
 *
 * The log is a ring of 512-byte blocks.  Each block shows in its first word in which
 * cycle through the ring it was written; a record's header shows its magic there and the cycle
 * in the next word.  So the cycle drops by one at the head, and the head is found by bisection.
 *
 * Records are written several at a time and complete in any order.  What was in flight at a crash (at most
 * MAX_INFLIGHT_BB) may have holes and torn records: the head is the start of
 * the first record in that window that is not whole, whatever lies behind.  Nothing behind it was acknowledged, because
 * acknowledgements wait for all earlier records.
 *
 * This file reads only.  Single-threaded, at mount, no locks.
 *
 * Source: "Journaling Log".
 */
#include "dx_recover.h"

#define WINDOW_BB		128	/* of the reader */
#define MAX_INFLIGHT_RECS	8
#define MAX_INFLIGHT_BB		(MAX_INFLIGHT_RECS * (DX_MAX_RECORD_BYTES >> DX_BBSHIFT))
#define REC_HDR_BYTES		sizeof(struct dx_rec_header)
#define REC_HDR_BYTES_32BIT	(REC_HDR_BYTES - 4)	/* a 32-bit writer's, whose structure has no padding */
#define MAX_HDR_BB		(DX_MAX_RECORD_BYTES / DX_LOG_HEADER_CYCLE_SIZE)
#define CYCLES_PER_HDR		(DX_LOG_HEADER_CYCLE_SIZE / DX_BBSIZE)

/* ---- reading blocks ---- */

/**
 * dx_log_reader_init - prepare to read the log block by block
 * @r: the reader
 * @mp: the mount
 *
 * Return: 0 or -ENOMEM.
 */
int dx_log_reader_init(struct dx_log_reader *r, struct dx_mount *mp)
{
	*r = (struct dx_log_reader) { .mp = mp, .size_bb = dx_log_size_bb(mp) };
	r->buf = kvmalloc(WINDOW_BB << DX_BBSHIFT, GFP_KERNEL);
	return r->buf ? 0 : -ENOMEM;
}

/**
 * dx_log_reader_done - free a reader
 * @r: the reader
 */
void dx_log_reader_done(struct dx_log_reader *r)
{
	kvfree(r->buf);
	r->buf = NULL;
}

/*
 * *p points at block @b until the next call.  Reads whole windows, which are aligned as any sector size wants
 * them, since the log is whole fsblocks.
 */
static int get_block(struct dx_log_reader *r, u32 b, const char **p)
{
	struct dx_mount *mp = r->mp;

	if (WARN_ON_ONCE(b >= r->size_bb))
		return -EFSCORRUPTED;
	if (b < r->win_start || b - r->win_start >= r->win_bb) {
		u32 start = rounddown(b, WINDOW_BB);
		struct dx_io io = {
			.op = DX_IO_READ,
			.flags = DX_IOF_META | DX_IOF_SYNC,
			.bdev = mp->bdev,
			.daddr_bb = dx_log_daddr(mp) + start,
			.len_bytes = (size_t)min_t(u32, WINDOW_BB, r->size_bb - start) << DX_BBSHIFT,
			.data = r->buf,
		};
		int error;

		r->win_bb = 0;
		error = dx_plat_io_wait(&io);
		if (error) {
			dx_err(mp, "cannot read the log at block %u: error %d", start, error);
			return error;
		}
		r->win_start = start;
		r->win_bb = io.len_bytes >> DX_BBSHIFT;
	}
	*p = r->buf + ((size_t)(b - r->win_start) << DX_BBSHIFT);
	return 0;
}

static int get_cycle(struct dx_log_reader *r, u32 b, u32 *cycle)
{
	const char *p;
	int error = get_block(r, b, &p);

	if (!error)
		*cycle = dx_log_block_cycle(p);
	return error;
}

/* ---- records ---- */

/**
 * dx_record_alloc - room for the largest record there can be
 * @rec: the record
 *
 * Return: 0 or -ENOMEM.
 */
int dx_record_alloc(struct dx_record *rec)
{
	rec->buf = kvmalloc(((size_t)MAX_HDR_BB << DX_BBSHIFT) + DX_MAX_RECORD_BYTES + DX_BBSIZE, GFP_KERNEL);
	return rec->buf ? 0 : -ENOMEM;
}

/**
 * dx_record_free - the other end of dx_record_alloc()
 * @rec: the record
 */
void dx_record_free(struct dx_record *rec)
{
	kvfree(rec->buf);
	rec->buf = NULL;
}

/**
 * dx_record_header - look at a block as the header of a record
 * @r: reader
 * @block: block of the log
 * @rec: result, all but the buffer's contents
 * @why: set to what is wrong with -EFSCORRUPTED
 *
 * Return: 0, -EFSCORRUPTED (no header, or one that cannot be true), -EIO.
 */
int dx_record_header(struct dx_log_reader *r, u32 block, struct dx_record *rec, const char **why)
{
	static const uuid_t none;
	const struct dx_rec_header *h;
	const char *p;
	u32 size, i;
	int error;

	error = get_block(r, block, &p);
	if (error)
		return error;
	h = (const void *)p;
	rec->block = block;
	rec->cycle = be32_to_cpu(h->h_cycle);
	rec->lsn = be64_to_cpu(h->h_lsn);
	rec->tail_lsn = be64_to_cpu(h->h_tail_lsn);
	rec->len_bytes = be32_to_cpu(h->h_len);
	rec->body_bb = DIV_ROUND_UP(rec->len_bytes, DX_BBSIZE);
	rec->nops = be32_to_cpu(h->h_num_logops);
	rec->crc = h->h_crc;
	size = be32_to_cpu(h->h_size);
	rec->size_bytes = size;
	rec->hdr_bb = max_t(u32, DIV_ROUND_UP(size, DX_LOG_HEADER_CYCLE_SIZE), 1);
	{
		/* mkfs.xfs writes its one unmount record as long as the stripe unit, whatever h_size says */
		bool long_ok = rec->nops == 1 && rec->len_bytes <= DX_MAX_RECORD_BYTES;
		const struct dx_check checks[] = {
			{ "h_magicno", h->h_magicno != cpu_to_be32(DX_LOG_HEADER_MAGIC) },
			{ "h_version", be32_to_cpu(h->h_version) != DX_LOG_VERSION_2 },
			{ "h_size", !size || size > DX_MAX_RECORD_BYTES || size % DX_BBSIZE },
			{ "h_len", !rec->len_bytes || (rec->len_bytes > size && !long_ok) },
			{ "h_num_logops", rec->nops > rec->len_bytes / sizeof(struct dx_op_header) },
			{ "h_lsn", rec->lsn != ((u64)rec->cycle << 32 | block) },
			{ "h_cycle", !rec->cycle },
			{ "h_tail_lsn", (u32)rec->tail_lsn >= r->size_bb },
			{ "h_fs_uuid", memcmp(&h->h_fs_uuid, &r->mp->sb.uuid, sizeof(uuid_t)) &&
				       memcmp(&h->h_fs_uuid, &none, sizeof(uuid_t)) },
		};

		for (i = 0; i < ARRAY_SIZE(checks); i++) {
			if (checks[i].bad) {
				*why = checks[i].field;
				return -EFSCORRUPTED;
			}
		}
	}
	return 0;
}

/**
 * dx_record_is_native - has a machine of our byte order written a record?
 * @rec: read
 *
 * It matters to who looks into it (most log items are in the order of their writer); where a record lies, whether it is whole, and
 * a clean unmount are told in one order.
 */
bool dx_record_is_native(const struct dx_record *rec)
{
	const struct dx_rec_header *h = (const void *)rec->buf;
#ifdef __LITTLE_ENDIAN
	return h->h_fmt == cpu_to_be32(DX_LOG_FMT_LINUX_LE);
#else
	return h->h_fmt == cpu_to_be32(DX_LOG_FMT_LINUX_BE);
#endif
}

/**
 * dx_record_read - read headers and body as they are on disk
 * @r: reader
 * @rec: filled in by dx_record_header(), with a buffer
 *
 * Return: 0 or -EIO.
 */
int dx_record_read(struct dx_log_reader *r, struct dx_record *rec)
{
	u32 i, n = dx_record_bb(rec);
	const char *p;
	int error;

	for (i = 0; i < n; i++) {
		error = get_block(r, (rec->block + i) % r->size_bb, &p);
		if (error)
			return error;
		memcpy(rec->buf + ((size_t)i << DX_BBSHIFT), p, DX_BBSIZE);
	}
	return 0;
}

static __le32 record_crc(const struct dx_record *rec, size_t hdr_bytes)
{
	const size_t off = offsetof(struct dx_rec_header, h_crc);
	static const u32 zero;
	u32 crc, i;

	crc = crc32c(~0U, rec->buf, off);
	crc = crc32c(crc, &zero, sizeof(zero));
	crc = crc32c(crc, rec->buf + off + sizeof(zero), hdr_bytes - off - sizeof(zero));
	/* only as many extension headers as the body uses */
	for (i = 1; i < DIV_ROUND_UP(rec->len_bytes, DX_LOG_HEADER_CYCLE_SIZE) && i < rec->hdr_bb; i++)
		crc = crc32c(crc, rec->buf + ((size_t)i << DX_BBSHIFT), sizeof(struct dx_rec_ext_header));
	crc = crc32c(crc, dx_record_body((struct dx_record *)rec), rec->len_bytes);
	return cpu_to_le32(~crc);
}

/**
 * dx_record_crc_ok - is a record whole?
 * @rec: as read from disk, not unpacked
 *
 * mkfs.xfs leaves the checksum of its one record zero.
 */
bool dx_record_crc_ok(const struct dx_record *rec)
{
	if (!rec->crc && rec->nops == 1)
		return true;
	return rec->crc == record_crc(rec, REC_HDR_BYTES) || rec->crc == record_crc(rec, REC_HDR_BYTES_32BIT);
}

/**
 * dx_record_unpack - put back what the cycle numbers replaced
 * @rec: a whole record
 */
void dx_record_unpack(struct dx_record *rec)
{
	const struct dx_rec_header *h = (const void *)rec->buf;
	char *body = dx_record_body(rec);
	u32 i;

	for (i = 0; i < rec->body_bb; i++) {
		__be32 word;

		if (i < CYCLES_PER_HDR) {
			word = h->h_cycle_data[i];
		} else {
			const struct dx_rec_ext_header *x;

			if (i / CYCLES_PER_HDR >= rec->hdr_bb)
				break;
			x = (const void *)(rec->buf + ((size_t)(i / CYCLES_PER_HDR) << DX_BBSHIFT));
			word = x->xh_cycle_data[i % CYCLES_PER_HDR];
		}
		memcpy(body + ((size_t)i << DX_BBSHIFT), &word, sizeof(word));
	}
}

/* ---- the head ---- */

/* First block of [lo, hi] whose cycle is not @cycle, given that hi's is not and lo's is. */
static int bisect(struct dx_log_reader *r, u32 cycle, u32 lo, u32 hi, u32 *boundary)
{
	while (hi - lo > 1) {
		u32 mid = lo + (hi - lo) / 2, c;
		int error = get_cycle(r, mid, &c);

		if (error)
			return error;
		if (c == cycle)
			lo = mid;
		else
			hi = mid;
	}
	*boundary = hi;
	return 0;
}

static u32 ring_back(const struct dx_log_reader *r, u32 b, u32 n)
{
	return b >= n ? b - n : b + r->size_bb - n;
}

static u32 ring_forward(const struct dx_log_reader *r, u32 b, u32 n)
{
	return b + n >= r->size_bb ? b + n - r->size_bb : b + n;
}

static u32 ring_distance(const struct dx_log_reader *r, u32 from, u32 to)
{
	return to >= from ? to - from : to + r->size_bb - from;
}

/*
 * A block where the cycle drops, moved back to the first hole in front of it.
 * *cycle: that in which the head will be written; blocks before it in the ring
 * are of the same cycle, those from it to the end of one less.  *zero: nothing has ever been written.
 */
static int find_boundary(struct dx_log_reader *r, u32 *head, u32 *cycle, bool *zero)
{
	u32 first, last, boundary, span, i;
	int error;

	*zero = false;
	error = get_cycle(r, 0, &first);
	if (!error)
		error = get_cycle(r, r->size_bb - 1, &last);
	if (error)
		return error;

	if (first == last) {
		if (!first) {
			*zero = true;
			return 0;
		}
		boundary = r->size_bb;
	} else {
		error = bisect(r, first, 0, r->size_bb - 1, &boundary);
		if (error)
			return error;
	}

	/*
	 * Blocks before the boundary are of cycle `first', or, wrapped, one earlier.
	 * The earliest in the window that is older is the first hole.
	 */
	span = min_t(u32, MAX_INFLIGHT_BB, r->size_bb / 2);
	for (i = span; i > 0; i--) {
		u32 b = ring_back(r, boundary, i), c;
		u32 want = i <= boundary ? first : first - 1;

		error = get_cycle(r, b, &c);
		if (error)
			return error;
		if (c >= want)
			continue;
		*head = b;
		*cycle = want;
		return 0;
	}
	*head = boundary % r->size_bb;
	*cycle = boundary == r->size_bb ? first + 1 : first;
	return 0;
}

/*
 * The record that ends the log when @head, to be written in @cycle, is its end: the nearest
 * header before it.  A record that does not fit before the head is torn: the head
 * moves to its start and the search goes on.  -ENOENT: there is none.
 */
static int last_record(struct dx_log_reader *r, u32 head, u32 cycle, struct dx_record *rec)
{
	const char *why, *p;
	int error;
	u32 i;

	for (i = 1; i <= r->size_bb; i++) {
		u32 b = ring_back(r, head, i);

		error = get_block(r, b, &p);
		if (error)
			return error;
		if (get_unaligned_be32(p) != DX_LOG_HEADER_MAGIC)
			continue;
		error = dx_record_header(r, b, rec, &why);
		if (error && error != -EFSCORRUPTED)
			return error;
		if (error || rec->cycle != (b < head ? cycle : cycle - 1)) {
			if (i > MAX_INFLIGHT_BB) {
				dx_err(r->mp, "corrupt log at block %u: bad %s: run xfs_repair", b,
				       error ? why : "h_cycle");
				return -EFSCORRUPTED;
			}
			continue;
		}
		if (dx_record_bb(rec) <= i)
			return 0;
		head = b;
		cycle = rec->cycle;
		i = 0;
	}
	return -ENOENT;
}

/* Is the last record an unmount record? */
static int is_unmount(struct dx_log_reader *r, const struct dx_record *rec, bool *yes)
{
	const struct dx_op_header *op;
	const char *p;
	int error;

	*yes = false;
	if (rec->nops != 1)
		return 0;
	error = get_block(r, ring_forward(r, rec->block, rec->hdr_bb), &p);
	if (error)
		return error;
	/* oh_flags lies behind the word that the cycle number replaced */
	op = (const void *)p;
	*yes = op->oh_flags & DX_OH_UNMOUNT_TRANS;
	return 0;
}

/* Where the next record goes, and its cycle. */
static void set_head(struct dx_log_reader *r, struct dx_log_head *h, const struct dx_record *last)
{
	u32 end = last->block + dx_record_bb(last);

	h->head_block = end % r->size_bb;
	h->head_cycle = last->cycle + (end >= r->size_bb);
	h->prev_block = last->block;
	h->last_sync_lsn = last->lsn;
	h->rec_bytes = last->size_bytes;
}

/*
 * Checks the records that may have been in flight, oldest first; the first
 * that is not whole becomes the head, and *last the one before.  *torn: that has happened.
 */
static int trim_torn(struct dx_log_reader *r, struct dx_record *last, u32 head, bool *torn)
{
	struct dx_record rec = { }, prev = { };
	u32 back = 0, n = 0, starts[MAX_INFLIGHT_RECS + 1], at = last->block, i;
	const char *why, *p;
	int error;

	*torn = false;
	/* the starts of the last records, newest first */
	starts[n++] = last->block;
	while (n < ARRAY_SIZE(starts) && back < r->size_bb / 2 && back < 2 * MAX_INFLIGHT_BB) {
		u32 b = ring_back(r, at, ++back);
		u32 want = b < last->block ? last->cycle : last->cycle - 1;

		if (!want)
			break;
		error = get_block(r, b, &p);
		if (error)
			return error;
		if (get_unaligned_be32(p) != DX_LOG_HEADER_MAGIC)
			continue;
		error = dx_record_header(r, b, &rec, &why);
		if (error && error != -EFSCORRUPTED)
			return error;
		if (error || rec.cycle != want)
			continue;
		starts[n++] = b;
	}

	error = dx_record_alloc(&rec);
	if (error)
		return error;
	/* oldest first; the oldest of a full set only serves as the one before */
	for (i = n; i-- > 0; ) {
		u32 next = i ? starts[i - 1] : head;

		error = dx_record_header(r, starts[i], &rec, &why);
		if (!error)
			error = dx_record_read(r, &rec);
		if (error)
			break;
		if ((i == MAX_INFLIGHT_RECS || dx_record_crc_ok(&rec)) &&
		    (ring_forward(r, rec.block, dx_record_bb(&rec)) == next)) {
			prev = rec;
			continue;
		}
		*torn = true;
		break;
	}
	dx_record_free(&rec);
	if (error)
		return error;
	if (*torn) {
		dx_info(r->mp, "the log ends in a torn write at block %u: discarded", starts[i]);
		if (!prev.hdr_bb) {
			dx_err(r->mp, "corrupt log: no whole record before block %u: run xfs_repair", starts[i]);
			return -EFSCORRUPTED;
		}
		prev.buf = NULL;
		*last = prev;
	}
	return 0;
}

/* Is (cycle, block) between the head, one pass ago, and the head? */
static bool tail_in_range(const struct dx_log_head *h, u32 cycle, u32 block)
{
	if (cycle == h->head_cycle)
		return block <= h->head_block;
	return cycle + 1 == h->head_cycle && block >= h->head_block;
}

/*
 * The tail that the last record names.  A record behind it that was in flight may have overwritten
 * the start of the old tail, which that record had itself declared to be done
 * with: if the tail lies so near in front of the head, the first whole record from there on is the tail.
 */
static int find_tail(struct dx_log_reader *r, struct dx_log_head *h, const struct dx_record *last)
{
	u32 cycle = last->tail_lsn >> 32, block = (u32)last->tail_lsn, i;
	struct dx_record rec = { };
	const char *why = "h_tail_lsn";
	bool near;
	int error;

	if (!tail_in_range(h, cycle, block)) {
		error = -EFSCORRUPTED;
		goto out;
	}
	near = cycle != h->head_cycle && ring_distance(r, h->head_block, block) <= MAX_INFLIGHT_BB;
	error = dx_record_alloc(&rec);
	if (error)
		return error;
	for (i = 0; i <= (near ? MAX_INFLIGHT_BB : 0); i++) {
		u32 b = ring_forward(r, block, i);
		u32 want = b >= block ? cycle : cycle + 1;

		error = dx_record_header(r, b, &rec, &why);
		if (!error && rec.cycle != want) {
			why = "h_cycle";
			error = -EFSCORRUPTED;
		}
		if (!error && near) {
			error = dx_record_read(r, &rec);
			if (!error && !dx_record_crc_ok(&rec)) {
				why = "h_crc";
				error = -EFSCORRUPTED;
			}
		}
		if (!error) {
			h->tail_cycle = want;
			h->tail_block = b;
			h->tail_lsn = rec.lsn;
			if (i)
				dx_info(r->mp, "the tail of the log was overwritten: recovery begins at block %u", b);
			break;
		}
		if (error != -EFSCORRUPTED)
			break;
	}
	dx_record_free(&rec);
out:
	if (error == -EFSCORRUPTED)
		dx_err(r->mp, "corrupt log: the record at block %u names a tail (cycle %u, block %u) that is none (%s): run xfs_repair",
		       last->block, cycle, block, why);
	return error;
}

static void tail_at_head(struct dx_log_head *h)
{
	h->tail_cycle = h->head_cycle;
	h->tail_block = h->head_block;
	h->tail_lsn = h->last_sync_lsn = (u64)h->tail_cycle << 32 | h->tail_block;
}

static int find(struct dx_log_reader *r, struct dx_log_head *h)
{
	struct dx_record last = { };
	bool zero, torn = false, unmount;
	u32 head, cycle;
	int error;

	error = find_boundary(r, &head, &cycle, &zero);
	if (error)
		return error;
	if (zero) {
		/* nothing was ever written: as good as clean */
		h->head_cycle = 1;
		h->prev_block = (u32)-1;
		h->clean = true;
		tail_at_head(h);
		return 0;
	}
	error = last_record(r, head, cycle, &last);
	if (error == -ENOENT) {
		dx_err(r->mp, "corrupt log: no record found: run xfs_repair");
		return -EFSCORRUPTED;
	}
	if (error)
		return error;

	set_head(r, h, &last);
	error = is_unmount(r, &last, &unmount);
	if (error)
		return error;
	if (!unmount) {
		error = trim_torn(r, &last, h->head_block, &torn);
		if (error)
			return error;
		set_head(r, h, &last);
		if (torn)
			error = is_unmount(r, &last, &unmount);
		if (error)
			return error;
	}
	if (unmount) {
		/*
		 * Torn writes behind an unmount record: there is nothing to replay,
		 * but the log is not what a clean unmount leaves.
		 */
		h->clean = !torn && h->head_block == head;
		tail_at_head(h);
		return 0;
	}
	return find_tail(r, h, &last);
}

/**
 * dx_recover_find - find head and tail of the log
 * @mp: the mount
 * @h: result
 *
 * Reads and verifies, does not write.  The log is clean when it ends in an unmount record.
 *
 * Return: 0, -EFSCORRUPTED, -EINVAL (other byte order), -EIO, -ENOMEM.
 */
int dx_recover_find(struct dx_mount *mp, struct dx_log_head *h)
{
	struct dx_log_reader r;
	int error;

	memset(h, 0, sizeof(*h));
	error = dx_log_reader_init(&r, mp);
	if (error)
		return error;
	error = find(&r, h);
	dx_log_reader_done(&r);
	return error;
}
