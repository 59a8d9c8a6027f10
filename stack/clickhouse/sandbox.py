"""Confines the engine's process to its folder: by Landlock where the kernel has it, by a user of its own under root.

The engine's SQL can name files of this machine (file(), INFILE, OUTFILE, settings), and not every way needs a grant. So
the process itself cannot open any but its own. Call confine() before a thread exists: both restrict the calling thread
and what it starts later.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

ENGINE_ID = 61_123  # user and group: in no /etc/passwd, above the ranges that distributions hand out

# linux/landlock.h; the numbers are the same on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION, _PATH_BENEATH = 1, 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _TRUNCATE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_ACCESS_BITS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15}  # ABI 5 and later: 16
_CONNECT_TCP, _NET_ABI = 1 << 1, 4

_PR_SET_PDEATHSIG, _PR_GET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_SET_NO_NEW_PRIVS = 1, 2, 8, 38
_CAP_DAC_READ_SEARCH, _CAPABILITY_VERSION_3 = 2, 0x20080522

_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/proc", "/sys", "/etc/localtime", "/etc/ld.so.cache", "/dev/urandom")
_WRITABLE = ("/dev/null", "/dev/fd", "/proc/self/fd")

_libc = ctypes.CDLL(None, use_errno=True)


def confine(data: Path) -> list[str]:
    """Keep this process and what it starts inside `data`; gives what does not hold on this machine, a sentence each.

    Besides `data` it may read the interpreter, its packages and what the system shows every process, and connects to
    nothing. Raises OSError.
    """
    _call(_libc.prctl, _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    missing = []
    abi = _libc.syscall(_CREATE_RULESET, None, 0, _VERSION)
    if abi >= 1:
        _landlock(abi, readable=[*_SYSTEM, *_interpreter()], writable=[str(data), *_WRITABLE])
    else:
        missing.append("this kernel has no Landlock: the engine can read what its user can read")
    if os.getuid() == 0:
        missing += _leave_root(data, is_confined=abi >= 1)
    return missing


def _interpreter() -> list[str]:
    """Where Python and its packages are, and our own two packages: their root may hold the data directory."""
    packages = Path(__file__).resolve().parents[1], Path(sys.modules["runtime"].__path__[0])
    libraries = [path for path in sys.path if "site-packages" in path or path.startswith(sys.base_prefix)]
    return [sys.prefix, sys.base_prefix, *libraries, *map(str, packages)]


def _landlock(abi: int, *, readable: Iterable[str], writable: Iterable[str]) -> None:
    everything = (1 << _ACCESS_BITS_BY_ABI.get(abi, 16)) - 1
    handled = struct.pack("=QQ", everything, _CONNECT_TCP) if abi >= _NET_ABI else struct.pack("=Q", everything)
    ruleset = _call(_libc.syscall, _CREATE_RULESET, handled, len(handled), 0)
    for path in readable:
        _allow(ruleset, path, _READ_FILE | _READ_DIR | _EXECUTE)
    for path in writable:
        _allow(ruleset, path, everything)
    _call(_libc.syscall, _RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        beneath = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:  # not every system has every one
        return
    access &= -1 if Path(path).is_dir() else _OF_FILES
    _call(_libc.syscall, _ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", access, beneath), 0)
    os.close(beneath)


def _leave_root(data: Path, *, is_confined: bool) -> list[str]:
    """Become a user of our own, who owns `data`.

    Only where Landlock confines us too may it still pass through directories of others: the data directory lies in one
    that is root's alone.
    """
    if not is_confined and not _is_reachable(data):
        return [f"{data} lies in a directory of root's alone: the engine runs as root"]
    for folder, _, files in os.walk(data):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            os.chown(path, ENGINE_ID, ENGINE_ID, follow_symlinks=False)
    at_parents_death = ctypes.c_int()
    _call(_libc.prctl, _PR_GET_PDEATHSIG, ctypes.byref(at_parents_death), 0, 0, 0)
    _call(_libc.prctl, _PR_SET_KEEPCAPS, int(is_confined), 0, 0, 0)
    os.setgroups([])
    os.setresgid(ENGINE_ID, ENGINE_ID, ENGINE_ID)
    os.setresuid(ENGINE_ID, ENGINE_ID, ENGINE_ID)
    _call(_libc.prctl, _PR_SET_PDEATHSIG, at_parents_death.value, 0, 0, 0)  # forgotten with the user, prctl(2)
    if is_confined:
        header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
        kept = 1 << _CAP_DAC_READ_SEARCH
        _call(_libc.capset, header, struct.pack("=6I", kept, kept, 0, 0, 0, 0))
    return []


def _is_reachable(data: Path) -> bool:
    return all(folder.stat().st_mode & 0o001 for folder in data.resolve().parents)


def _call(function: "ctypes._NamedFuncPointer", *arguments: object) -> int:
    result: int = function(*arguments)
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"cannot confine the engine: {os.strerror(number)}")
    return result
