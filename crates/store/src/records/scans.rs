//! What scanners find in images.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use steadyhand_domain::Timestamp;
use ts_rs::TS;

/// What looks for what is known to be vulnerable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scanner {
    /// Trivy, of Aqua Security.
    Trivy,
    /// Grype, of Anchore.
    Grype,
}

/// How severe a vulnerability is, the most severe first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// To be mended now.
    Critical,
    /// To be mended soon.
    High,
    /// Needs more than one thing to go wrong.
    Medium,
    /// Hardly of use to anybody. What scanners call negligible is counted here.
    Low,
    /// Not judged by anybody yet.
    Unknown,
}

/// How many there are of each severity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct SeverityCounts {
    /// Critical ones.
    pub critical: u32,
    /// High ones.
    pub high: u32,
    /// Medium ones.
    pub medium: u32,
    /// Low and negligible ones.
    pub low: u32,
    /// Those that were not judged.
    pub unknown: u32,
}

impl SeverityCounts {
    /// Counts one more.
    pub fn add(&mut self, severity: Severity) {
        let count = match severity {
            Severity::Critical => &mut self.critical,
            Severity::High => &mut self.high,
            Severity::Medium => &mut self.medium,
            Severity::Low => &mut self.low,
            Severity::Unknown => &mut self.unknown,
        };
        *count = count.saturating_add(1);
    }

    /// Those of this severity.
    #[must_use]
    pub fn of(&self, severity: Severity) -> u32 {
        match severity {
            Severity::Critical => self.critical,
            Severity::High => self.high,
            Severity::Medium => self.medium,
            Severity::Low => self.low,
            Severity::Unknown => self.unknown,
        }
    }
}

/// Something of an image that is known to be vulnerable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Vulnerability {
    /// What it is called everywhere, such as `CVE-2024-3094`.
    pub id: String,
    /// The package that has it.
    pub package: String,
    /// The version of the package in the image.
    pub installed: String,
    /// The versions that do not have it any more, if there are any.
    pub fixed: Option<String>,
    /// How severe it is.
    pub severity: Severity,
    /// What it is, in a line.
    pub title: Option<String>,
    /// Where more is told about it: an `http:` or `https:` address.
    pub link: Option<String>,
}

/// What a scanner has found in the image of a deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS, JsonSchema)]
pub struct Scan {
    /// The scanner.
    pub scanner: Scanner,
    /// Its version, where it says that.
    pub version: Option<String>,
    /// When it was done.
    pub scanned_at: Timestamp,
    /// How many it has found.
    pub counts: SeverityCounts,
    /// Them, the most severe first; none once the image is not kept any more.
    pub found: Option<Vec<Vulnerability>>,
    /// How many of them are left out of that, because there are so many.
    pub left_out: u32,
}
