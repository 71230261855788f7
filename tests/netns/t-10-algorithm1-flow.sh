#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Algorithm 1, switching by flows.
mode=flow
. "$(dirname "$0")/algorithm1.sh"
