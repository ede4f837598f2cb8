// SPDX-License-Identifier: GPL-2.0-only
/*
 * Helpers of the verifiers: checksums, UUID, and the lines that tell a
 * user which field of which block is wrong.  No locks, no state; the
 * buffer belongs to the caller.
 *
 * The checksum is CRC32c over the whole structure with the CRC field taken as
 * zero, seeded with all ones, complemented and stored little-endian.
 * Source: "Metadata Integrity".
 */
#include "dx_buf.h"

static __le32 cksum(const void *p, size_t len, size_t crc_off)
{
	static const u32 zero;
	u32 crc;

	crc = crc32c(~0U, p, crc_off);
	crc = crc32c(crc, &zero, sizeof(zero));
	crc = crc32c(crc, (const char *)p + crc_off + sizeof(zero), len - crc_off - sizeof(zero));
	return cpu_to_le32(~crc);
}

/**
 * dx_verify_cksum - is the checksum of a structure right?
 * @p: the structure
 * @len: bytes that the checksum covers
 * @crc_off: byte offset of the checksum in it
 */
bool dx_verify_cksum(const void *p, size_t len, size_t crc_off)
{
	__le32 stored;

	memcpy(&stored, (const char *)p + crc_off, sizeof(stored));
	return stored == cksum(p, len, crc_off);
}

/**
 * dx_update_cksum - compute and store the checksum of a structure
 * @p: the structure
 * @len: bytes that the checksum covers
 * @crc_off: byte offset of the checksum in it
 */
void dx_update_cksum(void *p, size_t len, size_t crc_off)
{
	__le32 crc = cksum(p, len, crc_off);

	memcpy((char *)p + crc_off, &crc, sizeof(crc));
}

/**
 * dx_buf_verify_cksum - is the checksum of a whole buffer right?
 * @bp: locked buffer, one structure
 * @crc_off: byte offset of the checksum
 */
bool dx_buf_verify_cksum(struct dx_buf *bp, size_t crc_off)
{
	return dx_verify_cksum(bp->b_addr, dx_buf_len(bp), crc_off);
}

/**
 * dx_buf_update_cksum - compute and store the checksum of a whole buffer
 * @bp: locked buffer, one structure
 * @crc_off: byte offset of the checksum
 */
void dx_buf_update_cksum(struct dx_buf *bp, size_t crc_off)
{
	dx_update_cksum(bp->b_addr, dx_buf_len(bp), crc_off);
}

/**
 * dx_buf_stamp - the end of every write verifier: LSN, then checksum
 * @bp: locked buffer, one structure, checked
 * @lsn_off: byte offset of the LSN
 * @crc_off: byte offset of the checksum
 *
 * A buffer without a log item keeps the LSN that it has: recovery, which logs nothing, has put it there.
 */
void dx_buf_stamp(struct dx_buf *bp, size_t lsn_off, size_t crc_off)
{
	dx_lsn_t lsn = bp->b_mp->buf_above->lsn(bp);

	if (lsn)
		put_unaligned_be64(lsn, dx_buf_off(bp, lsn_off));
	dx_buf_update_cksum(bp, crc_off);
}

/**
 * dx_meta_uuid_ok - does metadata belong to this volume?
 * @mp: the mount
 * @u: UUID found in a block
 *
 * Compares with sb_meta_uuid, which is sb_uuid's copy on volumes without META_UUID.
 */
bool dx_meta_uuid_ok(struct dx_mount *mp, const uuid_t *u)
{
	return !memcmp(u, &mp->sb.meta_uuid, sizeof(*u));
}

static const char *buf_name(struct dx_buf *bp)
{
	return bp->b_ops && bp->b_ops->name ? bp->b_ops->name : "metadata";
}

/**
 * dx_buf_bad - report a bad field
 * @bp: the buffer, b_ops set (names the structure)
 * @field: the field's name as xfs_db prints it
 *
 * Return: -EFSCORRUPTED.
 */
int dx_buf_bad(struct dx_buf *bp, const char *field)
{
	dx_err_ratelimited(bp->b_mp, "corrupt %s at daddr 0x%llx: bad %s", buf_name(bp),
			   (unsigned long long)bp->b_maps[0].daddr, field);
	return -EFSCORRUPTED;
}

/**
 * dx_buf_badcrc - report a wrong checksum
 * @bp: the buffer, b_ops set
 *
 * Return: -EFSCORRUPTED.
 */
int dx_buf_badcrc(struct dx_buf *bp)
{
	dx_err_ratelimited(bp->b_mp, "corrupt %s at daddr 0x%llx: checksum does not match", buf_name(bp),
			   (unsigned long long)bp->b_maps[0].daddr);
	return -EFSCORRUPTED;
}

/**
 * dx_buf_checks - run down a verifier's table
 * @bp: the buffer
 * @c: lines, in the order in which they should be reported
 * @n: how many
 *
 * Return: 0, or -EFSCORRUPTED after the first bad line has been reported.
 */
int dx_buf_checks(struct dx_buf *bp, const struct dx_check *c, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (c[i].bad)
			return dx_buf_bad(bp, c[i].field);
	return 0;
}
