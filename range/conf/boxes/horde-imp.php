<?php
// The range's IMAP server.
foreach (array_keys($servers) as $name) {
    $servers[$name]['disabled'] = true;
}
$servers['range'] = [
    'disabled' => false, 'name' => 'range', 'hostspec' => '192.0.2.10', 'hordeauth' => false,
    'protocol' => 'imap', 'port' => 143, 'secure' => false,
];
