// SPDX-License-Identifier: GPL-2.0-only
/* Logs taken apart and put together: see util_log.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_log.h"

#define MAX_RECORDS	1024

u64 ul_log_off, ul_log_bytes, ul_last_block;
u32 ul_block_bytes;
size_t ul_arena_used;
static u8 *arena;

void *ul_get(size_t n)
{
	u8 *p;

	if (!arena)
		arena = malloc(UL_ARENA_BYTES);
	p = arena + ul_arena_used;
	n = (n + 15) & ~15ul;
	if (ul_arena_used + n > UL_ARENA_BYTES) {
		fprintf(stderr, "arena full\n");
		abort();
	}
	ul_arena_used += n;
	return p;
}

void *ul_dup_of(const void *from, size_t n)
{
	return memcpy(ul_get(n ? n : 1), from, n);
}

u16 ul_type_of(const struct ul_item *it)
{
	return it->n && it->r[0].len >= 2 ? get_unaligned_le16(it->r[0].p) : 0;
}

static struct ul_trans *trans_of(struct ul_log *l, u32 tid, bool begin)
{
	u32 i;

	for (i = l->n; i-- > 0 && !begin; )
		if (l->t[i].tid == tid && !l->t[i].commit)
			return &l->t[i];
	if (!begin)
		return NULL;
	UL_GROW(l->t, l->n);
	l->t[l->n] = (struct ul_trans) { .tid = tid };
	return &l->t[l->n++];
}

/* The items of a transaction are whatever its regions announce. */
static void add_region(struct ul_trans *t, const u8 *p, u32 len, u32 *left, bool cont, u32 *head_len)
{
	struct ul_item *it;
	struct ul_region *r;

	if (*head_len < sizeof(t->head)) {
		memcpy(t->head + *head_len, p, len);
		*head_len += len;
		return;
	}
	if (cont) {
		it = &t->it[t->n - 1];
		r = &it->r[it->n - 1];
		r->p = memcpy(ul_get(r->len + len), r->p, r->len);
		memcpy(r->p + r->len, p, len);
		r->len += len;
		return;
	}
	if (!*left) {
		*left = get_unaligned_le16(p + 2);
		UL_GROW(t->it, t->n);
		t->it[t->n++] = (struct ul_item) { };
	}
	it = &t->it[t->n - 1];
	UL_GROW(it->r, it->n);
	it->r[it->n++] = (struct ul_region) { len, ul_dup_of(p, len) };
	--*left;
}

static void take_apart(struct ul_log *l, struct dx_record *rec)
{
	static u32 left[MAX_RECORDS], head_len[MAX_RECORDS];
	const char *p = dx_record_body(rec);
	u32 i;

	for (i = 0; i < rec->nops; i++) {
		struct dx_op_header op;
		struct ul_trans *t;
		u32 len, at;

		memcpy(&op, p, sizeof(op));
		p += sizeof(op);
		len = be32_to_cpu(op.oh_len);
		t = trans_of(l, be32_to_cpu(op.oh_tid), op.oh_flags & DX_OH_START_TRANS);
		if (t) {
			at = t - l->t;
			CHECK(at < MAX_RECORDS);
			if (op.oh_flags & DX_OH_START_TRANS)
				left[at] = head_len[at] = 0;
			if (op.oh_flags & DX_OH_COMMIT_TRANS)
				t->commit = true;
			else if (len)
				add_region(t, (u8 *)p, len, &left[at], op.oh_flags & DX_OH_WAS_CONT_TRANS, &head_len[at]);
		}
		p += len;
	}
}

void ul_attach(struct dx_mount *mp)
{
	ul_log_off = dx_log_daddr(mp) << 9;
	ul_log_bytes = (u64)dx_log_size_bb(mp) << 9;
	ul_block_bytes = mp->sb.blocksize;
	ul_last_block = dx_fsb_to_bb(mp, mp->sb.dblocks - 1);
}

int ul_read(struct dx_mount *mp, struct ul_log *l)
{
	struct dx_log_reader r;
	struct dx_record rec = { };
	struct dx_log_head h;
	const char *why;
	u32 block, left;
	int error;

	*l = (struct ul_log) { };
	error = dx_recover_find(mp, &h);
	if (!error && !CHECK(!h.clean))
		error = -EINVAL;
	if (!error)
		error = dx_log_reader_init(&r, mp);
	if (error)
		return error;
	error = dx_record_alloc(&rec);
	block = h.tail_block;
	left = h.head_block - h.tail_block + (h.head_cycle != h.tail_cycle ? r.size_bb : 0);
	while (!error && left) {
		error = dx_record_header(&r, block, &rec, &why);
		if (!error)
			error = dx_record_read(&r, &rec);
		if (error)
			break;
		dx_record_unpack(&rec);
		take_apart(l, &rec);
		left -= dx_record_bb(&rec);
		block = (block + dx_record_bb(&rec)) % r.size_bb;
	}
	dx_record_free(&rec);
	dx_log_reader_done(&r);
	return error;
}

/* ---- and put together ---- */

void ul_put_op(struct ul_out *o, u32 tid, u8 flags, const void *p, u32 len)
{
	o->op[o->nops++] = (struct ul_op) {
		.h = { .oh_tid = cpu_to_be32(tid), .oh_len = cpu_to_be32(len), .oh_clientid = DX_OH_CLIENT_TRANS,
		       .oh_flags = flags },
		.p = p, .len = len,
	};
}

void ul_flatten(struct ul_out *o, const struct ul_log *l)
{
	u32 i, j, k, n = 0;

	for (i = 0; i < l->n; i++) {
		n += 3;
		for (j = 0; j < l->t[i].n; j++)
			n += l->t[i].it[j].n;
	}
	o->op = ul_get((n + 8) * sizeof(*o->op));
	o->nops = 0;
	for (i = 0; i < l->n; i++) {
		const struct ul_trans *t = &l->t[i];

		ul_put_op(o, t->tid, DX_OH_START_TRANS, NULL, 0);
		ul_put_op(o, t->tid, 0, t->head, sizeof(t->head));
		for (j = 0; j < t->n; j++)
			for (k = 0; k < t->it[j].n; k++)
				ul_put_op(o, t->tid, 0, t->it[j].r[k].p, t->it[j].r[k].len);
		if (t->commit)
			ul_put_op(o, t->tid, DX_OH_COMMIT_TRANS, NULL, 0);
	}
}

void ul_set_field(u8 *p, u32 width, u64 v, bool be)
{
	switch (width) {
	case 1: *p = v; break;
	case 2: be ? put_unaligned_be16(v, p) : put_unaligned_le16(v, p); break;
	case 4: be ? put_unaligned_be32(v, p) : put_unaligned_le32(v, p); break;
	default: be ? put_unaligned_be64(v, p) : put_unaligned_le64(v, p);
	}
}

/* Headers, cycle numbers, checksum: for the place behind the record before. */
static void end_record(struct ul_out *o, u32 used, u32 nops)
{
	u32 size = o->cap > 32256 ? 256 * 1024 : 32 * 1024, hdr = size / DX_LOG_HEADER_CYCLE_SIZE * 512, i, crc;
	u32 body = roundup(used, 512), block = o->bytes / 512;
	u8 *h0 = o->buf + o->bytes, *data = h0 + hdr;
	struct dx_rec_header *h = (void *)h0;

	memset(h0, 0, hdr);
	h->h_magicno = cpu_to_be32(DX_LOG_HEADER_MAGIC);
	h->h_cycle = cpu_to_be32(UL_CYCLE);
	h->h_version = cpu_to_be32(DX_LOG_VERSION_2);
	h->h_len = cpu_to_be32(body);
	h->h_lsn = cpu_to_be64((u64)UL_CYCLE << 32 | block);
	h->h_tail_lsn = cpu_to_be64((u64)UL_CYCLE << 32);
	h->h_prev_block = cpu_to_be32(-1);
	h->h_num_logops = cpu_to_be32(nops);
	h->h_fmt = cpu_to_be32(DX_LOG_FMT_LINUX_LE);
	h->h_size = cpu_to_be32(size);
	for (i = 1; i < hdr / 512; i++)
		put_unaligned_be32(UL_CYCLE, h0 + i * 512);
	for (i = 0; i < body / 512; i++) {
		memcpy(i < 64 ? (u8 *)&h->h_cycle_data[i] : h0 + i / 64 * 512 + 4 + i % 64 * 4, data + i * 512, 4);
		put_unaligned_be32(UL_CYCLE, data + i * 512);
	}
	if (o->bad_width && o->bad_rec == o->nrec)
		ul_set_field(h0 + o->bad_off, o->bad_width, o->bad_value, true);
	h->h_crc = 0;
	crc = crc32c(~0u, h0, sizeof(*h));
	for (i = 1; i < DIV_ROUND_UP(body, DX_LOG_HEADER_CYCLE_SIZE); i++)
		crc = crc32c(crc, h0 + i * 512, sizeof(struct dx_rec_ext_header));
	crc = crc32c(crc, data, body);
	h->h_crc = cpu_to_le32(~crc);
	o->bytes += hdr + body;
	o->nrec++;
}

/* A region in the form of a 32-bit machine, if it has another one there. */
static u32 to_32bit(const struct ul_op *op, u8 *to)
{
	const struct dx_inode_log_format *f = (const void *)op->p;
	const struct dx_efi_log_format *e = (const void *)op->p;
	u32 i, n;

	if (op->len == sizeof(*f) && f->ilf_type == DX_LI_INODE) {
		memcpy(to, op->p, 12);
		memcpy(to + 12, op->p + 16, 40);
		return 52;
	}
	n = op->len >= sizeof(*e) ? e->efi_nextents : 0;
	if (n && (e->efi_type == DX_LI_EFI || e->efi_type == DX_LI_EFD) && op->len == sizeof(*e) + n * 16) {
		memcpy(to, op->p, 16);
		for (i = 0; i < n; i++)
			memcpy(to + 16 + i * 12, op->p + 16 + i * 16, 12);
		return 16 + n * 12;
	}
	memcpy(to, op->p ? op->p : (u8 *)"", op->len);
	return op->len;
}

void ul_write_records(struct ul_out *o)
{
	u32 hdr = o->cap > 32256 ? 8 * 512 : 512, i, used = 0, room_used = 0, nops = 0, max = o->max ?: UL_MAX_LOG;

	o->buf = ul_get(max + (512 << 10));
	o->bytes = o->nrec = 0;
	for (i = 0; i < o->nops && o->bytes < max; i++) {
		struct ul_op op = o->op[i];
		u32 done = 0;

		do {
			u8 *data = o->buf + o->bytes + hdr, *at = data + used;
			u32 room = o->cap - room_used, n = op.len - done, written;
			struct dx_op_header h = op.h;

			if (room < sizeof(h) + (o->whole ? n : min(n, 4u))) {
				memset(at, 0, room_used - used + 512);
				end_record(o, room_used, nops);
				used = room_used = nops = 0;
				if (o->bytes >= max)
					return;
				continue;
			}
			n = min_t(u32, n, room - sizeof(h));
			if (done)
				h.oh_flags |= DX_OH_WAS_CONT_TRANS;
			if (done + n < op.len)
				h.oh_flags |= DX_OH_CONTINUE_TRANS;
			if (done || n < op.len)
				h.oh_len = cpu_to_be32(n);
			written = n;
			if (o->as32) {
				written = to_32bit(&op, at + sizeof(h));
				h.oh_len = cpu_to_be32(written);
			} else if (n) {
				memcpy(at + sizeof(h), op.p + done, n);
			}
			memcpy(at, &h, sizeof(h));
			used += sizeof(h) + written;
			room_used += sizeof(h) + n;
			nops++;
			done += n;
		} while (done < op.len);
	}
	if (nops) {
		memset(o->buf + o->bytes + hdr + used, 0, room_used - used + 512);
		end_record(o, room_used, nops);
	}
}

/* The log of the snapshot is empty in the cycle before ours. */
void ul_poke_log(const struct ul_out *o)
{
	host_dev_poke(uv_dev, ul_log_off, o->buf, min_t(u64, o->bytes, ul_log_bytes - 1024));
}

void ul_empty_log(void)
{
	u8 *b = calloc(1, ul_log_bytes);
	u64 i;

	for (i = 0; i < ul_log_bytes; i += 512)
		put_unaligned_be32(UL_CYCLE - 1, b + i);
	host_dev_poke(uv_dev, ul_log_off, b, ul_log_bytes);
	free(b);
}

/* ---- items of all types ---- */

struct ul_item *ul_new_item(struct ul_trans *t)
{
	UL_GROW(t->it, t->n);
	t->it[t->n] = (struct ul_item) { };
	return &t->it[t->n++];
}

u8 *ul_new_region(struct ul_item *it, u32 len)
{
	UL_GROW(it->r, it->n);
	it->r[it->n] = (struct ul_region) { len, memset(ul_get(len), 0, len) };
	return it->r[it->n++].p;
}

/* type, number of regions, then the id where intents have it */
u8 *ul_intent(struct ul_trans *t, u16 type, u32 len, u64 id)
{
	struct ul_item *it = ul_new_item(t);
	u8 *p = ul_new_region(it, len);

	put_unaligned_le16(type, p);
	put_unaligned_le16(1, p + 2);
	put_unaligned_le64(id, p + 8);
	return p;
}

struct ul_trans *ul_new_trans(struct ul_log *l, u32 tid)
{
	struct dx_trans_header th = { .th_magic = DX_TRANS_HEADER_MAGIC, .th_type = DX_TRANS_CHECKPOINT, .th_tid = tid };
	struct ul_trans *t;

	UL_GROW(l->t, l->n);
	t = &l->t[l->n++];
	*t = (struct ul_trans) { .tid = tid, .commit = true };
	memcpy(t->head, &th, sizeof(th));
	return t;
}

/* The record of @id in its place of a quota file's block. */
u8 *ul_dquot(struct ul_trans *t, u32 id, u8 d_flags, dx_daddr_t block, u64 limit)
{
	struct ul_item *it = ul_new_item(t);
	struct dx_dquot_log_format *f = (void *)ul_new_region(it, sizeof(*f));
	struct dx_disk_dquot *d = (void *)ul_new_region(it, sizeof(*d));

	*f = (struct dx_dquot_log_format) {
		.qlf_type = DX_LI_DQUOT, .qlf_size = 2, .qlf_id = id, .qlf_blkno = block, .qlf_len = 1,
		.qlf_boffset = id % (ul_block_bytes / sizeof(struct dx_dqblk)) * sizeof(struct dx_dqblk),
	};
	d->d_magic = cpu_to_be16(DX_DQUOT_MAGIC);
	d->d_version = DX_DQUOT_VERSION;
	d->d_flags = d_flags;
	d->d_id = cpu_to_be32(id);
	d->d_blk_hardlimit = cpu_to_be64(limit);
	return (u8 *)f;
}
