// SPDX-License-Identifier: GPL-2.0-only
/* Volumes of others, for tests: mounted as they are, with files by name, and power cuts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "util_gate.h"
#include "dx_dir.h"

u32 ug_shared_bno;

void (*ug_trace)(struct dx_mount *mp, const char *what, u64 a, u64 b, u64 c);

struct dx_mount *ug_open_as(bool ro, bool norecovery, int *error)
{
	struct dx_mount *mp = kzalloc(sizeof(*mp), GFP_KERNEL | __GFP_NOFAIL);

	mp->bdev = uv_dev;
	mp->opts.ro = ro;
	mp->opts.norecovery = norecovery;
	mp->trace = ug_trace;
	*error = dx_mount_open(mp);
	if (!*error)
		return mp;
	kfree(mp);
	return NULL;
}

u64 ug_writes_so_far(void)
{
	struct host_dev_counts c;

	host_dev_counts(uv_dev, &c);
	return c.writes + c.discards;
}

struct dx_name ug_name_of(const char *s)
{
	return (struct dx_name) { .name = (const u8 *)s, .len = strlen(s), .ftype = DX_DIR3_FT_REG_FILE };
}

int ug_make_file(struct dx_mount *mp, const char *name, struct dx_inode **ipp)
{
	struct dx_create_args a = { .mode = S_IFREG | 0644 };
	struct dx_name n = ug_name_of(name);

	return dx_create(mp->rootip, &n, &a, ipp);
}

int ug_find_file(struct dx_mount *mp, const char *name, struct dx_inode **ipp)
{
	struct dx_name n = ug_name_of(name);
	dx_ino_t ino;
	int error = dx_lookup(mp->rootip, &n, &ino, NULL);

	return error ? error : dx_iget(mp, NULL, ino, 0, ipp);
}

/* Unlink and keep it in use: it goes onto its unlinked list and stays there. */
int ug_unlink_held(struct dx_mount *mp, const char *name)
{
	struct dx_name n = ug_name_of(name);
	struct dx_inode *ip;
	int error = ug_find_file(mp, name, &ip);

	return error ? error : dx_remove(mp->rootip, &n, ip);
}

/* The device after a power cut that spared only what was flushed; the log is flushed. */
void ug_power_cut(void)
{
	host_dev_crash(uv_dev, HOST_LOSE_ALL, 1);
}

u32 ug_sect(void)
{
	struct dx_dsb d;

	host_dev_peek(uv_dev, 0, &d, sizeof(d));
	return be16_to_cpu(d.sb_sectsize);
}

/* Files A and B of one block each, and C: empty, or mapping A's block as a clone does. */
int ug_make_shared(bool c_shares)
{
	static char mkfs[600];
	static struct uv_profile p = { "reflink", mkfs, 96 };
	FILE *f;
	int rc;

	snprintf(mkfs, sizeof(mkfs), "--unsupported -d agcount=2 -l size=10m -p %s/proto", uv_dir);
	rc = host_sh("cd %s && head -c 4096 /dev/urandom >block && : >empty && { echo /; echo '0 0'; echo 'd--755 0 0'; echo \"A ---644 0 0 %s/block\"; echo \"B ---644 0 0 %s/block\"; echo \"C ---644 0 0 %s/empty\"; echo '$'; } >proto",
		     uv_dir, uv_dir, uv_dir, uv_dir);
	if (rc || uv_make(&p))
		return -EIO;
	host_dev_close(uv_dev);
	uv_dev = NULL;
	rc = host_sh("cd %s && i=%s && ino() { xfs_db -r -c \"path /$1\" -c 'p v3.inumber' $i | awk '{print $3}'; } && a=$(ino A) && c=$(ino C) && b=$(xfs_db -r -c \"inode $a\" -c 'p u3.bmx[0].startblock' $i | awk '{print $3}') && echo $b >bno &&"
		     "{ [ %d = 0 ] || xfs_db -x -c \"inode $c\" -c 'write -d core.nextents 1' -c 'write -d core.nblocks 1' -c 'write -d core.size 4096' -c 'write -d u3.bmx[0].startoff 0' -c \"write -d u3.bmx[0].startblock $b\" -c 'write -d u3.bmx[0].blockcount 1' -c 'write -d u3.bmx[0].extentflag 0' -c 'write -d v3.reflink 1' -c \"inode $a\" -c 'write -d v3.reflink 1' $i >/dev/null; }",
		     uv_dir, uv_image, c_shares);
	if (rc)
		return -EIO;
	f = fopen(strcat(strcpy(mkfs, uv_dir), "/bno"), "r");
	rc = f ? fscanf(f, "%u", &ug_shared_bno) : 0;
	if (f)
		fclose(f);
	uv_dev = host_dev_open(uv_image);
	return rc == 1 && uv_dev ? 0 : -EIO;
}
