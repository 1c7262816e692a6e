#!/bin/bash
# The examples of README and manual print what stands there, and the manual's options are the program's.
cd "$(dirname "$0")/../.."
build/deps/venv/bin/python scripts/manual.py check
