//! Orders: a form with a reason, and what became of it. All of it is in the audit trail.

use crate::access::Operator;
use crate::app::{App, Trouble};
use crate::host::Order;
use askama::Template;
use axum::extract::State;
use axum::response::Redirect;
use event::{IncidentStep, Network, Subject};
use serde::Deserialize;
use std::net::IpAddr;

/// The longest reason, in bytes.
const REASON_MAX: usize = 1_000;

/// Who is only observed is so for this long, where nobody says how long.
const OBSERVED_S: u32 = 86_400;

/// Orders about a subject, as forms and programs name them.
const ABOUT_SUBJECTS: [&str; 6] = ["ban", "unban", "allow", "disallow", "observe", "open-incident"];

/// All orders by their names.
pub fn names() -> impl Iterator<Item = &'static str> {
    ABOUT_SUBJECTS.into_iter().chain(IncidentStep::ALL.map(IncidentStep::name))
}

/// A form about one subject.
#[derive(Template)]
#[template(path = "orders.html")]
pub struct Form {
    number: usize,
    subject: String,
    shown: String,
    orders: Vec<(&'static str, &'static str)>,
}

impl Form {
    /// Forms about these.
    pub fn about(subjects: &[Subject]) -> Vec<Form> {
        let form = |(number, subject): (usize, &Subject)| Form {
            number,
            subject: subject.to_string(),
            shown: subject.to_string(),
            orders: match subject.network() {
                Some(_) => vec![
                    ("ban", "Ban"),
                    ("unban", "Unban"),
                    ("allow", "Never ban"),
                    ("disallow", "Off the allowlist"),
                    ("observe", "Only observe"),
                    ("open-incident", "Open an incident"),
                ],
                None => vec![("unban", "End what holds"), ("open-incident", "Open an incident")],
            },
        };
        subjects.iter().enumerate().map(form).collect()
    }

    /// Forms about a client, and about the network around it: an IPv6 client has a /64 to itself.
    pub fn about_client(client: IpAddr) -> Vec<Form> {
        let around = Network::of(client, if client.is_ipv4() { 24 } else { 64 });
        Form::about(&[Subject::Client(client), Subject::Network(around)])
    }

    /// Its markup.
    pub fn html(&self) -> String {
        self.render().unwrap_or_default()
    }
}

/// What a form brings.
#[derive(Debug, Deserialize)]
pub struct Ordered {
    order: String,
    subject: String,
    reason: String,
    #[serde(default)]
    duration: String,
}

impl Ordered {
    /// Why.
    pub fn reason(&self) -> &str {
        self.reason.trim()
    }

    /// The order, where it makes sense.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn order(&self) -> Result<Order, Trouble> {
        if self.reason.trim().is_empty() {
            return Err(Trouble::Wrong(
                "An order wants a reason: go back and give one.".to_owned(),
            ));
        }
        if self.reason.len() > REASON_MAX {
            return Err(Trouble::Wrong(format!("The reason is longer than {REASON_MAX} bytes.")));
        }
        let duration_s = match self.duration.as_str() {
            "" => None,
            text => Some(text.parse().map_err(|_| {
                Trouble::Wrong("The duration is a number of seconds, or nothing.".to_owned())
            })?),
        };
        let (subject, network) = (self.subject.clone(), self.subject.clone());
        if let Some(step) = IncidentStep::ALL.into_iter().find(|step| step.name() == self.order) {
            let wrong = |_| Trouble::Wrong("An incident is named by its number.".to_owned());
            return Ok(Order::Incident { number: subject.parse().map_err(wrong)?, step });
        }
        match self.order.as_str() {
            "ban" => Ok(Order::Ban { subject, duration_s }),
            "unban" => Ok(Order::Unban { subject }),
            "allow" => Ok(Order::Allow { network, duration_s }),
            // What is found about who is allowed is told, and nothing is decided: never for ever.
            "observe" => {
                Ok(Order::Allow { network, duration_s: Some(duration_s.unwrap_or(OBSERVED_S)) })
            }
            "open-incident" => Ok(Order::OpenIncident { subject }),
            "disallow" => Ok(Order::Disallow { network }),
            other => Err(Trouble::Wrong(format!("There is no order {other}."))),
        }
    }
}

/// `POST /orders`
pub async fn order(
    State(app): State<App>,
    Operator(who): Operator,
    axum::Form(ordered): axum::Form<Ordered>,
) -> Result<Redirect, Trouble> {
    let order = ordered.order()?;
    let reason = ordered.reason().to_owned();
    let told = app.ask(move |host| host.order(&who.name, &reason, &order)).await?;
    let told = app.tell(told);
    Ok(Redirect::to(&super::url("/audit", "told", &told.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(order: &str, subject: &str, reason: &str) -> Result<Order, Trouble> {
        let [order, subject, reason] = [order, subject, reason].map(str::to_owned);
        Ordered { order, subject, reason, duration: String::new() }.order()
    }

    #[test]
    fn every_name_is_an_order_and_nothing_else_is() {
        for name in names() {
            assert!(ordered(name, "17", "seen").is_ok(), "{name}");
            assert!(ordered(name, "17", " ").is_err(), "{name} wants a reason");
        }
        assert!(ordered("bann", "17", "seen").is_err());
        assert!(ordered("resolve", "bob", "seen").is_err(), "no number");
        let observed = ordered("observe", "203.0.113.9", "seen").unwrap();
        let network = "203.0.113.9".to_owned();
        assert_eq!(
            observed,
            Order::Allow { network, duration_s: Some(OBSERVED_S) },
            "not for ever"
        );
    }
}
