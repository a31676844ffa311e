#!/bin/sh
. ./lib.sh
said() { dmesg -t | grep -E '^(Trying|WARNING|cache_from_obj|kernel BUG|invalid opcode|Oops: invalid|note|wf:)|cut here|end trace' | sed 's/(0*[0-9a-f]*)/(P)/; s/ at \([a-z_]*\.c:LINE\) .*/ at \1/'; dmesg -C; }
dmesg -C
ins wf_vfree.ko; rem wf_vfree; said
ins wf_cache.ko; rem wf_cache; said
ins wf_double.ko; said | sed "s/\\[[0-9]*\\] exited/[N] exited/"
