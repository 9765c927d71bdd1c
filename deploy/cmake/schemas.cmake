# SPDX-License-Identifier: Apache-2.0
# embed_schemas(TARGET FOLDER TABLE HEADER): schemas/FOLDER/*.schema.json become the C arrays TABLE_SCHEMAS and
# TABLE_SCHEMA_COUNT of TARGET, each schema under its $id; HEADER declares them. Run as a script
# (cmake -DOUT=FILE -DFOLDER=... -DTABLE=... -DHEADER=... -DSCHEMAS=FILE;... -P) this file writes them.
if(CMAKE_SCRIPT_MODE_FILE)
    set(rows "")
    set(number 0)
    file(WRITE ${OUT}.new "/* Generated from schemas/${FOLDER}. */\n#include \"${HEADER}\"\n")
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
    file(APPEND ${OUT}.new "\nconst struct schema_text ${TABLE}_SCHEMAS[] = {\n${rows}};\n"
        "const size_t ${TABLE}_SCHEMA_COUNT = sizeof(${TABLE}_SCHEMAS) / sizeof(${TABLE}_SCHEMAS[0]);\n")
    file(RENAME ${OUT}.new ${OUT})
    return()
endif()

function(embed_schemas target folder table header)
    file(GLOB schemas CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/schemas/${folder}/*.schema.json)
    list(SORT schemas)
    set(script ${PROJECT_SOURCE_DIR}/deploy/cmake/schemas.cmake)
    set(out ${CMAKE_CURRENT_BINARY_DIR}/schemas_${folder}.c)
    add_custom_command(OUTPUT ${out} DEPENDS ${schemas} ${script} VERBATIM
        COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DFOLDER=${folder} -DTABLE=${table} -DHEADER=${header}
            "-DSCHEMAS=${schemas}" -P ${script})
    target_sources(${target} PRIVATE ${out})
endfunction()
