set -e
strip --strip-debug vi.ko
