# Starts rspamd, amavis, spamd, saslauthd and Perdition of a box.
mkdir -p /run/rspamd /run/amavis /run/saslauthd /etc/rspamd/local.d /var/log/rspamd
printf 'bind_socket = "192.0.2.10:11333";\n' >/etc/rspamd/local.d/worker-normal.inc
printf "enabled = false;\n" >/etc/rspamd/local.d/rbl.conf
printf 'nameserver = ["192.0.2.1"];\n' >/etc/rspamd/local.d/options.inc
chown _rspamd:_rspamd /run/rspamd /var/log/rspamd
rspamd -u _rspamd -g _rspamd

chown amavis:amavis /run/amavis
cp /zoo/conf/boxes/amavis.conf /etc/amavis/conf.d/50-user
if [ -x /usr/sbin/amavisd ]; then amavisd start; else amavisd-new start; fi

spamd -d -L -i 192.0.2.10 -A 192.0.2.0/24,198.51.100.0/24,203.0.113.0/24 -m 4 -r /zoo/spamd.pid

while read -r account secret; do
    printf '%s' "$secret" | saslpasswd2 -p -c -f /etc/sasldb2 -u example.org "${account%@*}"
done </zoo/etc/users.tsv
saslauthd -a sasldb -m /run/saslauthd -n 2

for pair in IMAP4:143 POP3:110; do
    perdition --protocol ${pair%:*} --bind_address 192.0.2.10 --listen_port ${pair#*:} \
        --outgoing_server 192.0.2.20 --outgoing_port ${pair#*:} --username root --group root \
        --ssl_mode none --connection_logging --no_lookup --map_library '' \
        --pid_file /zoo/perdition-${pair#*:}.pid
done
