# Starts Sendmail of a box, with SASL accounts and a virtual user table.
mkdir -p /etc/mail/sasl /run/sendmail/mta /var/lib/sendmail /var/spool/mqueue
mkdir -p /etc/sasl2 /usr/lib/sasl2
cp /zoo/conf/boxes/sendmail.mc /etc/mail/
cd /etc/mail
m4 sendmail.mc >sendmail.cf
for name in mail/sasl/Sendmail.conf.2 mail/sasl/Sendmail.conf sasl2/Sendmail.conf; do
    printf '%s\n' 'pwcheck_method: auxprop' 'auxprop_plugin: sasldb' \
        'mech_list: PLAIN LOGIN CRAM-MD5' 'sasldb_path: /etc/sasldb2' >/etc/$name
done
cp /etc/sasl2/Sendmail.conf /usr/lib/sasl2/
while read -r account secret; do
    local=${account%@*}
    for realm in example.org mail.example.org; do
        printf '%s' "$secret" | saslpasswd2 -p -c -f /etc/sasldb2 -u $realm "$local"
    done
    useradd -M -s /bin/false "$local"
    echo "$account $local"
done </zoo/etc/users.tsv >virtusertable
echo '@example.org error:5.1.1:550 User unknown' >>virtusertable
chmod 640 /etc/sasldb2
chgrp smmsp /etc/sasldb2
printf 'Connect:127.0.0.1 RELAY\n' >access
echo mail.example.org >local-host-names
echo 'postmaster: root' >/etc/aliases
cp -f /etc/aliases aliases 2>/dev/null || true
makemap hash virtusertable <virtusertable
makemap hash access <access
newaliases
chmod 600 /zoo/etc/key.pem
chmod go-w / /zoo /zoo/etc /etc /etc/mail
printf '#!/bin/sh\ncat >/dev/null\n' >/usr/sbin/sensible-mda
chmod 755 /usr/sbin/sensible-mda
sendmail -bd -q1m -L sm-mta
