#!/bin/sh
. ./lib.sh
dmesg -C; ins kalls.ko
hr module; grep '	\[kalls\]$' /proc/kallsyms | sed 's/^[0-9a-f]\{16\} //; s/addressable_\(.*\)_module[0-9]*/addressable_\1_module/; s/kl_counter\.[0-9]*/kl_counter.N/; /__UNIQUE_ID_/d; /_note_/d' | sort
python3 - <<'PY'
import re
R = '/proc/sys/kernel/kptr_restrict'
def syms(): return [l.split() for l in open('/proc/kallsyms')]
s = syms(); m = [x for x in s if x[-1] == '[kalls]']
print('behind the kernel', s.index(m[0]) > 1000 and all(len(x) == 4 for x in s[s.index(m[0]):] if x[-1] != '[bpf]'))
at = {x[2]: int(x[0], 16) for x in m}; text = int(open('/sys/module/kalls/sections/.text').read(), 16)
print('places', 0 <= at['kl_exported'] - text < 4096, 0 <= at['kl_bss'] - int(open('/sys/module/kalls/sections/.bss').read(), 16) < 4096)
k = {x[2]: x for x in s if len(x) == 3}
for n in ('_printk', 'init_task', 'jiffies', 'linux_banner', 'kmalloc_caches', 'sys_call_table', '_stext', '_etext', 'start_kernel', 'module_kset', 'modules', 'loops_per_jiffy'):
    print(n, k[n][1] if n in k else 'absent')
print('lines of the kernel', len(k) > 50000)
for r in '012':
    open(R, 'w').write(r); x = [x for x in syms() if x[-1] == '[kalls]' and x[2] == 'kl_local'][0]; print(r, int(x[0], 16) == at['kl_local'], x[0] == '0' * 16)
open(R, 'w').write('0')
PY
rem kalls; grep -c '\[kalls\]' /proc/kallsyms; klog '^(kl: |kalls: [^lm])'
