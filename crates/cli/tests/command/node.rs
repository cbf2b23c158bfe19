//! A service in Node that really runs and really fails: each of its errors is told apart, placed and blamed; what can be made
//! to happen again is repaired, and everything else is handed to the person.

use std::fs::{File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Home, until};

const PACKAGE: &str = r#"{
  "name": "till",
  "version": "1.4.0",
  "private": true,
  "main": "src/server.js",
  "scripts": { "start": "node src/server.js", "test": "node --test test/" },
  "dependencies": { "rounding": "2.1.0" }
}
"#;

const LOG: &str = r"'use strict';

const util = require('node:util');

/** One record per event, with the whole error below its first line. */
function write(level, text, error) {
  const details = error === undefined ? '' : `\n${util.inspect(error)}`;
  process.stderr.write(`${new Date().toISOString()} ${level} till: ${text}${details}\n`);
}

exports.info = (text) => write('INFO', text);
exports.error = (text, error) => write('ERROR', text, error);
";

const ORDERS: &str = r"'use strict';

const { toCents } = require('rounding');

const customers = new Map([['1', { name: 'Ann' }]]);
const orders = new Map([
  ['1', { customer: '1', lines: [{ price: 20, amount: 2 }] }],
  ['2', { customer: '7', lines: [{ price: 4, amount: 1 }] }],
  ['3', { customer: '1', lines: [{ price: 'four', amount: 1 }] }],
  ['4', { customer: '1', lines: [{ price: null, amount: 1 }] }],
]);

/** What an order costs, in cents. */
async function total(id) {
  const order = orders.get(id);
  let sum = 0;
  for (const line of order.lines) {
    sum += toCents(line.price) * line.amount;
  }
  return sum;
}

module.exports = { total };
";

/// What a later commit made of the sum: nobody has a discount who is no customer.
const DISCOUNT: &str =
    "  const customer = customers.get(order.customer);\n  return Math.round(sum * (1 - customer.discount));";

const RATES: &str = r"'use strict';

/** The rate of a currency, asked from the bank. */
async function rate(currency) {
  try {
    const answer = await fetch(`${process.env.BANK}/rates/${currency}`);
    return await answer.json();
  } catch (error) {
    throw new Error(`no rate for ${currency}`, { cause: error });
  }
}

module.exports = { rate };
";

const SERVER: &str = r"'use strict';

const http = require('node:http');
const log = require('./log');
const { total } = require('./orders');
const { rate } = require('./rates');

async function answer(path) {
  const [, what, id] = path.split('/');
  if (what === 'orders') return { total: await total(id) };
  if (what === 'rates') return { rate: await rate(id) };
  return undefined;
}

const server = http.createServer(async (request, response) => {
  try {
    const found = await answer(request.url);
    response.writeHead(found === undefined ? 404 : 200).end(JSON.stringify(found));
    log.info(`${request.method} ${request.url} ${response.statusCode}`);
  } catch (error) {
    log.error(`${request.method} ${request.url} failed`, error);
    response.writeHead(500).end();
  }
});

server.listen(0, '127.0.0.1', () => {
  log.info('open');
  process.stdout.write(`${server.address().port}\n`);
});
";

const NIGHTLY: &str = r"'use strict';

const log = require('./log');

/** The takings of each shop, as the shops send them over night. */
function takings(reports) {
  return reports.map((report) => report.days.at(-1).takings);
}

log.info('nightly run');
setImmediate(() => log.info(`takings ${takings([{ days: [{ takings: 3 }] }, { days: [] }])}`));
";

/// A package that is installed and not part of the repository.
const ROUNDING: &str = r"'use strict';

const drift = [];

exports.toCents = (price) => {
  if (price === null) throw new TypeError('a price is missing');
  setImmediate(() => drift.push(price.toFixed(4)));
  return Math.round(price * 100);
};
";

const TEST: &str = r"'use strict';

const assert = require('node:assert');
const { test } = require('node:test');
const { total } = require('../src/orders');

test('an order costs what its lines cost', async () => {
  assert.strictEqual(await total('1'), 4000);
});
";

/// The service's repository, made by three people.
fn till() -> Home {
    let home = Home::new();
    let write = |file: &str, text: &str| {
        let path = home.shop().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let commit = |author: &str, subject: &str| {
        home.git(&["add", "."]);
        home.git(&["-c", &format!("user.name={author}"), "commit", "--quiet", "-m", subject]);
    };
    home.git(&["init", "--quiet", "--initial-branch", "main"]);
    for (file, text) in [
        (".gitignore", "node_modules/\n*.log\n"),
        ("CODEOWNERS", "/src/orders.js @shop/till\n"),
        ("package.json", PACKAGE),
        ("src/log.js", LOG),
        ("src/orders.js", ORDERS),
        ("src/rates.js", RATES),
        ("src/server.js", SERVER),
        ("test/orders.test.js", TEST),
        (
            "node_modules/rounding/package.json",
            r#"{ "name": "rounding", "version": "2.1.0", "main": "index.js" }"#,
        ),
        ("node_modules/rounding/index.js", ROUNDING),
    ] {
        write(file, text);
    }
    commit("Owner", "The till");
    write("src/nightly.js", NIGHTLY);
    commit("Bea", "Takings are summed up over night");
    write("src/orders.js", &orders());
    commit("Ann", "Customers have a discount");
    home
}

fn orders() -> String {
    ORDERS.replace("  return sum;", DISCOUNT)
}

/// A program of the service, whose errors go to its log.
fn node(home: &Home, arguments: &[&str], bank: &str) -> Child {
    let log = OpenOptions::new().append(true).create(true).open(home.shop().join("till.log")).unwrap();
    let mut command = Command::new("node");
    command.args(arguments).current_dir(home.shop()).env("BANK", bank).env_remove("NODE_OPTIONS");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().unwrap()
}

/// The status with which the service answers; none if it dies of the request.
fn ask(port: u16, path: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: till\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

/// What a day brings: the service answers, fails, and dies of what a package does later; so does the nightly run.
fn a_day(home: &Home) {
    // Nothing listens where this did.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let bank = format!("http://{closed}");
    let mut service = node(home, &["src/server.js"], &bank);
    let mut line = String::new();
    BufReader::new(service.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let port = line.trim().parse().unwrap();
    for (path, status) in [
        ("/orders/2", 500),
        ("/rates/EUR", 500),
        ("/orders/4", 500),
        ("/nothing", 404),
        ("/rates/USD", 500),
        ("/orders/2", 500),
    ] {
        assert_eq!(ask(port, path), Some(status), "{path}");
    }
    ask(port, "/orders/3");
    until("the service dies", || service.try_wait().unwrap().is_some());
    let ended = node(home, &["src/nightly.js"], &bank).wait().unwrap();
    assert_eq!(ended.code(), Some(1), "{}", std::fs::read_to_string(home.shop().join("till.log")).unwrap());
}

/// The number of the first line that contains a text.
fn line_of(source: &str, text: &str) -> usize {
    source.lines().position(|line| line.contains(text)).unwrap() + 1
}

/// What is known of an incident, by its title.
fn known(home: &Home, incident: &Value) -> Value {
    let shown = home.json(&["incidents", "show", &incident["id"].to_string()]);
    let (incident, found) = (&shown["incident"], &shown["classification"]);
    let frame = &found["in_app_frame"];
    let place = frame["file"].as_str().map(|file| format!("{file}:{}", frame["line"]));
    json!({
        "title": incident["title"], "seen": incident["occurrences"], "status": incident["status"],
        "category": incident["category"], "severity": incident["severity"], "reason": incident["reason"],
        "goes_to": found["route"], "stop_at": found["stop_at"], "place": place, "owner": found["owner"]["name"],
        "suspect": found["suspects"][0]["subject"],
    })
}

fn expected() -> Vec<Value> {
    let orders = orders();
    let discount = format!("src/orders.js:{}", line_of(&orders, "customer.discount"));
    let cents = format!("src/orders.js:{}", line_of(&orders, "toCents(line.price)"));
    let rates = format!("src/rates.js:{}", line_of(RATES, "throw new Error"));
    let nightly = format!("src/nightly.js:{}", line_of(NIGHTLY, "report.days.at"));
    vec![
        json!({
            "title": "Error in rate: no rate for EUR", "seen": 2, "status": "ignored", "category": "infrastructure",
            "severity": "medium", "goes_to": "ignore", "stop_at": "report", "place": rates, "owner": "Owner",
            "suspect": "The till",
            "reason": "another machine or service did not answer (Error: econnrefused): no change of this code makes it answer",
        }),
        json!({
            "title": "TypeError in Immediate.<anonymous>: price.toFixed is not a function", "seen": 1,
            "status": "needs_human", "category": "dependency", "severity": "medium", "goes_to": "human",
            "stop_at": "report", "place": null, "owner": null, "suspect": null,
            "reason": "TypeError was raised in the installed package rounding, and no frame of the stack lies in this \
                       repository, so it cannot be repaired here",
        }),
        json!({
            "title": "TypeError in total: Cannot read properties of undefined (reading 'discount')", "seen": 2,
            "status": "fix_ready", "category": "regression", "severity": "high", "goes_to": "developer",
            "stop_at": "branch", "place": discount, "owner": "@shop/till", "suspect": "Customers have a discount",
            "reason": "a fix of grade A waits for approval",
        }),
        json!({
            "title": "TypeError in total: a price is missing", "seen": 1, "status": "fix_ready",
            "category": "regression", "severity": "high", "goes_to": "developer", "stop_at": "branch", "place": cents,
            "owner": "@shop/till", "suspect": "Customers have a discount",
            "reason": "a draft of grade C waits for approval",
        }),
        json!({
            "title": "TypeError: Cannot read properties of undefined (reading 'takings')", "seen": 1,
            "status": "fix_ready", "category": "code_bug", "severity": "high", "goes_to": "developer",
            "stop_at": "branch", "place": nightly, "owner": "Bea", "suspect": "Takings are summed up over night",
            "reason": "a draft of grade D waits for approval",
        }),
    ]
}

#[test]
fn every_error_of_a_node_service_is_told_apart_and_what_happens_again_is_repaired() {
    if Command::new("node").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: node is not installed");
        return;
    }
    let home = till();
    File::create(home.shop().join("till.log")).unwrap();
    let found = home.json(&["init"]);
    assert_eq!(found["project"]["tests"], json!(["npm", "test"]));
    assert_eq!(found["project"]["logs"], json!(["till.log"]));
    let tests = node(&home, &["--test", "test/"], "").wait_with_output().unwrap();
    assert_eq!(tests.status.code(), Some(1), "the discount was released although a test fails");
    File::create(home.shop().join("till.log")).unwrap();
    a_day(&home);
    let ran = home.run(&["up", "--until-idle", "--quiet"]);
    assert_eq!(ran.code, Some(3), "fixes wait for approval: {}{}", ran.stdout, ran.stderr);

    let incidents = home.json(&["incidents"]);
    let mut known: Vec<Value> =
        incidents["incidents"].as_array().unwrap().iter().map(|incident| known(&home, incident)).collect();
    // That the suite fails without any change is told as often as somebody meets it.
    known.retain(|incident| !incident["title"].as_str().unwrap().starts_with("the test suite is red"));
    known.sort_by_key(|incident| incident["title"].to_string());
    assert_eq!(known, expected());
    the_culprit_is_undone(&home);
}

/// What a request that the service logged shows is cured by undoing the commit that brought it, with a test of its own.
fn the_culprit_is_undone(home: &Home) {
    let branches = home.git(&["for-each-ref", "--format=%(refname:short)", "refs/heads/groundcrew"]);
    let undone: Vec<&str> = branches
        .lines()
        .filter(|branch| home.git(&["show", &format!("{branch}:src/orders.js")]) == ORDERS.trim_end())
        .collect();
    let [branch] = undone.as_slice() else { panic!("{branches}") };
    let test = home.git(&["show", &format!("{branch}:test/regression-total-typeerror.test.js")]);
    assert!(
        test.contains("const { total } = require('../src/orders');") && test.contains("await total('2');"),
        "{test}"
    );
    assert_eq!(home.git(&["status", "--porcelain"]), "?? groundcrew.toml");
}
