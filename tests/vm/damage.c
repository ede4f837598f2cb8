// SPDX-License-Identifier: GPL-2.0-only
/*
 * damage: makes an object of every form, damages them, and says what system calls answer then.
 *
 *   damage fill DIR N       N sets of objects, DIR/0 on; suite/damage.sh has their names
 *   damage poke FILE KIND BYTE SET...   changes fields of the structure of that KIND (kinds[] below) at BYTE, then makes its
 *                           checksum right; a SET "crc" leaves it wrong. SET: FIELD=VALUE, the name without its prefix as
 *                           xfs_db prints it, or @OFFSET:BYTES=VALUE, or a@OFFSET:BYTES=VALUE in the attribute fork of an inode,
 *                           or swap@OFFSET:BYTES, the record there and the next. What was there goes to FILE.undo
 *   damage undo FILE        puts it back, last first; says of each structure that is no longer as poke left it
 *   damage look CALL PATH   one call, and its answer: "0" or "EUCLEAN"
 *   damage ops PATH         all that may be done with a name: "stat:0 read:EUCLEAN ..."
 *   damage volume DIR       the same for what a volume does: create, write, remove
 *   damage acl DIR HEX      a file and a directory get HEX as the ACL that is on disk; who asks, what may who do, what is inherited
 *   damage mount TYPE DEV DIR FLAGS     mount(2); FLAGS: rw or ro
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/types.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
typedef uint8_t u8;
typedef int8_t s8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef struct { u8 b[16]; } uuid_t;
#include "dx_format.h"

static char buf[1 << 16];

static void must(int ok, const char *what)
{
	if (!ok) {
		fprintf(stderr, "damage: %s: %s\n", what, strerror(errno));
		exit(1);
	}
}
#define M(x) must((x), #x)

/* ------------------------------------------------------------ fill */

static void file(const char *name, int extents, int apart)
{
	int fd = open(name, O_CREAT | O_EXCL | O_RDWR, 0644);

	M(fd >= 0);
	for (int i = 0; i < extents; i++)
		M(pwrite(fd, buf + i * 8, 4096, i * apart * 4096ll) == 4096);
	M(!fsync(fd));
	close(fd);
}

/* Its names are those of one file. */
static void dir(const char *name, int names)
{
	char s[64];

	M(!mkdir(name, 0755));
	M(!chdir(name));
	M(!mknod("name-0", S_IFREG | 0600, 0));
	for (int i = 1; i < names; i++) {
		sprintf(s, "name-%d", i);
		M(!link("name-0", s));
	}
	M(!chdir(".."));
}

static void attrs(const char *name, int n, int len)
{
	char s[64];

	M(!mknod(name, S_IFREG | 0644, 0));
	for (int i = 0; i < n; i++) {
		sprintf(s, "user.attribute-%d", i);
		M(!setxattr(name, s, buf, len, 0));
	}
}

/* As large as each form must be, with blocks of 4 KiB and inodes of 512 bytes. */
static void set(void)
{
	char target[701];

	file("extents", 5, 2);
	file("btree", 60, 2);
	dir("sf", 3);
	dir("block", 30);
	dir("leaf", 160);
	dir("node", 530);
	attrs("asf", 2, 10);
	attrs("aleaf", 8, 100);
	attrs("anode", 60, 120);
	attrs("aremote", 2, 5000);
	memset(target, 'x', 700);
	target[700] = 0;
	M(!symlink("somewhere", "llocal"));
	M(!symlink(target, "lremote"));
}

static int fill(const char *top, int n)
{
	char s[64];

	for (size_t i = 0; i < sizeof(buf); i++)
		buf[i] = 'a' + i % 26;
	M(!chdir(top));
	for (int i = 0; i < n; i++) {
		sprintf(s, "%d", i);
		M(!mkdir(s, 0755));
		M(!chdir(s));
		set();
		M(!chdir(".."));
	}
	/* free space in pieces, free inodes in several chunks */
	for (int i = 0; i < 40; i++) {
		sprintf(s, "hole-%d", i);
		file(s, 1, 0);
	}
	for (int i = 0; i < 40; i += 2) {
		sprintf(s, "hole-%d", i);
		M(!unlink(s));
	}
	return 0;
}

/* ------------------------------------------------------------ poke */

static const struct kind {
	const char *name;
	int	   crc, len;		/* len 0: a block */
} kinds[] = {
	{ "sb", DX_SB_CRC_OFF, 512 },
	{ "agf", DX_AGF_CRC_OFF, 512 },
	{ "agi", DX_AGI_CRC_OFF, 512 },
	{ "agfl", DX_AGFL_CRC_OFF, 512 },
	{ "inode", DX_DINODE_CRC_OFF, 512 },
	{ "btree", DX_BTREE_SBLOCK_CRC_OFF, 0 },
	{ "bmbt", DX_BTREE_LBLOCK_CRC_OFF, 0 },
	{ "dir", DX_DIR3_CRC_OFF, 0 },
	{ "da", DX_DA3_CRC_OFF, 0 },
	{ "remote", DX_ATTR3_RMT_CRC_OFF, 0 },
	{ "symlink", DX_SYMLINK_CRC_OFF, 0 },
};

#define F(kind, type, prefix, f) { kind, #f, offsetof(struct type, prefix##f), sizeof(((struct type *)0)->prefix##f) }
static const struct field {
	const char *kind, *name;
	int	   off, width;
} fields[] = {
	F("sb", dx_dsb, sb_, magicnum), F("sb", dx_dsb, sb_, agblocks), F("sb", dx_dsb, sb_, blocksize), F("sb", dx_dsb, sb_, fdblocks),
	F("agf", dx_agf, agf_, magicnum), F("agf", dx_agf, agf_, levels), F("agf", dx_agf, agf_, flfirst),
	F("agf", dx_agf, agf_, freeblks), F("agf", dx_agf, agf_, length),
	F("agi", dx_agi, agi_, magicnum), F("agi", dx_agi, agi_, level), F("agi", dx_agi, agi_, length), F("agi", dx_agi, agi_, count),
	F("agi", dx_agi, agi_, unlinked),
	F("agfl", dx_agfl, agfl_, magicnum), F("agfl", dx_agfl, agfl_, seqno),
	F("btree", dx_btree_sblock, bb_, magic), F("btree", dx_btree_sblock, bb_, level), F("btree", dx_btree_sblock, bb_, numrecs),
	F("bmbt", dx_btree_lblock, bb_, level), F("bmbt", dx_btree_lblock, bb_, numrecs), F("bmbt", dx_btree_lblock, bb_, owner),
	F("inode", dx_dinode, di_, magic), F("inode", dx_dinode, di_, mode), F("inode", dx_dinode, di_, format),
	F("inode", dx_dinode, di_, size), F("inode", dx_dinode, di_, nlink), F("inode", dx_dinode, di_, nextents),
	F("inode", dx_dinode, di_, forkoff), F("inode", dx_dinode, di_, ino), F("inode", dx_dinode, di_, nblocks),
	F("inode", dx_dinode, di_, next_unlinked), F("inode", dx_dinode, di_, anextents),
	F("dir", dx_dir3_free, , nvalid), F("dir", dx_dir3_free, , firstdb), F("dir", dx_dir3_blk_hdr, , owner),
	F("dir", dx_dir3_blk_hdr, , magic),
	F("da", dx_da3_blkinfo, , magic), F("da", dx_da3_blkinfo, , forw), F("da", dx_da3_blkinfo, , owner), F("da", dx_da3_intnode, , count),
	F("da", dx_da3_intnode, , level), F("da", dx_attr3_leaf_hdr, , usedbytes), F("da", dx_attr3_leaf_hdr, , firstused),
	F("remote", dx_attr3_rmt_hdr, rm_, magic), F("remote", dx_attr3_rmt_hdr, rm_, bytes), F("remote", dx_attr3_rmt_hdr, rm_, owner),
	F("symlink", dx_dsymlink_hdr, sl_, magic), F("symlink", dx_dsymlink_hdr, sl_, bytes), F("symlink", dx_dsymlink_hdr, sl_, owner),
};

static u32 crc32c(u32 crc, const u8 *p, size_t n)
{
	while (n--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return crc;
}

/* Where "NAME", "@OFFSET:BYTES" or "a@OFFSET:BYTES" is. */
static void place(const char *kind, const u8 *p, const char *s, int *off, int *width)
{
	if (sscanf(s, "@%i:%i", off, width) == 2)
		return;
	if (sscanf(s, "a@%i:%i", off, width) == 2) {
		*off += sizeof(struct dx_dinode) + p[offsetof(struct dx_dinode, di_forkoff)] * 8;
		return;
	}
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		if (!strcmp(fields[i].kind, kind) && !strcmp(fields[i].name, s)) {
			*off = fields[i].off;
			*width = fields[i].width;
			return;
		}
	}
	fprintf(stderr, "damage: %s has no field %s\n", kind, s);
	exit(2);
}

struct change {
	u64	at;
	u32	len;
	u8	old[4096], new[4096];
};

static int undo_file(const char *path, int flags)
{
	char s[4096];
	int fd;

	snprintf(s, sizeof(s), "%s.undo", path);
	M((fd = open(s, flags, 0600)) >= 0);
	return fd;
}

static int undo(const char *path)
{
	int fd = open(path, O_RDWR), from = undo_file(path, O_RDWR);
	off_t n = lseek(from, 0, SEEK_END) / sizeof(struct change);
	struct change c;
	u8 now[4096];

	M(fd >= 0);
	while (n--) {
		M(pread(from, &c, sizeof(c), n * sizeof(c)) == sizeof(c) && pread(fd, now, c.len, c.at) == c.len);
		if (memcmp(now, c.new, c.len))
			printf("the structure at byte %llu was written\n", (unsigned long long)c.at);
		M(pwrite(fd, c.old, c.len, c.at) == c.len);
	}
	M(!ftruncate(from, 0));
	return 0;
}

static int poke(const char *path, const char *kind, u64 at, char **sets)
{
	static struct change c;
	const struct kind *k = NULL;
	u8 *old = c.old, *new = c.new;
	int fd = open(path, O_RDWR), len, bad = 0;
	u32 crc;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (!strcmp(kinds[i].name, kind))
			k = &kinds[i];
	M(fd >= 0 && k);
	len = k->len ? k->len : 4096;
	M(pread(fd, old, len, at) == len);
	memcpy(new, old, len);
	for (; *sets; sets++) {
		char *eq = strchr(*sets, '=');
		int off, width;
		u64 v;

		if (sscanf(*sets, "swap@%i:%i", &off, &width) == 2) {
			memcpy(new + off, old + off + width, width);
			memcpy(new + off + width, old + off, width);
			continue;
		}
		if (!eq) {
			bad = 1;
			continue;
		}
		*eq++ = 0;
		place(kind, old, *sets, &off, &width);
		v = strtoull(eq, NULL, 0);
		for (int i = width; i--; v >>= 8)
			new[off + i] = v;
	}
	if (bad) {
		new[k->crc] ^= 0xff;
	} else {
		memset(new + k->crc, 0, 4);
		crc = ~crc32c(~0U, new, len);
		for (int i = 0; i < 4; i++)
			new[k->crc + i] = crc >> i * 8;
	}
	M(memcmp(old, new, len));
	M(pwrite(fd, new, len, at) == len);
	c.at = at;
	c.len = len;
	fd = undo_file(path, O_WRONLY | O_CREAT | O_APPEND);
	M(write(fd, &c, sizeof(c)) == sizeof(c));
	return 0;
}

/* ------------------------------------------------------------ what calls answer */

static void say(const char *call, int ok)
{
	printf("%s:%s ", call, ok ? "0" : strerrorname_np(errno));
}
#define S(call, x) (errno = 0, say(#call, (x)))

static int read_all(const char *p)
{
	int fd = open(p, O_RDONLY | O_NONBLOCK | O_NOFOLLOW), e;
	ssize_t n;

	if (fd < 0)
		return 0;
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		;
	e = errno;
	close(fd);
	errno = e;
	return !n;
}

static int readdir_all(const char *p)
{
	DIR *d = opendir(p);
	int e;

	if (!d)
		return 0;
	errno = 0;
	while (readdir(d))
		;
	e = errno;
	closedir(d);
	errno = e;
	return !e;
}

/* Every attribute that is listed has a value. */
static int get_all(const char *p)
{
	static char list[1 << 16];
	ssize_t n = llistxattr(p, list, sizeof(list));

	if (n < 0)
		return 0;
	for (char *s = list; s < list + n; s += strlen(s) + 1)
		if (lgetxattr(p, s, buf, sizeof(buf)) < 0)
			return 0;
	return 1;
}

static int write_sync(const char *p, int flags, size_t len)
{
	int fd = open(p, O_WRONLY | O_NOFOLLOW | flags, 0644), e;
	int ok = fd >= 0 && write(fd, buf, len) == (ssize_t)len && !fsync(fd);

	e = errno;
	if (fd >= 0)
		close(fd);
	errno = e;
	return ok;
}

static int lookup(const char *p)
{
	struct stat st;
	char s[4096];

	snprintf(s, sizeof(s), "%s/name-1", p);
	return !lstat(s, &st);
}

static int stat_it(const char *p)
{
	struct stat st;

	return !lstat(p, &st);
}

static int readlink_it(const char *p)
{
	return readlink(p, buf, sizeof(buf)) >= 0;
}

static int list_it(const char *p)
{
	return llistxattr(p, buf, sizeof(buf)) >= 0;
}

static int set_it(const char *p)
{
	return !lsetxattr(p, "trusted.more", "value", 5, 0);
}

static int create_in(const char *p)
{
	char s[4096];

	snprintf(s, sizeof(s), "%s/new", p);
	return !mknod(s, S_IFREG | 0600, 0);
}

static int remove_in(const char *p)
{
	char s[4096];

	snprintf(s, sizeof(s), "%s/name-2", p);
	return !unlink(s);
}

static int append_it(const char *p)
{
	return write_sync(p, O_APPEND, 5000);
}

static int rename_it(const char *p)
{
	char s[4096];

	snprintf(s, sizeof(s), "%s.moved", p);
	if (rename(p, s))
		return 0;
	return !rename(s, p);
}

/* The map of the file, which read() tells only as EIO. */
static int seek_it(const char *p)
{
	int fd = open(p, O_RDONLY | O_NOFOLLOW), e, ok = fd >= 0 && lseek(fd, 0, SEEK_HOLE) >= 0;

	e = errno;
	if (fd >= 0)
		close(fd);
	errno = e;
	return ok;
}

static int link_it(const char *p)
{
	char s[4096];

	snprintf(s, sizeof(s), "%s.link", p);
	return !link(p, s);
}

static int chmod_it(const char *p)
{
	return !chmod(p, 0700);
}

static int truncate_it(const char *p)
{
	return !truncate(p, 3000);
}

static int remove_it(const char *p)
{
	return !unlink(p);
}

enum { DIRECTORY = 1, REGULAR = 2, SYMLINK = 4, NODIR = REGULAR | SYMLINK, ANY = 7 };

static const struct {
	const char *name;
	int	   (*call)(const char *p);
	int	   of;
} calls[] = {
	{ "stat", stat_it, ANY }, { "read", read_all, REGULAR }, { "seek", seek_it, REGULAR },
	{ "readdir", readdir_all, DIRECTORY }, { "lookup", lookup, DIRECTORY },
	{ "readlink", readlink_it, SYMLINK }, { "listxattr", list_it, ANY }, { "getxattr", get_all, ANY },
	/* from here on it is changed */
	{ "setxattr", set_it, ANY }, { "chmod", chmod_it, DIRECTORY | REGULAR }, { "append", append_it, REGULAR },
	{ "create", create_in, DIRECTORY }, { "unlink", remove_in, DIRECTORY }, { "link", link_it, NODIR },
	{ "rename", rename_it, ANY }, { "truncate", truncate_it, REGULAR }, { "remove", remove_it, NODIR },
};
#define N_CALLS (sizeof(calls) / sizeof(*calls))

static int look(const char *call, const char *p)
{
	for (size_t i = 0; i < N_CALLS; i++) {
		if (!strcmp(calls[i].name, call)) {
			errno = 0;
			puts(calls[i].call(p) ? "0" : strerrorname_np(errno));
			return 0;
		}
	}
	return 2;
}

/* What goes on behind a call is over: removed inodes are gone, or the filesystem is shut down. */
static void settle(int fd)
{
	if (fd >= 0 && !ioctl(fd, FIFREEZE, 0))
		ioctl(fd, FITHAW, 0);
}

/* What it is, its name tells: the inode may be unreadable. */
static int ops(const char *p)
{
	static const char *const dirs[] = { "sf", "block", "leaf", "node" };
	const char *name = strrchr(p, '/') + 1;
	int of = name[0] == 'l' && strcmp(name, "leaf") ? SYMLINK : REGULAR, up;
	char s[4096];

	snprintf(s, sizeof(s), "%.*s", (int)(name - p), p);
	up = open(s, O_RDONLY);
	for (int i = 0; i < 4; i++)
		if (!strcmp(name, dirs[i]))
			of = DIRECTORY;
	for (size_t i = 0; i < N_CALLS; i++) {
		if (!(calls[i].of & of))
			continue;
		errno = 0;
		say(calls[i].name, calls[i].call(p));
	}
	settle(up);
	puts("");
	return 0;
}

static int volume(const char *top)
{
	int up = open(top, O_RDONLY);
	struct statfs sf;

	M(!chdir(top));
	memset(buf, 'w', sizeof(buf));
	S(statfs, !statfs(".", &sf));
	S(readdir, readdir_all("."));
	S(create, !mknod("made", S_IFREG | 0644, 0));
	S(write, write_sync("made", 0, sizeof(buf)));
	S(mkdir, !mkdir("made-dir", 0755));
	memset(buf, 'l', 700);
	buf[700] = 0;
	S(symlink, !symlink(buf, "made-link"));
	S(setxattr, !setxattr("hole-1", "user.a", buf, 2000, 0));
	S(truncate, !truncate("hole-3", 0));
	S(sync, !syncfs(up));
	S(unlink, !unlink("hole-5"));
	settle(up);
	S(after, !mkdir("made-after", 0755));
	puts("");
	return 0;
}

/* ------------------------------------------------------------ ACLs */

/* What user 1000 may: in a process of its own. */
static void as_user(const char *what, int (*call)(const char *p), const char *p)
{
	int pid, status;

	fflush(stdout);
	pid = fork();
	M(pid >= 0);
	if (!pid) {
		M(!setgid(1000) && !setuid(1000));
		errno = 0;
		_exit(call(p) ? 0 : errno);
	}
	M(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	errno = WEXITSTATUS(status);
	say(what, !errno);
}

static int open_read(const char *p)
{
	return open(p, O_RDONLY) >= 0;
}

static int access_write(const char *p)
{
	return !access(p, W_OK);
}

static void shown(const char *p, const char *name)
{
	ssize_t n = getxattr(p, name, buf, sizeof(buf));
	struct stat st;

	M(!stat(p, &st));
	printf("%s %o:", p, st.st_mode);
	if (n < 0)
		printf("%s ", strerrorname_np(errno));
	else
		for (ssize_t i = 0; i < n && i < 200; i++)
			printf("%02x", (u8)buf[i]);
	putchar(' ');
}

static int acl(const char *top, const char *hex)
{
	static const char *const access = "system.posix_acl_access", *const inherit = "system.posix_acl_default";
	static char value[1 << 16];
	int n = strlen(hex) / 2;

	for (int i = 0; i < n; i++) {
		unsigned int b;

		M(sscanf(hex + 2 * i, "%2x", &b) == 1);
		value[i] = b;
	}
	umask(022);
	M(!chmod(top, 0755) && !chdir(top));
	unlink("d/f");
	rmdir("d/d");
	rmdir("d");
	unlink("f");
	M(!mknod("f", S_IFREG | 0644, 0) && !mkdir("d", 0777) && !chmod("d", 0777));
	S(set, !setxattr("f", "trusted.SGI_ACL_FILE", value, n, 0));
	S(setdef, !setxattr("d", "trusted.SGI_ACL_DEFAULT", value, n, 0));
	shown("f", access);
	shown("d", inherit);
	S(list, list_it("f"));
	as_user("open", open_read, "f");
	as_user("access", access_write, "f");
	as_user("lookup", open_read, "d");
	S(create, !mknod("d/f", S_IFREG | 0666, 0));
	if (!errno)
		shown("d/f", access);
	S(mkdir, !mkdir("d/d", 0777));
	if (!errno) {
		shown("d/d", access);
		shown("d/d", inherit);
	}
	S(chmod, !chmod("f", 0640));
	shown("f", access);
	S(remove, !removexattr("f", access));
	shown("f", access);
	puts("");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	if (!strcmp(argv[1], "fill") && argc == 4)
		return fill(argv[2], atoi(argv[3]));
	if (!strcmp(argv[1], "undo"))
		return undo(argv[2]);
	if (!strcmp(argv[1], "poke") && argc > 5)
		return poke(argv[2], argv[3], strtoull(argv[4], NULL, 0), argv + 5);
	if (!strcmp(argv[1], "look") && argc == 4)
		return look(argv[2], argv[3]);
	if (!strcmp(argv[1], "ops"))
		return ops(argv[2]);
	if (!strcmp(argv[1], "acl") && argc == 4)
		return acl(argv[2], argv[3]);
	if (!strcmp(argv[1], "volume"))
		return volume(argv[2]);
	if (!strcmp(argv[1], "mount") && argc == 6) {
		S(mount, !mount(argv[3], argv[4], argv[2], strcmp(argv[5], "ro") ? MS_NOATIME : MS_RDONLY | MS_NOATIME, "nouuid"));
		puts("");
		return 0;
	}
	return 2;
}
