//! Triage: says what an incident is and where it goes, or why no code fix is right.
//!
//! It reads the repository (files, blame, history) and runs nothing: log text is a stranger's, and triage has no tools
//! that such text could turn.
//!
//! | file | what |
//! | --- | --- |
//! | `facts` | what is known of the error itself |
//! | `scene` | where its stack lies in a commit, or why not |
//! | `release` | which release it happens in |
//! | `suspects` | which commits may have introduced it |
//! | `owners` | who looks after the code |
//! | `duplicates` | whether its root cause is worked already |
//! | `hints` | from where a reproduction could take its input |
//! | `outcome` | what follows from the judgement |

mod duplicates;
mod facts;
mod hints;
mod outcome;
mod owners;
mod release;
mod scene;
mod suspects;

use std::path::Path;

use groundcrew_core::contract::task_type::CLASSIFY_ERROR;
use groundcrew_core::contract::{Classification, ClassifyErrorContext, Owner, Route, StopAt, Suspect};
use groundcrew_core::incident::{Category, Incident};
use groundcrew_core::message::Ask;
use groundcrew_core::role::Role;
use groundcrew_core::task::BlockedOn;
use groundcrew_store::IncidentFilter;
use groundcrew_workbench::git::{BlamedLine, GitError, RepoPath, Repository, Touching};

use crate::agent::{Agent, Ending, HAND_OVER, Job, Trouble};
use crate::brain::{ErrorFacts, rules};
use crate::site::Site;

use facts::Facts;
use outcome::{hand_to_project, settle};
use release::Release;
use scene::{LastListing, Place, Scene, elsewhere, files_of};
use suspects::{Blamed, HISTORY, rank};

/// Frames of the stack whose lines are blamed.
const BLAMED_FRAMES: usize = 3;

/// Other projects of the database that a stack is looked for in.
const PROJECTS: usize = 5;

/// Incidents that are searched for the same root cause.
const KNOWN: u32 = 200;

/// The choices by which a person says whose stack it is.
const HERE: &str = "here";
const THERE: &str = "there";

/// Triage.
pub(super) struct Triage {
    listings: LastListing,
}

impl Triage {
    /// Triage that has looked at nothing yet.
    pub(super) const fn new() -> Self {
        Self { listings: LastListing::new() }
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
        let listing = self.listings.of(&repository, &head)?;
        let scene = Scene::of(&repository, &head, listing, facts.sample.trace.as_ref())?;
        if let Some((other, file)) = self.other_project(job, site, &facts, &scene)? {
            return match job.choice() {
                Some(THERE) => hand_to_project(job, &facts, &other, &file),
                Some(HERE | HAND_OVER) => self.judge(job, site, &context, facts, &repository, &scene),
                Some(_) | None => Ok(ask_which(job, site, &scene, &other, &file)),
            };
        }
        self.judge(job, site, &context, facts, &repository, &scene)
    }
}

impl Triage {
    fn judge(
        &self,
        job: &Job<'_>,
        site: &Site,
        context: &ClassifyErrorContext,
        facts: Facts,
        repository: &Repository,
        scene: &Scene,
    ) -> Result<Ending, Trouble> {
        let frame = scene.frame();
        let mut background = Background::default();
        if frame.is_some() || context.release.is_some() {
            background = self.background(site, context, &facts, repository, scene)?;
        }
        let elsewhere = match &facts.sample.trace {
            Some(trace) if frame.is_none() => elsewhere(repository, scene, trace)?,
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
            release: release.map(|release| release.name.as_str()).or(context.release.as_deref()),
            new_in_release: background.came_with_release(),
            environment: context.environment.as_deref().or(site.config.triage.environment.as_deref()),
            user_errors: &site.config.triage.user_errors,
        };
        let mut found = job.brain.classify(&error);
        limit(&error, site.config.triage.stop_at, &mut found);
        found.owner = background.owner;
        if matches!(found.route, Route::Developer) {
            found.repro_hint = hints::reproduction(&facts.sample, scene.places.first());
        }
        if let Some(original) = original(job, site, &facts, scene)? {
            name_original(&mut found, &original);
        }
        settle(job, facts, found, &scene.commit)
    }

    /// Who changed the code of the stack, who owns it, and what came with the release.
    fn background(
        &self,
        site: &Site,
        context: &ClassifyErrorContext,
        facts: &Facts,
        repository: &Repository,
        scene: &Scene,
    ) -> Result<Background, Trouble> {
        let first_seen = facts.first_seen.map(|seen| seen.as_second());
        let pattern = site.config.release.tags.as_deref();
        let release = release::find(repository, context.release.as_deref(), first_seen, pattern)?;
        // The lines of the log are those of the release that ran.
        let ran = match &release {
            Some(release) if release.named && release.commit != scene.commit => {
                let listing = self.listings.of(repository, &release.commit)?;
                Some(Scene::of(repository, &release.commit, listing, facts.sample.trace.as_ref())?)
            }
            Some(_) | None => None,
        };
        let seen = ran.as_ref().filter(|ran| !ran.places.is_empty()).unwrap_or(scene);
        let blamed = blame(repository, seen)?;
        let suspects = suspected(repository, seen, &blamed, release.as_ref(), first_seen)?;
        let owner = self.owner(repository, scene, &blamed)?;
        let elsewhere =
            match (scene.places.first(), ran.as_ref().and_then(|ran| ran.places.first()), &release) {
                (None, Some(there), Some(release)) => Some(format!(
                    "{}:{} is in {} ({}), which runs, and not in {}",
                    there.file,
                    there.line,
                    release.name,
                    release.commit.short(),
                    scene.commit.short()
                )),
                (_, _, _) => None,
            };
        Ok(Background { suspects, owner, release, elsewhere })
    }

    fn owner(
        &self,
        repository: &Repository,
        scene: &Scene,
        blamed: &[(&Place, Vec<BlamedLine>)],
    ) -> Result<Option<Owner>, Trouble> {
        let Some(place) = scene.places.first() else { return Ok(None) };
        let lists = owners::PLACES.iter();
        let entry = lists.flat_map(|at| scene.listing.iter().find(|entry| entry.path.as_str() == *at)).next();
        if let Some(entry) = entry
            && let Some(list) = repository.text_of(&scene.commit, entry, owners::LARGEST)?
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
            let listing = self.listings.of(&repository, &head)?;
            let found = Scene::of(&repository, &head, listing, Some(trace))?;
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
    elsewhere: Option<String>,
}

impl Background {
    fn came_with_release(&self) -> bool {
        let came = |suspect: &Suspect| suspect.evidence.contains(", came with ");
        self.release.is_some() && self.suspects.first().is_some_and(came)
    }
}

fn blame<'a>(
    repository: &Repository,
    scene: &'a Scene,
) -> Result<Vec<(&'a Place, Vec<BlamedLine>)>, GitError> {
    let mut blamed = Vec::new();
    for place in scene.places.iter().take(BLAMED_FRAMES) {
        let Ok(path) = RepoPath::parse(&place.file) else { continue };
        let lines = repository.blame_range(&scene.commit, &path, place.range.0, place.range.1)?;
        blamed.push((place, lines));
    }
    Ok(blamed)
}

fn suspected(
    repository: &Repository,
    scene: &Scene,
    blamed: &[(&Place, Vec<BlamedLine>)],
    release: Option<&Release>,
    first_seen: Option<i64>,
) -> Result<Vec<Suspect>, GitError> {
    let places: Vec<Place> = blamed.iter().map(|(place, _)| (*place).clone()).collect();
    let files = files_of(&places);
    let history = repository.touches(&scene.commit, None, Touching::Paths(&files), HISTORY)?;
    let range = match release {
        Some(release) => release.range(repository, &files)?,
        None => None,
    };
    let stack: Vec<Blamed<'_>> = blamed
        .iter()
        .map(|(place, lines)| Blamed {
            file: &place.file,
            function: &place.function,
            line: place.line,
            lines,
        })
        .collect();
    Ok(rank(&stack, &history, range.as_ref(), first_seen))
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
