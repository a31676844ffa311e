# Linux lets 50 requests for modules wait at one time.
HERE = os.getcwd()
PLAIN = read('rb_00.ko')


def module(i):
    return PLAIN.replace(b'rb_00', b'rb_%02d' % i)


def start(i):
    data = module(i)
    return in_background(call, INIT, data, len(data), b'')


def started():
    return text('started.log').count('started')


def until(count, seconds=60):
    end = time.time() + seconds
    while started() < count and time.time() < end:
        time.sleep(0.1)
    return started()


def modprobe(path):
    with open('/proc/sys/kernel/modprobe', 'w') as f:
        f.write(path)


# The first one says what the kernel says only once.
modprobe('\n')
load('without modprobe', module(52), unload='rb_52')
modprobe(f'{HERE}/helper')
head('fifty')
waiting = [start(i) for i in range(50)]
print('helpers:', until(50))
head('one more')
before = time.time()
more = start(50)
more.join()
print('result:', more.result, 'after', 'five seconds' if 4.5 < time.time() - before < 8 else time.time() - before)
log()
print('helpers:', started())
head('one that gets its turn')
late = start(51)
while 'rb_51 ' not in text('/proc/modules'):
    time.sleep(0.1)
time.sleep(1)
open('go', 'w').close()
for thread in waiting + [late]:
    thread.join()
print('results:', sorted({thread.result for thread in waiting}), late.result)
print('helpers:', started())
lines = [line for _, line in taken()]
print(sum(line == 'rb: gives 1024' for line in lines), 'of', len([line for line in lines if line.startswith('rb: ')]))
for line in lines:
    if not line.startswith('rb: '):
        print('  |', line)
print('away:', sorted({delete(f'rb_{i:02}') for i in range(52)}))
