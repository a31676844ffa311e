set -e
strip --strip-debug lt.ko lp.ko lq.ko
