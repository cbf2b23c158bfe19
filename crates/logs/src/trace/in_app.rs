//! Which frames lie in the application, where nobody has said so.
//!
//! One table per language, so that the rules can be read and argued with in one place. A frame counts as the
//! application's unless something says that it came with the runtime, the standard library, an installed package or a
//! well-known framework. What a user knows better goes on top ([`decide`]).

use groundcrew_core::trace::{Frame, Trace};

/// Sets the in-app flag of every frame, those of causes too, for which `rule` has an answer.
pub fn decide(trace: &mut Trace, rule: &dyn Fn(&Frame) -> Option<bool>) {
    // A list instead of a recursion: how deep causes lie in one another is up to the log.
    let mut waiting = vec![trace];
    while let Some(trace) = waiting.pop() {
        for frame in &mut trace.frames {
            if let Some(in_app) = rule(frame) {
                frame.in_app = in_app;
            }
        }
        waiting.extend(&mut trace.causes);
    }
}

/// Namespaces and assemblies of .NET's runtime and of common frameworks.
const CSHARP: &[&str] = &[
    "System",
    "Microsoft",
    "Mono",
    "MS",
    "Internal",
    "Interop",
    "Windows",
    "Newtonsoft",
    "Npgsql",
    "MySql",
    "MySqlConnector",
    "Oracle",
    "Dapper",
    "AutoMapper",
    "MediatR",
    "Autofac",
    "Castle",
    "Moq",
    "NUnit",
    "Xunit",
    "xunit",
    "FluentValidation",
    "FluentAssertions",
    "Serilog",
    "NLog",
    "log4net",
    "Polly",
    "Grpc",
    "Google",
    "Amazon",
    "Azure",
    "MongoDB",
    "StackExchange",
    "RabbitMQ",
    "Confluent",
    "MassTransit",
    "Hangfire",
    "Quartz",
    "Swashbuckle",
    "IdentityServer4",
    "Duende",
    "NHibernate",
    "RestSharp",
    "Refit",
    "Elasticsearch",
    "Nest",
    "Nancy",
    "ServiceStack",
    "UnityEngine",
    "UnityEditor",
    "Avalonia",
    "Prism",
    "ReactiveUI",
    "FSharp",
    "Xamarin",
    "Android",
    "Java",
    "Foundation",
    "UIKit",
    "ObjCRuntime",
    "Sentry",
    "OpenTelemetry",
];

/// By namespace: most frames of .NET carry no file.
pub(super) fn csharp(function: &str) -> bool {
    let name = function.split_once(") ").filter(|_| function.starts_with('(')).map_or(function, |(_, n)| n);
    let name = name.trim_start_matches("<StartupCode$");
    let first = name.split(['.', '+', '`', '[', '<', '>', '(']).next().unwrap_or(name);
    // Functions that the runtime makes at run time have no class.
    !CSHARP.contains(&first) && !name.starts_with("lambda_method") && !function.starts_with("(wrapper")
}

/// False for the standard library, gems, and code without a file of its own.
pub(super) fn ruby(file: &str) -> bool {
    const FOREIGN: &[&str] = &[
        "/gems/",
        "/lib/ruby/",
        "/rubygems/",
        "/vendor/bundle/",
        "/vendor/ruby/",
        "/.rvm/",
        "/.rbenv/",
        "/.asdf/",
        "/bin/bundle",
        "/bin/rails",
        "/bin/rake",
        "/bin/puma",
        "/bin/sidekiq",
        "/bin/unicorn",
        "/bin/rspec",
        "/usr/share/ruby/",
        "/usr/local/bundle/",
    ];
    !file.starts_with(['<', '('])
        && file != "-e"
        && !file.starts_with("internal:")
        && !FOREIGN.iter().any(|part| file.contains(part))
        && !file.starts_with("vendor/")
        && !file.starts_with("gems/")
}

/// False for installed packages, for the cores of common systems, and without a file.
pub(super) fn php(file: Option<&str>) -> bool {
    const FOREIGN: &[&str] = &[
        "/vendor/",
        "/usr/share/php",
        "/usr/share/pear/",
        "/usr/lib/php",
        "/wp-includes/",
        "/wp-admin/",
        "/core/lib/Drupal/",
        "/pear/",
        "phar://",
    ];
    file.is_some_and(|file| {
        let path = file.replace('\\', "/");
        !FOREIGN.iter().any(|part| path.contains(part)) && !path.starts_with("vendor/")
    })
}

/// Packages of Dart and Flutter that come with the tools or with nearly every application.
const DART: &[&str] = &[
    "flutter",
    "flutter_test",
    "flutter_driver",
    "flutter_web_plugins",
    "flutter_localizations",
    "sky_engine",
    "stack_trace",
    "stream_channel",
    "async",
    "collection",
    "meta",
    "path",
    "test",
    "test_api",
    "test_core",
    "matcher",
    "vm_service",
    "http",
    "http_parser",
    "dio",
    "provider",
    "bloc",
    "flutter_bloc",
    "riverpod",
    "flutter_riverpod",
    "get",
    "get_it",
    "rxdart",
    "sqflite",
    "sqflite_common",
    "hive",
    "isar",
    "drift",
    "shelf",
    "shelf_router",
    "go_router",
    "auto_route",
    "firebase_core",
    "cloud_firestore",
    "firebase_auth",
    "freezed_annotation",
    "json_annotation",
    "sentry",
    "sentry_flutter",
    "logging",
    "intl",
    "graphql",
    "mockito",
    "shared_preferences",
    "url_launcher",
    "path_provider",
    "web_socket_channel",
    "grpc",
    "protobuf",
];

/// By scheme and package: the application is a package of its own.
pub(super) fn dart(file: &str) -> bool {
    let package = file.strip_prefix("package:").and_then(|rest| rest.split('/').next());
    let sdk = ["dart:", "org-dartlang-sdk:", "dart-sdk/", "lib/_engine/", "<"];
    !sdk.iter().any(|start| file.starts_with(start))
        && !package.is_some_and(|package| DART.contains(&package))
        && !["/.pub-cache/", "/Pub/Cache/", "/flutter/packages/", "/dart-sdk/", "/hosted/pub"]
            .iter()
            .any(|part| file.contains(part))
}

/// False for the standard library, installed packages and code without a file.
pub(super) fn python(file: &str) -> bool {
    if file.starts_with('<') {
        return false;
    }
    let file = file.replace('\\', "/");
    const FOREIGN: [&str; 6] = [
        "/site-packages/",
        "/dist-packages/",
        "/third_party/",
        "/lib-dynload/",
        ".exe/__main__.py",
        "/python/runpy.py",
    ];
    // Scripts that an installer made: `/usr/local/bin/gunicorn`.
    let name = file.rsplit('/').next().unwrap_or(&file);
    if file.contains("/bin/") && !name.contains('.') {
        return false;
    }
    !FOREIGN.iter().any(|part| file.contains(part)) && !in_standard_library(&file)
}

/// True beneath `lib/pythonX.Y/`, in any prefix, and in a zipped or Windows standard library.
fn in_standard_library(file: &str) -> bool {
    if file.contains(".zip/") && file.contains("/python") {
        return true;
    }
    let mut parts = file.split('/').peekable();
    while let Some(part) = parts.next() {
        let Some(next) = parts.peek() else { return false };
        let versioned = |name: &str| name.bytes().next().is_some_and(|b| b.is_ascii_digit());
        if matches!(part, "lib" | "lib64" | "Lib")
            && next.strip_prefix("python").or(next.strip_prefix("pypy")).is_some_and(versioned)
        {
            return true;
        }
        if part.strip_prefix("Python").is_some_and(versioned) && *next == "Lib" {
            return true;
        }
    }
    false
}

/// Packages of the platform and of common frameworks.
const JAVA: &[&str] = &[
    "java.",
    "javax.",
    "jakarta.",
    "jdk.",
    "sun.",
    "com.sun.",
    "kotlin.",
    "kotlinx.",
    "scala.",
    "groovy.",
    "clojure.",
    "android.",
    "androidx.",
    "dalvik.",
    "com.android.",
    "_COROUTINE.",
    "org.springframework.",
    "org.apache.",
    "org.hibernate.",
    "org.eclipse.",
    "org.mortbay.",
    "com.jetty.",
    "org.jboss.",
    "org.wildfly.",
    "org.junit.",
    "junit.",
    "org.testng.",
    "org.mockito.",
    "org.gradle.",
    "org.slf4j.",
    "org.aspectj.",
    "org.postgresql.",
    "org.h2.",
    "org.glassfish.",
    "org.codehaus.",
    "org.jooq.",
    "org.flywaydb.",
    "org.quartz.",
    "org.thymeleaf.",
    "org.elasticsearch.",
    "org.mongodb.",
    "ch.qos.logback.",
    "com.fasterxml.",
    "com.google.common.",
    "com.google.inject.",
    "com.google.gson.",
    "com.google.protobuf.",
    "com.mysql.",
    "com.mongodb.",
    "com.zaxxer.",
    "com.netflix.",
    "com.rabbitmq.",
    "io.netty.",
    "io.undertow.",
    "io.micronaut.",
    "io.quarkus.",
    "io.vertx.",
    "io.reactivex.",
    "io.grpc.",
    "io.ktor.",
    "io.lettuce.",
    "reactor.",
    "akka.",
    "play.",
    "okhttp3.",
    "retrofit2.",
    "feign.",
];

/// By package: frames of Java say nothing of where the class came from.
pub(super) fn java(function: &str) -> bool {
    let made = function.starts_with("$Proxy") || function.contains(".$Proxy") || function.contains("CGLIB$$");
    !made && !JAVA.iter().any(|package| function.starts_with(package))
}

/// False for the standard library and for modules that were downloaded.
pub(super) fn go(function: &str, file: &str) -> bool {
    let file = file.replace('\\', "/");
    if function == "panic"
        || function.starts_with("runtime.")
        || file.contains("/pkg/mod/")
        || file.contains('@')
    {
        return false;
    }
    if file.contains("/vendor/") {
        return false;
    }
    // Below `go/src/`, folders with a dot are the user's, checked out the old way; others belong to Go.
    let below = file.split_once("/go/src/").map(|(_, rest)| rest).or_else(|| file.strip_prefix("go/src/"));
    match below.and_then(|rest| rest.split_once('/')) {
        Some((folder, _)) => folder.contains('.'),
        // With `-trimpath` the file is named by its package alone.
        None => file.starts_with('/') || file.get(1..2) == Some(":") || !is_standard(function, &file),
    }
}

/// Whether a file without folders before it lies in the package of its function, whose path has no dot, as `net/http`.
fn is_standard(function: &str, file: &str) -> bool {
    const FOLDERS: [&str; 24] = [
        "bufio", "bytes", "compress", "context", "crypto", "database", "encoding", "errors", "fmt",
        "internal", "io", "log", "math", "net", "os", "reflect", "regexp", "runtime", "slices", "sort",
        "strconv", "strings", "sync", "syscall",
    ];
    let Some((folder, _)) = file.rsplit_once('/') else { return false };
    function.starts_with(folder) && FOLDERS.contains(&folder.split('/').next().unwrap_or(folder))
}

/// False for Node itself, installed packages and code without a file.
pub(super) fn javascript(file: &str) -> bool {
    const FOREIGN: [&str; 5] = ["node:", "internal/", "webpack/bootstrap", "native", "<anonymous>"];
    let path = file.replace('\\', "/");
    // Before version 16, Node's own files stood there by name alone.
    let bare = !path.contains(['/', ':'])
        && ["module.js", "events.js", "net.js", "timers.js", "fs.js", "vm.js", "_http_server.js"]
            .contains(&path.as_str());
    let known = FOREIGN.iter().any(|start| path.starts_with(start)) || path.contains("/webpack/bootstrap");
    let installed = path.contains("node_modules/")
        || path.contains("/~/")
        || path.contains("/.yarn/")
        || path.contains("/bower_components/");
    path.contains('.') && !bare && !known && !installed
}

/// Crates of the toolchain and of common frameworks, which frames without a file are judged by.
const RUST: &[&str] = &[
    "std",
    "core",
    "alloc",
    "test",
    "proc_macro",
    "backtrace",
    "__rustc",
    "tokio",
    "hyper",
    "hyper_util",
    "axum",
    "actix",
    "actix_web",
    "actix_rt",
    "tower",
    "futures",
    "futures_util",
    "futures_core",
    "futures_executor",
    "rayon",
    "rayon_core",
    "reqwest",
    "rocket",
    "warp",
    "tracing",
    "sqlx",
];

/// Whether a function belongs to a known crate; `<Type as Trait>::name` counts by its type.
fn is_foreign(function: &str) -> bool {
    let path = function.trim_start_matches(['<', '&', '_', '[']);
    let name = path.split("::").next().unwrap_or(path);
    RUST.contains(&name)
        || RUST.contains(&function.split("::").next().unwrap_or(function))
        || !function.contains("::")
}

/// By file, or by crate where there is none.
pub(super) fn rust(function: Option<&str>, file: Option<&str>) -> bool {
    const FOLDERS: &[&str] =
        &["/rustc/", "/.cargo/", "/cargo/registry/", "/cargo/git/", "/lib/rustlib/", "/vendor/"];
    match file {
        Some(file) => {
            let path = file.replace('\\', "/");
            !FOLDERS.iter().any(|folder| path.contains(folder)) && !path.starts_with("library/")
        }
        None => !function.is_some_and(is_foreign),
    }
}
/// By library and function: symbols that no file is known of count by the library they lie in.
pub(super) fn native(function: &str, file: Option<&str>, module: Option<&str>) -> bool {
    const FOLDERS: &[&str] = &[
        "/usr/include/",
        "/usr/lib/",
        "/lib/",
        "/lib64/",
        "/usr/lib64/",
        "/usr/local/include/",
        "/build/glibc",
        "/sysdeps/",
        "../sysdeps/",
        "/compiler-rt/",
        "/libsanitizer/",
        "sanitizer_common",
        "/bits/",
        "/libstdc++",
        "/libc++",
        "/gcc/",
        "/glibc",
        "./csu/",
        "../csu/",
        "./nptl/",
        "./stdlib/",
        "./malloc/",
        "/nptl/",
        "/system/lib",
        "/apex/",
        "/vcpkg/",
        "/conan/",
        "/Xcode",
        "/usr/src/debug/",
    ];
    const FUNCTIONS: &[&str] = &[
        "std::",
        "__gnu_cxx::",
        "__cxxabiv1::",
        "boost::",
        "__asan",
        "__interceptor_",
        "__sanitizer",
        "__tsan",
        "__ubsan",
        "__lsan",
        "__libc_",
        "__GI_",
        "__restore_rt",
        "__cxa_",
        "__assert_",
        "absl::",
        "folly::",
        "google::",
        "testing::",
        "operator new",
        "operator delete",
        "_dl_",
        "__pthread",
        "_IO_",
        "__gthread",
        "asan_",
        "decltype (",
        "gsignal",
        "fmt::",
    ];
    const NAMES: &[&str] = &[
        "_start",
        "start_thread",
        "clone",
        "clone3",
        "raise",
        "abort",
        "malloc",
        "free",
        "calloc",
        "realloc",
        "memcpy",
        "memmove",
        "memset",
        "strlen",
        "strcpy",
        "__stack_chk_fail",
        "??",
        "start",
        "kill",
    ];
    let within = |path: &str| FOLDERS.iter().any(|folder| path.contains(folder));
    let bare = function.split(['(', '@']).next().unwrap_or(function);
    !FUNCTIONS.iter().any(|start| function.starts_with(start))
        && !NAMES.contains(&bare)
        && match (file, module) {
            (Some(file), _) => !within(file),
            (None, Some(module)) => !within(module) && !module.contains(".so") && !module.starts_with('<'),
            (None, None) => true,
        }
}

/// By application: Elixir names it before the file, unless the file is the project's own script.
pub(super) fn elixir(module: Option<&str>, file: Option<&str>) -> bool {
    const FOREIGN: &[&str] = &[
        "elixir",
        "stdlib",
        "kernel",
        "erts",
        "logger",
        "ex_unit",
        "mix",
        "iex",
        "phoenix",
        "phoenix_live_view",
        "phoenix_html",
        "phoenix_pubsub",
        "ecto",
        "ecto_sql",
        "postgrex",
        "db_connection",
        "plug",
        "plug_cowboy",
        "cowboy",
        "cowlib",
        "ranch",
        "bandit",
        "thousand_island",
        "jason",
        "poison",
        "oban",
        "broadway",
        "gen_stage",
        "telemetry",
        "finch",
        "mint",
        "tesla",
        "httpoison",
        "hackney",
        "absinthe",
        "crypto",
        "ssl",
        "inets",
        "eex",
    ];
    let name = module.and_then(|module| module.split(' ').next());
    !name.is_some_and(|name| FOREIGN.contains(&name))
        && !file.is_some_and(|file| file.starts_with("deps/") || file.contains("/deps/"))
}
