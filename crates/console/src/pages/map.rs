//! The map of the world: countries, darker where more came from. The picture itself is a file that
//! a browser asks for when it is to be seen; what is coloured comes with the page. Who runs no
//! script has the same countries in a list.

use super::dashboard::PAGE;
use crate::assets;
use crate::data::{Leading, Sheet};
use crate::draw::count;
use crate::view::View;
use askama::Template;
use serde_json::json;
use store::Dimension;
use store::terms::{Field, Value};

/// Shades of the style sheet, `heat-1` to this.
pub const SHADES: u64 = 5;

#[derive(Template)]
#[template(path = "panel-map.html")]
struct Page {
    world: String,
    countries: String,
}

/// Draws it, where it is known from where anything came.
pub fn panel(sheet: &Sheet, view: &View) -> Option<String> {
    let list = sheet.lists.of(Dimension::Country);
    let top = list.iter().map(Leading::all).max().unwrap_or(0);
    let countries: Vec<_> = list.iter().filter_map(|one| country(one, top, view)).collect();
    if countries.is_empty() {
        return None;
    }
    let countries = serde_json::Value::from(countries).to_string();
    Page { world: assets::url("world.svg"), countries }.render().ok()
}

/// Letters, shade, what is told, and the two links.
fn country(one: &Leading, top: u64, view: &View) -> Option<serde_json::Value> {
    let letters: [u8; 2] = (*one.value).try_into().ok()?;
    let shown = str::from_utf8(&one.value).ok()?;
    let told = format!("{} events, {} addresses", count(one.all()), count(one.others));
    let value = Value::Country(letters);
    let include = view.with(Field::Country, value.clone()).url(PAGE);
    let exclude = view.without(Field::Country, value).url(PAGE);
    Some(json!([shown, shade(one.all(), top), told, include, exclude]))
}

/// The shade of a number, by its root: a twentieth of the most is not the lightest yet.
pub fn shade(number: u64, top: u64) -> u64 {
    if number == 0 {
        return 0;
    }
    let share = number as f64 / top.max(number) as f64;
    (share.sqrt() * SHADES as f64).ceil().clamp(1.0, SHADES as f64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_has_a_shade_and_the_most_the_darkest() {
        assert_eq!([0, 1, 50, 250, 500, 1000].map(|it| shade(it, 1000)), [0, 1, 2, 3, 4, 5]);
        assert_eq!([shade(1, 1), shade(7, 0), shade(0, 0)], [5, 5, 0]);
        assert_eq!(shade(u64::MAX, u64::MAX), 5);
    }
}
