//! Secrets: made from the kernel's random numbers, kept as hashes, compared in constant time.

use super::AccessError;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use sha2::{Digest as _, Sha256};

/// Bytes of a token: nobody guesses 256 bits.
const TOKEN: usize = 32;
/// Bytes of the second factor's secret (RFC 4226, section 4: 160 bits).
const TOTP: usize = 20;
/// RFC 6238: seconds of a step, and steps that clocks may differ by.
const STEP_S: u64 = 30;
const DRIFT: u16 = 1;
/// Memory in KiB, passes, lanes: OWASP's password storage cheat sheet, Argon2id.
const COST: (u32, u32, u32) = (19_456, 2, 1);
/// The hash of a password that nobody has, so that an unknown name costs the same time.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$bWFpbHdhcmRtYWlsd2FyZA$\
                      AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn random<const N: usize>() -> Result<[u8; N], AccessError> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        filled += rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty())
            .map_err(|error| AccessError::System(format!("random numbers: {error}")))?;
    }
    Ok(bytes)
}

/// A new token, as it stands in a cookie or URL.
pub fn token() -> Result<String, AccessError> {
    Ok(BASE64URL_NOPAD.encode(&random::<TOKEN>()?))
}

/// What is kept of a token: it has more entropy than the hash, so it needs no salt.
pub fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Bytes that follow from a secret and words, and that nobody can make without it.
#[cfg(feature = "passkeys")]
pub fn derived(secret: &[u8], what: &str, of: &str) -> [u8; 32] {
    // Twice, so that what is known of one text says nothing of a longer one.
    let once = Sha256::new().chain_update(secret).chain_update(what).chain_update([0]);
    let once = once.chain_update(of).finalize();
    Sha256::new().chain_update(secret).chain_update(once).finalize().into()
}

fn argon2() -> Result<Argon2<'static>, AccessError> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None)
        .map_err(|error| AccessError::System(error.to_string()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// What is kept of a password.
pub fn hashed(password: &str) -> Result<String, AccessError> {
    let salt = random::<16>()?;
    argon2()?
        .hash_password_with_salt(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(|error| AccessError::System(error.to_string()))
}

/// True where it is the password of this hash. Takes its time without one, too.
pub fn verify(password: &str, hash: Option<&str>) -> bool {
    let Ok(parsed) = PasswordHash::new(hash.unwrap_or(NOBODY)) else { return false };
    let Ok(argon2) = argon2() else { return false };
    argon2.verify_password(password.as_bytes(), &parsed).is_ok() && hash.is_some()
}

/// A new secret of a second factor.
pub fn totp() -> Result<Vec<u8>, AccessError> {
    random::<TOTP>().map(|bytes| bytes.to_vec())
}

/// As apps take it in by hand.
pub fn base32(secret: &[u8]) -> String {
    BASE32_NOPAD.encode(secret)
}

fn generator(secret: &[u8]) -> Option<totp_rs::Totp> {
    totp_rs::Builder::new()
        .with_algorithm(totp_rs::Algorithm::SHA1)
        .with_digits(6)
        .with_skew(DRIFT)
        .with_step_duration(STEP_S)
        .with_secret(secret.to_vec())
        .build()
        .ok()
}

/// The step of time for which this is the code (RFC 6238), where it is one.
pub fn step_of(secret: &[u8], code: &str, now_s: i64) -> Option<i64> {
    let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let step = generator(secret)?.check(&code, u64::try_from(now_s).ok()?)?;
    i64::try_from(step).ok()
}

/// The six digits of now, for tests.
#[cfg(test)]
pub fn code_at(secret: &[u8], now_s: i64) -> String {
    generator(secret).unwrap().generate(now_s.unsigned_abs()).to_string()
}

/// What an app reads: the key URI format that authenticator apps share.
pub fn uri(name: &str, base32: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("secret", base32).append_pair("issuer", "Mailward");
    let name: String = form_urlencoded::byte_serialize(name.as_bytes()).collect();
    format!("otpauth://totp/Mailward:{name}?{}", query.finish())
}
