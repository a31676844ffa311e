/* The versions of the kernel's symbols. `lkm run` makes this file anew for the kernel that it runs. */
