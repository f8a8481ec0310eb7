# Starts all name servers of a box, each on an address or port of its own, with queries logged.
for name in bind nsd unbound; do
    fstrm_capture -t protobuf:dnstap.Dnstap -u /zoo/$name.sock -w /zoo/log/$name.dnstap &
done
until [ -S /zoo/bind.sock ] && [ -S /zoo/nsd.sock ] && [ -S /zoo/unbound.sock ]; do sleep 0.1; done
chmod 777 /zoo/*.sock
unbound -c /zoo/conf/boxes/unbound.conf
touch /zoo/log/named-query.log
chmod 666 /zoo/log/named-query.log
chown -R bind /zoo/conf
named -c /zoo/conf/boxes/named.conf
dnsmasq -C /dev/null --no-resolv --no-hosts --user=root --listen-address=192.0.2.12 \
    --bind-interfaces --log-queries=extra --server=192.0.2.1 --log-facility=local3 \
    --mx-host=example.org,mail.example.org,10 --pid-file=/zoo/dnsmasq.pid
sed -i '/database:/d' /zoo/conf/boxes/nsd.conf
nsd -c /zoo/conf/boxes/nsd.conf || echo nsd failed
mkdir -p /run/pdns-recursor /etc/powerdns
case $(pdns_recursor --version 2>&1) in
*" 4."*)
    pdns_recursor --config-dir=/zoo --daemon=yes --disable-syslog=no --quiet=no \
        --setuid= --setgid= --local-address=192.0.2.10:5302 \
        --allow-from=203.0.113.0/24,198.51.100.0/25 \
        --forward-zones-recurse=.=192.0.2.1 --socket-dir=/run/pdns-recursor --dnssec=off \
        --log-common-errors=yes ;;
*)
    cp /zoo/conf/boxes/recursor.yml /zoo/recursor.yml
    pdns_recursor --config-dir=/zoo ;;
esac || echo pdns-recursor failed
