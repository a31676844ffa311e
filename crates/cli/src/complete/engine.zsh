# Completion of lkm and of the tools that it can be called as. Written by `make docs` from crates/cli.

# The module directory that the command line means.
_lkm_directory() {
    local root= release=$(uname -r) at
    for ((at = 2; at < CURRENT; at++)); do
        case $words[at] in
        -d|--dirname|-b|--basedir) root=$words[at+1] ;;
        --dirname=*|--basedir=*) root=${words[at]#*=} ;;
        -S|-k|--set-version) release=$words[at+1] ;;
        --set-version=*) release=${words[at]#*=} ;;
        esac
    done
    print -r -- $root/lib/modules/$release
}

_lkm_nothing() { _message -e value value }
_lkm_files() { _files }
_lkm_folders() { _files -/ }
_lkm_releases() { local -a all; all=(/lib/modules/*(N:t)); compadd -a all }
_lkm_loaded() { local -a all; all=(${(f)"$(sed 's/ .*//' /proc/modules 2>/dev/null)"}); compadd -a all }
_lkm_modules() {
    local -a all
    all=(${(f)"$(sed 's/:.*//; s|.*/||; s/\.ko.*//' $(_lkm_directory)/modules.dep 2>/dev/null)"})
    compadd -a all
}
_lkm_module_files() { _files -g '*.ko(|.gz|.xz|.zst)' }
_lkm_sources() { _files -g '*.(c|ko|ko.gz|ko.xz|ko.zst)' }
_lkm_modules_or_files() { _alternative 'modules:module:_lkm_modules' 'files:module file:_lkm_module_files' }

# The parameters of the module that is the first operand.
_lkm_parameters() {
    local -a modinfo all
    local subject=$line[1] directory=$(_lkm_directory)
    if (( $+commands[lkm] )); then modinfo=(lkm modinfo); else modinfo=(modinfo); fi
    case $subject in
    */*) ;;
    *.ko|*.ko.*) subject=./$subject ;;
    *) modinfo+=(-b ${directory%/lib/modules/*}/ -k ${directory:t}) ;;
    esac
    all=(${(f)"$($modinfo -F parm $subject 2>/dev/null | sed -n 's/^\([A-Za-z0-9_.-]*\):.*/\1/p')"})
    compadd -S = -a all
}

_lkm_module_operand() {
    if (( $words[(I)-r] || $words[(I)--remove] )); then _lkm_loaded
    elif (( $words[(I)-a] || $words[(I)--all] || $#line < 2 )); then _lkm_modules
    else _lkm_parameters
    fi
}

# A command with its own words, after the options of `run` and `sh`.
_lkm_program() { _normal }

