# Starts SOGo of a box with PostgreSQL, memcached and Dovecot behind it, and nginx before it.
. /zoo/conf/boxes/imap-store.sh
mkdir -p /run/sogo /zoo/log/sogo
version=$(ls /etc/postgresql)
install -d -o postgres -g postgres /run/postgresql /var/log/postgresql
pg_ctlcluster "$version" main start -- -o '-c fsync=off -c logging_collector=off'
{
    printf '%s\n' "CREATE ROLE sogo LOGIN PASSWORD 'sogo';" 'CREATE DATABASE sogo OWNER sogo;' \
        '\connect sogo sogo 127.0.0.1'
    echo 'CREATE TABLE people (c_uid text, c_name text, c_password text, c_cn text, mail text);'
    while read -r name secret; do
        echo "INSERT INTO people VALUES ('$name', '$name', '$secret', '$name', '$name');"
    done </zoo/etc/users.tsv
} >/zoo/etc/people.sql
chmod 644 /zoo/etc/people.sql
su postgres -c 'PGPASSWORD=sogo psql -q -v ON_ERROR_STOP=1 -f /zoo/etc/people.sql'
memcached -d -u memcache -l 127.0.0.1 || memcached -d -u nobody -l 127.0.0.1
mkdir -p /etc/sogo
cp /zoo/conf/boxes/sogo.conf /etc/sogo/sogo.conf
chown -R sogo:sogo /run/sogo /zoo/log/sogo
chmod 644 /etc/sogo/sogo.conf
# One worker: several would make the tables at once.
su sogo -s /bin/sh -c \
    'sogod -WOWorkersCount 1 -WOPidFile /run/sogo/sogo.pid -WOLogFile /zoo/log/sogo/sogo.log'
nginx -c /zoo/conf/boxes/sogo-nginx.conf
for port in 80 20000; do
    until bash -c "exec 3<>/dev/tcp/192.0.2.10/$port" 2>/dev/null; do sleep 0.2; done
done
