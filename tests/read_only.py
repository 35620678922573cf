"""A folder that is read-only, or on a full disk, for a command: in a mount namespace of its own."""

import os

READ_ONLY = 'mount -t tmpfs tmpfs "$1" && mount -o remount,ro "$1" && shift && exec "$@"'
FULL = 'mount -t tmpfs -o size=64k tmpfs "$1" && ! cat /dev/zero 2>/dev/null > "$1/filling" && shift && exec "$@"'

OWN = ("unshare", "--mount", *(() if os.geteuid() == 0 else ("--map-root-user",)), "sh", "-c")
APART = (*OWN, READ_ONLY, "sh")
"""Comes before the folder, and that before the command."""

FILLED = (*OWN, FULL, "sh")
"""The same, for a full disk."""
