# Bash completion of whk. The candidates come from `whk __complete`, which knows providers, event types and scenarios.
_whk() {
    local words=() word line=${COMP_LINE:0:COMP_POINT} rest index
    # Readline splits words at characters such as @, = and : too. Parts that touch in the line are one word.
    for ((index = 0; index <= COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        rest=${line#"${line%%[![:blank:]]*}"}
        ((index == COMP_CWORD)) && word=$rest
        if ((index > 0)) && [[ $rest == "$line" ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
        line=${rest#"$word"}
    done

    # In quotes, readline replaces the whole word; otherwise what follows its last separator.
    local last=$((${#words[@]} - 1)) prefix=
    local current=${words[last]}
    case $current in
        [\'\"]*) words[last]=${current:1} ;;
        *) prefix=${current%"${current##*["$COMP_WORDBREAKS"]}"} ;;
    esac

    local value files= open=1
    COMPREPLY=()
    while IFS=$'\t' read -r value _; do
        case $value in
            :files) files=1 ;;
            *[=:/@]) COMPREPLY+=("${value#"$prefix"}") ;;
            *) COMPREPLY+=("${value#"$prefix"}") open= ;;
        esac
    done < <("${words[0]/#\~/$HOME}" __complete "${words[@]:1}" 2>/dev/null)

    # Bash 3 has no compopt, and completes files where there is no candidate.
    type compopt &>/dev/null || return 0
    [[ -n $files ]] || compopt +o default
    if [[ -n $open && -z $files ]]; then compopt -o nospace; fi
}
complete -o default -F _whk whk
