set -e
strip --strip-debug vb.ko vu.ko
