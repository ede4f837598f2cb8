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
	bool			recovered;	/* found in the log; nobody works on it yet */
	u32			n;
	struct dx_log_extent	ext[];
};

struct dx_efd {
	struct dx_log_item	item;
	struct dx_efi		*efi;
};

/* Distinguishes an EFI from all others in the log, those of earlier mounts included. */
static atomic64_t last_id = ATOMIC64_INIT(0);

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
	return to_efi(lip)->recovered ? DX_PUSH_FLUSHING : DX_PUSH_PINNED;
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
};

static struct dx_efi *efi_alloc(struct dx_mount *mp, u32 n)
{
	struct dx_efi *efi = kzalloc(struct_size(efi, ext, n), GFP_NOFS | __GFP_NOFAIL);

	dx_log_item_init(mp, &efi->item, DX_LI_EFI, &efi_ops);
	efi->n = n;
	return efi;
}

/**
 * dx_efi_new_id - a number that no EFI in the log has
 */
u64 dx_efi_new_id(void)
{
	if (!atomic64_read(&last_id))
		atomic64_cmpxchg(&last_id, 0, (u64)get_random_u32() << 32 | 1);
	return atomic64_inc_return(&last_id);
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
	efi->id = dx_efi_new_id();
	memcpy(efi->ext, ext, n * sizeof(*ext));
	dx_trans_add_item(tp, &efi->item);
	set_bit(DX_LI_F_DIRTY, &efi->item.li_flags);
	tp->t_flags |= DX_TRANS_DIRTY;
	return efi;
}

/**
 * dx_efi_nextents - how many extents an EFI is for
 * @efi: the EFI
 */
u32 dx_efi_nextents(struct dx_efi *efi)
{
	return efi->n;
}

/**
 * dx_efi_extent - one of its extents
 * @efi: the EFI
 * @i: which
 */
const struct dx_log_extent *dx_efi_extent(struct dx_efi *efi, u32 i)
{
	return &efi->ext[i];
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
	efi->recovered = true;
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
	return lip->li_type == DX_LI_EFI && to_efi(lip)->recovered && to_efi(lip)->id == *(u64 *)arg;
}

static bool match_recovered(struct dx_log_item *lip, void *arg)
{
	return lip->li_type == DX_LI_EFI && to_efi(lip)->recovered;
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
static int finish_one(struct dx_mount *mp, struct dx_efi *efi)
{
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
	efi->recovered = false;
	for (i = 0; !error && i < efi->n; i++)
		error = dx_defer_free(tp, efi->ext[i].ext_start, efi->ext[i].ext_len, false);
	dx_efd_log(tp, efi);
	if (error) {
		dx_trans_cancel(tp);
		return error;
	}
	return dx_trans_commit(tp);
}

/**
 * dx_intents_pending - are there intents that the log left undone?
 * @mp: the mount, in recovery
 */
bool dx_intents_pending(struct dx_mount *mp)
{
	return dx_ail_find(mp, match_recovered, NULL);
}

/**
 * dx_intents_finish - run all intents that the log left undone
 * @mp: the mount; both passes of recovery are over, nothing else runs
 *
 * Return: 0 or -errno; what is left is for dx_intents_cancel().
 */
int dx_intents_finish(struct dx_mount *mp)
{
	struct dx_log_item *lip;
	int error;

	while ((lip = dx_ail_find(mp, match_recovered, NULL))) {
		error = finish_one(mp, to_efi(lip));
		if (error) {
			dx_err(mp, "cannot finish an extent free that the log began: error %d", error);
			return error;
		}
	}
	return 0;
}

/**
 * dx_intents_cancel - drop recovered intents that nobody ran
 * @mp: the mount; it fails or is shut down: the tail in the log does not move any more
 */
void dx_intents_cancel(struct dx_mount *mp)
{
	struct dx_log_item *lip;

	while (mp->ail && (lip = dx_ail_find(mp, match_recovered, NULL)))
		dx_efi_release(to_efi(lip));
}
