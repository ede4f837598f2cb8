/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: strings and memory. */
#ifndef HOST_LINUX_STRING_H
#define HOST_LINUX_STRING_H

#include <string.h>
#include <linux/types.h>
#include <linux/errno.h>
#include <linux/slab.h>
void *memchr_inv(const void *p, int c, size_t n);
void *memscan(void *p, int c, size_t n);
ssize_t strscpy(char *dst, const char *src, size_t n);
ssize_t strscpy_pad(char *dst, const char *src, size_t n);
size_t strlcpy(char *dst, const char *src, size_t n);
char *strim(char *s);
char *skip_spaces(const char *s);
char *strreplace(char *s, char o, char n);
bool sysfs_streq(const char *a, const char *b);
int match_string(const char *const *array, size_t n, const char *s);
size_t str_has_prefix(const char *s, const char *prefix);
char *kstrdup(const char *s, gfp_t gfp);
char *kstrndup(const char *s, size_t max, gfp_t gfp);
void *kmemdup(const void *p, size_t n, gfp_t gfp);
void *kvmemdup(const void *p, size_t n, gfp_t gfp);
char *kmemdup_nul(const char *s, size_t n, gfp_t gfp);

#endif /* HOST_LINUX_STRING_H */
