# Starts Cyrus of a box, with accounts in sasldb.
cp /zoo/conf/boxes/cyrus.conf /etc/cyrus.conf
cp /zoo/conf/boxes/cyrus-imapd.conf /etc/imapd.conf
mkdir -p /run/cyrus/proc /run/cyrus/lock /run/cyrus/socket
chown -R cyrus:mail /run/cyrus
while read -r account secret; do
    for realm in example.org mail.example.org; do
        printf '%s' "$secret" | saslpasswd2 -p -c -f /etc/sasldb2 -u $realm "${account%@*}"
    done
done </zoo/etc/users.tsv
chown cyrus:mail /etc/sasldb2 /zoo/etc/key.pem
chmod 640 /etc/sasldb2
chmod 644 /zoo/etc/key.pem
/usr/sbin/cyrmaster -d
