// SPDX-License-Identifier: GPL-2.0-only
/*
 * Deferred frees: a transaction that unmaps extents does not free them, it
 * logs the intent; transactions that follow free a few at a time.
 *
 * So no transaction locks more AG headers than its own, and each fits its
 * reservation.  The frees are sorted by address: AGs are locked in ascending order (L1), and
 * after each group the transaction rolls and has none.
 *
 * What is joined to be kept (inodes joined with no unlock mode, buffers with hold) stays locked over
 * the rolls, is joined again and logged in each, so that it moves away from the tail.
 */
#include "dx_log_int.h"
#include "dx_alloc.h"
#include "dx_inode.h"
#include "dx_inode_item.h"

#define MAX_KEPT	16

struct dx_defer {
	struct list_head	list;
	dx_fsbno_t		fsbno;
	dx_extlen_t		len;
	bool			skip_discard;
};

/* Intents logged and not finished yet, in order. */
struct intent {
	struct list_head	list;
	struct dx_efi		*efi;
	u32			skip;		/* bit per extent: no discard */
};

struct kept {
	unsigned int		n;
	const struct dx_item_ops *ops[MAX_KEPT];
	void			*what[MAX_KEPT];
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
	struct dx_defer *d;

	if (!dx_verify_fsbext(tp->t_mp, fsbno, len)) {
		dx_err(tp->t_mp, "refusing to free extent 0x%llx, length %u", (unsigned long long)fsbno, len);
		return -EFSCORRUPTED;
	}
	d = kzalloc(sizeof(*d), GFP_NOFS | __GFP_NOFAIL);
	d->fsbno = fsbno;
	d->len = len;
	d->skip_discard = skip_discard;
	list_add_tail(&d->list, &tp->t_defer);
	return 0;
}

static int by_fsbno(void *priv, const struct list_head *a, const struct list_head *b)
{
	return list_entry(a, struct dx_defer, list)->fsbno > list_entry(b, struct dx_defer, list)->fsbno;
}

/* All deferred frees of the transaction become intents, logged in it. */
static void log_intents(struct dx_trans *tp, struct list_head *intents)
{
	struct dx_log_extent ext[DX_EFI_MAX_EXTENTS];
	struct dx_defer *d;
	u32 n = 0, skip = 0;

	list_sort(NULL, &tp->t_defer, by_fsbno);
	while ((d = list_first_entry_or_null(&tp->t_defer, struct dx_defer, list))) {
		list_del(&d->list);
		ext[n] = (struct dx_log_extent) { .ext_start = d->fsbno, .ext_len = d->len };
		if (d->skip_discard)
			skip |= 1u << n;
		n++;
		kfree(d);
		if (n == DX_EFI_MAX_EXTENTS || list_empty(&tp->t_defer)) {
			struct intent *in = kzalloc(sizeof(*in), GFP_NOFS | __GFP_NOFAIL);

			in->efi = dx_efi_log(tp, ext, n);
			in->skip = skip;
			list_add_tail(&in->list, intents);
			n = skip = 0;
		}
	}
}

static void keep_collect(struct dx_trans *tp, struct kept *k)
{
	struct dx_log_item *lip;

	k->n = 0;
	list_for_each_entry(lip, &tp->t_items, li_trans) {
		void *what = lip->li_ops->kept ? lip->li_ops->kept(lip) : NULL;

		if (what && !WARN_ON_ONCE(k->n == MAX_KEPT)) {
			k->ops[k->n] = lip->li_ops;
			k->what[k->n++] = what;
		}
	}
}

/* Roll with everything that is kept joined before and after. */
static int roll_keeping(struct dx_trans **tpp)
{
	struct kept k;
	unsigned int i;
	int error;

	keep_collect(*tpp, &k);
	for (i = 0; i < k.n; i++)
		k.ops[i]->relog(*tpp, k.what[i]);
	error = dx_trans_roll(tpp);
	/* after an error, too: the caller finds his locks as he left them */
	for (i = 0; i < k.n; i++)
		k.ops[i]->rejoin(*tpp, k.what[i]);
	return error;
}

/* Free what one intent says.  Its count passes to the EFD. */
static int finish_intent(struct dx_trans *tp, struct intent *in)
{
	const struct dx_log_extent *x;
	struct list_head *last;
	u32 i;
	int error;

	dx_efd_log(tp, in->efi);
	for (i = 0; i < dx_efi_nextents(in->efi); i++) {
		x = dx_efi_extent(in->efi, i);
		last = tp->t_busy.prev;
		error = dx_free_extent(tp, x->ext_start, x->ext_len);
		if (error)
			return error;
		/* what this free added */
		for (last = last->next; (in->skip & (1u << i)) && last != &tp->t_busy; last = last->next)
			list_entry(last, struct dx_busy_extent, list)->flags |= DX_BUSY_SKIP_DISCARD;
	}
	return 0;
}

/**
 * dx_defer_finish - free now what has been deferred
 * @tpp: transaction; another one afterwards, clean, with what is kept joined
 *
 * Kept: inodes joined with unlock mode 0, buffers joined with hold.  They stay locked.
 *
 * Return: 0, or -errno: cancel the transaction; kept items are still joined and locked.
 */
int dx_defer_finish(struct dx_trans **tpp)
{
	struct intent *in, *n;
	LIST_HEAD(intents);
	int error = 0;

	while (!error && (!list_empty(&(*tpp)->t_defer) || !list_empty(&intents))) {
		/* freeing may defer more */
		log_intents(*tpp, &intents);
		error = roll_keeping(tpp);
		if (error)
			break;
		in = list_first_entry(&intents, struct intent, list);
		list_del(&in->list);
		error = finish_intent(*tpp, in);
		kfree(in);
	}
	if (!error && ((*tpp)->t_flags & DX_TRANS_DIRTY))
		error = roll_keeping(tpp);
	if (error && !dx_is_shutdown((*tpp)->t_mp))
		dx_force_shutdown((*tpp)->t_mp, DX_SHUT_CORRUPT_INCORE, __func__);
	list_for_each_entry_safe(in, n, &intents, list) {
		dx_efi_release(in->efi);
		kfree(in);
	}
	return error;
}

/**
 * dx_defer_cancel - forget deferred frees
 * @tp: transaction that is given up
 */
void dx_defer_cancel(struct dx_trans *tp)
{
	struct dx_defer *d, *n;

	list_for_each_entry_safe(d, n, &tp->t_defer, list) {
		list_del(&d->list);
		kfree(d);
	}
}
