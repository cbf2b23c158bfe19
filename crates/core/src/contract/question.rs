//! What any role takes and gives when another role asks it something.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Common;
use crate::message::{Choice, Given};
use crate::role::Role;

/// Context of `answer_question`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AnswerQuestionContext {
    /// The question in one or two sentences.
    pub question: String,
    /// Two to four ways to answer.
    pub choices: Vec<Choice>,
    /// Key of the choice the asker recommends; it never becomes the answer by silence.
    #[serde(default)]
    pub default: String,
    /// Role that asks and waits.
    pub asked_by: Role,
    /// Type of the task that waits.
    #[serde(default)]
    pub task_type: String,
    /// Data of the asker that the question is about.
    #[serde(default)]
    pub subject: Value,
}

/// Result of `answer_question`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct AnswerQuestionResult {
    /// What every result carries; `outcome` is the key of the choice.
    #[serde(flatten)]
    pub common: Common,
    /// The answer.
    pub answer: Given,
}
