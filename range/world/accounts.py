"""The mailboxes of the range: names, passwords, and the files the servers read them from."""

DOMAIN = "example.org"
FIRST = (
    "alice bob carol dave erin frank grace heidi ivan judy karl laura mike nina oscar peggy "
    "quentin ruth steve trudy uma victor wendy xavier yves zoe"
).split()
LOCAL = FIRST + ["info", "sales", "office"] + [f"staff{number:02}" for number in range(1, 41)]
WEAK = {"oscar": "summer2024", "peggy": "Welcome1", "trudy": "P@ssw0rd"}


def password(account):
    """The right password of a local part or address."""
    local = account.split("@")[0]
    return WEAK.get(local) or f"{local.capitalize()}-Kv{7000 + 37 * LOCAL.index(local)}#q"


def address(local):
    return f"{local}@{DOMAIN}"


def good(local):
    """What its owner logs in with."""
    return address(local), password(local)


def write(directory):
    """Writes what Postfix, Dovecot and Exim need to know of the accounts."""
    files = {
        "mailboxes": "{a} x\n",
        "users": "{a}:{{PLAIN}}{p}\n",
        "passwords": "{a}: {p}\n",
        "localparts": "{l}: {l}\n",
    }
    for name, form in files.items():
        with open(f"{directory}/{name}", "w", encoding="ascii") as out:
            for local in LOCAL:
                out.write(form.format(a=address(local), p=password(local), l=local))
