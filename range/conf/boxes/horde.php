<?php
// Horde of the range: IMP asks the IMAP server, nothing is kept.
require __DIR__ . '/conf.php.dist';
$conf['use_ssl'] = 0;
$conf['server']['name'] = 'mail.example.org';
$conf['cookie']['domain'] = '';
$conf['auth']['driver'] = 'application';
$conf['auth']['params'] = ['app' => 'imp'];
$conf['prefs']['driver'] = 'Session';
$conf['sql'] = ['phptype' => 'sqlite', 'database' => '/zoo/horde/db', 'charset' => 'utf-8'];
$conf['tmpdir'] = '/zoo/horde/tmp';
$conf['cachejs'] = false;
$conf['cachecss'] = false;
$conf['cache']['driver'] = 'Null';
$conf['session']['use_only_cookies'] = true;
$conf['menu']['always'] = false;
$conf['secret_key'] = 'range';
if (($_SERVER['SERVER_PORT'] ?? '') == 8004) {
    $conf['log']['type'] = 'file';
    $conf['log']['name'] = '/zoo/log/horde/horde.log';
    $conf['log']['params']['append'] = true;
}
