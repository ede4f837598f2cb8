/* SPDX-License-Identifier: GPL-2.0-only */
/* Host shim: character classes. */
#ifndef HOST_LINUX_CTYPE_H
#define HOST_LINUX_CTYPE_H

static inline int isdigit(int c) { return c >= '0' && c <= '9'; }
static inline int isspace(int c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static inline int isupper(int c) { return c >= 'A' && c <= 'Z'; }
static inline int isxdigit(int c) { return isdigit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }
static inline int tolower(int c) { return isupper(c) ? c + 32 : c; }

#endif /* HOST_LINUX_CTYPE_H */
