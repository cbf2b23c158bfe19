//! Which keys of the settings widen the crew's power: commands, programs, files and addresses outside the repository,
//! and more than the usual share of the machine or of a person's attention.
//!
//! One table drives both what is named and what is taken back, so that they cannot differ. A key is in use where taking
//! it back changes the settings.

use std::path::{Component, Path};

use super::Config;

/// A key that widens power.
struct Power {
    /// Its name for people.
    key: &'static str,
    /// Puts what counts without trust in its place.
    take_back: fn(&mut Config),
}

/// Every key that widens power.
const POWERS: &[Power] = &[
    Power { key: "test.command", take_back: |config| config.test.command = None },
    Power { key: "test.python", take_back: |config| config.test.python = None },
    Power { key: "test.environment", take_back: |config| config.test.environment = None },
    Power { key: "test.setup", take_back: |config| config.test.setup = None },
    Power { key: "test.setup_network", take_back: |config| config.test.setup_network = false },
    Power { key: "test.env", take_back: |config| config.test.env.clear() },
    Power { key: "services", take_back: |config| config.services.clear() },
    Power { key: "sandbox.read", take_back: |config| config.sandbox.read.clear() },
    Power {
        key: "sandbox.memory_mb",
        take_back: |config| lower(&mut config.sandbox, |it| &mut it.memory_mb),
    },
    Power {
        key: "sandbox.processes",
        take_back: |config| lower(&mut config.sandbox, |it| &mut it.processes),
    },
    Power { key: "sandbox.disk_mb", take_back: |config| lower(&mut config.sandbox, |it| &mut it.disk_mb) },
    Power { key: "sandbox.file_mb", take_back: |config| lower(&mut config.sandbox, |it| &mut it.file_mb) },
    Power { key: "sandbox.tmp_mb", take_back: |config| lower(&mut config.sandbox, |it| &mut it.tmp_mb) },
    Power {
        key: "logs.paths outside the repository",
        take_back: |config| config.logs.paths.retain(|path| !leaves_repository(Path::new(path))),
    },
    Power { key: "logs.rules", take_back: |config| config.logs.rules.clear() },
    Power {
        key: "limits.open_branches",
        take_back: |config| lower(&mut config.limits, |it| &mut it.open_branches),
    },
    Power {
        key: "limits.branches_per_day",
        take_back: |config| lower(&mut config.limits, |it| &mut it.branches_per_day),
    },
    Power {
        key: "security.advisories outside the repository",
        take_back: |config| {
            config.security.advisories.take_if(|path| leaves_repository(path));
        },
    },
    Power {
        key: "release.file outside the repository",
        take_back: |config| {
            config.release.file.take_if(|path| leaves_repository(path));
        },
    },
    Power { key: "hooks.on_event", take_back: |config| config.hooks.on_event = None },
    Power { key: "health.checks", take_back: |config| config.health.checks.clear() },
];

impl Config {
    /// The keys set here that widen the crew's power.
    pub fn power_keys(&self) -> Vec<&'static str> {
        let widens = |power: &&Power| {
            let mut without = self.clone();
            (power.take_back)(&mut without);
            without != *self
        };
        POWERS.iter().filter(widens).map(|power| power.key).collect()
    }

    /// This configuration as it counts while its file is not trusted.
    #[must_use]
    pub fn without_power(mut self) -> Self {
        for power in POWERS {
            (power.take_back)(&mut self);
        }
        self
    }
}

/// A number no higher than the default: a stranger may ask for less and not for more.
fn lower<T: Default, N: Ord + Copy>(section: &mut T, number: fn(&mut T) -> &mut N) {
    let usual = *number(&mut T::default());
    let asked = number(section);
    *asked = usual.min(*asked);
}

fn leaves_repository(path: &Path) -> bool {
    path.is_absolute() || path.components().any(|part| part == Component::ParentDir)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use groundcrew_workbench::sandbox::Level;

    use super::*;
    use crate::config::Span;

    fn parse(text: &str) -> Config {
        Config::parse(text, Path::new("groundcrew.toml")).unwrap()
    }

    #[test]
    fn what_widens_power_is_named_and_does_not_count_untrusted() {
        let text = "[test]\ncommand = [\"sh\", \"-c\", \"touch pwned\"]\npython = \"bin/evil\"\ntimeout = \"9s\"\n\
                    environment = \"/other\"\nsetup = [\"make\"]\nsetup_network = true\nenv = { A = \"b\" }\n\
                    [[services]]\nname = \"db\"\naddress = \"127.0.0.1:5432\"\n\
                    [sandbox]\nminimum = \"strict\"\nread = [\"/\"]\nmemory_mb = 999999\nprocesses = 9999\n\
                    disk_mb = 999999\nfile_mb = 999999\ntmp_mb = 999999\n\
                    [logs]\npaths = [\"app.log\", \"/etc/shadow\", \"../../secret\"]\n\
                    [[logs.rules]]\ntype = \"*\"\nignore = true\n\
                    [hooks]\non_event = [\"evil\"]\n\
                    [[health.checks]]\nname = \"x\"\nkind = \"tcp\"\ntarget = \"127.0.0.1:1\"\n";
        let config = parse(text);
        assert_eq!(
            config.power_keys(),
            [
                "test.command",
                "test.python",
                "test.environment",
                "test.setup",
                "test.setup_network",
                "test.env",
                "services",
                "sandbox.read",
                "sandbox.memory_mb",
                "sandbox.processes",
                "sandbox.disk_mb",
                "sandbox.file_mb",
                "sandbox.tmp_mb",
                "logs.paths outside the repository",
                "logs.rules",
                "hooks.on_event",
                "health.checks"
            ]
        );
        let weak = config.without_power();
        assert_eq!(weak.power_keys(), Vec::<&str>::new());
        assert_eq!(weak.logs.paths, ["app.log"]);
        assert_eq!(weak.test.timeout, Span::seconds(9), "what does not widen power still counts");
        assert_eq!(weak.sandbox.minimum, Level::Strict, "what narrows it counts too");
    }

    #[test]
    fn limits_may_be_lowered_without_trust_and_raised_only_with_it() {
        let raised = "[limits]\nopen_branches = 50\nbranches_per_day = 100\n[security]\nadvisories = \"/etc/known.json\"\n";
        let config = parse(raised);
        assert_eq!(
            config.power_keys(),
            ["limits.open_branches", "limits.branches_per_day", "security.advisories outside the repository"]
        );
        assert_eq!(config.without_power(), Config::default());
        let lowered = parse("[limits]\nopen_branches = 1\n[security]\nadvisories = \"known.json\"\n");
        assert_eq!(lowered.power_keys(), Vec::<&str>::new());
        assert_eq!(lowered.clone().without_power(), lowered);
    }

    /// Keys that count from any file: they narrow, or say where things are within the repository, or how eager the crew is.
    const HARMLESS: &[&str] = &[
        "change.max_candidates",
        "change.max_files",
        "change.max_lines",
        "change.only",
        "change.time",
        "change.versions",
        "design.layers",
        "health.hosts",
        "hooks.events",
        "logs.baseline",
        "logs.every",
        "logs.redact",
        "logs.redact_patterns",
        "project.branch",
        "project.name",
        "release.branch",
        "release.commit",
        "release.source_maps",
        "release.tags",
        "sandbox.minimum",
        "security.scan_secrets",
        "test.junit",
        "test.timeout",
        "triage.environment",
        "triage.stop_at",
        "triage.user_errors",
        "watch.absent",
        "watch.baseline",
        "watch.every",
        "watch.factor",
        "watch.gaps",
        "watch.learn",
        "watch.minimum",
        "watch.silent",
        "watch.window",
    ];

    #[test]
    fn of_every_key_it_is_decided_whether_it_widens_power_and_its_description_says_so() {
        let schema = serde_json::Value::from(schemars::schema_for!(Config));
        let mut told = BTreeSet::new();
        let mut untold = BTreeSet::new();
        let mut put = |key: String, description: &serde_json::Value| {
            let text = description["description"].as_str().unwrap();
            if text.contains("idens power") || text.contains("iden power") {
                told.insert(key)
            } else {
                untold.insert(key)
            }
        };
        for (section, of) in schema["properties"].as_object().unwrap() {
            match of["$ref"].as_str() {
                None => {
                    put(section.clone(), of);
                }
                Some(name) => {
                    let definition = &schema["$defs"][name.trim_start_matches("#/$defs/")];
                    for (key, field) in definition["properties"].as_object().unwrap() {
                        put(format!("{section}.{key}"), field);
                    }
                }
            }
        }
        let first = |key: &'static str| key.split(' ').next().unwrap().to_owned();
        assert_eq!(told, POWERS.iter().map(|power| first(power.key)).collect());
        assert_eq!(untold, HARMLESS.iter().map(|key| (*key).to_owned()).collect());
    }
}
