//! Values of keys, from what a configuration holds and back.

use engine::Value;
use std::path::PathBuf;

pub(super) fn yes(word: &str) -> Option<bool> {
    match word {
        "yes" | "true" => Some(true),
        "no" | "false" => Some(false),
        _ => None,
    }
}

pub(super) fn path_value(path: Option<&PathBuf>) -> Value {
    Value::Word(path.map(|path| path.display().to_string()).unwrap_or_default().into())
}

pub(super) fn path_of(value: &Value) -> Option<Option<PathBuf>> {
    match value {
        Value::Word(word) if word.is_empty() => Some(None),
        Value::Word(word) => Some(Some(PathBuf::from(&**word))),
        _ => None,
    }
}

pub(super) fn text_value(text: Option<&String>) -> Value {
    Value::Word(text.cloned().unwrap_or_default().into())
}

pub(super) fn text_of(value: &Value) -> Option<Option<String>> {
    match value {
        Value::Word(word) => Some(Some(word.to_string()).filter(|word| !word.is_empty())),
        _ => None,
    }
}

pub(super) fn path_values(paths: &[PathBuf]) -> Value {
    words(paths.iter().map(|path| path.display().to_string()))
}

pub(super) fn paths_of(value: &Value) -> Option<Vec<PathBuf>> {
    match value {
        Value::Words(words) => Some(words.iter().map(|word| PathBuf::from(&**word)).collect()),
        _ => None,
    }
}

/// A name as systemd and Docker allow it, and no option or pattern of `journalctl`.
pub(super) fn is_name(name: &str) -> bool {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    !name.is_empty() && !name.starts_with(['-', '.']) && name.bytes().all(fine)
}

pub(super) fn words(items: impl Iterator<Item = String>) -> Value {
    Value::Words(items.map(String::into_boxed_str).collect())
}
