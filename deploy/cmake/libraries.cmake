# SPDX-License-Identifier: Apache-2.0
# Every third-party library, from the distribution; each is named by exactly one folder of common/.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

function(find_library_as name)
    pkg_search_module(${name} REQUIRED IMPORTED_TARGET ${ARGN})
    add_library(lib_${name} INTERFACE)
    target_include_directories(lib_${name} SYSTEM INTERFACE ${${name}_INCLUDE_DIRS})
    target_link_libraries(lib_${name} INTERFACE ${${name}_LINK_LIBRARIES})
endfunction()

find_library_as(rdkafka rdkafka)
find_library_as(curl libcurl)
find_library_as(xml2 libxml-2.0)
find_library_as(jsonc json-c)
find_library_as(crypto libcrypto)
find_library_as(mysql libmariadb mysqlclient)
find_library_as(microhttpd libmicrohttpd)
find_library_as(ini ini_config)
find_library_as(utf8proc libutf8proc)
find_library_as(smartcols smartcols)
find_library_as(cmocka cmocka)

# libcsv comes without a file for pkg-config.
find_path(csv_INCLUDE_DIR csv.h REQUIRED)
find_library(csv_LIBRARY csv REQUIRED)
add_library(lib_csv INTERFACE)
target_include_directories(lib_csv SYSTEM INTERFACE ${csv_INCLUDE_DIR})
target_link_libraries(lib_csv INTERFACE ${csv_LIBRARY})
