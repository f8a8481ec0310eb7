# Courier's accounts in a userdb, for what asks authdaemond.
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
