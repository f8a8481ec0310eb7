"""`range/zoo`: whole Debian roots with real servers, their logs, and what Mailward understands of them."""
