//! How bad an incident is, and how urgent.
//!
//! The priority is
//!
//! ```text
//! base(severity) + min(2, log2(1 + per_hour) / 3) + recency + cause − environment,  rounded, within 1 to 10
//!
//! base         critical 8, high 6, medium 4, low 2, info 1
//! per_hour     occurrences of the last hour, or those of the last day by 24 where that is more
//! recency      0.5 within the last hour, 0.25 within the last day, else 0
//! cause        returned after its fix 2, burst 1.5, new since the latest release 1, else 0
//! environment  staging 2, development, test and continuous integration 3, else 0
//! ```
//!
//! It never falls when an error becomes worse, more frequent or more recent.

use groundcrew_core::contract::Counts;
use groundcrew_core::incident::{Category, Severity};

/// What the priority depends on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Urgency<'a> {
    /// How bad it is.
    pub(super) severity: Severity,
    /// How often it was seen.
    pub(super) counts: Counts,
    /// Seconds since it was last seen.
    pub(super) idle_s: u64,
    /// Why triage looks.
    pub(super) reason: &'a str,
    /// Whether it appeared with the latest release.
    pub(super) new_in_release: bool,
    /// Where the program ran.
    pub(super) environment: Option<&'a str>,
}

/// 1 to 10, 10 the most urgent.
pub(super) fn priority(urgency: &Urgency<'_>) -> u8 {
    let base: f64 = match urgency.severity {
        Severity::Critical => 8.0,
        Severity::High => 6.0,
        Severity::Medium => 4.0,
        Severity::Low => 2.0,
        Severity::Info => 1.0,
    };
    let frequency = (1.0 + per_hour(urgency.counts)).log2() / 3.0;
    let recency = match urgency.idle_s {
        0..=3_600 => 0.5,
        3_601..=86_400 => 0.25,
        _ => 0.0,
    };
    let cause = match urgency.reason {
        "returned" => 2.0,
        "burst" => 1.5,
        _ if urgency.new_in_release => 1.0,
        _ => 0.0,
    };
    let sum = base + frequency.min(2.0) + recency + cause - allowance(urgency.environment);
    // Rounded by comparison, so that no cast of a float is needed.
    (1..=10u8).rev().find(|whole| sum >= f64::from(*whole) - 0.5).unwrap_or(1)
}

fn per_hour(counts: Counts) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than 52 bits")]
    let as_float = |count: u64| count as f64;
    as_float(counts.hour).max(as_float(counts.day) / 24.0)
}

fn allowance(environment: Option<&str>) -> f64 {
    let name = environment.unwrap_or_default().to_ascii_lowercase();
    match name.as_str() {
        "staging" | "stage" | "preprod" | "qa" | "uat" => 2.0,
        "dev" | "development" | "test" | "testing" | "ci" | "local" => 3.0,
        _ => 0.0,
    }
}

/// How bad an error of a category is, by the level that the program gave it.
pub(super) fn severity(category: Category, level: Option<&str>) -> Severity {
    let usual = match category {
        Category::UserError => Severity::Low,
        Category::Flaky
        | Category::Data
        | Category::Infrastructure
        | Category::Dependency
        | Category::Unknown => Severity::Medium,
        Category::CodeBug | Category::Regression | Category::Config | Category::Security => Severity::High,
        Category::Resource => Severity::Critical,
    };
    match level {
        Some("critical") => worse(usual),
        // The program itself said that it went on.
        Some("warning" | "info" | "debug" | "trace") => milder(usual),
        Some(_) | None => usual,
    }
}

fn worse(severity: Severity) -> Severity {
    match severity {
        Severity::Critical | Severity::High => Severity::Critical,
        Severity::Medium => Severity::High,
        Severity::Low => Severity::Medium,
        Severity::Info => Severity::Low,
    }
}

fn milder(severity: Severity) -> Severity {
    match severity {
        Severity::Critical => Severity::High,
        Severity::High => Severity::Medium,
        Severity::Medium => Severity::Low,
        Severity::Low | Severity::Info => Severity::Info,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(total: u64, day: u64, hour: u64) -> Counts {
        Counts { total, hour, day }
    }

    fn urgency(severity: Severity, counts: Counts) -> Urgency<'static> {
        Urgency { severity, counts, idle_s: 0, reason: "new", new_in_release: false, environment: None }
    }

    #[test]
    fn known_errors_have_known_priorities() {
        let once = counts(1, 1, 1);
        let high = urgency(Severity::High, once);
        for (urgency, expected) in [
            (high, 7),
            (Urgency { reason: "returned", ..high }, 9),
            (Urgency { reason: "burst", ..high }, 8),
            (Urgency { new_in_release: true, ..high }, 8),
            (Urgency { idle_s: 7 * 86_400, ..high }, 6),
            (Urgency { environment: Some("staging"), ..high }, 5),
            (Urgency { environment: Some("Development"), ..high }, 4),
            (Urgency { environment: Some("production"), ..high }, 7),
            (urgency(Severity::High, counts(1_000, 1_000, 1_000)), 9),
            (urgency(Severity::Critical, counts(1_000, 1_000, 1_000)), 10),
            (urgency(Severity::Info, once), 2),
        ] {
            assert_eq!(priority(&urgency), expected, "{urgency:?}");
        }
    }

    #[test]
    fn an_error_that_the_program_handled_is_milder_and_a_fatal_one_worse() {
        assert_eq!(severity(Category::CodeBug, Some("error")), Severity::High);
        assert_eq!(severity(Category::CodeBug, Some("warning")), Severity::Medium);
        assert_eq!(severity(Category::CodeBug, Some("critical")), Severity::Critical);
        assert_eq!(severity(Category::UserError, Some("info")), Severity::Info);
    }

    fn any_severity() -> impl Strategy<Value = Severity> {
        proptest::sample::select(Severity::ALL)
    }

    fn any_reason() -> impl Strategy<Value = &'static str> {
        proptest::sample::select(&["new", "still_happening", "returned", "burst"][..])
    }

    proptest! {
        #[test]
        fn the_priority_never_falls_when_an_error_gets_worse(
            severity in any_severity(),
            (hour, day, total) in (0..u64::MAX / 4, 0..u64::MAX / 4, 0..u64::MAX / 4),
            more in 0..u64::MAX / 4,
            idle_s in any::<u64>(),
            sooner in any::<u64>(),
            reason in any_reason(),
            new_in_release in any::<bool>(),
            environment in proptest::sample::select(&[None, Some("production"), Some("staging"), Some("dev")][..]),
        ) {
            let before = Urgency { severity, counts: counts(total, day, hour), idle_s, reason, new_in_release, environment };
            let at = priority(&before);
            prop_assert!((1..=10).contains(&at));
            let often = Urgency { counts: counts(total, day + more, hour + more), ..before };
            prop_assert!(priority(&often) >= at);
            let recent = Urgency { idle_s: idle_s.min(sooner), ..before };
            prop_assert!(priority(&recent) >= at);
            let worse = Urgency { severity: worse(severity), ..before };
            prop_assert!(priority(&worse) >= at);
            let production = Urgency { environment: None, ..before };
            prop_assert!(priority(&production) >= at);
            let returned = Urgency { reason: "returned", ..before };
            prop_assert!(priority(&returned) >= at);
        }
    }
}
