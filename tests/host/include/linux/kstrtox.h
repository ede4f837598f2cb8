/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: strings to numbers. */
#ifndef HOST_LINUX_KSTRTOX_H
#define HOST_LINUX_KSTRTOX_H

#include <linux/types.h>
int kstrtoull(const char *s, unsigned int base, unsigned long long *res);
int kstrtoll(const char *s, unsigned int base, long long *res);
int kstrtouint(const char *s, unsigned int base, unsigned int *res);
int kstrtoint(const char *s, unsigned int base, int *res);
int kstrtobool(const char *s, bool *res);
unsigned long long simple_strtoull(const char *s, char **end, unsigned int base);
unsigned long simple_strtoul(const char *s, char **end, unsigned int base);
unsigned long long memparse(const char *s, char **end);

#endif /* HOST_LINUX_KSTRTOX_H */
