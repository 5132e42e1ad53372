//! A table over every plan: what is wanted, what is there, what follows.

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use signet_common::Plaintext;
use signet_crds::{SealedSecretSpec, assemble};

use super::*;

const UID: &str = "11111111-1111-1111-1111-111111111111";
const DEAD: &str = "22222222-2222-2222-2222-222222222222";

fn policy() -> Policy {
    Policy {
        repair: Repair::On,
        allow_sealed_keys: false,
        forbidden_types: vec!["kubernetes.io/service-account-token".to_owned()],
        key_namespace: "kube-system".to_owned(),
        key_prefix: "sealed-secrets-key".to_owned(),
        skip_recreate: false,
        v1_data: V1Data::Accepted,
        templates: Options::default(),
    }
}

fn texts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

fn sealed() -> SealedSecret {
    let metadata = ObjectMeta {
        namespace: Some("ns".to_owned()),
        name: Some("db".to_owned()),
        uid: Some(UID.to_owned()),
        ..ObjectMeta::default()
    };
    let mut spec = SealedSecretSpec::default();
    spec.template.metadata.labels = texts(&[("app", "shop")]);
    SealedSecret::new(metadata, spec)
}

fn wanted(sealed: &SealedSecret) -> DesiredSecret {
    let data = BTreeMap::from([("password".to_owned(), Plaintext::new(b"new".to_vec()))]);
    let mut rng = rand::rng();
    let mut env = signet_templates::Env::new(jiff::Timestamp::UNIX_EPOCH, &mut rng);
    let options = Options::default();
    assemble(sealed, data, options, &mut env).expect("a plain template")
}

/// The Secret as it is after `wanted` was written.
fn written(sealed: &SealedSecret) -> Secret {
    let mut secret = wanted(sealed).to_secret();
    secret.type_ = Some("Opaque".to_owned());
    secret.metadata.uid = Some("99999999-9999-9999-9999-999999999999".to_owned());
    secret.metadata.resource_version = Some("7".to_owned());
    secret
}

fn decide(policy: &Policy, existing: Option<&Secret>, cause: Cause) -> Plan {
    let sealed = sealed();
    plan(policy, &sealed, &wanted(&sealed), existing, cause)
}

fn replaced(plan: Plan) -> (Secret, bool) {
    match plan {
        Plan::Replace { secret, repair } => (*secret, repair),
        Plan::Create(_) => panic!("expected a replacement, got a creation"),
        Plan::Keep => panic!("expected a replacement, got nothing"),
        Plan::Refuse(refusal) => panic!("expected a replacement, got {refusal:?}"),
    }
}

fn refused(plan: Plan) -> Reason {
    match plan {
        Plan::Refuse(refusal) => refusal.reason,
        _ => panic!("expected a refusal"),
    }
}

fn password(secret: &Secret) -> Vec<u8> {
    secret
        .data
        .as_ref()
        .and_then(|data| data.get("password"))
        .map(|value| value.0.clone())
        .unwrap_or_default()
}

fn changed(change: impl FnOnce(&mut Secret)) -> Secret {
    let mut secret = written(&sealed());
    change(&mut secret);
    secret
}

fn with_password(bytes: &[u8]) -> impl FnOnce(&mut Secret) + '_ {
    |secret| {
        secret.data = Some(BTreeMap::from([(
            "password".to_owned(),
            ByteString(bytes.to_vec()),
        )]));
    }
}

fn annotate(secret: &mut Secret, name: &str) {
    secret
        .metadata
        .annotations
        .get_or_insert_default()
        .insert(name.to_owned(), "true".to_owned());
}

#[test]
fn a_missing_secret_is_created_and_owned() {
    let Plan::Create(secret) = decide(&policy(), None, Cause::Changed) else {
        panic!("not created")
    };
    let owner = &secret.metadata.owner_references.as_ref().expect("owned")[0];
    assert_eq!(
        (
            owner.uid.as_str(),
            owner.controller,
            owner.block_owner_deletion
        ),
        (UID, Some(true), None)
    );
    assert_eq!(password(&secret), b"new");
}

#[test]
fn a_right_secret_is_kept_whatever_the_cause() {
    let right = written(&sealed());
    for cause in [Cause::Changed, Cause::Unchanged] {
        assert!(matches!(decide(&policy(), Some(&right), cause), Plan::Keep));
    }
}

#[test]
fn a_replacement_carries_the_version_that_was_read() {
    let old = changed(with_password(b"old"));
    let (secret, repair) = replaced(decide(&policy(), Some(&old), Cause::Changed));
    assert_eq!(password(&secret), b"new");
    assert_eq!(
        secret.metadata.resource_version,
        old.metadata.resource_version
    );
    assert_eq!(secret.metadata.uid, old.metadata.uid);
    assert!(!repair);
}

#[test]
fn each_kind_of_drift_is_repaired() {
    let drifts = [
        changed(with_password(b"edited")),
        changed(|secret| secret.data = None),
        changed(|secret| secret.metadata.labels = None),
        changed(|secret| secret.metadata.labels = Some(texts(&[("app", "other")]))),
        changed(|secret| {
            secret.metadata.owner_references = None;
            annotate(secret, MANAGED);
        }),
    ];
    for drifted in drifts {
        let (secret, repair) = replaced(decide(&policy(), Some(&drifted), Cause::Unchanged));
        assert!(repair);
        assert_eq!(password(&secret), b"new");
        assert_eq!(secret.metadata.labels, Some(texts(&[("app", "shop")])));
        assert_eq!(
            secret.metadata.owner_references.as_ref().map(Vec::len),
            Some(1)
        );
    }
}

#[test]
fn labels_and_annotations_of_others_stay_on_repair_and_go_when_the_object_changed() {
    let drifted = changed(|secret| {
        with_password(b"edited")(secret);
        secret.metadata.labels = Some(texts(&[("app", "shop"), ("theirs", "1")]));
        secret.metadata.annotations = Some(texts(&[("theirs", "2")]));
    });
    let (repaired, _) = replaced(decide(&policy(), Some(&drifted), Cause::Unchanged));
    assert_eq!(
        repaired.metadata.labels,
        Some(texts(&[("app", "shop"), ("theirs", "1")]))
    );
    assert_eq!(
        repaired.metadata.annotations,
        Some(texts(&[("theirs", "2")]))
    );
    let (renewed, _) = replaced(decide(&policy(), Some(&drifted), Cause::Changed));
    assert_eq!(renewed.metadata.labels, Some(texts(&[("app", "shop")])));
    assert_eq!(renewed.metadata.annotations, None);
}

#[test]
fn finalizers_of_an_existing_secret_stay() {
    let drifted = changed(|secret| {
        with_password(b"edited")(secret);
        secret.metadata.finalizers = Some(vec!["theirs".to_owned()]);
    });
    for cause in [Cause::Changed, Cause::Unchanged] {
        let (secret, _) = replaced(decide(&policy(), Some(&drifted), cause));
        assert_eq!(secret.metadata.finalizers, Some(vec!["theirs".to_owned()]));
    }
}

#[test]
fn repair_modes_report_or_look_away_but_a_changed_object_is_always_written() {
    let drifted = changed(with_password(b"edited"));
    let mode = |repair| Policy { repair, ..policy() };
    assert_eq!(
        refused(decide(
            &mode(Repair::Report),
            Some(&drifted),
            Cause::Unchanged
        )),
        Reason::Drifted
    );
    assert!(matches!(
        decide(&mode(Repair::Off), Some(&drifted), Cause::Unchanged),
        Plan::Keep
    ));
    for repair in [Repair::Report, Repair::Off] {
        replaced(decide(&mode(repair), Some(&drifted), Cause::Changed));
    }
}

#[test]
fn a_deleted_secret_is_made_again_unless_the_flag_says_otherwise() {
    let skip = Policy {
        skip_recreate: true,
        ..policy()
    };
    let quiet = Policy {
        repair: Repair::Off,
        ..skip.clone()
    };
    let table = [
        (&policy(), Cause::Unchanged, "create"),
        (&skip, Cause::Changed, "create"),
        (&skip, Cause::Unchanged, "refuse"),
        (&quiet, Cause::Changed, "create"),
        (&quiet, Cause::Unchanged, "keep"),
    ];
    for (policy, cause, expected) in table {
        let found = match decide(policy, None, cause) {
            Plan::Create(_) => "create",
            Plan::Refuse(refusal) if refusal.reason == Reason::Drifted => "refuse",
            Plan::Keep => "keep",
            _ => "something else",
        };
        assert_eq!(found, expected, "{policy:?} {cause:?}");
    }
}

fn owned_by(api_version: &str, kind: &str, name: &str, uid: &str) -> Secret {
    changed(|secret| {
        with_password(b"old")(secret);
        secret.metadata.owner_references = Some(vec![OwnerReference {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
            uid: uid.to_owned(),
            controller: Some(true),
            block_owner_deletion: None,
        }]);
    })
}

#[test]
fn ownership_is_by_group_kind_and_name_whose_other_uids_are_dead() {
    let ours = [
        owned_by("bitnami.com/v1alpha1", "SealedSecret", "db", UID),
        owned_by("bitnami.com/v1alpha1", "SealedSecret", "db", DEAD),
        owned_by("bitnami.com/v1", "SealedSecret", "db", DEAD),
    ];
    for existing in ours {
        let (secret, _) = replaced(decide(&policy(), Some(&existing), Cause::Changed));
        assert_eq!(
            secret.metadata.owner_references.as_ref().expect("owned")[0].uid,
            UID
        );
    }
    let foreign = [
        owned_by("bitnami.com/v1alpha1", "SealedSecret", "other", DEAD),
        owned_by("example.com/v1", "SealedSecret", "db", UID),
        owned_by("bitnami.com/v1alpha1", "Database", "db", UID),
        changed(|secret| secret.metadata.owner_references = None),
        changed(|secret| {
            let owners = secret.metadata.owner_references.get_or_insert_default();
            owners.iter_mut().for_each(|owner| owner.controller = None);
        }),
    ];
    for existing in foreign {
        assert_eq!(
            refused(decide(&policy(), Some(&existing), Cause::Changed)),
            Reason::NotManaged
        );
    }
}

#[test]
fn managed_takes_over_and_skip_owner_is_written_without_an_owner() {
    let managed = changed(|secret| {
        with_password(b"old")(secret);
        secret.metadata.owner_references = None;
        annotate(secret, MANAGED);
    });
    let (secret, _) = replaced(decide(&policy(), Some(&managed), Cause::Changed));
    assert_eq!(secret.metadata.annotations, None);
    assert_eq!(
        secret.metadata.owner_references.as_ref().expect("owned")[0].uid,
        UID
    );

    let mut sealed = sealed();
    sealed.spec.template.metadata.annotations = texts(&[(SKIP_SET_OWNER_REFERENCES, "true")]);
    let desired = wanted(&sealed);
    let Plan::Create(created) = plan(&policy(), &sealed, &desired, None, Cause::Changed) else {
        panic!("not created")
    };
    assert_eq!(created.metadata.owner_references, None);
    let mut live = *created;
    with_password(b"old")(&mut live);
    live.type_ = Some("Opaque".to_owned());
    let (secret, _) = replaced(plan(
        &policy(),
        &sealed,
        &desired,
        Some(&live),
        Cause::Changed,
    ));
    assert_eq!(secret.metadata.owner_references, None);
}

#[test]
fn patch_merges_ours_over_theirs_and_never_the_names_that_steer_us() {
    let mut sealed = sealed();
    sealed.spec.template.metadata.annotations =
        texts(&[(MANAGED, "true"), ("signet.internal/x", "1"), ("mine", "2")]);
    let desired = wanted(&sealed);
    let mut live = changed(|secret| {
        secret.data = Some(BTreeMap::from([(
            "theirs".to_owned(),
            ByteString(b"x".to_vec()),
        )]));
        secret.metadata.labels = Some(texts(&[("theirs", "1")]));
        secret.metadata.owner_references = None;
        annotate(secret, PATCH);
    });
    let (secret, _) = replaced(plan(
        &policy(),
        &sealed,
        &desired,
        Some(&live),
        Cause::Changed,
    ));
    assert_eq!(
        secret.metadata.annotations,
        Some(texts(&[(PATCH, "true"), ("mine", "2")]))
    );
    assert_eq!(
        secret.metadata.labels,
        Some(texts(&[("theirs", "1"), ("app", "shop")]))
    );
    assert_eq!(secret.data.as_ref().map(BTreeMap::len), Some(2));
    assert_eq!(secret.metadata.owner_references, None);
    annotate(&mut live, MANAGED);
    let (secret, _) = replaced(plan(
        &policy(),
        &sealed,
        &desired,
        Some(&live),
        Cause::Changed,
    ));
    assert_eq!(
        secret.metadata.owner_references.as_ref().expect("owned")[0].uid,
        UID
    );
}

#[test]
fn an_immutable_secret_is_never_written_with_other_data_but_may_get_labels() {
    let frozen = changed(|secret| {
        with_password(b"old")(secret);
        secret.immutable = Some(true);
    });
    assert_eq!(
        refused(decide(&policy(), Some(&frozen), Cause::Changed)),
        Reason::Immutable
    );
    let unlabelled = changed(|secret| {
        secret.immutable = Some(true);
        secret.metadata.labels = None;
    });
    let (secret, _) = replaced(decide(&policy(), Some(&unlabelled), Cause::Unchanged));
    assert_eq!(secret.immutable, Some(true));
}

#[test]
fn a_type_is_kept_when_the_template_has_none_and_refused_when_it_differs() {
    let typed = changed(|secret| {
        with_password(b"old")(secret);
        secret.type_ = Some("example.com/x".to_owned());
    });
    let (secret, _) = replaced(decide(&policy(), Some(&typed), Cause::Changed));
    assert_eq!(secret.type_.as_deref(), Some("example.com/x"));
    let mut sealed = sealed();
    sealed.spec.template.secret_type = Some("example.com/y".to_owned());
    assert_eq!(
        refused(plan(
            &policy(),
            &sealed,
            &wanted(&sealed),
            Some(&typed),
            Cause::Changed
        )),
        Reason::Immutable
    );
}

#[test]
fn secrets_that_grant_rights_are_refused_on_the_final_secret() {
    let refuse = |change: fn(&mut SealedSecret), policy: &Policy| {
        let mut sealed = sealed();
        change(&mut sealed);
        plan(policy, &sealed, &wanted(&sealed), None, Cause::Changed)
    };
    let label: fn(&mut SealedSecret) = |sealed| {
        sealed.spec.template.metadata.labels = texts(&[(KEY_LABEL, "retired")]);
    };
    let legacy: fn(&mut SealedSecret) = |sealed| {
        sealed.metadata.name = Some("sealed-secrets-key".to_owned());
        sealed.metadata.namespace = Some("kube-system".to_owned());
    };
    let token: fn(&mut SealedSecret) = |sealed| {
        sealed.spec.template.secret_type = Some("kubernetes.io/service-account-token".to_owned());
    };
    assert_eq!(refused(refuse(label, &policy())), Reason::SealingKeyRefused);
    assert_eq!(
        refused(refuse(legacy, &policy())),
        Reason::SealingKeyRefused
    );
    assert_eq!(refused(refuse(token, &policy())), Reason::TypeRefused);
    let trusting = Policy {
        allow_sealed_keys: true,
        forbidden_types: Vec::new(),
        ..policy()
    };
    assert!(matches!(refuse(token, &trusting), Plan::Create(_)));
    let root: fn(&mut SealedSecret) = |sealed| {
        sealed.metadata.name = Some("signet-root".to_owned());
        sealed.metadata.namespace = Some("kube-system".to_owned());
    };
    assert_eq!(refused(refuse(root, &trusting)), Reason::SealingKeyRefused);
    // What is allowed never becomes the key that everybody seals to, whatever its template says.
    let sly: fn(&mut SealedSecret) = |sealed| {
        let metadata = &mut sealed.spec.template.metadata;
        metadata.labels = texts(&[(KEY_LABEL, "active")]);
        metadata.annotations = texts(&[
            (SKIP_SET_OWNER_REFERENCES, "true"),
            ("signet.internal/seal", "always"),
        ]);
    };
    for change in [label, legacy, sly] {
        let Plan::Create(secret) = refuse(change, &trusting) else {
            panic!("it is refused");
        };
        assert!(crate::keys::only_decrypts(&secret));
        let annotations = secret.metadata.annotations.as_ref().expect("annotations");
        assert_eq!(annotations["signet.internal/seal"], "never");
    }
    // A patch that would leave the label in place is judged on what it would write.
    let live = changed(|secret| {
        secret.metadata.labels = Some(texts(&[(KEY_LABEL, "active")]));
        annotate(secret, PATCH);
        with_password(b"old")(secret);
    });
    assert_eq!(
        refused(decide(&policy(), Some(&live), Cause::Changed)),
        Reason::SealingKeyRefused
    );
    // Nor does a patch make another key of the Secret of one that seals.
    let Plan::Replace { secret, .. } = decide(&trusting, Some(&live), Cause::Changed) else {
        panic!("it is refused");
    };
    assert!(crate::keys::only_decrypts(&secret));
}
