// SPDX-License-Identifier: GPL-2.0-only
/*
 * Logs with something wrong in them.  A log of our own is taken apart into transactions, items and regions;
 * items of every other type are added, built from the format; then lengths, counts, numbers, flags or whole regions,
 * items, transactions are changed, dropped, doubled or swapped, and the log is written anew, with checksums that are
 * right.  The volume is mounted: an error is welcome, if a message says what is wrong; a crash, a warning, a leak, an
 * endless loop, or memory out of proportion is not.  A volume that mounts is read as a whole, changed, unmounted.
 *
 * Before that, as a control: the log as it was, with the added items, gives the volume that the model knows, and
 * one that xfs_repair finds nothing in.  The same log as a 32-bit machine would have written it gives the same
 * volume, byte for byte.
 *
 *	t_logfuzz [volume [seed [count]]]
 * Environment: LOGFUZZ_SEED, LOGFUZZ_COUNT mutations of each volume, or LOGFUZZ_SECONDS for all of them;
 * LOGFUZZ_SAY=1 shows what each one leads to.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>
#include <time.h>
#include "util_model.h"
#include "util_log.h"
#include "dx_recover.h"
#include "dx_dir.h"
#include "dx_bmap.h"
#include "dx_alloc.h"

/* On top of what the log as it was needs. */
#define SLACK_BYTES	(12u << 20)
#define LARGEST_BYTES	(1u << 20)

static struct totals { u64 done, failed, refused, mounted, ro; } *all;
static struct ul_log base;
static size_t arena_kept;		/* what the base log lies in */
static u64 normal_peak;
static u32 bs;
static bool large;			/* large extent counters on the volume */
static bool rmapbt, reflink, exchange;
static char what[1024];

/* What a log holds that we do not write: intents of other features, all done; quota. */
static void add_foreign(struct ul_log *l)
{
	static const struct { u16 type; u32 len, n; } kinds[] = {
		{ DX_LI_CUI, 16 + 3 * 16, 3 }, { DX_LI_BUI, 16 + 32, 1 }, { DX_LI_XMI, 88, 0 }, { DX_LI_EFI, 16 + 2 * 16, 2 },
	};
	u32 first = reflink ? 0 : 2;
	struct ul_trans *t = ul_new_trans(l, 0x7001);
	struct ul_item *it;
	u8 *p;
	u32 i, j;

	for (i = first; i < ARRAY_SIZE(kinds); i++) {
		if (kinds[i].type == DX_LI_XMI && !exchange)
			continue;
		p = ul_intent(t, kinds[i].type, kinds[i].len, 0xabc000 + i);
		put_unaligned_le32(kinds[i].n, p + 4);
		for (j = 0; (kinds[i].type == DX_LI_EFI || kinds[i].type == DX_LI_CUI) && j < kinds[i].n; j++) {
			put_unaligned_le64(1000 + 10 * j, p + 16 + j * 16);
			put_unaligned_le32(4, p + 24 + j * 16);
			put_unaligned_le32(kinds[i].type == DX_LI_CUI ? DX_CUI_INCREASE + j : 0, p + 28 + j * 16);
		}
		if (kinds[i].type == DX_LI_BUI)
			*(struct dx_map_extent *)(p + 16) = (struct dx_map_extent){ 128, 1000, 7, 4, DX_BUI_MAP };
		if (kinds[i].type == DX_LI_XMI)
			*(struct dx_xmi_body *)(p + 16) = (struct dx_xmi_body){ 128, 128, 5, 5, 10, 20, 10, 0, 0, 0 };
	}
	it = ul_new_item(t);
	p = ul_new_region(it, 40);
	put_unaligned_le16(DX_LI_ATTRI, p);
	put_unaligned_le16(3, p + 2);
	put_unaligned_le64(0xabcd00, p + 8);
	put_unaligned_le64(128, p + 16);
	put_unaligned_le32(DX_ATTRI_SET, p + 24);
	put_unaligned_le32(5, p + 28);
	put_unaligned_le32(70, p + 32);
	memcpy(ul_new_region(it, 8), "harms", 5);
	ul_new_region(it, 72);
	ul_dquot(t, 5, DX_DQ_USER, ul_last_block, 100);
	ul_dquot(t, 6, DX_DQ_GROUP, ul_last_block, 100);
	p = ul_intent(t, DX_LI_QUOTAOFF, 20, 0);
	put_unaligned_le32(1, p + 4);

	t = ul_new_trans(l, 0x7002);
	for (i = first; i < ARRAY_SIZE(kinds); i++) {
		bool efd = kinds[i].type == DX_LI_EFI;

		if (kinds[i].type == DX_LI_XMI && !exchange)
			continue;
		p = ul_intent(t, kinds[i].type + 1, efd ? kinds[i].len : 16, 0xabc000 + i);
		if (efd)
			put_unaligned_le32(kinds[i].n, p + 4);
	}
	ul_intent(t, DX_LI_ATTRD, 16, 0xabcd00);
}

static u64 counted(const struct dx_log_dinode *ld)
{
	return ld->di_flags2 & DX_DIFLAG2_NREXT64 ? ld->di_big_nextents : ld->di_nextents;
}

static u64 counted_attr(const struct dx_log_dinode *ld)
{
	return ld->di_flags2 & DX_DIFLAG2_NREXT64 ? ld->di_nextents : ld->di_anextents;
}

/* Is this the last word of the log on a plain file with all of its extents in the inode? */
static bool plain_file(const struct ul_item *it, u32 *ino)
{
	const struct dx_inode_log_format *f = (const void *)it->r[0].p;
	const struct dx_log_dinode *ld;

	if (ul_type_of(it) != DX_LI_INODE || it->n < 3)
		return false;
	ld = (const void *)it->r[1].p;
	*ino = f->ilf_ino;
	return S_ISREG(ld->di_mode) && f->ilf_fields & DX_ILOG_DEXT && it->r[2].len == counted(ld) * 16 &&
	       !counted_attr(ld) && ld->di_nlink && counted(ld) > 1 && counted(ld) < 40;
}

/* A file loses its extents: the inode and the intent to free them, which nobody has done. */
static bool add_unfinished(struct ul_log *l)
{
	struct dx_inode_log_format *f;
	struct dx_log_dinode *ld;
	struct ul_item *from = NULL, *it;
	u32 i, j, k, ino, other, n;
	struct ul_trans *t;
	u8 *p;

	for (i = l->n; i-- > 0 && !from; ) {
		for (j = l->t[i].n; j-- > 0 && !from; ) {
			if (!plain_file(&l->t[i].it[j], &ino))
				continue;
			from = &l->t[i].it[j];
			for (k = i; k < l->n && from; k++) {
				u32 m = k == i ? j + 1 : 0;

				for (; m < l->t[k].n && from; m++) {
					it = &l->t[k].it[m];
					if (ul_type_of(it) != DX_LI_INODE)
						continue;
					other = ((struct dx_inode_log_format *)it->r[0].p)->ilf_ino;
					if (other == ino)
						from = NULL;
				}
			}
		}
	}
	if (!from)
		return false;
	t = ul_new_trans(l, 0x7003);
	it = ul_new_item(t);
	f = memcpy(ul_new_region(it, sizeof(*f)), from->r[0].p, sizeof(*f));
	ld = memcpy(ul_new_region(it, sizeof(*ld)), from->r[1].p, sizeof(*ld));
	n = counted(ld);
	f->ilf_size = 2;
	f->ilf_fields = DX_ILOG_CORE;
	f->ilf_dsize = f->ilf_asize = 0;
	ld->di_big_nextents = 0;
	ld->di_nextents = 0;
	ld->di_nblocks = 0;
	ld->di_size = 0;
	p = ul_intent(t, DX_LI_EFI, 16 + n * 16, 0xabce00);
	put_unaligned_le32(n, p + 4);
	for (i = 0; i < n; i++) {
		u64 l0 = get_unaligned_be64(from->r[2].p + i * 16), l1 = get_unaligned_be64(from->r[2].p + i * 16 + 8);

		put_unaligned_le64((l0 & 0x1ff) << 43 | l1 >> 21, p + 16 + i * 16);
		put_unaligned_le32(l1 & 0x1fffff, p + 24 + i * 16);
	}
	return true;
}

/* ---- mutation ---- */

static u64 rnd_state;
static u32 rnd(u32 n) { return n ? uv_rand(&rnd_state) % n : 0; }

static __printf(1, 2) void say(const char *fmt, ...)
{
	size_t n = strlen(what);
	va_list ap;

	va_start(ap, fmt);
	host_vsnprintf(what + n, sizeof(what) - n, fmt, ap);
	va_end(ap);
}

static u64 some_value(u64 old, u32 width)
{
	static const u64 limits[] = { 1, 2, 3, 4, 7, 8, 16, 31, 32, 52, 56, 64, 127, 128, 129, 255, 256, 512, 1024, 4096, 65535, 65536,
				      1 << 20, 1 << 24, 0x7fffffff, 0xffffffff };

	switch (rnd(10)) {
	case 0: return 0;
	case 1: return ~0ull;
	case 2: return old + 1;
	case 3: return old - 1;
	case 4: return old ^ 1ull << (width * 8 - 1);
	case 5: return old ^ 1ull << rnd(width * 8);
	case 6: return uv_rand(&rnd_state);
	case 7: return old * 2;
	case 8: return old + rnd(64);
	default: return limits[rnd(ARRAY_SIZE(limits))];
	}
}

static u64 get_field(const u8 *p, u32 width, bool be)
{
	switch (width) {
	case 1: return *p;
	case 2: return be ? get_unaligned_be16(p) : get_unaligned_le16(p);
	case 4: return be ? get_unaligned_be32(p) : get_unaligned_le32(p);
	default: return be ? get_unaligned_be64(p) : get_unaligned_le64(p);
	}
}

/* A field at random, in the byte order of the log or of the disk. */
static void hit_bytes(u8 *p, u32 len)
{
	u32 width = 1 << rnd(4), at;
	bool be = !rnd(4);
	u64 v;

	while (width > len)
		width /= 2;
	if (!width)
		return;
	at = rnd(len / width) * width;
	v = some_value(get_field(p + at, width, be), width);
	ul_set_field(p + at, width, v, be);
	say(" byte %u (%u wide) = 0x%llx", at, width, (unsigned long long)v);
}

static struct ul_log copy_log(void)
{
	struct ul_log l = { base.n, ul_dup_of(base.t, base.n * sizeof(*base.t)) };
	u32 i, j;

	for (i = 0; i < l.n; i++) {
		l.t[i].it = ul_dup_of(l.t[i].it, l.t[i].n * sizeof(struct ul_item));
		for (j = 0; j < l.t[i].n; j++)
			l.t[i].it[j].r = ul_dup_of(l.t[i].it[j].r, l.t[i].it[j].n * sizeof(struct ul_region));
	}
	return l;
}

/* An item of a random type, not of the commonest. */
static struct ul_item *pick_item(struct ul_log *l, struct ul_trans **tp)
{
	static const u16 types[] = { DX_LI_BUF, DX_LI_BUF, DX_LI_INODE, DX_LI_INODE, DX_LI_INODE, DX_LI_ICREATE, DX_LI_EFI,
				     DX_LI_EFI, DX_LI_EFD, DX_LI_DQUOT, DX_LI_QUOTAOFF, DX_LI_RUI, DX_LI_RUD, DX_LI_CUI,
				     DX_LI_BUI, DX_LI_ATTRI, DX_LI_ATTRD, DX_LI_XMI };
	u16 type = types[rnd(ARRAY_SIZE(types))];
	struct ul_item *found = NULL;
	u32 i, j, n = 0;

	for (i = 0; i < l->n; i++) {
		for (j = 0; j < l->t[i].n; j++) {
			if (ul_type_of(&l->t[i].it[j]) != type || rnd(++n))
				continue;
			found = &l->t[i].it[j];
			*tp = &l->t[i];
		}
	}
	return found;
}

#define DROP(a, n, i)	(memmove(&(a)[i], &(a)[(i) + 1], ((n) - (i) - 1) * sizeof(*(a))), (n)--)
#define DOUBLE(a, n, i)	(UL_GROW(a, n), (a)[n] = (a)[i], (n)++)
#define SWAP(a, i, j)	do { typeof(*(a)) t__ = (a)[i]; (a)[i] = (a)[j]; (a)[j] = t__; } while (0)

static void mutate_item(struct ul_log *l)
{
	struct ul_trans *t = NULL, *t2 = NULL;
	struct ul_item *it = pick_item(l, &t), *other;
	struct ul_region *r;
	u32 i, j, n;

	if (!it)
		return;
	say("; item 0x%04x", ul_type_of(it));
	i = rnd(4) ? 0 : rnd(it->n);
	r = &it->r[i];
	switch (rnd(16)) {
	case 0:
	case 1:
		say(" region %u length %u", i, r->len);
		n = rnd(3) ? r->len + rnd(17) - 8 : rnd(2) ? rnd(70000) : rnd(200);
		n = min(n, 200000u);
		r->p = memcpy(memset(ul_get(n + 1), 0x5a, n + 1), r->p, min(n, r->len));
		r->len = n;
		say(" becomes %u", n);
		return;
	case 2:
		say(" region %u dropped", i);
		DROP(it->r, it->n, i);
		break;
	case 3:
		say(" region %u doubled", i);
		DOUBLE(it->r, it->n, i);
		break;
	case 4:
		j = rnd(it->n);
		say(" regions %u and %u swapped", i, j);
		SWAP(it->r, i, j);
		return;
	case 5:
		other = pick_item(l, &t2);
		if (!other || !other->n)
			return;
		j = rnd(other->n);
		say(" region %u from one of 0x%04x", i, ul_type_of(other));
		*r = other->r[j];
		return;
	case 6:
		say(" dropped");
		i = it - t->it;
		DROP(t->it, t->n, i);
		return;
	case 7:
		say(" doubled");
		i = it - t->it;
		DOUBLE(t->it, t->n, i);
		return;
	default:
		r->p = ul_dup_of(r->p, r->len);
		n = rnd(4) ? 1 : 1 + rnd(6);
		say(" region %u:", i);
		while (n--)
			hit_bytes(r->p, rnd(2) ? r->len : min(r->len, 64u));
		return;
	}
	/* mostly the item says how many there are now */
	if (it->n && it->r[0].len >= 4 && rnd(4)) {
		it->r[0].p = ul_dup_of(it->r[0].p, it->r[0].len);
		put_unaligned_le16(it->n, it->r[0].p + 2);
	}
}

static void mutate_trans(struct ul_log *l)
{
	u32 i = rnd(l->n), j = rnd(l->n);
	struct ul_trans *t = &l->t[i];

	if (!l->n)
		return;
	say("; transaction 0x%x", t->tid);
	switch (rnd(6)) {
	case 0:
		say(" dropped");
		DROP(l->t, l->n, i);
		break;
	case 1:
		say(" doubled");
		DOUBLE(l->t, l->n, i);
		break;
	case 2:
		say(" swapped with 0x%x", l->t[j].tid);
		SWAP(l->t, i, j);
		break;
	case 3:
		say(" without end");
		t->commit = false;
		break;
	case 4:
		say(" gets the number 0x%x", l->t[j].tid);
		t->tid = l->t[j].tid;
		break;
	default:
		say(" header:");
		hit_bytes(t->head, sizeof(t->head));
	}
}

static void mutate_op(struct ul_out *o)
{
	u32 i = rnd(o->nops), j = rnd(o->nops);
	struct ul_op *op = &o->op[i];

	say("; operation %u of %u", i, o->nops);
	switch (rnd(8)) {
	case 0:
		say(" dropped");
		DROP(o->op, o->nops, i);
		break;
	case 1:
		say(" doubled");
		DOUBLE(o->op, o->nops, i);
		break;
	case 2:
		say(" swapped with %u", j);
		SWAP(o->op, i, j);
		break;
	case 3:
		op->h.oh_flags = rnd(2) ? 1 << rnd(8) : rnd(256);
		say(" oh_flags 0x%x", op->h.oh_flags);
		break;
	case 4:
		op->h.oh_len = cpu_to_be32(some_value(op->len, 4));
		say(" oh_len 0x%x", be32_to_cpu(op->h.oh_len));
		break;
	case 5:
		op->h.oh_tid = rnd(2) ? o->op[j].h.oh_tid : cpu_to_be32(rnd(100000));
		say(" oh_tid 0x%x", be32_to_cpu(op->h.oh_tid));
		break;
	case 6:
		op->h.oh_clientid = rnd(2) ? DX_OH_CLIENT_LOG : rnd(256);
		say(" oh_clientid 0x%x", op->h.oh_clientid);
		break;
	default:
		hit_bytes((u8 *)&op->h, sizeof(op->h));
	}
}

/* A transaction of intents, and their ends in the worst order. */
static void many_intents(struct ul_out *o, u32 n)
{
	static struct dx_trans_header th = { .th_magic = DX_TRANS_HEADER_MAGIC, .th_type = DX_TRANS_CHECKPOINT };
	u16 type = rnd(2) || !reflink ? DX_LI_EFI : DX_LI_CUI;
	u32 i;

	ul_put_op(o, 0x9100, DX_OH_START_TRANS, NULL, 0);
	ul_put_op(o, 0x9100, 0, &th, sizeof(th));
	for (i = 0; i < n; i++) {
		bool done = i >= n / 2;
		u32 len = done && type == DX_LI_CUI ? 16 : 32;
		u8 *p = memset(ul_get(len), 0, len);

		put_unaligned_le16(type + done, p);
		put_unaligned_le16(1, p + 2);
		put_unaligned_le32(1, p + 4);
		put_unaligned_le64(0x1000 + (done ? n - 1 - i : i), p + 8);
		if (len > 16) {
			put_unaligned_le64(1000, p + 16);
			put_unaligned_le32(1, p + 24);
			put_unaligned_le32(type == DX_LI_CUI, p + 28);
		}
		ul_put_op(o, 0x9100, 0, p, len);
	}
	ul_put_op(o, 0x9100, DX_OH_COMMIT_TRANS, NULL, 0);
}

/* Many of something that is cheap to write and dear to read. */
static void mutate_many(struct ul_out *o)
{
	static const u8 tiny[4] = { 0x3c, 0x12, 2, 0 };
	u32 n = 1 + rnd(20000), kind = rnd(5), i, at = rnd(o->nops), first = o->nops;
	struct ul_op *ops = ul_get((o->nops + 2 * 20000 + 8) * sizeof(*ops));

	memcpy(ops, o->op, at * sizeof(*ops));
	/* the rest is put behind what comes in between */
	memcpy(ops + at + 2 * 20000 + 8, o->op + at, (o->nops - at) * sizeof(*ops));
	o->op = ops;
	o->nops = at;
	if (kind == 4) {
		many_intents(o, n / 2 * 2);
		n = o->nops - at;
		goto out;
	}
	for (i = 0; i < n; i++) {
		if (kind == 0)
			ul_put_op(o, 0x9000 + i, DX_OH_START_TRANS, NULL, 0);
		else if (kind == 1)
			ul_put_op(o, 0x9000, i ? 0 : DX_OH_START_TRANS, tiny, i ? sizeof(tiny) : 0);
		else if (kind == 2)
			ul_put_op(o, be32_to_cpu(ops[at ? at - 1 : 0].h.oh_tid), DX_OH_WAS_CONT_TRANS, tiny, 1 + i % 4);
		else
			ul_put_op(o, be32_to_cpu(ops[at ? at - 1 : 0].h.oh_tid), DX_OH_COMMIT_TRANS, NULL, 0);
	}
out:
	memmove(o->op + o->nops, ops + at + 2 * 20000 + 8, (first - at) * sizeof(*ops));
	o->nops += first - at;
	say("; %u times %s", n, kind == 0 ? "a start" : kind == 1 ? "four bytes" : kind == 2 ? "a continuation" :
	    kind == 3 ? "a commit" : "an intent");
}

static void mutate(struct ul_out *o, u64 seed)
{
	struct ul_log l;
	u32 n, i;

	rnd_state = seed * 77777 + 5;
	what[0] = 0;
	ul_arena_used = arena_kept;
	l = copy_log();
	n = rnd(3) ? 1 : 1 + rnd(4);
	for (i = 0; i < n && l.n; i++) {
		if (rnd(8))
			mutate_item(&l);
		else
			mutate_trans(&l);
	}
	*o = (struct ul_out) { .cap = rnd(4) ? 32256 : 256 * 1024 - 8 * 512, .whole = rnd(2) };
	ul_flatten(o, &l);
	if (o->nops && !rnd(6))
		mutate_op(o);
	if (o->nops && !rnd(60))
		mutate_many(o);
	if (!rnd(10)) {
		static const u16 fields[] = { 0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 300, 304, 320 };

		o->bad_rec = rnd(4);
		o->bad_off = fields[rnd(ARRAY_SIZE(fields))];
		o->bad_width = 4;
		o->bad_value = some_value(rnd(2) ? UL_CYCLE : 32 * 1024, 4);
		say("; record %u, byte %u = 0x%x", o->bad_rec, o->bad_off, (u32)o->bad_value);
	}
	/* no region can be split that is not in one piece in memory: they all are */
	o->whole = o->whole && o->cap > 32256;
	ul_write_records(o);
}

/* ---- use ---- */

static void change_something(struct dx_mount *mp)
{
	struct dx_create_args a = { .mode = S_IFREG | 0644 };
	struct dx_inode *ip;
	struct dx_mapped got;
	char name[40];
	int i;

	for (i = 0; i < 8; i++) {
		struct dx_name n = { .name = (u8 *)name, .ftype = DX_DIR3_FT_REG_FILE };

		n.len = sprintf(name, "new-file-of-the-test-%d", i);
		if (dx_create(mp->rootip, &n, &a, &ip))
			return;
		if (!dx_iomap_alloc(ip, i, 20, false, false, &got))
			dx_iomap_write_unwritten(ip, (u64)i * bs, bs, 0);
		if (i % 2)
			dx_remove(mp->rootip, &n, ip);
		dx_idrop(ip);
	}
}

static int use_fiber(void *arg)
{
	struct dx_mount *mp;
	int error;

	(void)arg;
	mp = uv_mount(&error);
	if (!mp) {
		all->refused++;
		if (!CHECK(error == -EUCLEAN || error == -EBADMSG || error == -EINVAL || error == -EIO || error == -ENOENT ||
			   error == -EROFS))
			printf("  mount: %d\n", error);
		CHECK(host_log_has("corrupt") || host_log_has("the log ") || host_log_has("outside of the volume") ||
		      host_log_has("in use with length") || host_log_has("cannot"));
		return 0;
	}
	all->mounted++;
	um_walk(mp, NULL);
	change_something(mp);
	dx_sync_fs(mp);
	uv_umount(mp);
	return 0;
}

static struct host_dev_snap *snap;

static void one(u64 seed)
{
	struct ul_out o;
	int ret;

	host_cpu_limit(60);
	host_checks_failed = 0;
	host_dev_snap_restore(uv_dev, snap);
	mutate(&o, seed);
	ul_poke_log(&o);
	host_init(seed);
	host_set_printk(1);
	host_warn_count = 0;
	ret = host_run(use_fiber, NULL);
	CHECK_EQ(ret, 0);
	CHECK_EQ(host_warn_count, 0);
	CHECK_EQ(host_live_allocs(false), 0);
	if (!CHECK(host_alloc_peak() <= normal_peak + SLACK_BYTES + 4 * o.bytes) || !CHECK(host_alloc_largest() <= LARGEST_BYTES))
		printf("  %zu bytes at a time, %zu in one piece\n", host_alloc_peak(), host_alloc_largest());
	if (host_checks_failed || getenv("LOGFUZZ_SAY"))
		printf("# %llu%s\n%s", (unsigned long long)seed, what, host_log());
	if (host_live_allocs(false))
		host_live_allocs(true);
	host_kill_world();
	host_cpu_limit(0);
	all->done++;
	if (host_checks_failed)
		all->failed++;
}

/* ---- the logs to begin with ---- */

static int fill_fiber(void *arg)
{
	struct dx_create_args a = { .mode = S_IFREG | 0644 };
	struct dx_name n = { .name = (u8 *)"fragments", .len = 9, .ftype = DX_DIR3_FT_REG_FILE };
	int error, i;
	struct dx_mount *mp = uv_mount(&error);
	struct dx_inode *ip;
	struct dx_mapped got;
	char buf[200];

	(void)arg;
	if (!CHECK(mp))
		return error;
	ul_attach(mp);
	bs = mp->sb.blocksize;
	large = dx_has_nrext64(mp);
	CHECK(!um_attach(mp, true));
	CHECK_EQ(um_run(mp, 60, 1), 0);
	um_drop_held();
	CHECK(!dx_create(mp->rootip, &n, &a, &ip));
	for (i = 0; i < 300; i++)
		CHECK(!dx_iomap_alloc(ip, i * 2, 1, false, false, &got));
	for (i = 0; i < 60; i++) {
		struct dx_attr_arg xa = { .ip = ip, .name = (u8 *)buf, .value = buf, .valuelen = 100 };

		xa.namelen = sprintf(buf, "attribute-number-%d-with-a-long-name-as-well", i);
		CHECK(!dx_attr_set_op(&xa));
	}
	dx_idrop(ip);
	return uv_umount(mp);
}

/* Leaves its log dirty: every form of a fork, devices, links, attributes. */
static int load_fiber(void *arg)
{
	struct dx_create_args dev = { .mode = S_IFCHR | 0600, .rdev = 0x103 }, dir = { .mode = S_IFDIR | 0755 };
	struct dx_name n = { .name = (u8 *)"fragments", .len = 9, .ftype = DX_DIR3_FT_REG_FILE };
	struct dx_inode *ip;
	struct dx_mapped got;
	char buf[200];
	dx_ino_t ino;
	int error, i;
	struct dx_mount *mp = uv_mount(&error);

	(void)arg;
	if (!CHECK(mp))
		return error;
	CHECK(!um_attach(mp, false));
	um_calm = true;
	CHECK_EQ(um_run(mp, 120, 1), 0);
	um_drop_held();
	CHECK(!dx_lookup(mp->rootip, &n, &ino, NULL) && !dx_iget(mp, NULL, ino, 0, &ip));
	for (i = 300; i < 330; i++)
		CHECK(!dx_iomap_alloc(ip, i * 2, 1, false, false, &got));
	for (i = 60; i < 80; i++) {
		struct dx_attr_arg xa = { .ip = ip, .name = (u8 *)buf, .value = buf, .valuelen = 100 };

		xa.namelen = sprintf(buf, "attribute-number-%d-with-a-long-name-as-well", i);
		CHECK(!dx_attr_set_op(&xa));
	}
	dx_idrop(ip);
	/* one whose extents outgrow the inode in this log, one that add_unfinished() can take */
	for (i = 0; i < 2; i++) {
		struct dx_create_args a = { .mode = S_IFREG | 0644 };
		struct dx_name x = { .name = (u8 *)buf, .len = sprintf(buf, "file-%d", i), .ftype = DX_DIR3_FT_REG_FILE };
		int j;

		CHECK(!dx_create(mp->rootip, &x, &a, &ip));
		for (j = 0; j < (i ? 7 : 60); j++)
			CHECK(!dx_iomap_alloc(ip, j * 2, 1, false, false, &got));
		dx_idrop(ip);
	}
	for (i = 0; i < 90; i++) {
		struct dx_name x = { .name = (u8 *)buf, .len = sprintf(buf, "device-%d", i), .ftype = DX_DIR3_FT_CHRDEV };
		struct dx_attr_arg xa = { .name = (u8 *)"small", .namelen = 5, .value = buf, .valuelen = 12 };

		if (i % 9 == 5)
			x.ftype = DX_DIR3_FT_DIR;
		CHECK(!dx_create(mp->rootip, &x, i % 9 == 5 ? &dir : &dev, &ip));
		xa.ip = ip;
		if (i % 4 == 0)
			CHECK(!dx_attr_set_op(&xa));
		if (i % 9 == 6)
			CHECK(!dx_remove(mp->rootip, &x, ip));
		dx_idrop(ip);
	}
	CHECK(!dx_log_force(mp, true));
	host_stop_world();
	return 0;
}

static int take_fiber(void *arg)
{
	struct dx_mount_opts o = { .ro = true, .norecovery = true };
	struct dx_mount *mp = uv_mount_dev(uv_dev, &o, NULL);

	(void)arg;
	if (!CHECK(mp))
		return -EIO;
	CHECK_EQ(ul_read(mp, &base), 0);
	return uv_umount(mp);
}

static int recover_fiber(void *arg)
{
	int error, *exact = arg;
	struct dx_mount *mp = uv_mount(&error);

	if (!CHECK_EQ(error, 0))
		return error;
	CHECK(host_log_has("ecover"));
	if (*exact) {
		CHECK(!um_attach(mp, false));
		CHECK(!um_verify(mp, true));
	} else {
		CHECK(!um_walk(mp, NULL));
	}
	return uv_umount(mp);
}

/* The volume but for its log. */
static u32 digest(void)
{
	u64 size = 0, off;
	u32 crc = ~0u;
	u8 *b = malloc(1 << 20);

	size = 120ull << 20;
	for (off = 0; off < size; off += 1 << 20) {
		u64 a = max(off, ul_log_off), e = min(off + (1 << 20), ul_log_off + ul_log_bytes);

		host_dev_peek(uv_dev, off, b, 1 << 20);
		if (a < e)
			memset(b + (a - off), 0, e - a);
		crc = crc32c(crc, b, 1 << 20);
	}
	free(b);
	return crc;
}

/* Mount what @l says, and look at the volume then. */
static u32 control(const struct ul_log *l, bool as32, u32 cap, bool whole, bool exact)
{
	struct ul_out o = { .cap = cap, .whole = whole, .as32 = as32 };
	size_t used = ul_arena_used;
	int ex = exact;

	host_dev_snap_restore(uv_dev, snap);
	ul_flatten(&o, l);
	ul_write_records(&o);
	CHECK(o.bytes < UL_MAX_LOG && o.bytes < ul_log_bytes / 2);
	ul_poke_log(&o);
	CHECK(uv_logprint_ok("log"));
	host_init(1);
	CHECK_EQ(host_run(recover_fiber, &ex), 0);
	CHECK_EQ(host_warn_count, 0);
	CHECK_EQ(host_live_allocs(true), 0);
	normal_peak = max_t(u64, normal_peak, host_alloc_peak());
	CHECK(host_alloc_largest() <= LARGEST_BYTES);
	if (host_checks_failed)
		printf("%s", host_log());
	host_kill_world();
	uv_incompat(DX_SB_FEAT_INCOMPAT_EXCHRANGE, false);
	CHECK(uv_repair_clean("check"));
	uv_incompat(DX_SB_FEAT_INCOMPAT_EXCHRANGE, exchange);
	ul_arena_used = used;
	return digest();
}
#define XMI(field)	sizeof(struct dx_intent_log_format) + offsetof(struct dx_xmi_body, field), sizeof(((struct dx_xmi_body *)0)->field)

/* ---- one field at a time ---- */

enum { LE, BE, DROP_REGION };
enum { ANY, SMALL, LARGE };	/* extent counters */
#define F(type, field)	offsetof(struct type, field), sizeof(((struct type *)0)->field)
#define CUI_EXT(field)	sizeof(struct dx_intent_log_format) + offsetof(struct dx_phys_extent, field), sizeof(((struct dx_phys_extent *)0)->field)
#define RUI_EXT(field)	sizeof(struct dx_intent_log_format) + offsetof(struct dx_map_extent, field), sizeof(((struct dx_map_extent *)0)->field)
static const struct named {
	u16 type;
	u8 region, how;
	u16 off, width;
	u64 flip, set;			/* value = (old ^ flip), or set when that is not 0 */
	const char *says;		/* the message names this */
	u32 fields;			/* of inode items: only one with these */
	u8 counters;			/* of the volume */
} nameds[] = {
	{ DX_LI_BUF, 0, LE, F(dx_buf_log_format, blf_flags), 0x40, 0, "bad blf_flags" },
	{ DX_LI_BUF, 0, LE, F(dx_buf_log_format, blf_len), 0, 0xffff, "bad blf_len" },
	{ DX_LI_BUF, 0, LE, F(dx_buf_log_format, blf_blkno), 1ull << 40, 0, "bad blf_blkno" },
	{ DX_LI_BUF, 0, LE, F(dx_buf_log_format, blf_blkno), 1ull << 63, 0, "bad blf_blkno" },
	{ DX_LI_BUF, 0, LE, F(dx_buf_log_format, blf_map_size), 0, 0xffffffff, "bad blf_map_size" },
	{ DX_LI_BUF, 0, LE, offsetof(struct dx_buf_log_format, blf_data_map), 4, 0xffffffff, 0, "bad blf_" },
	{ DX_LI_BUF, 1, DROP_REGION, .says = "bad blf_size" },
	{ DX_LI_INODE, 0, LE, F(dx_inode_log_format, ilf_fields), 0x800, 0, "bad ilf_fields" },
	{ DX_LI_INODE, 0, LE, F(dx_inode_log_format, ilf_ino), 1ull << 50, 0, "bad ilf_ino" },
	{ DX_LI_INODE, 0, LE, F(dx_inode_log_format, ilf_blkno), 8, 0, "bad ilf_blkno" },
	{ DX_LI_INODE, 0, LE, F(dx_inode_log_format, ilf_len), 0, 0x7ffffff8, "bad ilf_len" },
	{ DX_LI_INODE, 0, LE, F(dx_inode_log_format, ilf_len), 0, 0x80000000, "bad ilf_len" },
	{ DX_LI_INODE, 0, LE, F(dx_inode_log_format, ilf_boffset), 512, 0, "bad ilf_blkno" },
	{ DX_LI_INODE, 0, LE, F(dx_inode_log_format, ilf_boffset), 0, 0x7ffffe00, "bad ilf_boffset" },
	{ DX_LI_INODE, 0, LE, F(dx_inode_log_format, ilf_dsize), 0, 8, "bad ilf_dsize", DX_ILOG_DEXT },
	{ DX_LI_INODE, 0, LE, F(dx_inode_log_format, ilf_asize), 0, 9999, "bad ilf_asize", DX_ILOG_ADATA },
	{ DX_LI_INODE, 1, LE, F(dx_log_dinode, di_ino), 1, 0, "bad di_ino" },
	{ DX_LI_INODE, 1, LE, F(dx_log_dinode, di_nblocks), 0, 1ull << 40, "bad di_nblocks" },
	{ DX_LI_INODE, 1, LE, F(dx_log_dinode, di_nextents), 1, 0, "bad di_nextents", DX_ILOG_DEXT, SMALL },
	{ DX_LI_INODE, 1, LE, F(dx_log_dinode, di_anextents), 1, 0, "bad di_anextents", DX_ILOG_AEXT, SMALL },
	{ DX_LI_INODE, 1, LE, F(dx_log_dinode, di_big_nextents), 1, 0, "bad di_v3_pad", 0, SMALL },
	{ DX_LI_INODE, 1, LE, F(dx_log_dinode, di_flags2), DX_DIFLAG2_NREXT64, 0, "bad di_flags2", 0, SMALL },
	{ DX_LI_INODE, 1, LE, F(dx_log_dinode, di_big_nextents), 1, 0, "bad di_nextents", DX_ILOG_DEXT, LARGE },
	{ DX_LI_INODE, 1, LE, F(dx_log_dinode, di_big_nextents), 0, ~0ull, "bad di_nextents", 0, LARGE },
	{ DX_LI_INODE, 1, LE, F(dx_log_dinode, di_nextents), 1, 0, "bad di_anextents", DX_ILOG_AEXT, LARGE },
	{ DX_LI_INODE, 1, LE, F(dx_log_dinode, di_anextents), 1, 0, "bad di_nrext64_pad", 0, LARGE },
	/* the same bits, in the other form */
	{ DX_LI_INODE, 1, LE, F(dx_log_dinode, di_flags2), DX_DIFLAG2_NREXT64, 0, "bad di_", DX_ILOG_DEXT, LARGE },
	{ DX_LI_INODE, 1, LE, F(dx_log_dinode, di_forkoff), 0, 0xff, "bad di_forkoff" },
	{ DX_LI_INODE, 2, DROP_REGION, .says = "bad ilf_size", .fields = DX_ILOG_DEXT },
	{ DX_LI_INODE, 2, DROP_REGION, .says = "bad ilf_size", .fields = DX_ILOG_DBROOT },
	{ DX_LI_INODE, 2, BE, F(dx_btree_lblock, bb_numrecs), 0, 0xffff, "bad bmbt root bb_numrecs", DX_ILOG_DBROOT },
	{ DX_LI_INODE, 2, BE, F(dx_btree_lblock, bb_level), 0, 99, "bad bmbt root bb_level", DX_ILOG_DBROOT },
	{ DX_LI_ICREATE, 0, BE, F(dx_icreate_log, icl_ag), 0, 0xffff, "bad icl_ag" },
	{ DX_LI_ICREATE, 0, BE, F(dx_icreate_log, icl_agbno), 0, 0x7ffffff0, "bad icl_agbno" },
	{ DX_LI_ICREATE, 0, BE, F(dx_icreate_log, icl_agbno), 1, 0, "bad icl_agbno (alignment)" },
	{ DX_LI_ICREATE, 0, BE, F(dx_icreate_log, icl_count), 64, 0, "bad icl_count" },
	{ DX_LI_ICREATE, 0, BE, F(dx_icreate_log, icl_isize), 256, 0, "bad icl_isize" },
	{ DX_LI_ICREATE, 0, BE, F(dx_icreate_log, icl_length), 0, 0x10000000, "bad icl_length" },
	{ DX_LI_EFI, 0, LE, F(dx_efi_log_format, efi_nextents), 0, 0x10000000, "bad efi_nextents" },
	{ DX_LI_EFI, 0, LE, F(dx_efi_log_format, efi_nextents), 0, 200, "bad length for efi_nextents" },
	{ DX_LI_EFI, 0, LE, sizeof(struct dx_efi_log_format), 8, 0, 1ull << 60, "bad ext_start" },
	{ DX_LI_EFI, 0, LE, sizeof(struct dx_efi_log_format) + 8, 4, 0, 0xfffffff0, "bad ext_len" },
	{ DX_LI_EFD, 0, LE, F(dx_efi_log_format, efi_nextents), 0, 0x10000000, "bad efi_nextents" },
	{ DX_LI_RUI, 0, LE, F(dx_intent_log_format, nextents), 0, 0x8000000, "bad number of extents" },
	{ DX_LI_RUI, 0, LE, RUI_EXT(me_flags), 0, 9, "bad me_flags (type)" },
	{ DX_LI_RUI, 0, LE, RUI_EXT(me_flags), 1 << 20, 0, "bad me_flags" },
	{ DX_LI_RUI, 0, LE, RUI_EXT(me_owner), 0, 3, "bad me_owner" },
	{ DX_LI_RUI, 0, LE, RUI_EXT(me_owner), 0, 1ull << 60, "bad me_owner" },
	{ DX_LI_RUI, 0, LE, RUI_EXT(me_owner), 0, DX_RMAP_OWN_AG, "bad me_owner" },
	{ DX_LI_RUI, 0, LE, RUI_EXT(me_startblock), 0, 1ull << 60, "bad me_startblock" },
	{ DX_LI_RUI, 0, LE, RUI_EXT(me_len), 0, 0xfffffff0, "bad me_len" },
	{ DX_LI_RUI, 0, LE, RUI_EXT(me_startoff), 0, 1ull << 54, "bad me_startoff" },
	{ DX_LI_CUI, 0, LE, F(dx_intent_log_format, nextents), 0, 0x8000000, "bad number of extents" },
	{ DX_LI_CUI, 0, LE, CUI_EXT(pe_flags), 0, 5, "bad pe_flags (type)" },
	{ DX_LI_CUI, 0, LE, CUI_EXT(pe_flags), 1 << 20, 0, "bad pe_flags" },
	{ DX_LI_CUI, 0, LE, CUI_EXT(pe_startblock), 0, 1ull << 60, "bad pe_startblock" },
	{ DX_LI_CUI, 0, LE, CUI_EXT(pe_len), 0, 0xfffffff0, "bad pe_len" },
	{ DX_LI_CUI, 0, LE, F(dx_intent_log_format, nextents), 0, 4, "bad number of extents" },
	{ DX_LI_XMI, 0, LE, F(dx_intent_log_format, nextents), 0, 7, "bad pad" },
	{ DX_LI_XMI, 0, LE, XMI(xmi_inode1), 0, 1ull << 60, "bad xmi_inode1" },
	{ DX_LI_XMI, 0, LE, XMI(xmi_inode2), 0, 1ull << 60, "bad xmi_inode2" },
	{ DX_LI_XMI, 0, LE, XMI(xmi_flags), 0, 1u << 5, "bad xmi_flags" },
	{ DX_LI_XMI, 0, LE, XMI(xmi_flags), 0, 3, "bad xmi_flags (of an attr fork)" },
	{ DX_LI_XMI, 0, LE, XMI(xmi_flags), 0, 8, "bad xmi_inode2 (the same)" },
	{ DX_LI_XMI, 0, LE, XMI(xmi_igen1), 1, 0, "bad xmi_igen2 (of the same)" },
	{ DX_LI_XMI, 0, LE, XMI(xmi_blockcount), 10, 0, "bad xmi_blockcount" },
	{ DX_LI_XMI, 0, LE, XMI(xmi_blockcount), 0, 1ull << 60, "bad xmi_startoff1 (with xmi_blockcount)" },
	{ DX_LI_XMI, 0, LE, XMI(xmi_startoff2), 0, 1ull << 60, "bad xmi_startoff2 (with xmi_blockcount)" },
	{ DX_LI_XMI, 0, LE, XMI(xmi_blockcount), 0, 11, "bad xmi_startoff2 (overlaps)" },
	{ DX_LI_BUI, 0, LE, F(dx_intent_log_format, nextents), 1, 0, "bad number of extents" },
	{ DX_LI_ATTRI, 0, LE, F(dx_attri_log_format, alfi_op_flags), 0, 7, "bad alfi_op_flags" },
	{ DX_LI_ATTRI, 0, LE, F(dx_attri_log_format, alfi_op_flags), 0, DX_ATTRI_PPTR_SET, "the volume has no parent pointers" },
	{ DX_LI_ATTRI, 0, LE, F(dx_attri_log_format, alfi_attr_filter), 0, 0x10, "bad alfi_attr_filter" },
	{ DX_LI_ATTRI, 0, LE, F(dx_attri_log_format, alfi_ino), 0, 1ull << 60, "bad alfi_ino" },
	{ DX_LI_ATTRI, 0, LE, F(dx_attri_log_format, alfi_name_len), 0, 300, "bad alfi_name_len" },
	{ DX_LI_ATTRI, 0, LE, F(dx_attri_log_format, alfi_name_len), 0, 12, "bad length of the name" },
	{ DX_LI_ATTRI, 0, LE, F(dx_attri_log_format, alfi_value_len), 0, 70000, "bad alfi_value_len" },
	{ DX_LI_ATTRI, 0, LE, F(dx_attri_log_format, alfi_value_len), 0, 80, "bad length of the value" },
	{ DX_LI_ATTRI, 1, LE, 2, 1, 'r', 0, "bad name" },
	{ DX_LI_ATTRI, 2, DROP_REGION, .says = "bad alfi_size" },
	{ DX_LI_DQUOT, 1, DROP_REGION, .says = "bad number of regions" },
	{ DX_LI_DQUOT, 0, LE, F(dx_dquot_log_format, qlf_id), 1, 0, "bad qlf_boffset (for qlf_id)" },
	{ DX_LI_DQUOT, 0, LE, F(dx_dquot_log_format, qlf_id), 1024, 0, "bad " },
	{ DX_LI_DQUOT, 0, LE, F(dx_dquot_log_format, qlf_blkno), 1, 0, "bad qlf_blkno" },
	{ DX_LI_DQUOT, 0, LE, F(dx_dquot_log_format, qlf_blkno), 1ull << 40, 0, "bad qlf_blkno" },
	{ DX_LI_DQUOT, 0, LE, F(dx_dquot_log_format, qlf_blkno), 1ull << 63, 0, "bad qlf_blkno" },
	{ DX_LI_DQUOT, 0, LE, F(dx_dquot_log_format, qlf_len), 0, 0x7fffffff, "bad qlf_len" },
	{ DX_LI_DQUOT, 0, LE, F(dx_dquot_log_format, qlf_boffset), 0, 0xffffff78, "bad qlf_boffset" },
	{ DX_LI_DQUOT, 1, BE, F(dx_disk_dquot, d_magic), 1, 0, "bad d_magic" },
	{ DX_LI_DQUOT, 1, BE, F(dx_disk_dquot, d_version), 0, 2, "bad d_version" },
	{ DX_LI_DQUOT, 1, BE, F(dx_disk_dquot, d_flags), 0, 3, "bad d_flags" },
	{ DX_LI_DQUOT, 1, BE, F(dx_disk_dquot, d_id), 1, 0, "bad d_id" },
};

/* The last item that fits; of buffers not one that only cancels. */
static struct ul_item *find_named(struct ul_log *l, const struct named *m)
{
	struct ul_item *found = NULL;
	u32 i, j;

	for (i = 0; i < l->n; i++) {
		for (j = 0; j < l->t[i].n; j++) {
			struct ul_item *it = &l->t[i].it[j];

			if (ul_type_of(it) != m->type || it->n <= m->region || (m->type == DX_LI_BUF && it->n < 2))
				continue;
			if (m->fields && !(((struct dx_inode_log_format *)it->r[0].p)->ilf_fields & m->fields))
				continue;
			found = it;
		}
	}
	return found;
}

static int refused_fiber(void *arg)
{
	int error;
	struct dx_mount *mp = uv_mount(&error);

	(void)arg;
	if (mp) {
		uv_umount(mp);
		return 1;
	}
	return error;
}

/* Each is refused, by its name, and before anything has been written. */
static void named_fields(void)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(nameds); i++) {
		const struct named *m = &nameds[i];
		struct host_dev_counts before, after;
		struct ul_out o = { .cap = 32256 };
		struct ul_log l;
		struct ul_item *it;
		u64 v;

		if (m->counters && m->counters != (large ? LARGE : SMALL))
			continue;
		ul_arena_used = arena_kept;
		l = copy_log();
		it = find_named(&l, m);
		if (!it && m->type == DX_LI_RUI && !rmapbt) {
			/* one that has no business there */
			ul_intent(ul_new_trans(&l, 0x7004), DX_LI_RUI, 16 + 32, 0xabcf00);
			it = find_named(&l, m);
		}
		if (!it && (m->type == DX_LI_CUI || m->type == DX_LI_BUI) && !reflink) {
			ul_intent(ul_new_trans(&l, 0x7004), m->type, m->type == DX_LI_CUI ? 16 + 16 : 16 + 32, 0xabcf00);
			it = find_named(&l, m);
		}
		if (!it && m->type == DX_LI_XMI && !exchange) {
			ul_intent(ul_new_trans(&l, 0x7004), m->type, DX_XMI_BYTES, 0xabcf00);
			it = find_named(&l, m);
		}
		if (!CHECK(it))
			continue;
		if (m->how == DROP_REGION) {
			DROP(it->r, it->n, m->region);
			it->r[0].p = ul_dup_of(it->r[0].p, it->r[0].len);
			put_unaligned_le16(it->n, it->r[0].p + 2);
		} else {
			u8 *p = it->r[m->region].p = ul_dup_of(it->r[m->region].p, it->r[m->region].len);

			v = m->set ? m->set : get_field(p + m->off, m->width, m->how == BE) ^ m->flip;
			ul_set_field(p + m->off, m->width, v, m->how == BE);
		}
		host_dev_snap_restore(uv_dev, snap);
		ul_flatten(&o, &l);
		ul_write_records(&o);
		ul_poke_log(&o);
		host_init(1);
		host_set_printk(1);
		host_dev_counts(uv_dev, &before);
		CHECK_EQ(host_run(refused_fiber, NULL), -EUCLEAN);
		host_dev_counts(uv_dev, &after);
		CHECK_EQ(after.writes, before.writes);
		CHECK_EQ(host_warn_count, 0);
		CHECK_EQ(host_live_allocs(false), 0);
		CHECK(host_alloc_largest() <= LARGEST_BYTES);
		if (!CHECK(host_log_has("corrupt log: ") &&
			   host_log_has(m->type == DX_LI_RUI && !rmapbt ? "the volume has no rmapbt" :
					(m->type == DX_LI_CUI || m->type == DX_LI_BUI) && !reflink ? "the volume has no reflink" :
					m->type == DX_LI_XMI && !exchange ? "the volume has no exchange" :
					m->says)))
			printf("  wanted: %s (line %u)\n%s", m->says, i, host_log());
		host_kill_world();
	}
}

static void count_items(const struct ul_log *l)
{
	static const char * const names[] = {
		"EFI", "EFD", "", "", "", "INODE", "BUF", "DQUOT", "QUOTAOFF", "ICREATE", "RUI", "RUD", "CUI", "CUD", "BUI", "BUD",
		"ATTRI", "ATTRD", "XMI", "XMD",
	};
	static const struct { u32 bit; const char *name; } forks[] = {
		{ DX_ILOG_DDATA, "local" }, { DX_ILOG_DEXT, "extents" }, { DX_ILOG_DBROOT, "btree" }, { DX_ILOG_DEV, "device" },
		{ DX_ILOG_ADATA, "attr local" }, { DX_ILOG_AEXT, "attr extents" }, { DX_ILOG_ABROOT, "attr btree" },
	};
	u32 n[ARRAY_SIZE(names)] = { }, fk[ARRAY_SIZE(forks)] = { }, i, j, k;

	for (i = 0; i < l->n; i++) {
		for (j = 0; j < l->t[i].n; j++) {
			const struct ul_item *it = &l->t[i].it[j];
			u32 t = ul_type_of(it) - DX_LI_EFI;

			if (t < ARRAY_SIZE(n))
				n[t]++;
			for (k = 0; ul_type_of(it) == DX_LI_INODE && k < ARRAY_SIZE(forks); k++)
				fk[k] += !!(((struct dx_inode_log_format *)it->r[0].p)->ilf_fields & forks[k].bit);
		}
	}
	printf("# %u transactions:", l->n);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i][0])
			printf(" %s %u%s", names[i], n[i], CHECK(n[i] || (names[i][0] == 'R' && !rmapbt) || (names[i][0] == 'X' && !exchange) ||
								   (names[i][1] == 'U' && strchr("CB", names[i][0]) && names[i][2] != 'F' &&
								    !reflink)) ? "" : "!");
	printf("; forks");
	for (i = 0; i < ARRAY_SIZE(forks); i++)
		printf(", %s %u", forks[i].name, fk[i]);
	printf("\n");
	CHECK(fk[0] && fk[1] && fk[2] && fk[3] && fk[4] && fk[5]);
}

static const struct uv_profile volumes[] = {
	{ "rmapbt, reflink", "--unsupported -d agcount=3 -l size=14m -m reflink=1,rmapbt=1", 120 },
	{ "4.19 features and large extent counters, 1 KiB blocks",
	  "--unsupported -d agcount=2 -l size=10m -b size=1024 -m reflink=0,bigtime=0,inobtcount=0 -i nrext64=1", 120 },
};

static int volume_nr;

static void died(u64 seed, int status)
{
	struct ul_out o;

	mutate(&o, seed);
	printf("# again: t_logfuzz %d %llu 1   (%s; status 0x%x)\n", volume_nr, (unsigned long long)seed, what, status);
}

/* A mount failed with intents in the AIL, and the log went before the pusher that they had kicked. */
static const u64 once_red[] = { 20269923 };

static void volume(int v, u64 seed, u64 count, time_t until)
{
	const struct uv_profile *p = &volumes[v];
	u32 a, b;
	char title[160];

	volume_nr = v;
	rmapbt = strstr(p->mkfs, "rmapbt=1");
	reflink = strstr(p->mkfs, "reflink=1");
	exchange = !v;
	snprintf(title, sizeof(title), "a log put together again: %s", p->name);
	host_test_begin(title);
	if (!CHECK(!uv_make(p)))
		return;
	uv_incompat(DX_SB_FEAT_INCOMPAT_EXCHRANGE, exchange);
	ul_arena_used = 0;
	um_reset(1);
	um_rebase(v + 1);
	host_init(0);
	CHECK_EQ(host_run(fill_fiber, NULL), 0);
	host_kill_world();
	host_init(0);
	CHECK_EQ(host_run(load_fiber, NULL), HOST_CRASHED);
	host_dev_crash(uv_dev, HOST_KEEP_ALL, 1);
	host_kill_world();
	host_init(0);
	CHECK_EQ(host_run(take_fiber, NULL), 0);
	host_kill_world();
	add_foreign(&base);
	ul_empty_log();
	snap = host_dev_snap_take(uv_dev);
	normal_peak = 0;
	control(&base, false, 32256, false, true);
	host_test_end();

	snprintf(title, sizeof(title), "logs of a 32-bit machine: %s", p->name);
	host_test_begin(title);
	CHECK(add_unfinished(&base));
	count_items(&base);
	a = control(&base, false, 256 * 1024 - 8 * 512, true, false);
	b = control(&base, true, 256 * 1024 - 8 * 512, true, false);
	CHECK_EQ(a, b);
	host_test_end();

	arena_kept = ul_arena_used;
	snprintf(title, sizeof(title), "%zu fields beyond their bounds: %s", ARRAY_SIZE(nameds), p->name);
	host_test_begin(title);
	named_fields();
	host_test_end();

	snprintf(title, sizeof(title), "mutated logs: %s", p->name);
	host_test_begin(title);
	all->done = all->failed = all->refused = all->mounted = 0;
	for (a = 0; a < ARRAY_SIZE(once_red); a++)
		host_each_seed(once_red[a], once_red[a] + 1, 0, &all->failed, one, died);
	host_each_seed(seed, seed + count, until, &all->failed, one, died);
	CHECK_EQ(all->failed, 0);
	printf("# seed %llu: %llu logs, %llu mounts refused, %llu mounted\n", (unsigned long long)seed,
	       (unsigned long long)all->done, (unsigned long long)all->refused, (unsigned long long)all->mounted);
	host_dev_snap_free(snap);
	host_test_end();
}

int main(int argc, char **argv)
{
	u64 seed = getenv("LOGFUZZ_SEED") ? strtoull(getenv("LOGFUZZ_SEED"), NULL, 0) : 1;
	u64 count = getenv("LOGFUZZ_COUNT") ? strtoull(getenv("LOGFUZZ_COUNT"), NULL, 0) : 300;
	u64 seconds = getenv("LOGFUZZ_SECONDS") ? strtoull(getenv("LOGFUZZ_SECONDS"), NULL, 0) : 0;
	int only = argc > 1 ? atoi(argv[1]) : -1, v, n = ARRAY_SIZE(volumes);
	time_t t0 = time(NULL);

	if (argc > 2)
		seed = strtoull(argv[2], NULL, 0);
	if (argc > 3)
		count = strtoull(argv[3], NULL, 0);
	all = mmap(NULL, sizeof(*all), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uv_setup("t_logfuzz");
	for (v = 0; v < n; v++)
		if (only < 0 || only == v)
			volume(v, seed, count, seconds ? t0 + seconds * (only < 0 ? v + 1 : n) / n : 0);
	printf("# %ld s\n", (long)(time(NULL) - t0));
	uv_teardown();
	return host_test_exit();
}
