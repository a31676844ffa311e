set -e
strip --strip-debug tp.ko
