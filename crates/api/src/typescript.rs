//! The TypeScript side of the operations: types and signatures, generated.

use std::{any::TypeId, collections::BTreeMap};

use steadyhand_deploy::{
    jobs::{CronJobs, CronLog},
    live::{ContainerLog, Live},
};
use steadyhand_domain::{Facts, Preflight};
use ts_rs::{Config, TS, TypeVisitor};

use crate::{operations::with_operations, *};
use steadyhand_store::records::{
    Deployment, Environment, LogMatches, LogWindow, Message, PlanRevision, Project, Proposal, RunSummary,
};

/// Every type that is named from a root, by name.
struct Declarations {
    config: Config,
    seen: Vec<TypeId>,
    by_name: BTreeMap<String, String>,
}

impl TypeVisitor for Declarations {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if self.seen.contains(&TypeId::of::<T>()) {
            return;
        }
        self.seen.push(TypeId::of::<T>());
        T::visit_generics(self);
        T::visit_dependencies(self);
        if T::output_path().is_some() {
            let docs = T::docs().unwrap_or_default();
            self.by_name.insert(T::ident(&self.config), format!("{docs}export {}\n", T::decl(&self.config)));
        }
    }
}

/// The text of `ui/src/lib/shared/api.ts`.
#[must_use]
pub fn typescript() -> String {
    let config = || Config::new().with_large_int("number");
    let mut types = Declarations { config: config(), seen: Vec::new(), by_name: BTreeMap::new() };
    let mut operations = String::new();
    macro_rules! describe {
        ($($(#[doc = $doc:literal])* $name:ident($request:ty) -> $response:ty;)*) => {$(
            types.visit::<$request>();
            types.visit::<$response>();
            $(operations.push_str(&format!("  /**{} */\n", $doc));)*
            operations.push_str(&format!(
                "  {}: {{ request: {}; response: {} }};\n",
                stringify!($name),
                <$request as TS>::name(&types.config),
                <$response as TS>::name(&types.config),
            ));
        )*};
    }
    with_operations!(describe);
    types.visit::<Update>();
    types.visit::<ApiError>();
    let declarations: String = types.by_name.into_values().collect::<Vec<_>>().join("\n");
    format!(
        "// Generated from the Rust types by `./dev types`; do not edit.\n\n{declarations}\n\
         /** Every operation, with what it takes and gives. */\nexport interface Operations {{\n{operations}}}\n"
    )
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// With `UPDATE_TYPES=1` (which `./dev types` sets) the file is written instead.
    #[test]
    fn the_pages_are_compiled_against_the_types_of_this_version() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../ui/src/lib/shared/api.ts");
        let generated = super::typescript();
        if std::env::var_os("UPDATE_TYPES").is_some() {
            fs::create_dir_all(path.parent().expect("has a folder")).expect("folder is made");
            fs::write(&path, &generated).expect("file is written");
        }
        let found = fs::read_to_string(&path).unwrap_or_default();
        assert!(found == generated, "{} is out of date: run `./dev types`", path.display());
    }
}
