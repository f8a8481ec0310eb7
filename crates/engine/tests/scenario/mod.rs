//! Stories: the format, the player, the expectations.

mod expect;
mod moment;

pub use expect::Expectation;
pub use moment::Moment;

use engine::{Config, Engine, Input, KEYS, Output, Value, ValueKind};
use event::{Command, Network, Order, Subject, Timestamp};
use std::collections::BTreeMap;

/// 2026-11-02T08:00:00Z: where every story begins.
pub const START: Timestamp = Timestamp(1_793_606_400_000_000);

/// A story that was read.
pub struct Scenario {
    pub config: Config,
    pub moments: Vec<(i64, Moment)>,
    pub orders: Vec<(i64, Order)>,
    pub expectations: Vec<Expectation>,
}

/// What came of it.
pub struct Played {
    pub outputs: Vec<Output>,
    /// The clients of the events, by line.
    pub clients: Vec<Option<core::net::IpAddr>>,
}

impl Scenario {
    /// Reads the words and the story.
    pub fn read(words: &str, text: &str) -> Result<Scenario, String> {
        let mut scenario = Scenario {
            config: Config::default(),
            moments: Vec::new(),
            orders: Vec::new(),
            expectations: Vec::new(),
        };
        let mut defined = BTreeMap::new();
        let mut clock_s = 0;
        for line in words.lines().chain(text.lines()) {
            let line = line.split(" # ").next().unwrap_or_default().trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let result = scenario.line(line, &mut defined, &mut clock_s);
            result.map_err(|why| format!("{line}: {why}"))?;
        }
        scenario.moments.sort_by_key(|(at_s, _)| *at_s);
        Ok(scenario)
    }

    fn line(
        &mut self,
        line: &str,
        defined: &mut BTreeMap<String, String>,
        clock_s: &mut i64,
    ) -> Result<(), String> {
        let mut words = line.split_whitespace().peekable();
        match words.peek().copied().unwrap_or_default() {
            "define" => {
                words.next();
                let name = words.next().ok_or("a name")?;
                defined.insert(name.into(), words.collect::<Vec<_>>().join(" "));
                return Ok(());
            }
            "config" => {
                words.next();
                let path = words.next().ok_or("a key")?;
                return self.configure(path, &words.collect::<Vec<_>>());
            }
            "expect" => {
                self.expectations.extend(Expectation::read(line)?);
                return Ok(());
            }
            _ => {}
        }
        if let Some(offset) = words.peek().and_then(|word| offset(word)) {
            *clock_s = match words.next() {
                Some(word) if word.starts_with('+') => *clock_s + offset,
                _ => offset,
            };
        }
        let (count, every_s) = repeat(&mut words)?;
        let name = words.next().ok_or("what happens")?;
        let rest: Vec<&str> = words.collect();
        if let Some(order) = order(name, &rest, *clock_s)? {
            self.orders.push((*clock_s, order));
            return Ok(());
        }
        let meaning = defined.get(name).ok_or("no such word")?;
        let fields = format!("{meaning} {}", rest.join(" "));
        let longest = expand_len(&fields);
        for turn in 0..count.unwrap_or(longest) {
            let number = self.moments.len();
            let text = expand(&fields, turn, number);
            let at_s = *clock_s + every_s * turn as i64;
            self.moments.push((at_s, Moment::read(&text)?));
        }
        Ok(())
    }

    fn configure(&mut self, path: &str, words: &[&str]) -> Result<(), String> {
        let key = KEYS.iter().find(|key| key.path == path).ok_or("no such key")?;
        let first = words.first().copied().unwrap_or_default();
        let networks = || -> Result<Vec<Network>, &str> {
            words.iter().map(|word| word.parse().map_err(|_| "a network")).collect()
        };
        let value = match key.kind {
            ValueKind::Integer => Value::Integer(first.parse().map_err(|_| "a number")?),
            ValueKind::Float => Value::Float(first.parse().map_err(|_| "a number")?),
            ValueKind::Word(_) => Value::Word(first.into()),
            ValueKind::Words => Value::Words(words.iter().map(|word| (*word).into()).collect()),
            ValueKind::Networks => Value::Networks(networks()?),
        };
        key.set(&mut self.config, &value).map_err(|why| why.to_string())
    }
}

/// Plays a story to its end.
pub fn play(scenario: &Scenario) -> Played {
    let mut engine = Engine::new(scenario.config.clone());
    let mut outputs = Vec::new();
    let mut clients = vec![None];
    let mut orders = scenario.orders.iter().peekable();
    for (at_s, moment) in &scenario.moments {
        while let Some((order_s, order)) = orders.next_if(|(order_s, _)| order_s <= at_s) {
            give(&mut engine, *order_s, order, &mut outputs);
        }
        let event = moment.event(START.plus_seconds(*at_s));
        let joined = engine.join(&event);
        let event = joined.as_ref().map_or(event, |joined| joined.fill(&event));
        engine.step(clients.len() as u64, &Input::Event(&event), &mut outputs);
        clients.push(event.client);
    }
    for (order_s, order) in orders {
        give(&mut engine, *order_s, order, &mut outputs);
    }
    engine.finish(&mut outputs);
    Played { outputs, clients }
}

fn give(engine: &mut Engine, at_s: i64, order: &Order, outputs: &mut Vec<Output>) {
    let at = START.plus_seconds(at_s);
    let command = Command { at, operator: "story".into(), reason: "".into(), order: order.clone() };
    engine.step(0, &Input::Command(&command), outputs);
}

fn order(name: &str, rest: &[&str], clock_s: i64) -> Result<Option<Order>, String> {
    let network = |word: &&str| word.parse::<Network>().map_err(|why| why.to_string());
    let first = || rest.first().ok_or_else(|| String::from("a network")).and_then(network);
    Ok(Some(match name {
        "protect" => Order::Protect {
            networks: rest.iter().map(network).collect::<Result<Vec<_>, _>>()?.into(),
        },
        "allow" => Order::Allow {
            network: first()?,
            until: rest
                .get(1)
                .and_then(|word| offset(word))
                .map(|length_s| START.plus_seconds(clock_s + length_s)),
        },
        "disallow" => Order::Disallow { network: first()? },
        "ban" => Order::Ban {
            subject: subject(rest.first().ok_or("a subject")?)?,
            duration_s: rest.get(1).and_then(|word| offset(word)).map(|s| s as u32),
        },
        "unban" => Order::Unban { subject: subject(rest.first().ok_or("a subject")?)? },
        _ => return Ok(None),
    }))
}

/// An address, a network, `host:NAME`, `sender:NAME` or an account.
pub fn subject(text: &str) -> Result<Subject, String> {
    if let Some(name) = text.strip_prefix("host:") {
        return Ok(Subject::Host(name.as_bytes().into()));
    }
    if let Some(name) = text.strip_prefix("sender:") {
        return Ok(Subject::Sender(name.as_bytes().into()));
    }
    match text.parse::<Network>() {
        Ok(network) if network.is_host() => Ok(Subject::Client(network.address())),
        Ok(network) => Ok(Subject::Network(network)),
        Err(_) if text.is_empty() => Err("a subject".into()),
        Err(_) => Ok(Subject::Account(text.as_bytes().into())),
    }
}

/// `45m`, `1d2h`, `+30s`, in seconds.
pub fn offset(text: &str) -> Option<i64> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut total = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = rest.split_at(digits);
        let seconds = match unit.chars().next()? {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            _ => return None,
        };
        total += number.parse::<i64>().ok()? * seconds;
        rest = unit.get(1..)?;
    }
    (!text.is_empty()).then_some(total)
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn repeat(words: &mut Words<'_>) -> Result<(Option<usize>, i64), String> {
    let mut count = None;
    if words.next_if_eq(&"repeat").is_some() {
        count = Some(words.next().and_then(|word| word.parse().ok()).ok_or("how often")?);
    }
    let mut every_s = 0;
    if words.next_if_eq(&"every").is_some() {
        every_s = words.next().and_then(offset).ok_or("how far apart")?;
    }
    Ok((count, every_s))
}

/// How many values the longest `{...}` has.
pub fn expand_len(text: &str) -> usize {
    let parts = text.split('{').skip(1).filter_map(|part| part.split_once('}'));
    parts.filter_map(|(part, _)| values(part)).map(|all| all.len()).max().unwrap_or(1)
}

/// `1..250` or `a,b,c`; other braces are text.
fn values(part: &str) -> Option<Vec<String>> {
    if let Some((from, to)) = part.split_once("..") {
        let (from, to) = (from.parse::<u32>().ok()?, to.parse::<u32>().ok()?);
        return Some((from..=to).map(|number| number.to_string()).collect());
    }
    part.contains(',').then(|| part.split(',').map(String::from).collect())
}

/// Puts the turn's value in the place of each `{...}`, and the number in that of `{#}`.
pub fn expand(text: &str, turn: usize, number: usize) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        result.push_str(before);
        rest = match behind.split_once('}') {
            Some(("#", after)) => {
                result.push_str(&number.to_string());
                after
            }
            Some((part, after)) if values(part).is_some() => {
                let all = values(part).unwrap_or_default();
                result.push_str(&all[turn % all.len()]);
                after
            }
            _ => {
                result.push('{');
                behind
            }
        };
    }
    result + rest
}
