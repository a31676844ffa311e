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

