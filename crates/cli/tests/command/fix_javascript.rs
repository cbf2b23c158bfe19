//! Programs of JavaScript and TypeScript, repaired by the whole program with the runner that each has.
//!
//! The runners are looked for in the folder that `GROUNDCREW_TEST_NODE_MODULES` names, which `scripts/test` fills; without it
//! these tests say that they are skipped.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::Home;

/// The folder of packages, which has `program`; none, said aloud, where there is none.
#[expect(clippy::print_stderr, reason = "a skipped test must be loud")]
fn packages(program: &str) -> Option<PathBuf> {
    let found = std::env::var_os("GROUNDCREW_TEST_NODE_MODULES").map(PathBuf::from);
    let found = found.filter(|folder| folder.join(".bin").join(program).exists());
    if found.is_none() {
        eprintln!("SKIPPED: no {program}; name a node_modules that has it by GROUNDCREW_TEST_NODE_MODULES");
    }
    found
}

/// A project whose packages lie in its own folder, as a package manager leaves them.
fn project(test: &str, files: &[(&str, &str)], packages: &Path) -> Home {
    let home = Home::new();
    let package = format!("{{ \"type\": \"{}\", \"scripts\": {{ \"test\": \"{test}\" }} }}\n", kind(files));
    let fixed = [("package.json", package.as_str()), (".gitignore", "node_modules/\n")];
    for (path, text) in fixed.iter().chain(files) {
        let path = home.shop().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let to = home.shop().join("node_modules");
    // Linked where the file system can, since copies of so many files take long.
    let linked = Command::new("cp").arg("-al").arg(packages).arg(&to).status().unwrap();
    if !linked.success() {
        std::fs::remove_dir_all(&to).ok();
        assert!(Command::new("cp").arg("-a").arg(packages).arg(&to).status().unwrap().success());
    }
    home.git(&["init", "--quiet", "--initial-branch", "main"]);
    home.git(&["add", "."]);
    home.git(&["commit", "--quiet", "-m", "The program"]);
    home
}

fn kind(files: &[(&str, &str)]) -> &'static str {
    let modules = files.iter().any(|(_, text)| text.contains("export "));
    if modules { "module" } else { "commonjs" }
}

/// The fix, whose diff must be this one line for that.
fn fixed(home: &Home, removed: &str, added: &str) -> Value {
    let ran = home.run(&["fix", "--json", "--quiet"]);
    let document: Value =
        serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr));
    let diff = document["diff"].as_str().unwrap_or_else(|| panic!("{document:#}"));
    let changed: Vec<&str> = diff
        .lines()
        .filter(|line| line.starts_with(['-', '+']) && !line.starts_with("---") && !line.starts_with("+++"))
        .map(|line| line.trim_start_matches(['-', '+']).trim())
        .collect();
    assert_eq!(changed, [removed, added], "{diff}");
    assert_eq!(home.git(&["status", "--porcelain"]), "", "nothing in the checkout changes");
    document
}

const STOCK: &str = "class Stock {\n  constructor() {\n    this.amounts = new Map();\n  }\n\n  add(sku, amount) {\n    this.amounts.set(sku, this.of(sku) - amount);\n    return this;\n  }\n\n  of(sku) {\n    return this.amounts.get(sku) ?? 0;\n  }\n}\n\nmodule.exports = { Stock };\n";

#[test]
fn a_project_with_jest_is_repaired() {
    let Some(packages) = packages("jest") else { return };
    let test = "const { Stock } = require('../src/stock');\n\ndescribe('Stock', () => {\n  let stock;\n  beforeEach(() => {\n    stock = new Stock();\n  });\n\n  it('is empty', () => {\n    expect(stock.of('pen')).toBe(0);\n  });\n\n  it.each([[1, 2, 3], [5, 0, 5]])('holds %i and %i', (one, two, sum) => {\n    const heard = jest.fn((value) => value);\n    heard(stock.add('pen', one).add('pen', two).of('pen'));\n    expect(heard).toHaveBeenCalledWith(sum);\n  });\n});\n";
    let home = project("jest", &[("src/stock.js", STOCK), ("test/stock.test.js", test)], &packages);
    let (wrong, right) =
        ("this.amounts.set(sku, this.of(sku) - amount);", "this.amounts.set(sku, this.of(sku) + amount);");
    let document = fixed(&home, wrong, right);
    assert!(matches!(document["grade"].as_str(), Some("A" | "B")), "{document:#}");
}

#[test]
fn a_project_with_mocha_is_repaired() {
    let Some(packages) = packages("mocha") else { return };
    let test = "const assert = require('assert');\nconst { Stock } = require('../src/stock');\n\ndescribe('Stock', function () {\n  this.timeout(5000);\n\n  before(function () {\n    this.stock = new Stock();\n  });\n\n  it('is empty', function () {\n    assert.strictEqual(this.stock.of('pen'), 0);\n  });\n\n  it('adds', function (done) {\n    setImmediate(() => {\n      assert.deepStrictEqual([this.stock.add('pen', 2).of('pen')], [2]);\n      done();\n    });\n  });\n\n  it('adds to what is there', function () {\n    assert.strictEqual(new Stock().add('a', 2).add('a', 3).of('a'), 5);\n  });\n});\n";
    let home = project("mocha", &[("src/stock.js", STOCK), ("test/stock.js", test)], &packages);
    let (wrong, right) =
        ("this.amounts.set(sku, this.of(sku) - amount);", "this.amounts.set(sku, this.of(sku) + amount);");
    let document = fixed(&home, wrong, right);
    assert!(matches!(document["grade"].as_str(), Some("A" | "B")), "{document:#}");
}

const DAYS: &str = "export type Day = { open: number; close: number };\n\n/** How long a shop is open, in hours. */\nexport function hours(days: readonly Day[]): number {\n  let sum = 0;\n  for (const day of days) {\n    sum = day.close - day.open;\n  }\n  return sum;\n}\n\nexport function longest(days: readonly Day[]): Day | undefined {\n  return [...days].sort((a, b) => b.close - b.open - (a.close - a.open))[0];\n}\n";

#[test]
fn a_project_of_typescript_with_vitest_is_repaired() {
    let Some(packages) = packages("vitest") else { return };
    let test = "import { describe, expect, it, vi } from 'vitest';\nimport { hours, longest, type Day } from '../src/days';\n\nconst week: Day[] = [{ open: 8, close: 18 }, { open: 9, close: 12 }];\n\ndescribe('days', () => {\n  it('sums up', () => {\n    const told = vi.fn();\n    told(hours(week));\n    expect(told).toHaveBeenCalledWith(13);\n  });\n\n  it('has none', () => {\n    expect(hours([])).toBe(0);\n  });\n\n  it('finds the longest', () => {\n    expect(longest(week)).toEqual({ open: 8, close: 18 });\n  });\n});\n";
    let home = project("vitest run", &[("src/days.ts", DAYS), ("test/days.test.ts", test)], &packages);
    let document = fixed(&home, "sum = day.close - day.open;", "sum += day.close - day.open;");
    assert!(matches!(document["grade"].as_str(), Some("A" | "B")), "{document:#}");
}

#[test]
fn a_project_of_typescript_that_node_tests_through_tsx_is_repaired() {
    let Some(packages) = packages("tsx") else { return };
    let test = "import { test } from 'node:test';\nimport assert from 'node:assert/strict';\nimport { hours, longest } from '../src/days.js';\n\ntest('sums up', () => {\n  assert.equal(hours([{ open: 8, close: 18 }, { open: 9, close: 12 }]), 13);\n});\n\ntest('none', () => {\n  assert.equal(hours([]), 0);\n  assert.equal(longest([]), undefined);\n});\n";
    let command = "node --import tsx --test test/days.test.ts";
    let home = project(command, &[("src/days.ts", DAYS), ("test/days.test.ts", test)], &packages);
    let document = fixed(&home, "sum = day.close - day.open;", "sum += day.close - day.open;");
    assert!(matches!(document["grade"].as_str(), Some("A" | "B")), "{document:#}");
}

/// What the verification says, from the page of evidence.
fn verified(document: &Value) -> Value {
    let path = document["evidence"]["json"].as_str().unwrap();
    let page: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    page["verification"].clone()
}

#[test]
fn a_crash_that_is_cured_without_another_result_on_any_input_is_graded_a() {
    let home = Home::new();
    let code = "'use strict';\n\nfunction total(cart) {\n  let sum = 0;\n  for (const item of cart.items) {\n    sum += item.price * item.count;\n  }\n  if (cart.customer.coupon) {\n    sum -= cart.coupon.amount;\n  }\n  return sum;\n}\n\nmodule.exports = { total };\n";
    let test = "const { test } = require('node:test');\nconst assert = require('node:assert');\nconst { total } = require('../cart');\n\ntest('plain', () => {\n  assert.strictEqual(total({ items: [{ price: 2, count: 3 }], customer: {} }), 6);\n});\n\ntest('coupon', () => {\n  const customer = { coupon: { amount: 1 } };\n  assert.strictEqual(total({ items: [{ price: 2, count: 3 }], customer }), 5);\n});\n";
    for (path, text) in [
        ("package.json", "{ \"scripts\": { \"test\": \"node --test\" } }\n"),
        ("cart.js", code),
        ("test/cart.test.js", test),
    ] {
        let path = home.shop().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    home.git(&["init", "--quiet", "--initial-branch", "main"]);
    home.git(&["add", "."]);
    home.git(&["commit", "--quiet", "-m", "The program"]);
    let document = fixed(&home, "sum -= cart.coupon.amount;", "sum -= cart.customer.coupon.amount;");
    let verified = verified(&document);
    assert_eq!(
        (&document["grade"], &verified["gates"]["differential"]),
        (&"A".into(), &"equal".into()),
        "{verified:#}"
    );
    let check =
        verified["checks"].as_array().unwrap().iter().find(|check| check["name"] == "differential").unwrap();
    let detail = check["detail"].as_str().unwrap();
    let compared: u32 = detail.split_whitespace().nth(2).unwrap().parse().unwrap();
    assert!(detail.starts_with("0 of ") && compared >= 10, "{detail}");
}
