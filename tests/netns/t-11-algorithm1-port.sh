#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Algorithm 1, switching by ports, as the paper has it.
mode=port
. "$(dirname "$0")/algorithm1.sh"
