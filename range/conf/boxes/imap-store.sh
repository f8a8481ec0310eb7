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
protocols = imap
listen = 192.0.2.10
ssl = no
base_dir = /zoo/dovecot
state_dir = /zoo/dovecot
syslog_facility = mail
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
auth_mechanisms = plain login
auth_failure_delay = 1 secs
mail_max_userip_connections = 50
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
END
} >/zoo/etc/dovecot.conf
dovecot -c /zoo/etc/dovecot.conf
