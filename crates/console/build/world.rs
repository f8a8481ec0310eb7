//! The map of the world: from TopoJSON (<https://github.com/topojson/topojson-specification>) to
//! SVG, in an equal-area projection, for a large country must not look larger than it is.

use serde_json::Value;
use std::fmt::Write as _;

/// Numbers and letters of countries (ISO 3166-1), of those that the map knows. Antarctica is left
/// out; what has no code there is drawn and never coloured.
const COUNTRIES: &str = "004AF 008AL 012DZ 024AO 031AZ 032AR 036AU 040AT 044BS 050BD 051AM 056BE 064BT 068BO 070BA \
     072BW 076BR 084BZ 090SB 096BN 100BG 104MM 108BI 112BY 116KH 120CM 124CA 140CF 144LK 148TD \
     152CL 156CN 158TW 170CO 178CG 180CD 188CR 191HR 192CU 196CY 203CZ 204BJ 208DK 214DO 218EC \
     222SV 226GQ 231ET 232ER 233EE 238FK 242FJ 246FI 250FR 260TF 262DJ 266GA 268GE 270GM 275PS \
     276DE 288GH 300GR 304GL 320GT 324GN 328GY 332HT 340HN 348HU 352IS 356IN 360ID 364IR 368IQ \
     372IE 376IL 380IT 384CI 388JM 392JP 398KZ 400JO 404KE 408KP 410KR 414KW 417KG 418LA 422LB \
     426LS 428LV 430LR 434LY 440LT 442LU 450MG 454MW 458MY 466ML 478MR 484MX 496MN 498MD 499ME \
     504MA 508MZ 512OM 516NA 524NP 528NL 540NC 548VU 554NZ 558NI 562NE 566NG 578NO 586PK 591PA \
     598PG 600PY 604PE 608PH 616PL 620PT 624GW 626TL 630PR 634QA 642RO 643RU 646RW 682SA 686SN \
     688RS 694SL 703SK 704VN 705SI 706SO 710ZA 716ZW 724ES 728SS 729SD 732EH 740SR 748SZ 752SE \
     756CH 760SY 762TJ 764TH 768TG 780TT 784AE 788TN 792TR 795TM 800UG 804UA 807MK 818EG 826GB \
     834TZ 840US 854BF 858UY 860UZ 862VE 887YE 894ZM";
/// Antarctica.
const LEFT_OUT: &str = "010";
/// Width of the picture in its own units.
const WIDTH: f64 = 2000.0;
/// Half the width of the projection in its own units: Equal Earth's x at 180 degrees east.
const EDGE: f64 = 2.706_629_984_4;

type Point = (i64, i64);

/// Draws the countries: a path each, which says in `data-country` whose it is.
pub fn svg(topology: &[u8]) -> Result<Vec<u8>, String> {
    let topology: Value = serde_json::from_slice(topology).map_err(|error| error.to_string())?;
    let arcs = arcs(&topology).ok_or("world-atlas: arcs are missing")?;
    let countries = topology["objects"]["countries"]["geometries"].as_array();
    let (mut top, mut bottom, mut paths) = (i64::MAX, i64::MIN, String::new());
    for country in countries.ok_or("world-atlas: countries are missing")? {
        let number = country["id"].as_str().unwrap_or_default();
        if number == LEFT_OUT {
            continue;
        }
        let rings = rings(country, &arcs).ok_or("world-atlas: a country is not as expected")?;
        for (_, y) in rings.iter().flatten() {
            (top, bottom) = (top.min(*y), bottom.max(*y));
        }
        let path: String = rings.iter().map(|ring| drawn(ring)).collect();
        let _ = match letters(number) {
            Some(letters) => writeln!(paths, "<path data-country=\"{letters}\" d=\"{path}\"/>"),
            None => writeln!(paths, "<path d=\"{path}\"/>"),
        };
    }
    let height = bottom.checked_sub(top).ok_or("world-atlas: there is no country")?;
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 {top} {WIDTH} {height}\">\n{paths}</svg>"
    )
    .into_bytes())
}

fn letters(number: &str) -> Option<&'static str> {
    let mut known = COUNTRIES.split(' ').filter(|_| number.len() == 3);
    known.find_map(|country| country.strip_prefix(number))
}

/// The lines of which borders are made, as points of the picture.
fn arcs(topology: &Value) -> Option<Vec<Vec<Point>>> {
    let pair = |value: &Value| Some((value[0].as_f64()?, value[1].as_f64()?));
    let scale = pair(&topology["transform"]["scale"])?;
    let origin = pair(&topology["transform"]["translate"])?;
    let arc = |arc: &Value| {
        let (mut x, mut y) = (0.0, 0.0);
        let step = |step: &Value| {
            let (dx, dy) = pair(step)?;
            (x, y) = (x + dx, y + dy);
            Some(projected(x * scale.0 + origin.0, y * scale.1 + origin.1))
        };
        arc.as_array()?.iter().map(step).collect()
    };
    topology["arcs"].as_array()?.iter().map(arc).collect()
}

/// Degrees east and north to a point of the picture: Equal Earth (Savric, Patterson, Jenny 2018).
fn projected(east: f64, north: f64) -> Point {
    const A: [f64; 4] = [1.340_264, -0.081_106, 0.000_893, 0.003_796];
    let half_root = 3_f64.sqrt() / 2.0;
    let t = (half_root * north.to_radians().sin()).asin();
    let (t2, t6) = (t.powi(2), t.powi(6));
    let slope = A[0] + 3.0 * A[1] * t2 + t6 * (7.0 * A[2] + 9.0 * A[3] * t2);
    let x = east.to_radians() * t.cos() / (half_root * slope);
    let y = t * (A[0] + A[1] * t2 + t6 * (A[2] + A[3] * t2));
    let unit = WIDTH / 2.0 / EDGE;
    ((WIDTH / 2.0 + x * unit).round() as i64, (-y * unit).round() as i64)
}

/// The outlines of a country and of the holes in it.
fn rings(country: &Value, arcs: &[Vec<Point>]) -> Option<Vec<Vec<Point>>> {
    let polygons = country["arcs"].as_array()?.iter();
    let rings: Vec<&Value> = match country["type"].as_str()? {
        "Polygon" => polygons.collect(),
        "MultiPolygon" => polygons.filter_map(Value::as_array).flatten().collect(),
        _ => return None,
    };
    rings.into_iter().map(|ring| joined(ring, arcs)).collect()
}

/// A ring of the arcs that it names; a number below zero is an arc that runs backwards.
fn joined(ring: &Value, arcs: &[Vec<Point>]) -> Option<Vec<Point>> {
    let mut points = Vec::new();
    for number in ring.as_array()? {
        let number = number.as_i64()?;
        let place = if number < 0 { !number } else { number };
        let mut arc = arcs.get(usize::try_from(place).ok()?)?.clone();
        if number < 0 {
            arc.reverse();
        }
        points.extend(arc);
    }
    unwrap(&mut points);
    points.dedup();
    Some(points)
}

/// Where an outline goes over the edge of the map (Fiji), it goes on beyond it, and not back over
/// the whole world.
fn unwrap(points: &mut [Point]) {
    let (mut before, mut shift) = (points.first().map_or(0, |point| point.0), 0);
    for (x, _) in points {
        let jump = *x - shift - before;
        if jump.abs() > WIDTH as i64 / 2 {
            // Both points are on the edge, which is one place.
            shift += jump;
        }
        *x -= shift;
        before = *x;
    }
}

/// A ring as a path; nothing of one that is smaller than a unit of the picture.
fn drawn(ring: &[Point]) -> String {
    let [first, rest @ ..] = ring else { return String::new() };
    if rest.len() < 3 {
        return String::new();
    }
    let mut out = format!("M{} {}l", first.0, first.1);
    let mut at = *first;
    for point in rest {
        for step in [point.0 - at.0, point.1 - at.1] {
            // A minus parts numbers, too.
            let gap = if step < 0 || out.ends_with('l') { "" } else { " " };
            let _ = write!(out, "{gap}{step}");
        }
        at = *point;
    }
    out.push('z');
    out
}
