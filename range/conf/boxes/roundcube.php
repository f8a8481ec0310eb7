<?php
// Roundcube of the range.
$config = [];
$config['db_dsnw'] = 'sqlite:////zoo/roundcube/db?mode=0640';
$config['imap_host'] = '192.0.2.10:143';
$config['smtp_host'] = '192.0.2.20:25';
$config['smtp_user'] = '';
$config['smtp_pass'] = '';
$config['des_key'] = 'range-range-range-range-';
$config['log_logins'] = true;
$config['log_driver'] = ($_SERVER['SERVER_PORT'] ?? '') == 8002 ? 'syslog' : 'file';
$config['log_dir'] = '/zoo/log/roundcube/';
$config['temp_dir'] = '/zoo/roundcube/temp/';
$config['plugins'] = [];
