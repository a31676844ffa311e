# Completion of lkm and of the tools that it can be called as. Written by `make docs` from crates/cli.

# The words of the command line behind the name of the tool; the first is that name.
function __lkm_line
    set -l words (commandline -opc)
    set -l name (string replace -r '.*/' '' -- $words[1])
    set -e words[1]
    if test "$name" = lkm; and set -q words[1]; and not string match -q -- '-*' $words[1]
        set name $words[1]
        set -e words[1]
    end
    if test "$name" = kmod; and test "$words[1]" = static-nodes
        set name static-nodes
        set -e words[1]
    end
    printf '%s\n' $name $words
end

# Whether the command line is that of this tool.
function __lkm_is
    set -l line (__lkm_line)
    test "$line[1]" = $argv[1]
end

# Whether a tool has this many operands at most; options with an argument in a word of its own count, too.
function __lkm_operands_at_most
    set -l line (__lkm_line)
    test (count (string match -v -- '-*' $line[2..-1])) -le $argv[1]
end

# The module directory that the command line means.
function __lkm_directory
    set -l line (__lkm_line)
    set -l root
    set -l release (uname -r)
    for at in (seq 2 (count $line))
        switch $line[$at]
            case -d --dirname -b --basedir
                set root $line[(math $at + 1)]
            case -S -k --set-version
                set release $line[(math $at + 1)]
        end
    end
    echo $root/lib/modules/$release
end

function __lkm_nothing
end

function __lkm_files
    __fish_complete_path (commandline -ct)
end

function __lkm_folders
    __fish_complete_directories (commandline -ct)
end

function __lkm_releases
    command ls /lib/modules 2>/dev/null
end

function __lkm_loaded
    string replace -r ' .*' '' </proc/modules
end

function __lkm_modules
    sed 's/:.*//; s|.*/||; s/\.ko.*//' (__lkm_directory)/modules.dep 2>/dev/null
end

function __lkm_module_files
    __fish_complete_suffix .ko
    __fish_complete_suffix .ko.xz
    __fish_complete_suffix .ko.zst
    __fish_complete_suffix .ko.gz
end

function __lkm_sources
    __lkm_module_files
    __fish_complete_suffix .c
end

# The parameters of the module that the command line names.
function __lkm_parameters
    set -l line (__lkm_line)
    set -l modinfo modinfo
    if command -q lkm
        set modinfo lkm modinfo
    end
    set -l directory (__lkm_directory)
    for word in (string match -v -- '-*' $line[2..-1])
        switch $word
            case '*/*' '*.ko' '*.ko.*'
                $modinfo -F parm (realpath $word) 2>/dev/null | string replace -rf '^([\w.-]+):.*' '$1='
            case '*'
                $modinfo -b (string replace -r '/lib/modules/[^/]*$' '/' $directory) -k (string replace -r '.*/' '' $directory) -F parm $word 2>/dev/null | string replace -rf '^([\w.-]+):.*' '$1='
        end
    end
end

function __lkm_module_operand
    set -l line (__lkm_line)
    if contains -- -r $line; or contains -- --remove $line
        __lkm_loaded
    else
        __lkm_modules
        __lkm_parameters
    end
end

for program in lkm
    complete -c $program -n '__lkm_is lkm' -s h -l help -d 'show this help'
    complete -c $program -n '__lkm_is lkm' -s V -l version -d 'show the version'
    complete -c $program -n '__lkm_is lkm; and __lkm_operands_at_most 0' -f -a run -d 'load a module into a kernel of its own, and tell what it left behind'
    complete -c $program -n '__lkm_is lkm; and __lkm_operands_at_most 0' -f -a sh -d 'run a command or a shell inside a kernel of its own'
    complete -c $program -n '__lkm_is lkm; and __lkm_operands_at_most 0' -f -a abi -d 'what lkm knows of kernels: list, show, import'
    complete -c $program -n '__lkm_is lkm; and __lkm_operands_at_most 0' -f -a insmod -d 'load a module from a file'
    complete -c $program -n '__lkm_is lkm; and __lkm_operands_at_most 0' -f -a rmmod -d 'unload modules'
    complete -c $program -n '__lkm_is lkm; and __lkm_operands_at_most 0' -f -a lsmod -d 'list loaded modules'
    complete -c $program -n '__lkm_is lkm; and __lkm_operands_at_most 0' -f -a modprobe -d 'load and unload modules with what they need'
    complete -c $program -n '__lkm_is lkm; and __lkm_operands_at_most 0' -f -a depmod -d 'write the indexes of a module directory'
    complete -c $program -n '__lkm_is lkm; and __lkm_operands_at_most 0' -f -a modinfo -d 'show what a module says of itself'
    complete -c $program -n '__lkm_is lkm; and __lkm_operands_at_most 0' -f -a kmod -d 'the above by one name: help, list, static-nodes'
    complete -c $program -n '__lkm_is lkm; and __lkm_operands_at_most 0' -f -a dmesg -d 'print or control the kernel\'s log'
    complete -c $program -n '__lkm_is lkm; and __lkm_operands_at_most 0' -f -a klogd -d 'write the kernel\'s log to a file or to syslog'
    complete -c $program -n '__lkm_is lkm; and __lkm_operands_at_most 0' -f -a check -d 'tell what is wrong with a module before it is loaded'
    complete -c $program -n '__lkm_is lkm; and __lkm_operands_at_most 0' -f -a sign -d 'sign a module, or verify its signature'
end

for program in lkm
    complete -c $program -n '__lkm_is run' -s k -l kernel -x -a '(__lkm_releases)' -d 'the kernel to run on; otherwise the one the module was built for'
    complete -c $program -n '__lkm_is run' -l image -x -a '(__lkm_files)' -d 'the kernel image to take'
    complete -c $program -n '__lkm_is run' -s l -l loglevel -x -a '1 2 3 4 5 6 7 8' -d 'what of the kernel\'s log is shown (as `dmesg -n`; 7)'
    complete -c $program -n '__lkm_is run' -l cpus -x -a '(__lkm_nothing)' -d 'how many CPUs the kernel has; otherwise as many as this machine'
    complete -c $program -n '__lkm_is run' -l cmdline -x -a '(__lkm_nothing)' -d 'the kernel\'s command line (loglevel=, module_blacklist=, module.sig_enforce, MODULE.PARAM= ...)'
    complete -c $program -n '__lkm_is run' -l check -x -a 'guard exact track fast' -d 'what is watched of the module\'s use of memory: guard (accesses behind a block and to freed ones, damage around blocks; the default), exact (also every access by an address in a register, to the byte; a source is built for it, a finished module is checked as it is), track (who owns what, wrong frees), fast (nothing)'
    complete -c $program -n '__lkm_is run' -l no-faces -d 'leave /proc, /sys and /dev as this machine has them'
    complete -c $program -n '__lkm_is run' -l personality -x -a '2.4' -d 'Linux 2.4\'s module system: create_module, insmod linking in user space (for the museum)'
    complete -c $program -n '__lkm_is run' -l json -d 'print the report as JSON to standard output'
    complete -c $program -n '__lkm_is run' -s v -l verbose -d 'tell what is done'
    complete -c $program -n '__lkm_is run' -s h -l help -d 'show this help'
    complete -c $program -n '__lkm_is run' -f -a '(__lkm_sources)'
    complete -c $program -n '__lkm_is run; and not __lkm_operands_at_most 0' -f -a '(__lkm_parameters)'
end

for program in lkm
    complete -c $program -n '__lkm_is sh' -s k -l kernel -x -a '(__lkm_releases)' -d 'the kernel to run; otherwise the one that modules in this folder were built for, this machine\'s, or the newest that is installed'
    complete -c $program -n '__lkm_is sh' -l image -x -a '(__lkm_files)' -d 'the kernel image to take'
    complete -c $program -n '__lkm_is sh' -s l -l loglevel -x -a '1 2 3 4 5 6 7 8' -d 'what of the kernel\'s log is shown (as `dmesg -n`; 7)'
    complete -c $program -n '__lkm_is sh' -l cpus -x -a '(__lkm_nothing)' -d 'how many CPUs the kernel has; otherwise as many as this machine'
    complete -c $program -n '__lkm_is sh' -l cmdline -x -a '(__lkm_nothing)' -d 'the kernel\'s command line (loglevel=, module_blacklist=, module.sig_enforce, MODULE.PARAM= ...)'
    complete -c $program -n '__lkm_is sh' -l check -x -a 'guard exact track fast' -d 'what is watched of modules\' use of memory: track (the default), guard, exact, fast: see `lkm run --help`'
    complete -c $program -n '__lkm_is sh' -l no-faces -d 'leave /proc, /sys and /dev as this machine has them'
    complete -c $program -n '__lkm_is sh' -l personality -x -a '2.4' -d 'Linux 2.4\'s module system: create_module, insmod linking in user space (for the museum)'
    complete -c $program -n '__lkm_is sh' -s h -l help -d 'show this help'
    complete -c $program -n '__lkm_is sh' -a '(__fish_complete_subcommand)'
end

for program in lkm
    complete -c $program -n '__lkm_is abi' -s k -l kernel -x -a '(__lkm_releases)' -d 'which kernel; otherwise this machine\'s, or the newest that is installed'
    complete -c $program -n '__lkm_is abi' -l image -x -a '(__lkm_files)' -d 'the kernel image to take'
    complete -c $program -n '__lkm_is abi' -l json -d 'print JSON'
    complete -c $program -n '__lkm_is abi' -s h -l help -d 'show this help'
    complete -c $program -n '__lkm_is abi; and __lkm_operands_at_most 0' -f -a 'list import show'
    complete -c $program -n '__lkm_is abi; and not __lkm_operands_at_most 0' -f -a '(__lkm_releases)'
end

for program in lkm
    complete -c $program -n '__lkm_is check' -s k -l kernel -x -a '(__lkm_releases)' -d 'the kernel to run on; otherwise the one the module was built for'
    complete -c $program -n '__lkm_is check' -l image -x -a '(__lkm_files)' -d 'the kernel image to take'
    complete -c $program -n '__lkm_is check' -l json -d 'print the findings as JSON'
    complete -c $program -n '__lkm_is check' -s h -l help -d 'show this help'
    complete -c $program -n '__lkm_is check' -F
end

for program in lkm
    complete -c $program -n '__lkm_is sign' -s d -d 'write only the PKCS#7 message, to MODULE.p7s'
    complete -c $program -n '__lkm_is sign' -s k -d 'name the key by the certificate\'s subject key identifier, not by issuer and serial number'
    complete -c $program -n '__lkm_is sign' -s p -d 'write the PKCS#7 message to MODULE.p7s, too'
    complete -c $program -n '__lkm_is sign' -s s -d 'append a message that was made elsewhere'
    complete -c $program -n '__lkm_is sign' -l verify -d 'verify a signature'
    complete -c $program -n '__lkm_is sign' -l strip -d 'remove a signature'
    complete -c $program -n '__lkm_is sign' -l json -d 'with --verify: print JSON'
    complete -c $program -n '__lkm_is sign' -s h -l help -d 'show this help'
    complete -c $program -n '__lkm_is sign' -F
end

for program in lkm insmod
    complete -c $program -n '__lkm_is insmod' -s f -l force -d 'ignore versions of symbols and the version magic: the kernel may crash'
    complete -c $program -n '__lkm_is insmod' -l force-modversion -d 'ignore the versions of symbols'
    complete -c $program -n '__lkm_is insmod' -l force-vermagic -d 'ignore the version magic'
    complete -c $program -n '__lkm_is insmod' -l syslog -d 'send messages to syslog, not to standard error'
    complete -c $program -n '__lkm_is insmod' -s v -l verbose -d 'tell what is done'
    complete -c $program -n '__lkm_is insmod' -l explain -d 'tell cause and cure of a refusal, also where standard error is no terminal'
    complete -c $program -n '__lkm_is insmod' -l instance -x -a '(__lkm_nothing)' -d 'the instance of lkm\'s kernel with this name, not this machine\'s kernel'
    complete -c $program -n '__lkm_is insmod' -s V -l version -d 'show the version'
    complete -c $program -n '__lkm_is insmod' -s h -l help -d 'show this help'
    complete -c $program -n '__lkm_is insmod' -f -a '(__lkm_module_files)'
    complete -c $program -n '__lkm_is insmod; and not __lkm_operands_at_most 0' -f -a '(__lkm_parameters)'
end

for program in lkm rmmod
    complete -c $program -n '__lkm_is rmmod' -s f -l force -d 'unload a module that is in use: the kernel may crash, and most kernels refuse'
    complete -c $program -n '__lkm_is rmmod' -s s -l syslog -d 'send messages to syslog, not to standard error'
    complete -c $program -n '__lkm_is rmmod' -s v -l verbose -d 'tell what is done'
    complete -c $program -n '__lkm_is rmmod' -l instance -x -a '(__lkm_nothing)' -d 'the instance of lkm\'s kernel with this name, not this machine\'s kernel'
    complete -c $program -n '__lkm_is rmmod' -s V -l version -d 'show the version'
    complete -c $program -n '__lkm_is rmmod' -s h -l help -d 'show this help'
    complete -c $program -n '__lkm_is rmmod' -f -a '(__lkm_loaded)'
end

for program in lkm lsmod
    complete -c $program -n '__lkm_is lsmod' -l json -d 'print JSON'
    complete -c $program -n '__lkm_is lsmod' -l instance -x -a '(__lkm_nothing)' -d 'the instance of lkm\'s kernel with this name, not this machine\'s kernel'
    complete -c $program -n '__lkm_is lsmod' -f
end

for program in lkm modprobe
    complete -c $program -n '__lkm_is modprobe' -s a -l all -d 'every word is a module'
    complete -c $program -n '__lkm_is modprobe' -s r -l remove -d 'unload, not load'
    complete -c $program -n '__lkm_is modprobe' -l remove-holders -l remove-dependencies -d 'unload the modules that use it, too; the second name is the old one'
    complete -c $program -n '__lkm_is modprobe' -s w -l wait -x -a '(__lkm_nothing)' -d 'with -r: wait so long for a module that is in use'
    complete -c $program -n '__lkm_is modprobe' -l first-time -d 'fail if there is nothing to do'
    complete -c $program -n '__lkm_is modprobe' -s i -l ignore-install -l ignore-remove -d 'run no commands of the configuration'
    complete -c $program -n '__lkm_is modprobe' -s b -l use-blacklist -d 'what is blacklisted is not loaded by its name, either'
    complete -c $program -n '__lkm_is modprobe' -s f -l force -d 'ignore versions of symbols and the version magic: the kernel may crash'
    complete -c $program -n '__lkm_is modprobe' -l force-modversion -d 'ignore the versions of symbols'
    complete -c $program -n '__lkm_is modprobe' -l force-vermagic -d 'ignore the version magic'
    complete -c $program -n '__lkm_is modprobe' -s R -l resolve-alias -d 'print the modules that MODULE stands for, and end'
    complete -c $program -n '__lkm_is modprobe' -s D -l show-depends -d 'print what would be loaded, and end'
    complete -c $program -n '__lkm_is modprobe' -s c -l showconfig -l show-config -d 'print the configuration, and end'
    complete -c $program -n '__lkm_is modprobe' -l show-modversions -l dump-modversions -d 'print the versions of symbols that a module file was built for, and end'
    complete -c $program -n '__lkm_is modprobe' -l show-exports -d 'print the symbols that a module file exports, and end'
    complete -c $program -n '__lkm_is modprobe' -s n -l dry-run -l show -d 'do nothing; with -v tell what would be done'
    complete -c $program -n '__lkm_is modprobe' -s C -l config -x -a '(__lkm_files)' -d 'read this file or folder instead of the usual folders'
    complete -c $program -n '__lkm_is modprobe' -s d -l dirname -x -a '(__lkm_folders)' -d 'take the modules below this folder'
    complete -c $program -n '__lkm_is modprobe' -s S -l set-version -x -a '(__lkm_releases)' -d 'take the modules of this kernel, not those of `uname -r`'
    complete -c $program -n '__lkm_is modprobe' -s s -l syslog -d 'send messages to syslog, not to standard error'
    complete -c $program -n '__lkm_is modprobe' -s q -l quiet -d 'tell nothing'
    complete -c $program -n '__lkm_is modprobe' -s v -l verbose -d 'tell more'
    complete -c $program -n '__lkm_is modprobe' -l json -d 'with -D: print JSON'
    complete -c $program -n '__lkm_is modprobe' -l explain -d 'tell cause and cure of a refusal, also where standard error is no terminal'
    complete -c $program -n '__lkm_is modprobe' -l instance -x -a '(__lkm_nothing)' -d 'the instance of lkm\'s kernel with this name, not this machine\'s kernel'
    complete -c $program -n '__lkm_is modprobe' -s V -l version -d 'show the version'
    complete -c $program -n '__lkm_is modprobe' -s h -l help -d 'show this help'
    complete -c $program -n '__lkm_is modprobe' -f -a '(__lkm_module_operand)'
end

for program in lkm modinfo
    complete -c $program -n '__lkm_is modinfo' -s a -l author -d 'print the authors only'
    complete -c $program -n '__lkm_is modinfo' -s d -l description -d 'print the description only'
    complete -c $program -n '__lkm_is modinfo' -s l -l license -d 'print the licence only'
    complete -c $program -n '__lkm_is modinfo' -s p -l parameters -d 'print the parameters only'
    complete -c $program -n '__lkm_is modinfo' -s n -l filename -d 'print the file\'s name only'
    complete -c $program -n '__lkm_is modinfo' -s 0 -l null -d 'end fields with a NUL, not with a new line'
    complete -c $program -n '__lkm_is modinfo' -s m -l modname -d 'words are names of modules, never files or aliases'
    complete -c $program -n '__lkm_is modinfo' -s F -l field -x -a 'alias author build-id depends description filename firmware import_ns intree license name parm retpoline sig_hashalgo sig_id sig_key signature signer softdep srcversion vermagic version' -d 'print this field only'
    complete -c $program -n '__lkm_is modinfo' -s k -l set-version -x -a '(__lkm_releases)' -d 'take the modules of this kernel, not those of `uname -r`'
    complete -c $program -n '__lkm_is modinfo' -s b -l basedir -x -a '(__lkm_folders)' -d 'take the modules below this folder'
    complete -c $program -n '__lkm_is modinfo' -l json -d 'print JSON'
    complete -c $program -n '__lkm_is modinfo' -s V -l version -d 'show the version'
    complete -c $program -n '__lkm_is modinfo' -s h -l help -d 'show this help'
    complete -c $program -n '__lkm_is modinfo' -f -a '(__lkm_modules)'
    complete -c $program -n '__lkm_is modinfo' -f -a '(__lkm_module_files)'
end

for program in lkm depmod
    complete -c $program -n '__lkm_is depmod' -s a -l all -d 'read all modules; so it is without files'
    complete -c $program -n '__lkm_is depmod' -s A -l quick -d 'do nothing if no module is newer than the indexes'
    complete -c $program -n '__lkm_is depmod' -s b -l basedir -x -a '(__lkm_folders)' -d 'the modules are in DIR/lib/modules'
    complete -c $program -n '__lkm_is depmod' -s o -l outdir -x -a '(__lkm_folders)' -d 'write below this folder'
    complete -c $program -n '__lkm_is depmod' -l moduledir -x -a '(__lkm_folders)' -d 'the folder of all module directories; /lib/modules otherwise'
    complete -c $program -n '__lkm_is depmod' -s C -l config -x -a '(__lkm_files)' -d 'read this file or folder instead of the usual depmod.d folders'
    complete -c $program -n '__lkm_is depmod' -s E -l symvers -x -a '(__lkm_files)' -d 'with -e: compare versions with this Module.symvers'
    complete -c $program -n '__lkm_is depmod' -s F -l filesyms -x -a '(__lkm_files)' -d 'with -e: the kernel\'s symbols are in this System.map'
    complete -c $program -n '__lkm_is depmod' -s e -l errsyms -d 'report symbols that nobody has'
    complete -c $program -n '__lkm_is depmod' -s P -l symbol-prefix -x -a '(__lkm_nothing)' -d 'symbols of this architecture begin with this character'
    complete -c $program -n '__lkm_is depmod' -s n -l show -l dry-run -d 'print the text files, and write nothing'
    complete -c $program -n '__lkm_is depmod' -s w -l warn -d 'report aliases that a module has twice'
    complete -c $program -n '__lkm_is depmod' -l weakdep -d 'write modules.weakdep, too'
    complete -c $program -n '__lkm_is depmod' -s v -l verbose -d 'tell which module needs which for which symbol'
    complete -c $program -n '__lkm_is depmod' -s V -l version -d 'show the version'
    complete -c $program -n '__lkm_is depmod' -s h -l help -d 'show this help'
    complete -c $program -n '__lkm_is depmod; and __lkm_operands_at_most 0' -f -a '(__lkm_releases)'
    complete -c $program -n '__lkm_is depmod; and not __lkm_operands_at_most 0' -f -a '(__lkm_module_files)'
end

for program in lkm kmod
    complete -c $program -n '__lkm_is kmod' -s V -l version -d 'show the version'
    complete -c $program -n '__lkm_is kmod' -s h -l help -d 'show this help'
    complete -c $program -n '__lkm_is kmod; and __lkm_operands_at_most 0' -f -a help -d 'show the help'
    complete -c $program -n '__lkm_is kmod; and __lkm_operands_at_most 0' -f -a list -d 'list loaded modules, as lsmod'
    complete -c $program -n '__lkm_is kmod; and __lkm_operands_at_most 0' -f -a static-nodes -d 'print the device nodes that are there before their modules are'
end

for program in lkm kmod
    complete -c $program -n '__lkm_is static-nodes' -s o -l output -x -a '(__lkm_files)' -d 'write to this file'
    complete -c $program -n '__lkm_is static-nodes' -s f -l format -x -a 'human tmpfiles devname' -d 'human (the default, not for programs), tmpfiles (as in tmpfiles.d(5)) or devname (as in modules.devname)'
    complete -c $program -n '__lkm_is static-nodes' -s h -l help -d 'show this help'
    complete -c $program -n '__lkm_is static-nodes' -f
end

for program in lkm dmesg
    complete -c $program -n '__lkm_is dmesg' -s C -l clear -d 'empty the buffer'
    complete -c $program -n '__lkm_is dmesg' -s c -l read-clear -d 'print the messages, then empty the buffer'
    complete -c $program -n '__lkm_is dmesg' -s D -l console-off -d 'show no messages on the console'
    complete -c $program -n '__lkm_is dmesg' -s E -l console-on -d 'show messages on the console'
    complete -c $program -n '__lkm_is dmesg' -s F -l file -x -a '(__lkm_files)' -d 'read this file, in the form of syslog(2), not the kernel\'s buffer'
    complete -c $program -n '__lkm_is dmesg' -s f -l facility -x -a 'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp' -d 'only messages of these facilities'
    complete -c $program -n '__lkm_is dmesg' -s H -l human -d 'print for people: with colours, times and a pager'
    complete -c $program -n '__lkm_is dmesg' -s J -l json -d 'print JSON'
    complete -c $program -n '__lkm_is dmesg' -s k -l kernel -d 'only messages of the kernel'
    complete -c $program -n '__lkm_is dmesg' -s L -l color -f -a 'auto always never' -d 'colour messages'
    complete -c $program -n '__lkm_is dmesg' -s l -l level -x -a 'emerg alert crit err warn notice info debug' -d 'only messages of these levels'
    complete -c $program -n '__lkm_is dmesg' -s n -l console-level -x -a 'emerg alert crit err warn notice info debug' -d 'show messages of this level and worse on the console'
    complete -c $program -n '__lkm_is dmesg' -s P -l nopager -d 'use no pager'
    complete -c $program -n '__lkm_is dmesg' -s p -l force-prefix -d 'show the time on every line of a message with several'
    complete -c $program -n '__lkm_is dmesg' -s r -l raw -d 'print the buffer as it is'
    complete -c $program -n '__lkm_is dmesg' -l noescape -d 'print control characters as they are'
    complete -c $program -n '__lkm_is dmesg' -s S -l syslog -d 'use syslog(2), not /dev/kmsg'
    complete -c $program -n '__lkm_is dmesg' -s s -l buffer-size -x -a '(__lkm_nothing)' -d 'how many bytes are asked for with syslog(2)'
    complete -c $program -n '__lkm_is dmesg' -s u -l userspace -d 'only messages that programs wrote'
    complete -c $program -n '__lkm_is dmesg' -s w -l follow -d 'wait for more messages'
    complete -c $program -n '__lkm_is dmesg' -s W -l follow-new -d 'wait for messages, and print the new ones only'
    complete -c $program -n '__lkm_is dmesg' -s x -l decode -d 'show facility and level in words'
    complete -c $program -n '__lkm_is dmesg' -s d -l show-delta -d 'show the time since the message before'
    complete -c $program -n '__lkm_is dmesg' -s e -l reltime -d 'show the local time, and the time since the message before'
    complete -c $program -n '__lkm_is dmesg' -s T -l ctime -d 'show the date; wrong after the machine slept'
    complete -c $program -n '__lkm_is dmesg' -s t -l notime -d 'show no times'
    complete -c $program -n '__lkm_is dmesg' -l time-format -x -a 'delta reltime ctime notime iso' -d 'show times in this form; ctime and iso are wrong after the machine slept'
    complete -c $program -n '__lkm_is dmesg' -l since -x -a '(__lkm_nothing)' -d 'only messages since then'
    complete -c $program -n '__lkm_is dmesg' -l until -x -a '(__lkm_nothing)' -d 'only messages until then'
    complete -c $program -n '__lkm_is dmesg' -l instance -x -a '(__lkm_nothing)' -d 'the instance of lkm\'s kernel with this name, not this machine\'s kernel'
    complete -c $program -n '__lkm_is dmesg' -s V -l version -d 'show the version'
    complete -c $program -n '__lkm_is dmesg' -s h -l help -d 'show this help'
    complete -c $program -n '__lkm_is dmesg' -f
end

for program in lkm klogd
    complete -c $program -n '__lkm_is klogd' -s c -x -a '1 2 3 4 5 6 7 8' -d 'print messages of a level below n on the console (1 to 8)'
    complete -c $program -n '__lkm_is klogd' -s d -d 'tell on standard error what is logged'
    complete -c $program -n '__lkm_is klogd' -s f -x -a '(__lkm_files)' -d 'log to this file instead of syslog; it is emptied first. "-" is standard output'
    complete -c $program -n '__lkm_is klogd' -s i -d 'have the running klogd read the symbols of modules again'
    complete -c $program -n '__lkm_is klogd' -s I -d 'have it read all symbols again'
    complete -c $program -n '__lkm_is klogd' -s k -x -a '(__lkm_files)' -d 'take the kernel\'s symbols from this System.map'
    complete -c $program -n '__lkm_is klogd' -s n -d 'stay in the foreground'
    complete -c $program -n '__lkm_is klogd' -s o -d 'log what is there, and end'
    complete -c $program -n '__lkm_is klogd' -s p -d 'read the symbols of modules again when an oops is logged'
    complete -c $program -n '__lkm_is klogd' -s s -d 'use syslog(2), even if there is /proc/kmsg'
    complete -c $program -n '__lkm_is klogd' -s x -d 'leave addresses as they are'
    complete -c $program -n '__lkm_is klogd' -s 2 -d 'log a line in which addresses were replaced by symbols twice: so, and as it was'
    complete -c $program -n '__lkm_is klogd' -l instance -x -a '(__lkm_nothing)' -d 'the log of this instance of lkm\'s kernel'
    complete -c $program -n '__lkm_is klogd' -l log-socket -x -a '(__lkm_files)' -d 'the socket of syslog instead of /dev/log'
    complete -c $program -n '__lkm_is klogd' -l pid-file -x -a '(__lkm_files)' -d 'where the process id is kept. Otherwise /run/klogd.pid; in an instance /run/lkm/klogd.pid; $XDG_RUNTIME_DIR/lkm/klogd.pid where those cannot be written'
    complete -c $program -n '__lkm_is klogd' -l printk -f -a '(__lkm_nothing)' -d 'show the kernel\'s printk settings, or one of them, or set it; as sysctl(8) does'
    complete -c $program -n '__lkm_is klogd' -s v -l version -d 'show the version'
    complete -c $program -n '__lkm_is klogd' -s h -l help -d 'show this help'
    complete -c $program -n '__lkm_is klogd' -f
end

