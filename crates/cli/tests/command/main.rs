//! The `groundcrew` command as a user meets it: the real program, in a home folder of its own, with an empty
//! environment.

#![expect(clippy::unwrap_used, reason = "a test that meets something unexpected has failed")]

mod fixture;
mod support;

mod bad_input;
mod canaries;
mod cmd_agents;
mod cmd_answer;
mod cmd_approve;
mod cmd_audit;
mod cmd_bench;
mod cmd_bench_chaos;
mod cmd_completions;
mod cmd_db;
mod cmd_doctor;
mod cmd_fix;
mod cmd_inbox;
mod cmd_incidents;
mod cmd_init;
mod cmd_limits;
mod cmd_logs;
mod cmd_logs_templates;
mod cmd_man;
mod cmd_messages;
mod cmd_new;
mod cmd_pause;
mod cmd_reject;
mod cmd_scan;
mod cmd_schedules;
mod cmd_schema;
mod cmd_show;
mod cmd_signals;
mod cmd_status;
mod cmd_tasks;
mod cmd_trust;
mod cmd_up;
mod cmd_verify;
mod cmd_workers;
mod config_file;
mod databases;
mod demo;
mod docs;
mod exit_codes;
mod fix_javascript;
mod fix_rust;
mod killing;
mod manners;
mod node;
mod releases;
mod scanning;
mod terminal;
