# Fish completion of whk. The candidates come from `whk __complete`, which knows providers, event types and scenarios.
function __whk_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    set -l current (commandline --current-token --cut-at-cursor | string trim --left --chars "'\"")
    set -l program (string replace --regex '^~' $HOME -- $words[1])
    for line in ($program __complete $words[2..] "$current" 2>/dev/null)
        if test "$line" = :files
            set -l prefix (string match --regex -- '^--[^=]+=' "$current")
            for path in (__fish_complete_path (string replace --regex -- '^--[^=]+=' '' "$current"))
                echo "$prefix$path"
            end
        else
            echo $line
        end
    end
end
complete --command whk --no-files --keep-order --arguments '(__whk_complete)'
