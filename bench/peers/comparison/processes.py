"""Processes that end with this one, whatever becomes of it."""
import ctypes
import os
import resource
import signal
import subprocess

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
HERTZ = os.sysconf("SC_CLK_TCK")


def _die_with(parent):
    def prepare():
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)  # the parent ended between the fork and the call

    return prepare


def start(command, **options):
    """A process in a group of its own, which the kernel ends when this one ends."""
    return subprocess.Popen(command, start_new_session=True, stdin=subprocess.DEVNULL, preexec_fn=_die_with(os.getpid()), **options)


def end(process, gently=False):
    """Ends a process of ours and all that it started in its group."""
    if gently and process.poll() is None:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            pass
    # Even when it has ended by itself, for the sake of what it may have left behind. The group's id is not given to
    # another before the group is empty.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def output(command, limit, **options):
    """Runs a command to its end: its output and its exit code, which is None when it took too long."""
    process = start(command, stdout=subprocess.PIPE, text=True, **{"stderr": subprocess.STDOUT, **options})
    try:
        return process.communicate(timeout=limit)[0], process.returncode
    except subprocess.TimeoutExpired:
        end(process)
        return process.communicate()[0], None
    finally:
        end(process)


def cpu_of_machine():
    """Seconds in which cores were busy. Waiting for the disk does not count, nor what a host took away."""
    with open("/proc/stat") as file:
        user, nice, system, _, _, irq, softirq = (int(each) / HERTZ for each in file.readline().split()[1:8])
    return user + nice + system + irq + softirq


def cpu_of(pid):
    """Seconds that a process has used; an OSError when it has ended."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    if fields[0] in "ZX":
        raise ProcessLookupError(f"process {pid} has ended")
    return (int(fields[11]) + int(fields[12])) / HERTZ


def cpu_of_us_and_children():
    """Ours, and that of the children which have ended."""
    return sum(each.ru_utime + each.ru_stime for each in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))
