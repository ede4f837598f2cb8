// SPDX-License-Identifier: GPL-2.0-only
/*
 * ILOCK: the lock of the extent maps, the on-disk core and the log item of
 * an inode (L1: after the folio locks, before AG headers and buffers).
 *
 * Several at once: a directory before an inode that nobody else can know yet (creation);
 * everything else in ascending order of inode numbers.  The second and
 * later ones are taken with a lockdep subclass of their own.
 */
#include "dx_inode_item.h"

#define MAX_LOCKED	5

/**
 * dx_ilock - take the ILOCK
 * @ip: inode
 * @mode: DX_ILOCK_SHARED or DX_ILOCK_EXCL
 */
void dx_ilock(struct dx_inode *ip, int mode)
{
	if (mode == DX_ILOCK_EXCL)
		down_write(&ip->ilock);
	else
		down_read(&ip->ilock);
}

/**
 * dx_ilock_child - take the ILOCK of a new inode, exclusively, under its directory's
 * @ip: inode that has just been allocated
 */
void dx_ilock_child(struct dx_inode *ip)
{
	down_write_nested(&ip->ilock, MAX_LOCKED + 1);
}

/**
 * dx_ilock_inner - take the ILOCK of a quota file, under that of an inode that is to be charged, or of none
 * @ip: quota file
 * @mode: DX_ILOCK_SHARED or DX_ILOCK_EXCL
 */
void dx_ilock_inner(struct dx_inode *ip, int mode)
{
	if (mode == DX_ILOCK_EXCL)
		down_write_nested(&ip->ilock, MAX_LOCKED + 2);
	else
		down_read_nested(&ip->ilock, MAX_LOCKED + 2);
}

/**
 * dx_ilock_try - take the ILOCK if that needs no wait
 * @ip: inode
 * @mode: DX_ILOCK_SHARED or DX_ILOCK_EXCL
 *
 * Return: whether it was taken.
 */
bool dx_ilock_try(struct dx_inode *ip, int mode)
{
	if (mode == DX_ILOCK_EXCL)
		return down_write_trylock(&ip->ilock);
	return down_read_trylock(&ip->ilock);
}

/**
 * dx_iunlock - give the ILOCK back
 * @ip: inode
 * @mode: as taken
 */
void dx_iunlock(struct dx_inode *ip, int mode)
{
	if (mode == DX_ILOCK_EXCL) {
		dx_quota_settle(ip);
		up_write(&ip->ilock);
	} else {
		up_read(&ip->ilock);
	}
}

/**
 * dx_ilock_two - take two ILOCKs exclusively, lower inode number first
 * @a: inode
 * @b: another one
 */
void dx_ilock_two(struct dx_inode *a, struct dx_inode *b)
{
	struct dx_inode *ips[2] = { a, b };

	dx_ilock_many(ips, 2);
}

/**
 * dx_ilock_many - take up to MAX_LOCKED ILOCKs exclusively
 * @ips: inodes in any order, NULLs and repeats allowed; sorted in place by
 *	number, NULLs last
 * @n: entries
 */
void dx_ilock_many(struct dx_inode **ips, int n)
{
	int i, j;

	if (WARN_ON_ONCE(n > MAX_LOCKED))
		n = MAX_LOCKED;
	for (i = 1; i < n; i++) {
		struct dx_inode *x = ips[i];

		for (j = i; j > 0 && x && (!ips[j - 1] || ips[j - 1]->ino > x->ino); j--)
			ips[j] = ips[j - 1];
		ips[j] = x;
	}
	for (i = 0; i < n; i++) {
		if (!ips[i] || (i && ips[i] == ips[i - 1]))
			continue;
		down_write_nested(&ips[i]->ilock, i);
	}
}

static int map_lock(struct dx_inode *ip, struct dx_fork *f)
{
	int mode = DX_ILOCK_SHARED;

	if (f && f->format == DX_DINODE_FMT_BTREE && !f->extents_read)
		mode = DX_ILOCK_EXCL;
	dx_ilock(ip, mode);
	return mode;
}

/**
 * dx_ilock_data_map_shared - ILOCK to look at the data fork's extents
 * @ip: inode
 *
 * Reading extents in changes the in-core tree: that first time takes it exclusively.
 *
 * Return: the mode taken, for dx_iunlock().
 */
int dx_ilock_data_map_shared(struct dx_inode *ip)
{
	return map_lock(ip, &ip->df);
}

/**
 * dx_ilock_attr_map_shared - ILOCK to look at the attribute fork's extents
 * @ip: inode
 *
 * The fork can come into being while we wait, but then its extents are in core already.
 *
 * Return: the mode taken, for dx_iunlock().
 */
int dx_ilock_attr_map_shared(struct dx_inode *ip)
{
	return map_lock(ip, READ_ONCE(ip->af));
}
