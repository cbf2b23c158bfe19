//! What agents ask each other and tell each other, and what has been read.

use groundcrew_core::contract::AnswerQuestionContext;
use groundcrew_core::contract::task_type::ANSWER_QUESTION;
use groundcrew_core::event::EventKind;
use groundcrew_core::lifecycle::{Command, Outcome, Refusal};
use groundcrew_core::message::{Ask, Given, Message, MessageType, NewMessage};
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{BlockedOn, MessageId, NewTask, Status, Task};
use serde_json::{Value, json};

use super::{Bench, EXPIRED, Make, complete, refusal, retry};
use crate::{MessageFilter, Receipt, StoreError};

fn ask_of(to: Role) -> Ask {
    let ask = Ask::new("Is the contract broken?", &[("keep", "keep it"), ("change", "change it")]);
    Ask { to: to.into(), subject: Some(json!({ "file": "a.py" })), ..ask }
}

fn question_of(ask: Ask) -> Outcome {
    Outcome::Block { on: BlockedOn::Question, ask: Some(ask) }
}

/// A developer's task that waits for the architect.
fn asked(bench: &Bench) -> (Task, MessageId) {
    let mut new = NewTask::new("fix_bug", Role::Developer, Party::User, Value::Null);
    new.priority = 8;
    new.project = Some(bench.store.add_project("shop", "/srv/shop", &json!({})).unwrap());
    bench.create_as(new);
    let asker = bench.claim(Role::Developer);
    let done = bench.settle(&asker, question_of(ask_of(Role::Architect))).unwrap();
    assert_eq!(done.wake.into_iter().collect::<Vec<_>>(), [Role::Architect]);
    (asker, done.question.unwrap())
}

fn give(bench: &Bench, task: &Task, choice: &str) -> Result<Receipt, StoreError> {
    let given = Given { choice: choice.to_owned(), comment: Some("callers rely on it".to_owned()) };
    bench.settle_with(task, complete(), |end| end.answer = Some(given))
}

fn message(bench: &Bench, id: MessageId) -> Message {
    bench.store.message(id).unwrap().unwrap()
}

fn kinds(bench: &Bench) -> Vec<EventKind> {
    bench.store.events(0, 99).unwrap().iter().map(|event| event.kind).collect()
}

/// The question, the wait and the task of the role that is asked appear together, and nothing bothers the person.
pub fn a_question_to_a_role_is_a_task_for_it(make: Make<'_>) {
    let bench = make();
    let (asker, question) = asked(&bench);
    assert_eq!(bench.store.inbox().unwrap(), []);
    assert_eq!(bench.store.events(0, 9).unwrap(), []);
    let shown = message(&bench, question);
    assert_eq!(
        (shown.from.as_str(), shown.to.as_str(), shown.task),
        ("developer", "architect", Some(asker.id))
    );
    let task = bench.claim(Role::Architect);
    assert_eq!(
        (task.task_type.as_str(), task.parent, task.project, task.priority, task.incident),
        (ANSWER_QUESTION, Some(asker.id), asker.project, 8, asker.incident)
    );
    let context: AnswerQuestionContext = serde_json::from_value(task.context).unwrap();
    let wanted = AnswerQuestionContext {
        question: "Is the contract broken?".to_owned(),
        choices: ask_of(Role::Architect).choices,
        default: "keep".to_owned(),
        asked_by: Role::Developer,
        task_type: "fix_bug".to_owned(),
        subject: json!({ "file": "a.py" }),
    };
    assert_eq!(context, wanted);
}

/// The answer of the role that was asked ends the wait in the transaction that completes its task.
pub fn the_answer_of_a_role_wakes_the_asker(make: Make<'_>) {
    let bench = make();
    let (asker, question) = asked(&bench);
    let task = bench.claim(Role::Architect);
    assert_eq!(
        refusal(give(&bench, &task, "perhaps")),
        Refusal::UnknownChoice { given: "perhaps".to_owned(), choices: "keep, change".to_owned() }
    );
    assert_eq!((bench.status(task.id), bench.status(asker.id)), (Status::Running, Status::Blocked));
    let done = give(&bench, &task, "keep").unwrap();
    assert!(done.wake.contains(&Role::Developer));
    assert_eq!(done.task.map(|task| task.status), Some(Status::Completed));
    assert!(message(&bench, question).read_at.is_some());
    let answers = bench.store.answers_of(asker.id).unwrap();
    assert_eq!(answers.len(), 1);
    assert_eq!(
        (answers[0].from.as_str(), answers[0].choice(), answers[0].answers(), answers[0].content.as_str()),
        ("architect", Some("keep"), Some(question), "callers rely on it")
    );
    let again = bench.claim(Role::Developer);
    assert_eq!((again.id, again.retry_count), (asker.id, 0));
    assert!(message(&bench, answers[0].id).read_at.is_some(), "the asker has read the answer");
    assert_eq!(bench.store.agents().unwrap().iter().filter(|agent| agent.current_task.is_some()).count(), 1);
}

/// A way for a task to end.
type End<'e> = &'e dyn Fn(&Bench, &Task);

/// A question that nobody answered goes to the person: the task for it failed, was cancelled, lost its last lease, or
/// ended without an answer.
pub fn a_question_that_a_role_leaves_open_goes_to_the_person(make: Make<'_>) {
    let ends: [End<'_>; 4] = [
        &|bench, task| {
            let fail = Outcome::Fail { error: "no idea".to_owned(), refusal: None };
            bench.settle(task, fail).map(drop).unwrap();
        },
        &|bench, task| {
            let cancel = Command::Cancel { task: task.id, by: Party::User, reason: "I know".to_owned() };
            bench.store.execute(cancel).map(drop).unwrap();
        },
        &|bench, task| bench.settle(task, complete()).map(drop).unwrap(),
        &|bench, task| {
            bench.settle(task, retry()).unwrap();
            for _ in 0..3 {
                bench.hurry();
                let run = bench.store.claim(Role::Architect, None, "w", EXPIRED).unwrap().unwrap();
                assert_eq!(run.id, task.id);
                bench.store.maintain(EXPIRED).unwrap();
            }
            assert_eq!(bench.status(task.id), Status::Failed);
        },
    ];
    for end in ends {
        let bench = make();
        let (asker, question) = asked(&bench);
        end(&bench, &bench.claim(Role::Architect));
        assert_eq!(bench.status(asker.id), Status::Blocked);
        let inbox: Vec<MessageId> = bench.store.inbox().unwrap().iter().map(|item| item.message.id).collect();
        assert_eq!(inbox, [question]);
        assert_eq!(kinds(&bench).iter().filter(|kind| **kind == EventKind::Question).count(), 1);
        bench.answer(question, "change").unwrap();
        assert_eq!(bench.claim(Role::Developer).id, asker.id);
    }
}

/// The person may answer what a role was asked; the role need not any more, and an answer that comes late changes nothing.
pub fn the_person_may_answer_first(make: Make<'_>) {
    let bench = make();
    let (asker, question) = asked(&bench);
    bench.answer(question, "change").unwrap();
    assert_eq!(bench.status(asker.id), Status::Pending);
    assert_eq!(bench.store.claim(Role::Architect, None, "w", super::MINUTE).unwrap(), None);
    let children = bench.store.workflow(asker.id).unwrap();
    let ended = children.iter().find(|task| task.task_type == ANSWER_QUESTION).unwrap();
    assert_eq!(
        (ended.status, ended.error_message.clone()),
        (Status::Failed, Some(format!("cancelled by user: question {question} is answered")))
    );
    assert_eq!(bench.store.answers_of(asker.id).unwrap().len(), 1);
    assert_eq!(bench.store.inbox().unwrap(), []);
    // Put back all the same, its answer comes too late for anybody.
    bench.store.execute(Command::Redrive { task: ended.id, by: Party::User }).unwrap();
    let late = bench.claim(Role::Architect);
    give(&bench, &late, "keep").unwrap();
    assert_eq!(bench.status(late.id), Status::Completed);
    assert_eq!(bench.store.answers_of(asker.id).unwrap().len(), 1);
}

/// Whoever cancels a task that asks has nobody answer it.
pub fn nobody_answers_a_task_that_is_over(make: Make<'_>) {
    let bench = make();
    let (asker, question) = asked(&bench);
    let cancel = Command::Cancel { task: asker.id, by: Party::User, reason: "never mind".to_owned() };
    bench.store.execute(cancel).unwrap();
    assert_eq!(bench.store.claim(Role::Architect, None, "w", super::MINUTE).unwrap(), None);
    assert_eq!(bench.store.inbox().unwrap(), []);
    assert!(message(&bench, question).read_at.is_some());
}

/// Only the person approves; nobody asks themselves; only a task that was asked answers, and only by completing.
pub fn a_role_is_asked_only_what_it_can_decide(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Developer);
    let approval = Outcome::Block { on: BlockedOn::Approval, ask: Some(ask_of(Role::Qa)) };
    assert_eq!(
        refusal(bench.settle(&task, approval)),
        Refusal::Invalid("the qa cannot decide about approval".to_owned())
    );
    assert_eq!(
        refusal(bench.settle(&task, question_of(ask_of(Role::Developer)))),
        Refusal::Invalid("the developer cannot ask itself".to_owned())
    );
    let nobody = Ask { to: Party::System, ..ask_of(Role::Qa) };
    assert!(matches!(refusal(bench.settle(&task, question_of(nobody))), Refusal::Invalid(_)));
    assert_eq!(
        refusal(give(&bench, &task, "keep")),
        Refusal::Invalid("only a task of type answer_question answers".to_owned())
    );
    let given = Some(Given { choice: "keep".to_owned(), comment: None });
    let refused = bench.settle_with(&task, retry(), |end| end.answer = given);
    assert!(matches!(refusal(refused), Refusal::Invalid(_)));
    assert_eq!(bench.status(task.id), Status::Running);
}

/// All messages of a workflow are one thread, in which answers name their questions.
pub fn the_messages_of_a_workflow_are_one_thread(make: Make<'_>) {
    let bench = make();
    let (asker, question) = asked(&bench);
    let task = bench.claim(Role::Architect);
    give(&bench, &task, "keep").unwrap();
    let again = bench.claim(Role::Developer);
    let next = NewTask::new("verify_fix", Role::Qa, Party::Developer, Value::Null);
    bench.settle_with(&again, complete(), |end| end.hand_offs = vec![next]).unwrap();
    let note = NewMessage {
        from: "qa".to_owned(),
        to: "user".to_owned(),
        message_type: MessageType::Notification,
        content: "looking".to_owned(),
        metadata: Value::Null,
    };
    let qa = bench.claim(Role::Qa);
    bench.settle_with(&qa, complete(), |end| end.messages = vec![note]).unwrap();
    // Another workflow is another thread.
    bench.ask(&bench.claimed(Role::Security));
    for root in [asker.id, task.id, qa.id] {
        let filter = MessageFilter { root: Some(root), ..MessageFilter::default() };
        let mut thread = bench.store.messages(&filter).unwrap();
        thread.reverse();
        let told: Vec<(MessageType, &str)> =
            thread.iter().map(|message| (message.message_type, message.from.as_str())).collect();
        assert_eq!(
            told,
            [
                (MessageType::Question, "developer"),
                (MessageType::Answer, "architect"),
                (MessageType::Handoff, "developer"),
                (MessageType::Notification, "qa"),
            ]
        );
        assert_eq!(thread[1].answers(), Some(question));
        let only = MessageFilter { message_type: Some(MessageType::Handoff), ..filter };
        assert_eq!(bench.store.messages(&only).unwrap(), [thread[2].clone()]);
    }
}

/// A hand-off is accompanied by one message, which the next role has read when it claims just that task.
pub fn a_hand_off_is_read_when_its_task_is_claimed(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Developer);
    let next = || NewTask::new("verify_fix", Role::Qa, Party::Developer, Value::Null);
    let done = bench.settle_with(&task, complete(), |end| end.hand_offs = vec![next(), next()]).unwrap();
    let [first, second] = done.messages[..] else { panic!("one message for each: {:?}", done.messages) };
    let (one, two) = (done.inserted[0], done.inserted[1]);
    let shown = message(&bench, first);
    assert_eq!(
        (shown.message_type, shown.to.as_str(), shown.accompanies()),
        (MessageType::Handoff, "qa", Some(one))
    );
    assert_eq!(shown.read_at, None);
    let claimed = bench.store.claim(Role::Qa, Some(two), "w", super::MINUTE).unwrap().unwrap();
    let read = message(&bench, second).read_at;
    assert!(read.is_some());
    assert_eq!(message(&bench, first).read_at, None, "nobody has claimed that one");
    bench.settle(&claimed, Outcome::Release).unwrap();
    bench.store.claim(Role::Qa, Some(two), "w", super::MINUTE).unwrap();
    assert_eq!(message(&bench, second).read_at, read, "it was read the first time");
}

/// A reader marks what is for them as read, once; a question stays open until it is answered.
pub fn messages_are_read_once_and_questions_stay_open(make: Make<'_>) {
    let bench = make();
    let task = bench.claimed(Role::Developer);
    let note = |to: &str| NewMessage {
        from: "developer".to_owned(),
        to: to.to_owned(),
        message_type: MessageType::Notification,
        content: "look".to_owned(),
        metadata: Value::Null,
    };
    let (id, token) = (task.id, task.lease_token);
    let messages = vec![note("user"), note("qa")];
    let told = bench.store.execute(Command::Note { task: id, token, logs: Vec::new(), messages }).unwrap();
    let question = bench.ask(&task);
    let read = |messages: Vec<MessageId>| bench.store.execute(Command::Read { messages, by: Party::User });
    read(vec![told.messages[0], question]).unwrap();
    let at = message(&bench, told.messages[0]).read_at;
    assert!(at.is_some());
    assert_eq!(message(&bench, question).read_at, None);
    assert_eq!(bench.store.inbox().unwrap().len(), 1);
    read(vec![told.messages[0]]).unwrap();
    assert_eq!(message(&bench, told.messages[0]).read_at, at);
    assert!(matches!(refusal(read(told.messages.clone())), Refusal::Invalid(_)), "one of them is for qa");
    assert_eq!(refusal(read(vec![MessageId(999)])), Refusal::NoSuchMessage(MessageId(999)));
}
