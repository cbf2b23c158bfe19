//! What agents and the person write to each other: rows of `agent_messages`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::role::Party;
use crate::task::{MessageId, TaskId};
use crate::word::words;

words! {
    /// What a message is for.
    MessageType, "message type" {
        /// Asks; the asking task may be blocked on it.
        Question = "question",
        /// Answers a question.
        Answer = "answer",
        /// Accompanies work passed to the next role.
        Handoff = "handoff",
        /// Tells.
        Notification = "notification",
    }
}

/// A message as stored. Names are text, since other programs may write their own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Message {
    /// Key.
    pub id: MessageId,
    /// Task it belongs to.
    pub task: Option<TaskId>,
    /// Who wrote it.
    pub from: String,
    /// Who is meant to read it.
    pub to: String,
    /// What it is for.
    pub message_type: MessageType,
    /// The text.
    pub content: String,
    /// Further data: the options of a question, the commit an approval is bound to, the choice of an answer.
    pub metadata: Value,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it was read; a question to the person is read when it is answered.
    pub read_at: Option<Timestamp>,
}

/// A message that is to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMessage {
    /// Who writes it.
    pub from: String,
    /// Who is meant to read it.
    pub to: String,
    /// What it is for.
    pub message_type: MessageType,
    /// The text.
    pub content: String,
    /// Further data.
    pub metadata: Value,
}

/// Word in the metadata of a notification, as its `kind`, that tells of a flaky test.
pub const STABILISE_TEST: &str = "stabilise_test";

/// Key of the choice by which a person approves a fix.
pub const APPROVE: &str = "approve";

/// One way to answer a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Choice {
    /// Short word that the answer names.
    pub key: String,
    /// What it means.
    pub text: String,
}

/// A question as an agent asks it: two to four choices, one of them what the agent would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Ask {
    /// The question in one or two sentences.
    pub question: String,
    /// Two to four ways to answer.
    pub choices: Vec<Choice>,
    /// Key of the choice the agent recommends; it never becomes the answer by silence.
    pub default: String,
    /// For an approval: the exact commit and diff that are shown.
    pub binding: Option<Binding>,
    /// Who is asked: the person, or another role, which then gets a task to answer it.
    #[serde(default = "the_person")]
    pub to: Party,
    /// What another role needs to know to answer: data of the asker, as the two agreed.
    #[serde(default)]
    pub subject: Option<Value>,
}

fn the_person() -> Party {
    Party::User
}

/// An agent's answer to another's question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Given {
    /// Key of the choice.
    pub choice: String,
    /// Why, in one or two sentences.
    #[serde(default)]
    pub comment: Option<String>,
}

/// What an approval is bound to. Anything later voids it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Binding {
    /// Branch that carries the change.
    pub branch: String,
    /// Its last commit.
    pub commit: String,
    /// Hash of the diff against the base commit.
    pub diff_hash: String,
}

impl Ask {
    /// A plain question; `choices` are (key, meaning) pairs and the first is the default.
    pub fn new(question: impl Into<String>, choices: &[(&str, &str)]) -> Self {
        let choices: Vec<Choice> = choices
            .iter()
            .map(|(key, text)| Choice { key: (*key).to_owned(), text: (*text).to_owned() })
            .collect();
        let default = choices.first().map(|choice| choice.key.clone()).unwrap_or_default();
        Self { question: question.into(), choices, default, binding: None, to: Party::User, subject: None }
    }

    /// The question as a message to whom it is for.
    pub fn to_message(&self, from: &str) -> NewMessage {
        let mut metadata = serde_json::json!({ "choices": self.choices, "default": self.default });
        if let Some(binding) = &self.binding {
            metadata["binding"] = serde_json::json!(binding);
        }
        NewMessage {
            from: from.to_owned(),
            to: self.to.to_string(),
            message_type: MessageType::Question,
            content: self.question.clone(),
            metadata,
        }
    }
}

impl Message {
    /// The choices a question offers; empty for other messages and for questions of other programs.
    pub fn choices(&self) -> Vec<Choice> {
        self.metadata
            .get("choices")
            .and_then(|value| serde_json::from_value(value.clone()).ok())
            .unwrap_or_default()
    }

    /// The commit an approval question is bound to.
    pub fn binding(&self) -> Option<Binding> {
        self.metadata.get("binding").and_then(|value| serde_json::from_value(value.clone()).ok())
    }

    /// For a hand-off: the task that it accompanies.
    pub fn accompanies(&self) -> Option<TaskId> {
        self.metadata.get("next").and_then(Value::as_i64).map(TaskId)
    }

    /// For an answer: the question it answers.
    pub fn answers(&self) -> Option<MessageId> {
        self.metadata.get("answers").and_then(Value::as_i64).map(MessageId)
    }

    /// For an answer: the key of the choice taken, or the free text where the question had no choices.
    pub fn choice(&self) -> Option<&str> {
        self.metadata.get("choice").and_then(Value::as_str)
    }
}
