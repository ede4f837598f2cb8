// SPDX-License-Identifier: GPL-2.0-only
/*
 * Targets of symbolic links: inside the inode, or in blocks of the data
 * fork behind one header per extent ("Symbolic Links").
 *
 * Lock context: named at each function.
 */
#include "dx_dir_int.h"
#include "dx_dir.h"

#define SYMLINK_MAPS	3	/* 1023 bytes and the headers in blocks of 1 KiB, each an extent */

static int check_symlink(struct dx_buf *bp)
{
	struct dx_mount *mp = bp->b_mp;
	struct dx_dsymlink_hdr *h = bp->b_addr;
	u32 off = be32_to_cpu(h->sl_offset), bytes = be32_to_cpu(h->sl_bytes);

	if (be32_to_cpu(h->sl_magic) != DX_SYMLINK_MAGIC)
		return dx_buf_bad(bp, "magic");
	if (!dx_meta_uuid_ok(mp, &h->sl_uuid))
		return dx_buf_bad(bp, "uuid");
	if (be64_to_cpu(h->sl_blkno) != bp->b_daddr)
		return dx_buf_bad(bp, "bno");
	if (off >= DX_SYMLINK_MAXLEN)
		return dx_buf_bad(bp, "offset");
	if (!bytes || bytes > dx_buf_len(bp) - sizeof(*h) || off + bytes >= DX_SYMLINK_MAXLEN)
		return dx_buf_bad(bp, "bytes");
	if (!h->sl_owner)
		return dx_buf_bad(bp, "owner");
	return 0;
}

static int symlink_read_verify(struct dx_buf *bp)
{
	if (!dx_buf_verify_cksum(bp, DX_SYMLINK_CRC_OFF))
		return dx_buf_badcrc(bp);
	return check_symlink(bp);
}

static int symlink_write_verify(struct dx_buf *bp)
{
	int error = check_symlink(bp);

	if (!error)
		dx_buf_stamp(bp, offsetof(struct dx_dsymlink_hdr, sl_lsn), DX_SYMLINK_CRC_OFF);
	return error;
}

const struct dx_buf_ops dx_symlink_buf_ops = {
	.name = "symbolic link block", .verify_read = symlink_read_verify, .verify_write = symlink_write_verify,
};

/**
 * dx_symlink_sf_verify - check a target inside the inode before it is believed
 * @mp: mount
 * @ino: the inode, for the message
 * @data: local data of the fork
 * @bytes: its length (di_size)
 */
int dx_symlink_sf_verify(struct dx_mount *mp, dx_ino_t ino, const void *data, u32 bytes)
{
	if (!bytes || bytes >= DX_SYMLINK_MAXLEN || memchr(data, 0, bytes))
		return dx_corrupt(mp, "symbolic link", 0, "inode %llu: bad target of %u bytes",
				  (unsigned long long)ino, bytes);
	return 0;
}

/**
 * dx_symlink_blocks - blocks that a target takes outside the inode, fsblocks
 * @mp: mount
 * @pathlen: bytes of the target
 */
u32 dx_symlink_blocks(struct dx_mount *mp, int pathlen)
{
	u32 payload = mp->sb.blocksize - sizeof(struct dx_dsymlink_hdr);

	return (pathlen + payload - 1) / payload;
}

/**
 * dx_symlink_remote_write - put a target into blocks
 * @tp: transaction, @ip joined
 * @ip: the link, ILOCK exclusive; data fork in extents form and empty
 * @target: the target
 * @len: its length
 * @resblks: blocks reserved in the transaction
 */
int dx_symlink_remote_write(struct dx_trans *tp, struct dx_inode *ip, const char *target, int len, u32 resblks)
{
	struct dx_mount *mp = ip->mp;
	u32 blocks = dx_symlink_blocks(mp, len), done = 0, off = 0;
	struct dx_irec rec;
	int nmap, error;

	if (len <= 0 || len >= DX_SYMLINK_MAXLEN)
		return -ENAMETOOLONG;
	ip->df.format = DX_DINODE_FMT_EXTENTS;
	ip->df.extents_read = true;
	while (done < blocks) {
		nmap = 1;
		error = dx_bmap_assign(tp, ip, done, blocks - done, DX_BMAPI_METADATA, resblks, &rec, &nmap);
		if (error)
			return error;
		if (nmap < 1 || !rec.blockcount)
			return -ENOSPC;
		done += rec.blockcount;
	}
	/* As a reader will see them: what was allocated apart may be one extent, which has one header. */
	for (done = 0; done < blocks; done += rec.blockcount) {
		struct dx_dsymlink_hdr *h;
		struct dx_buf *bp;
		u32 bytes;

		nmap = 1;
		error = dx_bmap_query(ip, done, blocks - done, &rec, &nmap, 0);
		if (error)
			return error;
		if (WARN_ON_ONCE(nmap != 1 || !dx_irec_is_real(&rec)))
			return -EFSCORRUPTED;
		error = dx_trans_get_buf(mp, tp, dx_fsb_to_daddr(mp, rec.startblock),
					 dx_fsb_to_bb(mp, rec.blockcount), DX_GET_NEW, &bp);
		if (error)
			return error;
		memset(bp->b_addr, 0, dx_buf_len(bp));
		bytes = min_t(u32, len - off, dx_buf_len(bp) - sizeof(*h));
		h = bp->b_addr;
		h->sl_magic = cpu_to_be32(DX_SYMLINK_MAGIC);
		h->sl_offset = cpu_to_be32(off);
		h->sl_bytes = cpu_to_be32(bytes);
		h->sl_uuid = mp->sb.meta_uuid;
		h->sl_owner = cpu_to_be64(ip->ino);
		h->sl_blkno = cpu_to_be64(bp->b_daddr);
		memcpy(h + 1, target + off, bytes);
		bp->b_ops = &dx_symlink_buf_ops;
		dx_trans_buf_type(tp, bp, DX_BLFT_SYMLINK);
		dx_trans_log_buf(tp, bp, 0, dx_buf_len(bp) - 1);
		off += bytes;
	}
	if (off != len)
		return -EFSCORRUPTED;
	ip->d.size = len;
	dx_trans_log_inode(tp, ip, DX_ILOG_CORE);
	return 0;
}

static int read_remote(struct dx_inode *ip, char *buf, u32 len)
{
	struct dx_mount *mp = ip->mp;
	u32 blocks = dx_symlink_blocks(mp, len), done = 0, off = 0;

	while (off < len) {
		struct dx_dsymlink_hdr *h;
		struct dx_irec rec;
		struct dx_buf *bp;
		int nmap = 1, error;
		u32 bytes;

		if (done >= blocks)
			return dx_corrupt(mp, "symbolic link", 0, "inode %llu: short target", (unsigned long long)ip->ino);
		error = dx_bmap_query(ip, done, blocks - done, &rec, &nmap, 0);
		if (error)
			return error;
		if (nmap != 1 || !dx_irec_is_real(&rec) || !rec.blockcount || rec.blockcount > blocks - done)
			return dx_corrupt(mp, "symbolic link", 0, "inode %llu: hole in the target", (unsigned long long)ip->ino);
		error = dx_buf_read(mp, dx_fsb_to_daddr(mp, rec.startblock), dx_fsb_to_bb(mp, rec.blockcount), 0,
				    &dx_symlink_buf_ops, &bp);
		if (error)
			return error;
		h = bp->b_addr;
		bytes = min_t(u32, len - off, dx_buf_len(bp) - sizeof(*h));
		if (be32_to_cpu(h->sl_magic) != DX_SYMLINK_MAGIC || be32_to_cpu(h->sl_offset) != off ||
		    be32_to_cpu(h->sl_bytes) != bytes || be64_to_cpu(h->sl_owner) != ip->ino) {
			error = dx_corrupt(mp, "symbolic link block", bp->b_daddr, "bad header for inode %llu",
					   (unsigned long long)ip->ino);
			dx_buf_leave(bp);
			return error;
		}
		memcpy(buf + off, h + 1, bytes);
		dx_buf_leave(bp);
		off += bytes;
		done += rec.blockcount;
	}
	return 0;
}

/**
 * dx_readlink - the target of a symbolic link
 * @ip: the link, ILOCK not held: taken shared
 * @buf: DX_SYMLINK_MAXLEN + 1 bytes; NUL-terminated
 *
 * Returns the length or -errno.
 */
int dx_readlink(struct dx_inode *ip, char *buf)
{
	int mode, error = 0;
	u64 len;

	if (dx_is_shutdown(ip->mp))
		return -EIO;
	mode = dx_ilock_data_map_shared(ip);
	len = ip->d.size;
	if (!len || len >= DX_SYMLINK_MAXLEN)
		error = dx_corrupt(ip->mp, "symbolic link", 0, "inode %llu: target of %llu bytes",
				   (unsigned long long)ip->ino, (unsigned long long)len);
	else if (ip->df.format != DX_DINODE_FMT_LOCAL)
		error = read_remote(ip, buf, len);
	else if (!ip->df.data || ip->df.bytes < len)
		error = dx_corrupt(ip->mp, "symbolic link", 0, "inode %llu: target shorter than its size",
				   (unsigned long long)ip->ino);
	else
		memcpy(buf, ip->df.data, len);
	dx_iunlock(ip, mode);
	if (error)
		return error;
	buf[len] = '\0';
	return len;
}

/**
 * dx_symlink_inactive_remote - free the blocks of a dying symbolic link
 * @ip: the link, target not local; ILOCK not held; nobody else can reach it
 *
 * Own transaction.  Leaves an empty regular file.
 */
int dx_symlink_inactive_remote(struct dx_inode *ip)
{
	struct dx_mount *mp = ip->mp;
	dx_fileoff_t end = 0;
	struct dx_iext_cur cur;
	struct dx_trans *tp;
	struct dx_irec rec;
	int n = 0, error;
	bool more;

	error = dx_trans_alloc(mp, DX_RESV_ITRUNCATE, 0, DX_TRANS_RESERVE, &tp);
	if (error)
		return error;
	dx_ilock(ip, DX_ILOCK_EXCL);
	dx_trans_ijoin(tp, ip, 0);
	error = dx_iread_extents(tp, ip, DX_DATA_FORK);
	if (error)
		goto out;
	for (more = dx_iext_first(&ip->df.ext, &cur, &rec); more; more = dx_iext_next(&ip->df.ext, &cur, &rec)) {
		struct dx_buf *bp;

		if (++n > SYMLINK_MAPS || !dx_irec_is_real(&rec) || rec.blockcount > dx_symlink_blocks(mp, DX_SYMLINK_MAXLEN)) {
			error = dx_corrupt(mp, "symbolic link", 0, "inode %llu: impossible extents", (unsigned long long)ip->ino);
			goto out;
		}
		error = dx_trans_get_buf(mp, tp, dx_fsb_to_daddr(mp, rec.startblock), dx_fsb_to_bb(mp, rec.blockcount), 0, &bp);
		if (error)
			goto out;
		dx_trans_kill_buf(tp, bp);
		end = rec.startoff + rec.blockcount;
	}
	dx_inode_become_file(ip);
	dx_trans_log_inode(tp, ip, DX_ILOG_CORE);
	while (end) {
		dx_filblks_t left = end;

		error = dx_bmap_unmap(tp, ip, 0, &left, DX_BMAPI_METADATA, SYMLINK_MAPS);
		if (error)
			goto out;
		if (left >= end)
			break;
		end = left;
	}
out:
	error = dx_trans_end(tp, error);
	dx_iunlock(ip, DX_ILOCK_EXCL);
	return error;
}
