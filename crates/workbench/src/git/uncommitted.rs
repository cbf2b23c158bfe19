//! What the user's checkout has beyond its commit. Nothing is written, the index is not refreshed.

use super::{GitError, Repository};

impl Repository {
    /// Paths of the user's checkout that differ from its commit, with files that git does not know and does not ignore;
    /// a folder of only such files is one path.
    ///
    /// # Errors
    /// Git fails, or is still at it after two minutes.
    pub fn uncommitted(&self) -> Result<Vec<String>, GitError> {
        let index = self.base.git_dir.join("index");
        let listed = self
            .git(&["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=normal"])
            // A submodule has a configuration of its own, which is not ours to trust.
            .arg("--ignore-submodules=all")
            .tree(self.top())
            .env("GIT_INDEX_FILE", index)
            .run(self.recorder())?;
        let path = |entry: &[u8]| Some(String::from_utf8_lossy(entry.get(3..)?).into_owned());
        Ok(listed.split(|byte| *byte == 0).filter_map(path).filter(|path| !path.is_empty()).collect())
    }
}
