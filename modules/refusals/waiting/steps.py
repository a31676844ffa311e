A, B = read('wa.ko'), read('wb.ko')


def start(data, params=b''):
    """A load in a thread of its own, once it is under way."""
    thread = in_background(call, INIT, data, len(data), params)
    time.sleep(0.25)
    return thread


def ends(**threads):
    for what, thread in threads.items():
        thread.join()
        print(f'{what}: {"ok" if thread.result == 0 else thread.result}')
    log()


def state():
    for line in text('/proc/modules').split('\n'):
        fields = line.split()
        if fields and fields[0] in ('wa', 'wb'):
            print(' ', fields[0], *fields[2:5], *fields[6:], text(f'/sys/module/{fields[0]}/initstate'),
                  text(f'/sys/module/{fields[0]}/refcnt'))


head('the same module twice')
first = start(A, b'sleep=1500')
state()
print('delete_module while it comes:', delete('wa'))
second = start(A)
ends(first=first, second=second)
state()
print('away:', delete('wa'))
head('the same module twice, init fails')
first = start(A, b'sleep=1500 result=-5')
second = start(A)
third = start(A)
ends(first=first, second=second, third=third)
head('exporter is coming')
first = start(A, b'sleep=1500')
user = start(B)
state()
ends(exporter=first, user=user)
state()
print('away:', delete('wb'), delete('wa'))
head('exporter is coming and fails')
first = start(A, b'sleep=1500 result=-12')
user = start(B)
ends(exporter=first, user=user)
head('exporter is going')
print('exporter:', call(INIT, A, len(A), b'slow=2500'))
going = in_background(delete, 'wa')
time.sleep(0.25)
state()
print('delete_module while it goes:', delete('wa'))
user = start(B)
again = start(A)
ends(delete=going, user=user, again=again)
state()
print('away:', delete('wa'), delete('wb'))
log()
