# Starts the Dovecot behind a web interface; read by the scripts of such boxes.
mkdir -p /zoo/mail /zoo/dovecot
chown mail:mail /zoo/mail
{
    case $(dovecot --version) in
    2.4*)
        cat <<'END'
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
auth_allow_cleartext = yes
mail_driver = maildir
mail_path = /zoo/mail/%{user}
mail_home = /zoo/mail/%{user}
passdb passwd-file {
  default_password_scheme = plain
  passwd_file_path = /zoo/etc/users
}
userdb static {
  static_allow_all_users = yes
}
END
        ;;
    *)
        cat <<'END'
disable_plaintext_auth = no
mail_location = maildir:/zoo/mail/%u
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u /zoo/etc/users
}
userdb {
  driver = static
  args = uid=mail gid=mail home=/zoo/mail/%u allow_all_users=yes
}
END
        ;;
    esac
    cat <<'END'
!include /zoo/conf/boxes/dovecot-imap.conf
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
END
} >/zoo/etc/dovecot.conf
dovecot -c /zoo/etc/dovecot.conf
