/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: strings and memory. */
#ifndef HOST_LINUX_STRING_H
#define HOST_LINUX_STRING_H

#include <string.h>
#include <linux/types.h>
#include <linux/errno.h>
#include <linux/slab.h>
#define memzero_explicit(p, n)	memset(p, 0, n)
#define kbasename(p)		({ const char *__s = strrchr(p, '/'); __s ? __s + 1 : (p); })
void *memchr_inv(const void *p, int c, size_t n);
void *memscan(void *p, int c, size_t n);
ssize_t strscpy(char *dst, const char *src, size_t n);
ssize_t strscpy_pad(char *dst, const char *src, size_t n);
size_t strlcpy(char *dst, const char *src, size_t n);
char *strim(char *s);
#define strstrip strim
char *skip_spaces(const char *s);
char *strreplace(char *s, char o, char n);
bool sysfs_streq(const char *a, const char *b);
int match_string(const char *const *array, size_t n, const char *s);
size_t str_has_prefix(const char *s, const char *prefix);
char *kstrdup(const char *s, gfp_t gfp);
#define kstrdup_const kstrdup
char *kstrndup(const char *s, size_t max, gfp_t gfp);
void *kmemdup(const void *p, size_t n, gfp_t gfp);
void *kvmemdup(const void *p, size_t n, gfp_t gfp);
char *kmemdup_nul(const char *s, size_t n, gfp_t gfp);
static inline void memcpy_and_pad(void *d, size_t dl, const void *s, size_t n, int pad)
{
	if (dl > n) {
		memcpy(d, s, n);
		memset((char *)d + n, pad, dl - n);
	} else {
		memcpy(d, s, dl);
	}
}
#define unsafe_memcpy(d, s, n, j) memcpy(d, s, n)
#define memset_after(obj, v, member) ({ u8 *__p = (u8 *)(obj); typeof(v) __v = (v); \
	memset(__p + offsetofend(typeof(*(obj)), member), __v, sizeof(*(obj)) - offsetofend(typeof(*(obj)), member)); })
#define memset_startat(obj, v, member) ({ u8 *__p = (u8 *)(obj); typeof(v) __v = (v); \
	memset(__p + offsetof(typeof(*(obj)), member), __v, sizeof(*(obj)) - offsetof(typeof(*(obj)), member)); })

#endif /* HOST_LINUX_STRING_H */
