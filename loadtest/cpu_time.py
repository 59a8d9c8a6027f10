"""CPU time of processes with all they started: nginx, granian and gunicorn work in children."""

import psutil


def cpu_s(*pids: int) -> float:
    """CPU time so far of these processes, their descendants, and the descendants that have ended."""
    return sum(_with_children(psutil.Process(pid)) for pid in pids)


def _with_children(process: psutil.Process) -> float:
    children = process.children()  # asked first: a child that ends now is in its parent's times below
    spent = process.cpu_times()
    of_ended = spent.children_user + spent.children_system
    return spent.user + spent.system + of_ended + sum(_if_running(child) for child in children)


def _if_running(process: psutil.Process) -> float:
    try:
        return _with_children(process)
    except psutil.NoSuchProcess:
        return 0.0
