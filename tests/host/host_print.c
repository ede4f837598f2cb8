// SPDX-License-Identifier: GPL-2.0-only
/*
 * printk, warnings, and a vsnprintf that knows the kernel's %p extensions:
 * %pU[bBlL] (UUID), %pV (nested format), %pe (error pointer), %pS/%ps, %*ph.
 * Everything printed is also kept, for tests that look for a message.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <ctype.h>
#include "host_int.h"
#undef snprintf
#undef vsnprintf

unsigned long host_warn_count;
int oops_in_progress, panic_timeout;
const char hex_asc[] = "0123456789abcdef";

#define LOG_MAX (4 << 20)
static char *log_buf;
static size_t log_len;
static int show_below = 5;
static int warn_shown;

void host_say(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
}

void host_print_reset(void)
{
	const char *e = getenv("HOST_PRINTK");

	if (e)
		show_below = atoi(e);
	warn_shown = 0;
	host_log_clear();
}

void host_set_printk(int level)
{
	if (!getenv("HOST_PRINTK"))
		show_below = level;
}

void host_log_clear(void)
{
	log_len = 0;
	if (log_buf)
		log_buf[0] = 0;
}

const char *host_log(void) { return log_buf ? log_buf : ""; }
bool host_log_has(const char *s) { return strstr(host_log(), s) != NULL; }

static void log_add(const char *s, size_t n)
{
	if (!log_buf)
		log_buf = calloc(1, LOG_MAX);
	if (log_len + n + 1 > LOG_MAX)
		return;
	memcpy(log_buf + log_len, s, n);
	log_len += n;
	log_buf[log_len] = 0;
}

struct out { char *buf; size_t size, n; };

static void put(struct out *o, char c)
{
	if (o->n < o->size)
		o->buf[o->n] = c;
	o->n++;
}

static void puts_(struct out *o, const char *s, int width, int prec, bool left)
{
	int len = 0;

	while ((prec < 0 || len < prec) && s[len])
		len++;
	if (!left)
		while (width-- > len)
			put(o, ' ');
	for (int i = 0; i < len; i++)
		put(o, s[i]);
	if (left)
		while (width-- > len)
			put(o, ' ');
}

static void put_uuid(struct out *o, const u8 *b, bool upper, bool le)
{
	static const u8 be_order[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	static const u8 le_order[] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	const u8 *order = le ? le_order : be_order;
	int i;

	for (i = 0; i < 16; i++) {
		put(o, digits[b[order[i]] >> 4]);
		put(o, digits[b[order[i]] & 15]);
		if (i == 3 || i == 5 || i == 7 || i == 9)
			put(o, '-');
	}
}

static void put_pointer(struct out *o, const char **fmt, void *p, int width, bool left)
{
	char tmp[64];
	const char *f = *fmt;

	switch (*f) {
	case 'U': {
		bool upper = f[1] == 'B' || f[1] == 'L', le = f[1] == 'l' || f[1] == 'L';

		*fmt += 1 + (f[1] == 'b' || f[1] == 'B' || f[1] == 'l' || f[1] == 'L');
		if (p)
			put_uuid(o, p, upper, le);
		else
			puts_(o, "(null)", 0, -1, false);
		return;
	}
	case 'V': {
		const struct va_format *vf = p;
		char *s = malloc(4096);
		va_list ap;

		*fmt += 1;
		va_copy(ap, *vf->va);
		host_vsnprintf(s, 4096, vf->fmt, ap);
		va_end(ap);
		puts_(o, s, 0, -1, false);
		free(s);
		return;
	}
	case 'h': {
		char sep = f[1] == 'C' ? ':' : f[1] == 'D' ? '-' : f[1] == 'N' ? 0 : ' ';
		int i;

		*fmt += 1 + (f[1] == 'C' || f[1] == 'D' || f[1] == 'N');
		for (i = 0; i < (width < 0 ? 1 : min(width, 64)); i++) {
			if (i && sep)
				put(o, sep);
			put(o, hex_asc[((u8 *)p)[i] >> 4]);
			put(o, hex_asc[((u8 *)p)[i] & 15]);
		}
		return;
	}
	case 'e':
		*fmt += 1;
		snprintf(tmp, sizeof(tmp), "%ld", (long)p);
		puts_(o, tmp, width, -1, left);
		return;
	case 'S': case 's': case 'B': case 'K': case 'x':
		*fmt += 1;
		break;
	}
	snprintf(tmp, sizeof(tmp), "%p", p);
	puts_(o, tmp, width, -1, left);
}

static int format(struct out *o, const char *fmt, va_list args)
{
	va_list ap;

	va_copy(ap, args);
	while (*fmt) {
		char spec[24], tmp[128], conv;
		int width = -1, prec = -1, lmod = 0, n = 0;
		bool left = false;
		unsigned long long v;

		if (*fmt != '%') {
			put(o, *fmt++);
			continue;
		}
		fmt++;
		spec[n++] = '%';
		while (*fmt && strchr("-+ #0", *fmt)) {
			left |= *fmt == '-';
			if (n < 7)
				spec[n++] = *fmt;
			fmt++;
		}
		if (*fmt == '*') {
			width = va_arg(ap, int);
			if (width < 0) {
				left = true;
				spec[n++] = '-';
				width = -width;
			}
			fmt++;
		} else if (isdigit(*fmt)) {
			width = 0;
			while (isdigit(*fmt))
				width = width * 10 + *fmt++ - '0';
		}
		if (*fmt == '.') {
			prec = 0;
			if (*++fmt == '*') {
				prec = va_arg(ap, int);
				fmt++;
			} else {
				while (isdigit(*fmt))
					prec = prec * 10 + *fmt++ - '0';
			}
		}
		for (;; fmt++) {
			if (*fmt == 'h')
				lmod--;
			else if (*fmt == 'l')
				lmod++;
			else if (*fmt == 'z' || *fmt == 't' || *fmt == 'j')
				lmod = 1;
			else if (*fmt == 'L' || *fmt == 'q')
				lmod = 2;
			else
				break;
		}
		conv = *fmt ? *fmt++ : '%';
		switch (conv) {
		case '%':
			put(o, '%');
			continue;
		case 'c':
			tmp[0] = va_arg(ap, int);
			tmp[1] = 0;
			if (!tmp[0])
				put(o, 0);
			else
				puts_(o, tmp, width, -1, left);
			continue;
		case 's': {
			const char *s = va_arg(ap, const char *);

			puts_(o, s ? s : "(null)", width, prec, left);
			continue;
		}
		case 'p':
			put_pointer(o, &fmt, va_arg(ap, void *), width, left);
			continue;
		case 'd': case 'i':
			v = lmod >= 2 ? va_arg(ap, long long) : lmod == 1 ? va_arg(ap, long) : va_arg(ap, int);
			if (lmod == -1)
				v = (short)v;
			if (lmod <= -2)
				v = (signed char)v;
			break;
		case 'u': case 'x': case 'X': case 'o':
			v = lmod >= 2 ? va_arg(ap, unsigned long long) :
			    lmod == 1 ? va_arg(ap, unsigned long) : va_arg(ap, unsigned int);
			if (lmod == -1)
				v = (unsigned short)v;
			if (lmod <= -2)
				v = (unsigned char)v;
			break;
		default:
			put(o, '%');
			put(o, conv);
			continue;
		}
		n += snprintf(spec + n, sizeof(spec) - n, width >= 0 ? "%d" : "", min(width, 100));
		n += snprintf(spec + n, sizeof(spec) - n, prec >= 0 ? ".%d" : "", min(prec, 100));
		snprintf(spec + n, sizeof(spec) - n, "ll%c", conv);
		snprintf(tmp, sizeof(tmp), spec, v);
		puts_(o, tmp, 0, -1, false);
	}
	va_end(ap);
	if (o->size)
		o->buf[min(o->n, o->size - 1)] = 0;
	return o->n;
}

int host_vsnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	struct out o = { buf, size, 0 };

	return format(&o, fmt, args);
}

int host_snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = host_vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

int host_sprintf(char *buf, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = host_vsnprintf(buf, INT_MAX, fmt, ap);
	va_end(ap);
	return n;
}

int vscnprintf(char *buf, size_t size, const char *fmt, va_list args)
{
	int n = host_vsnprintf(buf, size, fmt, args);

	return !size ? 0 : n < (int)size ? n : (int)size - 1;
}

int scnprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vscnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

char *kvasprintf(gfp_t gfp, const char *fmt, va_list args)
{
	int n = host_vsnprintf(NULL, 0, fmt, args);
	char *s = kmalloc(n + 1, gfp);

	if (s)
		host_vsnprintf(s, n + 1, fmt, args);
	return s;
}

char *kasprintf(gfp_t gfp, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = kvasprintf(gfp, fmt, ap);
	va_end(ap);
	return s;
}

static void emit(int level, const char *s)
{
	char head[40];
	u64 ns = host_now_ns();
	int n = level < 0 ? 0 : snprintf(head, sizeof(head), "[%5llu.%06llu] ", ns / 1000000000, ns / 1000 % 1000000);
	static int last = 4;

	if (level >= 0)
		last = level;
	log_add(s, strlen(s));
	if (last < show_below)
		host_say("%.*s%s", n, head, s);
}

int vprintk(const char *fmt, va_list args)
{
	static char line[4096];
	int level = 4, n = vscnprintf(line, sizeof(line), fmt, args);
	char *s = line;

	while (s[0] == '\001' && s[1]) {
		level = s[1] == 'c' ? -1 : s[1] - '0';
		s += 2;
	}
	emit(level, s);
	return n;
}

int printk(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vprintk(fmt, ap);
	va_end(ap);
	return n;
}

void print_hex_dump(const char *level, const char *prefix, int type, int rowsize, int group,
		    const void *buf, size_t len, bool ascii)
{
	size_t i, j;

	for (i = 0; i < len; i += 16) {
		char row[120];
		int n = 0;

		for (j = i; j < i + 16; j++)
			n += j < len ? scnprintf(row + n, sizeof(row) - n, "%02x ", ((const u8 *)buf)[j]) :
				       scnprintf(row + n, sizeof(row) - n, "   ");
		for (j = i; ascii && j < i + 16 && j < len; j++) {
			u8 c = ((const u8 *)buf)[j];

			n += scnprintf(row + n, sizeof(row) - n, "%c", c >= 32 && c < 127 ? c : '.');
		}
		printk("%s%s%08zx: %s\n", level, prefix, i, row);
	}
}

void host_warn(const char *file, int line, const char *func, bool show, const char *fmt, ...)
{
	char msg[512];
	va_list ap;

	host_warn_count++;
	va_start(ap, fmt);
	host_vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	printk(KERN_WARNING "WARNING: %s:%d %s(): %s [fiber %d %s]\n", file, line, func, msg,
	       current->pid, current->comm);
	if (getenv("HOST_WARN_ABORT")) {
		host_print_stack();
		abort();
	}
	if (show && warn_shown++ < 8 && show_below > 4)
		host_print_stack();
}

void host_bug(const char *file, int line, const char *func, const char *what)
{
	host_say("\nBUG at %s:%d %s(): %s\n", file, line, func, what);
	host_print_stack();
	abort();
}

void panic(const char *fmt, ...)
{
	host_say("\npanic: %s\n", fmt);
	host_print_stack();
	abort();
}

void host_list_corrupt(const char *op, const void *entry)
{
	host_say("\nlist_%s: list corruption at %p\n", op, entry);
	host_print_stack();
	abort();
}
