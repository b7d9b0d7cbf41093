"""Landlock: the kernel takes from this process whatever it does not need, for good.

Linux 5.13 and later; see landlock(7) and Documentation/userspace-api/landlock.rst for the numbers. Works without
privileges. It binds the calling thread and whatever that thread starts later, so it must come before other threads.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_RULE_PATH_BENEATH = 1
_WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_FILE, _MAKE_REG = 1 << 1, 1 << 2, 1 << 3, 1 << 5, 1 << 8
_TRUNCATE, _IOCTL_DEV = 1 << 14, 1 << 15
_PR_SET_NO_NEW_PRIVS = 38
# How many file-system rights each version of the interface knows: 13 at first, then REFER, TRUNCATE and IOCTL_DEV.
_FS_RIGHTS = {1: 13, 2: 14, 3: 15, 4: 15}
_FS_RIGHTS_NOW = 16
_TCP_BIND_AND_CONNECT = 0b11
_SCOPE_SOCKETS_AND_SIGNALS = 0b11


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def confine(
    reads: Sequence[Path], uses: Sequence[Path] = (), writes: Sequence[Path] = (), *, names: bool = False
) -> tuple[str, ...]:
    """Leave this process only the reading of some files and folders: no other file, no write, no program, no TCP.

    Args:
        reads: What may be read; below a folder, everything.
        uses: Device files that may be read, written and controlled too; below a folder, all of them.
        writes: Folders in which files may be made, written, read and removed.
        names: Whether its threads may be given names, by writing to files below /proc/self/task.

    Returns:
        What this kernel could not take away, in words; empty if everything was taken.

    Raises:
        OSError: The kernel has Landlock but refused to set it up, or a path cannot be opened.
    """
    version = _version()
    if version < 1:
        rights = (
            "read and write" if uses or writes else "read"
        )  # On a GPU files in memory must be allowed to have a size.
        return (f"no Landlock on this kernel: the model's process may {rights} this user's files and use the network",)
    missing = _missing(version)  # Afterwards /proc could not be read any more.
    ruleset, truncate = _ruleset(version), _TRUNCATE if version >= 3 else 0
    try:
        for path in reads:
            _allow(ruleset, path, _READ_FILE | _READ_DIR)
        for path in uses:
            _allow(ruleset, path, _READ_FILE | _READ_DIR | _WRITE_FILE | (_IOCTL_DEV if version >= 5 else 0))
        for path in writes:
            _allow(ruleset, path, _READ_FILE | _READ_DIR | _WRITE_FILE | _REMOVE_FILE | _MAKE_REG | truncate)
        if names:
            # By this process's own number: a rule holds for the folder that was meant when it was made.
            _allow(ruleset, Path("/proc/self/task"), _READ_FILE | _READ_DIR | _WRITE_FILE | truncate)
        _call(_libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        _call(_libc().syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)
    return missing


def _missing(version: int) -> tuple[str, ...]:
    words = []
    if version < 3:
        words.append(f"Landlock version {version} cannot keep the model's process from emptying files (3 can)")
    if version < 4:
        words.append(f"Landlock version {version} cannot keep the model's process from the network (4 can)")
    if version < 6:
        words.append(f"Landlock version {version} cannot keep the model's process from sending signals (6 can)")
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        words.append("threads that the runtime started early are not confined by Landlock")
    return tuple(words)


def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    return libc


def _call(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _version() -> int:
    """Return the version of the kernel's Landlock, or -1 where it has none or it is switched off."""
    return int(_libc().syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), _VERSION_FLAG))


def _ruleset(version: int) -> int:
    rights = (1 << _FS_RIGHTS.get(version, _FS_RIGHTS_NOW)) - 1
    attributes = _Ruleset(
        rights, _TCP_BIND_AND_CONNECT if version >= 4 else 0, _SCOPE_SOCKETS_AND_SIGNALS if version >= 6 else 0
    )
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    return _call(_libc().syscall(_CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0))


def _allow(ruleset: int, path: Path, rights: int) -> None:
    rights &= ~0 if path.is_dir() else ~_READ_DIR
    handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathBeneath(rights, handle)
        _call(_libc().syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(handle)
