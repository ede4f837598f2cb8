// SPDX-License-Identifier: GPL-2.0-only
/*
 * Intents to free extents (EFI) and the records that they are done (EFD).
 *
 * An EFI is logged with the transaction that unmaps the extents, its EFD with the
 * one that frees them.  Recovery runs every EFI that has no EFD.
 *
 * Life of an EFI: one count belongs to the log, until the checkpoint that has it
 * is done with; one to whoever will finish it, and passes to the EFD.  When both are gone it leaves
 * the AIL, and with it the tail may move.  A recovered EFI has only the second one.
 *
 * An EFD is freed when its checkpoint is durable.
 *
 * Source: "Intent to Free an Extent", "Completion of Intent to Free an Extent".
 */
#include "dx_log_int.h"
#include "dx_alloc.h"

struct dx_efi {
	struct dx_log_item	item;
	refcount_t		refs;
	u64			id;
	u32			n;
	struct dx_log_extent	ext[];
};

struct dx_efd {
	struct dx_log_item	item;
	struct dx_efi		*efi;
};

static struct dx_efi *to_efi(struct dx_log_item *lip)
{
	return container_of(lip, struct dx_efi, item);
}

static struct dx_efd *to_efd(struct dx_log_item *lip)
{
	return container_of(lip, struct dx_efd, item);
}

static u32 fmt_bytes(u32 n)
{
	return sizeof(struct dx_efi_log_format) + n * sizeof(struct dx_log_extent);
}

static void format(struct dx_lv_cursor *c, u16 type, const struct dx_efi *efi)
{
	struct dx_efi_log_format *f = dx_lv_reserve(c, fmt_bytes(efi->n), type);

	if (!f)
		return;
	f->efi_type = type;
	f->efi_size = 1;
	f->efi_nextents = efi->n;
	f->efi_id = efi->id;
	memcpy(f->efi_extents, efi->ext, efi->n * sizeof(efi->ext[0]));
}

/**
 * dx_efi_release - one of its owners does not need an EFI any longer
 * @efi: the EFI; freed with the last
 */
void dx_efi_release(struct dx_efi *efi)
{
	struct dx_mount *mp = efi->item.li_mp;

	if (!refcount_dec_and_test(&efi->refs))
		return;
	dx_ail_delete(mp, &efi->item);
	dx_ail_wait_push(mp, &efi->item);
	kfree(efi);
}

/* ---- EFI ---- */

static void efi_size(struct dx_log_item *lip, u32 *nvecs, u32 *nbytes)
{
	*nvecs = 1;
	*nbytes = fmt_bytes(to_efi(lip)->n);
}

static void efi_format(struct dx_log_item *lip, struct dx_lv_cursor *c)
{
	format(c, DX_LI_EFI, to_efi(lip));
}

static void efi_pin(struct dx_log_item *lip)
{
}

static void efi_unpin(struct dx_log_item *lip, bool abort)
{
	dx_efi_release(to_efi(lip));
}

static void efi_item_release(struct dx_log_item *lip, bool abort)
{
	clear_bit(DX_LI_F_DIRTY, &lip->li_flags);
	if (abort)
		dx_efi_release(to_efi(lip));
}

static dx_lsn_t efi_committed(struct dx_log_item *lip, dx_lsn_t lsn)
{
	return lsn;
}

/* Nothing to write: it goes when its EFD is in the log. */
static unsigned int efi_push(struct dx_log_item *lip, struct list_head *list)
{
	return test_bit(DX_LI_F_RECOVERED, &lip->li_flags) ? DX_PUSH_FLUSHING : DX_PUSH_PINNED;
}

static int finish_recovered(struct dx_log_item *lip);

static void efi_drop(struct dx_log_item *lip)
{
	dx_efi_release(to_efi(lip));
}

static const struct dx_item_ops efi_ops = {
	.name		= "EFI",
	.size		= efi_size,
	.format		= efi_format,
	.pin		= efi_pin,
	.unpin		= efi_unpin,
	.release	= efi_item_release,
	.committed	= efi_committed,
	.push		= efi_push,
	.finish		= finish_recovered,
	.drop		= efi_drop,
};

static struct dx_efi *efi_alloc(struct dx_mount *mp, u32 n)
{
	struct dx_efi *efi = kzalloc(struct_size(efi, ext, n), GFP_NOFS | __GFP_NOFAIL);

	dx_log_item_init(mp, &efi->item, DX_LI_EFI, &efi_ops);
	efi->n = n;
	return efi;
}

/**
 * dx_efi_log - log the intent to free extents
 * @tp: transaction that unmaps them
 * @ext: extents
 * @n: how many
 *
 * Return: the EFI; the caller passes its count to dx_efd_log() or gives it to dx_efi_release().
 */
struct dx_efi *dx_efi_log(struct dx_trans *tp, const struct dx_log_extent *ext, u32 n)
{
	struct dx_efi *efi = efi_alloc(tp->t_mp, n);

	refcount_set(&efi->refs, 2);
	efi->id = dx_intent_new_id();
	memcpy(efi->ext, ext, n * sizeof(*ext));
	dx_trans_add_item(tp, &efi->item);
	set_bit(DX_LI_F_DIRTY, &efi->item.li_flags);
	tp->t_flags |= DX_TRANS_DIRTY;
	return efi;
}

/* ---- EFD ---- */

static void efd_size(struct dx_log_item *lip, u32 *nvecs, u32 *nbytes)
{
	*nvecs = 1;
	*nbytes = fmt_bytes(to_efd(lip)->efi->n);
}

static void efd_format(struct dx_log_item *lip, struct dx_lv_cursor *c)
{
	format(c, DX_LI_EFD, to_efd(lip)->efi);
}

static void efd_pin(struct dx_log_item *lip)
{
}

static void efd_unpin(struct dx_log_item *lip, bool abort)
{
}

static void efd_done(struct dx_efd *efd)
{
	dx_efi_release(efd->efi);
	kfree(efd);
}

static void efd_item_release(struct dx_log_item *lip, bool abort)
{
	clear_bit(DX_LI_F_DIRTY, &lip->li_flags);
	if (abort)
		efd_done(to_efd(lip));
}

static dx_lsn_t efd_committed(struct dx_log_item *lip, dx_lsn_t lsn)
{
	efd_done(to_efd(lip));
	return DX_NULLLSN;
}

static const struct dx_item_ops efd_ops = {
	.name		= "EFD",
	.size		= efd_size,
	.format		= efd_format,
	.pin		= efd_pin,
	.unpin		= efd_unpin,
	.release	= efd_item_release,
	.committed	= efd_committed,
};

/**
 * dx_efd_log - log that all extents of an EFI are freed by this transaction
 * @tp: transaction
 * @efi: the EFI; the caller's count passes to the EFD
 */
void dx_efd_log(struct dx_trans *tp, struct dx_efi *efi)
{
	struct dx_efd *efd = kzalloc(sizeof(*efd), GFP_NOFS | __GFP_NOFAIL);

	dx_log_item_init(tp->t_mp, &efd->item, DX_LI_EFD, &efd_ops);
	efd->efi = efi;
	dx_trans_add_item(tp, &efd->item);
	set_bit(DX_LI_F_DIRTY, &efd->item.li_flags);
	tp->t_flags |= DX_TRANS_DIRTY;
}

/* ---- frees as deferred work ---- */

struct free_work {
	struct dx_defer_work	work;		/* first */
	dx_fsbno_t		fsbno;
	dx_extlen_t		len;
	bool			skip_discard;
};

static int by_fsbno(void *priv, const struct list_head *a, const struct list_head *b)
{
	return list_entry(a, struct free_work, work.list)->fsbno > list_entry(b, struct free_work, work.list)->fsbno;
}

static struct dx_log_item *free_log_intent(struct dx_trans *tp, struct list_head *works, u32 n)
{
	struct dx_log_extent ext[DX_EFI_MAX_EXTENTS];
	struct free_work *f;
	u32 i = 0;

	list_for_each_entry(f, works, work.list)
		ext[i++] = (struct dx_log_extent) { .ext_start = f->fsbno, .ext_len = f->len };
	return &dx_efi_log(tp, ext, n)->item;
}

static void free_log_done(struct dx_trans *tp, struct dx_log_item *intent)
{
	dx_efd_log(tp, to_efi(intent));
}

static int free_finish(struct dx_trans *tp, struct dx_defer_work *work)
{
	struct free_work *f = container_of(work, struct free_work, work);
	struct list_head *last = tp->t_busy.prev;
	int error = dx_free_extent(tp, f->fsbno, f->len);

	if (error)
		return error;
	/* what this free added */
	for (last = last->next; f->skip_discard && last != &tp->t_busy; last = last->next)
		list_entry(last, struct dx_busy_extent, list)->flags |= DX_BUSY_SKIP_DISCARD;
	return 0;
}

static const struct dx_defer_type free_type = {
	.most		= DX_EFI_MAX_EXTENTS,
	.order		= by_fsbno,
	.log_intent	= free_log_intent,
	.log_done	= free_log_done,
	.finish		= free_finish,
	.forget		= efi_drop,
};

/**
 * dx_defer_free - free an extent when this transaction is committed
 * @tp: transaction with a permanent reservation
 * @fsbno: first block
 * @len: fsblocks
 * @skip_discard: the blocks will be reused soon (metadata)
 *
 * Return: 0 or -EFSCORRUPTED for an extent that cannot be.
 */
int dx_defer_free(struct dx_trans *tp, dx_fsbno_t fsbno, dx_extlen_t len, bool skip_discard)
{
	struct free_work *f;

	if (!dx_verify_fsbext(tp->t_mp, fsbno, len)) {
		dx_err(tp->t_mp, "refusing to free extent 0x%llx, length %u", (unsigned long long)fsbno, len);
		return -EFSCORRUPTED;
	}
	f = kzalloc(sizeof(*f), GFP_NOFS | __GFP_NOFAIL);
	f->fsbno = fsbno;
	f->len = len;
	f->skip_discard = skip_discard;
	dx_defer_add(tp, &free_type, &f->work);
	return 0;
}

/* ---- recovery ---- */

/**
 * dx_efi_recover - an EFI was found in the log
 * @mp: the mount
 * @f: its region
 * @len_bytes: of the region
 * @lsn: of its checkpoint
 *
 * Accepts the packed 12-byte extents of 32-bit machines, too.
 *
 * Return: 0 or -EFSCORRUPTED.
 */
int dx_efi_recover(struct dx_mount *mp, const struct dx_efi_log_format *f, u32 len_bytes, dx_lsn_t lsn)
{
	const char *p = (const char *)f->efi_extents;
	struct dx_efi *efi;
	u32 i, n, stride;

	if (len_bytes < sizeof(*f) || !f->efi_nextents || f->efi_nextents > len_bytes / 12)
		goto bad;
	n = f->efi_nextents;
	if (len_bytes >= fmt_bytes(n))
		stride = sizeof(struct dx_log_extent);
	else if (len_bytes >= sizeof(*f) + n * 12)
		stride = 12;
	else
		goto bad;

	efi = efi_alloc(mp, n);
	refcount_set(&efi->refs, 1);
	set_bit(DX_LI_F_RECOVERED, &efi->item.li_flags);
	efi->id = f->efi_id;
	for (i = 0; i < n; i++, p += stride) {
		memcpy(&efi->ext[i].ext_start, p, 8);
		memcpy(&efi->ext[i].ext_len, p + 8, 4);
	}
	dx_ail_insert(mp, &efi->item, lsn);
	return 0;
bad:
	dx_err(mp, "corrupt EFI in the log: %u extents in %u bytes", len_bytes >= 8 ? f->efi_nextents : 0, len_bytes);
	return -EFSCORRUPTED;
}

static bool match_id(struct dx_log_item *lip, void *arg)
{
	return lip->li_type == DX_LI_EFI && test_bit(DX_LI_F_RECOVERED, &lip->li_flags) && to_efi(lip)->id == *(u64 *)arg;
}

/**
 * dx_efd_recover - an EFD was found in the log
 * @mp: the mount
 * @efi_id: which EFI is done; it may have been before the tail
 *
 * Return: 0.
 */
int dx_efd_recover(struct dx_mount *mp, u64 efi_id)
{
	struct dx_log_item *lip = dx_ail_find(mp, match_id, &efi_id);

	if (lip)
		dx_efi_release(to_efi(lip));
	return 0;
}

/* One recovered EFI: its EFD and new intents for the same extents go into one transaction. */
static int finish_recovered(struct dx_log_item *lip)
{
	struct dx_efi *efi = to_efi(lip);
	struct dx_mount *mp = lip->li_mp;
	struct dx_trans *tp;
	u32 i;
	int error;

	for (i = 0; i < efi->n; i++) {
		if (dx_verify_fsbext(mp, efi->ext[i].ext_start, efi->ext[i].ext_len))
			continue;
		dx_err(mp, "corrupt EFI in the log: extent 0x%llx, length %u", (unsigned long long)efi->ext[i].ext_start,
		       efi->ext[i].ext_len);
		return -EFSCORRUPTED;
	}
	error = dx_trans_alloc(mp, DX_RESV_EFI_FINISH, 0, DX_TRANS_RECOVERY | DX_TRANS_RESERVE, &tp);
	if (error)
		return error;
	clear_bit(DX_LI_F_RECOVERED, &lip->li_flags);
	for (i = 0; !error && i < efi->n; i++)
		error = dx_defer_free(tp, efi->ext[i].ext_start, efi->ext[i].ext_len, false);
	dx_efd_log(tp, efi);
	if (error) {
		dx_trans_cancel(tp);
		return error;
	}
	return dx_trans_commit(tp);
}
