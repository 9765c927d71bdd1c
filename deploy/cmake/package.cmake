# SPDX-License-Identifier: Apache-2.0
# `cpack -G DEB`, and `cmake --install`, which wants DESTDIR: settings and units have places of their own. Schemas are
# built into the programs; those that are installed are for integrators, and for kafka/acls.sh.
set(share share/kabao)
set(doc share/doc/kabao)
set(units /usr/lib/systemd/system)

install(FILES deploy/config/kabao.ini DESTINATION /etc/kabao PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ)
install(DIRECTORY DESTINATION /etc/kabao
    DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE)
install(DIRECTORY DESTINATION /etc/kabao/secrets DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE)
install(FILES deploy/systemd/sysusers.conf DESTINATION /usr/lib/sysusers.d RENAME kabao.conf)
install(DIRECTORY deploy/systemd/ DESTINATION ${units}
    FILES_MATCHING PATTERN "kabao*.service" PATTERN "worker.conf" PATTERN examples EXCLUDE)
install(DIRECTORY deploy/systemd/examples/ DESTINATION ${doc}/examples/systemd)
install(DIRECTORY deploy/proxy DESTINATION ${doc}/examples)
install(DIRECTORY deploy/otel DESTINATION ${doc}/examples)
install(FILES README.md DESTINATION ${doc})
install(FILES deploy/README.md DESTINATION ${doc} RENAME README.deploy.md)
install(FILES deploy/README.zh-CN.md DESTINATION ${doc} RENAME README.deploy.zh-CN.md)
install(FILES deploy/OPERATING.md deploy/RUNBOOK.md DESTINATION ${doc})
install(FILES deploy/debian/copyright DESTINATION ${doc})
install(DIRECTORY schemas/ DESTINATION ${share}/schemas
    FILES_MATCHING PATTERN "*.json" PATTERN "*.yaml" PATTERN examples EXCLUDE PATTERN sql EXCLUDE)
install(DIRECTORY deploy/grafana deploy/prometheus DESTINATION ${share})
install(PROGRAMS deploy/kafka/acls.sh DESTINATION ${share}/kafka)
install(PROGRAMS deploy/mysql/grants.sh DESTINATION ${share}/mysql)

set(changelog ${CMAKE_BINARY_DIR}/changelog.Debian.gz)
execute_process(COMMAND gzip -9nc ${PROJECT_SOURCE_DIR}/deploy/debian/changelog OUTPUT_FILE ${changelog})
install(FILES ${changelog} DESTINATION ${doc})

include(deploy/cmake/manuals.cmake)

set(CPACK_GENERATOR DEB)
set(CPACK_SET_DESTDIR ON) # for what lies outside of /usr
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_PACKAGE_CONTACT "The authors of kabao <kabao@kabao.example>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "message-queue workers for WeChat member cards")
set(CPACK_PACKAGE_DESCRIPTION "Small programs that take what WeChat pushes to an official account
into Kafka, look up and activate cards, keep points in step with a CRM
and a MySQL database true to it all.")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "systemd-standalone-sysusers | systemd | systemd-sysusers, ca-certificates")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${PROJECT_SOURCE_DIR}/deploy/debian/conffiles
    ${PROJECT_SOURCE_DIR}/deploy/debian/postinst ${PROJECT_SOURCE_DIR}/deploy/debian/prerm
    ${PROJECT_SOURCE_DIR}/deploy/debian/postrm)
include(CPack)
