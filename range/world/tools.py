"""Real attack tools, each run as a user whose packets leave from the wanted address."""

import subprocess
import tempfile

from . import net

WORDS = (
    "123456 password 12345678 qwerty 123456789 12345 1234 111111 1234567 dragon 123123 baseball "
    "abc123 football monkey letmein shadow master 696969 mustang 666666 qwertyuiop 123321 "
    "1234567890 654321 superman 1qaz2wsx 7777777 121212 000000 qazwsx 123qwe killer "
    "trustno1 jordan jennifer zxcvbnm asdfgh hunter buster soccer harley batman andrew tigger "
    "sunshine iloveyou charlie robert thomas hockey ranger daniel starwars klaster 112233 george "
    "computer michelle jessica pepper 1111 zxcvbn 555555 11111111 131313 freedom 777777 pass "
    "maggie 159753 aaaaaa ginger princess joshua cheese amanda summer love ashley nicole chelsea"
).split()


def uid_of(source):
    return net.TOOL_UID + int(source.rsplit(".", 1)[1])


def run(source, *command, limit_s=60):
    """Runs a tool from `source` (198.51.100.200 to .215) for at most `limit_s` seconds."""
    subprocess.run(
        ["setpriv", f"--reuid={uid_of(source)}", "--clear-groups", "timeout", "-k", "1",
         str(limit_s), *command],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        cwd="/tmp", check=False)
    return "ok"


def hydra(source, service, account, limit_s=60):
    """Guesses with a word list until it is done, blocked or out of time."""
    with tempfile.NamedTemporaryFile("w", suffix=".words", dir="/tmp") as words:
        words.write("\n".join(WORDS))
        words.flush()
        subprocess.run(["chmod", "644", words.name], check=True)
        return run(source, "hydra", "-I", "-t", "4", "-l", account, "-P", words.name, service,
                   limit_s=limit_s)


def nmap(source, *arguments, limit_s=60):
    return run(source, "nmap", "-Pn", "-n", *arguments, limit_s=limit_s)


def swaks(source, *arguments, limit_s=20):
    return run(source, "swaks", *arguments, limit_s=limit_s)
