//! The conversation with the authority: account, order, proof, certificate.

use crate::challenge::Answers;
use crate::kept::{Issued, Kept};
use crate::{AcmeError, Request};
use event::Text;
use instant_acme::{
    Account, AccountBuilder, AuthorizationStatus, ChallengeType, Error, Identifier, NewAccount,
    NewOrder, Order, OrderStatus, Problem, RetryPolicy,
};
use std::time::Duration;

/// How long the authority may take to look, and again to sign.
const PATIENCE: RetryPolicy =
    RetryPolicy::new().initial_delay(Duration::from_millis(500)).timeout(Duration::from_secs(120));
/// The problem of an account that the authority does not know, or not any more.
const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// A certificate and its key, as the authority gave it.
pub async fn issued(
    request: &Request,
    kept: &Kept,
    answers: &Answers,
) -> Result<Issued, AcmeError> {
    let told = |error: Error| refused(request, &error);
    let mut order = ordered(request, kept).await?;
    prove(request, &mut order, answers).await?;
    let status = order.poll_ready(&PATIENCE).await;
    if !matches!(status, Ok(OrderStatus::Ready)) {
        return Err(why_not(request, &mut order, status.err()).await);
    }
    let key = order.finalize().await.map_err(told)?;
    let chain = order.poll_certificate(&PATIENCE).await.map_err(told)?;
    Ok(Issued { chain, key })
}

/// An order by the account that is kept, or by a new one.
async fn ordered(request: &Request, kept: &Kept) -> Result<Order, AcmeError> {
    let told = |error: Error| refused(request, &error);
    if let Some(credentials) = kept.account(&request.directory)? {
        let account = builder(request)?.from_credentials(credentials).await.map_err(told)?;
        match order_by(request, &account).await {
            // A test authority forgets its accounts.
            Err(Error::Api(problem)) if problem.r#type.as_deref() == Some(NO_ACCOUNT) => {}
            order => return order.map_err(told),
        }
    }
    let mailto = request.email.as_ref().map(|email| format!("mailto:{email}"));
    let contact: Vec<&str> = mailto.as_deref().into_iter().collect();
    // A person agreed by naming the directory.
    let account = NewAccount {
        contact: &contact,
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let created = builder(request)?.create(&account, request.directory.clone(), None).await;
    let (account, credentials) = created.map_err(told)?;
    kept.put_account(&request.directory, &credentials)?;
    order_by(request, &account).await.map_err(told)
}

async fn order_by(request: &Request, account: &Account) -> Result<Order, Error> {
    let names: Vec<Identifier> = request.names.iter().cloned().map(Identifier::Dns).collect();
    account.new_order(&NewOrder::new(&names)).await
}

fn builder(request: &Request) -> Result<AccountBuilder, AcmeError> {
    match &request.signed_by {
        Some(path) => Account::builder_with_root(path).map_err(|error| AcmeError::File {
            path: path.clone(),
            error: std::io::Error::other(with_causes(&error)),
        }),
        None => Account::builder().map_err(|error| refused(request, &error)),
    }
}

/// Has the answers ready, and says so.
async fn prove(request: &Request, order: &mut Order, answers: &Answers) -> Result<(), AcmeError> {
    let told = |error: Error| refused(request, &error);
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(told)?;
        // What was proved a while ago need not be proved again.
        if authorization.status == AuthorizationStatus::Valid {
            continue;
        }
        let name = authorization.identifier().to_string();
        let Some(mut challenge) = authorization.challenge(ChallengeType::Http01) else {
            return Err(AcmeError::NoHttp01 { directory: request.directory.clone(), name });
        };
        answers.put(&challenge.token, challenge.key_authorization().as_str());
        challenge.set_ready().await.map_err(told)?;
    }
    Ok(())
}

/// What the authority says of the first name that is not proved, or else of the order.
async fn why_not(request: &Request, order: &mut Order, error: Option<Error>) -> AcmeError {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else { break };
        let mut problems = state.challenges.iter().filter_map(|challenge| challenge.error.as_ref());
        if let Some(problem) = problems.next() {
            let name = state.identifier().to_string();
            return AcmeError::NotProved { name, why: in_words(problem) };
        }
    }
    match error {
        Some(error) => refused(request, &error),
        None => AcmeError::Directory {
            directory: request.directory.clone(),
            why: "the order is invalid".to_owned(),
        },
    }
}

/// That there was no end.
pub fn slow(request: &Request) -> AcmeError {
    AcmeError::Slow { directory: request.directory.clone() }
}

fn refused(request: &Request, error: &Error) -> AcmeError {
    let why = match error {
        Error::Api(problem) => in_words(problem),
        Error::Timeout(_) => return slow(request),
        error => with_causes(error),
    };
    AcmeError::Directory { directory: request.directory.clone(), why }
}

/// What the authority says, in its words; without what could reach a terminal.
fn in_words(problem: &Problem) -> String {
    let told = problem.detail.as_ref().or(problem.r#type.as_ref());
    let more = problem.subproblems.iter().filter_map(|problem| problem.detail.as_ref());
    let all: Vec<String> =
        told.into_iter().chain(more).map(|text| Text(text.as_bytes()).to_string()).collect();
    match all.is_empty() {
        true => "it refuses, and does not say why".to_owned(),
        false => all.join("; "),
    }
}

/// "client error" alone helps nobody.
fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
