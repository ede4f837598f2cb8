// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parent pointers: every name of an inode is also an attribute of it, which says in which directory the name is.
 *
 * A name and its pointer come and go together: both are changes of one chain of transactions (dirops.c).  Nearly always the pointer
 * is inside the inode, before and after; then it changes in the transaction that changes the directory.  When it
 * is in blocks, or goes there, what is to be done becomes an intent in that transaction, and is done in one of its own
 * (ATTRI, ATTRD): allocation in two forks, perhaps in AGs of the wrong order, never meets in a transaction, and no reservation has
 * to be for both.
 *
 * Whatever may fail for another reason than a disk that does is found before anything is dirty: dx_parent_check().
 *
 * What the log has of ordinary attributes (ATTRI of the kinds set, remove and replace) is finished here, too, at recovery;
 * we log none.
 *
 * Lock context: named at each function.  The inode stays locked from the change of the directory to the end of the chain, so nobody
 * sees one without the other.
 *
 * Source: "Parent Pointers" of the online fsck design document, ioctl_xfs_getparents(2); the items as xfs_logprint prints them.
 */
#include "dx_attr_int.h"
#include "dx_parent.h"
#include "dx_cow.h"

#define REC_BYTES	((u32)sizeof(struct dx_parent_rec))

static void to_rec(struct dx_parent_rec *rec, const struct dx_inode *dp)
{
	rec->p_ino = cpu_to_be64(dp->ino);
	rec->p_gen = cpu_to_be32(dp->d.gen);
}

/* An operation on the attribute; @value must outlive it. */
static void begin(struct dx_da_args *a, struct dx_trans *tp, struct dx_inode *ip, u8 nsp, const u8 *name, u32 namelen,
		  const void *value, u32 valuelen)
{
	*a = (struct dx_da_args) {
		.tp = tp, .dp = ip, .mp = ip->mp, .whichfork = DX_ATTR_FORK, .leaf = &dx_attr_leaf_ops, .name = name,
		.namelen = namelen, .nsp = nsp, .value = value, .valuelen = valuelen,
		.hashval = dx_attr_hash(nsp, name, namelen, value, valuelen), .total = tp ? tp->t_blk_res : 0,
	};
}

static void begin_name(struct dx_da_args *a, struct dx_trans *tp, struct dx_inode *ip, const struct dx_parent_name *n,
		       struct dx_parent_rec *rec)
{
	to_rec(rec, n->dp);
	begin(a, tp, ip, DX_ATTR_PARENT, n->name, n->len, rec, REC_BYTES);
}

/* ---- deferred, and recovered ---- */

struct attr_work {
	struct dx_defer_work	work;		/* first */
	struct dx_inode		*ip;		/* ILOCK held over the chain, joined to be kept; NULL: recovered */
	dx_ino_t		ino;
	u32			gen;		/* of parent pointers */
	u32			op;		/* DX_ATTRI_* */
	u8			nsp;
	u8			namelen, newlen;	/* names; the second one only to replace a pointer */
	u32			valuelen;	/* of each value */
	u8			*name, *newname, *value, *newvalue;	/* in @data */
	u8			data[];
};

static struct attr_work *work_alloc(u32 op, u32 namelen, u32 newlen, u32 valuelen)
{
	bool two = op == DX_ATTRI_PPTR_REPLACE;
	struct attr_work *w = kzalloc(sizeof(*w) + namelen + newlen + valuelen * (two ? 2 : 1), GFP_NOFS | __GFP_NOFAIL);

	w->op = op;
	w->namelen = namelen;
	w->newlen = newlen;
	w->valuelen = valuelen;
	w->name = w->data;
	w->newname = w->name + namelen;
	w->value = w->newname + newlen;
	w->newvalue = w->value + (two ? valuelen : 0);
	return w;
}

static u32 attr_regions(const struct dx_defer_work *work, u32 *word, struct dx_intent_reg *more)
{
	const struct attr_work *w = container_of(work, struct attr_work, work);
	u32 n = 0;

	*word = w->gen;
	more[n++] = (struct dx_intent_reg) { w->name, w->namelen };
	if (w->newlen)
		more[n++] = (struct dx_intent_reg) { w->newname, w->newlen };
	if (w->valuelen)
		more[n++] = (struct dx_intent_reg) { w->value, w->valuelen };
	if (w->op == DX_ATTRI_PPTR_REPLACE)
		more[n++] = (struct dx_intent_reg) { w->newvalue, w->valuelen };
	return n;
}

static void attr_format(const struct dx_defer_work *work, void *to)
{
	const struct attr_work *w = container_of(work, struct attr_work, work);
	struct dx_attri_log_format *f = container_of(to, struct dx_attri_log_format, alfi_ino);

	f->alfi_ino = w->ino;
	f->alfi_op_flags = w->op;
	if (w->op == DX_ATTRI_PPTR_REPLACE) {
		f->alfi_old_name_len = w->namelen;
		f->alfi_new_name_len = w->newlen;
	} else {
		f->alfi_name_len = w->namelen;
	}
	f->alfi_value_len = w->valuelen;
	f->alfi_attr_filter = w->nsp;
}

static int attr_parse(struct dx_mount *mp, const struct dx_intent_log_format *head, const struct dx_intent_reg *more, u32 nmore,
		      struct dx_defer_work **workp)
{
	const struct dx_attri_log_format *f = (const void *)head;
	bool two = f->alfi_op_flags == DX_ATTRI_PPTR_REPLACE;
	struct attr_work *w;
	u32 n = 0;

	/* lengths and fields have been looked at when it was found: recover_check.c */
	if (!dx_verify_ino(mp, f->alfi_ino)) {
		dx_err(mp, "corrupt ATTRI in the log: inode 0x%llx", (unsigned long long)f->alfi_ino);
		return -EFSCORRUPTED;
	}
	/* such a value takes transactions of its own, which a crash here would leave unfinished */
	if (!dx_attr_is_local(mp, f->alfi_name_len, f->alfi_value_len) && !two) {
		dx_err(mp, "the log holds an unfinished attribute (ATTRI) with a value of %u bytes, which this driver cannot finish: mount the volume once with the kernel's own xfs",
		       f->alfi_value_len);
		return -EOPNOTSUPP;
	}
	w = work_alloc(f->alfi_op_flags, two ? f->alfi_old_name_len : f->alfi_name_len, two ? f->alfi_new_name_len : 0,
		       f->alfi_value_len);
	w->ino = f->alfi_ino;
	w->gen = f->alfi_igen;
	w->nsp = f->alfi_attr_filter & DX_ATTR_NSP_ONDISK_MASK;
	memcpy(w->name, more[n++].addr, w->namelen);
	if (w->newlen)
		memcpy(w->newname, more[n++].addr, w->newlen);
	if (w->valuelen)
		memcpy(w->value, more[n++].addr, w->valuelen);
	if (two)
		memcpy(w->newvalue, more[n].addr, w->valuelen);
	*workp = &w->work;
	return 0;
}

static int remove_one(struct dx_trans *tp, struct attr_work *w)
{
	struct dx_da_args a;
	int error;

	begin(&a, tp, w->ip, w->nsp, w->name, w->namelen, w->value, w->valuelen);
	error = dx_attr_remove_in(&a);
	/* other kernels take several transactions for it, and the intent stays until the last */
	return error == -ENOATTR && (tp->t_flags & DX_TRANS_RECOVERY) ? 0 : error;
}

static int set_one(struct dx_trans *tp, struct attr_work *w)
{
	struct dx_inode *ip = w->ip;
	struct dx_da_args a;

	begin(&a, tp, ip, w->nsp, w->name, w->namelen, w->value, w->valuelen);
	if (!ip->af)
		return dx_corrupt(ip->mp, "inode", ip->imap.daddr, "0x%llx has no attribute fork for what the log says",
				  (unsigned long long)ip->ino);
	return dx_attr_set_in(&a, false, false);
}

static int do_one(struct dx_trans *tp, struct attr_work *w)
{
	int error;

	switch (w->op) {
	case DX_ATTRI_REMOVE:
	case DX_ATTRI_PPTR_REMOVE:
		return remove_one(tp, w);
	case DX_ATTRI_PPTR_REPLACE:
		/* the rest is an intent of its own, in this transaction */
		error = remove_one(tp, w);
		if (error)
			return error;
		w->op = DX_ATTRI_PPTR_SET;
		w->name = w->newname;
		w->namelen = w->newlen;
		w->value = w->newvalue;
		w->newlen = 0;
		return -EAGAIN;
	default:
		return set_one(tp, w);
	}
}

static int attr_finish(struct dx_trans *tp, struct dx_defer_work *work)
{
	struct attr_work *w = container_of(work, struct attr_work, work);
	struct dx_inode *ip;
	int error;

	if (w->ip)
		return do_one(tp, w);
	if (WARN_ON_ONCE(!(tp->t_flags & DX_TRANS_RECOVERY)))
		return -EINVAL;
	error = dx_recovery_hold(tp->t_mp, "ATTRI", w->ino, &ip);
	if (error)
		return error;
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, ip, DX_ILOCK_EXCL);
	if (w->op >= DX_ATTRI_PPTR_SET && ip->d.gen != w->gen)
		return dx_corrupt(ip->mp, "ATTRI", ip->imap.daddr, "inode 0x%llx has generation %u, not %u",
				  (unsigned long long)ip->ino, ip->d.gen, w->gen);
	error = ip->af ? dx_iread_extents(tp, ip, DX_ATTR_FORK) : 0;
	if (error)
		return error;
	/* what it can need, as far as it is there */
	dx_trans_top_up(tp, dx_da_attr_blocks(tp->t_mp));
	w->ip = ip;
	error = do_one(tp, w);
	w->ip = NULL;
	if (!error) {
		dx_trans_set_time(tp, ip, DX_ICHGTIME_CHG);
		dx_trans_log_inode(tp, ip, DX_ILOG_CORE);
	}
	return error;
}

/* What the log knows as ATTRI and ATTRD. */
const struct dx_defer_type dx_attr_type = {
	.name		= "ATTRI",
	.li_type	= DX_LI_ATTRI,
	.resv		= DX_RESV_ATTRSET,
	.most		= 1,
	.a_go		= 1,
	.work_bytes	= sizeof(struct dx_attri_log_format) - offsetof(struct dx_attri_log_format, alfi_ino),
	.format		= attr_format,
	.regions	= attr_regions,
	.parse_regions	= attr_parse,
	.finish		= attr_finish,
};

static void defer(struct dx_trans *tp, struct dx_inode *ip, const struct dx_parent_change *c)
{
	u32 op = !c->old.dp ? DX_ATTRI_PPTR_SET : !c->new.dp ? DX_ATTRI_PPTR_REMOVE : DX_ATTRI_PPTR_REPLACE;
	const struct dx_parent_name *first = c->old.dp ? &c->old : &c->new;
	bool two = op == DX_ATTRI_PPTR_REPLACE;
	struct attr_work *w = work_alloc(op, first->len, two ? c->new.len : 0, REC_BYTES);

	w->ip = ip;
	w->ino = ip->ino;
	w->gen = ip->d.gen;
	w->nsp = DX_ATTR_PARENT;
	memcpy(w->name, first->name, first->len);
	to_rec((struct dx_parent_rec *)w->value, first->dp);
	if (two) {
		memcpy(w->newname, c->new.name, c->new.len);
		to_rec((struct dx_parent_rec *)w->newvalue, c->new.dp);
	}
	dx_defer_add(tp, &dx_attr_type, &w->work);
}

/* ---- with a change of a directory ---- */

/* Bytes that the short form has after the change. */
static u32 sf_bytes(struct dx_inode *ip, const struct dx_parent_change *c)
{
	u32 bytes = ip->af->format == DX_DINODE_FMT_LOCAL ? ip->af->bytes : 0;

	bytes = max_t(u32, bytes, sizeof(struct dx_attr_sf_hdr));
	if (c->old.dp)
		bytes -= sizeof(struct dx_attr_sf_entry) + c->old.len + REC_BYTES;
	return bytes + sizeof(struct dx_attr_sf_entry) + c->new.len + REC_BYTES;
}

static int wrong(struct dx_inode *ip, const struct dx_parent_name *n, const char *what)
{
	return dx_corrupt(ip->mp, "attribute fork", ip->imap.daddr, "inode 0x%llx %s parent pointer to 0x%llx: run xfs_repair",
			  (unsigned long long)ip->ino, what, (unsigned long long)n->dp->ino);
}

static int find(struct dx_trans *tp, struct dx_inode *ip, const struct dx_parent_name *n)
{
	struct dx_parent_rec rec;
	struct dx_da_args a;

	begin_name(&a, tp, ip, n, &rec);
	return dx_attr_find(&a);
}

/* In a transaction of its own that only reads: no buffer of it stays locked. */
static int check_names(struct dx_inode *ip, const struct dx_parent_change *c)
{
	struct dx_trans *tp;
	int error = dx_trans_alloc_empty(ip->mp, &tp);

	if (error)
		return error;
	error = ip->af ? dx_iread_extents(tp, ip, DX_ATTR_FORK) : 0;
	if (!error && c->old.dp) {
		error = find(tp, ip, &c->old);
		if (error == -ENOATTR)
			error = wrong(ip, &c->old, "has no");
	}
	if (!error && c->new.dp) {
		error = find(tp, ip, &c->new);
		if (!error)
			error = wrong(ip, &c->new, "has already a");
		else if (error == -ENOATTR)
			error = 0;
	}
	dx_trans_cancel(tp);
	return error;
}

/**
 * dx_parent_check - may the pointers of an inode change so?
 * @ip: the inode, ILOCK held exclusively
 * @c: the change
 * @blocks: whether dx_da_attr_blocks() are reserved for it
 *
 * For a volume with parent pointers, before anything is dirty.
 *
 * Return: 0; -ENOSPC (it takes blocks, or may, and there are none), -EFBIG (the fork is full), -EFSCORRUPTED (what should
 * be there is not, or the other way round), -EIO, -ENOMEM.
 */
int dx_parent_check(struct dx_inode *ip, const struct dx_parent_change *c, bool blocks)
{
	struct dx_da_args a;
	int error = check_names(ip, c);

	if (error || !ip->af)
		return error ? error : wrong(ip, c->old.dp ? &c->old : &c->new, "has no room for a");
	if (!dx_attr_has_tree(ip) &&
	    (!c->new.dp || ((c->old.dp || !dx_attr_sf_is_full(ip)) && dx_attr_short_fits(ip, sf_bytes(ip, c)))))
		return 0;
	if (!blocks && (c->new.dp || ip->af->nextents > 1))
		return -ENOSPC;
	begin(&a, NULL, ip, DX_ATTR_PARENT, NULL, 0, NULL, 0);
	a.namelen = c->new.len;
	a.valuelen = REC_BYTES;
	return dx_attr_may_grow(&a, c->new.dp);
}

/**
 * dx_parent_update - a name of an inode comes, goes, or becomes another
 * @tp: transaction that changes the directories; @ip is joined, to be kept
 * @ip: the inode, ILOCK held exclusively until @tp is committed
 * @c: the change, which dx_parent_check() has seen, or of an inode just made
 *
 * Return: 0 or -errno; @tp is dirty then.
 */
int dx_parent_update(struct dx_trans *tp, struct dx_inode *ip, const struct dx_parent_change *c)
{
	struct dx_parent_rec old_rec, new_rec;
	struct dx_da_args old, new;
	int error;

	if (dx_attr_has_tree(ip)) {
		defer(tp, ip, c);
		return 0;
	}
	if (!ip->af)
		return wrong(ip, c->old.dp ? &c->old : &c->new, "has no room for a");
	if (c->old.dp)
		begin_name(&old, tp, ip, &c->old, &old_rec);
	if (!c->new.dp)
		return dx_attr_sf_remove(&old);
	begin_name(&new, tp, ip, &c->new, &new_rec);
	error = c->old.dp ? dx_attr_sf_swap(&new, &old) : dx_attr_sf_set(&new);
	if (error != -ENOSPC)
		return error;
	defer(tp, ip, c);
	return 0;
}

/* ---- who has the inode? ---- */

struct parents_ctx {
	int			(*fn)(void *ctx, dx_ino_t ino, u32 gen, const u8 *name, u32 namelen);
	void			*ctx;
	struct dx_inode		*ip;
};

static int parents_one(void *ctx, const struct dx_attr_ref *ref)
{
	const struct dx_parent_rec *rec = (const void *)ref->value;
	struct parents_ctx *p = ctx;

	if (!(ref->flags & DX_ATTR_PARENT))
		return 0;
	if (!rec || ref->valuelen != REC_BYTES || !dx_verify_ino(p->ip->mp, get_unaligned_be64(&rec->p_ino)))
		return dx_corrupt(p->ip->mp, "attribute fork", p->ip->imap.daddr, "inode 0x%llx has a bad parent pointer",
				  (unsigned long long)p->ip->ino);
	return p->fn(p->ctx, get_unaligned_be64(&rec->p_ino), get_unaligned_be32(&rec->p_gen), ref->name, ref->namelen);
}

/**
 * dx_parents - call a function for each parent pointer, by hash
 * @ip: the inode, ILOCK not held: taken shared
 * @cur: where to go on; zeroed: from the first one.  Stays good when pointers come and go
 * @fn: non-zero stops: that pointer is the next one next time.  Runs under the ILOCK and perhaps a buffer lock: it must not touch
 *	user memory
 * @ctx: for @fn
 *
 * Return: 0: there are no more; 1: @fn has stopped; -EFSCORRUPTED, -EIO, -ENOMEM.
 */
int dx_parents(struct dx_inode *ip, struct dx_attr_cursor *cur,
	       int (*fn)(void *ctx, dx_ino_t ino, u32 gen, const u8 *name, u32 namelen), void *ctx)
{
	struct parents_ctx p = { .fn = fn, .ctx = ctx, .ip = ip };

	return dx_attr_walk_from(ip, cur, parents_one, &p);
}
