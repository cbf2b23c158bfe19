//! The JSON Schema of every task type's context and result, derived from the types that the agents read and write.

use schemars::{Schema, schema_for};
use serde_json::Value;

use super::task_type::*;
use super::*;

/// What a task type takes and gives.
#[derive(Debug, Clone, Copy)]
pub struct Contract {
    /// The task type.
    pub task_type: &'static str,
    /// Schema of the context.
    pub context: fn() -> Schema,
    /// Schema of the result.
    pub result: fn() -> Schema,
    check: fn(&Value) -> Result<(), BadContext>,
}

impl Contract {
    /// Whether a task of this type could start with this context.
    ///
    /// # Errors
    /// Names the field that has the wrong type or is missing.
    pub fn check(&self, context: &Value) -> Result<(), BadContext> {
        (self.check)(context)
    }
}

macro_rules! contract {
    ($task_type:ident, $context:ty, $result:ty) => {
        Contract {
            task_type: $task_type,
            context: || schema_for!($context),
            result: || schema_for!($result),
            check: |context| read_context::<$context>($task_type, context).map(drop),
        }
    };
}

/// The contracts of the six agents, in the order of the main job.
pub const CONTRACTS: &[Contract] = &[
    contract!(SCAN_LOGS, ScanLogsContext, ScanLogsResult),
    contract!(WATCH_INCIDENTS, WatchIncidentsContext, WatchIncidentsResult),
    contract!(CHECK_HEALTH, CheckHealthContext, CheckHealthResult),
    contract!(CLASSIFY_ERROR, ClassifyErrorContext, ClassifyErrorResult),
    contract!(FIX_BUG, FixBugContext, FixBugResult),
    contract!(VERIFY_FIX, VerifyFixContext, VerifyFixResult),
    contract!(REVIEW_CHANGE, ReviewContext, ReviewResult),
    contract!(REVIEW_DESIGN, ReviewContext, ReviewResult),
    contract!(PUBLISH_FIX, PublishFixContext, PublishFixResult),
    contract!(VERIFY_BASE, VerifyBaseContext, VerifyBaseResult),
    contract!(WRITE_REGRESSION_TEST, VerifyFixContext, WriteRegressionTestResult),
    contract!(SCAN_SECRETS, ScanSecretsContext, ScanSecretsResult),
    contract!(AUDIT_DEPENDENCIES, AuditDependenciesContext, AuditDependenciesResult),
    contract!(TRIAGE_VULNERABILITY, TriageVulnerabilityContext, TriageVulnerabilityResult),
    contract!(ANSWER_QUESTION, AnswerQuestionContext, AnswerQuestionResult),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_schema_says_what_it_is() {
        for contract in CONTRACTS {
            for schema in [(contract.context)(), (contract.result)()] {
                let schema = Value::from(schema);
                let definitions = schema["$defs"].as_object().into_iter().flatten().map(|(_, found)| found);
                for object in definitions.chain([&schema]) {
                    for (name, field) in object["properties"].as_object().into_iter().flatten() {
                        let told = field["description"].is_string() || field["$ref"].is_string();
                        assert!(told, "{}: {name} lacks a description: {field}", contract.task_type);
                    }
                }
            }
        }
    }

    #[test]
    fn a_context_with_a_field_of_the_wrong_kind_is_named() {
        let scan = CONTRACTS.iter().find(|contract| contract.task_type == SCAN_LOGS).unwrap();
        let wrong = scan.check(&serde_json::json!({ "source": { "path": 7 } })).unwrap_err();
        assert_eq!(wrong.task_type, SCAN_LOGS);
        assert!(wrong.reason.contains("invalid type: integer `7`"), "{}", wrong.reason);
        scan.check(&serde_json::json!({ "source": { "path": "/var/log/a.log" }, "of_later": 1 })).unwrap();
    }
}
