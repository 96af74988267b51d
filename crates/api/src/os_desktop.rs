//! Notifications on the desktop of this machine, through the operating system's own service: on Linux the one of the
//! person's session (Desktop Notifications Specification), where there is one.

use std::sync::Arc;

use steadyhand_engine::ShowOnDesktop;

/// Shows notifications where there is a desktop. On a server there is none, and that is nobody's fault.
pub(crate) fn port() -> ShowOnDesktop {
    Arc::new(|title, body| {
        if !has_desktop() {
            return Ok(());
        }
        // The way to the service waits in a manner that threads which serve many tasks forbid.
        let show = || {
            notify_rust::Notification::new()
                .appname("Steadyhand")
                .summary(title)
                .body(body)
                .show()
                .map(|_| ())
        };
        let shown = std::thread::scope(|scope| scope.spawn(show).join());
        match shown {
            Ok(shown) => shown.map_err(|error| error.to_string()),
            Err(_) => Err("asking for it went wrong".to_owned()),
        }
    })
}

/// On Linux and its kin a desktop is where the person's session has a message bus.
fn has_desktop() -> bool {
    if cfg!(any(target_os = "macos", windows)) {
        return true;
    }
    let bus = std::env::var_os("XDG_RUNTIME_DIR").map(|folder| std::path::Path::new(&folder).join("bus"));
    std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some() || bus.is_some_and(|bus| bus.exists())
}
