use groundcrew_core::contract::{Counts, StopAt, Suspect};
use groundcrew_core::incident::{Sample, Severity};

use super::*;

pub(super) fn frame(file: &str, function: &str, source: &str) -> Frame {
    Frame {
        module: None,
        file: Some(file.into()),
        line: Some(3),
        function: Some(function.into()),
        source: Some(source.into()),
        in_app: true,
    }
}

pub(super) fn facts<'a>(sample: &'a Sample, frame: Option<&'a Frame>) -> ErrorFacts<'a> {
    ErrorFacts {
        sample,
        counts: Counts { total: 3, hour: 3, day: 3 },
        idle_s: 10,
        reason: "new",
        frame,
        exact: true,
        one_file: true,
        elsewhere: None,
        suspects: &[],
        tested: true,
        release: None,
        new_in_release: false,
        environment: None,
        user_errors: &[],
    }
}

pub(super) fn sample(exception: &str, message: &str, frame: Option<&Frame>) -> Sample {
    let trace = Trace {
        location: None,
        exception: Some(exception.into()),
        message: Some(message.into()),
        frames: frame.cloned().into_iter().collect(),
        causes: Vec::new(),
    };
    Sample { trace: Some(trace), level: Some("error".into()), ..Sample::default() }
}

fn classify(exception: &str, message: &str, frame: Option<&Frame>) -> Classification {
    Rules.classify(&facts(&sample(exception, message, frame), frame))
}

#[test]
fn a_defect_in_the_repository_goes_to_the_developer() {
    let frame = frame("app/pay.py", "pay", "total += row[7]");
    let found = classify("IndexError", "list index out of range", Some(&frame));
    assert_eq!((found.category, found.route, found.priority), (Category::CodeBug, Route::Developer, 7));
    assert_eq!((found.stop_at, found.not_fixable_reason), (StopAt::Branch, None));
    assert!(found.reason.contains("app/pay.py:3 in pay"), "{}", found.reason);
    assert!(found.fixability > 0.9, "{}", found.fixability);
}

#[test]
fn a_defect_in_a_language_without_repair_is_placed_and_goes_to_a_person() {
    for (file, language) in
        [("src/main/java/shop/Cart.java", "Java"), ("cart/cart.go", "Go"), ("src/cart.rs", "Rust")]
    {
        let frame = frame(file, "total", "");
        let found = classify("TypeError", "x is undefined", Some(&frame));
        assert_eq!((found.category, found.route), (Category::CodeBug, Route::Human), "{file}");
        assert_eq!((found.stop_at, found.fixability), (StopAt::RootCause, 0.0), "{file}");
        assert!(found.reason.ends_with(&format!("no repair for {language} yet")), "{}", found.reason);
        assert_eq!(found.not_fixable_reason, Some(found.reason), "{file}");
    }
}

#[test]
fn a_stack_outside_the_repository_goes_to_a_person() {
    let found = classify("TypeError", "bad operand", None);
    assert_eq!(
        (found.category, found.route, found.stop_at),
        (Category::Dependency, Route::Human, StopAt::Report)
    );
    let vendored = frame("app/vendor/lib/x.py", "f", "");
    let found = classify("TypeError", "bad operand", Some(&vendored));
    assert_eq!((found.category, found.route), (Category::Dependency, Route::Human));
}

#[test]
fn a_stack_of_another_commit_says_where_that_is() {
    let sample = sample("KeyError", "'a'", None);
    let facts = ErrorFacts { elsewhere: Some("shop.py was deleted by 0123456789"), ..facts(&sample, None) };
    let found = Rules.classify(&facts);
    assert_eq!((found.category, found.route), (Category::Unknown, Route::Human));
    assert!(found.reason.ends_with("shop.py was deleted by 0123456789"), "{}", found.reason);
}

#[test]
fn a_likely_culprit_makes_it_a_regression() {
    let frame = frame("app/pay.py", "pay", "total += row[7]");
    let sample = sample("IndexError", "list index out of range", Some(&frame));
    let suspect = |score| Suspect {
        sha: "a".repeat(40),
        subject: "Take the last row".into(),
        score,
        evidence: "last changed line 3 of app/pay.py".into(),
        facts: Vec::new(),
    };
    for (score, category) in [(0.8, Category::Regression), (0.3, Category::CodeBug)] {
        let suspects = [suspect(score)];
        let found = Rules.classify(&ErrorFacts { suspects: &suspects, ..facts(&sample, Some(&frame)) });
        assert_eq!(found.category, category, "{score}");
    }
}

#[test]
fn a_defect_while_another_error_is_handled_is_still_a_defect() {
    let frame = frame("app/pay.py", "pay", "log(error.code)");
    let mut sample = sample("AttributeError", "'Timeout' object has no attribute 'code'", Some(&frame));
    let cause = Trace { exception: Some("ConnectionError".into()), ..Trace::default() };
    if let Some(trace) = &mut sample.trace {
        trace.causes = vec![cause];
    }
    assert_eq!(Rules.classify(&facts(&sample, Some(&frame))).category, Category::CodeBug);
}

#[test]
fn values_that_a_stranger_chose_do_not_make_a_defect_look_like_something_else() {
    let frame = frame("app/pay.py", "pay", "int(text)");
    for message in [
        "invalid literal for int() with base 10: 'connection refused'",
        "invalid literal for int() with base 10: \"no space left on device\"",
        "could not convert string to float: 'permission denied'",
    ] {
        assert_eq!(classify("ValueError", message, Some(&frame)).category, Category::CodeBug, "{message}");
    }
    assert_eq!(classify("KeyError", "timed out", Some(&frame)).category, Category::CodeBug);
}

#[test]
fn a_defect_of_a_gate_and_an_attack_go_to_security_first() {
    let gate = frame("app/permissions.py", "may_edit", "return user.roles[0]");
    let found = classify("IndexError", "list index out of range", Some(&gate));
    assert_eq!((found.category, found.route), (Category::Security, Route::Security));
    let plain = frame("app/pages.py", "render", "template.render()");
    let found = classify("UndefinedError", "'{{7*7}}' is undefined", Some(&plain));
    assert_eq!(
        (found.category, found.route, found.severity),
        (Category::Security, Route::Security, Severity::High)
    );
}

#[test]
fn exceptions_that_the_settings_name_are_told_to_the_caller() {
    let frame = frame("app/pay.py", "pay", "raise OutOfStock(item)");
    let sample = sample("shop.errors.OutOfStock", "no more", Some(&frame));
    let told = ["OutOfStock".to_owned()];
    let found = Rules.classify(&ErrorFacts { user_errors: &told, ..facts(&sample, Some(&frame)) });
    assert_eq!((found.category, found.route), (Category::UserError, Route::Ignore));
    let found = Rules.classify(&facts(&sample, Some(&frame)));
    assert_eq!(found.category, Category::CodeBug);
}

#[test]
fn a_variable_missing_in_the_environment_is_a_matter_of_the_deployment() {
    let ours = frame("app/pay.py", "pay", "os.environ['KEY']");
    let os = Frame { file: Some("/usr/lib/python3.11/os.py".into()), in_app: false, ..ours.clone() };
    let mut sample = sample("KeyError", "'KEY'", Some(&ours));
    if let Some(trace) = &mut sample.trace {
        trace.frames.insert(0, os);
    }
    let found = Rules.classify(&facts(&sample, Some(&ours)));
    assert_eq!((found.category, found.route), (Category::Config, Route::Human));
}

#[test]
fn a_value_of_the_environment_that_cannot_be_converted_is_a_matter_of_the_deployment() {
    let told = "invalid literal for int() with base 10: 'many'";
    for source in [
        "ROWS = int(os.environ.get(\"MAX_ROWS\", \"50\"))",
        "rows = int(os.environ['MAX_ROWS'])",
        "float(getenv('MAX_ROWS'))",
    ] {
        let frame = frame("app/report.py", "rows", source);
        let found = classify("ValueError", told, Some(&frame));
        assert_eq!((found.category, found.route), (Category::Config, Route::Human), "{source}");
        assert!(found.reason.contains("MAX_ROWS"), "{}", found.reason);
    }
    let other = frame("app/report.py", "rows", "int(text)  # as in the environment");
    assert_eq!(classify("ValueError", told, Some(&other)).category, Category::CodeBug);
}

#[test]
fn what_is_raised_on_purpose_is_less_likely_to_be_cured() {
    let plain = frame("app/pay.py", "pay", "int(text)");
    let raised = frame("app/pay.py", "pay", "raise ValueError(text)");
    let cured = classify("ValueError", "x", Some(&plain)).fixability;
    let meant = classify("ValueError", "x", Some(&raised)).fixability;
    assert!(meant < cured / 2.0, "{meant} {cured}");
}

#[test]
fn an_error_that_an_installed_package_raised_names_the_package() {
    let installed = |file: &str| Frame { in_app: false, ..frame(file, "toCents", "price.toFixed(4)") };
    let own = Frame { function: None, ..frame("src/orders.js", "", "toCents(price)") };
    let reason = |inner: &str, frame: Option<&Frame>| {
        let mut sample = sample("TypeError", "price.toFixed is not a function", None);
        let trace = sample.trace.as_mut().unwrap();
        trace.frames = [Some(installed(inner)), frame.cloned()].into_iter().flatten().collect();
        let found = Rules.classify(&facts(&sample, frame));
        (found.category, found.route, found.reason)
    };
    assert_eq!(
        reason("/srv/till/node_modules/rounding/index.js", None),
        (
            Category::Dependency,
            Route::Human,
            "TypeError was raised in the installed package rounding, and no frame of the stack lies in this repository, so \
             it cannot be repaired here"
                .to_owned()
        )
    );
    assert_eq!(
        reason("/srv/till/node_modules/.pnpm/@money+round@2.1.0/node_modules/@money/round/index.js", Some(&own)),
        (
            Category::CodeBug,
            Route::Developer,
            "TypeError at src/orders.js:3, in code of this repository; the installed package @money/round, which it calls, \
             raised it"
                .to_owned()
        )
    );
    let python = reason("/opt/venv/lib/python3.11/site-packages/six.py", None).2;
    assert!(python.contains("the installed package six, "), "{python}");
    let runtime = reason("node:internal/timers", None).2;
    assert!(runtime.starts_with("no frame of the stack lies in this repository"), "{runtime}");
}

#[test]
fn a_reason_says_which_words_told_the_kind() {
    let found = classify("Error", "connect ECONNREFUSED 127.0.0.1:5432", None);
    let wanted = "another machine or service did not answer (Error: econnrefused): no change of this code makes it answer";
    assert_eq!((found.category, found.reason.as_str()), (Category::Infrastructure, wanted));
}
