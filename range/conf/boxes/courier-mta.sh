# Starts Courier's SMTP server of a box on 25 and 587, with accounts in a userdb.
. /zoo/conf/boxes/courier-userdb.sh
cat /zoo/etc/cert.pem /zoo/etc/key.pem >/etc/courier/esmtpd.pem
chown courier /etc/courier/esmtpd.pem
echo example.org >/etc/courier/hosteddomains/range
echo mail.example.org >/etc/courier/me
echo mail.example.org >/etc/courier/locals
echo mail.example.org >/etc/courier/defaultdomain
echo ./Maildir >/etc/courier/defaultdelivery
printf 'example.org\nmail.example.org\n' >/etc/courier/esmtpacceptmailfor.dir/range
printf ':[192.0.2.20]\n' >/etc/courier/esmtproutes
makehosteddomains
makeacceptmailfor
printf 'postmaster: alice@example.org\n' >/etc/courier/aliases/system
makealiases
makesmtpaccess
sed -i 's/^PORT=smtp$/PORT=25/' /etc/courier/esmtpd
sed -i 's/^SSLPORT=.*/SSLPORT=465/' /etc/courier/esmtpd-ssl
sed -i 's/^TARPIT=.*/TARPIT=0/; s/^ESMTPAUTH=.*/ESMTPAUTH="PLAIN LOGIN"/
    s/^MAXPERC=.*/MAXPERC=80/
    s/^MAXPERIP=.*/MAXPERIP=40/' /etc/courier/esmtpd /etc/courier/esmtpd-msa
sed -i 's/^ESMTPDSTART=.*/ESMTPDSTART=YES/' /etc/courier/esmtpd-msa
authdaemond start
sleep 0.5
courier start
esmtpd start
esmtpd-msa start
esmtpd-ssl start
