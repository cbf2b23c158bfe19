//! Lines as the common loggers write them.

use super::*;

#[test]
fn json_and_logfmt_lines_say_the_same() {
    let expected = Fields {
        time: Some("2026-11-05T10:00:01.5Z".parse().unwrap()),
        level: Some(Level::Error),
        logger: Some("shop".into()),
        message: "it \"broke\"".into(),
        trace: Some("Traceback\n  x".to_owned()),
        ..Fields::default()
    };
    let json = r#"{"time":"2026-11-05T10:00:01.5Z","level":"error","logger":"shop","msg":"it \"broke\"","exc_info":"Traceback\n  x"}"#;
    let logfmt =
        r#"time=2026-11-05T10:00:01.5Z level=error logger=shop msg="it \"broke\"" stack="Traceback\n  x""#;
    assert_eq!(parse(json).as_ref(), Some(&expected));
    assert_eq!(parse(logfmt).as_ref(), Some(&expected));
}

#[test]
fn a_stack_is_found_in_the_fields_that_loggers_use() {
    let expected = Some("Error: x\n    at f".to_owned());
    for fields in [
        r#""stack":"Error: x\n    at f""#,
        r#""err":{"type":"Error","stack":"Error: x\n    at f"}"#,
        r#""error":{"stack":"Error: x\n    at f"}"#,
        r#""error":"x","stacktrace":"Error: x\n    at f""#,
        r#""exception":{"stacktrace":"Error: x\n    at f"}"#,
        r#""exception.stacktrace":"Error: x\n    at f""#,
        r#""stack":["Error: x","    at f"]"#,
        r#""message":"Error: x\n    at f""#,
    ] {
        let line = format!("{{\"level\":\"error\",{fields}}}");
        assert_eq!(parse(&line).unwrap().trace, expected, "{line}");
    }
    for fields in [r#""stack":"one line""#, r#""stack":[1,2]"#, r#""stack":null"#] {
        let line = format!("{{\"level\":\"error\",{fields}}}");
        assert_eq!(parse(&line).unwrap().trace, None, "{line}");
    }
}

#[test]
fn a_stack_alone_gets_the_head_that_other_fields_name() {
    for (fields, expected) in [
        (
            r#""exception.type":"java.lang.Error","exception.message":"x","exception.stacktrace":"at a.B.c(D.java:1)\nat a.B.d(D.java:2)""#,
            "java.lang.Error: x\nat a.B.c(D.java:1)\nat a.B.d(D.java:2)",
        ),
        (
            r#""error":"cannot load","stacktrace":"main.load\n\t/srv/main.go:9\nmain.main\n\t/srv/main.go:3""#,
            "cannot load\nmain.load\n\t/srv/main.go:9\nmain.main\n\t/srv/main.go:3",
        ),
        (
            r#""exception":["KeyError","key not found: :a"],"backtrace":["app/a.rb:1:in `b'","app/a.rb:2:in `c'","app/a.rb:3:in `d'"]"#,
            "KeyError: key not found: :a\napp/a.rb:1:in `b'\napp/a.rb:2:in `c'\napp/a.rb:3:in `d'",
        ),
    ] {
        let line = format!("{{\"level\":\"error\",{fields}}}");
        let found = parse(&line).unwrap().trace.unwrap();
        assert_eq!(found, expected, "{line}");
        assert!(
            crate::trace::parse(&found)
                .is_some_and(|trace| trace.message.is_some() && trace.frames.len() >= 2)
        );
    }
}

#[test]
fn other_objects_and_deep_nesting_are_text() {
    assert_eq!(parse(r#"{"a": 1}"#), None);
    assert_eq!(parse("a=1 b=2"), None);
    assert_eq!(parse(&format!("{{\"level\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000))), None);
}

fn said(line: &str) -> (Option<&'static str>, String, String) {
    let header = parse(line).unwrap_or_else(|| panic!("no fields in {line}"));
    let time = header.time.map(|time| time.to_string()).unwrap_or_default();
    (
        header.level.map(Level::as_str),
        time,
        format!("{}|{}", header.logger.unwrap_or_default(), header.message),
    )
}

#[test]
fn the_fields_of_common_loggers_are_known() {
    let at = "2026-11-05T10:00:00Z";
    for (line, level, time, rest) in [
        (
            r#"{"@t":"2026-11-05T10:00:00Z","@l":"Error","@m":"it broke","SourceContext":"Acme.X"}"#,
            "error",
            at,
            "Acme.X|it broke",
        ),
        (
            r#"{"@timestamp":"2026-11-05T10:00:00Z","log.level":"error","log.logger":"x","message":"it broke"}"#,
            "error",
            at,
            "x|it broke",
        ),
        (
            r#"{"@timestamp":"2026-11-05T10:00:00Z","log":{"level":"warn","logger":"x"},"message":"slow"}"#,
            "warning",
            at,
            "x|slow",
        ),
        (
            r#"{"level":50,"time":1793872800000,"pid":1,"hostname":"a","name":"shop","msg":"it broke"}"#,
            "error",
            at,
            "shop|it broke",
        ),
        (
            r#"{"level":"error","ts":1793872800.0,"logger":"shop","caller":"a.go:1","msg":"it broke","error":"no room"}"#,
            "error",
            at,
            "shop|it broke: no room",
        ),
        (
            r#"{"time":"2026-11-05T10:00:00Z","level":"ERROR","msg":"it broke","err":"no room"}"#,
            "error",
            at,
            "|it broke: no room",
        ),
        (
            r#"{"event":"it broke","level":"error","timestamp":"2026-11-05T10:00:00Z","logger":"shop"}"#,
            "error",
            at,
            "shop|it broke",
        ),
        (
            r#"{"message":"it broke","context":{"exception":{"class":"RuntimeException","message":"no room"}},"level":400,"level_name":"ERROR","channel":"app","datetime":"2026-11-05T10:00:00+00:00"}"#,
            "error",
            at,
            "app|it broke: RuntimeException: no room",
        ),
        (
            r#"{"version":"1.1","host":"a","short_message":"it broke","timestamp":1793872800,"level":3}"#,
            "error",
            at,
            "|it broke",
        ),
        (
            r#"{"severity":"ERROR","timestamp":"2026-11-05T10:00:00Z","textPayload":"it broke"}"#,
            "error",
            at,
            "|it broke",
        ),
        (
            r#"{"severity":"ERROR","timestamp":"2026-11-05T10:00:00Z","jsonPayload":{"message":"it broke"}}"#,
            "error",
            at,
            "|it broke",
        ),
        (
            r#"{"timeUnixNano":"1793872800000000000","severityNumber":17,"body":{"stringValue":"it broke"}}"#,
            "error",
            at,
            "|it broke",
        ),
        (
            r#"{"timestamp":"2026-11-05T10:00:00Z","level":"ERROR","fields":{"message":"it broke"},"target":"shop::cart"}"#,
            "error",
            at,
            "shop::cart|it broke",
        ),
        (
            r#"{"t":{"$date":"2026-11-05T10:00:00.000+00:00"},"s":"E","c":"NETWORK","id":1,"ctx":"conn1","msg":"it broke"}"#,
            "error",
            at,
            "NETWORK|it broke",
        ),
        (
            r#"{"Timestamp":"2026-11-05T10:00:00Z","EventId":0,"LogLevel":"Error","Category":"Acme.X","Message":"it broke"}"#,
            "error",
            at,
            "Acme.X|it broke",
        ),
        (
            r#"{"timeMillis":1793872800000,"thread":"main","level":"ERROR","loggerName":"com.acme.X","message":"it broke","thrown":{"name":"java.io.IOException","message":"no room"}}"#,
            "error",
            at,
            "com.acme.X|it broke: java.io.IOException: no room",
        ),
        (
            r#"{"level":"error","message":"","error":{"type":"IOError","message":"no room"}}"#,
            "error",
            "",
            "|IOError: no room",
        ),
        (
            r#"{"errorType":"TypeError","errorMessage":"x is not a function","level":"ERROR"}"#,
            "error",
            "",
            "|TypeError: x is not a function",
        ),
        (
            "ts=2026-11-05T10:00:00Z caller=main.go:1 level=error msg=\"it broke\" err=\"no room\"",
            "error",
            at,
            "main.go:1|it broke: no room",
        ),
        (
            r#"{"level":"error","ts":1793872800.0,"logger":"http.log.access","msg":"handled request","request":{"method":"GET","uri":"/x?a=1"},"status":500}"#,
            "error",
            at,
            "http.log.access|GET /x 500",
        ),
        (
            r#"{"time_iso8601":"2026-11-05T10:00:00+00:00","status":"404","request":"GET /y HTTP/1.1"}"#,
            "warning",
            at,
            "|GET /y 404",
        ),
    ] {
        let expected = (Some(level), time.to_owned(), rest.to_owned());
        assert_eq!(said(line), expected, "{line}");
    }
}

#[test]
fn host_process_and_thread_are_kept() {
    let line = r#"{"level":50,"pid":7,"hostname":"web0","thread":"main","msg":"x"}"#;
    let fields = parse(line).unwrap();
    let said = (fields.host.as_deref(), fields.process.as_deref(), fields.thread.as_deref());
    assert_eq!(said, (Some("web0"), Some("7"), Some("main")));
}
