//! Questions, answers and children: what a blocked task waits for, and what ends the wait.

use groundcrew_core::lifecycle::{Command, Refusal};
use groundcrew_core::message::{Ask, MessageType};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{BlockedOn, NewTask, Status, TaskId, Wait};
use serde_json::{Value, json};

use super::{Make, Outcome, complete, refusal};

/// The question and the wait appear together; the answer ends both, and reaches the task's next run.
pub fn a_question_blocks_until_it_is_answered(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Developer);
    let question = bench.ask(&task);
    let blocked = bench.task(task.id);
    assert_eq!(blocked.status, Status::Blocked);
    assert_eq!(blocked.wait, Some(Wait { on: BlockedOn::Question, message: Some(question) }));
    let inbox = bench.store.inbox().unwrap();
    assert_eq!(inbox.len(), 1);
    assert_eq!((inbox[0].message.id, inbox[0].task.as_ref()), (question, Some(&blocked)));
    let done = bench
        .store
        .execute(Command::Answer {
            question,
            by: Party::User,
            choice: "yes".to_owned(),
            comment: Some("but quickly".to_owned()),
            extra: json!({ "branch": "main" }),
        })
        .unwrap();
    assert_eq!(done.wake.into_iter().collect::<Vec<_>>(), [Role::Developer]);
    assert_eq!(bench.store.inbox().unwrap(), []);
    let again = bench.claim(Role::Developer);
    assert_eq!((again.id, again.retry_count, again.wait.clone()), (task.id, 0, None));
    let answers = bench.store.answers_of(again.id).unwrap();
    assert_eq!(answers.len(), 1);
    assert_eq!((answers[0].choice(), answers[0].answers()), (Some("yes"), Some(question)));
    assert_eq!(
        (answers[0].content.as_str(), &answers[0].metadata["branch"]),
        ("but quickly", &json!("main"))
    );
}

/// A word that is no choice is refused and the question stays.
pub fn an_answer_must_be_one_of_the_choices(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Developer);
    let question = bench.ask(&task);
    assert_eq!(
        refusal(bench.answer(question, "maybe")),
        Refusal::UnknownChoice { given: "maybe".to_owned(), choices: "yes, no".to_owned() }
    );
    assert_eq!(bench.status(task.id), Status::Blocked);
    assert_eq!(bench.store.inbox().unwrap().len(), 1);
    assert_eq!(bench.store.answers_of(task.id).unwrap(), []);
}

/// The second answer is refused, and so is an answer to what is no question.
pub fn a_question_is_answered_once(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Developer);
    let question = bench.ask(&task);
    let answer = bench.answer(question, "no").unwrap().messages[0];
    assert_eq!(refusal(bench.answer(question, "yes")), Refusal::AlreadyAnswered { question });
    assert_eq!(refusal(bench.answer(answer, "yes")), Refusal::NoSuchQuestion);
    assert_eq!(bench.store.answers_of(task.id).unwrap().len(), 1);
}

/// A wait that nobody could end is refused.
pub fn a_wait_needs_choices(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Developer);
    for ask in [None, Some(Ask::new("Well?", &[("yes", "yes")]))] {
        let refused = bench.settle(&task, Outcome::Block { on: BlockedOn::Approval, ask });
        let said = "a wait needs a question with two to four choices".to_owned();
        assert_eq!(refusal(refused), Refusal::Invalid(said));
    }
    assert_eq!(bench.status(task.id), Status::Running);
    assert_eq!(bench.store.inbox().unwrap(), []);
}

/// Nobody is asked about a task that is over.
pub fn a_cancelled_task_takes_its_question_out_of_the_inbox(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Developer);
    let question = bench.ask(&task);
    let cancel = Command::Cancel { task: task.id, by: Party::User, reason: "never mind".to_owned() };
    bench.store.execute(cancel).unwrap();
    assert_eq!(bench.store.inbox().unwrap(), []);
    assert_eq!(refusal(bench.answer(question, "yes")), Refusal::AlreadyAnswered { question });
}

/// Nobody works on for a task that is cancelled, however deep below it.
pub fn a_cancelled_task_takes_its_open_children_with_it(make: Make<'_>) {
    let bench = make();
    let parent = bench.claimed(Role::Architect);
    let child = |role: Role, parent: TaskId| {
        let mut child = NewTask::new("part", role, Party::Architect, Value::Null);
        child.parent = Some(parent);
        bench.create_as(child)
    };
    let (waiting, done) = (child(Role::Qa, parent.id), child(Role::Security, parent.id));
    let below = child(Role::Developer, waiting);
    bench.settle(&bench.claim(Role::Security), complete()).unwrap();
    let cancel = Command::Cancel { task: parent.id, by: Party::User, reason: "never mind".to_owned() };
    bench.store.execute(cancel).unwrap();
    let ends = [parent.id, waiting, below, done].map(|id| (bench.status(id), bench.task(id).error_message));
    let first = "cancelled by user: never mind".to_owned();
    let second = format!("cancelled by user: task {} is cancelled: never mind", parent.id);
    let third = format!(
        "cancelled by user: task {waiting} is cancelled: task {} is cancelled: never mind",
        parent.id
    );
    assert_eq!(
        ends,
        [
            (Status::Failed, Some(first)),
            (Status::Failed, Some(second)),
            (Status::Failed, Some(third)),
            (Status::Completed, None)
        ]
    );
}

/// A parent goes on when the last of its children has ended, however it ended.
pub fn the_last_child_wakes_its_parent(make: Make<'_>) {
    let bench = make();
    let parent = bench.claimed(Role::Architect);
    for role in [Role::Qa, Role::Security] {
        let mut child = NewTask::new("part", role, Party::Architect, Value::Null);
        child.parent = Some(parent.id);
        bench.create_as(child);
    }
    bench.settle(&parent, Outcome::Block { on: BlockedOn::Children, ask: None }).unwrap();
    assert_eq!(bench.task(parent.id).wait, Some(Wait { on: BlockedOn::Children, message: None }));
    bench.settle(&bench.claim(Role::Qa), complete()).unwrap();
    assert_eq!(bench.status(parent.id), Status::Blocked);
    let failed = Outcome::Fail { error: "no".to_owned(), refusal: None };
    let done = bench.settle(&bench.claim(Role::Security), failed).unwrap();
    assert!(done.wake.contains(&Role::Architect));
    assert_eq!(bench.claim(Role::Architect).id, parent.id);
}

/// A wait for children that ended meanwhile is none.
pub fn a_wait_for_children_that_have_ended_goes_on(make: Make<'_>) {
    let bench = make();
    let parent = bench.claimed(Role::Architect);
    let mut child = NewTask::new("part", Role::Qa, Party::Architect, Value::Null);
    child.parent = Some(parent.id);
    bench.create_as(child);
    bench.settle(&bench.claim(Role::Qa), complete()).unwrap();
    bench.settle(&parent, Outcome::Block { on: BlockedOn::Children, ask: None }).unwrap();
    assert_eq!(bench.claim(Role::Architect).id, parent.id);
}

/// What waits for its environment goes on when a person says so, and its question is settled by that.
pub fn a_task_that_lacks_something_can_be_put_back(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Qa);
    let ask = Ask::new("There is no test command.", &[("configured", "it is set now"), ("stop", "give up")]);
    bench.settle(&task, Outcome::Block { on: BlockedOn::Environment, ask: Some(ask) }).unwrap();
    bench.store.execute(Command::Redrive { task: task.id, by: Party::User }).unwrap();
    assert_eq!(bench.store.inbox().unwrap(), []);
    assert_eq!(bench.claim(Role::Qa).id, task.id);
    // What another program blocked without saying on what is taken to wait for its environment too.
    (bench.sql)("INSERT INTO agent_tasks (task_type, assigned_to, status) VALUES ('x', 'triage', 'blocked')");
    bench.store.maintain(super::MINUTE).unwrap();
    let foreign = bench.store.tasks(&Default::default()).unwrap().remove(0);
    assert_eq!(foreign.wait, Some(Wait { on: BlockedOn::Environment, message: None }));
    bench.store.execute(Command::Redrive { task: foreign.id, by: Party::User }).unwrap();
    let questions = bench.store.messages(&crate::MessageFilter {
        message_type: Some(MessageType::Question),
        unread_only: true,
        ..Default::default()
    });
    assert_eq!(questions.unwrap(), []);
}
