# Prints what zsh completes for a line: zsh -f capture.zsh SCRIPTS LINE. An inner zsh, on a terminal of its own, gets the
# line and the tab key; its compadd prints the matches, each between two control characters.
zmodload zsh/zpty
zpty inner zsh -f -i
zpty -w inner "
PROMPT= RPROMPT=
fpath=(${(q)1} \$fpath); autoload -Uz compinit; compinit -u -D
bindkey -e; bindkey '^I' complete-word
compadd() {
    if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd \"\$@\"; return; fi
    local -a hits; builtin compadd -A hits \"\$@\"
    print -rn -- \$'\\x02'\${^hits}\$'\\x03'
}
finished() { print -n \$'\\x01'DONE; exit }
comppostfuncs=(finished)
print -n \$'\\x01'READY"
zpty -r inner shown $'*\x01READY*'
zpty -w -n inner "$2"$'\t'
zpty -r inner shown $'*\x01DONE*'
zpty -d inner
for part in ${(ps.\x02.)shown}; do
    [[ $part == *$'\x03'* ]] && print -r -- ${part%%$'\x03'*}
done
true
