# Starts Dovecot's IMAP and solid-pop3d (under tcpserver) of a box; both ask PAM for their users.
mkdir -p /zoo/mail /zoo/dovecot
while read -r account secret; do
    useradd -m -s /bin/false "${account%@*}"
    echo "${account%@*}:$secret" >>/zoo/etc/chpasswd
done </zoo/etc/users.tsv
chpasswd -c SHA512 </zoo/etc/chpasswd
rm /zoo/etc/chpasswd
{
    case $(dovecot --version) in
    2.4*)
        cat <<'END'
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
auth_allow_cleartext = yes
mail_driver = maildir
mail_path = ~/Maildir
passdb pam {
}
userdb passwd {
}
END
        ;;
    *)
        cat <<'END'
disable_plaintext_auth = no
mail_location = maildir:~/Maildir
passdb {
  driver = pam
}
userdb {
  driver = passwd
}
END
        ;;
    esac
    cat <<'END'
!include /zoo/conf/boxes/dovecot-imap.conf
END
} >/zoo/etc/dovecot.conf
dovecot -c /zoo/etc/dovecot.conf
tcpserver -v -H -R -l mail.example.org 192.0.2.10 110 solid-pop3d 2>&1 </dev/null |
    logger -p mail.info -t tcpserver &
