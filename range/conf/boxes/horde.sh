# Starts Horde and IMP of a box in PHP's own web server: 8003 logs by syslog, 8004 to a file.
. /zoo/conf/boxes/imap-store.sh
mkdir -p /zoo/horde/tmp /zoo/log/horde
cp /zoo/conf/boxes/horde.php /etc/horde/horde/conf.php
cp /zoo/conf/boxes/horde-imp.php /etc/horde/imp/backends.local.php
cat >/etc/horde/imp/conf.php <<'END'
<?php
$conf['server']['server_list'] = 'none';
END
chown -R www-data /zoo/horde /zoo/log/horde /etc/horde/*/*.php
for port in 8003 8004; do
    env PHP_CLI_SERVER_WORKERS=4 setpriv --reuid www-data --regid www-data --clear-groups \
        php -d display_errors=0 -S 192.0.2.10:$port -t /usr/share >/zoo/log/php-$port.out 2>&1 &
done
for port in 8003 8004; do
    until php -r "exit(@fsockopen('192.0.2.10', $port) ? 0 : 1);"; do sleep 0.2; done
done
