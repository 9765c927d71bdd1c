# SPDX-License-Identifier: Apache-2.0
# Manual pages and the shells' completion, printed by the programs themselves after each build.
set(manuals ${CMAKE_BINARY_DIR}/manuals)
file(MAKE_DIRECTORY ${manuals})

get_property(programs GLOBAL PROPERTY installed_programs)
foreach(program ${programs})
    set(section 8)
    if(program STREQUAL kabaoctl)
        set(section 1)
    endif()
    set(page ${manuals}/${program}.${section})
    add_custom_command(OUTPUT ${page}.gz DEPENDS ${program}
        COMMAND ${program} --man > ${page} COMMAND gzip -9nf ${page} VERBATIM)
    install(FILES ${page}.gz DESTINATION share/man/man${section})
    list(APPEND printed ${page}.gz)
endforeach()

foreach(shell bash zsh)
    add_custom_command(OUTPUT ${manuals}/kabaoctl.${shell} DEPENDS kabaoctl
        COMMAND kabaoctl --completion ${shell} > ${manuals}/kabaoctl.${shell} VERBATIM)
    list(APPEND printed ${manuals}/kabaoctl.${shell})
endforeach()
install(FILES ${manuals}/kabaoctl.bash DESTINATION share/bash-completion/completions RENAME kabaoctl)
install(FILES ${manuals}/kabaoctl.zsh DESTINATION share/zsh/vendor-completions RENAME _kabaoctl)

add_custom_target(manuals ALL DEPENDS ${printed})
