#!/bin/sh
. ./lib.sh
dmesg -C
ins cb_busy.ko
rem cb_busy
# of the report: what does not depend on where memory lies, or on debugging of the slabs
dmesg -t | grep -E '^(BUG|Object|kmem_cache_destroy|WARNING|cb:)|Objects remaining|cut here|end trace' | sed 's/ 0x[0-9a-f]*//g; s/@offset=.*//; s/(.*Tainted[^)]*)/(TAINT)/; s/^\(WARNING.*\) kmem_cache_destroy.*/\1 kmem_cache_destroy/'
