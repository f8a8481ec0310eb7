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
    words: bytes = b""  # of the tag's lines only those whose message begins so, as a pattern
    plays: tuple = ()  # the servers whose clients are told of here, if it is not this one
    connections: bool = False  # tells who connected, and nothing else

    def acts(self, truth):
        """The acts that this server may tell of."""
        for names in (self.plays, (self.label,), (self.name,)):
            mine = [act for act in truth if act["server"] in names]
            if mine:
                break
        return [{**act, "does": "connection"} for act in mine] if self.connections else mine

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
    play.mailboxes("perdition", tls=False)


def _pam(play):
    play.mailboxes("dovecot-pam", "{}", tls=False, pop3="solidpop3d")


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
    "courier-mta": Box((Animal("courier", "courier-mta", ("courier", "authdaemond"), label="courier-mta"),), _SMTP,
                       _smtp("courier-mta")),
    "pam": Box((Animal("pam", "libpam-modules", ("",), words=rb"pam_\w+\(", plays=("dovecot-pam", "solidpop3d")),
                Animal("dovecot", "dovecot-core", ("dovecot",), label="dovecot-pam"),
                Animal("solidpop3d", "solid-pop3d", ("solid-pop3d",)),
                Animal("qmail", "ucspi-tcp", ("tcpserver",), label="tcpserver", plays=("solidpop3d",),
                       connections=True)), _IMAP, _pam),
    "nginx": Box((Animal("nginx", "nginx", ("nginx",)),
                  Animal("nginx", "nginx", file="/zoo/log/nginx.log", label="nginx-file")),
                 (*_IMAP, (net.MAIL, 587)), lambda play: play.relayed("nginx")),
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
                Animal("pdns", "pdns-recursor", ("pdns",)),
                *(Animal("dnstap", package, file=f"/zoo/log/{name}.dnstap", label=f"dnstap-{name}", plays=(name,))
                  for name, package in (("bind", "bind9"), ("nsd", "nsd"), ("unbound", "unbound")))), (), _dns),
}
