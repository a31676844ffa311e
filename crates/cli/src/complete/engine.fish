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

