# Starts OpenSMTPD of a box.
useradd -u 5000 -U -M -d /zoo/mail vmail
mkdir -p /zoo/mail
chown vmail:vmail /zoo/mail
sed 's/ .*/ vmail/' /zoo/etc/credentials >/zoo/etc/virtual
cp /zoo/conf/boxes/opensmtpd.conf /etc/smtpd.conf
chmod 600 /zoo/etc/key.pem
mkdir -p /etc/ssl/certs
[ -e /etc/ssl/certs/ca-certificates.crt ] || cp /zoo/etc/cert.pem /etc/ssl/certs/ca-certificates.crt
smtpd
