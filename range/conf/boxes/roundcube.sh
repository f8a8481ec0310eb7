# Starts Roundcube of a box in PHP's own web server: 8001 logs to files, 8002 to syslog.
. /zoo/conf/boxes/imap-store.sh
mkdir -p /zoo/roundcube/temp /zoo/log/roundcube
sqlite3 /zoo/roundcube/db </usr/share/roundcube/SQL/sqlite.initial.sql
chown -R www-data /zoo/roundcube /zoo/log/roundcube
cp /zoo/conf/boxes/roundcube.php /etc/roundcube/config.inc.php
chmod 644 /etc/roundcube/*.php
for port in 8001 8002; do
    env PHP_CLI_SERVER_WORKERS=4 setpriv --reuid www-data --regid www-data --clear-groups \
        php -S 192.0.2.10:$port -t /var/lib/roundcube/public_html >/zoo/log/php-$port.out 2>&1 &
done
for port in 8001 8002; do
    until php -r "exit(@fsockopen('192.0.2.10', $port) ? 0 : 1);"; do sleep 0.2; done
done
