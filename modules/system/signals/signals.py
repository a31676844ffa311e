"""Signals for a program that waits in read: with SA_RESTART the call goes on, without it ends."""
import ctypes, errno, os, signal, threading, time

libc = ctypes.CDLL(None, use_errno=True)
got = []


def handler(number, frame):
    got.append(number)


def say_later(text, after=1.0):
    def run():
        time.sleep(after)
        with open('/dev/kmsg', 'w') as f:
            f.write(text)
    thread = threading.Thread(target=run)
    thread.start()
    return thread


def read(path, restart):
    """A read that waits, with a signal in the middle of it and a line after that."""
    fd = os.open(path, os.O_RDONLY)
    if path == '/dev/kmsg':
        os.lseek(fd, 0, os.SEEK_END)
    signal.signal(signal.SIGALRM, handler)
    signal.siginterrupt(signal.SIGALRM, not restart)
    del got[:]
    thread = say_later('sg: later\n')
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    buffer = ctypes.create_string_buffer(8192)
    ctypes.set_errno(0)
    result = libc.read(fd, buffer, 8192)
    code = ctypes.get_errno()
    time.sleep(0)
    print(path, 'restart' if restart else 'no restart', 'read' if result > 0 else errno.errorcode.get(code, code),
          b'sg: later' in buffer.raw, 'signals', len(got))
    thread.join()
    os.close(fd)


signal.pthread_sigmask(signal.SIG_BLOCK, [])
for restart in (True, False):
    read('/dev/kmsg', restart)
