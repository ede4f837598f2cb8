// SPDX-License-Identifier: GPL-2.0-only
/*
 * Busy extents: freed in memory, but the transaction that freed them is not
 * durable yet (or their discard is still under way).
 *
 * If such blocks were given to a file and written, and then the machine died,
 * recovery would bring back the old owner with the new one's bytes in it.  So each
 * AG keeps its busy extents in a tree without overlaps, and every entry is also
 * on a list: its transaction's, then its checkpoint's, then (online discard) a discard's.
 * Whoever holds the list clears the entries.
 *
 * A metadata reuse takes a range out of an entry; when that leaves two pieces,
 * the second hangs off the first (->part) and shares its fate.
 *
 * Discards go a piece at a time: only the piece that the device is at (DX_BUSY_DISCARDED) is out of reach of metadata,
 * and each is free for all as soon as it is done.  So whoever needs space waits for one piece at most, however
 * slow the device is.
 *
 * Lock: pag->busy_lock, a leaf; never held while sleeping.
 */
#include "dx_alloc_int.h"

#define PIECE_BYTES	(64 << 20)	/* of a discard, at most */
#define AG_PIECES	16		/* nor more of an AG than one in so many */
#define WAIT_LIMIT	(30 * HZ)	/* for an extent that others go on using */
#define SETTLE_LIMIT	(5 * HZ)	/* for all, where others go on freeing */

/* First entry that ends behind @bno. */
static struct dx_busy_extent *busy_first(struct dx_perag *pag, dx_agbno_t bno)
{
	struct rb_node *n = pag->busy_tree.rb_node;
	struct dx_busy_extent *best = NULL;

	while (n) {
		struct dx_busy_extent *b = rb_entry(n, struct dx_busy_extent, rb);

		if (b->bno + b->len > bno) {
			best = b;
			n = n->rb_left;
		} else {
			n = n->rb_right;
		}
	}
	return best;
}

static struct dx_busy_extent *busy_next(struct dx_busy_extent *b)
{
	struct rb_node *n = rb_next(&b->rb);

	return n ? rb_entry(n, struct dx_busy_extent, rb) : NULL;
}

static void busy_link(struct dx_perag *pag, struct dx_busy_extent *new)
{
	struct rb_node **p = &pag->busy_tree.rb_node, *parent = NULL;

	while (*p) {
		struct dx_busy_extent *b = rb_entry(*p, struct dx_busy_extent, rb);

		parent = *p;
		p = new->bno < b->bno ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&new->rb, parent, p);
	rb_insert_color(&new->rb, &pag->busy_tree);
}

static void busy_unlink(struct dx_perag *pag, struct dx_busy_extent *b)
{
	if (b->len)
		rb_erase(&b->rb, &pag->busy_tree);
	b->len = 0;
}

/*
 * Take [bno, bno+len) out of the tree.  Returns false when an entry there is
 * being discarded (nothing done), or needs *spare and there is none.
 */
static bool busy_cut(struct dx_perag *pag, dx_agbno_t bno, dx_extlen_t len, struct dx_busy_extent **spare,
		     bool *discarding)
{
	dx_agbno_t end = bno + len, bend;
	struct dx_busy_extent *b, *next, *part;

	for (b = busy_first(pag, bno); b && b->bno < end; b = busy_next(b)) {
		if (b->flags & DX_BUSY_DISCARDED) {
			*discarding = true;
			return false;
		}
		if (b->bno < bno && b->bno + b->len > end && !*spare)
			return false;
	}
	for (b = busy_first(pag, bno); b && b->bno < end; b = next) {
		next = busy_next(b);
		bend = b->bno + b->len;
		if (b->bno < bno) {
			b->len = bno - b->bno;
			if (bend > end) {
				part = *spare;
				*spare = NULL;
				part->agno = b->agno;
				part->bno = end;
				part->len = bend - end;
				part->flags = b->flags;
				part->part = b->part;
				b->part = part;
				busy_link(pag, part);
			}
		} else if (bend > end) {
			/* stays in order: nothing lies between the old start and the new one */
			b->bno = end;
			b->len = bend - end;
		} else {
			busy_unlink(pag, b);
		}
	}
	return true;
}

/**
 * dx_busy_insert_list - make an extent busy, on a given list
 * @mp: mount
 * @list: list that its clearing goes by; the caller's own
 * @agno: AG
 * @bno: first block
 * @len: blocks
 * @flags: DX_BUSY_*
 *
 * Blocks that are busy already change over to the new entry, whose end is later.
 */
void dx_busy_insert_list(struct dx_mount *mp, struct list_head *list, dx_agno_t agno, dx_agbno_t bno,
			 dx_extlen_t len, u32 flags)
{
	struct dx_perag *pag = dx_perag(mp, agno);
	struct dx_busy_extent *b = kzalloc(sizeof(*b), GFP_NOFS | __GFP_NOFAIL);

	b->agno = agno;
	b->bno = bno;
	b->len = len;
	b->flags = flags;
	atomic_inc(&mp->busy_nr);
	dx_busy_reuse(mp, agno, bno, len, false);
	spin_lock(&pag->busy_lock);
	busy_link(pag, b);
	list_add_tail(&b->list, list);
	spin_unlock(&pag->busy_lock);
}

/**
 * dx_busy_insert - make a freed extent busy until its transaction is durable
 * @tp: transaction that frees; AGF locked
 * @agno: AG
 * @bno: first block
 * @len: blocks
 * @skip_discard: not worth a discard (a btree block that will soon be used again)
 */
void dx_busy_insert(struct dx_trans *tp, dx_agno_t agno, dx_agbno_t bno, dx_extlen_t len, bool skip_discard)
{
	dx_busy_insert_list(tp->t_mp, &tp->t_busy, agno, bno, len, skip_discard ? DX_BUSY_SKIP_DISCARD : 0);
}

/**
 * dx_busy_overlaps - is any block of an extent busy?
 * @mp: mount
 * @agno: AG
 * @bno: first block
 * @len: blocks
 */
bool dx_busy_overlaps(struct dx_mount *mp, dx_agno_t agno, dx_agbno_t bno, dx_extlen_t len)
{
	struct dx_perag *pag = dx_perag(mp, agno);
	struct dx_busy_extent *b;
	bool ret;

	spin_lock(&pag->busy_lock);
	b = busy_first(pag, bno);
	ret = b && b->bno < bno + len;
	spin_unlock(&pag->busy_lock);
	return ret;
}

/* Next entry from @b on, before @end, with all of @flags. */
static struct dx_busy_extent *busy_with(struct dx_busy_extent *b, dx_agbno_t end, u32 flags)
{
	while (b && b->bno < end && (b->flags & flags) != flags)
		b = busy_next(b);
	return b && b->bno < end ? b : NULL;
}

/**
 * dx_busy_trim - cut an extent down to its longest part that is not busy
 * @mp: mount
 * @agno: AG
 * @bno: in, out: first block
 * @len: in, out: blocks; 0 when all are busy
 * @flags: DX_BUSY_DISCARDED: only what the device is discarding counts as busy; 0: everything does
 * @gen: out, when something was busy: for dx_busy_flush()
 *
 * Returns whether anything was busy.
 */
bool dx_busy_trim(struct dx_mount *mp, dx_agno_t agno, dx_agbno_t *bno, dx_extlen_t *len, u32 flags, unsigned int *gen)
{
	struct dx_perag *pag = dx_perag(mp, agno);
	dx_agbno_t pos = *bno, end = *bno + *len, best = *bno;
	dx_extlen_t best_len = 0;
	struct dx_busy_extent *b;

	spin_lock(&pag->busy_lock);
	b = busy_with(busy_first(pag, pos), end, flags);
	if (!b) {
		spin_unlock(&pag->busy_lock);
		return false;
	}
	for (; b; b = busy_with(busy_next(b), end, flags)) {
		if (b->bno > pos && b->bno - pos > best_len) {
			best = pos;
			best_len = b->bno - pos;
		}
		pos = b->bno + b->len;
	}
	if (pos < end && end - pos > best_len) {
		best = pos;
		best_len = end - pos;
	}
	*gen = atomic_read(&mp->busy_gen);
	spin_unlock(&pag->busy_lock);
	*bno = best;
	*len = best_len;
	return true;
}

/**
 * dx_busy_reuse - a metadata block takes a busy extent: it is not busy any more
 * @mp: mount
 * @agno: AG, AGF locked
 * @bno: first block
 * @len: blocks
 * @userdata: must be false; data waits with dx_busy_flush() instead
 *
 * Waits for a discard under way, of one piece: it would destroy the new contents.
 */
void dx_busy_reuse(struct dx_mount *mp, dx_agno_t agno, dx_agbno_t bno, dx_extlen_t len, bool userdata)
{
	struct dx_perag *pag = dx_perag(mp, agno);
	struct dx_busy_extent *spare = NULL;
	bool discarding, done;
	unsigned int gen;

	WARN_ON_ONCE(userdata);
	do {
		discarding = false;
		spin_lock(&pag->busy_lock);
		done = busy_cut(pag, bno, len, &spare, &discarding);
		gen = atomic_read(&mp->busy_gen);
		spin_unlock(&pag->busy_lock);
		if (done)
			break;
		if (discarding)
			wait_event(mp->busy_wait, atomic_read(&mp->busy_gen) != gen);
		else
			spare = kzalloc(sizeof(*spare), GFP_NOFS | __GFP_NOFAIL);
	} while (!done);
	kfree(spare);
}

/**
 * dx_busy_flush - force the log and wait until some busy extent is clear
 * @mp: mount; the caller had better hold no AGF
 * @gen: from dx_busy_trim()
 *
 * What waits to be discarded for the mount option alone is let go for us.  Gives up after a while: the busy
 * ones may be the caller's own.
 */
void dx_busy_flush(struct dx_mount *mp, unsigned int gen)
{
	atomic_inc(&mp->busy_waiters);
	if (!dx_log_force(mp, true))
		wait_event_timeout(mp->busy_wait, atomic_read(&mp->busy_gen) != gen || dx_is_shutdown(mp), HZ / 4);
	atomic_dec(&mp->busy_waiters);
}

/**
 * dx_busy_wait - wait until nothing of an extent is busy
 * @mp: mount; the caller has no transaction
 * @agno: AG
 * @bno: first block
 * @len: blocks
 *
 * What else is busy is not waited for: while others go on freeing, something always is.  Nor is the extent for ever, as they
 * may use it again; and whoever is to die gives up.
 *
 * Return: whether nothing of it is busy.
 */
bool dx_busy_wait(struct dx_mount *mp, dx_agno_t agno, dx_agbno_t bno, dx_extlen_t len)
{
	unsigned long limit = jiffies + WAIT_LIMIT;

	for (;;) {
		dx_agbno_t at = bno;
		dx_extlen_t n = len;
		unsigned int gen;

		if (!dx_busy_trim(mp, agno, &at, &n, 0, &gen))
			return true;
		if (dx_is_shutdown(mp) || dx_plat_killed() || time_after(jiffies, limit))
			return false;
		dx_busy_flush(mp, gen);
	}
}

/* Whatever is left of an entry is not busy any more. */
static void entry_free(struct dx_mount *mp, struct dx_busy_extent *b)
{
	struct dx_perag *pag = dx_perag(mp, b->agno);
	struct dx_busy_extent *part;

	list_del_init(&b->list);
	spin_lock(&pag->busy_lock);
	for (part = b; part; part = part->part)
		busy_unlink(pag, part);
	atomic_dec(&mp->busy_nr);
	atomic_inc(&mp->busy_gen);
	spin_unlock(&pag->busy_lock);
	wake_up_all(&mp->busy_wait);
	for (; b; b = part) {
		part = b->part;
		kfree(b);
	}
}

static void busy_free(struct dx_mount *mp, struct list_head *list)
{
	struct dx_busy_extent *b, *next;

	list_for_each_entry_safe(b, next, list, list)
		entry_free(mp, b);
}

/**
 * dx_busy_piece - how much one discard may keep from everybody
 * @mp: mount
 *
 * Return: blocks.
 */
u32 dx_busy_piece(struct dx_mount *mp)
{
	return max_t(u32, min_t(u32, PIECE_BYTES >> mp->sb.blocklog, mp->sb.agblocks / AG_PIECES), 1);
}

/* Move up to @max blocks from the start of a part into @piece, for the device.  False when nothing is left of it. */
static bool piece_begin(struct dx_perag *pag, struct dx_busy_extent *part, struct dx_busy_extent *piece, u32 max)
{
	u32 n;

	spin_lock(&pag->busy_lock);
	n = min_t(u32, part->len, max);
	if (n) {
		*piece = (struct dx_busy_extent){
			.agno = part->agno, .bno = part->bno, .len = n, .flags = DX_BUSY_DISCARDED,
		};
		if (n == part->len) {
			busy_unlink(pag, part);
		} else {
			part->bno += n;
			part->len -= n;
		}
		busy_link(pag, piece);
	}
	spin_unlock(&pag->busy_lock);
	return n;
}

static void piece_end(struct dx_mount *mp, struct dx_busy_extent *piece)
{
	struct dx_perag *pag = dx_perag(mp, piece->agno);

	spin_lock(&pag->busy_lock);
	busy_unlink(pag, piece);
	atomic_inc(&mp->busy_gen);
	spin_unlock(&pag->busy_lock);
	wake_up_all(&mp->busy_wait);
}

/**
 * dx_busy_discard - discard what a list of busy extents covers, and clear them
 * @mp: mount
 * @list: entries whose blocks nobody will need, by what is on disk; empty afterwards
 * @yield: stop when somebody waits for space; else when the mount becomes read-only, which waits for us
 *
 * Sleeps.  A failure ends the effort but is no error: a discard is a hint.
 *
 * Return: blocks discarded.
 */
u64 dx_busy_discard(struct dx_mount *mp, struct list_head *list, bool yield)
{
	struct dx_busy_extent *b, *next, *part, piece;
	u32 max = dx_busy_piece(mp), len;
	bool stop = false;
	u64 blocks = 0;

	list_for_each_entry_safe(b, next, list, list) {
		struct dx_perag *pag = dx_perag(mp, b->agno);

		/* a part that is used up is in nobody's reach, so what hangs off it stays */
		for (part = b; part && !stop; part = part->part) {
			while (!stop && piece_begin(pag, part, &piece, max)) {
				len = piece.len;
				stop = dx_plat_discard(mp->bdev, dx_agb_to_daddr(mp, piece.agno, piece.bno),
						       dx_fsb_to_bb(mp, len));
				if (!stop)
					blocks += len;
				piece_end(mp, &piece);
				cond_resched();
				stop |= (yield && atomic_read(&mp->busy_waiters)) || dx_is_shutdown(mp) || dx_plat_interrupted() ||
					(!yield && test_bit(DX_OP_GOING_RO, &mp->opstate));
			}
		}
		entry_free(mp, b);
	}
	return blocks;
}

struct discard_work {
	struct work_struct	work;
	struct dx_mount		*mp;
	struct list_head	list;
};

static void discard_fn(struct work_struct *work)
{
	struct discard_work *dw = container_of(work, struct discard_work, work);

	dx_busy_discard(dw->mp, &dw->list, true);
	kfree(dw);
}

/**
 * dx_busy_clear - the frees on a list are durable (or will never be)
 * @mp: mount
 * @list: of a checkpoint or a cancelled transaction; empty afterwards
 * @durable: the checkpoint made it to disk: discard first, when mounted so
 *
 * Context: process context; discards run later on mp->discard_wq.
 */
void dx_busy_clear(struct dx_mount *mp, struct list_head *list, bool durable)
{
	struct dx_busy_extent *b, *next;
	struct discard_work *dw;

	if (!durable || !mp->opts.discard || !mp->discard_wq || dx_is_shutdown(mp) ||
	    list_empty(list) || !dx_plat_can_discard(mp->bdev)) {
		busy_free(mp, list);
		return;
	}
	dw = kzalloc(sizeof(*dw), GFP_NOFS | __GFP_NOFAIL);
	dw->mp = mp;
	INIT_LIST_HEAD(&dw->list);
	INIT_WORK(&dw->work, discard_fn);
	list_for_each_entry_safe(b, next, list, list) {
		if (!(b->flags & DX_BUSY_SKIP_DISCARD))
			list_move_tail(&b->list, &dw->list);
	}
	busy_free(mp, list);
	if (list_empty(&dw->list)) {
		kfree(dw);
		return;
	}
	queue_work(mp->discard_wq, &dw->work);
}

/**
 * dx_busy_wait_all - wait until no extent of the volume is busy
 * @mp: mount, log forced, no transaction running
 *
 * Where one may run after all, when a remount is an emergency, some extent may be busy all the time: that is given a while,
 * and the discards that have begun, their end.
 */
void dx_busy_wait_all(struct dx_mount *mp)
{
	unsigned long limit = jiffies + SETTLE_LIMIT, now;
	dx_agno_t agno;

	for (agno = 0; agno < dx_agcount(mp) && !dx_is_shutdown(mp); agno++) {
		struct dx_perag *pag = dx_perag(mp, agno);

		now = jiffies;
		if (time_before(now, limit))
			wait_event_timeout(mp->busy_wait, RB_EMPTY_ROOT(&pag->busy_tree) || dx_is_shutdown(mp), limit - now);
	}
	if (mp->discard_wq)
		flush_workqueue(mp->discard_wq);
}
