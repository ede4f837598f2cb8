#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The program that measures stalls, on the host: its arithmetic, what it refuses, what it prints; and what scripts/bench-stall
# makes of the figures. That it runs on dioxfs is the business of the suite window.
cd "$TOP" || exit
t() {
	local name=$1
	shift
	if "$@" >"$OUT/log" 2>&1; then echo "ok $name"; else
		sed 's/^/    | /' "$OUT/log" | tail -n 20
		echo "not ok $name"
	fi
}
stall=$OUT/bin/stall
t "stall is made" make -s -C tests/vm OUT="$OUT/bin" "$stall"
$stall --self-test || echo "not ok its arithmetic is right"

says() {	# STATUS REGEX ARGS...
	local want=$1 regex=$2 rc
	shift 2
	$stall "$@" >"$OUT/said" 2>&1
	rc=$?
	cat "$OUT/said"
	echo "exit status $rc"
	[ $rc = "$want" ] && grep -qE -- "$regex" "$OUT/said"
}
t "it says how it is used" says 0 '--op LIST' --help
while IFS='|' read -r regex args; do
	# shellcheck disable=SC2086
	t "it refuses ${args:-no file}" says 2 "$regex" $args
done <<'EOT'
one file|
knows no "nonesuch"|--op nonesuch f
multiple of a page|--punch-len 5000 f
multiple of 512|--bs 1000 f
from 1 to 1024, not "0"|--depth 0 f
not "-1"|--size -1 f
not "9x"|--ahead-len 9x f
libaio or io_uring|--engine sync f
do not go together|--op ahead,extend f
nothing to disturb|--op none --phases disturbed f
in its own file|--op all --pattern append --phases beside f
EOT
t "it says which file cannot be opened, and why" says 1 'open .*/none/f.*: No such file or directory \(errno 2\)' "$OUT/none/f"

# Only if there is direct I/O.
json() {
	local rc
	$stall --json --seconds 1 --slice 0.5 --size 4m "$@" "$OUT/f" >"$OUT/json"
	rc=$?
	cat "$OUT/json"
	[ $rc = 3 ] && python3 -c "import json; assert json.load(open('$OUT/json'))['error']" && return
	[ $rc = 0 ] && python3 - "$OUT/json" <<'EOT'
import json, sys
r = json.load(open(sys.argv[1]))
for name, p in r["phases"].items():
    assert len(p["each"]) == 2 and p["writes"]["n"] > 0, name
    assert abs(sum(p["each"]) / 2 - p["iops"]) <= 0.1, name
    assert list(p["writes"]["ms"].values()) == sorted(p["writes"]["ms"].values()), name
d = r["phases"]["disturbed"]
assert d["ops"]["n"] == sum(d[op]["n"] for op in r["len"]) > 0
EOT
}
t "its figures are JSON, complete, and fit together" json --op all
t "likewise of appends" json --op ahead --pattern append
t "it leaves nothing there" eval "! ls '$OUT'/f* 2>/dev/null"

# Two runs that keep 0.6 and 0.8, each the median of its turns.
python3 - "$OUT" <<'EOT'
import json, sys
ms = lambda x: dict(n=9, per_s=100.0, ms={"p50": x / 2, "p95": x, "p99": x, "p99.9": x, "max": 2 * x})
def run(kept):
    return dict(alone=dict(iops=1000, each=[1000, 1000, 1000], writes=ms(4)), tracked=dict(iops=900, each=[900, 900, 900], writes=ms(4)),
                disturbed=dict(iops=500, each=[1, 1000 * kept, 1000], writes=ms(6), ops=ms(8), late=0, refills=0))
row = dict(id=1, lat_ms=1.0, depth=16, op="punch", engine="libaio", pattern="overwrite", counters={}, trouble={}, results=dict(dioxfs=[run(0.6), run(0.8)]))
json.dump(dict(date="", kernel="K<1>", fs=["dioxfs", "btrfs"], missing=dict(btrfs="no mkfs.btrfs"), wrong=[], accel="tcg", cpus=2, rate="500", runs=2,
               seconds=1, slice=1, stall="", rows=[row]), open(sys.argv[1] + "/earlier.json", "w"))
EOT
bench() { scripts/bench-stall --from "$OUT/earlier.json" --out "$OUT" >"$OUT/table" 2>&1; local rc=$?; cat "$OUT/table"; return $rc; }
t "bench-stall makes a table and a chart of what was measured" bench
row() { cat "$OUT/table"; grep -qE '^ +dioxfs +1000 +0\.70 \(0\.60 to 0\.80\) +0\.90 +4\.00 +6\.00 +1\.50x +100 +4\.00 +8\.00 +16\.00$' "$OUT/table"; }
t "with the medians of the runs" row
t "and says what is missing" grep -qE '^ +btrfs +no mkfs.btrfs$' "$OUT/table"
drawing() { sed -n '/<svg/,/<\/svg>/p' "$OUT/bench-stall.html" | python3 -c 'import sys, xml.dom.minidom; assert "0.70" in xml.dom.minidom.parse(sys.stdin).toxml()'; }
t "its chart is a drawing that other programs can read" drawing
t "bench-stall refuses what it does not know" eval "! scripts/bench-stall --op nonesuch >'$OUT/said' 2>&1 && grep -q nonesuch '$OUT/said'"
