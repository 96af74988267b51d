//! What an application needs beside it, and the variables that it reads: from dependencies, names and code that is seen.

use std::collections::BTreeMap;

use super::{
    Application, Evidence, HealthPath, Service, ServiceKind, Variable, WarningCode, folder::Folder, read,
    shell,
};

/// Dependencies that talk to a service, in any language.
const CLIENTS: &[(&str, ServiceKind)] = &[
    ("pg", ServiceKind::Postgres),
    ("postgres", ServiceKind::Postgres),
    ("pg-promise", ServiceKind::Postgres),
    ("@neondatabase/serverless", ServiceKind::Postgres),
    ("@prisma/adapter-pg", ServiceKind::Postgres),
    ("psycopg", ServiceKind::Postgres),
    ("psycopg2", ServiceKind::Postgres),
    ("psycopg2-binary", ServiceKind::Postgres),
    ("asyncpg", ServiceKind::Postgres),
    ("github.com/lib/pq", ServiceKind::Postgres),
    ("postgrex", ServiceKind::Postgres),
    ("github.com/jackc/pgx", ServiceKind::Postgres),
    ("tokio-postgres", ServiceKind::Postgres),
    ("gorm.io/driver/postgres", ServiceKind::Postgres),
    ("sqlx/postgres", ServiceKind::Postgres),
    ("diesel/postgres", ServiceKind::Postgres),
    ("postgresql", ServiceKind::Postgres),
    ("Npgsql", ServiceKind::Postgres),
    ("Npgsql.EntityFrameworkCore.PostgreSQL", ServiceKind::Postgres),
    ("mysql", ServiceKind::Mysql),
    ("mysql2", ServiceKind::Mysql),
    ("mariadb", ServiceKind::Mysql),
    ("mysqlclient", ServiceKind::Mysql),
    ("pymysql", ServiceKind::Mysql),
    ("aiomysql", ServiceKind::Mysql),
    ("github.com/go-sql-driver/mysql", ServiceKind::Mysql),
    ("gorm.io/driver/mysql", ServiceKind::Mysql),
    ("mysql_async", ServiceKind::Mysql),
    ("sqlx/mysql", ServiceKind::Mysql),
    ("mysql-connector-j", ServiceKind::Mysql),
    ("myxql", ServiceKind::Mysql),
    ("Pomelo.EntityFrameworkCore.MySql", ServiceKind::Mysql),
    ("redis", ServiceKind::Redis),
    ("ioredis", ServiceKind::Redis),
    ("bullmq", ServiceKind::Redis),
    ("bull", ServiceKind::Redis),
    ("connect-redis", ServiceKind::Redis),
    ("django-redis", ServiceKind::Redis),
    ("sidekiq", ServiceKind::Redis),
    ("rq", ServiceKind::Redis),
    ("predis/predis", ServiceKind::Redis),
    ("github.com/redis/go-redis", ServiceKind::Redis),
    ("github.com/go-redis/redis", ServiceKind::Redis),
    ("fred", ServiceKind::Redis),
    ("redix", ServiceKind::Redis),
    ("StackExchange.Redis", ServiceKind::Redis),
    ("spring-boot-starter-data-redis", ServiceKind::Redis),
    ("redis-rails", ServiceKind::Redis),
    ("mongodb", ServiceKind::Mongodb),
    ("mongoose", ServiceKind::Mongodb),
    ("pymongo", ServiceKind::Mongodb),
    ("motor", ServiceKind::Mongodb),
    ("mongoengine", ServiceKind::Mongodb),
    ("mongoid", ServiceKind::Mongodb),
    ("go.mongodb.org/mongo-driver", ServiceKind::Mongodb),
    ("MongoDB.Driver", ServiceKind::Mongodb),
    ("spring-boot-starter-data-mongodb", ServiceKind::Mongodb),
    ("amqplib", ServiceKind::Rabbitmq),
    ("amqp", ServiceKind::Rabbitmq),
    ("pika", ServiceKind::Rabbitmq),
    ("aio-pika", ServiceKind::Rabbitmq),
    ("github.com/rabbitmq/amqp091-go", ServiceKind::Rabbitmq),
    ("lapin", ServiceKind::Rabbitmq),
    ("bunny", ServiceKind::Rabbitmq),
    ("RabbitMQ.Client", ServiceKind::Rabbitmq),
    ("spring-boot-starter-amqp", ServiceKind::Rabbitmq),
    ("kafkajs", ServiceKind::Kafka),
    ("kafka-python", ServiceKind::Kafka),
    ("confluent-kafka", ServiceKind::Kafka),
    ("aiokafka", ServiceKind::Kafka),
    ("rdkafka", ServiceKind::Kafka),
    ("github.com/segmentio/kafka-go", ServiceKind::Kafka),
    ("spring-kafka", ServiceKind::Kafka),
    ("Confluent.Kafka", ServiceKind::Kafka),
    ("nats", ServiceKind::Nats),
    ("nats-py", ServiceKind::Nats),
    ("async-nats", ServiceKind::Nats),
    ("github.com/nats-io/nats.go", ServiceKind::Nats),
    ("@elastic/elasticsearch", ServiceKind::Elasticsearch),
    ("elasticsearch", ServiceKind::Elasticsearch),
    ("searchkick", ServiceKind::Elasticsearch),
    ("memjs", ServiceKind::Memcached),
    ("pymemcache", ServiceKind::Memcached),
    ("dalli", ServiceKind::Memcached),
    ("@clickhouse/client", ServiceKind::Clickhouse),
    ("clickhouse-connect", ServiceKind::Clickhouse),
    ("mssql", ServiceKind::Sqlserver),
    ("tedious", ServiceKind::Sqlserver),
    ("pyodbc", ServiceKind::Sqlserver),
    ("Microsoft.EntityFrameworkCore.SqlServer", ServiceKind::Sqlserver),
    ("@aws-sdk/client-s3", ServiceKind::S3),
    ("minio", ServiceKind::S3),
    ("boto3", ServiceKind::S3),
    ("django-storages", ServiceKind::S3),
    ("github.com/aws/aws-sdk-go-v2/service/s3", ServiceKind::S3),
    ("aws-sdk-s3", ServiceKind::S3),
    ("league/flysystem-aws-s3-v3", ServiceKind::S3),
    ("ex_aws_s3", ServiceKind::S3),
    ("nodemailer", ServiceKind::Smtp),
];

/// Parts of names of variables that stand for a service.
const NAMES: &[(&str, ServiceKind)] = &[
    ("POSTGRES", ServiceKind::Postgres),
    ("PGHOST", ServiceKind::Postgres),
    ("PG_HOST", ServiceKind::Postgres),
    ("MYSQL", ServiceKind::Mysql),
    ("MARIADB", ServiceKind::Mysql),
    ("REDIS_", ServiceKind::Redis),
    ("MONGO", ServiceKind::Mongodb),
    ("RABBITMQ", ServiceKind::Rabbitmq),
    ("AMQP_", ServiceKind::Rabbitmq),
    ("KAFKA_", ServiceKind::Kafka),
    ("NATS_", ServiceKind::Nats),
    ("ELASTICSEARCH_", ServiceKind::Elasticsearch),
    ("MEMCACHE", ServiceKind::Memcached),
    ("CLICKHOUSE", ServiceKind::Clickhouse),
    ("S3_", ServiceKind::S3),
    ("AWS_BUCKET", ServiceKind::S3),
    ("SMTP_", ServiceKind::Smtp),
    ("MAIL_HOST", ServiceKind::Smtp),
];

/// Images of services in compose files.
const IMAGES: &[(&str, ServiceKind)] = &[
    ("postgres", ServiceKind::Postgres),
    ("postgis", ServiceKind::Postgres),
    ("timescaledb", ServiceKind::Postgres),
    ("pgvector", ServiceKind::Postgres),
    ("mysql", ServiceKind::Mysql),
    ("mariadb", ServiceKind::Mysql),
    ("redis", ServiceKind::Redis),
    ("valkey", ServiceKind::Redis),
    ("mongo", ServiceKind::Mongodb),
    ("rabbitmq", ServiceKind::Rabbitmq),
    ("kafka", ServiceKind::Kafka),
    ("nats", ServiceKind::Nats),
    ("elasticsearch", ServiceKind::Elasticsearch),
    ("opensearch", ServiceKind::Elasticsearch),
    ("memcached", ServiceKind::Memcached),
    ("clickhouse-server", ServiceKind::Clickhouse),
    ("minio", ServiceKind::S3),
    ("mailpit", ServiceKind::Smtp),
    ("mailhog", ServiceKind::Smtp),
];

/// The service whose image this is.
pub(super) fn service_of_image(image: &str) -> Option<ServiceKind> {
    let name = image.rsplit('/').next().unwrap_or(image).split([':', '@']).next().unwrap_or_default();
    IMAGES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

pub(super) const EXAMPLES: [&str; 5] =
    [".env.example", ".env.sample", ".env.template", ".env.dist", "env.example"];

/// How code reads a variable: what stands before its name. The name is in quotes behind those that end with a bracket.
const READS: [&str; 17] = [
    "process.env.",
    "process.env[",
    "import.meta.env.",
    "Bun.env.",
    "Deno.env.get(",
    "os.environ[",
    "os.environ.get(",
    "os.getenv(",
    "os.Getenv(",
    "os.LookupEnv(",
    "env::var(",
    "ENV[",
    "ENV.fetch(",
    "System.getenv(",
    "System.get_env(",
    "System.fetch_env!(",
    "Environment.GetEnvironmentVariable(",
];

/// Variables that frameworks and builds set.
const OWN: [&str; 9] = ["NODE_ENV", "PATH", "HOME", "DEV", "PROD", "MODE", "SSR", "BASE_URL", "CI"];

impl Application {
    /// The services whose clients are among these dependencies, each with the file that names it.
    pub(super) fn depends_on<'d>(&mut self, dependencies: impl IntoIterator<Item = &'d str>, file: &str) {
        for dependency in dependencies {
            let known = CLIENTS.iter().find(|(name, _)| {
                *name == dependency
                    // A Go module may end with its major version.
                    || dependency.strip_prefix(name).is_some_and(|rest| rest.starts_with("/v"))
            });
            if let Some((_, kind)) = known {
                self.needs(*kind, file, format!("the dependency {dependency}"));
            }
        }
    }

    pub(super) fn needs(&mut self, kind: ServiceKind, file: &str, seen: String) {
        let reason = Evidence { file: file.to_owned(), seen };
        match self.services.iter_mut().find(|service| service.kind == kind) {
            Some(service) if service.reasons.contains(&reason) => {}
            Some(service) => service.reasons.push(reason),
            None => self.services.push(Service { kind, reasons: vec![reason] }),
        }
    }
}

/// Looks at everything that is not a matter of one language: variables, services by their names, the port and the health path in code,
/// and the Procfile. `code` are the files whose texts are the application's.
pub(super) fn look(app: &mut Application, folder: &Folder<'_>, code: &[String]) {
    let mut variables: BTreeMap<String, String> = BTreeMap::new();
    let mut port_of_example = None;
    for name in EXAMPLES {
        for line in folder.text(name).into_iter().flat_map(str::lines) {
            let line = line.trim().trim_start_matches("export ").trim_start_matches('#').trim();
            let Some((variable, value)) = line.split_once('=') else { continue };
            if is_variable(variable.trim()) {
                variables.entry(variable.trim().to_owned()).or_insert_with(|| folder.full(name));
                if variable.trim() == "PORT" {
                    port_of_example = read::number(value).map(|port| (port, folder.full(name)));
                }
                database(app, variable.trim(), value, &folder.full(name));
            }
        }
    }
    for file in code {
        let Some(text) = folder.text(file) else { continue };
        for name in names_in(text) {
            variables.entry(name).or_insert_with(|| folder.full(file));
        }
        if let Some(port) = port_in(text) {
            app.listens_on(port, folder.full(file));
        }
        if app.health.is_none() {
            app.health = health_in(text).map(|path| HealthPath { path, source: folder.full(file) });
        }
    }
    if let Some((port, file)) = port_of_example {
        app.listens_on(port, format!("PORT in {file}"));
    }
    if app.health.is_none() {
        app.health = health_route(folder);
    }
    for (name, source) in &variables {
        let of_service =
            NAMES.iter().find(|(part, _)| name.starts_with(part) || name.contains(&format!("_{part}")));
        if let Some((_, kind)) = of_service {
            app.needs(*kind, source, format!("the variable {name}"));
        }
    }
    // Those of a manifest are known already.
    variables.retain(|name, _| {
        !OWN.contains(&name.as_str()) && app.variables.iter().all(|known| known.name != *name)
    });
    let found = variables.into_iter().map(|(name, source)| Variable {
        secret: is_secret(&name),
        at_build: at_build(&name),
        name,
        source,
    });
    app.variables.extend(found);
    app.variables.sort_by(|one, other| one.name.cmp(&other.name));
    app.services.sort_by_key(|service| service.kind);
}

/// What the example of a database's address says.
fn database(app: &mut Application, name: &str, value: &str, file: &str) {
    if !name.contains("DATABASE")
        && !name.contains("DB_")
        && !name.ends_with("_URL")
        && name != "DATABASE_URL"
    {
        return;
    }
    let value = value.trim().trim_matches(['"', '\'']);
    let scheme = value.split("://").next().unwrap_or_default().split('+').next().unwrap_or_default();
    let kind = match scheme {
        "postgres" | "postgresql" | "postgis" | "pgsql" => ServiceKind::Postgres,
        "mysql" | "mysql2" | "mariadb" => ServiceKind::Mysql,
        "mongodb" => ServiceKind::Mongodb,
        "redis" | "rediss" => ServiceKind::Redis,
        "amqp" | "amqps" => ServiceKind::Rabbitmq,
        "sqlserver" => ServiceKind::Sqlserver,
        _ => return,
    };
    app.needs(kind, file, format!("the variable {name}"));
}

fn is_variable(name: &str) -> bool {
    name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_uppercase() || c == '_')
        && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

fn is_secret(name: &str) -> bool {
    let parts =
        ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "_KEY", "PRIVATE", "CREDENTIAL", "DATABASE_URL", "_DSN"];
    !at_build(name)
        && (parts.iter().any(|part| name.contains(part)) || name.ends_with("_PASS") || name == "MONGO_URL")
}

fn at_build(name: &str) -> bool {
    ["VITE_", "NEXT_PUBLIC_", "REACT_APP_", "PUBLIC_", "NUXT_PUBLIC_", "GATSBY_", "EXPO_PUBLIC_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

fn names_in(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for before in READS {
        for (at, _) in text.match_indices(before) {
            let rest = &text[at + before.len()..];
            let rest = if before.ends_with(['[', '(']) {
                match rest.strip_prefix(['"', '\'']) {
                    Some(rest) => rest,
                    None => continue,
                }
            } else {
                rest
            };
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            if is_variable(&rest[..end]) {
                names.push(rest[..end].to_owned());
            }
        }
    }
    names
}

/// What code does to listen, as far as a number stands there.
fn port_in(text: &str) -> Option<u16> {
    const BEFORE: [&str; 25] = [
        ".listen(",
        "process.env.PORT ||",
        "process.env.PORT ??",
        "process.env['PORT'] ||",
        "env.PORT ??",
        "env.PORT ||",
        "PORT\", ",
        "PORT', ",
        "ListenAndServe(\":",
        "ListenAndServe(\"0.0.0.0:",
        ".Run(\":",
        ".Start(\":",
        ".Listen(\":",
        "\"0.0.0.0:",
        "server.port=",
        "port=",
        "port: ",
        "[::]:",
        "const port =",
        "PORT =",
        "'0.0.0.0:",
        "'0.0.0.0', ",
        "\"0.0.0.0\", ",
        "('', ",
        "(\"\", ",
    ];
    BEFORE.iter().find_map(|before| {
        text.match_indices(before).find_map(|(at, _)| {
            let rest = text[at + before.len()..].trim_start().trim_start_matches(['"', '\'']);
            let listens = |port: &u16| *port == 80 || *port >= 1000;
            let ends = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            // `3000.5` and `3000ms` are no ports.
            let whole = !ends.starts_with(|c: char| c.is_alphanumeric() || c == '.' || c == '_');
            read::number(rest).filter(listens).filter(|_| whole)
        })
    })
}

const HEALTH: [&str; 12] = [
    "/healthz",
    "/health/live",
    "/health",
    "/api/healthz",
    "/api/health",
    "/livez",
    "/readyz",
    "/up",
    "/status/health",
    "/healthcheck",
    "/_health",
    "/ping",
];

fn health_in(text: &str) -> Option<String> {
    let quoted = |path: &&str| {
        ['"', '\'', '`'].iter().any(|quote| {
            text.contains(&format!("{quote}{path}{quote}"))
                || text.contains(&format!("{quote}GET {path}{quote}"))
        })
    };
    if text.contains("rails/health#show") && text.contains("\"up\"") {
        return Some("/up".to_owned());
    }
    HEALTH.iter().find(|path| quoted(path)).map(|path| (*path).to_owned())
}

/// The health path of frameworks in which a file is a route.
fn health_route(folder: &Folder<'_>) -> Option<HealthPath> {
    let routes = ["app/", "src/app/", "pages/", "src/pages/", "src/routes/", "app/routes/", "server/"];
    let path = |file: &str| {
        let prefix = routes.iter().find(|prefix| file.starts_with(**prefix))?;
        let route = file.strip_prefix(prefix)?.trim_start_matches("routes/");
        let route = route
            .trim_end_matches(|c| c != '.' && c != '/')
            .trim_end_matches('.')
            .trim_end_matches("/route")
            .trim_end_matches("/+server")
            .trim_end_matches(".get");
        let route = format!("/{route}");
        HEALTH.contains(&route.as_str()).then_some(route)
    };
    folder
        .below()
        .filter(|file| file.contains("health") || file.contains("ping"))
        .find_map(|file| Some(HealthPath { path: path(file)?, source: folder.full(file) }))
}

/// The command that a Procfile has for the web.
fn web<'a>(folder: &Folder<'a>) -> Option<&'a str> {
    let mut lines = folder.text("Procfile")?.lines();
    lines.find_map(|line| line.strip_prefix("web:").map(str::trim).filter(|line| !line.is_empty()))
}

/// Whether a Procfile says how the web is started.
pub(super) fn has_web(folder: &Folder<'_>) -> bool {
    web(folder).is_some()
}

/// Takes the command of the Procfile.
pub(super) fn procfile(app: &mut Application, folder: &Folder<'_>) {
    if let Some(web) = web(folder) {
        app.because(folder.full("Procfile"), format!("web is started with `{web}`"));
        app.start = Some(web.to_owned());
        app.warnings
            .retain(|warning| !matches!(warning.code, WarningCode::NoStart | WarningCode::DevelopmentServer));
        if let Some(port) = shell::port(web) {
            app.port = None;
            app.listens_on(port, folder.full("Procfile"));
        }
    }
}
