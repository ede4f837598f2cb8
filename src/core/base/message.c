// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the filesystem says, and how it stops.
 *
 * Every line carries the device name, so that several mounts can be told apart.  A forced
 * shutdown is one way and happens once: the bit is set first, so that whoever
 * sees the log aborted also sees the reason.  All functions may be called
 * with any lock held, and from completion context.
 */
#include "dx_mount.h"

#define LINE_MAX_BYTES	320

static __printf(3, 0) void say(struct dx_mount *mp, const char *level, const char *fmt, va_list args)
{
	char line[LINE_MAX_BYTES];

	vsnprintf(line, sizeof(line), fmt, args);
	printk("%sdioxfs (%s): %s\n", level, mp->name, line);
}

/**
 * dx_err - print an error line
 * @mp: the mount, whose name goes first
 * @fmt: printf format, without a newline; 320 bytes at most are kept
 */
void dx_err(struct dx_mount *mp, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(mp, KERN_ERR, fmt, args);
	va_end(args);
}

/**
 * dx_warn - print a warning line
 * @mp: the mount
 * @fmt: as for dx_err()
 */
void dx_warn(struct dx_mount *mp, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(mp, KERN_WARNING, fmt, args);
	va_end(args);
}

/**
 * dx_info - print an informational line
 * @mp: the mount
 * @fmt: as for dx_err()
 */
void dx_info(struct dx_mount *mp, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	say(mp, KERN_INFO, fmt, args);
	va_end(args);
}

/**
 * dx_err_ratelimited - print an error line, ten in five seconds at most
 * @mp: the mount
 * @fmt: as for dx_err()
 *
 * For what a damaged volume can trigger at will.  The limit is shared by all mounts: the
 * console is shared, too.
 */
void dx_err_ratelimited(struct dx_mount *mp, const char *fmt, ...)
{
	static DEFINE_RATELIMIT_STATE(limit, 5 * HZ, 10);
	va_list args;

	if (!__ratelimit(&limit))
		return;
	va_start(args, fmt);
	say(mp, KERN_ERR, fmt, args);
	va_end(args);
}

/**
 * dx_uuid_str - format a UUID
 * @buf: room for 37 bytes
 * @u: the UUID, in disk order
 */
void dx_uuid_str(char *buf, const uuid_t *u)
{
	const u8 *b = (const u8 *)u;

	snprintf(buf, 37, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7],
		 b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static const struct {
	unsigned int	bit;
	const char	*why;
	const char	*advice;
} shutdown_reasons[] = {
	{ DX_SHUT_FORCE_UMOUNT, "asked for", "unmount to continue" },
	{ DX_SHUT_LOG_IO, "the log cannot be written", "check the device, then unmount and mount again" },
	{ DX_SHUT_META_IO, "metadata cannot be written", "check the device, then unmount and mount again" },
	{ DX_SHUT_DEVICE, "the device is gone", "unmount; the log is recovered when the device is there again and mounted" },
	{ DX_SHUT_CORRUPT_INCORE, "inconsistency in memory", "unmount and run xfs_repair" },
	{ DX_SHUT_CORRUPT_ONDISK, "inconsistency on disk", "unmount and run xfs_repair" },
};

/**
 * dx_force_shutdown - stop all writing, for good
 * @mp: the mount
 * @why: DX_SHUT_* bits
 * @func: name of the function that found the reason
 *
 * From now on nothing more reaches the disk and every operation that would
 * write ends in -EIO.  Items still leave the log and the AIL, so that unmount completes.
 * Only the first call has an effect.  Context: any that may print; takes only what
 * the log's end (mp->stop_log) and the VFS callback take.
 */
void dx_force_shutdown(struct dx_mount *mp, unsigned int why, const char *func)
{
	const char *reason = "unknown reason", *advice = "unmount and run xfs_repair";
	int i;

	if (test_and_set_bit(DX_OP_SHUTDOWN, &mp->opstate))
		return;
	for (i = 0; i < ARRAY_SIZE(shutdown_reasons); i++) {
		if (why & shutdown_reasons[i].bit) {
			reason = shutdown_reasons[i].why;
			advice = shutdown_reasons[i].advice;
			break;
		}
	}
	dx_err(mp, "shut down in %s: %s (0x%x); nothing more is written: %s", func, reason, why, advice);
	if (mp->log)
		mp->stop_log(mp);
	if (mp->shutdown_cb)
		mp->shutdown_cb(mp);
}
