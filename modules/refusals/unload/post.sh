set -e
strip --strip-debug ua.ko ub.ko up.ko uq.ko
