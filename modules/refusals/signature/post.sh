set -e
strip --strip-debug si.ko
