# Starts Postfix and Dovecot of a box.
for name in spool lib dovecot/run dovecot/state mail; do mkdir -p /zoo/$name; done
chown postfix /zoo/lib
chown mail:mail /zoo/mail
cp /zoo/conf/main.cf /zoo/conf/master.cf /zoo/etc/
case $(dovecot --version) in
2.4*) cp /zoo/conf/dovecot24.conf /zoo/etc/dovecot.conf ;;
*) cp /zoo/conf/dovecot23.conf /zoo/etc/dovecot.conf ;;
esac
postfix -c /zoo/etc check
dovecot -c /zoo/etc/dovecot.conf
postfix -c /zoo/etc start
