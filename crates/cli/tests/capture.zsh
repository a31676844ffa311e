# capture.zsh COMPLETIONS OUT FOLDER LINE: writes what an interactive zsh in FOLDER offers after LINE to the file OUT, a word a line,
# and "end" behind them.
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "fpath=(${(q)1} \$fpath); autoload -U compinit; compinit -u -D; OUT=${(q)2}; cd ${(q)3}"
# Every offer goes through compadd; with -O, -A or -D it only fills an array.
zpty -w shell 'compadd() {
    [[ ${@[1,(i)(-|--)]} == *-(O|A|D)\ * ]] && { builtin compadd "$@"; return }
    local -a offered; builtin compadd -A offered "$@"; (( $#offered )) && print -rl -- $offered >>$OUT
    builtin compadd "$@"
}'
zpty -w shell 'zle -C offer complete-word _main_complete; bindkey "^I" offer'
zpty -w shell 'finish() { print end >>$OUT; exit }; zle -N finish; bindkey "^G" finish'
zpty -w -n shell "$4"$'\t\a'
while zpty -r shell screen; do :; done
