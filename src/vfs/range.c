// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is in which range of a file, and who waits for it (lockout.h, "Who is in a range").
 *
 * Two interval trees: those that are beside each other (direct I/O, additive operations), and those that are alone
 * (ranged operations).  Everybody who comes counts who is in his way: came before, overlaps, and is alone or meets one
 * that is.  Everybody who leaves takes himself off the counts of those who came later.  At nought one is in.  So the order
 * of arrival is kept among those that conflict, whatever their kind, and those that do not conflict never meet.
 *
 * Direct I/O finds its entry again by its iocb, in whatever context it completes.
 *
 * Context: enter under the IOLOCK, may sleep; leave anywhere, interrupts too.
 */
#include <linux/hash.h>
#include <linux/interval_tree_generic.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include "dx_vfs.h"
#include "trace.h"

#define IOCB_BITS	6

struct dx_ranges {
	spinlock_t		lock;		/* all of it, and what the entries say */
	u64			turn;
	struct rb_root_cached	beside, alone;
	struct hlist_head	by_iocb[1 << IOCB_BITS];
};

#define FIRST(r)	((r)->first)
#define LAST(r)		((r)->last)
INTERVAL_TREE_DEFINE(struct dx_range, rb, u64, subtree_last, FIRST, LAST, static, tree)

/**
 * dx_ranges_new - a book with nobody in it
 *
 * Return: it, to be freed with kfree(); NULL without memory.
 */
struct dx_ranges *dx_ranges_new(void)
{
	struct dx_ranges *rs = kzalloc(sizeof(*rs), GFP_NOFS | __GFP_NOWARN);

	if (rs) {
		spin_lock_init(&rs->lock);
		rs->beside = RB_ROOT_CACHED;
		rs->alone = RB_ROOT_CACHED;
	}
	return rs;
}

static unsigned int overlapping(struct rb_root_cached *tree, const struct dx_range *r)
{
	struct dx_range *o;
	unsigned int n = 0;

	for (o = tree_iter_first(tree, r->first, r->last); o; o = tree_iter_next(o, r->first, r->last))
		n++;
	return n;
}

/* Everybody in the book came before.  False: somebody is in the way, and @may_wait is false. */
static bool come(struct dx_ranges *rs, struct dx_range *r, bool may_wait)
{
	r->ahead = overlapping(&rs->alone, r);
	if (r->alone)
		r->ahead += overlapping(&rs->beside, r);
	if (r->ahead && !may_wait)
		return false;
	if (r->ahead)
		init_completion(&r->granted);
	r->turn = rs->turn++;
	tree_insert(r, r->alone ? &rs->alone : &rs->beside);
	if (r->iocb)
		hlist_add_head(&r->by_iocb, &rs->by_iocb[hash_ptr(r->iocb, IOCB_BITS)]);
	return true;
}

static void let_in(struct rb_root_cached *tree, const struct dx_range *gone)
{
	struct dx_range *o;

	for (o = tree_iter_first(tree, gone->first, gone->last); o; o = tree_iter_next(o, gone->first, gone->last))
		if (o->turn > gone->turn && !--o->ahead)
			complete(&o->granted);
}

static void go(struct dx_ranges *rs, struct dx_range *r)
{
	tree_remove(r, r->alone ? &rs->alone : &rs->beside);
	if (r->iocb)
		hlist_del(&r->by_iocb);
	let_in(&rs->alone, r);
	if (r->alone)
		let_in(&rs->beside, r);
}

static void set_range(struct dx_range *r, loff_t pos, loff_t len, bool alone)
{
	r->first = pos;
	r->last = pos + max_t(loff_t, len, 1) - 1;
	r->alone = alone;
}

/**
 * dx_range_come - get in line for a range
 * @rs: the inode's
 * @r: filled in; stays until dx_range_leave()
 * @pos: bytes
 * @len: bytes
 * @alone: beside nobody; else beside all that are not
 *
 * IOLOCK held, shared at least, and no other range of this inode.  Return: true if somebody is in the way, so that
 * dx_range_wait() must follow; false: it is entered.
 */
bool dx_range_come(struct dx_ranges *rs, struct dx_range *r, loff_t pos, loff_t len, bool alone)
{
	unsigned long flags;
	bool waits;

	set_range(r, pos, len, alone);
	r->iocb = NULL;
	spin_lock_irqsave(&rs->lock, flags);
	come(rs, r, true);
	waits = r->ahead;
	spin_unlock_irqrestore(&rs->lock, flags);
	return waits;
}

/**
 * dx_range_wait - until nobody is in the way
 * @r: in line
 * @timeout: jiffies; MAX_SCHEDULE_TIMEOUT: as long as it takes
 *
 * The MMAPLOCK is not held: those in the way go on without our help, but may fault.  Return: true when the range is entered,
 * false after @timeout, and one may wait again.
 */
bool dx_range_wait(struct dx_range *r, unsigned long timeout)
{
	return wait_for_completion_timeout(&r->granted, timeout);
}

/**
 * dx_range_leave - out of a range; lets in whom nobody else is in the way of
 * @rs: the inode's
 * @r: entered
 */
void dx_range_leave(struct dx_ranges *rs, struct dx_range *r)
{
	unsigned long flags;

	spin_lock_irqsave(&rs->lock, flags);
	go(rs, r);
	spin_unlock_irqrestore(&rs->lock, flags);
}

/**
 * dx_range_enter_dio - a direct I/O is about to look at the extents
 * @iocb: its position is settled; IOLOCK held, shared at least
 * @count: bytes
 *
 * Nothing happens in a file that keeps no book.  Return: 0, -ENOMEM, or -EAGAIN for NOWAIT, with nothing left behind.
 */
int dx_range_enter_dio(struct kiocb *iocb, size_t count)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct dx_ranges *rs = dx_vnode(inode)->ranges;
	bool nowait = iocb->ki_flags & IOCB_NOWAIT, in;
	struct dx_range *r;
	unsigned long flags;

	if (likely(!rs))
		return 0;
	r = kmalloc(sizeof(*r), nowait ? GFP_NOWAIT | __GFP_NOWARN : GFP_KERNEL);
	if (!r)
		return nowait ? -EAGAIN : -ENOMEM;
	set_range(r, iocb->ki_pos, count, false);
	r->iocb = iocb;
	spin_lock_irqsave(&rs->lock, flags);
	in = come(rs, r, !nowait);
	spin_unlock_irqrestore(&rs->lock, flags);
	if (!in) {
		kfree(r);
		return -EAGAIN;
	}
	/* Nobody else changes it to other than nought, and nobody takes us out while we are not submitted. */
	if (READ_ONCE(r->ahead) && !dx_errortag(inode, DX_TAG_RANGE_AFTER_MAP)) {
		dx_count(inode, DX_C_DIO_RANGE_WAITS);
		trace_dx_dio_range_wait(inode, iocb->ki_pos, count, iocb->ki_flags);
		wait_for_completion(&r->granted);
	}
	return 0;
}

/**
 * dx_range_leave_dio - a direct I/O has completed, or was not submitted
 * @iocb: nothing happens unless it has entered
 *
 * The last that it does, but for the count that a drain waits for.  Any context.
 */
void dx_range_leave_dio(struct kiocb *iocb)
{
	struct dx_ranges *rs = dx_vnode(file_inode(iocb->ki_filp))->ranges;
	struct dx_range *r = NULL;
	struct hlist_node *n;
	unsigned long flags;

	if (likely(!rs))
		return;
	spin_lock_irqsave(&rs->lock, flags);
	for (n = rs->by_iocb[hash_ptr(iocb, IOCB_BITS)].first; n && !r; n = n->next)
		if (hlist_entry(n, struct dx_range, by_iocb)->iocb == iocb)
			r = hlist_entry(n, struct dx_range, by_iocb);
	if (r)
		go(rs, r);
	spin_unlock_irqrestore(&rs->lock, flags);
	kfree(r);
}
