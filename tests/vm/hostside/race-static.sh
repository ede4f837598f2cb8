#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The detector alone as make race-static makes it: small, static, for a plain shell. What it finds is the business of the suite of this
# name. Runs on the host, without a virtual machine.
cd "$TOP" || exit
shells=(dash "busybox sh")
t() {
	local name=$1
	shift
	if "$@" >"$OUT/log" 2>&1; then echo "ok $name"; else
		sed 's/^/    | /' "$OUT/log" | tail -n 20
		echo "not ok $name"
	fi
}
P=$OUT/race-static
t "the detector is made" scripts/race-static 9.9 "$P"
size=$(cat "$P"/dioxfs-race "$P"/race-static.sh "$P"/README | wc -c)
echo "the detector has $size bytes, packed $(stat -c %s "$OUT"/dioxfs-race-static-9.9-*.tar.gz)"
t "it has less than 3 MiB" test "$size" -lt $((3 << 20))
no_libraries() { ! readelf -lW "$P/dioxfs-race" | grep -E 'INTERP|DYNAMIC'; }
t "its program is static" no_libraries
packed() { mkdir "$OUT/x" && tar -C "$OUT/x" --strip-components=1 -xf "$OUT"/dioxfs-race-static-9.9-*.tar.gz && diff -r "$OUT/x" "$P"; }
t "its archive has the same" packed
t "its script is for a plain shell" eval "sed -n 1p '$P/race-static.sh' | grep -qx '#!/bin/sh' && dash -n '$P/race-static.sh' && busybox sh -n '$P/race-static.sh' && shellcheck -S warning -s sh '$P/race-static.sh'"

answer() {	# STATUS SENTENCE ARGS...: with nothing but busybox in the PATH of the second shell
	local rc want=$1 says=$2
	shift 2
	for s in "${shells[@]}"; do
		$s "$P/race-static.sh" "$@" >"$OUT/said" 2>&1 </dev/null
		rc=$?
		cat "$OUT/said"
		echo "$s: exit status $rc"
		[ $rc = "$want" ] && grep -qE -- "$says" "$OUT/said" || return
	done
}
t "it says how it is used" answer 0 "Exit status: 0 nothing was lost" --help
t "it lists its rows" answer 0 "^libaio +append:8 +allocate +fallocate" --list
t "without an argument it does nothing" answer 2 "spare device"
t "a wrong option is named" answer 2 "no option --devise" --devise x
t "no row" answer 2 "no row matches" --rows nonesuch /dev/null
t "a file for a device is refused" answer 2 "not a block device" "$P/README"
t "and is as it was" cmp "$P/README" tests/vm/race-static.README
json() { answer 2 '^\{"answer":"refused","sentence":".*not a block device' --json - /dev/null && sed -n 's/^{/{/p' "$OUT/said" | python3 -m json.tool; }
t "a refusal is JSON, too" json
# Only if there is room, and direct I/O: elsewhere the sentence says what is missing.
here() { dash "$P/race-static.sh" --dir "$OUT" --seconds 1 --rows 'libaio append:8 (allocate|keep-size)' --json "$OUT/json" || [ $? = 2 ]; python3 -m json.tool "$OUT/json"; }
t "it works in a folder of this machine, or says why not" here
t "and leaves nothing there" eval "! ls -d '$OUT'/dioxfs-race.*"
