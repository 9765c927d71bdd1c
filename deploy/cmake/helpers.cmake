# SPDX-License-Identifier: Apache-2.0
# One line per thing. DEPS are the allowed layer edges: what is not named here does not link.

# add_module(NAME file.c ... DEPS target ...): the static library of common/NAME.
function(add_module name)
    cmake_parse_arguments(M "" "" "DEPS" ${ARGN})
    list(TRANSFORM M_UNPARSED_ARGUMENTS PREPEND ${name}/)
    add_library(${name} STATIC ${M_UNPARSED_ARGUMENTS})
    target_link_libraries(${name} PUBLIC flags ${M_DEPS})
endfunction()

# add_program(kabao-NAME file.c ... DEPS target ...): installed, unless it belongs to the tests.
set(TESTS_DIR ${PROJECT_SOURCE_DIR}/tests)
function(add_program name)
    cmake_parse_arguments(P "" "" "DEPS" ${ARGN})
    add_executable(${name} ${P_UNPARSED_ARGUMENTS})
    target_link_libraries(${name} PRIVATE flags ${P_DEPS})
    cmake_path(IS_PREFIX TESTS_DIR ${CMAKE_CURRENT_SOURCE_DIR} for_tests)
    if(NOT for_tests)
        install(TARGETS ${name} RUNTIME DESTINATION bin)
        set_property(GLOBAL APPEND PROPERTY installed_programs ${name})
    endif()
endfunction()

# add_worker(NAME [DEPS more ...]): workers/NAME.c becomes kabao-NAME.
function(add_worker name)
    cmake_parse_arguments(W "" "" "DEPS" ${ARGN})
    add_program(kabao-${name} ${name}.c ${W_UNPARSED_ARGUMENTS} DEPS run tables wechat model codec config base ${W_DEPS})
endfunction()

# add_unit_tests(MODULE DEPS target ...): every tests/unit/MODULE/*.c is one cmocka program.
function(add_unit_tests module)
    cmake_parse_arguments(U "" "" "DEPS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/unit/${module}/*.c)
    foreach(source ${sources})
        get_filename_component(unit ${source} NAME_WE)
        add_executable(test_${module}_${unit} ${source})
        target_include_directories(test_${module}_${unit} PRIVATE ${PROJECT_SOURCE_DIR})
        target_link_libraries(test_${module}_${unit} PRIVATE flags ${module} ${U_DEPS} lib_cmocka)
        set_target_properties(test_${module}_${unit} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
        add_test(NAME unit.${module}.${unit} COMMAND test_${module}_${unit} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
        set_tests_properties(unit.${module}.${unit} PROPERTIES LABELS unit TIMEOUT 60)
    endforeach()
endfunction()

# add_fuzzer(NAME DEPS target ...): tests/fuzz/NAME.c, with libFuzzer under FUZZ, else a plain replay of the corpus.
function(add_fuzzer name)
    cmake_parse_arguments(F "" "" "DEPS" ${ARGN})
    add_executable(fuzz_${name} fuzz/${name}.c)
    target_link_libraries(fuzz_${name} PRIVATE flags ${F_DEPS})
    target_include_directories(fuzz_${name} PRIVATE ${PROJECT_SOURCE_DIR})
    set_target_properties(fuzz_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
    if(FUZZ)
        target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
        target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
    else()
        target_sources(fuzz_${name} PRIVATE fuzz/replay_main.c)
        add_test(NAME fuzz.${name} COMMAND fuzz_${name} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpus/${name})
        set_tests_properties(fuzz.${name} PROPERTIES LABELS unit TIMEOUT 60)
    endif()
endfunction()
