use kube::core::Status;
use kube::core::response::{StatusCause, StatusDetails};

use super::*;

#[test]
fn failures_are_sorted_by_code_and_reason_and_their_text_is_dropped() {
    let failure = |code: u16, reason: &str| {
        let status = Status::failure("canary-text", reason).with_code(code);
        ApiFailure::of(&kube::Error::Api(status.boxed()))
    };
    let table = [
        (failure(409, "AlreadyExists"), ApiFailure::AlreadyExists),
        (failure(409, "Conflict"), ApiFailure::Conflict),
        (failure(404, "NotFound"), ApiFailure::NotFound),
        (
            failure(422, "Invalid"),
            ApiFailure::Refused("422 Invalid".to_owned()),
        ),
        (failure(400, ""), ApiFailure::Refused("400 ".to_owned())),
        (failure(413, "RequestEntityTooLarge"), ApiFailure::TooLarge),
        (
            failure(403, "Forbidden"),
            ApiFailure::Refused("403 Forbidden".to_owned()),
        ),
        (
            failure(403, "the value hunter2 is weak"),
            ApiFailure::Refused("403 ".to_owned()),
        ),
        (
            failure(429, "TooManyRequests"),
            ApiFailure::unanswered("429 TooManyRequests"),
        ),
        (
            failure(500, "InternalError"),
            ApiFailure::unanswered("500 InternalError"),
        ),
    ];
    for (found, expected) in table {
        assert_eq!(found, expected);
        assert!(!found.to_string().contains("canary"));
    }
}

#[test]
fn what_etcd_finds_too_large_is_no_outage() {
    for (text, expected) in [
        ("etcdserver: request is too large", ApiFailure::TooLarge),
        (
            "rpc error: code = ResourceExhausted desc = trying to send message larger than max (2097252 vs. 2097152)",
            ApiFailure::TooLarge,
        ),
        (
            "etcdserver: request timed out",
            ApiFailure::unanswered("500 "),
        ),
    ] {
        let status = Status::failure(text, "").with_code(500);
        let found = ApiFailure::of(&kube::Error::Api(status.boxed()));
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn only_a_refusal_that_names_fields_is_about_the_content() {
    let failure = |fields: &[&str]| {
        let causes = fields.iter().map(|field| StatusCause {
            reason: String::new(),
            message: "canary-text".to_owned(),
            field: (*field).to_owned(),
        });
        let details = StatusDetails {
            name: String::new(),
            group: String::new(),
            kind: String::new(),
            uid: String::new(),
            causes: causes.collect(),
            retry_after_seconds: 0,
        };
        let status = Status::failure("canary-text", "Invalid")
            .with_code(422)
            .with_details(details);
        ApiFailure::of(&kube::Error::Api(status.boxed()))
    };
    let shown = "422 Invalid".to_owned();
    let named = |fields: &str| ApiFailure::Invalid(format!("{shown}: {fields}"));
    assert_eq!(failure(&["data"]), named("data"));
    let several = ["type", "data[.dockerconfigjson]"];
    assert_eq!(failure(&several), named("data[.dockerconfigjson], type"));
    // What no Secret has is not repeated.
    let foreign = ApiFailure::Invalid(shown.clone());
    assert_eq!(failure(&["spec.hunter2"]), foreign);
    assert_eq!(failure(&["data", ""]), ApiFailure::Refused(shown.clone()));
    assert_eq!(failure(&[]), ApiFailure::Refused(shown));
}
