// SPDX-License-Identifier: GPL-2.0-only
/* The operations of the model, done to a mounted volume: see util_model.h. */
#include <stdio.h>
#include <stdlib.h>
#include "util_model.h"
#include "util_model_int.h"

static struct dx_name nm(u32 i, char *buf, umode_t mode)
{
	struct dx_name n = { .name = (u8 *)buf };

	n.len = um_name(i, buf);
	n.ftype = dx_mode_to_ftype(mode);
	return n;
}

static int get(struct um_user *u, u32 id, struct dx_inode **ipp)
{
	if (u->held[id]) {
		*ipp = u->held[id];
		dx_ihold(*ipp);
		return 0;
	}
	return dx_iget(u->mp, NULL, u->fsino[id], 0, ipp);
}

/* through the directory, which must name the right inode */
static int get_by_name(struct um_user *u, struct dx_inode *dp, u32 name, u32 id, struct dx_inode **ipp)
{
	char buf[256];
	struct dx_name n = nm(name, buf, 0);
	dx_ino_t ino;
	int error = dx_lookup(dp, &n, &ino, NULL);

	if (error)
		return error;
	if (ino != u->fsino[id]) {
		printf("  user %d: %s is inode %llu, should be %llu\n", u->id, buf, (unsigned long long)ino,
		       (unsigned long long)u->fsino[id]);
		CHECK(ino == u->fsino[id]);
		return -EUCLEAN;
	}
	return get(u, id, ipp);
}

struct xfer { struct dx_io io; struct completion done; void *buf; };

static void xfer_done(struct dx_io *io, int error)
{
	complete(io->owner);
}

/* Data goes to the device as direct I/O would take it there: everything at once, then wait. */
static int put_data(struct um_user *u, struct dx_inode *ip, const struct op *o)
{
	u32 bs = u->mp->sb.blocksize, n = 0, i, w;
	dx_fileoff_t off = o->blk, end = o->blk + o->n;
	struct xfer *x = calloc(o->n, sizeof(*x));
	struct dx_mapped got;
	int error = 0;

	while (off < end) {
		u64 part;

		if (o->flag)
			error = dx_bmap_convert_delalloc(ip, off, &got);
		else
			error = dx_iomap_alloc(ip, off, end - off, false, false, &got);
		if (error)
			break;
		if (!CHECK(got.rec.startoff <= off && got.rec.startoff + got.rec.blockcount > off && dx_irec_is_real(&got.rec))) {
			error = -EUCLEAN;
			break;
		}
		part = min(end, got.rec.startoff + got.rec.blockcount) - off;
		x[n].buf = malloc(part * bs);
		for (w = 0; w < part * bs / 4; w++)
			((u32 *)x[n].buf)[w] = o->seed;
		init_completion(&x[n].done);
		x[n].io = (struct dx_io){
			.op = DX_IO_WRITE, .bdev = u->mp->bdev, .data = x[n].buf, .len_bytes = part * bs,
			.daddr_bb = dx_fsb_to_daddr(u->mp, got.rec.startblock + (off - got.rec.startoff)),
			.done = xfer_done, .owner = &x[n].done,
		};
		dx_plat_submit(&x[n].io);
		n++;
		off += part;
	}
	for (i = 0; i < n; i++) {
		wait_for_completion(&x[i].done);
		if (!error)
			error = x[i].io.error;
		free(x[i].buf);
	}
	free(x);
	return error;
}

static int do_write(struct um_user *u, struct dx_inode *ip, const struct op *o)
{
	dx_fileoff_t off = o->blk, end = o->blk + o->n;
	u32 bs = u->mp->sb.blocksize;
	struct dx_irec got;
	int error = 0;

	if (o->flag) {
		dx_ilock(ip, DX_ILOCK_EXCL);
		while (off < end && !error) {
			error = dx_bmap_reserve_delalloc(ip, off, end - off, o->seed % 3 ? 0 : 16, &got);
			if (!error)
				off = min(end, got.startoff + got.blockcount);
		}
		if (error)
			dx_bmap_punch_delalloc(ip, o->blk, o->n);
		dx_iunlock(ip, DX_ILOCK_EXCL);
		if (error)
			return error;
	}
	error = put_data(u, ip, o);
	if (!error)
		error = dx_iomap_write_unwritten(ip, (u64)o->blk * bs, (u64)o->n * bs, o->size);
	if (error && o->flag) {
		dx_ilock(ip, DX_ILOCK_EXCL);
		dx_bmap_punch_delalloc(ip, o->blk, o->n);
		dx_iunlock(ip, DX_ILOCK_EXCL);
	}
	return error;
}

static int do_make(struct um_user *u, const struct op *o)
{
	struct dx_create_args a = { .mode = o->mode, .uid = o->seed % 1000, .init_xattrs = o->flag };
	char buf[256], target[1100];
	struct dx_inode *dp, *ip;
	struct dx_name n = nm(o->name, buf, o->mode);
	int error = get(u, o->dir, &dp);

	if (error)
		return error;
	if (o->kind == OP_SYMLINK) {
		um_target(target, o->len, o->seed);
		error = dx_symlink(dp, &n, target, &a, &ip);
	} else if (o->kind == OP_TMPFILE) {
		error = dx_create_tmpfile(dp, &a, &ip);
	} else {
		error = dx_create(dp, &n, &a, &ip);
	}
	dx_idrop(dp);
	if (error)
		return error;
	u->fsino[o->id] = ip->ino;
	if (o->kind == OP_TMPFILE)
		u->held[o->id] = ip;
	else
		dx_idrop(ip);
	return 0;
}

static int do_remove(struct um_user *u, const struct op *o)
{
	struct dx_inode *dp, *ip;
	char buf[256];
	struct dx_name n = nm(o->name, buf, 0);
	int error = get(u, o->dir, &dp);

	if (error)
		return error;
	error = get_by_name(u, dp, o->name, o->id, &ip);
	if (!error) {
		error = dx_remove(dp, &n, ip);
		if (!error && o->flag && !u->held[o->id] && !ip->d.nlink)
			u->held[o->id] = ip;
		else
			dx_idrop(ip);
	}
	dx_idrop(dp);
	return error;
}

static int do_rename(struct um_user *u, const struct op *o)
{
	u32 flags = o->kind == OP_EXCHANGE ? DX_RENAME_EXCHANGE : o->wid ? DX_RENAME_WHITEOUT : 0;
	struct dx_create_args wa = { .mode = S_IFCHR };
	struct dx_inode *sdp, *tdp, *sip, *tip = NULL, *wip = NULL;
	char sbuf[256], tbuf[256];
	struct dx_name s = nm(o->name, sbuf, 0), t = nm(o->name2, tbuf, 0);
	int error;

	error = get(u, o->dir, &sdp);
	if (error)
		return error;
	error = get(u, o->dir2, &tdp);
	if (error)
		goto out_sdp;
	error = get_by_name(u, sdp, o->name, o->id, &sip);
	if (error)
		goto out_tdp;
	if (o->id2)
		error = get_by_name(u, tdp, o->name2, o->id2, &tip);
	if (!error && o->wid) {
		error = dx_create_tmpfile(sdp, &wa, &wip);
		if (!error)
			u->fsino[o->wid] = wip->ino;
	}
	if (!error)
		error = dx_rename(sdp, &s, sip, tdp, &t, tip, wip, flags);
	if (wip)
		dx_idrop(wip);
	if (tip)
		dx_idrop(tip);
	dx_idrop(sip);
out_tdp:
	dx_idrop(tdp);
out_sdp:
	dx_idrop(sdp);
	return error;
}

static int do_link(struct um_user *u, const struct op *o)
{
	struct dx_inode *dp, *ip;
	char buf[256];
	struct dx_name n;
	int error = get(u, o->dir, &dp);

	if (error)
		return error;
	error = get(u, o->id, &ip);
	if (!error) {
		n = nm(o->name, buf, ip->d.mode);
		error = dx_link(dp, ip, &n);
		dx_idrop(ip);
	}
	dx_idrop(dp);
	return error;
}

static int do_file(struct um_user *u, const struct op *o)
{
	u64 bs = u->mp->sb.blocksize;
	struct dx_attr_arg xa = { .nsp = o->nsp };
	struct dx_setattr sa = { .valid = DX_ATTR_UID, .uid = o->seed };
	struct dx_inode *ip;
	char xname[256];
	int error = get(u, o->id, &ip);

	if (error)
		return error;
	switch (o->kind) {
	case OP_WRITE:
		error = do_write(u, ip, o);
		break;
	case OP_TRUNC:
		error = dx_setsize_trans(ip, o->size, o->size < ip->d.size, true);
		break;
	case OP_ALLOC:
		error = dx_alloc_file_space(ip, o->blk * bs, o->n * bs);
		break;
	case OP_PUNCH:
		error = dx_free_file_space(ip, o->blk * bs, o->n * bs);
		break;
	case OP_COLLAPSE:
		error = dx_free_eofblocks(ip);
		if (!error)
			error = dx_free_file_space(ip, o->blk * bs, o->n * bs);
		if (!error)
			error = dx_collapse_file_space(ip, o->blk * bs, o->n * bs);
		if (!error)
			error = dx_setsize_trans(ip, o->size, true, true);
		break;
	case OP_INSERT:
		error = dx_free_eofblocks(ip);
		if (!error)
			error = dx_setsize_trans(ip, o->size, false, true);
		if (!error)
			error = dx_insert_file_space(ip, o->blk * bs, o->n * bs, NULL);
		break;
	case OP_SETX:
	case OP_RMX:
		xa.ip = ip;
		xa.name = (u8 *)xname;
		xa.namelen = um_xname(o->xname, xname);
		if (o->kind == OP_SETX) {
			xa.valuelen = o->len;
			xa.value = malloc(o->len + 1);
			um_fill(xa.value, o->len, o->seed);
		}
		error = dx_attr_set_op(&xa);
		free(xa.value);
		break;
	case OP_SETATTR:
		error = dx_setattr_nosize(ip, &sa, false);
		break;
	case OP_FSYNC:
		error = dx_inode_log_force(ip, o->flag);
		break;
	}
	dx_idrop(ip);
	return error;
}

static int do_release(struct um_user *u, const struct op *o)
{
	struct dx_inode *ip = u->held[o->id];

	u->held[o->id] = NULL;
	dx_idrop(ip);
	return 0;
}

static int do_pressure(struct um_user *u, const struct op *o)
{
	switch (rnd(u, 4)) {
	case 0:
		dx_icache_scan(u->mp, 40);
		break;
	case 1:
		dx_buf_cache_scan(u->mp, 30);
		break;
	case 2:
		dx_icache_flush_inactive(u->mp);
		break;
	case 3:
		dx_icache_blockgc(u->mp);
		dx_icache_flush_inactive(u->mp);
		break;
	}
	return 0;
}

/**
 * um_do_op - do an operation to the volume
 * @u: whose
 * @o: what util_model.c made up and put into the model
 *
 * Return: 0, or what the file system said.
 */
int um_do_op(struct um_user *u, const struct op *o)
{
	u32 done[UM_USERS];
	int error, i;

	switch (o->kind) {
	case OP_CREATE:
	case OP_MKDIR:
	case OP_SYMLINK:
	case OP_TMPFILE:
		return do_make(u, o);
	case OP_LINK:
		return do_link(u, o);
	case OP_UNLINK:
	case OP_RMDIR:
		return do_remove(u, o);
	case OP_RENAME:
	case OP_EXCHANGE:
		return do_rename(u, o);
	case OP_RELEASE:
		return do_release(u, o);
	case OP_FORCE:
		for (i = 0; i < um_nusers; i++)
			done[i] = um_users[i].done;
		error = dx_log_force(u->mp, true);
		for (i = 0; i < um_nusers && !error; i++)
			um_users[i].forced = max(um_users[i].forced, done[i]);
		return error;
	case OP_PUSH:
		if (rnd(u, 3))
			dx_ail_push(u->mp, dx_ail_min_lsn(u->mp));
		else
			dx_ail_drain(u->mp);
		return 0;
	case OP_PRESSURE:
		return do_pressure(u, o);
	case OP_PAUSE:
		msleep(20000 + rnd(u, 40000));
		return 0;
	default:
		return do_file(u, o);
	}
}
