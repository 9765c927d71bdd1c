# SPDX-License-Identifier: Apache-2.0
# embed_schemas(TARGET): schemas/messages/*.schema.json become C arrays of TARGET (common/model/schemas.h), each under
# its $id. Run as a script (cmake -DOUT=FILE -DSCHEMAS=FILE;... -P) this file writes them.
if(CMAKE_SCRIPT_MODE_FILE)
    set(rows "")
    set(number 0)
    file(WRITE ${OUT}.new "/* Generated from schemas/messages. */\n#include \"model/schemas.h\"\n")
    foreach(path IN LISTS SCHEMAS)
        file(READ ${path} text)
        string(JSON id GET "${text}" "$id")
        file(READ ${path} bytes HEX)
        string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
        string(REGEX REPLACE "(0x0a,)" "\\1\n" bytes "${bytes}") # a line of JSON is a line of C
        file(APPEND ${OUT}.new "\nstatic const unsigned char SCHEMA_${number}[] = {\n${bytes}};\n")
        string(APPEND rows "    {\"${id}\", {(const char *)SCHEMA_${number}, sizeof(SCHEMA_${number})}},\n")
        math(EXPR number "${number} + 1")
    endforeach()
    file(APPEND ${OUT}.new "\nconst struct schema_text SCHEMA_TEXTS[] = {\n${rows}};\n"
        "const size_t SCHEMA_TEXT_COUNT = sizeof(SCHEMA_TEXTS) / sizeof(SCHEMA_TEXTS[0]);\n")
    file(RENAME ${OUT}.new ${OUT})
    return()
endif()

function(embed_schemas target)
    file(GLOB schemas CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/schemas/messages/*.schema.json)
    list(SORT schemas)
    set(script ${PROJECT_SOURCE_DIR}/deploy/cmake/schemas.cmake)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/schemas.c)
    add_custom_command(OUTPUT ${out} DEPENDS ${schemas} ${script} VERBATIM
        COMMAND ${CMAKE_COMMAND} -DOUT=${out} "-DSCHEMAS=${schemas}" -P ${script})
    target_sources(${target} PRIVATE ${out})
endfunction()
