//! An authenticator and the browser around it, as far as a server sees them: ES256, attestation
//! "none" (W3C Web Authentication, sections 6.1 and 6.5).

use data_encoding::BASE64URL_NOPAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// One passkey.
pub struct Authenticator {
    pub id: Vec<u8>,
    /// Whose it says it is.
    pub handle: Option<Vec<u8>>,
    /// Whether it asks for a finger or a PIN.
    pub is_verifying: bool,
    pair: EcdsaKeyPair,
    pkcs8: Vec<u8>,
    counter: u32,
}

fn pair(pkcs8: &[u8]) -> EcdsaKeyPair {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8, &SystemRandom::new()).unwrap()
}

fn client_data(kind: &str, options: &Value, origin: &str) -> Vec<u8> {
    let challenge = &options["challenge"];
    json!({ "type": kind, "challenge": challenge, "origin": origin, "crossOrigin": false })
        .to_string()
        .into_bytes()
}

/// Authenticator data without what is attested.
fn data(rp_id: &str, flags: u8, counter: u32) -> Vec<u8> {
    [&Sha256::digest(rp_id)[..], &[flags], &counter.to_be_bytes()].concat()
}

impl Authenticator {
    /// Makes one, and what the browser sends of it.
    pub fn register(options: &Value, origin: &str) -> (Authenticator, String) {
        let random = SystemRandom::new();
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pkcs8 = pkcs8.as_ref().to_vec();
        let pair = pair(&pkcs8);
        let id = Sha256::digest(&pkcs8)[..20].to_vec();
        let handle = options["user"]["id"].as_str().unwrap();
        let handle = BASE64URL_NOPAD.decode(handle.as_bytes()).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        // COSE (RFC 9053): EC2, ES256, P-256.
        let key =
            [&b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"[..], x, b"\x22\x58\x20", y].concat();
        let attested = [&[0; 16][..], &[0, 20], &id, &key].concat();
        // Present, verified, attested.
        let data = [data(options["rp"]["id"].as_str().unwrap(), 0x45, 0), attested].concat();
        let head = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58";
        let object = [&head[..], &[u8::try_from(data.len()).unwrap()], &data].concat();
        let client = client_data("webauthn.create", options, origin);
        let sent = json!({
            "id": BASE64URL_NOPAD.encode(&id), "rawId": BASE64URL_NOPAD.encode(&id), "type": "public-key",
            "response": {
                "attestationObject": BASE64URL_NOPAD.encode(&object),
                "clientDataJSON": BASE64URL_NOPAD.encode(&client),
                "transports": ["internal"],
            },
            "clientExtensionResults": {},
        });
        let handle = Some(handle);
        let made = Authenticator { id, handle, is_verifying: true, pair, pkcs8, counter: 0 };
        (made, sent.to_string())
    }

    /// The same key in other hands.
    pub fn copied(&self) -> Authenticator {
        Authenticator {
            id: self.id.clone(),
            handle: self.handle.clone(),
            is_verifying: self.is_verifying,
            pair: pair(&self.pkcs8),
            pkcs8: self.pkcs8.clone(),
            counter: self.counter,
        }
    }

    /// What the browser sends to sign in.
    pub fn sign(&mut self, options: &Value, origin: &str) -> String {
        self.counter += 1;
        let flags = if self.is_verifying { 0x05 } else { 0x01 };
        let data = data(options["rpId"].as_str().unwrap(), flags, self.counter);
        let client = client_data("webauthn.get", options, origin);
        let signed = [&data[..], &Sha256::digest(&client)[..]].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap();
        let handle = self.handle.as_ref().map(|handle| BASE64URL_NOPAD.encode(handle));
        json!({
            "id": BASE64URL_NOPAD.encode(&self.id), "rawId": BASE64URL_NOPAD.encode(&self.id),
            "type": "public-key",
            "response": {
                "authenticatorData": BASE64URL_NOPAD.encode(&data),
                "clientDataJSON": BASE64URL_NOPAD.encode(&client),
                "signature": BASE64URL_NOPAD.encode(signature.as_ref()),
                "userHandle": handle,
            },
            "clientExtensionResults": {},
        })
        .to_string()
    }
}
