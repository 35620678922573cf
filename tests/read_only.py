"""A folder that is read-only, for a command: in a mount namespace of its own."""

import os

READ_ONLY = 'mount -t tmpfs tmpfs "$1" && mount -o remount,ro "$1" && shift && exec "$@"'
APART = ("unshare", "--mount", *(() if os.geteuid() == 0 else ("--map-root-user",)), "sh", "-c", READ_ONLY, "sh")
"""Comes before the folder, and that before the command."""
