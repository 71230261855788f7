#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The primary's part of the table.
sides="A"
. "$(dirname "$0")/kill-table.sh"
