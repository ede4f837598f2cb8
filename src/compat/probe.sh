#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# probe.sh OUT RELEASE DIR COMPILER FLAGS...
#
# Finds out what kernel RELEASE has by compiling the probes DIR/*.c for it, and writes
# the header OUT: one HAVE_* for each. Or says in one sentence why dioxfs cannot be
# built for this kernel, and fails. Kbuild runs it with the compiler and flags of the target kernel.
#
# A probe lists the forms that an interface has had, 0, 1, 2...; HAVE_NAME is the
# number of the one that this kernel has. Exactly one form must compile. So an interface that is
# absent, one that has become something we do not know, and a probe that is broken are
# never mistaken for each other: the last two stop the build.
#
#   control_*.c   what must be so for any answer to mean something
#   need_*.c      what dioxfs cannot do without; "Otherwise:" in it is what to say then
#
# Reading the kernel's headers takes a second, the probes nothing: so all forms of all probes
# are compiled as two files, and a form has failed when an error carries its name.
# What was found is then compiled once more by itself, and must be free of errors: a wrong answer, wherever
# it came from, stops the build and never bends it. So is all of src/compat (dx_every.h): what no probe asks is found out there.
#
# IGNORE_CC_MISMATCH=1 in the environment builds with another compiler than the kernel's.
# DX_FORCE="HAVE_A=0 HAVE_B=2" in the environment is for the test of that (tests/compat/run).
set -u
out=$1 release=$2 dir=$3
shift 3
tmp=$out.tmp.d
rm -rf "$tmp"
mkdir -p "$tmp" || exit 1
trap 'rm -rf "$tmp"' EXIT

stop() { echo "dioxfs: $*" >&2; exit 1; }
compile() {	# NAME COMPILER FLAGS...: $tmp/NAME.c, messages to $tmp/NAME.log
	src=$tmp/$1.c log=$tmp/$1.log
	shift
	# What is wrong must be an error, what is only ugly (or the kernel's own) must not.
	# shellcheck disable=SC2086	# several words
	"$@" -I"$dir" -Wno-error -Werror=implicit-function-declaration -Werror=incompatible-pointer-types -Werror=int-conversion $own \
		${IGNORE_CC_MISMATCH:+-DIGNORE_CC_MISMATCH} -fms-extensions -fsyntax-only "$src" >"$log" 2>&1
}
errors() { sed -n "s/^$1:[0-9:]* *\(fatal \)\{0,1\}error: *//p" "$2"; }
forms() {
	n=0
	while grep -q "FORM == $n\$" "$1"; do echo $n; n=$((n + 1)); done
	[ $n -gt 0 ] || echo 0
}
# One form of a probe, under its name, and its own names kept apart from the others'.
piece() {
	name=$(basename "$1" .c)
	echo "#undef FORM"
	echo "#define FORM $2"
	for id in probe probe_f probe_g probe_ops probe_t probe_member; do
		echo "#undef $id"
		echo "#define $id dx_${name}_$2_$id"
	done
	echo "#line 1 \"$name.$2\""
	cat "$1"
}

command -v "$1" >/dev/null ||
	stop "the compiler that kernel $release was built with ($1) is not installed: install it (Debian: apt-get install $1)"

# What each compiler has its own names for. All errors count, each where the probe is and not where a macro comes from.
cc=''
for word; do
	case $word in -*) break ;; esac
	cc="$cc $word"
done
# shellcheck disable=SC2086	# a prefix such as ccache is a word of its own
case $(echo __clang__ | $cc -E -P -x c - 2>/dev/null | tail -n 1) in
1)	own="-Werror=incompatible-pointer-types-discards-qualifiers -ferror-limit=0 -Wno-unknown-warning-option" ;;
*)	own="-Werror=discarded-qualifiers -ftrack-macro-expansion=0" ;;
esac

for src in "$dir"/need_*.c; do piece "$src" 0; done >"$tmp/need.c"
compile need "$@"
for src in "$dir"/need_*.c; do
	[ -z "$(errors "$(basename "$src" .c).0" "$tmp/need.log")" ] ||
		stop "kernel $release $(sed -n 's/^ \* Otherwise: //p' "$src")"
done

# What the probes include in every form: first and alone.
for src in "$dir"/*.c; do sed '/^#include "probe.h"/q' "$src"; done | grep '^#include <' | sort -u >"$tmp/headers.c"
compile headers "$@" ||
	stop "the headers of kernel $release cannot be compiled with this compiler: $(sed -n 's/^.*error: *//p' "$tmp/headers.log" | head -n 1)"

# The forms 0 apart: what they declare because the kernel does not is in the way of the others.
cp "$tmp/headers.c" "$tmp/old.c"
cp "$tmp/headers.c" "$tmp/new.c"
for src in "$dir"/*.c; do
	for n in $(forms "$src"); do
		piece "$src" "$n" >>"$tmp/$([ "$n" = 0 ] && echo old || echo new).c"
	done
done
compile old "$@"
compile new "$@"
cat "$tmp/old.log" "$tmp/new.log" >"$tmp/all.log"

found() {	# PROBE FLAGS...: the form that compiles; nothing for none or several
	f='' probe=$1
	shift
	for n in $(forms "$probe"); do
		[ -n "$(errors "$(basename "$probe" .c).$n" "$tmp/all.log")" ] || f="$f $n"
	done
	# A function that is not there is an error where it is called first, in one form, and known from then on, in the next.
	case $f in " "*" "*)
		several=$f f=''
		for n in $several; do
			{ cat "$tmp/headers.c"; piece "$probe" "$n"; } >"$tmp/alone.c"
			! compile alone "$@" || f="$f $n"
		done ;;
	esac
	case $f in " "[0-9]) echo "${f# }" ;; esac
}

for c in missing=0 missing_twice=0 no_symbol=1 no_member=1; do
	[ "$(found "$dir/control_${c%=*}.c" "$@")" = "${c#*=}" ] ||
		stop "nothing can be found out about kernel $release: to this compiler what exists and what does not look the same (control_${c%=*})"
done

cp "$tmp/headers.c" "$tmp/true.c"
{
	echo "/* What kernel $release has; made by src/compat/probe.sh, do not edit. */"
	for src in "$dir"/*.c; do
		name=$(basename "$src" .c)
		v=$(found "$src" "$@")
		[ -n "$v" ] ||
			stop "kernel $release has an interface in a form that this version of dioxfs does not know ($name: $(errors "$name.[0-9]" "$tmp/all.log" | tail -n 1)): the kernel is too new or too old for it"
		fact=HAVE_$(echo "$name" | tr '[:lower:]' '[:upper:]')
		for f in ${DX_FORCE:-}; do
			[ "${f%=*}" != "$fact" ] || v=${f#*=}
		done
		piece "$src" "$v" >>"$tmp/true.c"
		case $name in control_*|need_*) continue ;; esac
		echo "#define $fact $v	/* $(sed -n "s/^ \* $v: //p" "$src") */"
	done
} >"$tmp/have" || exit 1
compile true "$@" ||
	stop "what was found out about kernel $release does not hold: $(sed -n 's/: .*error: /: /p' "$tmp/true.log" | head -n 1)"
# What nobody thought to ask: all of src/compat, with these answers, each of its macros used once.
mkdir "$tmp/every"
cp "$dir"/../*.[ch] "$tmp/every/"
cp "$tmp/have" "$tmp/every/dx_have.h"
for src in "$tmp"/every/dx_every.h "$tmp"/every/compat_*.c; do echo "#include \"every/${src##*/}\""; done >"$tmp/every.c"
compile every "$@" ||
	stop "kernel $release differs from what this version of dioxfs knows ($(sed -n 's/^\([^ :]*\/\)\{0,1\}\([^ :/]*\):[0-9:]* *\(fatal \)\{0,1\}error: */\2: /p' "$tmp/every.log" | head -n 1)): the kernel is too new or too old for it"
# The same answers leave the file alone, and with it everything that was compiled with them.
cmp -s "$tmp/have" "$out" || mv "$tmp/have" "$out"
