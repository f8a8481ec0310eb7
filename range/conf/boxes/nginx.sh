# Starts nginx of a box as a mail proxy before the range's backend.
nginx -c /zoo/conf/boxes/nginx-mail.conf
