# Completion of lkm and of the tools that it can be called as. Written by `make docs` from crates/cli.

# The values of an option on the command line, of which all names are given.
_lkm_given() {
    local at name
    for ((at = 1; at < COMP_CWORD; at++)); do
        for name in "$@"; do
            case ${COMP_WORDS[at]} in
            "$name")
                if [ "${COMP_WORDS[at+1]}" = = ]; then echo "${COMP_WORDS[at+2]}"; else echo "${COMP_WORDS[at+1]}"; fi
                return ;;
            esac
        done
    done
    return 1
}

# The module directory that the command line means.
_lkm_directory() {
    local root release
    root=$(_lkm_given -d --dirname -b --basedir) || root=
    release=$(_lkm_given -S -k --set-version) || release=$(uname -r)
    echo "$root/lib/modules/$release"
}

_lkm_offer() { COMPREPLY+=($(compgen -W "$1" -- "$cur")); }
_lkm_lines() { local IFS=$'\n'; COMPREPLY+=($(compgen "$@" -- "$cur")); compopt -o filenames 2>/dev/null; }

_lkm_nothing() { :; }
_lkm_files() { _lkm_lines -f; }
_lkm_folders() { _lkm_lines -d; }
_lkm_releases() { _lkm_offer "$(cd /lib/modules 2>/dev/null && echo *)"; }
_lkm_loaded() { _lkm_offer "$(sed 's/ .*//' /proc/modules 2>/dev/null)"; }
_lkm_modules() { _lkm_offer "$(sed 's/:.*//; s|.*/||; s/\.ko.*//' "$(_lkm_directory)/modules.dep" 2>/dev/null)"; }

# Words of a list with commas, too.
_lkm_words() {
    local head=
    case $cur in *,*) head=${cur%,*}, ;; esac
    COMPREPLY+=($(compgen -P "$head" -W "$1" -- "${cur##*,}"))
}

# Module files, and folders on the way to them; with arguments files that end so, too.
_lkm_module_files() {
    local IFS=$'\n' file end
    for file in $(compgen -f -- "$cur"); do
        if [ -d "$file" ]; then COMPREPLY+=("$file"); continue; fi
        for end in .ko .ko.gz .ko.xz .ko.zst "$@"; do
            case $file in *"$end") COMPREPLY+=("$file"); break ;; esac
        done
    done
    compopt -o filenames 2>/dev/null
}

# The parameters of a module, by its name or file.
_lkm_parameters() {
    local modinfo=modinfo
    if command -v lkm >/dev/null; then modinfo='lkm modinfo'; fi
    case $1 in
    */*) ;;
    *.ko|*.ko.*) set -- "./$1" ;;
    *) local directory; directory=$(_lkm_directory)
        modinfo="$modinfo -b ${directory%/lib/modules/*}/ -k ${directory##*/}" ;;
    esac
    _lkm_offer "$($modinfo -F parm "$1" 2>/dev/null | sed -n 's/^\([A-Za-z0-9_.-]*\):.*/\1=/p')"
    compopt -o nospace 2>/dev/null
}

# What stands at the place of the word with this number among the operands.
_lkm_operand() {
    case $operands in
    commands) _lkm_offer "$commands" ;;
    words) if [ $count -eq 0 ]; then _lkm_offer "$commands"; else _lkm_releases; fi ;;
    files) _lkm_files ;;
    run) if [ $count -eq 0 ]; then _lkm_module_files .c; else _lkm_parameters "$subject"; fi ;;
    module-file) if [ $count -eq 0 ]; then _lkm_module_files; else _lkm_parameters "$subject"; fi ;;
    loaded) _lkm_loaded ;;
    module)
        case " ${COMP_WORDS[*]} " in
        *" -r "*|*" --remove "*) _lkm_loaded ;;
        *" -a "*|*" --all "*) _lkm_modules ;;
        *) if [ $count -eq 0 ]; then _lkm_modules; else _lkm_parameters "$subject"; fi ;;
        esac ;;
    modules-or-files) case $cur in */*) ;; *) _lkm_modules ;; esac; _lkm_module_files ;;
    release) if [ $count -eq 0 ]; then _lkm_releases; else _lkm_module_files; fi ;;
    esac
}

_lkm() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} tool=${COMP_WORDS[0]##*/}
    local options operands commands values at=1 count=0 subject= program= word
    COMPREPLY=()
    while [ $at -lt "$COMP_CWORD" ]; do
        case "$tool ${COMP_WORDS[at]}" in
        "lkm -"*) break ;;
        "lkm "*|"kmod static-nodes") tool=${COMP_WORDS[at]}; at=$((at + 1)) ;;
        *) break ;;
        esac
    done
    _lkm_command "$tool" || return
    # Words are parted at `=`, which is a word of its own.
    case $cur in
    =) cur= ;;
    *) if [ "$prev" = = ]; then prev=${COMP_WORDS[COMP_CWORD-2]}; fi ;;
    esac
    for ((; at < COMP_CWORD; at++)); do
        word=${COMP_WORDS[at]}
        case $word in
        --) case $operands in run|program) program=$((at + 1)); break ;; esac ;;
        =) at=$((at + 1)) ;;
        -*) if _lkm_value "$tool" "$word" && [ "${COMP_WORDS[at+1]}" != = ] && [ -n "$values" ]; then at=$((at + 1)); fi ;;
        *) if [ $count -eq 0 ]; then subject=$word; fi; count=$((count + 1)) ;;
        esac
    done
    if [ -n "$program" ]; then
        if [ "$COMP_CWORD" -eq "$program" ]; then _lkm_lines -c; fi
        _lkm_files
    elif [ "${prev#-}" != "$prev" ] && { _lkm_value "$tool" "$prev" || [ "${COMP_WORDS[COMP_CWORD-1]}" = = ]; } && [ -n "$values" ]; then
        eval "$values"
    elif [ "${COMP_WORDS[COMP_CWORD]}" = = ] || [ "${COMP_WORDS[COMP_CWORD-1]}" = = ]; then
        _lkm_files
    elif [ "${cur#-}" != "$cur" ]; then
        _lkm_offer "$options"
    else
        _lkm_operand
    fi
}

# What a command takes.
_lkm_command() {
    case $1 in
    lkm)
        operands=commands
        options='-h --help -V --version'
        commands='run sh abi insmod rmmod lsmod modprobe depmod modinfo kmod dmesg klogd check sign' ;;
    run)
        operands=run
        options='-k --kernel --image -l --loglevel --cpus --cmdline --check --no-faces --personality --json -v --verbose -h --help'
        commands='' ;;
    sh)
        operands=program
        options='-k --kernel --image -l --loglevel --cpus --cmdline --check --no-faces --personality -h --help'
        commands='' ;;
    abi)
        operands=words
        options='-k --kernel --image --json -h --help'
        commands='list import show' ;;
    check)
        operands=files
        options='-k --kernel --image --json -h --help'
        commands='' ;;
    sign)
        operands=files
        options='-d -k -p -s --verify --strip --json -h --help'
        commands='' ;;
    insmod)
        operands=module-file
        options='-f --force --force-modversion --force-vermagic --syslog -v --verbose --explain --instance -V --version -h --help'
        commands='' ;;
    rmmod)
        operands=loaded
        options='-f --force -s --syslog -v --verbose --instance -V --version -h --help'
        commands='' ;;
    lsmod)
        operands=none
        options='--json --instance'
        commands='' ;;
    modprobe)
        operands=module
        options='-a --all -r --remove --remove-holders --remove-dependencies -w --wait --first-time -i --ignore-install --ignore-remove -b --use-blacklist -f --force --force-modversion --force-vermagic -R --resolve-alias -D --show-depends -c --showconfig --show-config --show-modversions --dump-modversions --show-exports -n --dry-run --show -C --config -d --dirname -S --set-version -s --syslog -q --quiet -v --verbose --json --explain --instance -V --version -h --help'
        commands='' ;;
    modinfo)
        operands=modules-or-files
        options='-a --author -d --description -l --license -p --parameters -n --filename -0 --null -m --modname -F --field -k --set-version -b --basedir --json -V --version -h --help'
        commands='' ;;
    depmod)
        operands=release
        options='-a --all -A --quick -b --basedir -o --outdir --moduledir -C --config -E --symvers -F --filesyms -e --errsyms -P --symbol-prefix -n --show --dry-run -w --warn --weakdep -v --verbose -V --version -h --help'
        commands='' ;;
    kmod)
        operands=commands
        options='-V --version -h --help'
        commands='help list static-nodes' ;;
    static-nodes)
        operands=none
        options='-o --output -f --format -h --help'
        commands='' ;;
    dmesg)
        operands=none
        options='-C --clear -c --read-clear -D --console-off -E --console-on -F --file -f --facility -H --human -J --json -k --kernel -L --color -l --level -n --console-level -P --nopager -p --force-prefix -r --raw --noescape -S --syslog -s --buffer-size -u --userspace -w --follow -W --follow-new -x --decode -d --show-delta -e --reltime -T --ctime -t --notime --time-format --since --until --instance -V --version -h --help'
        commands='' ;;
    klogd)
        operands=none
        options='-c -d -f -i -I -k -n -o -p -s -x -2 --instance --log-socket --pid-file --printk -v --version -h --help'
        commands='' ;;
    *) return 1 ;;
    esac
}

# How the argument of an option is completed; fails for an option that takes none in the next word.
_lkm_value() {
    values=
    case "$1 $2" in
    'run -k'|'run --kernel') values='_lkm_releases' ;;
    'run --image') values='_lkm_files' ;;
    'run -l'|'run --loglevel') values='_lkm_words '\''1 2 3 4 5 6 7 8'\''' ;;
    'run --cpus') values='_lkm_nothing' ;;
    'run --cmdline') values='_lkm_nothing' ;;
    'run --check') values='_lkm_words '\''guard exact track fast'\''' ;;
    'run --personality') values='_lkm_words '\''2.4'\''' ;;
    'sh -k'|'sh --kernel') values='_lkm_releases' ;;
    'sh --image') values='_lkm_files' ;;
    'sh -l'|'sh --loglevel') values='_lkm_words '\''1 2 3 4 5 6 7 8'\''' ;;
    'sh --cpus') values='_lkm_nothing' ;;
    'sh --cmdline') values='_lkm_nothing' ;;
    'sh --check') values='_lkm_words '\''guard exact track fast'\''' ;;
    'sh --personality') values='_lkm_words '\''2.4'\''' ;;
    'abi -k'|'abi --kernel') values='_lkm_releases' ;;
    'abi --image') values='_lkm_files' ;;
    'check -k'|'check --kernel') values='_lkm_releases' ;;
    'check --image') values='_lkm_files' ;;
    'insmod --instance') values='_lkm_nothing' ;;
    'rmmod --instance') values='_lkm_nothing' ;;
    'lsmod --instance') values='_lkm_nothing' ;;
    'modprobe -w'|'modprobe --wait') values='_lkm_nothing' ;;
    'modprobe -C'|'modprobe --config') values='_lkm_files' ;;
    'modprobe -d'|'modprobe --dirname') values='_lkm_folders' ;;
    'modprobe -S'|'modprobe --set-version') values='_lkm_releases' ;;
    'modprobe --instance') values='_lkm_nothing' ;;
    'modinfo -F'|'modinfo --field') values='_lkm_words '\''alias author build-id depends description filename firmware import_ns intree license name parm retpoline sig_hashalgo sig_id sig_key signature signer softdep srcversion vermagic version'\''' ;;
    'modinfo -k'|'modinfo --set-version') values='_lkm_releases' ;;
    'modinfo -b'|'modinfo --basedir') values='_lkm_folders' ;;
    'depmod -b'|'depmod --basedir') values='_lkm_folders' ;;
    'depmod -o'|'depmod --outdir') values='_lkm_folders' ;;
    'depmod --moduledir') values='_lkm_folders' ;;
    'depmod -C'|'depmod --config') values='_lkm_files' ;;
    'depmod -E'|'depmod --symvers') values='_lkm_files' ;;
    'depmod -F'|'depmod --filesyms') values='_lkm_files' ;;
    'depmod -P'|'depmod --symbol-prefix') values='_lkm_nothing' ;;
    'static-nodes -o'|'static-nodes --output') values='_lkm_files' ;;
    'static-nodes -f'|'static-nodes --format') values='_lkm_words '\''human tmpfiles devname'\''' ;;
    'dmesg -F'|'dmesg --file') values='_lkm_files' ;;
    'dmesg -f'|'dmesg --facility') values='_lkm_words '\''kern user mail daemon auth syslog lpr news uucp cron authpriv ftp'\''' ;;
    'dmesg -L'|'dmesg --color') values='_lkm_words '\''auto always never'\'''; return 1 ;;
    'dmesg -l'|'dmesg --level') values='_lkm_words '\''emerg alert crit err warn notice info debug'\''' ;;
    'dmesg -n'|'dmesg --console-level') values='_lkm_words '\''emerg alert crit err warn notice info debug'\''' ;;
    'dmesg -s'|'dmesg --buffer-size') values='_lkm_nothing' ;;
    'dmesg --time-format') values='_lkm_words '\''delta reltime ctime notime iso'\''' ;;
    'dmesg --since') values='_lkm_nothing' ;;
    'dmesg --until') values='_lkm_nothing' ;;
    'dmesg --instance') values='_lkm_nothing' ;;
    'klogd -c') values='_lkm_words '\''1 2 3 4 5 6 7 8'\''' ;;
    'klogd -f') values='_lkm_files' ;;
    'klogd -k') values='_lkm_files' ;;
    'klogd --instance') values='_lkm_nothing' ;;
    'klogd --log-socket') values='_lkm_files' ;;
    'klogd --pid-file') values='_lkm_files' ;;
    'klogd --printk') values='_lkm_nothing'; return 1 ;;
    *) return 1 ;;
    esac
}

complete -F _lkm lkm insmod rmmod lsmod modprobe modinfo depmod kmod dmesg klogd
