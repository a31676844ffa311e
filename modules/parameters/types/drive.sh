#!/bin/sh
. ./lib.sh
dmesg -C
ins types.ko; python3 types.py; rem types
hr at load
for a in p_byte=255 p_byte=0x100 p_short=-32768 p_ushort=-1 p_int=0x7fffffff p_int=-0x80000000 p_uint=0xffffffff p_uint=0x100000000 \
	p_long=-9223372036854775808 p_ulong=-1 p_ullong=0xffffffffffffffff p_hexint=17 p_hexint=-1 p_bool p_bool=y p_bool= p_invbool p_invbool=n \
	p_enable p_enable=0 p_bint p_bint=on p_bint=5 p_range=9 p_range=4294967295 p_range=4294967294 p_range p-int=5 p_int=1,2 \
	'p_int=1 p_int=2' 'p_int=x p_uint=3 p_long=y'; do
	printf '%s: ' "$a"; dmesg -C; if ins types.ko $a; then rem types; fi; klog '^(ty: in|types: [^lm])'
done
