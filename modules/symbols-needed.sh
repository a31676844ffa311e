#!/bin/sh
# Lists the kernel symbols that the built cases import, per case and as a union.
# symbols-needed.sh [folder of builds ...]   (default all /tmp/lkm-accept-build*)
# Symbols that a module of the same case exports are left out.
[ $# -gt 0 ] || set -- /tmp/lkm-accept-build*
list() {
	nm -u "$1"/*.ko 2>/dev/null | awk '/^ +[UwvV] /{print $2}' | sort -u >"$t.u"
	nm "$1"/*.ko 2>/dev/null | sed -n 's/.* __ksymtab_//p' | sort -u >"$t.e"
	comm -23 "$t.u" "$t.e" | tr '\n' ' '
}
t=$(mktemp); trap 'rm -f "$t" "$t".*' EXIT
echo "# by case"
for b; do for c in "$b"/*/; do echo "${b##*/lkm-accept-build}/$(basename "$c"): $(list "$c")"; done; done | tee "$t.all"
echo "# union: in how many cases, name"
sed 's/^[^:]*: //' "$t.all" | tr ' ' '\n' | grep . | sort | uniq -c | sort -k1,1nr -k2
