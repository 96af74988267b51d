//! Images to build on, made of what this machine has: none can be fetched where tests run.

use std::process::Command;

use crate::dockerd::Dockerd;

/// An image of a language, with what is to be run in it.
#[derive(Clone, Copy, Debug)]
pub struct Base {
    /// What it is called.
    pub name: &'static str,
    /// Sets `$@` and `$LIBRARIES`.
    begins: &'static str,
    /// What else is in it.
    ends: &'static str,
}

/// Node and npm.
pub const NODE: Base = Base { name: "node:local", begins: NODE_BEGINS, ends: NODE_ENDS };
/// Python with what environments are made with.
pub const PYTHON: Base = Base { name: "python:local", begins: PYTHON_BEGINS, ends: PYTHON_ENDS };
/// Cargo and a linker.
pub const RUST: Base = Base { name: "rust:local", begins: RUST_BEGINS, ends: RUST_ENDS };
/// Go.
pub const GO: Base = Base { name: "golang:local", begins: GO_BEGINS, ends: GO_ENDS };
/// Caddy.
pub const CADDY: Base = Base {
    name: "caddy:local",
    begins: "LIBRARIES=\nset -- \"$(command -v caddy)\"\n",
    ends: "mkdir -p etc/caddy\n",
};

impl Base {
    /// Makes it in a docker.
    pub fn import(self, docker: &Dockerd) {
        let folder = tempfile::tempdir().expect("a folder");
        let Self { name, begins, ends } = self;
        let script = format!("set -e\n{begins}{ROOT}{ends}\ntar -c . | \"$CLIENT\" import - {name}");
        let output = Command::new("bash")
            .args(["-c", &script])
            .env("CLIENT", Dockerd::client())
            .env("DOCKER_HOST", format!("unix://{}", docker.socket().display()))
            .current_dir(folder.path())
            .output()
            .expect("bash runs");
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Makes the root of an image in the current folder: busybox, and the programs in `$@` with the libraries that they and the files in
/// `$LIBRARIES` need.
const ROOT: &str = r#"
mkdir -p bin tmp root usr/bin
chmod 1777 tmp
cp "$(command -v busybox)" bin/busybox
for name in $(bin/busybox --list); do [ -e "bin/$name" ] || ln -s busybox "bin/$name"; done
ln -sf /bin/env usr/bin/env
for program do
    mkdir -p ".${program%/*}"
    cp -L "$program" ".$program"
done
for file in $({ for program do ldd "$program"; done; for file in $LIBRARIES; do ldd "$file"; done; } 2>/dev/null | grep -o '/[^ ]*' | sort -u); do
    [ -e "$file" ] || continue
    mkdir -p ".${file%/*}"
    cp -L "$file" ".$file"
done
"#;

const NODE_BEGINS: &str = r#"
node=$(node -p process.execPath)
npm=$(node -p "require('path').resolve(require('fs').realpathSync('$(command -v npm)'), '../..')")
LIBRARIES=
set -- "$node"
"#;
const NODE_ENDS: &str = r#"
[ -e bin/node ] || ln -s "$node" bin/node
mkdir -p usr/lib/node_modules
cp -R "$npm" usr/lib/node_modules/npm
ln -s /usr/lib/node_modules/npm/bin/npm-cli.js bin/npm
ln -s /usr/lib/node_modules/npm/bin/npx-cli.js bin/npx
"#;

/// Of the Pythons of this machine, the first that can make environments.
const PYTHON_BEGINS: &str = r#"
for python in $(which -a python3) /usr/bin/python3; do
    "$python" -c 'import ensurepip, venv' 2>/dev/null && break
done
"$python" -c 'import ensurepip, venv'
program=$("$python" -c 'import os, sys; print(os.path.realpath(sys.executable))')
library=$("$python" -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')
LIBRARIES=$(find "$library/lib-dynload" -name '*.so')
set -- "$program"
"#;
const PYTHON_ENDS: &str = r#"
mkdir -p ".$library"
cp -R "$library/." ".$library"
rm -rf ".$library/site-packages" ".$library/test"
find ".$library" -name __pycache__ -prune -exec rm -rf {} +
[ -d /usr/share/python-wheels ] && mkdir -p usr/share && cp -R /usr/share/python-wheels usr/share
ln -s "$program" bin/python
"#;

/// Cargo, and a linker with what every program begins with.
const RUST_BEGINS: &str = r#"
sysroot=$(rustc --print sysroot)
LIBRARIES=$(find "$sysroot/lib" -maxdepth 1 -name '*.so')
set -- "$sysroot/bin/rustc" "$sysroot/bin/cargo" "$(command -v cc)" "$(command -v ld)" "$(cc -print-prog-name=collect2)"
"#;
const RUST_ENDS: &str = r#"
cp -R "$sysroot"/lib/*.so* ".$sysroot/lib"
target=$(rustc -vV | sed -n 's/^host: //p')
mkdir -p ".$sysroot/lib/rustlib"
cp -R "$sysroot/lib/rustlib/$target" ".$sysroot/lib/rustlib"
ln -s "$sysroot/bin/cargo" "$sysroot/bin/rustc" bin
copy() {
    mkdir -p ".${1%/*}"
    cp -L "$1" ".$1"
}
gcc=$(dirname "$(cc -print-file-name=crtbeginS.o)")
for file in "$gcc"/*.o "$gcc"/libgcc* "$gcc"/liblto_plugin.so "$gcc"/lto-wrapper; do copy "$file"; done
libraries=$(dirname "$(realpath "$(cc -print-file-name=Scrt1.o)")")
for name in Scrt1.o crt1.o crti.o crtn.o libc.so libc_nonshared.a libm.so libmvec.so libmvec.so.1 libdl.a libpthread.a librt.a libutil.a; do
    [ ! -e "$libraries/$name" ] || copy "$libraries/$name"
done
[ ! -e /lib/x86_64-linux-gnu/libmvec.so.1 ] || copy /lib/x86_64-linux-gnu/libmvec.so.1
"#;

/// Debian's Go, which is in two folders.
const GO_BEGINS: &str = r#"
root=$(realpath "$(go env GOROOT)")
LIBRARIES=
set -- "$root/bin/go"
"#;
const GO_ENDS: &str = r#"
for folder in "$root" "$(realpath "$root/src/..")"; do
    mkdir -p ".$folder"
    cp -R "$folder/." ".$folder"
done
ln -s "$root/bin/go" bin/go
"#;
