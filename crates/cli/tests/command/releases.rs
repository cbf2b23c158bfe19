//! A service whose logs name the release that runs: the release in which an error began narrows who may have introduced
//! it, and its lines are those of that release.

use jiff::{SignedDuration, Timestamp};

use crate::support::Home;

const GREETING: &str = "def greet(name):\n    return 'hello ' + name\n";
const GOOD: &str = "\n\ndef price(bag):\n    return bag.get('price', 0)\n\n\ndef total(bags):\n    return sum(price(bag) for bag in bags)\n";
const BROKEN: &str = "\n\ndef price(bag):\n    amount = bag['price']\n    return amount\n\n\ndef total(bags):\n    return sum(price(bag) for bag in bags)\n";

/// A crash as release 1.1.0 logs it.
const CRASH: &str = "Traceback (most recent call last):\\n  File \\\"/srv/shop/app.py\\\", line 10, in total\\n    return sum(price(bag) for bag in bags)\\n  File \\\"/srv/shop/app.py\\\", line 6, in price\\n    amount = bag['price']\\nKeyError: 'price'";

/// A shop with two releases, of which the second brought the error, and a head at which its lines lie elsewhere.
struct Shop {
    home: Home,
    culprit: String,
}

impl Shop {
    fn new() -> Self {
        let home = Home::new();
        home.repository();
        let write = |text: &str| std::fs::write(home.shop().join("app.py"), text).unwrap();
        let commit = |subject: &str| {
            home.git(&["commit", "--quiet", "-am", subject]);
            home.git(&["rev-parse", "HEAD"])
        };
        write(&format!("{GREETING}{GOOD}"));
        commit("Greet people");
        home.git(&["tag", "v1.0.0"]);
        write(&format!("{GREETING}{BROKEN}"));
        let culprit = commit("Prices are always there");
        home.git(&["tag", "v1.1.0"]);
        write(&format!("\"\"\"The shop.\"\"\"\n\nLIMIT = 7\n\n\n{GREETING}{BROKEN}"));
        commit("Say what it is");
        std::fs::write(
            home.shop().join("groundcrew.toml"),
            "[logs]\npaths = [\"app.log\"]\n[triage]\nstop_at = \"report\"\n",
        )
        .unwrap();
        Self { home, culprit }
    }

    /// What the two releases logged.
    fn log(&self, first: &str, second: &str) {
        let now = Timestamp::now();
        let at = |minutes: i64| now - SignedDuration::from_mins(minutes);
        let mut text = String::new();
        for minute in (31..60).rev() {
            let time = at(minute);
            text += &format!(
                "{{\"time\":\"{time}\",\"level\":\"info\",\"msg\":\"served {minute}\",\"release\":\"{first}\"}}\n"
            );
        }
        for minute in (1..4).rev() {
            let time = at(minute);
            text += &format!(
                "{{\"time\":\"{time}\",\"level\":\"error\",\"msg\":\"order failed\",\"release\":\"{second}\",\"exc_info\":\"{CRASH}\"}}\n"
            );
        }
        std::fs::write(self.home.shop().join("app.log"), text).unwrap();
        self.home.ok(&["init"]);
        self.home.run(&["up", "--until-idle"]);
    }
}

#[test]
fn an_error_that_a_release_brought_names_the_release_and_suspects_what_came_with_it() {
    let shop = Shop::new();
    shop.log("shop@1.0.0", "shop@1.1.0");
    let shown = shop.home.json(&["incidents", "show", "1"]);
    assert_eq!(shown["incident"]["first_release"], "shop@1.1.0", "{shown:#}");
    assert_eq!(shown["incident"]["last_release"], "shop@1.1.0");
    assert_eq!(shown["releases"][0]["count"], 3);
    let judged = &shown["classification"];
    assert_eq!(judged["began"]["before"], "shop@1.0.0", "{judged:#}");
    assert_eq!(judged["suspects"][0]["sha"], *shop.culprit, "{judged:#}");
    let facts = &judged["suspects"][0]["facts"];
    assert_eq!(facts[0], "came with shop@1.1.0, in which the error began", "{judged:#}");
    assert!(judged["suspects"].as_array().unwrap().len() > 1, "one name alone is no evidence: {judged:#}");
    let at = (&judged["in_app_frame"]["file"], &judged["in_app_frame"]["line"]);
    assert_eq!(
        (at.0.as_str(), at.1.as_u64()),
        (Some("app.py"), Some(11)),
        "line 6 of the release is 11 of the head"
    );
    let told = shop.home.ok(&["incidents", "show", "1"]).stdout;
    for wanted in [
        "first in shop@1.1.0 (3 times)",
        "began in shop@1.1.0",
        "it brought 1 commit to the files of the stack since shop@1.0.0",
        "Prices are always there",
    ] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
}

#[test]
fn a_release_that_the_repository_does_not_know_is_said_and_the_head_is_used() {
    let shop = Shop::new();
    shop.log("shop@8.0.0", "shop@9.0.0");
    let judged = shop.home.json(&["incidents", "show", "1"])["classification"].clone();
    let detail = judged["began"]["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("began in shop@9.0.0, which is no tag and no commit of this repository"),
        "{detail}"
    );
    assert_eq!(judged["in_app_frame"]["line"], 11, "its statement is found where it is now");
}
