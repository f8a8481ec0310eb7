"""The boxes: which servers live in each, where their lines stand, how they are known to be ready."""

import dataclasses
from typing import Callable

from world import net

from . import filters, web


@dataclasses.dataclass
class Animal:
    """One server: the name of Mailward's parser, its package, and where it logs."""

    name: str
    package: str
    tags: tuple = ()  # program names in syslog, or their beginnings
    file: str = None  # or files of its own in the box, as a pattern
    label: str = None  # if one server has two logs

    def log(self, version, suite):
        return f"{self.label or self.name}-{version}-{suite}"


@dataclasses.dataclass
class Box:
    """A root with some servers, the ports that must greet, and its play."""

    animals: tuple
    greeting: tuple
    fill: Callable


def _mail(play):
    play.submission("postfix")
    play.submission_hostile("postfix")
    play.mailboxes("dovecot")


def _smtp(name, host=None, tls=False):
    def fill(play):
        play.submission(name, host, tls)
        play.submission_hostile(name, host)
    return fill


def _boxes(name, form="{}@example.org"):
    return lambda play: play.mailboxes(name, form)


def _filter(play):
    filters.fill(play)
    play.mailboxes("perdition")


def _dns(play):
    for name, (host, port) in DNS.items():
        play.names(name, host, port)


DNS = {
    "unbound": (net.MAIL, 53),
    "bind": (net.EXIM, 53),
    "dnsmasq": (net.SCREEN, 53),
    "nsd": (net.MAIL, 5301),
    "pdns": (net.MAIL, 5302),
}
_SMTP = tuple((net.MAIL, port) for port in (25, 587))
_IMAP = tuple((net.MAIL, port) for port in (143, 110))

BOXES = {
    "mail": Box((Animal("postfix", "postfix", ("postfix/",)), Animal("dovecot", "dovecot-core", ("dovecot",))),
                _SMTP + _IMAP, _mail),
    "exim": Box((Animal("exim", "exim4-base", ("exim",), label="exim-syslog"),
                 Animal("exim", "exim4-base", file="/zoo/log/exim-mainlog")),
                ((net.EXIM, 25), (net.EXIM, 587)), _smtp("exim", "exim")),
    "sendmail": Box((Animal("sendmail", "sendmail-bin", ("sm-mta", "sendmail")),), _SMTP, _smtp("sendmail")),
    "opensmtpd": Box((Animal("opensmtpd", "opensmtpd", ("smtpd",)),), _SMTP, _smtp("opensmtpd", tls=True)),
    "cyrus": Box((Animal("cyrus", "cyrus-imapd", ("cyrus/", "master")),), _IMAP, _boxes("cyrus")),
    "courier": Box((Animal("courier", "courier-imap", ("imapd", "pop3d", "courier", "authdaemond")),),
                   _IMAP, _boxes("courier")),
    "filter": Box((Animal("rspamd", "rspamd", file="/var/log/rspamd/rspamd.log"),
                   Animal("amavis", "amavisd-new", ("amavis",)), Animal("spamassassin", "spamd", ("spamd",)),
                   Animal("saslauthd", "sasl2-bin", ("saslauthd",)),
                   Animal("perdition", "perdition", ("perdition",))), ((net.MAIL, 10024), *_IMAP), _filter),
    "roundcube": Box((Animal("roundcube", "roundcube-core", file="/zoo/log/roundcube/*"),
                      Animal("roundcube", "roundcube-core", ("roundcube",), label="roundcube-syslog")),
                     ((net.MAIL, 143),), web.fill_roundcube),
    "sogo": Box((Animal("sogo", "sogo", file="/zoo/log/sogo/sogo.log"),), ((net.MAIL, 143),), web.fill_sogo),
    "horde": Box((Animal("horde", "php-horde", ("HORDE",)),
                  Animal("horde", "php-horde", file="/zoo/log/horde/horde.log", label="horde-file")),
                 ((net.MAIL, 143),), web.fill_horde),
    "dns": Box((Animal("unbound", "unbound", ("unbound",)), Animal("bind", "bind9", ("named",)),
                Animal("bind", "bind9", file="/zoo/log/named-query.log", label="bind-file"),
                Animal("dnsmasq", "dnsmasq-base", ("dnsmasq",)), Animal("nsd", "nsd", ("nsd",)),
                Animal("pdns", "pdns-recursor", ("pdns",))), (), _dns),
}
