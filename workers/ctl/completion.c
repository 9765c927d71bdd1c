/* SPDX-License-Identifier: Apache-2.0 */
/* What completes kabaoctl's words in a shell: one case per subcommand. */
#include "app/app.h"
#include "help.h"
#include "options.h"

#include <stdio.h>

enum { TEXT_MAX = 1 << 20 };

static void add_options(struct buf *out, uint64_t options)
{
    for (enum ctl_option i = 0; i < OPT_COUNT; i++)
        if ((options >> i & 1) != 0)
            buf_addf(out, " --%s", option_usage(i)->name);
}

/* The words without options are the subcommand's name from the left; what is typed is completed to
 * a next word of a name, to an option of the subcommand, or else to a file. */
static void add_bash(struct buf *out)
{
    buf_add_cstr(out, "_kabaoctl() {\n"
                      "    local current=${COMP_WORDS[COMP_CWORD]} word typed= found= options=\n"
                      "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
                      "        [[ $word == -* ]] || typed+=\"$word \"\n"
                      "    done\n"
                      "    case $typed in\n");
    for (size_t i = CTL_COMMAND_COUNT; i-- > 0;) { /* "a b" before "a" */
        buf_addf(out, "    '%s '*) options='", CTL_COMMANDS[i].name);
        add_options(out, CTL_COMMANDS[i].options);
        buf_add_cstr(out, "' ;;\n");
    }
    buf_add_cstr(out, "    esac\n    options+='");
    add_options(out, CTL_EVERYWHERE);
    buf_add_cstr(
        out,
        "'\n"
        "    COMPREPLY=()\n"
        "    if [[ $current == -* ]]; then\n"
        "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$current\")\n"
        "        return\n"
        "    fi\n"
        "    while IFS= read -r word; do\n"
        "        [[ $word != \"$typed\"* ]] || word=${word:${#typed}} found+=\"${word%% *} \"\n"
        "    done <<'END'\n");
    for (size_t i = 0; i < CTL_COMMAND_COUNT; i++)
        buf_addf(out, "%s\n", CTL_COMMANDS[i].name);
    buf_add_cstr(out, "END\n"
                      "    mapfile -t COMPREPLY < <(compgen -W \"$found\" -- \"$current\")\n"
                      "}\n"
                      "complete -o default -F _kabaoctl kabaoctl\n");
}

static void add_zsh(struct buf *out)
{
    buf_add_cstr(out, "#compdef kabaoctl\n"
                      "autoload -U +X bashcompinit && bashcompinit\n");
    add_bash(out);
}

int completion_print(struct str shell)
{
    AUTO(buf_done) struct buf text = BUF_INIT(TEXT_MAX);

    if (str_eq_cstr(shell, "bash"))
        add_bash(&text);
    else if (str_eq_cstr(shell, "zsh"))
        add_zsh(&text);
    else
        return ctl_usage("--completion: it knows bash and zsh");
    if (!buf_ok(&text))
        return EXIT_INTERNAL;
    (void)fwrite(text.ptr, 1, text.len, stdout);
    return EXIT_DONE;
}
