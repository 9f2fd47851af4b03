//! The digest of a set's images, computed once: reading them all takes as long as the disk does.
//!
//! It is kept as `set-<version>.json`, where the version is what the file system says of the files
//! ([`version`]). A list that is damaged or cannot be kept is done without.

use serde::{Deserialize, Serialize};
use ssl_datasets::source::{Source, content, version};

use super::FeatureCache;
use crate::checksum;
use crate::regular;

#[derive(Serialize, Deserialize)]
struct Kept {
    version: String,
    content: String,
}

impl FeatureCache {
    /// The digest of the images of a source ([`content`]), which goes into [`CacheKey::data_set`]:
    /// other pixels under the same names have another one.
    ///
    /// [`CacheKey::data_set`]: super::CacheKey::data_set
    pub fn content(
        &self,
        source: &dyn Source,
        workers: usize,
        seen: &mut dyn FnMut(usize),
    ) -> String {
        let before = version(source);
        let path = before
            .as_ref()
            .map(|version| self.folder.join(format!("set-{}.json", &version[..32])));
        let kept = path
            .as_ref()
            .and_then(|path| regular::read(path).ok())
            .and_then(|text| checksum::read_json::<Kept>(&text).ok())
            .filter(|kept| Some(&kept.version) == before.as_ref());
        if let Some(kept) = kept {
            return kept.content;
        }
        let content = content(source, workers, seen);
        // Only if nothing was changed while it was read.
        if let (Some(path), Some(version)) = (path, version(source))
            && Some(&version) == before.as_ref()
        {
            let kept = Kept {
                version,
                content: content.clone(),
            };
            let written = std::fs::create_dir_all(&self.folder)
                .and_then(|()| checksum::write_json(&path, &kept));
            if let Err(error) = written {
                tracing::debug!("the digest of {} is not kept: {error}", source.name());
            }
        }
        content
    }
}
