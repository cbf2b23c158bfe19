//! Is the fix where the defect is, or at one of several places where it shows?
//!
//! A function that several others call and that raised the error is mended for all of them within it; a change in one of
//! its callers leaves the others as they were.

use groundcrew_core::contract::{Dossier, Finding, RootCauseCheck};
use groundcrew_repair::locate::{is_python, is_test};
use groundcrew_repair::syntax::Source;
use groundcrew_workbench::git::Diff;

use crate::agents::architect::survey::{Survey, crash_function};
use crate::agents::architect::{Sides, finding};
use crate::patch::changed_lines;

/// Callers from which on a fix at one of them is remarked on.
const SEVERAL: usize = 2;

/// Where the fix and the defect are; none without a fix.
pub(super) fn check(
    sides: &Sides<'_>,
    diff: &Diff,
    dossier: &Dossier,
    survey: &Survey,
) -> Option<RootCauseCheck> {
    dossier.fix.as_ref()?;
    let cause = crash_function(sides, dossier).map(|(file, function)| format!("{file}:{}", function.path));
    Some(RootCauseCheck {
        fix_in_frame: fixed_function(sides, diff),
        cause_in_frame: cause,
        callers_affected: survey.callers.clone(),
        same_pattern_elsewhere: Vec::new(),
    })
}

/// The function around the first changed line of the program.
fn fixed_function(sides: &Sides<'_>, diff: &Diff) -> Option<String> {
    let changed = changed_lines(&diff.patch);
    let in_program = |file: &str| is_python(file) && !is_test(file);
    let (file, line, is_new) = match changed.added.iter().find(|line| in_program(line.file)) {
        Some(line) => (line.file, line.line, true),
        None => changed
            .removed
            .iter()
            .find(|line| in_program(line.file))
            .map(|line| (line.file, line.line, false))?,
    };
    let (_, before, after) = sides.changed.iter().find(|(path, _, _)| path == file)?;
    let function = Source::parse(if is_new { after } else { before })?.function_at(line)?;
    Some(format!("{file}:{}", function.path))
}

/// A fix in one of several callers of the function that raised the error.
pub(super) fn one_of_many(check: &RootCauseCheck) -> Option<Finding> {
    let (fixed, cause) = (check.fix_in_frame.as_ref()?, check.cause_in_frame.as_ref()?);
    let others = check.callers_affected.iter().filter(|caller| *caller != fixed).count();
    let is_caller = check.callers_affected.contains(fixed);
    (fixed != cause && is_caller && others + 1 >= SEVERAL).then(|| {
        let file = fixed.split(':').next().unwrap_or("");
        let message = format!(
            "mends {fixed}, but the error is raised in {cause}, which {others} other functions call too"
        );
        finding("one-caller", "warning", file, 0, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fix_at_one_of_several_callers_is_remarked_on() {
        let check = |fixed: &str, callers: &[&str]| RootCauseCheck {
            fix_in_frame: Some(fixed.into()),
            cause_in_frame: Some("a.py:shared".into()),
            callers_affected: callers.iter().map(|caller| (*caller).to_owned()).collect(),
            same_pattern_elsewhere: Vec::new(),
        };
        assert!(one_of_many(&check("a.py:one", &["a.py:one", "b.py:two"])).is_some());
        assert!(one_of_many(&check("a.py:shared", &["a.py:one", "b.py:two"])).is_none(), "mended for all");
        assert!(one_of_many(&check("a.py:one", &["a.py:one"])).is_none(), "the only caller");
        assert!(one_of_many(&check("c.py:other", &["a.py:one", "b.py:two"])).is_none(), "no caller");
    }
}
