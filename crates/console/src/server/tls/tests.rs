use super::*;

#[path = "../../../tests/support/certificate.rs"]
mod certificate;

fn make(files: &TlsFiles, days: u32) {
    certificate::make(&files.certificate, &files.key, "mail.example.org", days);
}

/// A pair in this directory, for the tests of others.
pub fn tls(dir: &Path) -> Tls {
    let files = files(dir);
    make(&files, 10);
    Tls::read(&files).unwrap()
}

fn files(dir: &Path) -> TlsFiles {
    let path = |name: &str| dir.join(name);
    TlsFiles { certificate: path("cert.pem"), key: path("key.pem") }
}

fn days_left(tls: &Tls) -> i64 {
    (tls.not_after_s().unwrap() - clock::now().seconds() + 3600) / 86_400
}

#[test]
fn a_pair_that_cannot_be_served_leaves_the_one_before_and_is_told_once() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path());
    assert!(Tls::read(&files).unwrap_err().to_string().contains("cert.pem: No such file"));
    make(&files, 10);
    let tls = Tls::read(&files).unwrap();
    let began = clock::monotonic();
    let after = |seconds: u64| began + Duration::from_secs(seconds);
    assert_eq!((tls.look(after(2)), tls.trouble(), days_left(&tls)), (None, None, 10));
    // A renewal that is half done is nobody's affair.
    let old_key = std::fs::read(&files.key).unwrap();
    make(&files, 20);
    let new_key = std::fs::read(&files.key).unwrap();
    std::fs::write(&files.key, &old_key).unwrap();
    assert_eq!(tls.look(after(4)), None);
    assert!(tls.trouble().is_some() && days_left(&tls) == 10);
    std::fs::write(&files.key, new_key).unwrap();
    assert_eq!((tls.look(after(6)), tls.trouble(), days_left(&tls)), (None, None, 20));
    // One that stays so is.
    std::fs::write(&files.key, old_key).unwrap();
    let told: Vec<String> = (8..200).step_by(2).filter_map(|at| tls.look(after(at))).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].contains("the certificate before is served, which is good until 20"),
        "{told:?}"
    );
    // Another failure is told for itself.
    std::fs::remove_file(&files.key).unwrap();
    let told: Vec<String> = (200..300).step_by(2).filter_map(|at| tls.look(after(at))).collect();
    assert!(told.len() == 1 && told[0].contains("key.pem: No such file"), "{told:?}");
    assert_eq!(days_left(&tls), 20);
    make(&files, 30);
    assert_eq!((tls.look(after(302)), tls.trouble(), days_left(&tls)), (None, None, 30));
}

#[test]
fn files_that_somebody_else_opened_are_taken() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path());
    make(&files, 10);
    let tls = Tls::read(&files).unwrap();
    make(&files, 20);
    tls.take(files.open());
    assert_eq!((tls.look(clock::monotonic()), days_left(&tls)), (None, 20));
    let rubbish = dir.path().join("rubbish");
    std::fs::write(&rubbish, "-----BEGIN").unwrap();
    let open = || File::open(&rubbish).unwrap();
    tls.take(Ok([open(), open()]));
    assert!(tls.trouble().is_some() && days_left(&tls) == 20);
    tls.take(Ok([File::open("/dev/zero").unwrap(), open()]));
    assert!(tls.trouble().is_some(), "what has no end ends");
    tls.take(Err(TlsError("key.pem: it is away".to_owned())));
    assert_eq!(tls.trouble().unwrap(), "key.pem: it is away");
}

#[test]
fn what_is_no_certificate_says_no_end() {
    assert_eq!(not_after_s(&CertificateDer::from(vec![0x30, 0x80])), None);
    assert_eq!(not_after_s(&CertificateDer::from(Vec::new())), None);
}
