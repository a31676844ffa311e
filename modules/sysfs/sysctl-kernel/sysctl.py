import errno, os
K = '/proc/sys/kernel/'
def t(f):
    try:
        return f()
    except OSError as e:
        return errno.errorcode[e.errno]
def show(n): return t(lambda: open(K + n, 'rb').read())
def put(n, v, at=None):
    def go():
        f = os.open(K + n, os.O_WRONLY)
        try:
            return os.write(f, v) if at is None else os.pwrite(f, v, at)
        finally:
            os.close(f)
    print(n, v if len(v) < 60 else len(v), '' if at is None else f'at {at}', t(go), show(n))
names = ('printk printk_ratelimit printk_ratelimit_burst printk_devkmsg printk_delay tainted modules_disabled kptr_restrict dmesg_restrict modprobe hotplug '
         'panic panic_on_oops panic_on_warn panic_print oops_limit warn_limit ostype osrelease version hostname domainname pid_max ctrl-alt-del core_pattern '
         'core_uses_pid softlockup_panic watchdog watchdog_thresh hung_task_timeout_secs ftrace_enabled perf_event_paranoid randomize_va_space threads-max unprivileged_bpf_disabled bootloader_type acct overflowuid').split()
for n in names:
    s = t(lambda: os.stat(K + n))
    print(n, s if isinstance(s, str) else f'{s.st_mode:o} {s.st_size}')
put('printk', b'7 4 1 7'); put('panic', b'0')
for n in 'printk printk_ratelimit printk_ratelimit_burst printk_devkmsg printk_delay tainted modules_disabled kptr_restrict dmesg_restrict modprobe hotplug panic panic_on_oops panic_on_warn oops_limit warn_limit ostype watchdog_thresh softlockup_panic'.split():
    print(n, show(n))
N = [b'3', b'3\n', b' 3', b'3 ', b'3\n\n', b'3x', b'x', b'-1', b'+3', b'0x10', b'010', b'3 4', b'3\t4\n', b'', b'\n', b' ', b'1.5', b'99999999999', b'-99999999999', b'2147483647', b'2147483648', b'18446744073709551616', b'3\0', b'0' * 30 + b'2', b' ' * 5000 + b'3', b'3' + b' ' * 5000]
for n, last in (('printk_ratelimit_burst', b'10'), ('printk_ratelimit', b'5'), ('printk_delay', b'0')):
    for v in N: put(n, v)
    put(n, b'7', 0); put(n, b'7', 1); put(n, b'7', 100); put(n, last)
for v in (b'4', b'5 5', b'1 2 3 4', b'1\t2\t3\t4\n', b'1 2 3 4 5', b'1 x 3 4', b'9 9 9 9', b'-1', b'8 4 1 7 ', b'7,4,1,7', b'7 4 1 7\n'): put('printk', v)
f = os.open(K + 'printk', os.O_RDWR)
print(os.read(f, 3), os.read(f, 3), os.pread(f, 100, 0), os.pread(f, 100, 3), os.lseek(f, 0, 0), os.read(f, 100), os.read(f, 100), os.write(f, b'1 1 1 1'), os.lseek(f, 0, 0), os.write(f, b'7 4 1 7'), show('printk'))
for v in (b'on', b'on\n', b'off\n', b'ratelimit\n', b'on ', b'ratelimit', b'bad\n', b'off\n\n', b'\n', b'ON\n', b'onx\n', b'ratelimitx\n', b'ratelimit\n'): put('printk_devkmsg', v)
for v in (b'0', b'0\n', b'1\n', b'-1', b'x', b'64', b'512', b'2', b'0x40', b'1048576', b'524288', b'1 2', b'', b'99999999999999999999'): put('tainted', v)
for v in (b'0', b'1', b'2', b'3', b'-1', b'0\n'): put('kptr_restrict', v)
for v in (b'0', b'1', b'2', b'-1', b'x'): put('dmesg_restrict', v)
for v in (b'/bin/true', b'/bin/true\n', b'/a b\n', b'\n', b'', b'x\0y', b'a\nb', b'y' * 300, b'/sbin/modprobe\n'): put('modprobe', v)
put('modprobe', b'/new', 0); put('modprobe', b'XY', 2); put('modprobe', b'Z', 50); put('modprobe', b'/sbin/modprobe\n')
for n, back in (('panic', b'0'), ('panic_on_oops', b'0'), ('panic_on_warn', b'0'), ('softlockup_panic', b'0'), ('watchdog_thresh', b'10'), ('oops_limit', b'10000'), ('warn_limit', b'0'), ('panic_print', b'0')):
    for v in (b'0', b'1', b'2', b'-1', b'61', b'x', b'5000000000', back): put(n, v)
for v in (b'0', b'2', b'-1', b'x', b'', b'1', b'0', b'1\n'): put('modules_disabled', v)
for n in ('ostype', 'osrelease'): put(n, b'x')
print(t(lambda: os.chmod(K + 'printk', 0o600)), t(lambda: os.truncate(K + 'printk', 0)), t(lambda: os.open(K + 'printk', os.O_WRONLY | os.O_APPEND) > 0), flush=True)
print(os.system('insmod nosuch.ko'), os.system('rmmod nosuch'))
