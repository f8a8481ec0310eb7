"""The mail host's file system: private copies of what the servers would otherwise share with us.

All of it is mounted in this process's own mount namespace, on tmpfs; nothing on the machine
changes, and nothing is left when the last process of the range ends.
"""

import os
import resource
import shutil
import subprocess

DIR = "/run/range"
_PASSWD = "Debian-exim:x:{id}:{id}::/nonexistent:/usr/sbin/nologin\n"
_GROUP = "Debian-exim:x:{id}:\n"
_EXIM_ID = 64990


def _mount(*arguments):
    subprocess.run(["mount", *arguments], check=True)


def up(root=""):
    """Prepares /run, /dev and /etc; with `root`, those of another Debian tree, too."""
    # Exim closes every descriptor that it might have: with no limit set, that takes a minute.
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    _mount("--make-rprivate", "/")
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    os.makedirs("/run/netns")
    devices()
    for tree in {"", root}:
        _etc(tree)
    if root:
        for path in ("/run", "/dev", "/proc"):
            _mount("--rbind", path, root + path)
    os.makedirs(DIR + "/etc")
    os.makedirs(DIR + "/log")


def devices():
    new = "/run/dev"
    os.mkdir(new)
    _mount("-t", "tmpfs", "-o", "mode=755", "tmpfs", new)
    for name in ("null", "zero", "full", "random", "urandom", "tty"):
        open(f"{new}/{name}", "w").close()
        _mount("--bind", f"/dev/{name}", f"{new}/{name}")
    os.symlink("/proc/self/fd", f"{new}/fd")
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.symlink(f"/proc/self/fd/{number}", f"{new}/{name}")
    for name in ("shm", "pts"):
        os.mkdir(f"{new}/{name}")
    os.chmod(f"{new}/shm", 0o1777)
    _mount("--rbind", "/dev/pts", f"{new}/pts")
    _mount("--move", new, "/dev")


def _etc(tree):
    copy = "/run/etc" + ("" if not tree else "-root")
    shutil.copytree(tree + "/etc", copy, symlinks=True)
    for name, text in (
        ("resolv.conf", "nameserver 192.0.2.1\noptions timeout:2 attempts:2\n"),
        ("hosts", "127.0.0.1 localhost\n192.0.2.10 mail.example.org mail\n"),
        ("mailname", "mail.example.org\n"),
    ):
        path = f"{copy}/{name}"
        if os.path.lexists(path):
            os.unlink(path)
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
    with open(copy + "/passwd", "a", encoding="ascii") as out:
        out.write(_PASSWD.format(id=_EXIM_ID))
    with open(copy + "/group", "a", encoding="ascii") as out:
        out.write(_GROUP.format(id=_EXIM_ID))
    _mount("--bind", copy, tree + "/etc")
