//! Files that the browser is given: style, scripts.
