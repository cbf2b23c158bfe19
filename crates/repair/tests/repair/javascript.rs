//! Failing tests of JavaScript and TypeScript: crashes, wrong results, and what is undone in any language.

use groundcrew_core::evidence::ChangeKind;
use groundcrew_repair::Facts;

use crate::project::{Project, content};

const NODE: &[&str] = &["node", "--test"];

/// Whether node is there; said aloud where not.
fn node() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| folder.join("node").is_file());
    if !found {
        eprintln!("SKIPPED: node is not installed");
    }
    found
}

fn failing(tests: &[&str]) -> Facts {
    Facts { failing_tests: tests.iter().map(|test| (*test).to_owned()).collect(), ..Facts::default() }
}

const CART: &str = "'use strict';\n\nfunction total(cart) {\n  let sum = 0;\n  for (const item of cart.items) {\n    sum += item.price * item.count;\n  }\n  if (cart.customer.coupon) {\n    sum -= cart.coupon.amount;\n  }\n  return sum;\n}\n\nmodule.exports = { total };\n";
const CART_TEST: &str = "const { test, describe, it } = require('node:test');\nconst assert = require('node:assert');\nconst { total } = require('../cart');\n\ntest('plain', () => {\n  assert.strictEqual(total({ items: [{ price: 2, count: 3 }], customer: {} }), 6);\n});\n\ndescribe('coupons', () => {\n  it('are taken off', () => {\n    const customer = { coupon: { amount: 1 } };\n    assert.strictEqual(total({ items: [{ price: 2, count: 3 }], customer }), 5);\n  });\n});\n";

#[test]
fn a_property_of_nothing_is_read_where_it_is() {
    if !node() {
        return;
    }
    let project = Project::new(&[&[("cart.js", CART), ("test/cart.test.js", CART_TEST)]], Some(NODE));
    let repaired = project.repaired(&failing(&["test/cart.test.js > coupons > are taken off"]));
    assert_eq!(content(&repaired), CART.replace("cart.coupon.amount", "cart.customer.coupon.amount"));
    assert_eq!(repaired.chosen.kind, ChangeKind::Cause);
    assert_eq!((repaired.root_cause.file.as_str(), repaired.root_cause.line), ("cart.js", 9));
    let reproduction = repaired.reproduction.unwrap();
    assert_eq!((reproduction.exception.as_str(), reproduction.file.as_str()), ("TypeError", "cart.js"));
}

#[test]
fn modules_that_are_imported_are_repaired_too_and_the_result_is_the_same_each_time() {
    if !node() {
        return;
    }
    let code = "export function bins(values, width) {\n  const found = new Map();\n  for (const value of values) {\n    const start = Math.floor(value / width) * width;\n    found.set(start, (found.get(start) ?? 1) + 1);\n  }\n  return found;\n}\n";
    let test = "import { test } from 'node:test';\nimport assert from 'node:assert/strict';\nimport { bins } from '../src/bins.js';\n\ntest('bins', () => {\n  assert.deepEqual([...bins([1, 2, 11], 10)], [[0, 2], [10, 1]]);\n});\n\ntest('none', () => {\n  assert.deepEqual([...bins([], 10)], []);\n});\n";
    let files =
        [("package.json", "{\"type\": \"module\"}\n"), ("src/bins.js", code), ("test/bins.test.js", test)];
    let project = Project::new(&[&files], Some(NODE));
    let facts = failing(&["test/bins.test.js > bins"]);
    let repaired = project.repaired(&facts);
    assert_eq!(content(&repaired), code.replace("?? 1", "?? 0"));
    assert_eq!(repaired, project.repaired(&facts));
}

#[test]
fn the_small_commit_that_broke_a_test_is_undone() {
    if !node() {
        return;
    }
    let right = "exports.share = (part, all) => {\n  if (all === 0) {\n    return 0;\n  }\n  return Math.round((part / all) * 100);\n};\n";
    let wrong = right.replace("  if (all === 0) {\n    return 0;\n  }\n", "");
    let test = "const test = require('node:test');\nconst assert = require('assert');\nconst { share } = require('./share.js');\n\ntest('half', () => assert.strictEqual(share(1, 2), 50));\ntest('of nothing', () => assert.strictEqual(share(0, 0), 0));\n";
    let commits: [&[(&str, &str)]; 3] =
        [&[("share.js", right), ("share.test.js", test)], &[("notes.txt", "a\n")], &[("share.js", &wrong)]];
    let project = Project::new(&commits, Some(NODE));
    let repaired = project.repaired(&failing(&["share.test.js > of nothing"]));
    assert_eq!(content(&repaired), right);
    assert_eq!(repaired.chosen.kind, ChangeKind::Revert);
    assert!(repaired.suspects[0].evidence.starts_with("bisect"), "{:?}", repaired.suspects);
}

#[test]
fn in_any_language_the_culprit_is_found_by_the_test_command_and_undone() {
    let commits: [&[(&str, &str)]; 4] = [
        &[("total.sh", "echo $(($1 + $2))\n"), ("check.sh", "test \"$(sh total.sh 2 3)\" = 5\n")],
        &[("README", "Adds.\n")],
        &[("total.sh", "echo $(($1 - $2))\n")],
        &[("README", "Adds numbers.\n")],
    ];
    let project = Project::new(&commits, Some(&["sh", "check.sh"]));
    let repaired = project.repaired(&Facts { is_red: true, ..Facts::default() });
    assert_eq!(content(&repaired), "echo $(($1 + $2))\n");
    assert_eq!(repaired.chosen.kind, ChangeKind::Revert);
    let reproduction = repaired.reproduction.unwrap();
    assert_eq!((reproduction.kind.as_str(), reproduction.call.as_str()), ("command", "sh check.sh"));
    assert_eq!(reproduction.test_id, None);
}
