# Starts Courier's IMAP and POP3 servers of a box, with accounts in a userdb.
. /zoo/conf/boxes/courier-userdb.sh
cat /zoo/etc/cert.pem /zoo/etc/key.pem >/etc/courier/imapd.pem
cp /etc/courier/imapd.pem /etc/courier/pop3d.pem
chown courier /etc/courier/*.pem
sed -i 's/^ADDRESS=.*/ADDRESS=0/; s/^MAXPERIP=.*/MAXPERIP=40/' /etc/courier/imapd /etc/courier/pop3d
authdaemond start
sleep 0.5
for name in imapd imapd-ssl pop3d pop3d-ssl; do
    if [ -x /usr/sbin/$name ]; then /usr/sbin/$name start; else /usr/lib/courier/$name start; fi
done
