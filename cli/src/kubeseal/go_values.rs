//! Values of flags as Go's flag libraries read them, with their words for those that make no sense.

/// A boolean of upstream's own.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    parse_bool(text).ok_or_else(|| wrong("ParseBool", text))
}

/// A boolean of the logging library.
pub(super) fn logging_boolean(text: &str) -> Result<bool, &'static str> {
    parse_bool(text).ok_or("parse error")
}

fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// How much is logged.
pub(super) fn level(text: &str) -> Result<String, String> {
    text.parse::<i32>()
        .map(|_| text.to_owned())
        .map_err(|_| wrong("ParseInt", text))
}

/// A severity by name or number.
pub(super) fn severity(text: &str) -> Result<String, String> {
    let names = ["INFO", "WARNING", "ERROR", "FATAL"];
    if names.contains(&text.to_uppercase().as_str()) {
        return Ok(text.to_owned());
    }
    level(text)
}

/// A size in megabytes.
pub(super) fn size(text: &str) -> Result<String, &'static str> {
    text.parse::<u64>()
        .map(|_| text.to_owned())
        .map_err(|_| "parse error")
}

/// `file=2,other=3`.
pub(super) fn modules(text: &str) -> Result<String, &'static str> {
    let fits = |pattern: &str| {
        let pair = pattern.split_once('=');
        pair.is_some_and(|(file, level)| !file.is_empty() && level.parse::<u32>().is_ok())
    };
    if text.split(',').filter(|one| !one.is_empty()).all(fits) {
        return Ok(text.to_owned());
    }
    Err("syntax error: expect comma-separated list of filename=N")
}

/// `file.go:234`, or nothing.
pub(super) fn location(text: &str) -> Result<String, &'static str> {
    let fits = text.split_once(':').is_some_and(|(file, line)| {
        file.contains('.') && line.parse::<u32>().is_ok_and(|line| line > 0)
    });
    if text.is_empty() || fits {
        return Ok(text.to_owned());
    }
    Err("syntax error: expect file.go:234")
}

fn wrong(function: &str, text: &str) -> String {
    format!("strconv.{function}: parsing \"{text}\": invalid syntax")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_the_logging_library_are_judged_as_it_does() {
        assert!(level("9").is_ok() && level("-1").is_ok() && level("x").is_err());
        assert!(severity("warning").is_ok() && severity("2").is_ok() && severity("LOUD").is_err());
        assert!(size("0").is_ok() && size("-1").is_err());
        assert!(modules("").is_ok() && modules("a=1,b=2").is_ok() && modules("a").is_err());
        assert!(location("").is_ok() && location("a.go:1").is_ok() && location("a:1").is_err());
    }
}
