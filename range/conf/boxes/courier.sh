# Starts Courier's IMAP and POP3 servers of a box, with accounts in a userdb.
useradd -u 5000 -U -M -d /zoo/mail vmail
mkdir -p /zoo/mail /run/courier/authdaemon
chown courier:courier /run/courier /run/courier/authdaemon
sed -i 's/^authmodulelist=.*/authmodulelist="authuserdb"/' /etc/courier/authdaemonrc
rm -rf /etc/courier/userdb
while read -r account secret; do
    home=/zoo/mail/$account
    mkdir -p $home/Maildir/new $home/Maildir/cur $home/Maildir/tmp
    printf '%s\thome=%s|mail=%s/Maildir|systempw=%s|uid=5000|gid=5000\n' \
        "$account" "$home" "$home" "$secret"
done </zoo/etc/credentials >/etc/courier/userdb
chmod 600 /etc/courier/userdb
makeuserdb
chown -R vmail:vmail /zoo/mail
cat /zoo/etc/cert.pem /zoo/etc/key.pem >/etc/courier/imapd.pem
cp /etc/courier/imapd.pem /etc/courier/pop3d.pem
chown courier /etc/courier/*.pem
sed -i 's/^ADDRESS=.*/ADDRESS=0/; s/^MAXPERIP=.*/MAXPERIP=40/' /etc/courier/imapd /etc/courier/pop3d
authdaemond start
sleep 0.5
for name in imapd imapd-ssl pop3d pop3d-ssl; do
    if [ -x /usr/sbin/$name ]; then /usr/sbin/$name start; else /usr/lib/courier/$name start; fi
done
