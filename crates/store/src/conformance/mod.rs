//! The promises that every store keeps, as functions that any backend can be put through.
//!
//! A backend's tests call [`conformance!`](crate::conformance) with a function that makes a [`Bench`]. What is not
//! promised here is not a behaviour of the store.
#![expect(clippy::unwrap_used, reason = "a promise that is not kept stops the test")]

mod decisions;
mod events;
mod grouping;
mod incidents;
mod life;
mod limits;
mod lines;
mod pauses;
mod queue;
mod record;
mod signals;
mod steps;
mod talk;
mod upkeep;
mod waits;

use std::sync::Arc;

use groundcrew_core::lifecycle::{Command, Outcome, Refusal, Settlement};
use groundcrew_core::message::Ask;
use groundcrew_core::role::{Party, Role};
use groundcrew_core::task::{BlockedOn, LeaseToken, MessageId, NewTask, Status, Task, TaskId};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{Receipt, Store, StoreError};

pub use decisions::*;
pub use events::*;
pub use grouping::*;
pub use incidents::*;
pub use life::*;
pub use limits::*;
pub use lines::*;
pub use pauses::*;
pub use queue::*;
pub use record::*;
pub use signals::*;
pub use steps::*;
pub use talk::*;
pub use upkeep::*;
pub use waits::*;

/// A fresh, empty store, and a way to its database that other programs have too.
pub struct Bench {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Runs SQL as another program would.
    pub sql: Box<dyn Fn(&str)>,
}

/// How a backend makes a bench.
pub type Make<'m> = &'m dyn Fn() -> Bench;

/// Puts a backend through every promise, each as a test of its own.
#[macro_export]
macro_rules! conformance {
    ($make:path) => {
        $crate::conformance!(@ $make:
            a_claim_takes_priority_then_age_then_key,
            a_task_waits_for_a_signal_whichever_comes_first,
            a_run_waits_for_a_signal_whichever_comes_first,
            a_wait_for_a_signal_is_no_wait_before_a_retry,
            a_signal_comes_once,
            a_completion_emits_with_its_end,
            a_wait_for_a_signal_can_end_without_it,
            everybody_who_waits_for_a_signal_goes_on,
            who_waits_is_served_when_a_signal_comes,
            a_role_runs_no_more_at_once_than_its_limit,
            what_a_limit_holds_back_is_passed_over,
            a_rate_lets_so_many_start_in_a_window,
            who_waits_behind_a_limit_is_served_when_it_is_free,
            limits_come_and_go_and_are_on_record,
            many_workers_keep_the_limits,
            a_claim_by_key_takes_that_task_or_says_why_not,
            a_claim_of_an_empty_queue_is_none,
            a_delayed_task_is_not_ready_before_its_time,
            a_key_is_held_by_one_open_task,
            a_periodic_task_may_hand_its_key_to_its_successor,
            rows_of_other_programs_are_worked,
            old_work_of_low_priority_does_not_starve,
            two_threads_never_claim_the_same_task,
            a_refused_command_undoes_nothing_of_its_neighbours,
            a_lost_lease_can_change_nothing,
            the_task_of_a_worker_that_ended_is_taken_back_at_once,
            a_completion_and_its_hand_offs_are_one,
            a_command_that_fails_half_way_leaves_nothing,
            only_a_completion_hands_off,
            a_failed_run_waits_and_the_fourth_fails_the_task,
            a_lost_lease_counts_as_a_failed_run,
            a_released_task_is_ready_at_once_and_not_counted,
            a_refusal_fails_for_good_with_its_code,
            a_foreign_running_row_gets_one_full_lease,
            a_cancelled_task_is_failed_and_says_by_whom,
            a_failed_task_can_be_put_back_with_fresh_retries,
            a_question_blocks_until_it_is_answered,
            an_answer_must_be_one_of_the_choices,
            a_question_is_answered_once,
            a_wait_needs_choices,
            a_cancelled_task_takes_its_question_out_of_the_inbox,
            a_cancelled_task_takes_its_open_children_with_it,
            the_last_child_wakes_its_parent,
            a_wait_for_children_that_have_ended_goes_on,
            a_task_that_lacks_something_can_be_put_back,
            sightings_make_one_incident_and_one_task,
            a_flood_of_errors_is_recorded_and_waits_its_turn,
            history_is_recorded_but_not_worked_until_it_happens_again,
            an_error_that_returns_after_its_fix_is_worked_again,
            cursors_are_saved_with_what_was_read,
            what_was_learned_changes_the_incident,
            agent_state_is_live,
            every_run_is_on_record,
            logs_can_be_followed,
            messages_can_be_found,
            tasks_can_be_found,
            counts_tell_what_each_role_has,
            counts_follow_what_other_programs_do,
            projects_are_known_by_their_root,
            workers_come_and_go,
            the_redaction_key_stays_the_same,
            the_clock_of_the_database_is_told,
            a_row_without_project_belongs_to_the_first,
            a_paused_role_claims_nothing_and_what_runs_goes_on,
            a_pause_of_all_roles_stops_everybody,
            pauses_are_on_record_and_may_be_repeated,
            a_schedule_makes_one_task_at_a_time,
            a_schedule_keeps_the_times_of_cron,
            two_sweeps_make_one_task_of_one_time,
            schedules_come_and_go,
            a_question_to_a_role_is_a_task_for_it,
            the_answer_of_a_role_wakes_the_asker,
            a_question_that_a_role_leaves_open_goes_to_the_person,
            the_person_may_answer_first,
            nobody_answers_a_task_that_is_over,
            a_role_is_asked_only_what_it_can_decide,
            the_messages_of_a_workflow_are_one_thread,
            a_hand_off_is_read_when_its_task_is_claimed,
            messages_are_read_once_and_questions_stay_open,
            an_incident_outlives_the_rule_that_named_it,
            a_merged_incident_outlives_the_rule_that_named_it,
            what_a_users_rule_tells_apart_takes_up_an_incident_once,
            similar_incidents_are_named_and_not_merged,
            a_split_restores_times_releases_and_work,
            what_is_ignored_until_a_moment_comes_back_after_it,
            what_is_ignored_for_a_number_of_occurrences_comes_back_after_them,
            what_is_ignored_until_a_release_comes_back_in_another_one,
            what_rules_hide_is_counted,
            an_ignored_incident_is_only_counted,
            a_reopened_incident_goes_to_triage_again,
            a_merged_incident_counts_for_the_other,
            incidents_are_counted_by_status,
            the_latest_task_of_each_incident_is_found,
            an_error_of_a_merged_incident_is_work_for_the_other,
            a_split_undoes_a_merge,
            incidents_are_never_merged_in_a_ring,
            occurrences_are_counted_over_time,
            traffic_is_added_up_over_time,
            an_incident_knows_the_releases_it_happened_in,
            releases_of_a_project_are_remembered,
            kinds_of_lines_are_counted_and_joined,
            what_is_told_about_a_kind_of_line_is_remembered,
            of_too_many_kinds_of_lines_the_oldest_are_forgotten,
            an_error_returns_only_after_its_fix_is_released,
            an_error_that_keeps_returning_is_one_task_a_day,
            a_burst_is_one_task_a_day,
            a_watch_changes_many_incidents_at_once,
            events_tell_what_concerns_the_person,
            a_bookmark_is_moved_by_one,
            a_waiting_worker_hears_of_new_work,
            tasks_are_created_together_or_not_at_all,
            a_claim_may_wait_for_its_task,
            a_waiting_claim_passes_nothing_over,
            each_waiting_claim_gets_a_task_of_its_own,
            a_waiting_claim_outlasts_a_pause,
            a_worker_ends_a_run_and_claims_the_next_in_one,
            a_command_that_fails_late_undoes_nothing_of_its_neighbours,
            old_entries_are_sealed_and_young_ones_later,
            a_sealed_entry_that_was_touched_is_named,
            an_entry_added_to_a_sealed_range_is_named,
            a_seal_that_was_touched_is_named,
            an_entry_of_any_time_is_sealed,
            a_worked_database_is_in_order,
            a_role_is_at_work_until_the_last_of_many_tasks_ends,
            figures_tell_what_is_there,
            finished_workflows_are_archived_and_deleted,
            events_and_counts_of_long_ago_are_deleted,
            a_workflow_that_is_still_needed_is_kept,
            the_parents_of_an_open_task_are_kept,
            a_recorded_step_is_there_for_every_later_run,
            a_step_of_a_lost_lease_is_refused,
            a_step_is_recorded_once_under_a_name_of_its_own,
            a_step_that_cannot_be_read_any_more_is_told_apart
        );
    };
    (@ $make:path: $($name:ident),+) => {
        $(#[test]
        fn $name() {
            $crate::conformance::$name(&$make);
        })+

        /// The names of all promises that are tested.
        #[cfg(test)]
        const PROMISES: &[&str] = &[$(stringify!($name)),+];
    };
}

const MINUTE: SignedDuration = SignedDuration::from_secs(60);
/// A lease that has expired when it begins.
const EXPIRED: SignedDuration = SignedDuration::from_secs(-1);

impl Bench {
    fn create(&self, role: Role) -> TaskId {
        self.create_as(NewTask::new("work", role, Party::User, json!({ "n": 1 })))
    }

    fn create_as(&self, task: NewTask) -> TaskId {
        self.store.execute(Command::Create(Box::new(task))).unwrap().inserted[0]
    }

    fn claim(&self, role: Role) -> Task {
        self.store.claim(role, None, "worker-1", MINUTE).unwrap().unwrap()
    }

    fn claimed(&self, role: Role) -> Task {
        self.create(role);
        self.claim(role)
    }

    fn settle(&self, task: &Task, outcome: Outcome) -> Result<Receipt, StoreError> {
        self.settle_with(task, outcome, |_| {})
    }

    fn settle_with(
        &self,
        task: &Task,
        outcome: Outcome,
        more: impl FnOnce(&mut Settlement),
    ) -> Result<Receipt, StoreError> {
        let mut settlement = Settlement::new(task.id, task.lease_token, outcome);
        more(&mut settlement);
        self.store.execute(Command::Settle(Box::new(settlement)))
    }

    fn ask(&self, task: &Task) -> MessageId {
        let ask = Ask::new("Go on?", &[("yes", "go on"), ("no", "stop")]);
        let outcome = Outcome::Block { on: BlockedOn::Question, ask: Some(ask) };
        self.settle(task, outcome).unwrap().question.unwrap()
    }

    fn answer(&self, question: MessageId, choice: &str) -> Result<Receipt, StoreError> {
        self.store.execute(Command::Answer {
            question,
            by: Party::User,
            choice: choice.to_owned(),
            comment: None,
            extra: Value::Null,
        })
    }

    /// Lets the time of all delayed tasks come, and sweeps.
    fn hurry(&self) {
        (self.sql)("UPDATE agent_tasks SET run_at = '2001-01-01 00:00:00.000' WHERE run_at IS NOT NULL");
        self.store.maintain(MINUTE).unwrap();
    }

    fn task(&self, id: TaskId) -> Task {
        self.store.task(id).unwrap().unwrap()
    }

    fn status(&self, id: TaskId) -> Status {
        self.task(id).status
    }
}

fn complete() -> Outcome {
    Outcome::Complete { result: json!({ "ok": true }) }
}

fn retry() -> Outcome {
    Outcome::Retry { error: "the disk hiccuped".to_owned() }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Refusal {
    match result {
        Err(StoreError::Refused(refusal)) => refusal,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn stale(task: &Task, current: i64, status: Status) -> Refusal {
    Refusal::StaleLease { task: task.id, held: task.lease_token, current: LeaseToken(current), status }
}
