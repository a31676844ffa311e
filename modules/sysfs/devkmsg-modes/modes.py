import errno, os
S = '/proc/sys/kernel/printk_devkmsg'
def t(f):
    try:
        return f()
    except OSError as e:
        return errno.errorcode[e.errno]
mode = lambda m: print(m, open(S, 'w').write(m + '\n'))
mode('ratelimit'); f = os.open('/dev/kmsg', os.O_WRONLY)
for i in range(14): t(lambda: os.write(f, b'dk: limited %d\n' % i))
os.close(f)
mode('on'); f = os.open('/dev/kmsg', os.O_WRONLY)
for i in range(14): t(lambda: os.write(f, b'dk: free %d\n' % i))
mode('off'); print(t(lambda: os.write(f, b'dk: off\n')), t(lambda: os.open('/dev/kmsg', os.O_WRONLY)), t(lambda: os.open('/dev/kmsg', os.O_RDONLY)), t(lambda: os.open('/dev/kmsg', os.O_RDWR)))
mode('on'); print(t(lambda: os.write(f, b'dk: on again\n')))
