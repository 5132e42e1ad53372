use super::*;

#[test]
fn unquoted_scalars_are_read_as_go_reads_them() {
    let table = [
        ("5432", "5432"),
        ("-1", "-1"),
        ("017", "15"),
        ("0o17", "15"),
        ("0x1F", "31"),
        ("0b101", "5"),
        ("0b-101", "-5"),
        ("08", "8"),
        ("1_000", "1000"),
        ("+5", "5"),
        ("-0", "0"),
        ("18446744073709551615", "18446744073709551615"),
        ("18446744073709551616", "1.8446744e+19"),
        ("+18446744073709551615", "1.8446744e+19"),
        ("1.0", "1"),
        ("1.5", "1.5"),
        (".5", "0.5"),
        ("3.141592653589793", "3.1415927"),
        ("123456.5", "123456.5"),
        ("1234567.5", "1.2345675e+06"),
        ("0.0001", "0.0001"),
        ("0.00001", "1e-05"),
        ("1e3", "1000"),
        ("62e12", "6.2e+13"),
        ("62e1234", "62e1234"),
        ("-0.0", "-0"),
        ("true", "true"),
        ("yes", "true"),
        ("N", "false"),
        (".inf", "+Inf"),
        (".NaN", "NaN"),
        ("~", ""),
        ("2001-01-01", "2001-01-01"),
        ("1.2.3", "1.2.3"),
        ("1e", "1e"),
        ("0x", "0x"),
        ("_1", "_1"),
        ("<<", "<<"),
        ("yEs", "yEs"),
        ("190:20:30", "190:20:30"),
    ];
    for (plain, text) in table {
        assert_eq!(resolve(plain).go_text(), text, "{plain}");
    }
}

#[test]
fn item_names_are_read_as_go_reads_them_whatever_their_spelling() {
    let table = [
        ("8080", Some("8080")),
        ("\"8080\"", Some("8080")),
        ("on", Some("true")),
        ("'on'", Some("on")),
        ("!!str on", Some("on")),
        ("y", Some("true")),
        ("No", Some("false")),
        ("1.0", Some("1")),
        ("017", Some("15")),
        ("\"a\\u0062\"", Some("ab")),
        ("user.name", Some("user.name")),
        (".inf", Some(".inf")),
        ("null", None),
        ("~", None),
        ("18446744073709551615", None),
        ("[a]", None),
        ("", None),
    ];
    for (spelling, name) in table {
        assert_eq!(key_name(spelling).as_deref(), name, "{spelling}");
    }
}
