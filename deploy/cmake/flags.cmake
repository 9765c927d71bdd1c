# SPDX-License-Identifier: Apache-2.0
# One INTERFACE target carries the warnings, the hardening and the sanitizers of the whole tree.
add_library(flags INTERFACE)
target_compile_definitions(flags INTERFACE _GNU_SOURCE KABAO_VERSION="${PROJECT_VERSION}")
target_include_directories(flags INTERFACE ${PROJECT_SOURCE_DIR}/common)

target_compile_options(flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wundef -Wvla -Walloca -Wwrite-strings -Wcast-qual -Wpointer-arith
    -Wstrict-prototypes -Wold-style-definition -Wmissing-prototypes -Wredundant-decls -Wformat=2 -Wconversion
    -Wno-sign-conversion -Wdouble-promotion -Wnull-dereference -Wimplicit-fallthrough -Wunused-macros -Wdate-time
    $<$<BOOL:${WERROR}>:-Werror>
    $<$<C_COMPILER_ID:GNU>:-Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wjump-misses-init
        -Wcast-align=strict -Wformat-overflow=2 -Wformat-truncation=2 -Warith-conversion -Walloc-zero
        -ftrivial-auto-var-init=zero>
    $<$<C_COMPILER_ID:Clang>:-Wcomma -Wassign-enum -Wextra-semi-stmt -Wunreachable-code -Wloop-analysis
        -Wmissing-variable-declarations -Wthread-safety>)

target_compile_options(flags INTERFACE
    -fstack-protector-strong -fstack-clash-protection -fcf-protection=full -fno-common -fno-strict-aliasing
    -fvisibility=hidden -fPIE
    $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3>)
target_link_options(flags INTERFACE -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed)

if(CMAKE_BUILD_TYPE STREQUAL "Debug" AND SANITIZE STREQUAL "")
    set(SANITIZE "address,undefined")
endif()
if(NOT SANITIZE STREQUAL "" AND NOT SANITIZE STREQUAL "none")
    target_compile_options(flags INTERFACE -fsanitize=${SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(flags INTERFACE -fsanitize=${SANITIZE})
endif()
