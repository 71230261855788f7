#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The secondary's and the gateway's part of the table.
sides="B G"
. "$(dirname "$0")/kill-table.sh"
