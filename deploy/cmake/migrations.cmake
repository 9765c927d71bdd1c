# SPDX-License-Identifier: Apache-2.0
# embed_migrations(TARGET): schemas/sql/V*.sql become C arrays of TARGET, in order of their numbers. Run as a script
# (cmake -DOUT=FILE -DSQL=FILE;... -P) this file writes them.
if(CMAKE_SCRIPT_MODE_FILE)
    set(rows "")
    file(WRITE ${OUT}.new "/* Generated from schemas/sql. */\n#include \"db/migrate.h\"\n\n#include \"db/migrations.h\"\n")
    foreach(path IN LISTS SQL)
        if(NOT path MATCHES "/V0*([1-9][0-9]*)__([a-z0-9_]+)\\.sql$")
            message(FATAL_ERROR "${path}: a migration is named V0001__what_it_does.sql")
        endif()
        set(version ${CMAKE_MATCH_1})
        string(APPEND rows
            "    {${version}, \"${CMAKE_MATCH_2}\", {(const char *)SQL_${version}, sizeof(SQL_${version})}},\n")
        file(READ ${path} bytes HEX)
        string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
        string(REGEX REPLACE "(0x0a,)" "\\1\n" bytes "${bytes}") # a line of SQL is a line of C
        file(APPEND ${OUT}.new "\nstatic const unsigned char SQL_${version}[] = {\n${bytes}};\n")
    endforeach()
    file(APPEND ${OUT}.new "\nconst struct migration MIGRATIONS[] = {\n${rows}};\n"
        "const size_t MIGRATION_COUNT = sizeof(MIGRATIONS) / sizeof(MIGRATIONS[0]);\n")
    file(RENAME ${OUT}.new ${OUT})
    return()
endif()

function(embed_migrations target)
    file(GLOB sql CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/schemas/sql/V*.sql)
    list(SORT sql)
    set(script ${PROJECT_SOURCE_DIR}/deploy/cmake/migrations.cmake)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/migrations.c)
    add_custom_command(OUTPUT ${out} DEPENDS ${sql} ${script} VERBATIM
        COMMAND ${CMAKE_COMMAND} -DOUT=${out} "-DSQL=${sql}" -P ${script})
    target_sources(${target} PRIVATE ${out})
endfunction()
