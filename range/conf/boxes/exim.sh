# Starts Exim of a box, which writes its own files and to syslog.
mkdir -p /zoo/exim/spool /zoo/exim/mail /etc/exim4
chown -R Debian-exim /zoo/exim /zoo/log
chown mail:mail /zoo/exim/mail
chmod 644 /zoo/etc/key.pem
cp /zoo/conf/exim.conf /etc/exim4/exim4.conf
exim4 -bd -q1m
