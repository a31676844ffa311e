set -e
strip --strip-debug mo.ko
