//! Triage: says what an incident is and where it goes, or why no code fix is right.
//!
//! It reads the repository (files, blame, history) and runs nothing: log text is a stranger's, and triage has no tools
//! that such text could turn.
//!
//! | file | what |
//! | --- | --- |
//! | `facts` | what is known of the error itself |
//! | `scene` | where its stack lies in a commit, or why not |
//! | `release` | which release it began in, and which ran |
//! | `memory` | what git said about commits lately |
//! | `suspects` | which commits may have introduced it |
//! | `owners` | who looks after the code |
//! | `duplicates` | whether its root cause is worked already |
//! | `hints` | from where a reproduction could take its input |
//! | `outcome` | what follows from the judgement |

mod duplicates;
mod facts;
mod hints;
mod memory;
mod outcome;
mod owners;
mod release;
mod scene;
mod suspects;

use std::path::Path;

use groundcrew_core::contract::task_type::CLASSIFY_ERROR;
use groundcrew_core::contract::{Began, Classification, ClassifyErrorContext, Owner, Route, StopAt, Suspect};
use groundcrew_core::incident::{Category, Incident};
use groundcrew_core::message::Ask;
use groundcrew_core::role::Role;
use groundcrew_core::task::{BlockedOn, IncidentId};
use groundcrew_store::IncidentFilter;
use groundcrew_workbench::git::{GitError, RepoPath, Repository, Sha};

use crate::agent::{Agent, Ending, HAND_OVER, Job, Trouble};
use crate::brain::{ErrorFacts, rules};
use crate::site::Site;

use facts::Facts;
use memory::{Lines, Memory};
use outcome::{hand_to_project, settle};
use release::{Names, Release};
use scene::{Place, Scene, elsewhere, files_of};
use suspects::{Blamed, rank};

/// Frames of the stack whose lines are blamed.
const BLAMED_FRAMES: usize = 3;

/// Other projects of the database that a stack is looked for in.
const PROJECTS: usize = 5;

/// Incidents that are searched for the same root cause.
const KNOWN: u32 = 200;

/// Similar incidents that are named.
const SIMILAR: u32 = 3;

/// The choices by which a person says whose stack it is.
const HERE: &str = "here";
const THERE: &str = "there";

/// Triage.
pub(super) struct Triage {
    memory: Memory,
}

impl Triage {
    /// Triage that has looked at nothing yet.
    pub(super) const fn new() -> Self {
        Self { memory: Memory::new() }
    }
}

impl Agent for Triage {
    fn role(&self) -> Role {
        Role::Triage
    }

    fn task_types(&self) -> &'static [&'static str] {
        &[CLASSIFY_ERROR]
    }

    fn work(&self, job: &Job<'_>) -> Result<Ending, Trouble> {
        let context: ClassifyErrorContext = job.context()?;
        let site = job.site()?;
        let facts = Facts::gather(job, &context)?;
        let repository = site.repository(job)?;
        let head = site.base(&repository)?;
        let names = names(job, site, &context, &facts)?;
        let ran = self.ran(&repository, &names, &head, &facts)?;
        let scene = self.scene(&repository, &head, ran.as_ref(), &facts)?;
        let seen = Seen { names, ran, scene };
        if let Some((other, file)) = self.other_project(job, site, &facts, &seen.scene)? {
            return match job.choice() {
                Some(THERE) => hand_to_project(job, &facts, &other, &file),
                Some(HERE | HAND_OVER) => self.judge(job, site, &context, facts, &repository, &seen),
                Some(_) | None => Ok(ask_which(job, site, &seen.scene, &other, &file)),
            };
        }
        self.judge(job, site, &context, facts, &repository, &seen)
    }
}

/// Where the stack of an error lies.
struct Seen {
    /// What is known about its releases.
    names: Names,
    /// On the commit of the release that ran, where that is another one than fixes start from.
    ran: Option<Scene>,
    /// On the commit that fixes start from.
    scene: Scene,
}

/// What is known about the releases of an error: by the task, by the log, by the settings.
fn names(
    job: &Job<'_>,
    site: &Site,
    context: &ClassifyErrorContext,
    facts: &Facts,
) -> Result<Names, Trouble> {
    let by_settings = || site.config.release.commit.clone();
    let by_paths = || facts.sample.trace.as_ref().and_then(crate::release::of_paths);
    let named = || context.release.clone();
    let began = named().or_else(|| facts.first_release.clone()).or_else(by_paths).or_else(by_settings);
    let ran = named().or_else(|| facts.last_release.clone()).or_else(by_paths).or_else(by_settings);
    let seen = if began.is_some() { job.tools.store.releases(site.id)? } else { Vec::new() };
    Ok(Names { began, ran, seen, first_seen: facts.first_seen.map(|seen| seen.as_second()) })
}

impl Triage {
    fn judge(
        &self,
        job: &Job<'_>,
        site: &Site,
        context: &ClassifyErrorContext,
        facts: Facts,
        repository: &Repository,
        seen: &Seen,
    ) -> Result<Ending, Trouble> {
        let scene = &seen.scene;
        let frame = scene.frame();
        let mut background = Background::default();
        if frame.is_some() || seen.names.began.is_some() {
            background = self.background(site, repository, seen)?;
        }
        let elsewhere = match &facts.sample.trace {
            Some(trace) if frame.is_none() => elsewhere(repository, &self.memory, scene, trace)?,
            Some(_) | None => None,
        };
        let release = background.release.as_ref();
        let error = ErrorFacts {
            sample: &facts.sample,
            counts: facts.counts,
            idle_s: facts.idle_s(job.now),
            reason: context.reason.as_deref().unwrap_or("new"),
            frame: frame.as_ref(),
            exact: scene.places.first().is_some_and(|place| place.exact),
            one_file: scene.one_file(),
            elsewhere: background.elsewhere.as_deref().or(elsewhere.as_deref()),
            suspects: &background.suspects,
            tested: scene.tested(),
            release: release.map(|release| release.name.as_str()).or(seen.names.ran.as_deref()),
            new_in_release: background.came_with_release(),
            environment: context.environment.as_deref().or(site.config.triage.environment.as_deref()),
            user_errors: &site.config.triage.user_errors,
        };
        let mut found = job.brain.classify(&error);
        limit(&error, site.config.triage.stop_at, &mut found);
        found.owner = background.owner;
        found.began = background.began;
        if matches!(found.route, Route::Developer) {
            found.repro_hint = hints::reproduction(&facts.sample, scene.places.first());
        }
        if let Some(original) = original(job, site, &facts, scene)? {
            name_original(&mut found, &original);
        }
        let similar = similar(job, &facts, found.duplicate_of)?;
        settle(job, facts, found, &similar, &scene.commit)
    }

    /// The stack on the commit of the release that ran, where the repository knows it and fixes start from another one.
    fn ran(
        &self,
        repository: &Repository,
        names: &Names,
        head: &Sha,
        facts: &Facts,
    ) -> Result<Option<Scene>, Trouble> {
        let Some(name) = &names.ran else { return Ok(None) };
        let Some(commit) = release::commit_of(repository, &self.memory, name)? else { return Ok(None) };
        if commit == *head {
            return Ok(None);
        }
        let ran = Scene::of(repository, &self.memory, &commit, facts.sample.trace.as_ref())?;
        Ok((!ran.places.is_empty()).then_some(ran))
    }

    /// The stack on the commit that fixes start from: where its lines went since the release that ran, else where they fit.
    fn scene(
        &self,
        repository: &Repository,
        head: &Sha,
        ran: Option<&Scene>,
        facts: &Facts,
    ) -> Result<Scene, Trouble> {
        if let Some(ran) = ran
            && let Some(carried) = ran.carried(repository, &self.memory, head)?
        {
            return Ok(carried);
        }
        Ok(Scene::of(repository, &self.memory, head, facts.sample.trace.as_ref())?)
    }

    /// Who changed the code of the stack, who owns it, and what came with the release.
    fn background(&self, site: &Site, repository: &Repository, seen: &Seen) -> Result<Background, Trouble> {
        let pattern = site.config.release.tags.as_deref();
        let release = release::find(repository, &self.memory, &seen.names, pattern)?;
        // The lines of the log are those of the release that ran.
        let of_log = seen.ran.as_ref().unwrap_or(&seen.scene);
        let blamed = self.blame(repository, of_log)?;
        let places: Vec<Place> = blamed.iter().map(|(place, _)| (*place).clone()).collect();
        let files = files_of(&places);
        let range = match &release {
            Some(release) => release.range(repository, &self.memory, &files)?,
            None => None,
        };
        let history = self.memory.touches(repository, &of_log.commit, None, &files)?;
        let stack: Vec<Blamed<'_>> = blamed.iter().map(|(place, lines)| blamed_frame(place, lines)).collect();
        let suspects = rank(&stack, &history, range.as_ref(), seen.names.first_seen);
        let owner = self.owner(repository, &seen.scene, &blamed)?;
        let began = match (&release, &seen.names.began) {
            (Some(release), _) => Some(release.began(range.as_ref())),
            (None, Some(name)) => Some(release::unknown(name, &seen.scene.commit)),
            (None, None) => None,
        };
        let elsewhere = only_there(seen);
        Ok(Background { suspects, owner, release, began, elsewhere })
    }

    fn blame<'a>(
        &self,
        repository: &Repository,
        scene: &'a Scene,
    ) -> Result<Vec<(&'a Place, Lines)>, GitError> {
        let mut blamed = Vec::new();
        for place in scene.places.iter().take(BLAMED_FRAMES) {
            let Ok(path) = RepoPath::parse(&place.file) else { continue };
            let lines = self.memory.blamed(repository, &scene.commit, &path, place.range)?;
            blamed.push((place, lines));
        }
        Ok(blamed)
    }

    fn owner(
        &self,
        repository: &Repository,
        scene: &Scene,
        blamed: &[(&Place, Lines)],
    ) -> Result<Option<Owner>, Trouble> {
        let Some(place) = scene.places.first() else { return Ok(None) };
        let lists = owners::PLACES.iter();
        let entry = lists.flat_map(|at| scene.listing.iter().find(|entry| entry.path.as_str() == *at)).next();
        if let Some(entry) = entry
            && let Some(list) = self.memory.text(repository, &scene.commit, entry, owners::LARGEST)?
            && let Some(owner) = owners::listed(&list, &place.file)
        {
            return Ok(Some(owner));
        }
        Ok(blamed.first().and_then(|(_, lines)| owners::main_author(lines)))
    }

    /// Another project that the stack fits better than this one.
    fn other_project(
        &self,
        job: &Job<'_>,
        site: &Site,
        facts: &Facts,
        scene: &Scene,
    ) -> Result<Option<(groundcrew_store::Project, String)>, Trouble> {
        let Some(trace) = facts.sample.trace.as_ref() else { return Ok(None) };
        if scene.places.first().is_some_and(|place| place.exact)
            || !trace.frames.iter().any(|frame| frame.in_app)
        {
            return Ok(None);
        }
        let projects = job.tools.store.projects()?;
        for project in projects.into_iter().filter(|project| project.id != site.id).take(PROJECTS) {
            // A project that cannot be opened now is told by its own tasks.
            let Ok(there) = Site::open(&project, &job.tools.trust) else { continue };
            let Ok(repository) = there.repository(job) else { continue };
            let Ok(head) = there.base(&repository) else { continue };
            let found = Scene::of(&repository, &self.memory, &head, Some(trace))?;
            if let Some(place) = found.places.first().filter(|place| place.exact) {
                return Ok(Some((project, format!("{}:{}", place.file, place.line))));
            }
        }
        Ok(None)
    }
}

/// What the repository tells about an error.
#[derive(Default)]
struct Background {
    suspects: Vec<Suspect>,
    owner: Option<Owner>,
    release: Option<Release>,
    began: Option<Began>,
    elsewhere: Option<String>,
}

impl Background {
    fn came_with_release(&self) -> bool {
        let came = |suspect: &Suspect| suspect.evidence.contains(", came with ");
        self.release.is_some() && self.suspects.first().is_some_and(came)
    }
}

fn blamed_frame<'a>(place: &'a Place, lines: &'a Lines) -> Blamed<'a> {
    Blamed { file: &place.file, function: &place.function, line: place.line, lines }
}

/// That the stack lies in the release that ran and not where fixes start from.
fn only_there(seen: &Seen) -> Option<String> {
    let ran = seen.ran.as_ref().filter(|_| seen.scene.places.is_empty())?;
    let there = ran.places.first()?;
    Some(format!(
        "{}:{} is in {} ({}), which runs, and not in {}",
        there.file,
        there.line,
        seen.names.ran.as_deref().unwrap_or_default(),
        ran.commit.short(),
        seen.scene.commit.short()
    ))
}

/// Keeps what a brain said within what the rules and the settings allow.
fn limit(error: &ErrorFacts<'_>, settings: StopAt, found: &mut Classification) {
    found.fixability = if found.fixability.is_finite() { found.fixability.clamp(0.0, 1.0) } else { 0.0 };
    found.priority = found.priority.clamp(1, 10);
    found.stop_at = found.stop_at.min(rules::stop_at(error, found)).min(settings);
    let goes_on = matches!(found.route, Route::Developer | Route::Security);
    if goes_on && found.stop_at < StopAt::RootCause {
        found.route = Route::Human;
        let why = if settings < StopAt::RootCause {
            "the settings let the crew only report"
        } else {
            "there is no code of this repository to repair"
        };
        found.reason = format!("{}; {why}", found.reason);
        found.not_fixable_reason = Some(why.to_owned());
    }
}

/// The earlier incident with the same root cause.
fn original(job: &Job<'_>, site: &Site, facts: &Facts, scene: &Scene) -> Result<Option<Incident>, Trouble> {
    let (Some(this), Some(trace), Some(crash)) = (facts.incident, &facts.sample.trace, scene.places.first())
    else {
        return Ok(None);
    };
    let filter = IncidentFilter { project: Some(site.id), limit: Some(KNOWN), ..IncidentFilter::default() };
    let known = job.tools.store.incidents(&filter)?;
    Ok(duplicates::original(this, trace, crash, &known).cloned())
}

/// What the incident is similar to besides its original, as told.
fn similar(job: &Job<'_>, facts: &Facts, original: Option<IncidentId>) -> Result<Vec<String>, Trouble> {
    let Some(this) = facts.incident.map(|id| job.tools.store.incident(id)).transpose()?.flatten() else {
        return Ok(Vec::new());
    };
    let found = job.tools.store.similar(&this, SIMILAR)?;
    Ok(found.iter().filter(|other| Some(other.id) != original).map(duplicates::told).collect())
}

fn name_original(found: &mut Classification, original: &Incident) {
    found.duplicate_of = Some(original.id);
    if matches!(found.route, Route::Developer | Route::Security) {
        let why = format!(
            "it has the same root cause as incident {}, which is worked already; `groundcrew incidents merge` joins them",
            original.id
        );
        found.route = Route::Human;
        found.stop_at = StopAt::Report;
        if found.category != Category::Security {
            found.reason = format!("{}; {why}", found.reason);
        }
        found.not_fixable_reason = Some(why);
    }
}

fn ask_which(
    job: &Job<'_>,
    site: &Site,
    scene: &Scene,
    other: &groundcrew_store::Project,
    file: &str,
) -> Ending {
    let here = scene.places.first().map_or_else(
        || format!("nothing of project {}", site.name),
        |place| format!("{}:{} of project {}", place.file, place.line, site.name),
    );
    let root = Path::new(&other.root).display();
    let ask = Ask::new(
        format!(
            "The stack fits {file} of project {} ({root}) line by line, and {here} less well. Which program wrote this log?",
            other.name
        ),
        &[
            (THERE, "The other project; triage it there"),
            (HERE, "This project; go on here"),
            (HAND_OVER, "Leave this error to me"),
        ],
    );
    Ending::ask(BlockedOn::Question, ask, job.cost())
}
