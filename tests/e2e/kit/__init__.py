# SPDX-License-Identifier: Apache-2.0
"""What the end-to-end tests stand on: servers, programs, records, pushes. README.md beside has the tour."""
