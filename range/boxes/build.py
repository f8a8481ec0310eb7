"""Debian roots under the range's cache: one base for each suite, one layer of packages for each box.

The mirror is the one that the machine's apt uses, with its sources, keys and proxy; none is named
here. A layer is complete when its `done` file names the packages it was made with.
"""

import os
import pathlib
import shutil
import subprocess

CACHE = pathlib.Path(os.environ.get("MAILWARD_RANGE_CACHE", "/var/cache/mailward-range")) / "zoo"
SUITES = ("bookworm", "trixie")
LIMIT_S = 900

# The packages of each box; what a suite does not have is left out, and its server does not run.
BOXES = {
    "mail": "postfix dovecot-imapd dovecot-pop3d dovecot-lmtpd dovecot-managesieved dovecot-submissiond",
    "exim": "exim4-daemon-light",
    "sendmail": "sendmail-bin sendmail-cf m4 make sasl2-bin libsasl2-modules procmail",
    "opensmtpd": "opensmtpd",
    "cyrus": "cyrus-imapd cyrus-pop3d sasl2-bin libsasl2-modules",
    "courier": "courier-imap courier-pop courier-authlib courier-authlib-userdb",
    "filter": "rspamd amavisd-new spamd spamassassin sasl2-bin libsasl2-modules perdition",
    "roundcube": "roundcube-core roundcube-sqlite3 php-cgi php-cli php-sqlite3 dovecot-imapd",
    "sogo": "sogo tmpreaper nginx sope4.9-gdl1-postgresql postgresql dovecot-imapd",
    "horde": "php-horde-imp php-horde-webmail php-cgi php-cli php-sqlite3 sqlite3 dovecot-imapd",
    "courier-mta": "courier-mta courier-authlib-userdb",
    "pam": "solid-pop3d ucspi-tcp dovecot-imapd libpam-modules bsdutils passwd",
    "nginx": "nginx libnginx-mod-mail",
    "dns": "bind9 unbound dnsmasq-base nsd pdns-recursor fstrm-bin",
}

_INSTALL = r"""
mount -t proc proc "$1/proc"
mount -t tmpfs -o mode=755 tmpfs "$1/dev"
for name in null zero full random urandom tty; do
    touch "$1/dev/$name"
    mount --bind "/dev/$name" "$1/dev/$name"
done
ln -s /proc/self/fd "$1/dev/fd"
mkdir "$1/dev/shm"
shift_root=$1
shift
exec chroot "$shift_root" sh -ec '
    echo "postfix postfix/main_mailer_type select No configuration" | debconf-set-selections
    apt-get update -qq
    found=
    for name in "$@"; do
        if apt-cache show --no-all-versions "$name" >/dev/null 2>&1; then found="$found $name"; fi
    done
    apt-get install -y -qq --no-install-recommends -o Dpkg::Options::=--force-unsafe-io $found
    apt-get clean
    rm -rf /var/lib/apt/lists/*' sh "$@"
"""


def lower(box, suite):
    """The read-only layers of a box for overlayfs, the upper one first."""
    return f"{CACHE}/{box}-{suite}/upper:{CACHE}/base-{suite}"


def ensure(box, suite):
    """Makes what is missing of a box; says so first."""
    base(suite)
    place = CACHE / f"{box}-{suite}"
    done = place / "done"
    if done.is_file() and done.read_text(encoding="ascii") == BOXES[box]:
        return
    print(f"range/zoo: makes the box {box} of Debian {suite} in {place}", flush=True)
    shutil.rmtree(place, ignore_errors=True)
    for name in ("upper", "work", "root"):
        (place / name).mkdir(parents=True)
    layers = f"lowerdir={CACHE}/base-{suite},upperdir={place}/upper,workdir={place}/work"
    mount = f'mount -t overlay overlay -o {layers} "$1"\n'
    with open(place / "log", "w", encoding="utf-8") as log:
        result = subprocess.run(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", mount + _INSTALL,
             "install", str(place / "root"), *BOXES[box].split()],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=LIMIT_S, check=False,
            env={"PATH": os.environ["PATH"], "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"})
    if result.returncode:
        raise SystemExit(f"range/zoo: the box {box} of {suite} was not made; see {place}/log")
    done.write_text(BOXES[box], encoding="ascii")


def base(suite):
    """A minimal root of the suite, made by debootstrap."""
    place = CACHE / f"base-{suite}"
    if (place / "done").is_file():
        return
    print(f"range/zoo: makes a Debian {suite} root in {place}", flush=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    if not (place / "usr/bin/apt-get").exists():
        subprocess.run(["debootstrap", "--variant=minbase", suite, str(place), _mirror()],
                       stdout=subprocess.DEVNULL, timeout=LIMIT_S, check=True)
    policy = place / "usr/sbin/policy-rc.d"
    policy.write_text("#!/bin/sh\nexit 101\n", encoding="ascii")
    policy.chmod(0o755)
    _apt_of_the_machine(place, suite)
    (place / "done").write_text("", encoding="ascii")


def _mirror():
    """The mirror from which the machine's own apt reads its release."""
    asked = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Identifier: Packages", f"Codename: {_codename()}"],
        capture_output=True, text=True, check=True)
    found = asked.stdout.split()
    if not found:
        raise SystemExit("range/zoo: the machine's apt knows no Debian mirror")
    return found[0]


def _codename():
    with open("/etc/os-release", encoding="utf-8") as text:
        return next(line.strip().split("=")[1] for line in text if line.startswith("VERSION_CODENAME="))


def _apt_of_the_machine(place, suite):
    """Sources (of the other suite), keys and settings, as the machine's apt has them."""
    for name in ("sources.list", "sources.list.d", "apt.conf.d", "keyrings", "trusted.gpg.d"):
        source, target = pathlib.Path("/etc/apt") / name, place / "etc/apt" / name
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        elif source.is_file():
            shutil.copy(source, target)
    shutil.copy("/etc/resolv.conf", place / "etc/resolv.conf")
    if not pathlib.Path("/etc/apt/sources.list").is_file():
        (place / "etc/apt/sources.list").unlink(missing_ok=True)  # debootstrap's own
    for path in [place / "etc/apt/sources.list", *(place / "etc/apt/sources.list.d").glob("*")]:
        if not path.is_file():
            continue
        if path.name.split(".")[0] not in ("sources", "debian"):
            path.unlink()  # not Debian's own
            continue
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(_codename(), suite), encoding="utf-8")


def version(box, suite, package):
    """The upstream version of a package of a box; nothing if the suite does not have it."""
    for place in (CACHE / f"{box}-{suite}/upper", CACHE / f"base-{suite}"):
        status = place / "var/lib/dpkg/status"
        if status.is_file():
            for paragraph in status.read_text(encoding="utf-8").split("\n\n"):
                if paragraph.startswith(f"Package: {package}\n") and "\nStatus: install ok installed" in paragraph:
                    words = paragraph.split("\nVersion: ")[1].split("\n")[0]
                    return words.split(":")[-1].split("-")[0].split("+")[0]
            return None
    return None
